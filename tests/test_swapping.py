"""Over HTTP to a server that has room for one model: each is loaded about once, whatever order problems come in."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from orchestrator import Expert, Message, Orchestrator, Price, Problem
from tests.clock import run_virtual
from tests.double import Double

SUBJECTS = ("algebra", "geometry", "probability", "physics", "chemistry", "biology")
LOAD = 2.0


def team(base_url: str) -> list[Expert]:
    return [
        Expert(f"e{i}", f"m{i}", client="direct", api_base=base_url, price=Price(), skills=(subject,),
               resident_group="card")
        for i, subject in enumerate(SUBJECTS)
    ]  # fmt: skip


def problems(count: int) -> list[Problem]:
    return [
        Problem(str(i), (Message("user", f"Question {i} of {SUBJECTS[i % 6]} and {SUBJECTS[(i + 2) % 6]}?"),), "number")
        for i in range(count)
    ]


def solved(
    strategy: str = 'symbolic_moe(tagging="text")', count: int = 30, *, grouped: bool = True, pause: float = 0.0
) -> tuple[dict[str, int], dict[str, int], float]:
    """Loads as the server counts them, as the engine does, and seconds."""

    async def main() -> tuple[dict[str, int], dict[str, int]]:
        async with Double(
            latency=1.0, swap={"load_s": LOAD, "slots": 8}, rules={"Question": "The answer is {h}."}
        ) as double:
            experts: Sequence[Expert] = team(double.base_url)
            if not grouped:
                experts = [replace(expert, resident_group=None) for expert in experts]
            async with (
                Orchestrator(experts=experts, roles={"aggregator": experts[0]}) as orchestrator,
                asyncio.TaskGroup() as group,
            ):
                for problem in problems(count):
                    group.create_task(orchestrator.solve(problem, strategy=strategy, aggregator="synthesis"))
                    await asyncio.sleep(pause)
            assert double.card is not None
            return double.card.loads, dict(orchestrator.engine.groups.loads)

    (served, told), seconds = run_virtual(main())
    return served, told, seconds


def test_symbolic_moe_loads_every_model_once_and_the_writers_last() -> None:
    served, told, seconds = solved()
    assert served == dict.fromkeys((f"m{i}" for i in range(6)), 1)
    assert told == dict.fromkeys((f"e{i}" for i in range(6)), 1)
    assert list(served)[-1] == "m0"
    assert seconds < 6 * LOAD + 40


def test_problems_that_come_one_by_one_load_models_far_more_seldom_than_without_a_group() -> None:
    served, _, seconds = solved(pause=0.5)
    naive, told, longer = solved(pause=0.5, grouped=False)
    assert not told
    assert sum(naive.values()) > 3 * sum(served.values())
    assert longer > 2 * seconds


@pytest.mark.parametrize("strategy", ["moa(layers=2)", "debate(rounds=2)"])
def test_strategies_that_ask_everybody_in_rounds_load_every_model_once_a_round(strategy: str) -> None:
    served, _, _ = solved(strategy=strategy, count=12)
    assert sum(served.values()) <= 3 * 6
