"""The six simulated experts: what each is good at, and how each writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Person:
    """One expert. Strengths are in standard deviations of the fault model: +1 turns 50 % into 84 %."""

    name: str
    about: str
    strength: float
    """On a problem of middling difficulty with no skill that stands out."""
    skills: Mapping[str, float] = field(default_factory=dict)
    """What is added for a skill, by its name; skills that are not here add nothing."""
    opening: str = ""
    mark: str = "{i}. "
    """What stands before a step; `{i}` counts."""
    listing: str = "{i}. "
    """What stands before an item of a list."""

    def skilled(self, skills: tuple[str, ...]) -> float:
        """What the skills of a task add: the main one counts as much as all others together."""
        if not skills:
            return 0.0
        main, *others = (self.skills.get(skill, 0.0) for skill in skills)
        return main if not others else 0.6 * main + 0.4 * sum(others) / len(others)

    @property
    def best(self) -> tuple[str, ...]:
        """The skills that stand out."""
        return tuple(skill for skill, level in self.skills.items() if level > 0)


PEOPLE: Mapping[str, Person] = {
    person.name: person
    for person in (
        Person(
            "ada",
            "a careful mathematician who sets up equations",
            0.45,
            {
                **dict.fromkeys(("algebra", "ratios", "rates", "ages", "equations"), 0.4),
                **dict.fromkeys(("arithmetic", "money", "percentages", "geometry"), 0.2),
                **dict.fromkeys(("planning", "spatial reasoning"), -0.7),
                **dict.fromkeys(("logic", "search", "programming"), -0.4),
            },
            "Let me set this up carefully.",
            "Step {i}: ",
        ),
        Person(
            "blaise",
            "a statistician who counts cases",
            0.4,
            {
                **dict.fromkeys(("probability", "combinatorics", "sets", "counting", "statistics"), 0.8),
                **dict.fromkeys(("number theory", "sequences", "fractions", "search", "calendar"), 0.45),
                **dict.fromkeys(("rates", "geometry", "ages"), -0.45),
                **dict.fromkeys(("planning", "spatial reasoning", "programming"), -0.4),
            },
            "We go through what there is.",
            "- ",
            "- ",
        ),
        Person(
            "clio",
            "a puzzle solver who reads closely",
            0.35,
            {
                **dict.fromkeys(("logic", "matching", "ordering"), 0.65),
                **dict.fromkeys(("calendar", "time", "units", "sets"), 0.4),
                **dict.fromkeys(("algebra", "equations", "percentages", "number theory", "programming"), -0.4),
            },
            "Reading closely first.",
            "{i}) ",
            "{i}) ",
        ),
        Person(
            "dov",
            "a planner who thinks in moves and goals",
            0.3,
            {
                **dict.fromkeys(("planning", "spatial reasoning", "search"), 0.6),
                **dict.fromkeys(("rates", "time", "logic", "ordering"), 0.3),
                **dict.fromkeys(("probability", "fractions", "statistics", "algebra", "programming"), -0.4),
            },
            "From where things stand to where they should be.",
        ),
        Person(
            "edsger",
            "a programmer who checks edge cases",
            0.3,
            {
                **dict.fromkeys(("programming", "algorithms", "strings", "lists", "numbers"), 0.4),
                **dict.fromkeys(("number systems", "remainders", "divisibility", "sequences", "number theory"), 0.6),
                **dict.fromkeys(("money", "ages", "geometry", "percentages"), -0.35),
                **dict.fromkeys(("matching", "spatial reasoning"), -0.2),
            },
            "Step by step, as a program would do it.",
            "Step {i}. ",
        ),
        Person(
            "flo",
            "a quick generalist who seldom checks",
            0.02,
            {**dict.fromkeys(("arithmetic", "units", "time", "money"), 0.25), "logic": 0.15, "algebra": -0.2},
            "",
            "",
            "* ",
        ),
    )
}
"""By name, in the order of the pool."""
