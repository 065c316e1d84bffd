"""What strategies, verifiers and aggregators say that they will ask is what they ask."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field

import pytest

from orchestrator import Problem
from orchestrator.engine import Engine, MemoryJournal, unlimited
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.protocols import Declares
from orchestrator.registry import build
from orchestrator.run import Run, Table
from orchestrator.solve import Orchestrator
from orchestrator.trace import Trace
from orchestrator.types import Expert, Message, Request

CODE = Problem("p", (Message("user", "Write double(x)."),), "code", meta={"entry_point": "double"})


@dataclass
class Told:
    """What was asked of whom, and how many calls were to come when the first was asked."""

    asked: Counter[str] = field(default_factory=Counter)
    first: Counter[str] | None = None
    """Calls to come, those that had just been asked among them."""
    last: Counter[str] = field(default_factory=Counter)


def told(strategy: str, verifier: str, aggregator: str, roles: dict[str, str]) -> Told:
    found = Told()

    def script(request: Request) -> str:
        # All calls of the first step have been declared and asked by the time that one of them is answered.
        if found.first is None:
            coming = orchestrator.engine.groups.coming.calls
            found.first = +coming + Counter(f.request.expert for f in orchestrator.engine._flights.all())
        found.asked[request.expert] += 1
        if request.labels.purpose == "judge":
            return "Rating: 7"
        if request.labels.purpose in ("select", "compare"):
            return "The most consistent candidate is 1." if request.labels.purpose == "select" else "Better: A"
        return f"Some words. The answer is {found.asked.total()}."

    experts = {name: ScriptedExpert(script, id=name) for name in "abc"}
    orchestrator = Orchestrator(
        experts=[experts["a"].value, experts["b"].value],
        roles={role: experts[name].value for role, name in roles.items()},
    )

    async def main() -> None:
        async with orchestrator:
            await orchestrator.solve(
                "What is 2 + 2?", kind="number", strategy=strategy, verifier=verifier, aggregator=aggregator
            )
            found.last = +orchestrator.engine.groups.coming.calls

    asyncio.run(main())
    return found


@pytest.mark.parametrize(
    ("strategy", "verifier", "aggregator", "roles"),
    [
        ("moa(layers=3, proposers=3)", "none", "majority", {}),
        ("moa(layers=3, proposers=3)", "none", "synthesis", {"aggregator": "c"}),
        ("debate(agents=3, rounds=3)", "none", "majority", {}),
        ("ideasearch(samples=3)", "none", "majority", {}),
        ("ideasearch(samples=3)", "none", "majority", {"idea": "c", "code": "b"}),
        ("self_consistency(samples=3)", "judge", "majority", {"judge": "c"}),
        ("self_consistency(samples=3)", "judge(ratings=2)", "synthesis", {"judge": "c", "aggregator": "c"}),
        ("self_consistency(samples=3)", "none", "universal_sc", {"aggregator": "c"}),
        ("self_consistency(samples=10)", "none", "universal_sc(group=5)", {"aggregator": "c"}),
    ],
)  # fmt: skip
def test_all_that_will_be_asked_is_known_beforehand(
    strategy: str, verifier: str, aggregator: str, roles: dict[str, str]
) -> None:
    found = told(strategy, verifier, aggregator, roles)
    own = found.asked if "self_consistency" not in strategy else Counter(c=found.asked["c"])
    assert found.first is not None
    assert {name: found.first[name] for name in own} == dict(own)
    assert not found.last


def test_a_debate_that_may_end_at_once_says_only_its_first_round() -> None:
    found = told("debate(agents=2, rounds=3, agreement=true)", "none", "majority", {})
    assert found.first == Counter(a=1, b=1)
    assert found.asked.total() > 2


def beside(experts: str, roles: dict[str, str], problem: Problem) -> Run:
    values = {name: Expert(name, name) for name in "abc"}
    engine = Engine(values, lambda expert: pytest.fail("nobody is asked"), MemoryJournal())
    table = Table(engine, Trace(lambda: 0.0), 0, "", {role: values[name] for role, name in roles.items()}, {})
    return Run(table, problem, [values[name] for name in experts], unlimited(), lambda candidate: None)


@pytest.mark.parametrize(
    ("group", "spec", "experts", "roles", "calls"),
    [
        ("verifiers", "judge", "ab", {}, {}),
        ("verifiers", "judge(ratings=2)", "a", {}, {"a": 8}),
        ("verifiers", "critic(votes=2)", "ab", {"judge": "b"}, {"b": 8}),
        ("verifiers", "generated_tests(samples=3)", "ab", {}, {"a": 2, "b": 1}),
        ("verifiers", "generated_tests(samples=3)", "ab", {"tests": "c"}, {"c": 3}),
        ("aggregators", "codet(samples=3)", "ab", {}, {"a": 2, "b": 1}),
        ("aggregators", "tournament", "ab", {"judge": "c"}, {"c": 2}),
        ("aggregators", "tournament", "ab", {}, {}),
        ("aggregators", "universal_sc", "ab", {}, {"a": 1}),
        ("aggregators", "synthesis(expert='b')", "ab", {}, {"b": 1}),
        ("aggregators", "synthesis(expert='gone')", "ab", {}, {}),
    ],
)  # fmt: skip
def test_calls_on_four_candidates(
    group: str, spec: str, experts: str, roles: dict[str, str], calls: dict[str, int]
) -> None:
    part = build("verifiers", spec) if group == "verifiers" else build("aggregators", spec)
    assert isinstance(part, Declares)
    assert dict(part.declares(CODE, beside(experts, roles, CODE), 4)) == calls


@pytest.mark.parametrize("spec", ["codet", "tournament", "synthesis", "universal_sc", "portfolio"])
def test_an_aggregator_that_has_nothing_to_choose_asks_nobody(spec: str) -> None:
    part = build("aggregators", spec)
    assert isinstance(part, Declares)
    assert not any(part.declares(CODE, beside("ab", {"judge": "b"}, CODE), 1).values())


def test_nobody_is_said_to_write_tests_for_what_cannot_be_tested() -> None:
    problem = Problem("p", (Message("user", "2 + 2?"),), "number")
    for part in (build("verifiers", "generated_tests"), build("aggregators", "codet")):
        assert isinstance(part, Declares)
        assert not part.declares(problem, beside("ab", {}, problem), 4)
