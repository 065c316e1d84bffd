"""A project's own tests on a copy with a candidate's edits: real projects, real runs of pytest."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from orchestrator import asolve
from orchestrator.config import load
from orchestrator.errors import ConfigError, SandboxUnavailable, VerifierError
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.registry import build
from orchestrator.sandbox import Sandbox
from orchestrator.strategies.verifiers.project.trial import Baseline, Trial
from orchestrator.types import Candidate, Message, Problem, Verdict

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="commands are confined on Linux only")

ASKED = Problem("p", (Message("user", "Mend add."),), "text")
RUN: Any = SimpleNamespace(sandbox=Sandbox())
CALC = "def add(a, b):\n    return a - b\n"
TESTS = """\
import pytest
from calc import add


def test_add():
    assert add(1, 2) == 3


@pytest.mark.parametrize("x", [0, 5])
def test_zero(x):
    assert add(x, 0) == x


@pytest.mark.skip
def test_later():
    assert add(0, 0) == 1
"""
FILES = {"calc.py": CALC, "tests/test_calc.py": TESTS, "conftest.py": "", "setup.cfg": "[metadata]\nname = calc\n"}
GOOD = "def add(a, b):\n    return a + b\n"

Check = Callable[..., Awaitable[Verdict]]


def whole(text: str, path: str = "calc.py") -> str:
    return f"{path}\n```python\n{text}```\n"


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)


def project(folder: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    git(folder, "init", "-q")
    git(folder, "add", ".")
    return folder


@pytest.fixture(autouse=True, scope="module")
def no_plugins() -> Any:
    """pytest starts twice as fast without the plugins that this project has installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        yield


