"""The commands that ask experts, as a user runs them."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = f"scripted:{ROOT / 'evals' / 'data' / 'sample.scripted.toml'}"


def orchestrator(*words: str, code: int = 0, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    program = "import sys; from orchestrator.cli import main; sys.argv[0] = 'orchestrator'; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, cwd=cwd or ROOT, env=dict(os.environ)
    )
    assert done.returncode == code, done.stderr
    return done


def test_bench_prints_one_row_a_strategy_and_writes_one_line_a_problem(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    done = orchestrator(
        "bench", "sample", "-e", SCRIPT, "-s", "cot", "-s", "self_consistency", "--set", "samples=5",
        "--run", str(folder), "--json",
    )  # fmt: skip
    shown = json.loads(done.stdout)
    rows = {row["strategy"]: row for row in shown["results"]}
    assert shown["problems"] == 24
    assert rows["cot"]["solved"] == 13
    assert rows["cot"]["calls"] == 24
    vote = rows["self_consistency(samples=5)"]
    assert vote["solved"] == 21
    assert vote["calls"] == 120
    assert len((folder / "results.jsonl").read_text().splitlines()) == 48


def test_resume_runs_only_what_has_no_line_and_ends_with_the_same_results(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    first = orchestrator("bench", "sample", "-e", SCRIPT, "--run", str(folder), "--json")
    lines = (folder / "results.jsonl").read_text().splitlines(keepends=True)
    (folder / "results.jsonl").write_text("".join(lines[:7]) + lines[7][:20])
    again = orchestrator("resume", str(folder), "--json")
    assert sorted((folder / "results.jsonl").read_text().splitlines(keepends=True)) == sorted(lines)
    solved = [json.loads(done.stdout)["results"][0]["solved"] for done in (first, again)]
    assert solved[0] == solved[1]


def test_a_calls_cap_holds_for_each_problem(tmp_path: Path) -> None:
    done = orchestrator(
        "bench", "sample", "-e", SCRIPT, "-s", "self_consistency", "--budget", "calls=3", "--run", str(tmp_path / "r"),
        "--json",
    )  # fmt: skip
    row = json.loads(done.stdout)["results"][0]
    assert row["calls"] == 3 * 24
    assert row["answered"] > 0


def test_a_run_budget_ends_the_run_and_a_larger_one_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    words = ("bench", "sample", "-e", SCRIPT, "-s", "self_consistency", "--set", "samples=5", "--concurrency", "4")
    cut = orchestrator(*words, "--run-budget", "calls=40", "--run", str(folder), "--json", code=4)
    assert "resume" in cut.stderr
    assert json.loads(cut.stdout)["results"][0]["calls"] <= 40
    rest = orchestrator("resume", str(folder), "--run-budget", "calls=1000", "--json")
    assert json.loads(rest.stdout)["results"][0]["solved"] == 21


def test_mistakes_are_one_line_with_a_suggestion_and_exit_2(tmp_path: Path) -> None:
    cases = [
        (("bench", "sample", "-e", SCRIPT, "-s", "self_consistancy"), "self_consistency"),
        (("bench", "sample"), "-e"),
        (("bench", "sample", "-e", "openai/gpt-4o-mini"), "OPENAI_API_KEY"),
        (("bench", "sample", "-e", SCRIPT, "--budget", "cals=3"), "calls"),
        (("bench", str(tmp_path / "none.jsonl"), "-e", SCRIPT), "none.jsonl"),
        (("bench", "sample", "-e", SCRIPT, "--set", "sampels=3"), "samples"),
    ]
    for words, told in cases:
        done = orchestrator(*words, code=2)
        assert told in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1


def test_an_unpriced_expert_under_a_money_cap_is_refused_with_the_key_to_set(tmp_path: Path) -> None:
    os.environ["OPENAI_API_KEY"] = "x"
    try:
        done = orchestrator("bench", "sample", "-e", "openai/unheard-of-model", "--budget", "usd=0.1", code=2)
    finally:
        del os.environ["OPENAI_API_KEY"]
    assert "price" in done.stderr


def test_malformed_line_of_a_set_is_named(tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text('{"question": "1+1?", "answer": "#### 2"}\n{"question": \n')
    done = orchestrator("bench", str(path), "-e", SCRIPT, code=2)
    assert "bad.jsonl:2" in done.stderr


def test_server_that_is_not_there_ends_at_once_with_exit_5(tmp_path: Path) -> None:
    done = orchestrator(
        "bench", "sample", "-s", "cot", "-e", "openai/m", "--api-base", "http://127.0.0.1:9/v1", "--run",
        str(tmp_path / "r"), code=5,
    )  # fmt: skip
    assert "127.0.0.1" in done.stderr
    assert "orchestrator resume" in done.stderr


def test_solve_prints_the_answer_alone() -> None:
    prompt = json.loads((ROOT / "evals" / "data" / "sample.jsonl").read_text().splitlines()[0])["question"]
    done = orchestrator("solve", prompt, "--kind", "number", "-e", SCRIPT, "-s", "self_consistency(samples=5)")
    assert len(done.stdout.split()) == 1
