"""`judge`: verdicts on answers that are there already."""

from __future__ import annotations

import gzip
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .conftest import Command
from .test_interrupt import PROGRAM

SET = "HumanEval.jsonl"
TASKS = [
    {
        "task_id": f"HumanEval/{i}",
        "prompt": f'def times{i}(x):\n    """{i} times x."""\n',
        "entry_point": f"times{i}",
        "canonical_solution": f"    return {i} * x\n",
        "test": f"def check(candidate):\n    assert candidate(3) == {3 * i}\n    assert candidate(0) == 0\n",
    }
    for i in range(3)
]


def write(name: str, rows: list[dict[str, Any]]) -> str:
    text = "".join(json.dumps(row) + "\n" for row in rows).encode()
    Path(name).write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    return name


def sample(number: int, body: str) -> dict[str, Any]:
    return {"task_id": f"HumanEval/{number}", "completion": f"    {body}\n"}


RIGHT = [sample(i, f"return x * {i}") for i in range(3)]
WRONG = [sample(i, "return None") for i in range(3)]


@pytest.fixture(autouse=True)
def problems(home: Path) -> str:
    return write(SET, TASKS)


def lines(path: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def test_pass_at_k_of_a_samples_file(command: Command) -> None:
    samples = write("samples.jsonl.gz", [*RIGHT, *WRONG, sample(0, "return 1"), sample(0, "return undefined")])
    found = command("judge", samples, "--problems", SET, "--json").json
    (row,) = found["results"]
    assert found["schema"] == "judge/1"
    assert (found["set"], found["problems"]) == ("HumanEval", 3)
    assert (row["problems"], row["samples"], row["passed"]) == (3, 8, 3)
    assert row["pass_at"] == {"1": pytest.approx((1 / 4 + 1 / 2 + 1 / 2) / 3)}
    assert row["verdicts"] == {"error": 1, "failed": 4, "passed": 3}
    low, high = row["ci95"]["1"]
    assert low < row["pass_at"]["1"] < high
    assert found["isolation"]["level"] >= 1
    assert found["interrupted"] is False


def test_the_table_shows_what_there_is(command: Command) -> None:
    done = command("judge", write("s.jsonl", [*RIGHT, *WRONG]), "--problems", SET, "-k", "1,2,5")
    heads = ["problems", "samples", "passed", "pass@1", "95", "%", "pass@2", "95", "%", "failed"]
    assert done.out.split()[: len(heads)] == heads
    assert "pass@5 is not known: some problems have only 2 samples" in done.err
    assert "isolation level" in done.err


def test_a_line_for_each_verdict_goes_to_a_file(command: Command) -> None:
    done = command("judge", write("s.jsonl", [*RIGHT, *WRONG]), "--problems", SET, "-o", "out.jsonl")
    assert "out.jsonl: 6 verdicts" in done.err
    rows = lines("out.jsonl")
    assert [row["task_id"] for row in rows] == [f"HumanEval/{i}" for i in (0, 1, 2)] * 2
    assert [row["passed"] for row in rows] == [True] * 3 + [False] * 3
    assert {*rows[0]} == {"task_id", "verdict", "passed", "detail", "cpu_seconds", "cached"}
    assert "AssertionError" in rows[-1]["detail"]


def test_what_has_no_counterpart_is_named_in_one_line_each(command: Command) -> None:
    samples = write("s.jsonl", [RIGHT[0], RIGHT[0], sample(8, "return 1"), sample(9, "return 1"), sample(9, "pass")])
    done = command("judge", samples, "--problems", SET, "--json")
    assert done.lines[:3] == [
        "not in the set HumanEval, so not judged: 3 samples of 2 tasks (HumanEval/8, HumanEval/9)",
        "without a sample: 2 problems (HumanEval/1, HumanEval/2); pass@k is over the other 1",
        "word for word an earlier one of the same task, and counted all the same: 1 sample",
    ]
    assert done.json["unknown"] == {"HumanEval/8": 1, "HumanEval/9": 2}
    assert done.json["missing"] == ["HumanEval/1", "HumanEval/2"]
    assert done.json["results"][0]["cached"] == 1


def test_samples_of_another_set_are_an_error(command: Command) -> None:
    samples = write("s.jsonl", [{"task_id": "Mbpp/2", "solution": ""}])
    error = command("judge", samples, "--problems", SET, code=2).err
    assert "none of its tasks is in the set HumanEval" in error
    assert "the first is 'Mbpp/2', and the set begins with 'HumanEval/0'" in error


def test_a_folder_of_programs_is_judged(command: Command) -> None:
    for i, program in enumerate(("def times1(x):\n    return x\n", "def times1(x):\n    return 0\n")):
        path = Path("out", "HumanEval_1", f"{i}.py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(program)
    (row,) = command("judge", "out", "--problems", SET, "--json").json["results"]
    assert (row["samples"], row["pass_at"]["1"]) == (2, 0.5)


def test_recorded_generations_get_a_row_for_each_source_and_are_compared(command: Command) -> None:
    def generation(expert: str, body: str, correct: bool) -> dict[str, Any]:
        text = f"```python\ndef times2(x):\n    return {body}\n```"
        key = {"problem_id": "HumanEval/2", "expert": expert, "prompt_style": "cot", "sample_index": 0}
        return {**key, "text": text, "correct": correct}

    rows = [generation("a", "x + x", True), generation("b", "x", True), generation("b", "x + x", True)]
    done = command("judge", write("g.jsonl", rows), "--problems", SET)
    assert "there twice, so not counted again: 1 sample of 1 task (HumanEval/2)" in done.err
    assert "verdicts: 1 of 2 are not as on record" in done.out
    assert "HumanEval/2 b/cot 0: passed on record, now failed: AssertionError" in done.out
    found = command("judge", "g.jsonl", "--problems", SET, "--json").json
    assert [(row["source"], row["passed"]) for row in found["results"]] == [("a/cot", 1), ("b/cot", 0)]
    assert [one["source"] for one in found["differences"]] == ["b/cot"]
    assert "as on record, all 1" in command("judge", write("g.jsonl", rows[:1]), "--problems", SET).out


def test_other_kinds_are_graded_too_and_no_program_is_run(command: Command, sums: str) -> None:
    samples = [{"task_id": f"sum/{i}", "completion": f"The answer is {40 + i}."} for i in range(4)]
    found = command("judge", write("s.jsonl", samples), "--problems", sums, "--json").json
    assert found["results"][0]["samples"] == 4
    assert found["isolation"] is None


class TestARunAgain:
    @pytest.fixture
    def run(self, command: Command, sums: str, echo: str) -> Path:
        words = ("bench", sums, "-e", echo, "-s", "cot", "-s", "best_of_n(samples=3)", "--run", "r", "--json")
        return Path(command(*words).json["run"])

    def test_it_knows_its_set_and_its_verdicts_stand(self, command: Command, run: Path) -> None:
        found = command("judge", "r", "--json").json
        recorded = {row["strategy"]: row for row in command("runs", "show", "r", "--json").json["results"]}
        assert found["differences"] == []
        assert found["on_record"] == 4 * (1 + 1) + 4 * (3 + 1)
        for row in found["results"]:
            before = recorded[row["source"]]
            assert row["accuracy"] == row["accuracy_on_record"] == before["accuracy"]
            assert (row["samples"], row["pass_at"]["1"]) == (before["candidates"], before["pass_at"]["1"])

    def test_nobody_is_asked_and_the_run_is_left_as_it_is(self, command: Command, run: Path) -> None:
        before = {path.name: path.read_bytes() for path in run.iterdir()}
        (Path("echo.toml")).unlink(missing_ok=True)
        command("judge", "r", "-o", "out.jsonl")
        assert {path.name: path.read_bytes() for path in run.iterdir()} == before
        assert sum(row.get("chosen", False) for row in lines("out.jsonl")) == 8

    def test_it_says_where_verdicts_are_others_now(self, command: Command, run: Path, sums: str) -> None:
        rows = lines(sums)
        write("others.jsonl", [{**row, "answer": "40"} for row in rows])
        done = command("judge", "r", "--problems", "others.jsonl")
        assert "not passed on record, now passed" in done.out
        assert "(answer)" in done.out
        found = command("judge", "r", "--problems", "others.jsonl", "--json").json
        cot = next(row for row in found["results"] if row["source"] == "cot")
        assert (cot["accuracy"], cot["accuracy_on_record"]) == (1.0, 0.25)

    def test_a_set_that_has_changed_since_is_not_taken_for_the_same(
        self, command: Command, run: Path, sums: str
    ) -> None:
        write(sums, lines(sums)[:2])
        error = command("judge", "r", code=2).err
        assert "has changed since the run began" in error
        assert "--problems SET" in error


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("samples.jsonl", "--problems", SET), "there is no file 'samples.jsonl'; did you mean 'samples.json'?"),
        (("nothing", "--problems", SET), "there is no file 'nothing', and unknown run 'nothing'"),
        ((SET,), f"which set does {SET} answer? Name it: --problems SET"),
        (("samples.json", "--problems", "HumanEvil.jsonl"), "did you mean 'HumanEval.jsonl'?"),
        (("samples.json", "--problems", SET), "samples.json:1: a sample has"),
        (("good.jsonl", "--problems", SET, "-k", "1,none"), "-k 1,none: write whole numbers from 1 up"),
        (("good.jsonl", "--problems", SET, "-o", "none/out.jsonl"), "none/out.jsonl cannot be written: No such file"),
        (("good.jsonl", "--problems", SET, "--min-isolation", "6"), "invalid value for '--min-isolation'"),
    ],
)
def test_what_cannot_be_used_is_one_line(command: Command, words: tuple[str, ...], message: str) -> None:
    write("samples.json", [{"task_id": "HumanEval/0"}])
    write("good.jsonl", RIGHT)
    done = command("judge", *words, code=2)
    assert message in done.err
    assert (len(done.lines), done.out) == (1, "")


