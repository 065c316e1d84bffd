"""How a problem is solved where the user leaves it open: strategy, verifier and aggregator by its kind."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import cast

from .contestant import Contestant
from .protocols import Aggregator, Strategy, Verifier
from .registry import Group, build, checker_of, spec_of
from .registry.build import fields_of
from .types import Problem

_KEPT = 256
"""Specs of a run or wallet whose makings are kept: whoever writes a new spec for every problem fills no memory."""


def default_strategy(problem: Problem, verifier: str | Verifier | None = None) -> tuple[str, str]:
    """The strategy for a problem where nobody names one, and the rule that chose it, in words.

    Args:
        verifier: the one that the user gave; `None` leaves it to the kind, `"none"` wants none.
    """
    if verifier not in (None, "auto", "none"):
        return "best_of_n", "several samples, as there is a verifier to pick one"
    if verifier != "none" and (checker := checker_of(problem)):
        return "best_of_n", f"several samples, as {checker} can check a {problem.kind} answer"
    if problem.kind == "text":
        return "universal_sc", "several samples and a model that picks the most consistent, as free text has no vote"
    return "self_consistency", f"several samples and a vote, as {problem.kind} answers can be counted"


class Contests:
    """Puts together contestants for the problems of a run or a wallet.

    What a spec names is made once: strategies, verifiers and aggregators are values. Of many specs those that were made
    last are kept.

    Args:
        files: keep also what names files, which are then read once; else a file that was changed is read anew.
    """

    def __init__(self, *, files: bool = True) -> None:
        self._made: dict[tuple[Group, str], object] = {}
        self._files = files

    def __call__(
        self,
        problem: Problem,
        strategy: str | Strategy | None,
        verifier: str | Verifier | None,
        aggregator: str | Aggregator | None,
    ) -> Contestant:
        """Strategy, verifier and aggregator for a problem, by its kind where nothing is said."""
        chosen = strategy or default_strategy(problem, verifier)[0]
        made = cast(Strategy, self._make("strategies", chosen))
        name = chosen if isinstance(chosen, str) else str(spec_of(made))
        wanted = verifier if verifier is not None else getattr(made, "verifier", "auto")
        picked = aggregator if aggregator is not None else getattr(made, "aggregator", "majority")
        if wanted == "auto":
            wanted = checker_of(problem) or "none"
        return Contestant(
            name,
            made,
            None if wanted == "none" else cast(Verifier, self._make("verifiers", wanted)),
            cast(Aggregator, self._make("aggregators", picked)),
            own=aggregator is None,
        )

    def _make(self, group: Group, spec: object) -> object:
        if not isinstance(spec, str):
            return build(group, spec)
        made = self._made.get((group, spec))
        if made is None:
            made = build(group, spec)
            if self._files or not _names_files(made):
                self._keep((group, spec), made)
        return made

    def _keep(self, spec: tuple[Group, str], made: object) -> None:
        self._made[spec] = made
        if len(self._made) > _KEPT:
            del self._made[next(iter(self._made))]


def _names_files(thing: object) -> bool:
    """Whether a file is among the settings of a strategy, verifier or aggregator, or of one inside it."""
    match thing:
        case Path():
            return True
        case tuple() | list() | set() | frozenset():
            return any(map(_names_files, thing))
        case Mapping():
            return any(map(_names_files, thing.values()))
    return any(_names_files(getattr(thing, f.name)) for f in fields_of(type(thing)))


def contestant_for(
    problem: Problem,
    strategy: str | Strategy | None,
    verifier: str | Verifier | None,
    aggregator: str | Aggregator | None,
) -> Contestant:
    """The contestant for one problem; see `Contests`."""
    return Contests()(problem, strategy, verifier, aggregator)
