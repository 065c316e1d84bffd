"""`strategies` and `benchmarks`: what there is to name."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Command


def test_strategies_verifiers_and_aggregators_are_listed(command: Command) -> None:
    found = command("strategies", "--json").json
    names = {group: {each["name"] for each in found[group]} for group in ("strategies", "verifiers", "aggregators")}
    assert names["strategies"] >= {"cot", "self_consistency", "best_of_n"}
    assert names["verifiers"] >= {"unit_tests", "game24", "plan"}
    assert names["aggregators"] >= {"majority", "first_verified"}
    shown = command("strategies").out
    assert all(name in shown for group in names.values() for name in group)


def test_one_strategy_is_told_with_its_settings_and_paper(command: Command) -> None:
    shown = command("strategies", "self_consistency").out
    assert "Wang et al., 2023" in shown
    assert "threshold: float = 0.95" in shown
    assert "the probability at which it stops" in shown
    found = command("strategies", "self_consistency", "--json").json
    assert found["estimate"] == {"least": 10, "expected": 10, "most": 10, "depth": 1, "candidates": None}
    assert [found["per"], command("strategies", "judge", "--json").json["per"]] == ["problem", "candidate"]
    assert command("strategies", "majority", "--json").json["group"] == "aggregators"


def test_sets_are_listed_with_aliases_and_formats(command: Command, home: Path, sums: str) -> None:
    (home / "orchestrator.toml").write_text('[sets]\nmine = "sums.jsonl:limit=2"\n')
    found = command("benchmarks", "--json").json
    assert "sample" in found["benchmarks"]
    assert found["sets"] == {"mine": "sums.jsonl:limit=2"}
    assert "gsm8k" in found["formats"]
    assert "mine" in command("benchmarks").out


def test_one_set_is_told_with_what_it_holds(command: Command, home: Path, sums: str) -> None:
    (home / "orchestrator.toml").write_text('[sets]\nmine = "sums.jsonl:limit=2"\n')
    found = command("benchmarks", "mine", "--json").json
    assert (found["problems"], found["gradable"], found["kinds"]) == (2, 2, {"number": 2})
    assert "24 problems" in command("benchmarks", "sample").out


def test_a_set_is_told_with_what_it_is_about(command: Command, home: Path) -> None:
    assert "a few boards for strategy codenames" in command("benchmarks", "codenames").out
    assert command("benchmarks", "game24:limit=2", "--json").json["about"].startswith("four numbers")
    (home / "game24.jsonl").write_text('{"question": "40?", "answer": "so\\n#### 40"}\n')
    assert command("benchmarks", "game24.jsonl", "--json").json["about"].startswith("GSM8K's question")


@pytest.mark.parametrize("name", ["best_of_n", "cot", "ideasearch", "plansearch", "self_consistency"])
def test_a_strategy_is_told_with_its_paper_steps_calls_and_settings(command: Command, name: str) -> None:
    found = command("strategies", name, "--json").json
    assert found["citation"]
    assert 1 <= len(found["algorithm"]) <= 5
    assert found["verifier"]
    assert found["aggregator"]
    assert all(setting["doc"] for setting in found["settings"])
    shown = command("strategies", name).out
    assert "  1. " in shown
    assert "calls on one problem, with one expert" in shown
    assert f"aggregator: {found['aggregator']}" in shown


def test_what_calls_no_model_says_so(command: Command) -> None:
    assert "calls no model" in command("strategies", "unit_tests").out
    assert "calls no model" in command("strategies", "majority").out


@pytest.mark.parametrize(("name", "kind", "calls"), [("execution_clusters", "code", 10), ("portfolio", "choice", 1)])
def test_calls_on_some_kinds_alone_are_told_for_one_of_these(
    command: Command, name: str, kind: str, calls: int
) -> None:
    found, shown = command("strategies", name, "--json").json, command("strategies", name).out
    assert (found["kind"], found["estimate"]["most"]) == (kind, calls)
    assert f"calls on one problem of kind {kind}, with one expert: 0 to {calls}" in shown
