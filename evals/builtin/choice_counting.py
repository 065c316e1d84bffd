"""Questions of counting, chance and measure: sets, selections, draws, percentages, means, medians, shapes."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator
from fractions import Fraction
from statistics import median

from .choice_question import Question, around, decimal


def sets(rng: random.Random) -> Question:
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
    return Question(ways, neither, around(neither, abs(total - a - b), neither + both, total - a, total - b))


def chances(rng: random.Random) -> Question:
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
    return Question(ways, right, (*wrong, Fraction(1, 2), Fraction(1, 3), Fraction(2, 3), Fraction(3, 4)))


def selections(rng: random.Random) -> Question:
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
    return Question(teams if committee else prizes, right, wrong)


def percentages(rng: random.Random) -> Question:
    old, percent = rng.choice((20, 40, 50, 60, 80, 120, 150, 200)), rng.choice((5, 10, 15, 20, 25, 30, 40, 60))
    change = Fraction(old * percent, 100)
    up = rng.random() < 0.5
    new = old + change if up else old - change
    word = "rises" if up else "falls"
    ways = (
        f"A price {word} from ${decimal(Fraction(old))} to ${decimal(new)}. By what percentage does it change?",
        f"The number of visitors {word} from {decimal(Fraction(old * 10))} to {decimal(new * 10)}. What is the "
        "change in percent?",
    )
    back = round(100 * change / new)
    wrong = (back, decimal(change), percent * 2, percent + 5, percent - 2, percent + 10)
    return Question(ways, f"{percent}%", tuple(f"{each}%" for each in wrong))


def means(rng: random.Random) -> Question:
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
    return Question(ways, missing, around(missing, mean, abs(mean * len(known) - sum(known)), missing + mean))


def medians(rng: random.Random) -> Question:
    numbers = rng.sample(range(2, 60), rng.choice((5, 7)))
    shown = ", ".join(map(str, numbers))
    ways = (
        f"What is the median of {shown}?",
        f"The numbers {shown} are put in order. Which one stands in the middle?",
    )
    ordered, middle = sorted(numbers), len(numbers) // 2
    wrong = (numbers[middle], round(sum(numbers) / len(numbers)), ordered[middle + 1], ordered[middle - 1])
    return Question(ways, median(numbers), tuple(_unlike(wrong, ordered[middle])))


def _unlike(numbers: Iterable[int], right: int) -> Iterator[int]:
    yield from (number for number in numbers if number != right)
    yield from (right + 1, right + 3, right - 1)


def shapes(rng: random.Random) -> Question:
    if rng.random() < 0.5:
        base, height = 2 * rng.randint(2, 15), rng.randint(3, 20)
        ways = (
            f"A triangle has a base of {base} cm and a height of {height} cm. What is its area in square centimetres?",
            f"What is the area, in square centimetres, of a triangle whose base is {base} cm and whose height is "
            f"{height} cm?",
        )
        right = base * height // 2
        return Question(ways, right, around(right, base * height, base + height, 2 * (base + height)))
    one, other = rng.randint(25, 80), rng.randint(25, 80)
    ways = (
        f"Two angles of a triangle measure {one} and {other} degrees. How many degrees does the third angle have?",
        f"In a triangle, one angle is {one} degrees and another is {other} degrees. What is the third angle in "
        "degrees?",
    )
    right = 180 - one - other
    return Question(ways, right, around(right, 360 - one - other, one + other, 190 - one - other))
