"""What is asked about approaches: their names, and a problem's solution by one of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from orchestrator.types import Problem, Prompt, Sampling

from ._approaches import Demonstration, Pair
from ._approaches_naming import names_in

if TYPE_CHECKING:
    from orchestrator.prompts import Prompts
    from orchestrator.run import Run


def solving(prompts: Prompts, problem: Problem, pair: Pair) -> Prompt:
    """The prompt that has one pair solve a problem."""
    return problem.ask(prompts["solve"], guide=guide(prompts, problem, pair))


def guide(prompts: Prompts, problem: Problem, pair: Pair) -> str:
    """What a pair is told before a problem: persona, approach, examples solved in its style."""
    parts = []
    if pair.persona:
        parts.append(filled(prompts, "persona", persona=pair.persona))
    parts.append(filled(prompts, "approach", approach=pair.approach) if pair.approach else filled(prompts, "plain"))
    if problem.kind == "choice":
        parts.append(filled(prompts, "closest"))
    if shown := pair.shown_for(problem.question):
        parts.append(filled(prompts, "examples", examples=_examples(prompts, shown)))
    return "\n\n".join(parts)


def _examples(prompts: Prompts, shown: Sequence[Demonstration]) -> str:
    return "\n\n".join(
        filled(prompts, "example", number=str(number), question=one.question, solution=one.solution)
        for number, one in enumerate(shown, 1)
    )


def filled(prompts: Prompts, name: str, **slots: str) -> str:
    """A part of a prompt."""
    return prompts[name].render(slots)[0]


async def names_of_approaches(run: Run, count: int, sampling: Sampling, sample: int = 0) -> list[str]:
    """The approaches that an expert names for the run's problem, at the most `count`; lines in another form are none.

    Raises:
        ExpertError: there is no reply.
    """
    prompt = run.problem.ask(run.prompts("div_se")["approaches"], count=str(count))
    expert = run.role("idea")
    reply = await run.generate(prompt, expert=expert, sample=sample, sampling=sampling, purpose="approaches")
    return names_in(reply.text, "approach", count)


async def pairs_for(run: Run, count: int, sampling: Sampling) -> list[Pair]:
    """Pairs without a persona for the run's problem alone; none where nobody names an approach."""

    async def ask(count: int, branch: Run) -> list[str]:
        return await names_of_approaches(branch, count, sampling)

    found = await run.map(ask, [count])
    return [Pair(name) for name in found[0] or ()]
