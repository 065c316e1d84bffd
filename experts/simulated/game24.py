"""The game of 24, solved by search over exact rationals.

Reads hands of three to five numbers out of a sentence ("Use 4 7 8 8 to make 24") or a line of their own. Slips are a
step worked out wrongly, a number used twice or one left out; the arithmetic that the steps show has the slip in it.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import permutations

from orchestrator.answers.game24 import check
from orchestrator.types import Kind

from .family import Worked
from .game24_search import GOAL, STRANGE, Hand, Node, endings, joins, operand, values

_LONGEST = 5
"""Numbers in a hand; the search would take seconds for more."""
_WORD_GOAL = re.compile(r"\btwenty[- ]?four\b", re.IGNORECASE)
_GOAL = re.compile(
    r"""\b(?:(?:mak|giv|com)(?:e|es|ing)|(?:get|reach|obtain|yield|form|equal|total|evaluate|hit)(?:s|t?ing)?|game|target|goal
        |result|value|outcome|answer)
        \s*(?::|=|->|\b(?:to|of|is|be|must\ be|should\ be|(?:the\ )?(?:number|value|result|total)(?:\ of)?)\b)?
        \s*(?:exactly\s+)?24\b(?!\.\d|\s*[-+*/\d])
        (?!\s+(?!using|us|from|with|out|by|in|and|when|if|as|exactly|points?|each|once|on|for|game)[a-z])
        |->\s*24\b|\b24[- ](?:game|puzzle|points?)\b|\b24\s+(?=(?:from|with|using|out\ of)\b)""",
    re.IGNORECASE | re.VERBOSE,
)
_COUNT = re.compile(r"\b\d+ (?=(?:given |following |whole )?(?:numbers|cards|digits|integers)\b)", re.IGNORECASE)
_BETWEEN = r"(?:\s*[,;|]\s*(?:and\s+)?|\s+and\s+|\s*&\s*|[ \t]+)"
_LIST = re.compile(
    rf"(?<![\d.+*/=^-])(?<![-+*/=]\s)\d{{1,3}}(?:{_BETWEEN}\d{{1,3}}){{2,}}(?!\d|\.\d|\s*[-+*/=^%]|{_BETWEEN}\d)"
)
_ALONE = re.compile(
    r"[^\w\n]*(?:(?:input|numbers?|hand|cards?|digits|puzzle|problem|question|q)\b[\s:=*_]*)?[^\w\n]*$", re.IGNORECASE
)
_CUE = re.compile(
    r"@|\b(?:us(?:e|es|ing)|with|from|of|numbers?|cards?|digits?|integers?|hand|input|given|take)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Game24:
    """A hand of numbers."""

    hand: Hand

    kind: Kind = "game24"
    skills: tuple[str, ...] = ("arithmetic", "search")

    @property
    def difficulty(self) -> float:
        """By the number of last steps that lead to 24, and whether fractions or no way at all are involved."""
        ways = endings(self.hand)
        if not ways:
            return 0.8
        hard = 0.25 if ways[0].cost >= STRANGE else 0.0
        return min(1.0, hard + max(0.1, 0.9 - math.log2(len(ways)) / 6))

    def solve(self, slip: random.Random | None = None) -> Worked:
        if slip is not None:
            return self._slipped(slip)
        ways = endings(self.hand)
        if ways:
            return _worked(ways[0])
        return Worked(
            (
                f"I parted {_listed(self.hand)} into two groups in every way and combined all that each can give.",
                "None of these combinations makes 24, so there is no solution.",
            ),
            "none",
        )

    def right(self, answer: str) -> bool:
        if answer.strip().lower().rstrip(".") == "none":
            return not endings(self.hand)
        return check(self.hand, answer)

    def observations(self) -> tuple[str, ...]:
        return (*_last_steps(self.hand), *_divisors(self.hand), *_repeats(self.hand), *_totals(self.hand))

    def _slipped(self, slip: random.Random) -> Worked:
        kinds: list[Callable[[Hand, random.Random], Node | None]] = [_misreckoned, _misreckoned, _reused, _forgotten]
        slip.shuffle(kinds)
        for kind in kinds:
            node = kind(self.hand, slip)
            if node is not None:
                return _worked(node)
        return _worked(_nearest(self.hand))


def _worked(node: Node) -> Worked:
    return Worked((*node.steps(), f"So {node} = 24."), str(node))


def _misreckoned(hand: Hand, slip: random.Random) -> Node | None:
    """24 by a way with one step worked out wrongly; `None` if no such way is close at hand."""
    options = [(pair, node) for pair in sorted(set(permutations(hand, 2))) for node in _first_steps(*pair)]
    for (a, b), node in slip.sample(options, len(options)):
        truth = int(node.value)
        off = [d for d in (1, -1, 2, -2, 10, -10) if truth + d > 0 and abs(d) * 2 <= max(truth, 4)]
        for wrong in slip.sample([truth + d for d in off], len(off)):
            ways = endings(tuple(sorted((*_without(hand, a, b), wrong))))
            if ways:
                found = ways[0].grafted(wrong, Node(Fraction(wrong), node.cost, node.sign, node.left, node.right))
                if found.true_value() != GOAL:
                    return found
    return None


def _first_steps(a: int, b: int) -> Iterator[Node]:
    """What people do first with two numbers: steps that give a positive whole number."""
    one, other = Node(Fraction(a), 0), Node(Fraction(b), 0)
    for node in joins(one, other):
        if node.value.denominator == 1 and node.value > 0 and (a <= b or node.sign in "-/") and b > 1:
            yield node


def _reused(hand: Hand, slip: random.Random) -> Node | None:
    """24 with one number used twice in the place of another."""
    swaps = sorted(set(permutations(hand, 2)))
    for gone, twice in slip.sample(swaps, len(swaps)):
        if gone != twice and (ways := endings(tuple(sorted((*_without(hand, gone), twice))))):
            return ways[0]
    return None


def _forgotten(hand: Hand, slip: random.Random) -> Node | None:
    """24 with one number left out."""
    distinct = sorted(set(hand))
    for gone in slip.sample(distinct, len(distinct)):
        if len(hand) > 2 and (ways := endings(_without(hand, gone))):
            return ways[0]
    return None


def _nearest(hand: Hand) -> Node:
    """The value beside 24 that is nearest to it, called 24."""
    misses = [node for node in values(hand).values() if node.value != GOAL]
    node = min(misses, key=lambda n: (abs(n.value - GOAL), n.cost))
    return Node(GOAL, node.cost, node.sign, node.left, node.right)


def _without(hand: Sequence[int], *gone: int) -> Hand:
    rest = list(hand)
    for number in gone:
        rest.remove(number)
    return tuple(rest)


def _last_steps(hand: Hand) -> Iterator[str]:
    ways = endings(hand)
    for node in ways[:2]:
        if node.left is not None and node.right is not None:
            ends = f"{operand(node.left)} {node.sign} {operand(node.right)}"
            yield f"{ends} is a last step that can be prepared: both of its sides come out of the hand."
    if not ways:
        yield "No last step can be prepared: whatever two groups the hand is parted into, 24 does not come out."
    elif ways[0].cost >= STRANGE:
        yield "Plain whole numbers do not get there: a fraction or a negative number is needed on the way."
    else:
        yield "Whole numbers are enough at every step."
    if ways:
        number = "is one last step" if len(ways) == 1 else f"are {len(ways)} different last steps"
        yield f"There {number} leading to 24."


def _divisors(hand: Hand) -> Iterator[str]:
    for number in sorted(set(hand), reverse=True):
        if 1 < number < GOAL and GOAL % number == 0:
            rest = int(GOAL) // number
            possible = Fraction(rest) in values(_without(hand, number))
            yield f"24 / {number} = {rest}, and the other numbers can{'' if possible else 'not'} make {rest}."


def _repeats(hand: Hand) -> Iterator[str]:
    for number in sorted({n for n in hand if hand.count(n) > 1}):
        yield f"{number} occurs {hand.count(number)} times: {number} - {number} = 0 and {number} / {number} = 1."


def _totals(hand: Hand) -> Iterator[str]:
    total, product, odd = sum(hand), math.prod(hand), sum(n % 2 for n in hand)
    gap = f"{abs(total - 24)} {'too many' if total > 24 else 'too few'}" if total != 24 else "just what is wanted"
    yield f"Adding everything up gives {total}, {gap}."
    yield f"The two largest multiply to {hand[-1] * hand[-2]}, the two smallest to {hand[0] * hand[1]}."
    yield f"The product of the hand is {product}, which 24 {'divides' if product % 24 == 0 else 'does not divide'}."
    parity = "even" if odd % 2 == 0 else "odd"
    yield f"{odd} of the {len(hand)} are odd, so adding and subtracting alone gives an {parity} result."
    yield f"The largest less the smallest is {hand[-1] - hand[0]}."


def _listed(hand: Hand) -> str:
    return " and ".join(filter(None, (", ".join(map(str, hand[:-1])), str(hand[-1]))))


@dataclass(frozen=True, slots=True)
class Game24Family:
    """Hands of three to five numbers from which 24 is to be made."""

    name: str = "game24"

    def read(self, text: str) -> Game24 | None:
        """The last hand in the text, where the text speaks of making 24."""
        return _read(text)


@lru_cache(maxsize=1024)
def _read(text: str) -> Game24 | None:
    plain = _WORD_GOAL.sub("24", text.replace("**", ""))
    if not _GOAL.search(plain):
        return None
    hand = None
    for line in _GOAL.sub(" @ ", plain).splitlines():
        for found in _LIST.finditer(_COUNT.sub("", line)):
            hand = _hand(found) or hand
    return Game24(hand) if hand else None


def _hand(found: re.Match[str]) -> Hand | None:
    before, behind = found.string[: found.start()], found.string[found.end() :]
    alone = _ALONE.match(before) and not behind.strip(" \t.,;:!?)]}*_`\"'")
    if not alone and not _CUE.search(before) and "@" not in behind:
        return None
    numbers = sorted(int(number) for number in re.findall(r"\d+", found[0]))
    return tuple(numbers) if len(numbers) <= _LONGEST else None


FAMILY = Game24Family()