def test_isolation_that_is_not_reached_is_exit_6(command: Command) -> None:
    done = command("judge", write("s.jsonl", RIGHT), "--problems", SET, "--min-isolation", "5", code=6)
    assert done.out == ""
    assert "level 5 is wanted" in done.lines[-1]
    assert "orchestrator doctor" in done.lines[-1]
    Path("orchestrator.toml").write_text("min_isolation = 5\n")
    command("judge", "s.jsonl", "--problems", SET, code=6)
    command("judge", "s.jsonl", "--problems", SET, "--min-isolation", "0")


def test_limits_of_the_callers_count(command: Command) -> None:
    samples = write("s.jsonl", [sample(0, "while True: pass"), sample(1, "return x")])
    found = command("judge", samples, "--problems", SET, "--timeout", "0.2", "--workers", "1", "--json").json
    assert found["results"][0]["verdicts"] == {"passed": 1, "timeout": 1}


def test_an_interruption_prints_what_there_is(home: Path) -> None:
    rows = [*RIGHT, *(sample(0, f"while x: x = {i}") for i in range(1, 9))]
    words = ("judge", write("s.jsonl", rows), "--problems", SET, "--timeout", "60", "--json", "-o", "out.jsonl")
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", PROGRAM, *words], stdout=pipe, stderr=pipe, text=True) as process:
        while not (Path("out.jsonl").exists() and len(Path("out.jsonl").read_text().splitlines()) >= 3):
            assert process.poll() is None, process.communicate()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert err.splitlines()[-1] == "interrupted; 3 of 11 were judged, and only these count"
    found = json.loads(out)
    assert (found["interrupted"], found["results"][0]["passed"]) == (True, 3)
