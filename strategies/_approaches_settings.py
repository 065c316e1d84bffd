"""The settings that div_se and idiv_se share: an approach book, and how one is made."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from orchestrator.errors import ConfigError
from orchestrator.types import Estimate, Sampling

from ._approaches import Book, Pair, best_first, read_book
from ._approaches_prepare import USUAL_SIZE, Preparation, calls_of
from ._approaches_text import written

if TYPE_CHECKING:
    from orchestrator.lessons import Lesson
    from orchestrator.workshop import Workshop


@dataclass(frozen=True)
class Booked:
    """A strategy that thinks by an approach book, or by approaches that are named for each problem."""

    book: Path | None = None
    """The approach book, as `orchestrator prepare` writes it, or a hand (see the page on approach books); none:
    approaches are named for each problem in a call of its own, without personas and examples."""
    size: int | None = None
    """Pairs of approach and persona that are used; `None`: all of a book, and 5 without one or when it is made (the
    paper's number for arithmetic; 3 for planning and common sense)."""
    temperature: float | None = 0.0
    """`None`: the provider's default."""
    max_tokens: int | None = None
    """Cap on each reply; 2048 where nobody sets one."""
    elicitations: int = 100
    """Preparing: how often approaches are asked for, each time for a lesson drawn at random."""
    per_elicitation: int = 5
    """Preparing: how many are asked for each time."""
    approaches: int = 5
    """Preparing: how many of the most frequent are measured, beside plain steps."""
    personas: int = 3
    """Preparing: how many personas are asked for, and measured beside none; 0: none."""
    validation: int = 20
    """Preparing: lessons that each pair is measured on; the paper has up to 20, and 50 or more are better."""
    examples: int = 4
    """Preparing: lessons, a quarter of all at the most, that are solved in the style of each pair that is kept."""
    choose: Literal["alone", "together"] = "alone"
    """Preparing: keep the pairs that are most accurate alone, as in the paper; or those that are best together, each
    added for what the ensemble gains by it."""
    disagreement: float = 0.1
    """Preparing, with choose=together: what it is worth, in problems solved, never to repeat a mistake of those chosen
    before; 0.1: as much as a tenth of them."""
    naming_temperature: float | None = 0.7
    """Preparing: for the names of approaches and personas."""

    _book: Book | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.size is not None and self.size < 1:
            raise ValueError("size counts from 1")
        for name in ("elicitations", "per_elicitation", "approaches", "validation"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} counts from 1")
        for name in ("personas", "examples", "disagreement"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be below 0")
        if self.book is not None:
            object.__setattr__(self, "_book", read_book(Path(self.book)))

    @property
    def seen(self) -> Collection[str]:
        """Marks of the problems that the book was made from."""
        return self._book.seen if self._book is not None else ()

    async def prepare(self, lessons: Sequence[Lesson], workshop: Workshop) -> str:
        """An approach book made from lessons, as text.

        Raises:
            BudgetExceeded: a cap ended it.
            ConfigError: there are no lessons.
        """
        distinct = list({lesson.mark: lesson for lesson in reversed(lessons)}.values())[::-1]
        if not distinct:
            raise ConfigError("an approach book is made from problems with known answers, and there are none")
        return written(await Preparation(self, distinct, workshop)())

    def preparation(self, lessons: int, experts: int) -> Estimate:
        return calls_of(self, lessons)

    @property
    def most_pairs(self) -> int:
        """Pairs that are used, or approaches that are asked for, at the most."""
        return len(self._pairs) or self.size or USUAL_SIZE

    @property
    def _pairs(self) -> list[Pair]:
        """The book's pairs in use, the best scored first, to which a tie goes; none without a book."""
        return [] if self._book is None else best_first(self._book.pairs[: self.size])

    @property
    def _sampling(self) -> Sampling:
        return Sampling(self.temperature, max_tokens=self.max_tokens)
