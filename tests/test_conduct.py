"""How one problem ends, and what its end leaves behind."""

import asyncio
from dataclasses import dataclass

import pytest

from orchestrator import Budget, Candidate, ConfigError, Orchestrator, Outcome, Problem, Request, Run, Verdict
from orchestrator.engine import Attempt, MemoryJournal
from orchestrator.experts.scripted import ScriptedExpert
from tests.clock import run_virtual


async def accepting(problem: Problem, candidate: Candidate, run: Run) -> Verdict:
    return Verdict(1.0, passed=True)


async def second_late(request: Request) -> str:
    if request.sample_index:
        await asyncio.sleep(1.0)
    return f"The answer is {request.sample_index}."


def test_replies_that_are_out_when_a_candidate_passes_still_land_in_the_journal_at_what_they_cost() -> None:
    expert, journal = ScriptedExpert(second_late, max_n=1), MemoryJournal()

    async def solved() -> tuple[Outcome, Orchestrator, float]:
        async with Orchestrator(experts=[expert.value], journal=journal, budget=Budget(calls=9)) as o:
            out = await o.solve("q?", kind="number", strategy="self_consistency(samples=3)", verifier=accepting)
            took = asyncio.get_running_loop().time()
            await asyncio.sleep(3.0)
            return out, o, took

    (out, o, took), _ = run_virtual(solved())
    assert (out.stopped_by, took) == ("verifier", 0.0)
    assert len(journal.replies) == 3
    spent = o.scope.spent
    assert spent.calls == 3
    assert spent.tokens == sum(c.tokens.prompt + c.tokens.completion for c in journal.replies.values())


async def test_whoever_asks_before_or_after_the_block_of_an_orchestrator_is_told_so() -> None:
    o = Orchestrator(experts=[ScriptedExpert(lambda request: "The answer is 4.").value], strategy="cot")
    with pytest.raises(ConfigError, match="inside its block: async with"):
        await o.solve("2 + 2?", kind="number")
    async with o:
        assert (await o.solve("2 + 2?", kind="number")).answer == "4"
    with pytest.raises(ConfigError, match="inside its block: async with"):
        await o.solve("2 + 2?", kind="number")


def test_an_orchestrator_that_is_entered_again_has_its_seconds_anew_and_keeps_the_rest() -> None:
    async def slow(request: Request) -> str:
        await asyncio.sleep(5.0 if "hard" in request.messages[-1].text else 0.5)
        return "The answer is 4."

    expert = ScriptedExpert(slow)

    async def solved() -> tuple[list[str], int]:
        o, ends = Orchestrator(experts=[expert.value], strategy="cot", budget=Budget(calls=3, seconds=2.0)), list[str]()
        for questions in (("easy", "hard"), ("easy", "fair", "last")):
            async with o:
                ends += [(await o.solve(question, kind="number")).stopped_by for question in questions]
        return ends, o.scope.spent.calls

    (ends, calls), _ = run_virtual(solved())
    assert ends == ["done", "budget", "done", "done", "budget"]  # the easy one is known, so the third call is the last
    assert calls == len(expert.requests) == 3


async def test_an_orchestrator_is_not_entered_twice_at_once() -> None:
    async with Orchestrator(experts=[ScriptedExpert(lambda request: "The answer is 4.").value]) as o:
        with pytest.raises(ConfigError, match="once at a time"):
            await o.__aenter__()
        assert (await o.solve("2 + 2?", kind="number", strategy="cot")).answer == "4"


@dataclass
class Slow(MemoryJournal):
    """Takes a while to note down that a call leaves, but for the first."""

    async def open(self, attempt: Attempt) -> int:
        number = await super().open(attempt)
        if number > 1:
            await asyncio.sleep(0.5)
        return number


def test_calls_that_are_about_to_leave_when_a_candidate_passes_do_not() -> None:
    expert = ScriptedExpert(second_late, max_n=1)

    async def solved() -> int:
        async with Orchestrator(experts=[expert.value], journal=Slow()) as o:
            await o.solve("q?", kind="number", strategy="self_consistency(samples=3)", verifier=accepting)
            await asyncio.sleep(3.0)
            return o.scope.spent.calls

    assert run_virtual(solved())[0] == len(expert.requests) == 1
