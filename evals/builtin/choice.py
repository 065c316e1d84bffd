"""Multiple choice that takes a skill to work out: equations, units, the calendar, sequences, sets, chances and more.

The text never names the skill. The answer is computed from the numbers drawn; the other options are what typical
mistakes give.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from orchestrator.types import Json

from . import choice_algebra as algebra
from . import choice_calendar as calendar
from . import choice_counting as counting
from .choice_question import Question

_LETTERS = "ABCD"
_SKILLS: tuple[Callable[[random.Random], Question], ...] = (
    algebra.equations,
    algebra.both_sides,
    calendar.units,
    calendar.weekdays,
    calendar.dates,
    algebra.arithmetic_terms,
    algebra.geometric_terms,
    counting.sets,
    counting.chances,
    counting.percentages,
    counting.means,
    algebra.multiples,
    counting.selections,
    algebra.bases,
    algebra.remainders,
    calendar.clocks,
    counting.shapes,
    counting.medians,
)


def rows(seed: int) -> Iterator[dict[str, Json]]:
    """As many problems as wanted, the same for the same seed."""
    rng = random.Random(f"choice:{seed}")
    number = 0
    while True:
        for make in rng.sample(_SKILLS, len(_SKILLS)):
            yield {"id": f"choice/{seed}-{number}", **_row(make(rng), rng), "category": make.__name__}
            number += 1


def _row(question: Question, rng: random.Random) -> dict[str, Json]:
    right = str(question.right)
    wrong = [text for text in dict.fromkeys(map(str, question.wrong)) if text != right][:3]
    options = rng.sample([right, *wrong], len(wrong) + 1)
    answer = _LETTERS[options.index(right)]
    return {"kind": "choice", "question": rng.choice(question.ways), "options": list(options), "answer": answer}
