"""What experts write on the way to an answer: observations, plans, criticism, outlines, names of approaches."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence

from .asks import Wanted
from .family import Testable
from .faults import Attempt

_ITEM = re.compile(r"^\s*(?:\(?\d{1,2}[.)]|[-*\u2022]|(?:New )?Observation \d{1,2}:)\s+(\S.*?)\s*$", re.MULTILINE)
_CAST = re.compile(r"\bparticipants\b[^.:\n]{0,60}:\s*([^.\n]+)\.")
"""A sentence that names participants."""
_LEADS = (
    "First what is given, and how the parts depend on each other.",
    "One detail of the text is easy to pass over.",
    "Before working anything out, see what cannot be otherwise.",
    "Look at the end, and at what must be known just before the answer is.",
    "Suppose the answer were known; it would have to agree with everything in the text.",
    "Take the extremes: the largest and the smallest that could come out.",
)
_PERSONAS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("logic", "matching", "ordering"), ("Logician", "Detective", "Puzzle editor")),
    **dict.fromkeys(
        ("planning", "spatial reasoning", "search"), ("Robot planner", "Chess player", "Logistics planner")
    ),
    **dict.fromkeys(("money", "percentages"), ("Accountant", "Mathematics teacher", "Shopkeeper")),
    **dict.fromkeys(
        ("programming", "code", "python", "algorithms"), ("Software engineer", "Computer scientist", "Tester")
    ),
}
_APPROACHES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("logic", "matching", "ordering"), ("Elimination table", "Case by case", "Working backwards")),
    **dict.fromkeys(("planning", "spatial reasoning"), ("Subgoals", "Simulating the moves", "Working backwards")),
    "search": ("Systematic trial", "Working backwards", "Subgoals"),
    **dict.fromkeys(("probability", "combinatorics", "counting"), ("Enumerating cases", "Formula", "Complement")),
    **dict.fromkeys(
        ("sequences", "number theory", "remainders"), ("Finding a pattern", "Formula", "Direct computation")
    ),
    "sets": ("Venn diagram", "Counting the complement", "Algebra"),
    **dict.fromkeys(("programming", "code", "python"), ("Edge cases first", "Recursion", "Simulation")),
}
_USUAL_APPROACHES = ("Algebra", "Working backwards", "Drawing a table", "Estimating and checking", "One unit at a time")
_USUAL_PERSONAS = ("Mathematics teacher", "Careful student", "Engineer", "Statistician")


def observations(attempt: Attempt, want: Wanted, conversation: str) -> str:
    """New observations, each with a line of reasoning before it."""
    found = _observed(attempt, want.count or 4, conversation)
    if not found:
        return "Nothing new comes to mind beyond what is listed already.\n\n[]"
    if want.json:
        return json.dumps(found, ensure_ascii=False)
    leads = attempt.rng("leads").sample(_LEADS, len(_LEADS))
    return "\n\n".join(
        f"{leads[i % len(leads)]}\nObservation {i + 1}: {observation}" for i, observation in enumerate(found)
    )


def _observed(attempt: Attempt, count: int, conversation: str) -> list[str]:
    """Mostly true remarks that are not in the conversation yet; the more useful ones are seen more often."""
    fresh = [remark for remark in attempt.known.observations if remark not in conversation]
    rng = attempt.rng("observe")
    weight = {remark: i + rng.random() * len(fresh) for i, remark in enumerate(fresh)}
    chosen = sorted(fresh, key=weight.__getitem__)[:count]
    for i in range(len(chosen)):
        mistake = attempt.part(f"observation {i}").mistake(ease=0.6)
        if mistake is not None and (false := _false(attempt, mistake)) and false not in (*chosen, conversation):
            chosen[i] = false
    return chosen


def _false(attempt: Attempt, mistake: int) -> str | None:
    """The first step of a wrong solution that is not one of the right one."""
    right = frozenset(attempt.known.solution.steps)
    return next((step for step in attempt.known.outline(mistake) if step not in right), None)


def description(attempt: Attempt) -> str:
    """How somebody's program works: the steps behind it, where the expert recognises them."""
    which = attempt.known.recognised(attempt.instruction)
    if which == -1:
        return "The program reads its arguments, works through them in order, and returns what it has gathered."
    return "The program rests on this. " + " ".join(attempt.known.outline(which))


