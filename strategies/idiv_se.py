"""IDIV-SE: several approaches within one reply."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from orchestrator.registry import strategy
from orchestrator.types import Answer, Completion, Estimate, Problem, Prompt

from ._approaches import PLAIN, Pair
from ._approaches_asking import filled, pairs_for
from ._approaches_settings import Booked
from ._sections import sections

if TYPE_CHECKING:
    from orchestrator.prompts import Prompts
    from orchestrator.run import Run


@strategy
@dataclass(frozen=True)
class IDivSE(Booked):
    """Solves a problem by several approaches in one reply, whose answers vote (Naik et al., 2023).

    1. Setup, once a task: the same book as for `div_se`; one serves both.
    2. Solving: one call with all approaches, and with examples that show all of them, for a reply with a labelled
       section for each.
    3. Reading: the answer of each section; where no section has one, the whole reply is one answer.
    4. Selection: by a check where the kind of problem has a sound one, else by majority of the sections.

    A tie goes to the approach with the best validation score. Sections of one reply are not independent: the paper
    estimates that 6 % of them repeat an earlier section's mistake. Departs from the paper: a section without an answer
    abstains, and so does the last one of a reply that its cap cut. Without a book, approaches are named for each
    problem in a call before the other (two replies one after the other); with `name_first=false`, or where none can be
    read, the reply chooses its own.
    """

    max_tokens: int | None = 4096
    """Cap on the reply, which holds as many solutions as there are pairs."""
    name_first: bool = True
    """Without a book: whether approaches are named in a call of their own; false: in the reply that also solves."""

    aggregator: ClassVar[str] = "first_verified"
    verifier: ClassVar[str] = "auto"

    async def __call__(self, problem: Problem, run: Run) -> None:
        pairs = self._pairs
        if not pairs and self.name_first:
            pairs = await pairs_for(run, self.most_pairs, self._sampling)
        prompt = in_one(run.prompts("idiv_se"), problem, pairs) if pairs else self._own_choice(run)
        reply = await run.generate(prompt, sampling=self._sampling)
        for answer in await self._answers(reply[0], len(pairs) or self.most_pairs, run):
            run.emit(answer)

    def _own_choice(self, run: Run) -> Prompt:
        prompts, count = run.prompts("idiv_se"), str(self.most_pairs)
        return run.problem.ask(prompts["solve"], guide=filled(prompts, "choose", count=count), count=count)

    async def _answers(self, reply: Completion, count: int, run: Run) -> list[Answer]:
        """An answer for each section; where none can be read, the whole reply as one."""
        found = sections(reply.text, count, whole=reply.finish != "length")
        read = [replace(await run.read(text), source=reply) for _, text in found]
        if all(answer.abstains for answer in read):
            read = [await run.read(reply)]
        run.note("sections", asked=count, found=len(found), read=sum(not answer.abstains for answer in read))
        return read

    def estimate(self, problem: Problem, experts: int) -> Estimate:
        calls = 1 + (self._book is None and self.name_first)
        return Estimate(calls, float(calls), calls, calls, self.most_pairs)

    def fit(self, calls: int, problem: Problem, experts: int) -> IDivSE | None:
        """The ladder: approaches are not named first."""
        needed = self.estimate(problem, experts).most
        return self if calls >= needed else replace(self, name_first=False) if calls >= 1 else None


def in_one(prompts: Prompts, problem: Problem, pairs: Sequence[Pair]) -> Prompt:
    """The prompt for one reply with a section for each pair."""
    personas = {pair.persona for pair in pairs}
    labels = [_label(prompts, number, pair, len(personas) > 1) for number, pair in enumerate(pairs, 1)]
    count = str(len(pairs))
    parts = [filled(prompts, "persona", persona=pairs[0].persona)] if len(personas) == 1 and pairs[0].persona else []
    parts.append(filled(prompts, "approaches", count=count, approaches="\n".join(labels)))
    if problem.kind == "choice":
        parts.append(filled(prompts, "closest"))
    if examples := _examples(prompts, problem, pairs, labels):
        parts.append(filled(prompts, "examples", examples=examples))
    return problem.ask(prompts["solve"], guide="\n\n".join(parts), count=count)


def _label(prompts: Prompts, number: int, pair: Pair, personas_differ: bool) -> str:
    slots = {"number": str(number), "approach": pair.approach or PLAIN}
    if personas_differ and pair.persona:
        return filled(prompts, "approach_as", **slots, persona=pair.persona)
    return filled(prompts, "approach", **slots)


def _examples(prompts: Prompts, problem: Problem, pairs: Sequence[Pair], labels: Sequence[str]) -> str:
    """The questions that every pair has an example of, each with all of these as sections."""
    shown = [{one.question: one.solution for one in pair.shown_for(problem.question)} for pair in pairs]
    common = [question for question in shown[0] if all(question in solved for solved in shown)]
    return "\n\n".join(
        filled(
            prompts,
            "example",
            number=str(number),
            question=question,
            sections="\n\n".join(f"{label}\n{each[question]}" for label, each in zip(labels, shown, strict=True)),
        )
        for number, question in enumerate(common, 1)
    )
