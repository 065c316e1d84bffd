"""What the words of a prompt are worth for a task: an approach or a persona that suits it, observations, care."""

from __future__ import annotations

import re
from functools import lru_cache

from .known import Known
from .prose import prose

_NUMBERS = (
    "arithmetic algebra ratios rates ages money percentages geometry fractions equations statistics probability "
    "combinatorics counting sequences sets divisibility remainders division"
)
_MATH = frozenset((*_NUMBERS.split(), "number theory", "number systems"))
_LOGIC = frozenset(("logic", "matching", "ordering"))
_CODE = frozenset(("programming", "code", "python", "algorithms", "strings", "lists", "recursion", "data structures"))
_PLANS = frozenset(("planning", "spatial reasoning", "search"))

_CASES = frozenset(("combinatorics", "probability", "search", "counting", "number theory"))

_APPROACHES: tuple[tuple[re.Pattern[str], frozenset[str]], ...] = tuple(
    (re.compile(rf"\b(?:{words})", re.IGNORECASE), skills)
    for words, skills in (
        (r"algebra|equations?\b|unknowns?\b|variables?\b", frozenset(("algebra", "equations", "ages", "rates"))),
        (r"work(?:ing)? back|backwards?\b|in reverse|from the end", frozenset(("money", "fractions", *_PLANS))),
        (r"table\b|grid\b|matrix|eliminat|process of", _LOGIC | {"calendar"}),
        (r"draw|diagram|picture|venn|visual|sketch of", frozenset(("sets", "geometry", "spatial reasoning", "rates"))),
        (r"units?\b|dimension", frozenset(("units", "rates", "time"))),
        (r"cases?\b|enumerat|exhausti|brute|systematic|try(?:ing)? all|trial", _CASES | _LOGIC),
        (r"estimat|approximat|sanity", frozenset(("percentages", "arithmetic", "statistics"))),
        (r"simulat|state machine|states?\b|moves?\b", _PLANS),
        (r"pattern|recurr|formula", frozenset(("sequences", "number theory", "remainders", "calendar"))),
        (r"sub-?goals?|search|heuristic|means[- ]ends", _PLANS),
        (r"proportion|ratio|rule of three|unitary|one unit", frozenset(("ratios", "percentages", "rates", "units"))),
        (r"edge cases?|invariant|data structure|unit test|recursi", _CODE),
    )
)  # fmt: skip
_PERSONAS: tuple[tuple[re.Pattern[str], frozenset[str]], ...] = tuple(
    (re.compile(rf"\b(?:{words})", re.IGNORECASE), skills)
    for words, skills in (
        (r"mathematic|maths? (?:professor|teacher|expert|tutor)|statistician|gauss|noether|euler|turing", _MATH),
        (r"logician|detective|puzzle|sherlock|lawyer", _LOGIC),
        (r"programmer|software|developer|computer scientist|coder|engineer", _CODE),
        (r"planner|robot|chess|logistic|strateg(?:ist|y expert)", _PLANS),
        (r"accountant|shopkeeper|banker|economist", frozenset(("money", "percentages", "arithmetic"))),
    )
)
_FITS, _MISFITS, _PERSONA = 0.35, -0.12, 0.2
_CARE = re.compile(
    r"step by step|carefully|double[- ]check|think (?:it )?through|before you (?:commit|answer)", re.IGNORECASE
)
_CAREFUL = 0.1
_OBSERVATION, _MOST = 0.12, 3


def worth(instruction: str, known: Known) -> float:
    """Standard deviations that the instruction adds to an expert's strength at a task."""
    noticed = min(_MOST, sum(remark in instruction for remark in known.observations))
    return _words(prose(instruction)[:4000], known.task.skills) + _OBSERVATION * noticed


@lru_cache(maxsize=4096)
def _words(instruction: str, skills: tuple[str, ...]) -> float:
    mine = frozenset(skills)
    named = [suits for approach, suits in _APPROACHES if approach.search(instruction)]
    approach = 0.0 if not named else _FITS if any(suits & mine for suits in named) else _MISFITS
    persona = _PERSONA if any(suits & mine and who.search(instruction) for who, suits in _PERSONAS) else 0.0
    return approach + persona + (_CAREFUL if _CARE.search(instruction) else 0.0)
