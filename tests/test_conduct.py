"""How one problem ends, and what its end leaves behind."""

import asyncio

from orchestrator import Budget, Candidate, Orchestrator, Outcome, Problem, Request, Run, Verdict
from orchestrator.engine import MemoryJournal
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