def listed(attempt: Attempt, want: Wanted, replies: Sequence[str]) -> str:
    """The items of an earlier reply again: all, or the most useful ones, as lines or as JSON."""
    items = next((found for reply in reversed(replies) if (found := items_of(reply))), [])
    if want.count is not None:
        items = _best(attempt, items, want.count)
    if want.json:
        return json.dumps(items, ensure_ascii=False)
    return "\n".join(f"{attempt.person.listing.format(i=i)}{item}" for i, item in enumerate(items, 1)) or "[]"


def _best(attempt: Attempt, items: list[str], count: int) -> list[str]:
    """The most useful first; what is false is noticed more often than not."""
    known = attempt.known.observations

    def rank(item: str) -> float:
        if item in known:
            return known.index(item) / len(known)
        return 2.0 if attempt.chance("doubt", item) < 0.6 else 0.5

    kept = sorted(items, key=rank)[:count]
    return [item for item in items if item in kept]


def items_of(text: str) -> list[str]:
    """The items of a list in a reply: JSON, or lines with marks."""
    if text.lstrip().startswith("["):
        try:
            found = json.loads(text)
        except ValueError:
            found = []
        return [str(item) for item in found] if isinstance(found, list) else []
    return list(dict.fromkeys(_ITEM.findall(text)))


def plan(attempt: Attempt, conversation: str) -> str:
    """A plan in plain words; it quotes what the prompt brought."""
    lines = attempt.known.outline(attempt.mistake())
    quotes = [remark for remark in attempt.known.observations if remark in conversation and remark not in lines]
    return _plan(attempt, lines, quotes)


def _plan(attempt: Attempt, lines: Sequence[str], quotes: Sequence[str]) -> str:
    text = [attempt.person.opening] if attempt.person.opening else []
    for i, line in enumerate(lines):
        quote = f'As was observed, "{quotes[i]}" ' if i < len(quotes) else ""
        text.append(f"{i + 1}. {quote}{line}")
    text.append(f"{len(lines) + 1}. That leads to what is asked for; check it against the text.")
    return "\n".join(text)


def critique(attempt: Attempt) -> str:
    """What may be wrong with the plan or answer in the prompt, with a case; the weak point if it is seen."""
    known, which = attempt.known, attempt.planned
    right = frozenset(known.solution.steps)
    steps = known.outline(which if which is not None and which >= 0 else None)
    wrong = [step for step in steps if step not in right]
    seen = attempt.mistake(ease=0.4) is None
    weak = wrong[0] if wrong and seen else attempt.rng("weak").choice(steps)
    remark = attempt.rng("case").choice(known.observations[:3])
    return (
        f'The weak point is this step: "{weak}" It is taken for granted, and everything after it depends on it.\n'
        f"Concrete case: take the problem with just its own data. {remark} A solution that gets this step wrong ends "
        "in another result there."
    )


def revision(attempt: Attempt) -> str:
    """A complete plan after criticism: a good one mostly stays good, a bad one is often mended."""
    good = attempt.planned == -1
    which = attempt.part("revision").mistake(ease=0.5 if good else 0.9)
    lines = attempt.known.outline(which)
    return "Revised plan:\n" + _plan(attempt, lines, attempt.known.observations[:1])


