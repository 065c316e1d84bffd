"""The main job on recorded generations, where they are at hand: the command line against the recorded verdicts."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

BENCH = "import sys; from orchestrator.cli import main; sys.argv[0] = 'orchestrator'; main()"


def bench(shared: Path, name: str, folder: Path, *words: str, expert: str = "") -> tuple[Any, list[dict[str, Any]]]:
    """What `orchestrator bench --json` prints on a pool, and its result lines."""
    pool = shared / "replay" / name
    command = [
        sys.executable, "-c", BENCH, "bench", f"{pool}.problems.jsonl.gz",
        "-e", f"replay:{pool}.generations.jsonl.gz{expert}", *words, "--run", str(folder), "--json",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), [json.loads(line) for line in (folder / "results.jsonl").open(encoding="utf-8")]


def generations(shared: Path, name: str) -> Iterator[dict[str, Any]]:
    with gzip.open(shared / "replay" / f"{name}.generations.jsonl.gz", "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def test_the_verified_best_of_100_is_the_oracle(shared: Path, tmp_path: Path) -> None:
    oracle: dict[str, bool] = defaultdict(bool)
    for generation in generations(shared, "game24"):
        if generation["prompt_style"] == "cot":
            oracle[generation["problem_id"]] |= generation["correct"]
    shown, lines = bench(shared, "game24", tmp_path / "r", "-s", "best_of_n(samples=100)", expert="#gpt-4/cot")
    assert {line["problem"]: line["correct"] for line in lines} == oracle
    assert shown["results"][0]["solved"] == sum(oracle.values()) == 22


def test_the_recorded_tree_of_thoughts_counts_as_any_of_its_five_answers(shared: Path, tmp_path: Path) -> None:
    """Any of five is what a checker makes of them; the best valued alone, the first of each five, is another figure."""
    runs: dict[str, list[bool]] = defaultdict(list)
    for generation in generations(shared, "game24"):
        if generation["prompt_style"] == "tot-bfs-b5":
            runs[generation["problem_id"]].append(generation["correct"])
    shown, lines = bench(
        shared, "game24", tmp_path / "r", "-s", "best_of_n(samples=5)", "-s", "cot", expert="#gpt-4/tot-bfs-b5"
    )
    verified, first = shown["results"]
    assert {line["problem"]: line["correct"] for line in lines if line["strategy"] != "cot"} == {
        problem: any(correct) for problem, correct in runs.items()
    }
    assert (verified["solved"], shown["problems"]) == (35, 51)
    assert first["solved"] == sum(correct[0] for correct in runs.values()) == 29


@pytest.mark.parametrize("expert", ["gpt-4o-2024-05-13/zeroshot-cot-json", "tora-70b-v1.0/tool-integrated"])
def test_recorded_verdicts_on_numbers_are_met_to_one_percent(shared: Path, tmp_path: Path, expert: str) -> None:
    recorded = {
        generation["problem_id"]: generation["correct"]
        for generation in generations(shared, "gsm8k")
        if f"{generation['expert']}/{generation['prompt_style']}" == expert
    }
    _, lines = bench(shared, "gsm8k", tmp_path / "r", "-s", "cot", expert=f"#{expert}")
    same = sum(line["correct"] == recorded[line["problem"]] for line in lines if line["problem"] in recorded)
    assert len(recorded) >= 670
    assert same >= 0.99 * len(recorded)


def test_plain_majority_of_twenty_experts_on_choices(shared: Path, tmp_path: Path) -> None:
    """The last explicit phrase of a reply counts; a tie goes to the expert that comes first in the file."""
    shown, _ = bench(shared, "mmlu_pro", tmp_path / "r", "--part", "eval", "--limit", "1000", "-s", "self_consistency")
    row = shown["results"][0]
    assert row["calls"] + row["failed_calls"] == 20 * 1000
    assert 0.60 <= row["accuracy"] <= 0.72
    assert row["oracle"] > 0.9