@pytest.fixture(scope="module")
def common(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project of most tests, which leave it as it is: its baseline is run once."""
    return project(tmp_path_factory.mktemp("project"), FILES)


def verifier(folder: Path, command: str = "python -m pytest -q", **more: object) -> Any:
    settings = {"command": command, "folder": str(folder), "pass_env": ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"], **more}
    return build("verifiers", "project_tests", settings)


async def checked(folder: Path, reply: str, command: str = "python -m pytest -q", **more: object) -> Verdict:
    candidate = Candidate("0", "p", reply, reply, reply, "e", "s", (0,))
    found: Verdict = await verifier(folder, command, **more)(ASKED, candidate, RUN)
    assert found.verifier == "project_tests"
    assert found.cooperative
    assert "\n" not in found.reason
    return found


async def test_an_edit_with_which_all_tests_pass_passes_and_is_cooperative(common: Path) -> None:
    found = await checked(common, f"I mend it.\n{whole(GOOD)}")
    assert (found.passed, found.score, found.reason) == (True, 1.0, "4 of 4 tests passed")
    assert (common / "calc.py").read_text() == CALC
    assert sorted(os.listdir(common)) == [".git", *sorted({path.split("/")[0] for path in FILES})]


async def test_an_edit_with_which_tests_fail_fails_with_their_share(common: Path) -> None:
    found = await checked(common, whole("def add(a, b):\n    return a * b\n"))
    assert (found.passed, found.score) == (False, 0.5)
    assert found.reason == "2 of 4 tests passed; 2 failed: tests.test_calc::test_add, tests.test_calc::test_zero[5]"


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        ("Nothing is wrong.", "there are no edits in the reply"),
        (whole("x", "../calc.py"), "outside the project"),
        (whole("x", ".git/hooks/post-checkout.py"), "lies in .git"),
        (whole("def test_add():\n    pass\n", "tests/test_calc.py"), "nothing but test and configuration files"),
        ("*** Begin Patch\n*** Delete File: tests/test_calc.py\n*** End Patch", "nothing but test and configuration"),
        (whole(CALC), "the edits change nothing"),
        (whole("calc.py\n<<<<<<< SEARCH\nnone\n=======\n>>>>>>> REPLACE\n"), "are not there"),
    ],
    ids=["none", "outside", "git", "test", "test-deleted", "nothing", "not-there"],
)
async def test_other_edits_fail_without_a_run(common: Path, reply: str, says: str) -> None:
    found = await checked(common, reply)
    assert (found.passed, found.score) == (False, 0.0)
    assert says in found.reason


BAD = "def add(a, b):\n    return 7\n"
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


# -- what is run when -----------------------------------------------------------------------


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The commands that are run."""
    found: list[tuple[str, ...]] = []
    run_command = Sandbox.command

    async def noted(box: Sandbox, command: Any, *rest: Any) -> Any:
        found.append(command.argv)
        return await run_command(box, command, *rest)

    monkeypatch.setattr(Sandbox, "command", noted)
    return found


async def test_the_unedited_project_runs_once_and_equal_edits_run_once(
    tmp_path: Path, runs: list[tuple[str, ...]]
) -> None:
    folder = project(tmp_path, FILES)
    replies = [whole(GOOD), f"Again:\n{whole(GOOD)}", whole(BAD), whole(GOOD)]
    found = await asyncio.gather(*(checked(folder, reply) for reply in replies))
    assert [one.passed for one in found] == [True, True, False, True]
    assert len(runs) == 3
    assert sum("--maxfail=0" in argv for argv in runs) == 1
    (folder / "calc.py").write_text(f"{CALC}\n")
    assert (await checked(folder, whole(GOOD))).passed
    assert len(runs) == 5


async def test_the_working_tree_counts_and_only_tracked_files(tmp_path: Path) -> None:
    folder = project(tmp_path, {**FILES, "gone.py": ""})
    (folder / "gone.py").unlink()
    (folder / "untracked.txt").write_text("secret")
    (folder / "tests" / "test_calc.py").write_text(
        "import os\nfrom calc import add\n\ndef test_files():\n    assert add(1, 1) == 2\n"
        "    assert sorted(p for p in os.listdir() if '__' not in p) == NAMES\n"
        "NAMES = ['calc.py', 'conftest.py', 'setup.cfg', 'tests']\n"
    )
    command = "python -m pytest -q -p no:cacheprovider"
    assert (await checked(folder, whole(GOOD), command)).reason == "1 of 1 tests passed"
    assert not (await checked(folder, whole(GOOD), command, also=["*.txt"])).passed


async def test_a_module_that_cannot_be_read_yet_is_wanted_once_it_can(tmp_path: Path) -> None:
    new = "from calc import twice\n\ndef test_twice():\n    assert twice(2) == 4\n"
    folder = project(tmp_path, {**FILES, "tests/test_new.py": new})
    found = await checked(folder, whole(GOOD))
    assert (found.passed, found.score) == (False, 0.8)
    found = await checked(folder, whole(f"{GOOD}\n\ndef twice(x):\n    return 2 * x\n"))
    assert (found.passed, found.reason) == (True, "5 of 5 tests passed, 1 new")


async def test_what_is_imported_by_its_absolute_path_is_the_copy_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tests = TESTS.replace("from calc", "from deep.calc")
    folder = project(tmp_path, {"src/deep/calc.py": CALC, "tests/test_calc.py": tests})
    monkeypatch.setenv("PYTHONPATH", str(folder / "src"))  # as an editable installation has it
    environment = ["PYTHONPATH", "PYTEST_DISABLE_PLUGIN_AUTOLOAD"]
    found = await checked(folder, whole(GOOD, "src/deep/calc.py"), pass_env=environment)
    assert RUN.sandbox.isolation is not None
    # Where the copy cannot lie there, the code that would be wrong to test is out of reach, and the tests fail.
    assert found.passed is ("mountns" in RUN.sandbox.isolation.mechanisms), found.reason


RUNNER = """\
import sys
from calc import add
outcome = "" if add(1, 2) == 3 else "<failure/>"
with open(sys.argv[1], "w") as report:
    report.write(f'<testsuite><testcase name="sum">{outcome}</testcase></testsuite>')
"""


async def test_names_that_the_code_chooses_stay_on_one_line(tmp_path: Path) -> None:
    runner = RUNNER.replace('"sum"', '"{NAME}"').replace("import sys", "import sys\nfrom calc import NAME")
    folder = project(tmp_path, {"calc.py": f"NAME = 'sum'\n{CALC}", "check.py": runner})
    found = await checked(folder, whole(f"NAME = 'a&#10;b' + 'c' * 9999\n{BAD}"), "python check.py {report}")
    assert "1 failed: a b" in found.reason
    assert len(found.reason) <= 1000


@pytest.mark.parametrize(
    ("command", "report"), [("python check.py {report}", ""), ("python check.py out.xml", "out.xml")]
)
async def test_other_runners_say_where_their_report_is(tmp_path: Path, command: str, report: str) -> None:
    stale = '<testsuite><testcase name="sum"/><testcase name="stale"/></testsuite>'
    folder = project(tmp_path, {"calc.py": CALC, "check.py": RUNNER, "out.xml": stale})
    assert (await checked(folder, whole(GOOD), command, report=report)).reason == "1 of 1 tests passed"
    assert (await checked(folder, whole(BAD), command, report=report)).reason == "0 of 1 tests passed; 1 failed: sum"
    silent = await checked(folder, whole("raise SystemExit(0)\n"), command, report=report)
    assert "wrote no report" in silent.reason


async def test_a_script_of_the_project_is_what_runs_and_cannot_be_edited(tmp_path: Path) -> None:
    script = "#!/usr/bin/env python\n" + RUNNER
    folder = project(tmp_path, {"calc.py": CALC, "check": script})
    (folder / "check").chmod(0o755)
    assert (await checked(folder, whole(GOOD), "./check {report}")).passed
    forged = script.replace("outcome = ", "outcome = '' and ")
    assert not (await checked(folder, whole(BAD) + whole(forged, "./check"), "./check {report}")).passed


# -- what is wrong with the project or the settings -----------------------------------------


async def test_without_git_there_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "calc.py").write_text(CALC)
    with pytest.raises(VerifierError, match="is not in a git repository; project_tests copies tracked files only"):
        await checked(tmp_path, whole(GOOD))
    git(tmp_path, "init", "-q")
    with pytest.raises(VerifierError, match="git tracks no file in"):
        await checked(tmp_path, whole(GOOD))


