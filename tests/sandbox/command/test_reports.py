"""What comes back of a command of the user's: what it printed, and its report."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.sandbox.command import REPORT, CommandLimits
from tests.sandbox.cell import LINUX
from tests.sandbox.command.runner import Runner

pytestmark = pytest.mark.skipif(not LINUX, reason="commands are confined on Linux only")


async def test_output_is_cut_in_the_middle_and_ended_where_it_is_too_much(run: Runner) -> None:
    done = await run("sh", "-c", "echo first; head -c 300000 /dev/zero | tr '\\0' x; echo last")
    assert done.output.startswith("first\n")
    assert done.output.endswith("last\n")
    assert "bytes left out" in done.output
    assert len(done.output) < 100_000
    assert (await run("yes", limits=CommandLimits(seconds=60, output_mb=2))).ended == "output"


async def test_what_is_written_to_the_report_comes_back_all_of_it(run: Runner) -> None:
    text = f"f={REPORT}; echo one >$f; head -c 200000 /dev/zero >$f; rm -f $f; echo two >$f; echo printed"
    done = await run("sh", "-c", text)
    assert done.report.startswith(b"one\n")
    assert done.report.endswith(b"two\n")
    assert len(done.report) == 200_008
    assert "printed" in done.output


READ_IT = f"""
import contextlib, os
for path in ("{REPORT}", "/proc/self/fd/" + str(os.open("{REPORT}", os.O_WRONLY))):
    with contextlib.suppress(OSError):
        os.chmod(path, 0o666)
    for flags in (os.O_RDONLY, os.O_RDWR):
        with contextlib.suppress(OSError):
            os.open(path, flags | os.O_NONBLOCK)
            print("open to be read")
with contextlib.suppress(OSError):
    os.unlink("{REPORT}")
with contextlib.suppress(OSError):
    os.rename("other", "{REPORT}")
"""


async def test_nothing_takes_back_what_is_written_to_the_report(run: Runner, place: Path) -> None:
    (place / "copy" / "other").write_text("forged")
    done = await run("sh", "-c", f'echo one >{REPORT}; python -c "$0"; echo two >{REPORT}', READ_IT)
    assert (done.report, done.output) == (b"one\ntwo\n", "")


async def test_a_report_without_end_ends_it(run: Runner) -> None:
    done = await run("sh", "-c", f"yes >{REPORT}", limits=CommandLimits(seconds=5, output_mb=2))
    assert done.ended == "output"