def outline(attempt: Attempt) -> str:
    """The plan of the prompt as numbered steps, or a new one where there is none."""
    which = attempt.planned
    slip = attempt.part("outline").mistake(ease=1.6)
    if which is None:
        which = attempt.mistake()
    elif which < 0:
        which = slip
    code = attempt.known.task.kind == "code"
    lines = attempt.known.outline(which)
    body = "\n".join(f"{i}. {line}" for i, line in enumerate(lines, 1))
    last = "Return the result." if code else "Give the result in the form that is asked for."
    return f"{body}\n{len(lines) + 1}. {last}"


def next_steps(attempt: Attempt, conversation: str) -> str:
    """Steps that may come next, likely ones and a doubtful one."""
    left = [step for step in attempt.known.outline(None) if step not in conversation]
    wrong = _false(attempt, attempt.rng("next").randrange(6))
    return _lines(attempt, dict.fromkeys((*left[:3], *([wrong] if wrong else []))))


def tests(attempt: Attempt) -> str | None:
    """Assert statements in a fenced block; `None` for a task that knows none."""
    task = attempt.known.task
    if not isinstance(task, Testable):
        return None
    slip = None if attempt.mistake(ease=0.5) is None else attempt.rng("tests")
    return "```python\n" + "\n".join(task.tests(slip)) + "\n```"


def personas(attempt: Attempt, want: Wanted) -> str:
    """Who is suited to the task."""
    return _names(attempt, want, "Persona", _for(attempt, _PERSONAS, _USUAL_PERSONAS))


def approaches(attempt: Attempt, want: Wanted) -> str:
    """Names of ways to solve the task."""
    return _names(attempt, want, "Approach", _for(attempt, _APPROACHES, _USUAL_APPROACHES))


def skills(attempt: Attempt, want: Wanted) -> str:
    """What the task takes, comma-separated or as JSON; a doubtful one slips in now and then."""
    found = list(attempt.known.task.skills)
    if attempt.chance("skills") < 0.25:
        found.append(attempt.rng("skill").choice(("reading", "estimation", "attention to detail")))
    found = found[: want.count or len(found)]
    if want.json:
        return json.dumps(found)
    label = re.search(r"\b(keywords?|skills?)\s*:", attempt.instruction, re.IGNORECASE)
    return f"{label[1].capitalize()}: {', '.join(found)}" if label else ", ".join(found)


def cast_in(instruction: str) -> list[str]:
    """Personas that a prompt wants to take part, beside the assistant; none where it leaves them open."""
    found = _CAST.findall(instruction)
    names = re.split(r"[;,]| and ", found[-1]) if found else []
    plain = (re.sub(r"^(?:an?|the) |\(.*?\)", "", name.strip()).strip() for name in names)
    return [name for name in plain if name[:1].isupper() and "assistant" not in name.lower()]


def names_for(attempt: Attempt, kind: str) -> list[str]:
    """Personas or approaches as plain names, the fittest first."""
    return _for(attempt, *((_PERSONAS, _USUAL_PERSONAS) if kind == "persona" else (_APPROACHES, _USUAL_APPROACHES)))


def _for(attempt: Attempt, table: Mapping[str, tuple[str, ...]], usual: tuple[str, ...]) -> list[str]:
    fitting = [name for skill in attempt.known.task.skills for name in table.get(skill, ())]
    rest = attempt.rng("names").sample(usual, len(usual))
    return list(dict.fromkeys((*fitting, *rest)))


def _names(attempt: Attempt, want: Wanted, word: str, names: list[str]) -> str:
    names = names[: want.count or 5]
    if want.json:
        return json.dumps(names)
    if re.search(rf"\b{word} (?:\d|i|n)\b", attempt.instruction, re.IGNORECASE):
        return "\n".join(f"{word} {i}: {name}" for i, name in enumerate(names, 1))
    return _lines(attempt, names)


def _lines(attempt: Attempt, items: Iterable[str]) -> str:
    return "\n".join(f"{attempt.person.listing.format(i=i)}{item}" for i, item in enumerate(items, 1))
