"""What a branch says it will ask: counted while it may come, and forgotten with the branch."""

from __future__ import annotations

import asyncio

from orchestrator.engine import MemoryJournal
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.run import Run
from orchestrator.solve import Orchestrator
from orchestrator.types import Request

from .stage import play, prompt


def expert(id: str = "a") -> ScriptedExpert:
    return ScriptedExpert(lambda request: "4", id=id)


def coming(run: Run) -> dict[str, int]:
    return dict(+run._table.engine.groups.coming.calls)


def test_a_call_that_was_declared_is_one_less_to_come_as_soon_as_it_is_asked() -> None:
    a, seen = expert(), list[dict[str, int]]()

    async def act(run: Run) -> None:
        run.declare({a.value.id: 3, "nobody": 0})
        seen.append(coming(run))
        await run.generate(prompt(), n=2)
        seen.append(coming(run))

    play(act, a)
    assert seen == [{"a": 3}, {"a": 1}]


def test_a_reply_of_the_journal_counts_as_asked() -> None:
    a, journal = expert(), MemoryJournal()
    play(lambda run: run.generate(prompt()), a, journal=journal)

    async def act(run: Run) -> dict[str, int]:
        run.declare({a.value.id: 1})
        await run.generate(prompt())
        return coming(run)

    played = play(act, a, journal=journal)
    assert played.result == {}
    assert len(a.requests) == 1


def test_more_calls_than_were_declared_take_nothing_from_others() -> None:
    a, b = expert("a"), expert("b")

    async def act(run: Run) -> dict[str, int]:
        run.declare({"a": 1, "b": 1})
        await run.generate(prompt(), n=3)
        return coming(run)

    assert play(act, a, b).result == {"b": 1}


def test_what_a_branch_declared_ends_with_it_and_what_its_parent_declared_does_not() -> None:
    a, seen = expert(), list[dict[str, int]]()

    async def act(run: Run) -> None:
        run.declare({"a": 5})

        async def branch(number: int, inner: Run) -> None:
            inner.declare({"a": 10})
            await inner.generate(prompt(str(number)))
            seen.append(coming(run))

        await run.map(branch, [0])
        seen.append(coming(run))

    play(act, a)
    assert seen == [{"a": 14}, {"a": 5}]


def test_a_branch_that_is_cancelled_declares_nothing_any_more() -> None:
    a = ScriptedExpert(lambda request: "4", id="a", latency=100.0)

    async def act(run: Run) -> dict[str, int]:
        async def branch(number: int, inner: Run) -> None:
            inner.declare({"a": 10})
            await inner.generate(prompt(str(number)))

        try:
            async with asyncio.timeout(1.0):
                await run.map(branch, [0, 1])
        except TimeoutError:
            pass
        return coming(run)

    assert play(act, a).result == {}


def test_calls_of_inner_branches_are_those_that_outer_ones_declared() -> None:
    a = expert()

    async def act(run: Run) -> dict[str, int]:
        run.declare({"a": 2})

        async def branch(number: int, inner: Run) -> None:
            await inner.generate(prompt(str(number)))

        await run.map(branch, [0, 1])
        return coming(run)

    assert play(act, a).result == {}


def test_the_aggregators_calls_are_declared_until_it_has_asked_and_end_with_the_problem() -> None:
    seen: list[tuple[str, dict[str, int]]] = []

    def script(request: Request) -> str:
        seen.append((request.labels.purpose, dict(+orchestrator.engine.groups.coming.calls)))
        return f"The answer is {len(seen) % 2 + 3}."

    a, b = ScriptedExpert(script, id="a"), ScriptedExpert(script, id="b")
    orchestrator = Orchestrator(experts=[a.value, b.value])

    async def main() -> dict[str, int]:
        async with orchestrator:
            await orchestrator.solve(
                "What is 2 + 2?", kind="number", strategy="self_consistency(samples=2)",
                aggregator="synthesis", roles={"aggregator": b.value},
            )  # fmt: skip
            await orchestrator.solve(
                "What is 2 + 1?", kind="number", strategy="cot", aggregator="synthesis(expert='b')"
            )  # which has a single candidate, and so asks nobody
            return dict(+orchestrator.engine.groups.coming.calls)

    assert asyncio.run(main()) == {}
    assert seen == [("answer", {"b": 1}), ("answer", {"b": 1}), ("synthesis", {}), ("answer", {})]
