"""Arithmetic word problems of known plots: read sentence by sentence, solved as a chain of sums."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from orchestrator.types import Kind

from .arithmetic import Sum, slipped, worked
from .family import Worked
from .numbers import equal, parts, shown, value
from .patterns import last
from .word_plots import Plot, plots


@dataclass(frozen=True)
class WordProblem:
    """A plot with the numbers and the words of one text."""

    plot: Plot
    given: Mapping[str, Fraction]
    words: Mapping[str, str]

    kind: Kind = "number"

    @property
    def skills(self) -> tuple[str, ...]:
        return self.plot.skills

    @property
    def difficulty(self) -> float:
        return self.plot.difficulty

    def solve(self, slip: random.Random | None = None) -> Worked:
        sums = self._right() if slip is None else slipped(self.plot.steps, self.given, self.words, slip)
        return Worked(tuple(map(str, sums)), shown(sums[-1].result))

    def right(self, answer: str) -> bool:
        return equal(answer, shown(self._right()[-1].result))

    def observations(self) -> tuple[str, ...]:
        *early, final = self._right()
        numbers = ", ".join(shown(number) for number in self.given.values())
        return (
            *(total.hint for total in early),
            *(_sentence(remark.format(**self.words)) for remark in self.plot.remarks),
            f"What is asked for is {self.plot.asked.format(**self.words)}, which no single number of the text gives.",
            f"The numbers to use are {numbers}; each of them matters.",
            f"The last sum is {final.what}, so everything before it must be right.",
            f"Going backwards from {self.plot.asked.format(**self.words)} must lead back to {numbers.split(',')[0]}.",
        )

    def _right(self) -> tuple[Sum, ...]:
        return worked(self.plot.steps, self.given, self.words)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


class WordProblems:
    """Word problems whose plot is known, told with any names, things and numbers."""

    name = "word problems"

    def read(self, text: str) -> WordProblem | None:
        if "?" not in text and "find" not in text and "Find" not in text:
            return None
        lower = text.lower()
        best: tuple[re.Match[str], Plot] | None = None
        for plot in plots():
            if any(cue in lower for cue in plot.cues):
                match = last(plot.patterns, text)
                if match and (best is None or match.end() > best[0].end()):
                    best = match, plot
        return None if best is None else _problem(*best)


def _problem(match: re.Match[str], plot: Plot) -> WordProblem | None:
    found = {name: " ".join(text.split()) for name, text in match.groupdict().items() if text is not None}
    given = {name: value(text) for name, text in found.items() if len(name) == 1}
    if "part" in found:
        given["part"] = parts(found["part"])
    words = {name: text for name, text in found.items() if len(name) > 1}
    problem = WordProblem(plot, given, {**words, **{name: shown(number) for name, number in given.items()}})
    try:
        problem.solve()
    except ZeroDivisionError:
        return None
    return problem
