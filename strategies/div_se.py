"""DIV-SE: an ensemble over prompts that differ in approach and persona."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from orchestrator.registry import strategy
from orchestrator.types import Estimate, Problem

from ._approaches import Pair
from ._approaches_asking import pairs_for, solving
from ._approaches_settings import Booked

if TYPE_CHECKING:
    from orchestrator.run import Run


@strategy
@dataclass(frozen=True)
class DivSE(Booked):
    """Solves a problem once for each of several approaches and personas, and lets the answers vote (Naik et al., 2023).

    1. Setup, once a task, kept in a book that may be edited: approaches are named for many problems and counted,
       personas named; every pair is measured on a few problems with known answers; those kept get examples solved in
       their style, of which only those with the right answer stay.
    2. Solving: one call for each pair of the book, with its persona, its approach and its examples.
    3. Selection: by a check where the kind of problem has a sound one, else by majority.

    A tie goes to the pair with the best validation score. Departs from the paper: a reply whose answer cannot be read
    abstains and is not asked for again; an example is solved anew with the right answer given, not the whole solution,
    and dropped where it ends in another answer; approaches are named for the problems of the setup, not for those that
    are reported on. Without a book, approaches are named for each problem in a call before the others (two replies one
    after the other), and where none can be read, one line of plain steps remains. The paper's other way to choose, a
    call that reasons over all solutions, is the aggregator `synthesis`.
    """

    aggregator: ClassVar[str] = "first_verified"
    verifier: ClassVar[str] = "auto"

    async def __call__(self, problem: Problem, run: Run) -> None:
        pairs = self._pairs or await pairs_for(run, self.most_pairs, self._sampling) or [Pair()]
        await run.map(self._solve, list(enumerate(pairs)))

    async def _solve(self, numbered: tuple[int, Pair], run: Run) -> None:
        index, pair = numbered
        prompt = solving(run.prompts("div_se"), run.problem, pair)
        reply = await run.generate(prompt, sample=index // len(run.experts), sampling=self._sampling)
        run.note("pair", approach=pair.approach, persona=pair.persona)
        run.emit(await run.read(reply))

    def estimate(self, problem: Problem, experts: int) -> Estimate:
        size = self.most_pairs
        if self._book is not None:
            return Estimate(size, float(size), size, 1, size)
        return Estimate(2, 1.0 + size, 1 + size, 2, size)

    def fit(self, calls: int, problem: Problem, experts: int) -> DivSE | None:
        """The ladder: fewer pairs, those chosen first, down to one."""
        size = min(self.most_pairs, calls - (self._book is None))
        return replace(self, size=size) if size >= 1 else None
