"""Sets, chances, selections, and numbers that stand for many: percentages, means, medians."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from fractions import Fraction

from .computed import Computed, Skill, number

Found = Mapping[str, str]


def _whole(found: Found, *names: str) -> list[int]:
    return [int(found[name].replace(",", "")) for name in names]


def _neither(found: Found) -> Computed | None:
    total, one, other, both = _whole(found, "n", "a", "b", "c")
    either = one + other - both
    value = total - either
    if value < 0:
        return None
    return Computed(
        (
            f"{one} + {other} - {both} = {either} do at least one of the two.",
            f"So {total} - {either} = {value} do neither.",
        ),
        number(value),
        (
            (f"{one} + {other} = {one + other} do one of them, which leaves {abs(total - one - other)}.",
             number(abs(total - one - other))),
            (f"{both} do both, so {value + both} are left over.", number(value + both)),
            (f"{total} - {one} = {total - one} do not do the first.", number(total - one)),
        ),
        (
            f"The {both} who do both are in each of the two counts.",
            f"Adding {one} and {other} counts {both} people twice.",
            "First find how many do at least one of the two.",
            f"Nobody is outside the {total}, so what is left do neither.",
        ),
    )  # fmt: skip


def _chance(found: Found) -> Computed | None:
    counts = {
        colour.lower(): int(count) for count, colour in re.findall(r"(\d+) ([a-z]+)", found["bag"], re.IGNORECASE)
    }
    colour, total = found["colour"].lower(), sum(counts.values())
    if colour not in counts or total < 2:
        return None
    here = counts[colour]
    return _both_drawn(colour, here, total) if found.get("both") else _not_drawn(colour, here, total)


def _both_drawn(colour: str, here: int, total: int) -> Computed:
    value = Fraction(here, total) * Fraction(here - 1, total - 1)
    square, once = Fraction(here, total) ** 2, Fraction(here, total)
    return Computed(
        (
            f"The first ball is {colour} with probability {here}/{total}.",
            f"Then {here - 1} of the {total - 1} balls left are {colour}.",
            f"Together that is {here}/{total} x {here - 1}/{total - 1} = {value}.",
        ),
        str(value),
        (
            (f"Both times the probability is {here}/{total}, so it is {square}.", str(square)),
            (f"The probability of {colour} is {once}.", str(once)),
            (f"Two draws give twice {here}/{total}, which is {2 * once}.", str(2 * once)),
        ),
        (
            f"There are {total} balls, {here} of them {colour}.",
            "The first ball stays out, so the second draw has one ball less.",
            f"For the second draw only {here - 1} {colour} balls are left.",
            "Both things must happen, so the probabilities are multiplied.",
        ),
    )


def _not_drawn(colour: str, here: int, total: int) -> Computed:
    value, once = 1 - Fraction(here, total), Fraction(here, total)
    return Computed(
        (f"{total - here} of the {total} balls are not {colour}.", f"So the probability is {value}."),
        str(value),
        (
            (f"{here} of the {total} balls are {colour}, so it is {once}.", str(once)),
            (f"One of the {total - here} others is drawn: 1/{total - here}.", str(Fraction(1, total - here))),
            ("It is one or the other, so the chances are even.", "1/2"),
        ),
        (
            f"There are {total} balls, {here} of them {colour}.",
            f"All colours but {colour} count.",
            "The probabilities of a thing and of its opposite add up to 1.",
            f"The balls that count are {total - here}.",
        ),
    )


def _percentage(found: Found) -> Computed | None:
    old, new = (Fraction(found[name].replace(",", "")) for name in ("a", "b"))
    if not old or not new:
        return None
    change = abs(new - old)
    value = change / old * 100
    back = Fraction(round(change / new * 100))
    return Computed(
        (
            f"The change is {number(change)}.",
            f"As part of the old value: {number(change)} / {number(old)} = {number(value)}%.",
        ),
        number(value),
        (
            (f"As part of the new value: {number(change)} / {number(new)}, about {number(back)}%.", number(back)),
            (f"The change is {number(change)}, so {number(change)}%.", number(change)),
            (f"It changes by about {number(value * 2)}%.", number(value * 2)),
        ),
        (
            "A percentage of change is taken of the old value, not of the new one.",
            f"The old value is {number(old)}, the new one {number(new)}.",
            f"The difference of the two is {number(change)}.",
            f"One percent of the old value is {number(old / 100)}.",
        ),
    )


_SMALL = {"three": 3, "four": 4, "five": 5, "six": 6}


def _mean(found: Found) -> Computed | None:
    known = [int(text) for text in re.findall(r"\d+", found["known"])]
    (mean,) = _whole(found, "m")
    count = len(known) + 1
    if _SMALL.get(found["count"].lower(), count) != count:
        return None
    value = mean * count - sum(known)
    return Computed(
        (f"All {count} numbers add up to {count} x {mean} = {mean * count}.",
         f"The known ones add up to {sum(known)}.",
         f"The missing one is {mean * count} - {sum(known)} = {value}."),
        number(value),
        (
            (f"The missing number is the mean itself, {mean}.", number(mean)),
            (f"{len(known)} x {mean} = {mean * len(known)}, and the difference to {sum(known)} is "
             f"{abs(mean * len(known) - sum(known))}.", number(abs(mean * len(known) - sum(known)))),
            (f"The missing number lies {mean} higher, at {value + mean}.", number(value + mean)),
        ),
        (
            "A mean times the count is the sum of all.",
            f"There are {count} numbers, the missing one included.",
            f"The known numbers add up to {sum(known)}.",
            f"All together add up to {mean * count}.",
        ),
    )  # fmt: skip


def _selection(found: Found) -> Computed | None:
    n, k = _whole(found, "n", "k")
    if not 0 < k <= n:
        return None
    ordered = bool(found.get("order"))
    orders, groups = math.perm(n, k), math.comb(n, k)
    factors = " x ".join(str(n - i) for i in range(k))
    value, other = (orders, groups) if ordered else (groups, orders)
    last = (
        "The order matters, so that is the answer."
        if ordered
        else f"The order does not matter: {orders} / {math.factorial(k)} = {groups}."
    )
    return Computed(
        (f"One after the other, there are {factors} = {orders} ways.", last),
        number(value),
        (
            (f"That gives {other} ways.", number(other)),
            (f"Each of {k} places has {n} choices: {n**k}.", number(n**k)),
            (f"{n} x {k} = {n * k}.", number(n * k)),
        ),
        (
            f"There are {n} choices at first, and one less each time.",
            "The places differ, so the order counts." if ordered else "A group has no order, so orders must not count.",
            f"{k} are taken out of {n}, and nobody twice.",
            f"{k} things can be put in order in {math.factorial(k)} ways.",
        ),
    )


def _median(found: Found) -> Computed | None:
    numbers = [int(text) for text in re.findall(r"\d+", found["list"])]
    if len(numbers) % 2 == 0:
        return None
    ordered, middle = sorted(numbers), len(numbers) // 2
    mean = round(sum(numbers) / len(numbers))
    return Computed(
        (f"In order: {', '.join(map(str, ordered))}.", f"The middle one is number {middle + 1}: {ordered[middle]}."),
        number(ordered[middle]),
        (
            (f"The one in the middle is {numbers[middle]}.", number(numbers[middle])),
            (f"They average about {mean}.", number(mean)),
            (f"In order, the middle one is {ordered[middle + 1]}.", number(ordered[middle + 1])),
            (f"In order, the middle one is {ordered[middle - 1]}.", number(ordered[middle - 1])),
        ),
        (
            "The numbers have to be put in order first.",
            f"There are {len(numbers)} numbers, so number {middle + 1} in order is the middle.",
            f"The smallest is {ordered[0]}, the largest {ordered[-1]}.",
            "The middle is not the average.",
        ),
    )


_BAG = r"(?P<bag>\d+ [a-z]+, \d+ [a-z]+(?:, \d+ [a-z]+)* and \d+ [a-z]+) balls"
_LIST = r"(?P<list>\d+(?:, \d+)+(?:,? and \d+)?)"
_KNOWN = r"(?P<known>\d+(?:, \d+)*,? and \d+)"
_PAIR = r"{a} play (?:the )?\w+,?(?: and)? {b} play (?:the )?\w+"
SKILLS = (
    Skill(
        "sets",
        ("sets", "counting"),
        0.45,
        "neither|none",
        (
            rf"{{n}} (?:children|people|pupils|students|members)(?: of a club were asked)?[,:] {_PAIR}(?:, and|,|;) "
            r"{c} (?:of them )?(?:play|do) both",
        ),
        _neither,
    ),
    Skill(
        "chances",
        ("probability", "fractions"),
        0.5,
        "ball",
        (
            rf"{_BAG}\. (?P<both>Two balls) are drawn without[^?]*?probability that both (?:of them )?are {{colour}}",
            rf"{_BAG}, (?P<both>two balls) are (?:taken|drawn) at once\. [^?]*?both (?:of them )?are {{colour}}",
            rf"{_BAG}(?:\.|,) one ball is (?:drawn|taken)\. [^?]*?(?:it|the ball) is not {{colour}}",
        ),
        _chance,
    ),
    Skill(
        "percentages",
        ("percentages", "ratios"),
        0.45,
        "percent",
        (r"(?:rises|falls|increases|decreases|grows|drops|goes up|goes down) from {a} to {b}\. ",),
        _percentage,
    ),
    Skill(
        "means",
        ("statistics", "arithmetic"),
        0.45,
        "mean|average",
        (
            rf"mean of (?P<count>\w+) numbers is {{m}}\. \w+ of them are {_KNOWN}",
            rf"(?P<count>\w+) numbers have (?:an average|a mean) of {{m}}\. If \w+ of them are {_KNOWN}",
        ),
        _mean,
    ),
    Skill(
        "selections",
        ("combinatorics", "counting"),
        0.55,
        "how many",
        (
            r"(?:team|group|committee) of {k} be (?:chosen|picked|formed) from {n}",
            r"has {n} members and picks {k} of them",
            r"(?P<order>can {k} different) \w+ be given to {n} people",
            r"has {n} runners\. [^?]*?(?P<order>first {k} places)",
        ),
        _selection,
    ),
    Skill(
        "medians",
        ("statistics", "ordering"),
        0.35,
        "median|middle",
        (rf"median of {_LIST}", rf"numbers {_LIST} are put in order\. [^?]*?middle"),
        _median,
    ),
)