@pytest.mark.parametrize(
    ("files", "command", "says"),
    [
        ({"calc.py": CALC}, "python -m pytest -q", "its command runs no test"),
        ({"calc.py": CALC}, "python -m pytest -q --no-such-option", "unrecognized arguments: --no-such-option"),
        ({"conftest.py": "1 / 0"}, "python -m pytest -q", "ZeroDivisionError"),
    ],
    ids=["no-test", "option", "conftest"],
)
async def test_a_project_whose_own_tests_do_not_run_blames_no_candidate(
    tmp_path: Path, files: dict[str, str], command: str, says: str, runs: list[tuple[str, ...]]
) -> None:
    folder = project(tmp_path, files)
    for _ in range(2):
        with pytest.raises(VerifierError, match="on the unedited copy of") as caught:
            await checked(folder, whole(GOOD), command)
        assert says in str(caught.value)
        assert "\n" not in str(caught.value)
    assert len(runs) == 1


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"command": "pytset -q"}, "there is no program 'pytset'"),
        ({"command": ""}, "the command is empty"),
        ({"command": "pytest 'q"}, "No closing quotation"),
        ({"command": "make test"}, "put {report} into it"),
        ({"command": "pytest", "folder": "no/such"}, "folder=no/such is not a folder"),
        ({}, "needs command"),
    ],
)
def test_settings_that_cannot_work_are_told_before_anything_is_asked(settings: dict[str, str], says: str) -> None:
    with pytest.raises(ConfigError, match=r"project_tests") as caught:
        build("verifiers", "project_tests", settings)
    assert says in str(caught.value)


def test_from_a_project_s_file_a_command_counts_once_it_is_trusted(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "orchestrator.toml").write_text("verifier = 'project_tests(command=\"pytest -q\")'\n")
    config = load(tmp_path, {}, {})
    assert (config.settings.verifier, config.untrusted) == (None, ("verifier",))
    given = load(tmp_path, {"verifier": "project_tests(command='pytest -q')"}, {})
    assert given.settings.verifier is not None


async def test_what_passes_is_chosen_as_cooperative(common: Path) -> None:
    replies = [whole(BAD), whole(GOOD) + "Done.\n", whole(BAD)]
    expert = ScriptedExpert(lambda request: replies[request.sample_index])
    out = await asolve(
        ASKED, experts=[expert.value], strategy="best_of_n(samples=3)", verifier=verifier(common, timeout=299)
    )
    assert (out.text, out.chosen_by) == (replies[1], "cooperative")
    assert any(event.facts.get("cooperative") for event in out.trace if event.kind == "verdict")
    assert out.isolation is not None
    assert out.isolation.level >= 2


async def test_a_level_that_is_not_reached_ends_it(common: Path) -> None:
    box: Any = SimpleNamespace(sandbox=Sandbox(min_level=5))
    candidate = Candidate("0", "p", whole(GOOD), None, None, "e", "s", (0,))
    with pytest.raises(SandboxUnavailable, match="5 is wanted"):
        await verifier(common)(ASKED, candidate, box)
