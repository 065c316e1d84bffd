"""Everything there is against a server that refuses settings and bills hidden reasoning, over real HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from orchestrator.evals.case import Case, Reference
from orchestrator.evals.runner import Bench, Plan
from orchestrator.folder import RunFolder
from orchestrator.registry import describe, names
from orchestrator.solve import asolve
from orchestrator.types import Expert, Message, Outcome, Problem
from tests.double import Double

from .entry import entry

Doubles: TypeAlias = Callable[..., Awaitable[Double]]

CODE = "```python\ndef double(x):\n    return x {sign} x\n```"
DOMAIN = "(define (domain d) (:predicates (p)) (:action go :parameters () :precondition () :effect (p)))"
INSTANCE = "(define (problem i) (:domain d) (:init) (:goal (p)))"
PROBLEMS: Mapping[str, Problem] = {
    "number": Problem("n", (Message("user", "What is six times seven?"),), "number"),
    "game24": Problem("g", (Message("user", "Make 24 out of 4 6 1 1."),), "game24"),
    "plan": Problem(
        "p", (Message("user", "Reach the goal."),), "plan", meta={"pddl_domain": DOMAIN, "pddl_instance": INSTANCE}
    ),
    "board": entry("codenames").problem,
    "code": Problem("c", (Message("user", "Double x."),), "code", public_tests=("assert double(3) == 6",)),
}
REPLIES: Mapping[str, list[str]] = {
    "Rating: N": ["It may be. Rating: 7", "Rating: 2"],
    "better one is X": ["The better one is A", "The better one is B"],
    r"\[Correct\] or \[Incorrect\]": ["It is. [Correct]", "It is not. [Incorrect]"],
    "Write tests": ["assert double(3) == 6", "assert double(0) == 0"],
    "six times seven": ["The answer is 42.", "The answer is 41."],
    "Make 24": ["The answer is 4 * 6 * 1 * 1.", "The answer is 4 + 6 + 1 + 1."],
    "Reach": ["(go)", "(stay)"],
    "Double x": [CODE.replace("{sign}", "+"), CODE.replace("{sign}", "-")],
}
ONLY = {"codenames": "board"}
"""By strategy, the only problem that it is for."""
KIND = {"game24": "game24", "plan": "plan", "unit_tests": "code", "generated_tests": "code"}
"""By verifier, the kind of problem that it checks."""


async def solved(server: Double, kind: str, **chosen: str) -> Outcome:
    expert = Expert("openai/thinker", "openai/thinker", api_base=server.base_url)
    return await asolve(PROBLEMS[kind], experts=[expert], **chosen)


def check(out: Outcome, server: Double) -> None:
    """It has finished, every sample is counted, and those that were cut are known."""
    assert out.stopped_by in ("done", "failed", "verifier")
    assert out.usage.calls - out.usage.cached_calls == server.stats.delivered.samples > 0
    assert out.usage.reasoning_tokens >= server.stats.delivered.reasoning > 0
    assert out.usage.cached_calls or out.usage.reasoning_tokens == server.stats.delivered.reasoning
    assert (out.answer is not None) == any(scored.candidate.key for scored in out.candidates)
    assert server.stats.rejected["max_tokens"] >= 1
    once = [event for event in out.trace if event.kind == "truncated"]
    assert len(once) + out.usage.truncated == server.stats.truncated


def rejecting(double: Doubles, seed: int = 0) -> Awaitable[Double]:
    return double(mode="rejecting", rules=REPLIES, seed=seed)


@pytest.mark.parametrize("strategy", [*names("strategies"), "self_consistency(stop=asc)", "self_consistency(stop=esc)"])
async def test_every_strategy_finishes(strategy: str, double: Doubles) -> None:
    server = await rejecting(double)
    check(await solved(server, ONLY.get(strategy, "number"), strategy=strategy), server)


def complete(name: str) -> bool:
    """Whether a verifier can be named without settings."""
    return all(setting.default is not None for setting in describe("verifiers", name).settings)


@pytest.mark.parametrize("verifier", [name for name in names("verifiers") if complete(name)])
async def test_every_verifier_finishes(verifier: str, double: Doubles) -> None:
    server = await rejecting(double)
    out = await solved(server, KIND.get(verifier, "number"), strategy="best_of_n(samples=6)", verifier=verifier)
    check(out, server)
    assert any(scored.verdict is not None for scored in out.candidates)


@pytest.mark.parametrize("aggregator", names("aggregators"))
async def test_every_aggregator_finishes(aggregator: str, double: Doubles) -> None:
    server = await rejecting(double)
    check(await solved(server, "number", strategy="self_consistency(samples=8)", aggregator=aggregator), server)


@pytest.mark.parametrize("seed", range(4))
async def test_what_the_larger_cap_ends_too_is_counted_as_truncated(seed: int, double: Doubles) -> None:
    server = await rejecting(double, seed)
    out = await solved(server, "number", strategy="self_consistency(samples=12)")
    check(out, server)
    cut_once = server.stats.delivered.samples - 12
    assert out.usage.truncated == server.stats.truncated - cut_once
    assert len(out.candidates) == 12 - out.usage.truncated


async def test_a_bench_that_never_gets_past_the_thinking_counts_its_problems_as_truncated(
    double: Doubles, tmp_path: Path
) -> None:
    server = await double(mode="rejecting", reasoning={"share": 1.0, "tokens": 200, "endless": 1.0})
    expert = Expert("openai/thinker", "openai/thinker", api_base=server.base_url)
    with RunFolder.create(tmp_path / "run", {}) as folder:
        bench = Bench(Plan(("self_consistency(samples=3)",), (expert,)), folder)
        rows: list[dict[str, Any]] = await bench([Case(PROBLEMS["number"], Reference("42"))])
    assert (rows[0]["truncated"], rows[0]["errors"], rows[0]["answered"]) == (1, 0, 0)
    assert rows[0]["calls"] == server.stats.truncated == 6
    assert rows[0]["reasoning_tokens"] == server.stats.delivered.reasoning == 3 * (2048 + 4 * 2048)
