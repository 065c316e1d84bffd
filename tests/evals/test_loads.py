"""Loads of models that share memory: in the trace, in the journal over all invocations, and in what is printed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from orchestrator.engine import JournalView
from orchestrator.evals.loads import loads_in
from orchestrator.evals.plan import Plan
from orchestrator.experts.scripted import ScriptedExpert

from .benching import bench, cases, doubled, plan_of, traced


def sharing(**settings: Any) -> Plan:
    plan = plan_of(ScriptedExpert(doubled, id="a"), ScriptedExpert(doubled, id="b"), **settings)
    experts = tuple(replace(expert, resident_group="card") for expert in plan.experts)
    return replace(plan, experts=experts)


def test_every_load_is_in_the_trace_and_counted_over_invocations(tmp_path: Path) -> None:
    run = tmp_path / "run"
    work, _ = bench(run, sharing(strategies=("self_consistency(samples=2)",)), cases(6))
    assert work.loads.counts == {"a": 1, "b": 1}
    events = [row for row in traced(run) if row.get("kind") == "load"]
    assert [(row["group"], row["expert"], row["waiting"]) for row in events] == [("card", "a", 6), ("card", "b", 6)]
    assert [row["evicted"] for row in events] == [None, "a"]
    assert all(row["at"] >= 0 and "problem" not in row for row in events)
    again, _ = bench(run, sharing(strategies=("self_consistency(samples=2)",)), cases(8))
    assert again.loads.counts == {"a": 2, "b": 2}
    assert len([row for row in traced(run) if row.get("kind") == "load"]) == 4
    journal = JournalView(run / "journal.sqlite")
    assert loads_in(journal) == {"a": 2, "b": 2}
    journal.close()


def test_experts_of_no_group_are_not_counted(tmp_path: Path) -> None:
    work, _ = bench(tmp_path / "run", plan_of(ScriptedExpert(doubled)), cases(2))
    assert work.loads.counts == {}
    assert not [row for row in traced(tmp_path / "run") if row.get("kind") == "load"]
