"""Edits and code that would get round a project's tests, or out of its copy."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from orchestrator.strategies.verifiers.project.trial import Baseline, Trial

from .mending import BAD, CALC, FILES, GOOD, REAL, RUNNER, checked, project, whole

pytestmark = REAL

SKIP_ALL = """\
import pytest

def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.skip)
"""
HOOK = "import pytest\n\n\n@pytest.hookimpl(tryfirst=True)\ndef pytest_pyfunc_call(pyfuncitem):\n    return True\n"


@pytest.mark.parametrize(
    "more",
    [
        "*** Begin Patch\n*** Delete File: tests/test_calc.py\n*** End Patch",
        whole("def test_add():\n    pass\n", "tests/test_calc.py"),
        whole(SKIP_ALL, "conftest.py"),
        whole(HOOK, "tests/conftest.py"),
        whole("[pytest]\naddopts = --collect-only\n", "pytest.ini"),
        whole("[tool:pytest]\naddopts = -k nothing\n", "setup.cfg"),
        whole("[tool.pytest.ini_options]\naddopts = '-k nothing'\n", "pyproject.toml"),
        whole("raise SystemExit(0)\n", "pytest.py"),
        whole("import os\nos._exit(0)\n", "sitecustomize.py"),
    ],
    ids=["delete-test", "test", "conftest", "nested-conftest", "ini", "cfg", "toml", "pytest.py", "sitecustomize"],
)
async def test_edits_of_tests_and_of_what_configures_them_do_not_count(common: Path, more: str) -> None:
    found = await checked(common, whole(BAD) + more)
    assert (found.passed, found.score) == (False, 0.25)
    assert "3 failed" in found.reason


FAKE = """\
import sys
PASSED = '<testsuites><testsuite name="pytest">' + "".join(
    f'<testcase classname="tests.test_calc" name="test_{name}"/>' for name in ("add", "zero[0]", "zero[5]", "later")
) + "</testsuite></testsuites>"
WHERE = next(word.partition("=")[2] for word in sys.argv if word.startswith("--junit-xml="))
"""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("import os\nos._exit(0)\n", "wrote no report, and ended with status 0"),
        ("raise SystemExit(0)\n", "4 not in the report"),
        ("import os\nos.kill(os.getpid(), 9)\n", "was killed by signal 9"),
        ("import pytest\npytest.exit('done', 0)\n", "not in the report"),
        ("import pytest\npytest.skip('no', allow_module_level=True)\n", "not in the report"),
        ("def add(a, b):\n    import pytest\n    pytest.skip()\n", "3 skipped, though the unedited project runs them"),
        ("def add(a, b):\n    import os\n    os._exit(0)\n", "wrote no report"),
        (f"{FAKE}print(PASSED)\ndef add(a, b): return 7\n", "3 failed"),
        (f"{FAKE}open(WHERE, 'w').write(PASSED)\ndef add(a, b): return 7\n", "not one XML document"),
        (f"{FAKE}import os\nos.unlink(WHERE)\n", "1 failed: tests.test_calc"),
        (f"open('tests/test_calc.py', 'w').write('x = 1')\n{GOOD}", "the run changed tests/test_calc.py"),
    ],
    ids=[
        "_exit", "exit", "kill", "pytest.exit", "skip-module", "skip-test", "_exit-in-test", "printed", "second-report",
        "unlinked-report", "rewritten-test",
    ],
)  # fmt: skip
async def test_code_that_gets_round_its_tests_fails(common: Path, text: str, says: str) -> None:
    found = await checked(common, whole(text))
    assert not found.passed
    assert says in found.reason


async def test_a_forgery_from_within_the_tests_process_is_what_cooperative_warns_of(common: Path) -> None:
    text = f"{FAKE}import os\nwith open(WHERE, 'w') as file:\n    file.write(PASSED)\nos._exit(0)\n"
    found = await checked(common, whole(text))
    assert (found.passed, found.cooperative) == (True, True)


async def test_code_cannot_write_outside_nor_read_what_lies_there(common: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("secret")
    text = f"""\
import contextlib, pathlib
for path in ({str(victim)!r}, {str(common / "conftest.py")!r}, "../victim", "/usr/victim"):
    with contextlib.suppress(OSError):
        assert pathlib.Path(path).read_text() == ""
    with contextlib.suppress(OSError):
        pathlib.Path(path).write_text("")
"""
    assert (await checked(common, whole(text + GOOD))).passed
    assert victim.read_text() == "secret"


READ_LINK = """\
import os
assert os.path.islink("link")
try:
    open("link/secret.py")
except OSError:
    pass
else:
    raise SystemExit(1)
"""


async def test_links_of_the_project_lead_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    secret = tmp_path / "outside" / "secret.py"
    secret.write_text("SECRET = 1\n")
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path / "outside")
    project(folder, FILES)
    found = await checked(folder, whole("x = 1\n", "link/secret.py"))
    assert found.reason == "link/secret.py leads through the link link"
    text = f"{READ_LINK}\n{GOOD}"
    assert (await checked(folder, whole(text), "python -m pytest -q tests")).passed
    assert secret.read_text() == "SECRET = 1\n"


def running(word: str) -> list[str]:
    """Processes that have a word among their arguments."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        found += [process.name] if word.encode() in words else []
    return found


async def test_what_the_code_starts_ends_with_its_tests(common: Path) -> None:
    word = f"1000.{os.getpid()}"
    text = f"import subprocess\nsubprocess.Popen(['setsid', '-f', 'sleep', {word!r}]).wait()\n"
    assert (await checked(common, whole(text + GOOD))).passed
    assert await asyncio.to_thread(running, word) == []


async def test_the_network_is_out_of_reach(common: Path) -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        text = f"import socket\nsocket.create_connection(('127.0.0.1', {port}), timeout=30)\n"
        found = await checked(common, whole(text + GOOD))
    assert "1 failed: tests.test_calc" in found.reason


async def test_an_endless_loop_ends_at_the_time_out(common: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def known(self: Trial, state: object, box: object) -> Baseline:
        return Baseline({"t": ("passed",)}, frozenset(), "")

    monkeypatch.setattr(Trial, "baseline", known)  # as no run of pytest is sure to be done in two seconds
    found = await checked(common, whole("while True:\n    pass\n"), timeout=2)
    assert found.reason == "the command was not done after 2 s"


async def test_a_script_of_the_project_is_what_runs_and_cannot_be_edited(tmp_path: Path) -> None:
    script = "#!/usr/bin/env python\n" + RUNNER
    folder = project(tmp_path, {"calc.py": CALC, "check": script})
    (folder / "check").chmod(0o755)
    assert (await checked(folder, whole(GOOD), "./check {report}")).passed
    forged = script.replace("outcome = ", "outcome = '' and ")
    assert not (await checked(folder, whole(BAD) + whole(forged, "./check"), "./check {report}")).passed
