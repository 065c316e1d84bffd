"""Units, the calendar, the clock, and simple shapes."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from .computed import Computed, Skill, number

Found = Mapping[str, str]

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = {
    **{"january": 31, "february": 28, "march": 31, "april": 30, "may": 31, "june": 30},
    **{"july": 31, "august": 31, "september": 30, "october": 31, "november": 30, "december": 31},
}
_SIZES: Mapping[str, Mapping[str, int | Fraction]] = {
    "length": {
        "millimetre": Fraction(1, 1000),
        "centimetre": Fraction(1, 100),
        "metre": Fraction(1),
        "kilometre": 1000,
    },
    "weight": {"milligram": Fraction(1, 1000), "gram": Fraction(1), "kilogram": 1000, "tonne": 1_000_000},
    "volume": {"millilitre": Fraction(1, 1000), "litre": Fraction(1)},
    "time": {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800},
}


def _whole(found: Found, *names: str) -> list[int]:
    return [int(found[name].replace(",", "")) for name in names]


def _size(unit: str) -> tuple[str, Fraction] | None:
    word = unit.lower().rstrip("s").replace("meter", "metre").replace("liter", "litre")
    for kind, sizes in _SIZES.items():
        if word in sizes:
            return kind, Fraction(sizes[word])
    return None


def _conversion(found: Found) -> Computed | None:
    one, other = _size(found["from"]), _size(found["into"])
    if one is None or other is None or one[0] != other[0]:
        return None
    count, factor = Fraction(found["a"].replace(",", "")), one[1] / other[1]
    value = count * factor
    big, small = found["from"], found["into"]
    return Computed(
        (
            f"One of the {big} is {number(factor)} {small}.",
            f"{number(count)} x {number(factor)} = {number(value)}.",
        ),
        number(value),
        (
            (f"One of the {big} is {number(factor * 10)} {small}, so {number(value * 10)}.", number(value * 10)),
            (f"One of the {big} is {number(factor / 10)} {small}, so {number(value / 10)}.", number(value / 10)),
            (f"One of the {big} is 100 {small}, so {number(count * 100)}.", number(count * 100)),
        ),
        (
            f"One of the {big} is {number(factor)} {small}.",
            f"The {small} are the {'smaller' if factor > 1 else 'larger'} unit, so their number is "
            f"{'larger' if factor > 1 else 'smaller'}.",
            f"The number to convert is {number(count)}.",
            "A conversion is one multiplication with the factor of the two units.",
        ),
    )


def _weekday(found: Found) -> Computed | None:
    today = next((i for i, day in enumerate(_DAYS) if day.lower() == found["day"].lower()), None)
    if today is None:
        return None
    (count,) = _whole(found, "a")
    sign, word = (-1, "back") if found.get("ago") else (1, "on")
    value = (today + sign * count) % 7
    return Computed(
        (
            f"{count} days are {count // 7} weeks and {count % 7} days.",
            f"From {_DAYS[today]}, {count % 7} days {word} is {_DAYS[value]}.",
        ),
        _DAYS[value],
        tuple(
            (f"{count} days {word} from {_DAYS[today]} is {_DAYS[(value + shift) % 7]}.", _DAYS[(value + shift) % 7])
            for shift in (1, -1, 2)
        ),
        (
            "Every 7 days the same weekday comes again.",
            f"Only the remainder of {count} by 7 matters.",
            f"{count} days are {count // 7} whole weeks and {count % 7} days.",
            f"The count starts on the day after {_DAYS[today]}." if sign > 0 else "The count goes backwards.",
        ),
    )


def _days_between(found: Found) -> Computed | None:
    begin, end = (_day_of_year(found[day], found[month]) for day, month in (("a", "one"), ("b", "other")))
    if begin is None or end is None or end <= begin:
        return None
    value = end - begin
    return Computed(
        (
            f"{found['a']} {found['one']} is day {begin} of the year, {found['b']} {found['other']} is day {end}.",
            f"{end} - {begin} = {value}.",
        ),
        number(value),
        tuple(
            (f"{why}, that makes {value + shift} days.", number(value + shift))
            for why, shift in (("Both days counted", 1), ("A month of 30 days assumed", -1), ("Two long months", 2))
        ),
        (
            f"{found['one'].title()} has {_MONTHS[found['one'].lower()]} days.",
            "The months between have different lengths.",
            "The first day itself does not count.",
            f"{found['a']} {found['one']} is day {begin} of the year.",
        ),
    )


def _day_of_year(day: str, month: str) -> int | None:
    name = month.lower()
    if name not in _MONTHS:
        return None
    return sum(list(_MONTHS.values())[: list(_MONTHS).index(name)]) + int(day)


def _later(found: Found) -> Computed | None:
    hours, minutes, lasts = _whole(found, "h", "m", "a")
    if hours > 23 or minutes > 59:
        return None
    begin = hours * 60 + minutes
    end = begin + lasts
    decimal = hours * 100 + minutes + lasts
    slipped = (decimal // 100) * 60 + decimal % 100 % 60
    return Computed(
        (
            f"{lasts} minutes are {lasts // 60} hours and {lasts % 60} minutes.",
            f"{_clock(begin)} plus {lasts // 60} hours and {lasts % 60} minutes is {_clock(end)}.",
        ),
        _clock(end),
        (
            (f"That is {max(0, lasts // 60 - 1)} hours and {lasts % 60} minutes, so it is {_clock(end - 60)}.",
             _clock(end - 60)),
            (f"{_clock(begin)} plus {lasts} minutes goes over the hour twice, so it is {_clock(end + 60)}.",
             _clock(end + 60)),
            (f"{hours}{minutes:02} + {lasts} = {decimal}, so it is {_clock(slipped)}.", _clock(slipped)),
        ),
        (
            "An hour has 60 minutes, so the minutes carry over at 60.",
            f"{lasts} minutes are {lasts // 60} hours and {lasts % 60} minutes.",
            f"The start is {begin} minutes after midnight.",
            f"From {_clock(begin)} to the next full hour there are {60 - minutes} minutes.",
        ),
    )  # fmt: skip


def _clock(minutes: int) -> str:
    return f"{minutes // 60 % 24:02}:{minutes % 60:02}"


def _triangle_area(found: Found) -> Computed | None:
    base, height = _whole(found, "a", "b")
    value = Fraction(base * height, 2)
    return Computed(
        (f"Base times height is {base} x {height} = {base * height}.", f"Half of that is {number(value)}."),
        number(value),
        (
            (f"Base times height is {base * height}.", number(base * height)),
            (f"Base and height together are {base + height}.", number(base + height)),
            (f"Twice base and height is {2 * (base + height)}.", number(2 * (base + height))),
        ),
        (
            "A triangle is half of a rectangle with the same base and height.",
            f"The rectangle around it has {base * height} square centimetres.",
            "The area multiplies two lengths; it does not add them.",
            f"The base is {base} cm, the height {height} cm.",
        ),
    )


def _third_angle(found: Found) -> Computed | None:
    one, other = _whole(found, "a", "b")
    value = 180 - one - other
    if value <= 0:
        return None
    return Computed(
        (f"The two angles make {one + other} degrees.", f"180 - {one + other} = {value}."),
        number(value),
        (
            (f"360 - {one + other} = {360 - one - other}.", number(360 - one - other)),
            (f"{one} + {other} = {one + other}.", number(one + other)),
            (f"180 - {one + other} = {190 - one - other}.", number(190 - one - other)),
        ),
        (
            "The angles of a triangle add up to 180 degrees.",
            f"Two of the angles make {one + other} degrees together.",
            "What is left belongs to the third angle.",
            f"The result is below {180 - max(one, other)} degrees.",
        ),
    )


_DAY = r"(?P<day>(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day)"
_CLOCK = r"(?P<h>\d{1,2}):(?P<m>\d{2})"
_MONTH = "|".join(_MONTHS)
_DATES = rf"(?P<a>\d{{1,2}}) (?P<one>{_MONTH})", rf"(?P<b>\d{{1,2}}) (?P<other>{_MONTH})"
SKILLS = (
    Skill(
        "units",
        ("units", "arithmetic"),
        0.3,
        "convert|how many|express",
        (
            r"How many (?P<into>[a-z]+) are (?:there )?(?:in )?{a} (?P<from>[a-z]+)\?",
            r"(?:Convert|Express) {a} (?P<from>[a-z]+) (?:in|to|into) (?P<into>[a-z]+)",
        ),
        _conversion,
    ),
    Skill(
        "weekdays",
        ("calendar", "remainders"),
        0.45,
        "day",
        (
            rf"today is (?:a )?{_DAY}[.,] (?:which|what) day of the week (?:will it be|is it)(?: in)? {{a}} "
            r"days(?: from now)?\?",
            rf"today is (?:a )?{_DAY}[.,] (?:which|what) day of the week was it {{a}} days (?P<ago>ago)",
            rf"on a {_DAY} and arrives {{a}} days later\. On which day of the week",
        ),
        _weekday,
    ),
    Skill(
        "dates",
        ("calendar", "arithmetic"),
        0.55,
        "days",
        (
            rf"days after {_DATES[0]} is {_DATES[1]}",
            rf"begins on {_DATES[0]} and ends on {_DATES[1]}",
            rf"from {_DATES[0]} (?:to|until) {_DATES[1]}",
        ),
        _days_between,
    ),
    Skill(
        "clock times",
        ("time", "units"),
        0.4,
        "minutes",
        (
            rf"(?:starts|begins|leaves) at {_CLOCK} and (?:lasts|takes|arrives) {{a}} minutes",
            rf"{{a}} minutes after {_CLOCK}, what time",
        ),
        _later,
    ),
    Skill(
        "areas",
        ("geometry", "arithmetic"),
        0.35,
        "triangle",
        (
            r"triangle has a base of {a} cm and a height of {b} cm",
            r"triangle whose base is {a} cm and whose height is {b} cm",
        ),
        _triangle_area,
    ),
    Skill(
        "angles",
        ("geometry", "arithmetic"),
        0.35,
        "triangle",
        (
            r"angles of a triangle measure {a} and {b} degrees",
            r"triangle, one angle is {a} degrees and another (?:one )?is {b} degrees",
        ),
        _third_angle,
    ),
)
