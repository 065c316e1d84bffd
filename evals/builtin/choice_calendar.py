"""Questions about units and time: conversions, weekdays, dates, clocks."""

from __future__ import annotations

import random
from datetime import date, timedelta
from fractions import Fraction

from .choice_question import Question, around, decimal

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


def units(rng: random.Random) -> Question:
    big, small, factor = rng.choice(_UNITS)
    halves = rng.choice((0, 0, 1))
    count = Fraction(2 * rng.randint(2, 30) + (halves if factor % 2 == 0 else 0), 2)
    right = count * factor
    shown = decimal(count)
    ways = (
        f"How many {small} are {shown} {big}?",
        f"Convert {shown} {big} to {small}. What is the number of {small}?",
        f"Express {shown} {big} in {small}: which number is it?",
    )
    wrong = (right * 10, right / 10, count * (100 if factor != 100 else 1000), count + factor, right / 100)
    return Question(ways, decimal(right), tuple(map(decimal, wrong)))


_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def weekdays(rng: random.Random) -> Question:
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
    return Question(past if back else ways, _DAYS[right], tuple(wrong))


_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


_YEAR = 2023
"""Not a leap year, as the questions say."""


def dates(rng: random.Random) -> Question:
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
    return Question(ways, days, around(days, days + 1, days - 1, days + 2, days - 2))


def clocks(rng: random.Random) -> Question:
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
    return Question(ways, _clock(begin + minutes), tuple(map(_clock, (*wrong, *shifts))))


def _clock(minutes: int) -> str:
    return f"{minutes // 60 % 24:02}:{minutes % 60:02}"
