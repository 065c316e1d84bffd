"""A project's own tests on a copy with a candidate's edits: real projects, real runs of pytest."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from orchestrator import asolve
from orchestrator.experts.scripted import ScriptedExpert

from .mending import ASKED, BAD, CALC, FILES, GOOD, REAL, RUN, RUNNER, TESTS, checked, project, verifier, whole

pytestmark = REAL


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
