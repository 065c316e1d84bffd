"""The references of the built-in sample, worked out anew."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from orchestrator import answers
from orchestrator.evals.case import Case
from orchestrator.evals.grading import grade
from orchestrator.evals.sets import open_set
from orchestrator.experts.scripted import from_file
from orchestrator.types import Message, Request

from .asserting import asserts_of

CASES: dict[str, Case] = {case.problem.id: case for case in open_set("sample")}

NUMBERS: dict[str, tuple[str, Callable[[], Fraction | int]]] = {
    "sample/1": ("tram", lambda: (37 - 9 + 14) // 2),
    "sample/2": ("printer", lambda: Fraction(270, 18) + 2 * (270 // 90 - 1)),
    "sample/3": ("pens", lambda: (20 - 6 - 3 * Fraction("2.40")) / Fraction("0.85")),
    "sample/4": ("tank", lambda: Fraction(240, 32) + Fraction(240, 32 - 8)),
    "sample/5": ("divisible", lambda: sum((i % 3 == 0) != (i % 5 == 0) for i in range(1, 101))),
    "sample/6": ("ticket", lambda: 24 * Fraction(125, 100) * Fraction(80, 100)),
    "sample/7": ("cyclists", lambda: Fraction(90, 16 + 20) * 60),
    "sample/8": ("decimal digits", lambda: sum(map(int, str(2**15)))),
    "sample/9": ("perimeter", lambda: next(w * 2 * w for w in range(1, 27) if 2 * (w + 2 * w) == 54)),
}
CHOICES: dict[str, tuple[str, Callable[[], str]]] = {
    "sample/10": ("solids", lambda: {(12, 8): "cube", (8, 5): "square pyramid", (12, 6): "octahedron"}[12, 6]),
    "sample/11": ("clock", lambda: f"{abs((4 * 60 + 20) / 2 - 20 * 6):.0f} degrees"),
    "sample/12": ("glims", lambda: "No glim is blue."),  # glims lie within tarps, and no tarp is blue
    "sample/13": ("Python expression", lambda: repr([1, 2, 3][-1:])),
    "sample/14": ("dice", lambda: str(Fraction(sum(a + b == 9 for a in range(1, 7) for b in range(1, 7)), 36))),
    "sample/15": ("shortest", lambda: next(o[0] for o in permutations(("Ana", "Ben", "Cai", "Dee")) if rising(o))),
}


def rising(order: tuple[str, ...]) -> bool:
    """Whether an order from the shortest up fits what the problem says."""
    at = order.index
    return at("Ana") > at("Ben") > at("Dee") > at("Cai")


def reachable(numbers: tuple[Fraction, ...]) -> set[Fraction]:
    """All values that expressions with each number once can have."""
    if len(numbers) == 1:
        return {numbers[0]}
    found: set[Fraction] = set()
    for a, b, *rest in permutations(numbers):
        for value in (a + b, a - b, a * b, *((a / b,) if b else ())):
            found |= reachable((value, *rest))
    return found


def passes(case: Case, program: str, tests: str) -> bool:
    namespace: dict[str, Any] = {}
    exec(program, namespace)
    try:
        exec(f"{tests}\ncheck({case.reference.entry_point})" if "def check" in tests else tests, namespace)
    except AssertionError:
        return False
    return True


def of(kind: str) -> list[str]:
    return [key for key, case in CASES.items() if case.problem.kind == kind]


def test_the_sample_is_small_and_mixed() -> None:
    assert len(CASES) == 24
    assert {kind: len(of(kind)) for kind in ("number", "choice", "game24", "code")} == {
        "number": 9,
        "choice": 6,
        "game24": 4,
        "code": 5,
    }
    assert {case.part for case in CASES.values()} == {"fit", "eval"}


def test_every_number_is_worked_out() -> None:
    assert list(NUMBERS) == of("number")


@pytest.mark.parametrize("key", NUMBERS)
def test_numbers(key: str) -> None:
    word, value = NUMBERS[key]
    assert word in CASES[key].problem.prompt
    assert Fraction(CASES[key].reference.answer or "") == value()


def test_every_choice_is_worked_out() -> None:
    assert list(CHOICES) == of("choice")


@pytest.mark.parametrize("key", CHOICES)
def test_choices(key: str) -> None:
    word, option = CHOICES[key]
    case = CASES[key]
    assert word in case.problem.prompt
    assert case.problem.options["ABCDEFGH".index(case.reference.answer or "")] == option()
    assert len(set(case.problem.options)) == len(case.problem.options)


@pytest.mark.parametrize("key", of("game24"))
def test_puzzles_can_be_solved(key: str) -> None:
    numbers = tuple(Fraction(n) for n in CASES[key].problem.prompt.splitlines()[-1].split())
    assert len(numbers) == 4
    assert 24 in reachable(numbers)


@pytest.mark.parametrize("key", of("code"))
def test_programs_pass_their_tests_and_an_empty_one_does_not(key: str) -> None:
    case = CASES[key]
    (tests,) = asserts_of(case).tests
    assert passes(case, case.reference.answer or "", tests)
    assert not passes(case, f"def {case.reference.entry_point}(*arguments): return None", tests)
    (public,) = case.problem.public_tests
    assert passes(case, case.reference.answer or "", public)
    assert case.reference.entry_point == case.problem.meta["entry_point"]


def test_hidden_tests_hold_more_than_the_public_one() -> None:
    for key in of("code"):
        assert asserts_of(CASES[key]).tests[0].count("assert ") >= 5


class TestScript:
    """The replies that come with the sample."""

    FILE = Path(open_set("sample").path).with_name("sample.scripted.toml")
    SAMPLES = 5

    @pytest.fixture
    async def verdicts(self) -> dict[str, list[tuple[str | None, bool]]]:
        """Of each problem, the key and the verdict of every reply."""
        expert = from_file(self.FILE, "scripted")
        found: dict[str, list[tuple[str | None, bool]]] = {}
        for key, case in CASES.items():
            ask = Message("user", f"Solve this.\n\n{case.problem.question}\n\n{case.problem.format}")
            requests = [Request("scripted", "scripted", (ask,), sample_index=i) for i in range(self.SAMPLES)]
            texts = [completion.text for completion in (await expert.complete(requests)).completions]
            readings = [answers.read_now(case.problem, text) for text in texts]
            right = [bool(reading and await grade(case, reading.value)) for reading in readings]
            found[key] = [(r and r.key, y) for r, y in zip(readings, right, strict=True)]
        return found

    def test_each_rule_speaks_to_one_problem(self) -> None:
        rules = tomllib.loads(self.FILE.read_text(encoding="utf-8"))["rule"]
        assert len(rules) == len(CASES)
        for rule in rules:
            assert len(rule["replies"]) == self.SAMPLES
            assert len([1 for case in CASES.values() if re.search(rule["match"], case.problem.question)]) == 1

    def test_a_vote_beats_the_first_reply_and_some_right_reply_beats_the_vote(
        self, verdicts: dict[str, list[tuple[str | None, bool]]]
    ) -> None:
        first = sum(samples[0][1] for samples in verdicts.values())
        vote = sum(voted(samples) for samples in verdicts.values())
        oracle = sum(any(right for _, right in samples) for samples in verdicts.values())
        assert (first, vote, oracle) == (13, 21, 24)

    def test_some_replies_cannot_be_read(self, verdicts: dict[str, list[tuple[str | None, bool]]]) -> None:
        assert sum(key is None for samples in verdicts.values() for key, _ in samples) == 4


def voted(samples: list[tuple[str | None, bool]]) -> bool:
    """Whether the commonest key is right, the earliest of equals winning."""
    votes = Counter(key for key, _ in samples if key is not None)
    winner = max(votes, key=lambda key: votes[key])
    return next(right for key, right in samples if key == winner)
