"""Codenames Collaborative (Z. Wang et al., 2024): a hint for some words of a board, and these words from the hint.

Fields: `word_list` (the board), `target_words`, `idx`. Ids are `codenames/IDX`. It takes two players, so it is for
strategy `codenames`, whose answer reads `HINT: WORD, WORD`; what any other strategy answers is taken as guesses without
a hint.

`rule=published` counts the targets among the guesses, however many there are, and whatever the hint. `rule=strict`,
the default, counts no more guesses than there are targets, the first ones, and none at all from a hint that is a word
of the board or no single word. Both flag what breaks the rules of the game.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from orchestrator.answers import codenames
from orchestrator.types import Json, Message, Problem

from .case import Case, Reference, part_of, split_of
from .rows import Line, Options, Reader, Row
from .scoring import UNMARKED, RuleName, Score, published_output, rule_of

_SPYMASTER = (
    "You are the spymaster in a game of Codenames. The words on the board are: {board}.\n"
    "Your teammate, who sees the board and your hint, has to find {which}: {targets}.\n"
    "Give a hint of one single word that leads there and to no other word of the board, and that is not on the board "
    "itself. Your answer is the hint alone."
)

MANY = "too many guesses"
"""Flag of a reply that names more words than there are targets."""


class BoardRow(BaseModel):
    model_config = ConfigDict(frozen=True)

    word_list: tuple[str, ...] = Field(min_length=1)
    target_words: tuple[str, ...] = Field(min_length=1)
    idx: int | str | None = None
    """The row's position in the file, where it has no number."""


@dataclass(frozen=True, slots=True)
class Guesses:
    """Counts the targets that were found."""

    board: tuple[str, ...]
    targets: tuple[str, ...]
    rule: RuleName = "strict"

    def __call__(self, answer: str | None, text: str | None) -> Score:
        wanted = {word.strip().lower() for word in self.targets}
        hint, guesses = codenames.parsed(answer or "")
        objection = None if answer is None else codenames.objection(hint, self.board)
        output, marked = published_output(None if answer is None else ", ".join(guesses), text)
        if self.rule == "published":
            found = wanted & {word.strip().replace(".", "").lower() for word in output.split(",")}
        else:
            found = wanted & set(() if objection else guesses[: len(wanted)])
        # A player who keeps the rules has cut the answer already; the reply tells what was said.
        said = max(len(guesses), len(codenames.guesses(output)) if marked else 0)
        raised = {objection or "": objection is not None, MANY: said > len(wanted), UNMARKED: answer is None}
        return Score(len(found), len(wanted), tuple(flag for flag, up in raised.items() if up))


def recognises(row: Row) -> bool:
    return {"word_list", "target_words"} <= row.keys()


def cases(lines: Iterable[Line], options: Options) -> Iterator[Case]:
    rule = rule_of(options)
    for index, line in enumerate(lines):
        row = line.parse(BoardRow)
        if missing := sorted(set(row.target_words) - set(row.word_list)):
            raise line.error(f"field 'target_words': '{missing[0]}' is not on the board")
        key = f"codenames/{index if row.idx is None else row.idx}"
        game: dict[str, Json] = {"board": list(row.word_list), "targets": list(row.target_words)}
        problem = Problem(key, (Message("user", _asked(row)),), kind="text", meta={"codenames": game})
        reference = Reference(", ".join(row.target_words), rule=Guesses(row.word_list, row.target_words, rule))
        yield Case(problem, reference, "games", "codenames", split_of(key), part_of(key))


def _asked(row: BoardRow) -> str:
    n = len(row.target_words)
    return _SPYMASTER.format(
        board=", ".join(row.word_list),
        targets=", ".join(row.target_words),
        which="this word" if n == 1 else f"these {n} words",
    )


READER = Reader(
    "codenames", "Codenames Collaborative: boards for strategy codenames; scored by the target", recognises, cases,
    frozenset({"rule"}),
)  # fmt: skip
