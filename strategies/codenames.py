"""Codenames: two players, a hint and what is guessed from it, both played by one strategy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Self

from orchestrator.answers import codenames
from orchestrator.errors import Unsuited
from orchestrator.protocols import Strategy
from orchestrator.registry import strategy
from orchestrator.types import Answer, Candidate, Completion, Estimate, Message, Problem

from ._inner import Inner
from .spp import SPP

if TYPE_CHECKING:
    from orchestrator.run import Run


@strategy
@dataclass(frozen=True)
class Codenames:
    """Plays a board of Codenames in two steps, either by a strategy of its own (Z. Wang et al., 2024).

    1. Spymaster: sees the board and its targets, and gives one word as a hint.
    2. Guesser: sees the board, the hint and the number of targets, and names as many words.

    The answer is `HINT: WORD, WORD`. Sets of such boards are scored by the target.

    Departs from the paper, in which a hint may be a word of the board and a guesser may name any number of words: here
    a hint that is against the rules ends the game without an answer, and only as many guesses count as there are
    targets. `enforce=false` lets both pass, which figures by `rule=published` need.
    """

    inner: Strategy = SPP()
    """What each player thinks with; its own verifier and aggregator choose among several answers."""
    enforce: bool = True
    """Whether the rules are kept: a hint of one word that is not on the board, and no more guesses than targets."""

    aggregator: ClassVar[str] = "majority"
    verifier: ClassVar[str] = "none"
    needs: ClassVar[str] = "a board with its targets, which sets of format `codenames` have"

    async def __call__(self, problem: Problem, run: Run) -> None:
        game = _Game.of(problem)
        if game is None:
            raise Unsuited(_without_board(problem))
        given = await _turn(Inner(self.inner), problem, run)
        if given is None:
            return
        hint, objection = codenames.word(given.answer or ""), codenames.objection(given.answer or "", game.board)
        if objection is not None:
            run.note("against the rules", why=objection)
        if not hint or (objection is not None and self.enforce):
            # Nothing was guessed: the spymaster's words, which may name the targets, are no guesses.
            run.emit(Answer("", source=_author(given)), parents=given.parents)
            return
        asked = run.prompts("codenames").guesser.render(game.told(hint))[0]
        found = await _turn(Inner(self.inner), _for_guesser(problem, asked), run)
        if found is not None:
            guesses = self._kept(codenames.guesses(found.answer or ""), game, run)
            run.emit(_answered(hint, guesses, found), parents=(*given.parents, *found.parents))

    def _kept(self, guesses: Sequence[str], game: _Game, run: Run) -> Sequence[str]:
        """The guesses that count."""
        if len(guesses) > len(game.targets):
            run.note("against the rules", why="too many guesses", guesses=len(guesses))
        return guesses[: len(game.targets)] if self.enforce else guesses

    def refuses(self, problem: Problem, experts: int) -> str | None:
        return _without_board(problem) if _Game.of(problem) is None else None

    def estimate(self, problem: Problem, experts: int) -> Estimate:
        one = Inner(self.inner).estimate(problem, experts) or Estimate(1, 1.0, 1, 1)
        return replace(one + one, least=one.least, candidates=1)

    def fit(self, calls: int, problem: Problem, experts: int) -> Self | None:
        """The ladder: smaller forms of the inner strategy, the same for both players."""
        smaller = Inner(self.inner).fit(calls // 2, problem, experts)
        return None if calls < 2 or smaller is None else replace(self, inner=smaller.strategy)


@dataclass(frozen=True, slots=True)
class _Game:
    board: tuple[str, ...]
    targets: tuple[str, ...]

    @classmethod
    def of(cls, problem: Problem) -> _Game | None:
        """What the problem has of a game; `None`: none."""
        match problem.meta.get("codenames"):
            case {"board": [*board], "targets": [*targets]} if board and targets:
                return cls(tuple(map(str, board)), tuple(map(str, targets)))
            case _:
                return None

    def told(self, hint: str) -> dict[str, str]:
        """What the guesser is told."""
        n = len(self.targets)
        count, which = ("one word", "word is it") if n == 1 else (f"{n} words", "words are they")
        return {"board": ", ".join(self.board), "hint": hint, "count": count, "which": which}


def _without_board(problem: Problem) -> str:
    return (
        f"strategy codenames needs a board: problem '{problem.id}' has no meta.codenames with board and targets; "
        "sets of format codenames have"
    )


@dataclass(frozen=True, slots=True)
class _Alone:
    """Puts forward the one answer that an inner strategy comes to."""

    inner: Inner

    async def __call__(self, problem: Problem, run: Run) -> None:
        found = await self.inner.answer(run)
        if found is not None:
            run.emit(Answer(found.text, found.answer, found.key, _author(found)), parents=found.parents)


async def _turn(inner: Inner, problem: Problem, run: Run) -> Candidate | None:
    found = await run.collect(_Alone(inner), problem)
    return found[0] if found else None


def _for_guesser(problem: Problem, asked: str) -> Problem:
    """The guesser's own problem, which says nothing of the targets."""
    system = tuple(message for message in problem.messages if message.role == "system")
    return replace(problem, id=f"{problem.id}/guess", messages=(*system, Message("user", asked)), meta={})


def _answered(hint: str, guesses: Sequence[str], found: Candidate) -> Answer:
    if not guesses:
        return Answer(found.text, source=_author(found))
    key = codenames.answer_of(hint, sorted(guesses))
    return Answer(found.text, codenames.answer_of(hint, guesses), key, _author(found))


def _author(found: Candidate) -> Completion:
    """The reply that a candidate was read from, for the one that is made of it."""
    return Completion(found.text, finish=found.finish, expert=found.expert, id=found.parents[-1])
