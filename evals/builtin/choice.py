"""Multiple choice that takes a skill to work out: equations, units, the calendar, sequences, sets, chances and more.

The text never names the skill. The answer is computed here from the numbers drawn; the other options are what typical
mistakes give.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from statistics import median

from orchestrator.types import Json

_LETTERS = "ABCD"
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_YEAR = 2023
"""Not a leap year, as the questions say."""


@dataclass(frozen=True)
class _Question:
    ways: tuple[str, ...]
    """The ways to ask, filled in."""
    right: object
    wrong: tuple[object, ...]
    """What mistakes give, the likeliest first; may hold the right answer, which is passed over."""


def rows(seed: int) -> Iterator[dict[str, Json]]:
    """As many problems as wanted, the same for the same seed."""
    rng = random.Random(f"choice:{seed}")
    number = 0
    while True:
        for make in rng.sample(_SKILLS, len(_SKILLS)):
            yield {"id": f"choice/{seed}-{number}", **_row(make(rng), rng), "category": make.__name__.strip("_")}
            number += 1


def _row(question: _Question, rng: random.Random) -> dict[str, Json]:
    right = str(question.right)
    wrong = [text for text in dict.fromkeys(map(str, question.wrong)) if text != right][:3]
    options = rng.sample([right, *wrong], len(wrong) + 1)
    answer = _LETTERS[options.index(right)]
    return {"kind": "choice", "question": rng.choice(question.ways), "options": list(options), "answer": answer}


def _around(value: int, *likely: int) -> tuple[int, ...]:
    """Numbers that mistakes give, and then near ones, so that there are always enough."""
    near = (value + 1, value - 1, value + 2, value + 10)
    return tuple(number for number in (*likely, *near) if number >= 0)


def _equations(rng: random.Random) -> _Question:
    a, b, x = rng.randint(2, 9), rng.randint(2, 25), rng.randint(2, 20)
    c = a * x + b
    ways = (
        f"Solve for x: {a}x + {b} = {c}.",
        f"Which number x satisfies {a}x + {b} = {c}?",
        f"A number is multiplied by {a}, and then {b} is added. The result is {c}. What is the number?",
    )
    return _Question(ways, x, _around(x, (c + b) // a, c - b - a, (c - b) // (a + 1)))


def _both_sides(rng: random.Random) -> _Question:
    a, c = rng.sample(range(2, 10), 2)
    a, c = max(a, c), min(a, c)
    x, b = rng.randint(2, 15), rng.randint(1, 12)
    d = (a - c) * x + b
    ways = (
        f"Solve for x: {a}x + {b} = {c}x + {d}.",
        f"For which value of x is {a}x + {b} equal to {c}x + {d}?",
        f"{a} times a number plus {b} is the same as {c} times the number plus {d}. What is the number?",
    )
    return _Question(ways, x, _around(x, (d + b) // (a - c), (d - b) // (a + c), d - b))


_UNITS = (
    ("kilometres", "metres", 1000),
    ("metres", "centimetres", 100),
    ("kilograms", "grams", 1000),
    ("litres", "millilitres", 1000),
    ("hours", "minutes", 60),
    ("days", "hours", 24),
    ("minutes", "seconds", 60),
    ("centimetres", "millimetres", 10),
    ("tonnes", "kilograms", 1000),
    ("weeks", "days", 7),
)


def _units(rng: random.Random) -> _Question:
    big, small, factor = rng.choice(_UNITS)
    halves = rng.choice((0, 0, 1))
    count = Fraction(2 * rng.randint(2, 30) + (halves if factor % 2 == 0 else 0), 2)
    right = count * factor
    shown = _decimal(count)
    ways = (
        f"How many {small} are {shown} {big}?",
        f"Convert {shown} {big} to {small}. What is the number of {small}?",
        f"Express {shown} {big} in {small}: which number is it?",
    )
    wrong = (right * 10, right / 10, count * (100 if factor != 100 else 1000), count + factor, right / 100)
    return _Question(ways, _decimal(right), tuple(map(_decimal, wrong)))


def _decimal(value: Fraction) -> str:
    return f"{float(value):.6f}".rstrip("0").rstrip(".")


def _weekdays(rng: random.Random) -> _Question:
    today, after = rng.randrange(7), rng.randint(9, 120)
    day = _DAYS[today]
    back = rng.random() < 0.3
    right = (today - after if back else today + after) % 7
    ways = (
        f"Today is {day}. Which day of the week will it be in {after} days?",
        f"If today is {day}, what day of the week is it {after} days from now?",
        f"A parcel was sent on a {day} and arrives {after} days later. On which day of the week does it arrive?",
    )
    past = (
        f"Today is {day}. Which day of the week was it {after} days ago?",
        f"If today is {day}, what day of the week was it {after} days ago?",
    )
    wrong = [_DAYS[(right + shift) % 7] for shift in (1, -1, 2)]
    return _Question(past if back else ways, _DAYS[right], tuple(wrong))


def _dates(rng: random.Random) -> _Question:
    begin = date(_YEAR, rng.randint(1, 9), rng.randint(1, 28))
    days = rng.randint(20, 90)
    end = begin + timedelta(days=days)
    one, other = (f"{day.day} {_MONTHS[day.month - 1]}" for day in (begin, end))
    ways = (
        f"How many days after {one} is {other} of the same year, if it is not a leap year?",
        f"A course begins on {one} and ends on {other} of the same year, which is no leap year. How many days after "
        "its beginning does it end?",
        f"In a year that is not a leap year, how many days pass from {one} to {other}?",
    )
    return _Question(ways, days, _around(days, days + 1, days - 1, days + 2, days - 2))


def _arithmetic_terms(rng: random.Random) -> _Question:
    first, step, n = rng.randint(2, 20), rng.randint(2, 12), rng.randint(9, 40)
    right = first + (n - 1) * step
    shown = ", ".join(str(first + i * step) for i in range(4))
    ways = (
        f"What is term number {n} of the sequence {shown}, ...?",
        f"A sequence begins {shown}, ... and goes on in the same way. What is its {n}th term?",
        f"The sequence {shown}, ... continues with the same step. Which number stands at position {n}?",
    )
    return _Question(_spoken(ways, n), right, _around(right, first + n * step, n * step, right - step, first * n))


def _spoken(ways: tuple[str, ...], n: int) -> tuple[str, ...]:
    ending = "th" if n % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return tuple(way.replace(f"{n}th", f"{n}{ending}") for way in ways)


def _geometric_terms(rng: random.Random) -> _Question:
    first, ratio, n = rng.randint(1, 6), rng.randint(2, 4), rng.randint(5, 8)
    right = first * ratio ** (n - 1)
    shown = ", ".join(str(first * ratio**i) for i in range(4))
    ways = (
        f"What is term number {n} of the sequence {shown}, ...?",
        f"A sequence begins {shown}, ... and each term is the same multiple of the one before. What is its {n}th term?",
        f"The sequence {shown}, ... continues with the same factor. Which number stands at position {n}?",
    )
    return _Question(_spoken(ways, n), right, _around(right, first * ratio**n, right // ratio, right + first))


def _sets(rng: random.Random) -> _Question:
    one, other = rng.sample(("tennis", "football", "chess", "the piano", "hockey", "the guitar"), 2)
    both, only, rest, neither = rng.randint(2, 9), rng.randint(3, 15), rng.randint(3, 15), rng.randint(1, 9)
    total, a, b = both + only + rest + neither, both + only, both + rest
    ways = (
        f"In a class of {total} children, {a} play {one}, {b} play {other}, and {both} play both. How many play "
        "neither?",
        f"Of {total} people, {a} play {one} and {b} play {other}; {both} of them do both. How many of the people "
        "play neither of the two?",
        f"{total} members of a club were asked: {a} play {one}, {b} play {other}, {both} play both. How many do "
        "neither?",
    )
    return _Question(ways, neither, _around(neither, abs(total - a - b), neither + both, total - a, total - b))


def _chances(rng: random.Random) -> _Question:
    counts = [rng.randint(2, 7) for _ in range(3)]
    colours = rng.sample(("red", "blue", "green", "yellow", "white", "black"), 3)
    total, count, colour = sum(counts), counts[0], colours[0]
    bag = f"{counts[0]} {colours[0]}, {counts[1]} {colours[1]} and {counts[2]} {colours[2]} balls"
    if rng.random() < 0.5:
        right = Fraction(count, total) * Fraction(count - 1, total - 1)
        ways = (
            f"A bag holds {bag}. Two balls are drawn without putting any back. What is the probability that both are "
            f"{colour}?",
            f"From a box with {bag}, two balls are taken at once. How likely is it that both of them are {colour}?",
        )
        wrong = (Fraction(count, total) ** 2, Fraction(2 * count, total), Fraction(count, total))
    else:
        right = 1 - Fraction(count, total)
        ways = (
            f"A bag holds {bag}. One ball is drawn. What is the probability that it is not {colour}?",
            f"From a box with {bag}, one ball is taken. How likely is it that the ball is not {colour}?",
        )
        wrong = (Fraction(count, total), Fraction(1, total - count), Fraction(counts[1], total))
    return _Question(ways, right, (*wrong, Fraction(1, 2), Fraction(1, 3), Fraction(2, 3), Fraction(3, 4)))


def _percentages(rng: random.Random) -> _Question:
    old, percent = rng.choice((20, 40, 50, 60, 80, 120, 150, 200)), rng.choice((5, 10, 15, 20, 25, 30, 40, 60))
    change = Fraction(old * percent, 100)
    up = rng.random() < 0.5
    new = old + change if up else old - change
    word = "rises" if up else "falls"
    ways = (
        f"A price {word} from ${_decimal(Fraction(old))} to ${_decimal(new)}. By what percentage does it change?",
        f"The number of visitors {word} from {_decimal(Fraction(old * 10))} to {_decimal(new * 10)}. What is the "
        "change in percent?",
    )
    back = round(100 * change / new)
    wrong = (back, _decimal(change), percent * 2, percent + 5, percent - 2, percent + 10)
    return _Question(ways, f"{percent}%", tuple(f"{each}%" for each in wrong))


def _means(rng: random.Random) -> _Question:
    known, missing = [rng.randint(3, 30) for _ in range(rng.randint(3, 4))], rng.randint(3, 30)
    missing += -(sum(known) + missing) % (len(known) + 1)
    mean = (sum(known) + missing) // (len(known) + 1)
    shown = f"{', '.join(map(str, known[:-1]))} and {known[-1]}"
    count = {3: ("four", "three", "fourth"), 4: ("five", "four", "fifth")}[len(known)]
    ways = (
        f"The mean of {count[0]} numbers is {mean}. Four of them".replace("Four", count[1].title())
        + f" are {shown}. What is the {count[2]}?",
        f"{count[0].title()} numbers have an average of {mean}. If {count[1]} of them are {shown}, what is the "
        "remaining number?",
    )
    return _Question(ways, missing, _around(missing, mean, abs(mean * len(known) - sum(known)), missing + mean))


def _multiples(rng: random.Random) -> _Question:
    while True:
        a, b = sorted(rng.sample(range(4, 31), 2))
        if math.gcd(a, b) > 1 and b % a:
            break
    ways = (
        f"Two buses leave a stop together. One comes every {a} minutes, the other every {b} minutes. After how many "
        "minutes do they leave together again?",
        f"What is the least common multiple of {a} and {b}?",
        f"One lamp blinks every {a} seconds and another one every {b} seconds. They have just blinked together. In how "
        "many seconds do they do so again?",
    )
    right = math.lcm(a, b)
    return _Question(ways, right, _around(right, a * b, math.gcd(a, b), a + b, 2 * right))


def _selections(rng: random.Random) -> _Question:
    n, k = rng.randint(5, 10), rng.randint(2, 3)
    committee = rng.random() < 0.5
    right = math.comb(n, k) if committee else math.perm(n, k)
    teams = (
        f"In how many ways can a team of {k} be chosen from {n} people?",
        f"A club has {n} members and picks {k} of them for a committee. How many committees are possible?",
    )
    prizes = (
        f"In how many ways can {k} different prizes be given to {n} people, at most one to each?",
        f"A race has {n} runners. In how many ways can the first {k} places be filled, if nobody ties?",
    )
    wrong = (math.perm(n, k), math.comb(n, k), n**k, n * k, math.comb(n + 1, k))
    return _Question(teams if committee else prizes, right, wrong)


def _bases(rng: random.Random) -> _Question:
    value = rng.randint(9, 63)
    bits = f"{value:b}"
    ways = (
        f"Which decimal number is {bits} in binary?",
        f"The binary number {bits} is written in decimal. What is it?",
        f"What is the value of {bits} in base 2, written in base 10?",
    )
    mirrored = int(bits[::-1], 2)
    return _Question(ways, value, _around(value, mirrored, value * 2, value // 2, value + 4))


def _remainders(rng: random.Random) -> _Question:
    base, power, modulus = rng.randint(2, 9), rng.randint(5, 30), rng.randint(5, 11)
    right = pow(base, power, modulus)
    ways = (
        f"What is the remainder when {base}^{power} is divided by {modulus}?",
        f"{base} to the power of {power} is divided by {modulus}. Which remainder is left?",
        f"Which number between 0 and {modulus - 1} is {base}^{power} modulo {modulus}?",
    )
    wrong = (base * power % modulus, pow(base, power - 1, modulus), pow(base, power + 1, modulus))
    return _Question(ways, right, (*wrong, *((right + shift) % modulus for shift in (1, 2, 3, 4))))


def _clocks(rng: random.Random) -> _Question:
    begin, minutes = rng.randrange(6 * 60, 20 * 60), rng.randint(70, 230)
    clock = _clock(begin)
    ways = (
        f"A film starts at {clock} and lasts {minutes} minutes. When does it end?",
        f"A train leaves at {clock} and arrives {minutes} minutes later. At what time does it arrive?",
        f"{minutes} minutes after {clock}, what time is it?",
    )
    hours, rest = divmod(begin, 60)
    hundred = hours * 100 + rest + minutes
    wrong = (begin + minutes - 60, begin + minutes + 60, (hundred // 100) * 60 + hundred % 100 % 60)
    shifts = (begin + minutes + 10, begin + minutes - 10)
    return _Question(ways, _clock(begin + minutes), tuple(map(_clock, (*wrong, *shifts))))


def _clock(minutes: int) -> str:
    return f"{minutes // 60 % 24:02}:{minutes % 60:02}"


def _shapes(rng: random.Random) -> _Question:
    if rng.random() < 0.5:
        base, height = 2 * rng.randint(2, 15), rng.randint(3, 20)
        ways = (
            f"A triangle has a base of {base} cm and a height of {height} cm. What is its area in square centimetres?",
            f"What is the area, in square centimetres, of a triangle whose base is {base} cm and whose height is "
            f"{height} cm?",
        )
        right = base * height // 2
        return _Question(ways, right, _around(right, base * height, base + height, 2 * (base + height)))
    one, other = rng.randint(25, 80), rng.randint(25, 80)
    ways = (
        f"Two angles of a triangle measure {one} and {other} degrees. How many degrees does the third angle have?",
        f"In a triangle, one angle is {one} degrees and another is {other} degrees. What is the third angle in "
        "degrees?",
    )
    right = 180 - one - other
    return _Question(ways, right, _around(right, 360 - one - other, one + other, 190 - one - other))


def _medians(rng: random.Random) -> _Question:
    numbers = rng.sample(range(2, 60), rng.choice((5, 7)))
    shown = ", ".join(map(str, numbers))
    ways = (
        f"What is the median of {shown}?",
        f"The numbers {shown} are put in order. Which one stands in the middle?",
    )
    ordered, middle = sorted(numbers), len(numbers) // 2
    wrong = (numbers[middle], round(sum(numbers) / len(numbers)), ordered[middle + 1], ordered[middle - 1])
    return _Question(ways, median(numbers), tuple(_unlike(wrong, ordered[middle])))


def _unlike(numbers: Iterable[int], right: int) -> Iterator[int]:
    yield from (number for number in numbers if number != right)
    yield from (right + 1, right + 3, right - 1)


_SKILLS: tuple[Callable[[random.Random], _Question], ...] = (
    _equations,
    _both_sides,
    _units,
    _weekdays,
    _dates,
    _arithmetic_terms,
    _geometric_terms,
    _sets,
    _chances,
    _percentages,
    _means,
    _multiples,
    _selections,
    _bases,
    _remainders,
    _clocks,
    _shapes,
    _medians,
)
