"""Arithmetic word problems: sixteen plots, each told in several ways, with two to four steps to the number asked for.

Names, things and numbers are drawn; the reference is worked out here from the numbers drawn, never from the text.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction

from orchestrator.types import Json

Plot = tuple[tuple[str, ...], int | Fraction, Mapping[str, object]]
"""The ways to tell it, the answer, and what fills the places in braces."""

_WOMEN = (
    "Anna Clara Dina Elif Frieda Grace Hana Ines Jana Kira Lena Maya Nora Olga Priya Rosa Sara Tessa Uma Vera Wanda "
    "Yara Zoe"
)
_MEN = (
    "Adam Boris Carl David Emil Felix Goran Hugo Ivan Jonas Karim Leo Mateo Nils Omar Pavel Rafael Samir Tom Victor "
    "Wei Yusuf"
)
_THINGS = (
    "apples pears lemons marbles stickers pencils notebooks buttons candles cups plates bottles tulips stamps coins "
    "postcards ribbons beads muffins erasers"
)
_WISHES = "bicycle guitar camera tent telescope skateboard keyboard drone jacket watch"
_GOODS = "coat lamp chair backpack blender clock suitcase kettle carpet mirror"
_PLACES = "shop school library kitchen museum workshop bakery hotel"


def rows(seed: int) -> Iterator[dict[str, Json]]:
    """As many problems as wanted, the same for the same seed."""
    rng = random.Random(f"word_problems:{seed}")
    number = 0
    while True:
        for plot in rng.sample(_PLOTS, len(_PLOTS)):
            ways, answer, slots = plot(rng)
            yield {
                "id": f"word_problems/{seed}-{number}",
                "kind": "number",
                "question": rng.choice(ways).format(**slots),
                "answer": _shown(Fraction(answer)),
                "category": plot.__name__.strip("_"),
            }
            number += 1


def _shown(value: Fraction) -> str:
    return str(value.numerator) if value.denominator == 1 else f"{float(value):.10g}"


def _person(rng: random.Random, *others: str) -> dict[str, object]:
    name = rng.choice([name for name in f"{_WOMEN} {_MEN}".split() if name not in others])
    she, her = ("she", "her") if name in _WOMEN.split() else ("he", "his")
    return {"name": name, "she": she, "She": she.title(), "her": her}


def _change(rng: random.Random) -> Plot:
    things, others = rng.sample(_THINGS.split(), 2)
    a, b, p, q = rng.randint(2, 9), rng.randint(2, 8), rng.randint(2, 9), rng.randint(2, 12)
    spent = a * p + b * q
    note = (spent // 50 + 1) * 50
    ways = (
        "{name} buys {a} {things} at ${p} each and {b} {others} at ${q} each. {She} pays with ${c}. How many "
        "dollars of change does {she} get?",
        "At the market {name} bought {a} {things} for ${p} each and {b} {others} for ${q} each, and handed over "
        "${c}. How much change, in dollars, was due?",
        "{name} has ${c}. {She} spends it on {a} {things} that cost ${p} apiece and {b} {others} that cost ${q} "
        "apiece. How many dollars does {she} have left?",
    )
    return ways, note - spent, {**_person(rng), "a": a, "b": b, "p": p, "q": q, "c": note, **_two(things, others)}


def _two(things: str, others: str) -> dict[str, object]:
    return {"things": things, "others": others}


def _shelves(rng: random.Random) -> Plot:
    shelves, each = rng.randint(3, 9), rng.randint(4, 20)
    boxes = rng.randint(3, 12)
    broken = rng.randint(3, 20)
    per = -(-(shelves * each + broken) // boxes)
    broken = boxes * per - shelves * each
    if broken < 2:
        per, broken = per + 1, broken + boxes
    ways = (
        "A {place} receives {a} boxes with {b} {things} in each. {c} of the {things} are broken, and the rest are "
        "put on {d} shelves, equally many on each. How many {things} stand on one shelf?",
        "{a} boxes of {b} {things} each arrive at a {place}. After {c} {things} are thrown away, the others are "
        "shared equally among {d} tables. How many {things} does each table get?",
        "{name} unpacks {a} crates, each holding {b} {things}. {She} finds {c} of them damaged and splits the good "
        "ones evenly into {d} baskets. How many {things} are in each basket?",
    )
    slots = {"a": boxes, "b": per, "c": broken, "d": shelves, "place": rng.choice(_PLACES.split())}
    return ways, each, {**_person(rng), **slots, "things": rng.choice(_THINGS.split())}


def _savings(rng: random.Random) -> Plot:
    weeks, earns, spends = rng.randint(4, 20), rng.randint(12, 40), rng.randint(2, 9)
    has = rng.randint(5, 60)
    ways = (
        "{name} wants to buy a {wish} that costs ${a}. {She} already has ${b}. Every week {she} earns ${c} and "
        "spends ${d} of it. After how many weeks can {she} buy the {wish}?",
        "A {wish} costs ${a}, and {name} has saved ${b} so far. {She} gets ${c} a week and uses ${d} of that for "
        "lunch. How many weeks must {she} save until the {wish} is paid?",
        "{name} is saving for a {wish} priced at ${a}. With ${b} in {her} pocket, {she} now puts aside what is "
        "left of ${c} a week after spending ${d}. How many weeks will it take?",
    )
    price = has + weeks * (earns - spends)
    return (
        ways,
        weeks,
        {**_person(rng), "a": price, "b": has, "c": earns, "d": spends, "wish": rng.choice(_WISHES.split())},
    )


def _ages(rng: random.Random) -> Plot:
    times, young, years = rng.randint(2, 5), rng.randint(4, 14), rng.randint(2, 12)
    first = _person(rng)
    ways = (
        "{name} is {a} times as old as {other}. In {b} years their ages will add up to {c}. How old is {name} now?",
        "Today {name}'s age is {a} times the age of {other}. {b} years from now, the sum of the two ages will be "
        "{c}. What is {name}'s age today?",
        "{other} is {young} than {name}, who is exactly {a} times as old. Together they will be {c} years old in "
        "{b} years. How many years old is {name} at present?",
    )
    total = young * (times + 1) + 2 * years
    other = _person(rng, str(first["name"]))["name"]
    slots = {"a": times, "b": years, "c": total, "other": other, "young": rng.choice(("younger", "much younger"))}
    return ways, times * young, {**first, **slots}


def _journey(rng: random.Random) -> Plot:
    a, b = rng.randint(2, 6), rng.randint(2, 6)
    v = rng.randrange(40, 110, 5)
    total = rng.randrange(a * v + b * 20, a * v + b * 130, 5)
    total -= (total - a * v) % b
    return (
        (
            "A {train} travels for {a} hours at {v} km/h and then for {b} more hours at another speed. It covers "
            "{c} km in all. What was its speed on the second part, in km/h?",
            "On a trip of {c} km, {name} drives at {v} km/h for the first {a} hours. The remaining way takes {b} "
            "hours. At what average speed, in km/h, does {she} drive there?",
            "{name} drives {c} km altogether: {a} hours at {v} km/h, and the rest in {b} hours. How many "
            "kilometres per hour does {she} make during those last {b} hours?",
        ),
        (total - a * v) // b,
        {**_person(rng), "a": a, "v": v, "b": b, "c": total, "train": rng.choice(("train", "bus", "truck"))},
    )


def _meeting(rng: random.Random) -> Plot:
    u, v = rng.randint(8, 30), rng.randint(8, 30)
    minutes = rng.choice([m for m in range(20, 181, 5) if (u + v) * m % 60 == 0])
    first = _person(rng)
    ways = (
        "{name} and {other} live {a} km apart. They set out towards each other at the same time, {name} at {u} "
        "km/h and {other} at {v} km/h. After how many minutes do they meet?",
        "Two cyclists start at the same moment from towns {a} km apart and ride towards one another, one at {u} "
        "km/h, the other at {v} km/h. How many minutes pass until they meet?",
        "The distance between two villages is {a} km. {name} leaves one of them at {u} km/h just as {other} leaves "
        "the other one, heading for {name}, at {v} km/h. In how many minutes will they meet?",
    )
    slots = {"a": (u + v) * minutes // 60, "u": u, "v": v, "other": _person(rng, str(first["name"]))["name"]}
    return ways, minutes, {**first, **slots}


def _discount(rng: random.Random) -> Plot:
    percent = rng.choice((5, 10, 15, 20, 25, 30, 40))
    price, voucher = rng.randrange(40, 300, 20), rng.randint(2, 15)
    ways = (
        "A {good} costs ${a}. In the sale its price is cut by {b}%, and {name} also has a voucher worth ${c}. How "
        "many dollars does {she} pay?",
        "{name} picks a {good} marked ${a}. At the counter {she} gets {b}% off and then a further ${c} off for a "
        "coupon. What is the final price in dollars?",
        "The usual price of a {good} is ${a}. {name} buys it with a discount of {b} percent and pays ${c} less on "
        "top, thanks to a gift card. How much, in dollars, does {she} pay?",
    )
    paid = Fraction(price * (100 - percent), 100) - voucher
    return ways, paid, {**_person(rng), "a": price, "b": percent, "c": voucher, "good": rng.choice(_GOODS.split())}


def _recipe(rng: random.Random) -> Plot:
    people, each, guests = rng.randint(2, 8), rng.randrange(30, 130, 5), rng.randint(5, 24)
    guests += guests == people
    home = rng.randrange(10, each * guests, 10)
    ways = (
        "A recipe for {a} people needs {b} grams of {food}. {name} cooks for {c} people and has {d} grams at home. "
        "How many grams of {food} must {she} buy?",
        "To serve {a} people, a cook takes {b} g of {food}. {name} expects {c} guests and finds {d} g in the "
        "cupboard. How many more grams of {food} does {she} need?",
        "{b} grams of {food} are enough for {a} portions. {name} wants to make {c} portions but has only {d} "
        "grams. How many grams are missing?",
    )
    slots = {"a": people, "b": each * people, "c": guests, "d": home}
    food = rng.choice(["flour", "rice", "sugar", "oats", "lentils", "butter", "pasta"])
    return ways, each * guests - home, {**_person(rng), **slots, "food": food}


def _letters(rng: random.Random) -> Plot:
    a, b, head, together = rng.randint(3, 12), rng.randint(3, 12), rng.randint(2, 9), rng.randint(5, 25)
    first = _person(rng)
    ways = (
        "{name} folds {a} letters a minute and {other} folds {b} letters a minute. {name} starts {c} minutes "
        "before {other}. How many minutes has {name} been folding when {d} letters are done?",
        "There are {d} letters to fold. {name}, who manages {a} per minute, begins alone; {c} minutes later "
        "{other} joins in with {b} per minute. How many minutes after {name} began is the last letter folded?",
        "A stack of {d} letters has to be folded. {name} works at {a} letters per minute and gets a start of {c} "
        "minutes on {other}, who works at {b} letters per minute. For how many minutes does {name} work in all?",
    )
    other = _person(rng, str(first["name"]))["name"]
    total = a * head + (a + b) * together
    return ways, head + together, {**first, "a": a, "b": b, "c": head, "d": total, "other": other}


def _tank(rng: random.Random) -> Plot:
    inflow, leak, minutes, start = rng.randint(8, 40), rng.randint(1, 7), rng.randint(5, 60), rng.randrange(10, 100, 5)
    ways = (
        "A tank holds {a} litres and has {b} litres of water in it. A tap adds {c} litres a minute while a leak "
        "loses {d} litres a minute. After how many minutes is the tank full?",
        "{name} fills a pool of {a} litres in which there are {b} litres already. Each minute {c} litres flow in "
        "and {d} litres seep out. How many minutes does it take until the pool is full?",
        "Water runs into a barrel at {c} litres per minute and out of it at {d} litres per minute. The barrel "
        "takes {a} litres; {b} litres are in it now. In how many minutes will it be full?",
    )
    volume = start + minutes * (inflow - leak)
    return ways, minutes, {**_person(rng), "a": volume, "b": start, "c": inflow, "d": leak}


def _legs(rng: random.Random) -> Plot:
    birds, beasts = rng.randint(3, 40), rng.randint(3, 30)
    bird = rng.choice(("hens", "ducks", "geese", "turkeys"))
    beast = rng.choice(("goats", "sheep", "rabbits", "cows", "pigs"))
    ways = (
        "On a farm there are {a} animals, all of them {bird} or {beast}. Together they have {b} legs. How many "
        "{beast} are there?",
        "{name} counts {a} heads and {b} legs among {her} {bird} and {beast}. How many {beast} does {she} have?",
        "A yard is home to {bird} and {beast} only. Someone counted {b} legs on the {a} animals. What is the "
        "number of {beast}?",
    )
    slots = {"a": birds + beasts, "b": 2 * birds + 4 * beasts, "bird": bird, "beast": beast}
    return ways, beasts, {**_person(rng), **slots}


def _tickets(rng: random.Random) -> Plot:
    adults, children = rng.randint(10, 80), rng.randint(10, 80)
    low, high = rng.randint(3, 7), rng.randint(8, 15)
    ways = (
        "A theatre sold {a} tickets for a total of ${b}. Adults paid ${c} and children paid ${d}. How many adults "
        "came?",
        "{a} people visited a museum and paid ${b} in all. A ticket cost ${c} for an adult and ${d} for a child. "
        "How many of the visitors were adults?",
        "For a concert, adult tickets cost ${c} and child tickets cost ${d}. The {a} tickets sold brought in ${b}. "
        "How many adult tickets were sold?",
    )
    slots = {"a": adults + children, "b": adults * high + children * low, "c": high, "d": low}
    return ways, adults, slots


def _ratio(rng: random.Random) -> Plot:
    a, b = rng.sample(range(2, 9), 2)
    unit = rng.randint(3, 12)
    given = rng.randint(2, a * unit - 1)
    first = _person(rng)
    ways = (
        "{name} and {other} share {c} {things} in the ratio {a}:{b}. Then {name} gives {d} {things} to {other}. "
        "How many {things} does {other} have now?",
        "{c} {things} are divided between {name} and {other} in the ratio {a} to {b}. Later {other} receives {d} "
        "of them from {name}. How many {things} does {other} end up with?",
        "For every {a} {things} that {name} gets, {other} gets {b}; {c} {things} are handed out this way. After "
        "that {name} passes {d} of them on to {other}. How many {things} has {other} in the end?",
    )
    slots = {"a": a, "b": b, "c": unit * (a + b), "d": given, "things": rng.choice(_THINGS.split())}
    return ways, unit * b + given, {**first, **slots, "other": _person(rng, str(first["name"]))["name"]}


def _garden(rng: random.Random) -> Plot:
    width, longer = rng.randint(4, 30), rng.randint(2, 20)
    ways = (
        "A rectangular garden is {a} m longer than it is wide. The fence around it is {b} m long. What is the area "
        "of the garden in square metres?",
        "{name} fences a rectangular field whose length exceeds its width by {a} m, and needs {b} m of fence. How "
        "many square metres does the field have?",
        "The perimeter of a rectangular yard is {b} metres, and the yard is {a} metres longer than wide. Find its "
        "area in square metres.",
    )
    return ways, width * (width + longer), {**_person(rng), "a": longer, "b": 2 * (2 * width + longer)}


def _book(rng: random.Random) -> Plot:
    a, b, c, rest = rng.randint(8, 40), rng.randint(3, 12), rng.randint(8, 45), rng.randint(3, 15)
    c += c == a
    ways = (
        "{name} reads a book of {d} pages. For the first {b} days {she} reads {a} pages a day, after that {c} "
        "pages a day. How many days does {she} need for the whole book?",
        "A novel has {d} pages. {name} reads {a} pages daily for {b} days and then switches to {c} pages daily. "
        "After how many days in all is the novel finished?",
        "{name} read {a} pages on each of {b} days, and from then on {c} pages per day until the {d} pages of the "
        "book were done. How many days did the reading take altogether?",
    )
    return ways, b + rest, {**_person(rng), "a": a, "b": b, "c": c, "d": a * b + c * rest}


def _gifts(rng: random.Random) -> Plot:
    part, unit, given = rng.randint(2, 8), rng.randint(4, 20), rng.randint(2, 12)
    total = part * unit
    given = min(given, total - unit - 1)
    first = _person(rng)
    other = _person(rng, str(first["name"]))["name"]
    third = _person(rng, str(first["name"]), str(other))["name"]
    fraction = {2: "half", 3: "a third", 4: "a quarter", 5: "a fifth"}.get(part, f"1/{part}")
    ways = (
        "{name} has {a} {things}. {She} gives {fraction} of them to {other} and then {b} {things} to {third}. How "
        "many {things} does {name} keep?",
        "Out of {a} {things}, {name} hands {fraction} to {other}; {third} gets another {b}. How many {things} are "
        "left?",
        "{name} collected {a} {things}. After giving {other} {fraction} of the {things} and {third} {b} {things}, "
        "how many does {she} still have?",
    )
    slots = {"a": total, "b": given, "fraction": fraction, "other": other, "third": third}
    return ways, total - unit - given, {**first, **slots, "things": rng.choice(_THINGS.split())}


_PLOTS: tuple[Callable[[random.Random], Plot], ...] = (
    _change, _shelves, _savings, _ages, _journey, _meeting, _discount, _recipe, _letters, _tank, _legs, _tickets,
    _ratio, _garden, _book, _gifts,
)  # fmt: skip
