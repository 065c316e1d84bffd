"""Choosing cases of a set, in its order, without holding it in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from orchestrator.errors import BenchmarkError, UnknownName

from .case import Case

_REMEMBERED = 20_000
"""Ids kept to suggest one for an id that is not there."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which cases to take; `None` takes all. Every condition must hold."""

    limit: int | None = None
    """At most so many, counted after the other conditions."""
    ids: frozenset[str] | None = None
    part: str | None = None
    split: str | None = None
    category: str | None = None
    """One category, or several with `|` between them."""
    subject: str | None = None

    def takes(self, case: Case) -> bool:
        return (
            (self.ids is None or case.problem.id in self.ids)
            and (self.part is None or case.part == self.part)
            and (self.split is None or case.split == self.split)
            and (self.category is None or case.category in self.category.split("|"))
            and (self.subject is None or case.subject in self.subject.split("|"))
        )

    def __str__(self) -> str:
        chosen = {name: getattr(self, name) for name in ("part", "split", "category", "subject")}
        words = [f"{name}={value}" for name, value in chosen.items() if value is not None]
        return ", ".join([*words, *(["ids"] if self.ids is not None else [])])


def select(
    cases: Iterable[Case],
    limit: int | None = None,
    ids: Collection[str] | None = None,
    part: str | None = None,
    split: str | None = None,
    *,
    category: str | None = None,
    subject: str | None = None,
) -> Iterator[Case]:
    """The cases that fit all that is given, one by one.

    Args:
        limit: at most so many.
        ids: only these problems; stops reading when all were seen.
        part: `fit` or `eval`.
        split: `dev` or `heldout`.
        category: one, or several with `|` between them.
        subject: likewise.

    Raises:
        UnknownName: when all was read, an id that no case has.
        BenchmarkError: when all was read, that nothing fits.
    """
    chosen = Selection(limit, None if ids is None else frozenset(ids), part, split, category, subject)
    return chosen_from(cases, chosen)


def chosen_from(cases: Iterable[Case], selection: Selection) -> Iterator[Case]:
    """As `select`, with the conditions as one value."""
    fitting = _fitting(cases, selection)
    found = False
    for case in fitting if selection.limit is None else islice(fitting, selection.limit):
        found = True
        yield case
    if not found and selection.limit != 0:
        conditions = f" with {selection}" if str(selection) else ""
        raise BenchmarkError(f"no problem of the set is left{conditions}")


def _fitting(cases: Iterable[Case], selection: Selection) -> Iterator[Case]:
    missing = set(selection.ids or ())
    known: list[str] = []
    for case in cases:
        if selection.takes(case):
            yield case
        if selection.ids is None:
            continue
        missing.discard(case.problem.id)
        if not missing:
            return
        if len(known) < _REMEMBERED:
            known.append(case.problem.id)
    if missing:
        raise UnknownName("problem", min(missing), known)
