"""One reply of one simulated expert: reads the conversation, sees what is wanted, writes it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from orchestrator.errors import OutOfReach
from orchestrator.types import Message

from . import judging, notes
from .asks import Wanted, material, wanted
from .closing import closing
from .family import Worked
from .faults import Attempt, wording
from .people import Person
from .reading import FAMILIES, read

_CALLED = {
    "code": "small Python tasks",
    "codenames": "Codenames",
    "game24": "games of 24",
    "blocksworld": "Blocksworld",
}
"""Families whose name is short for something."""
_NAMED = re.compile(r"^\s*(?:[-*]|\d{1,2}[.)]|Approach \d+:)\s+([A-Z][^\n:.]{2,60})\s*$", re.MULTILINE)


def reply(person: Person, messages: Sequence[Message], sample: str) -> str:
    """What the expert writes; a function of its arguments alone.

    Raises:
        OutOfReach: there is no problem in the conversation that the simulated experts can read.
    """
    found = read(messages)
    if found is None:
        raise OutOfReach(
            f"no expert here can answer this: the simulated experts only know {_reach()}", expert=f"sim:{person.name}"
        )
    replies = [message.text for message in messages if message.role == "assistant"]
    want = wanted(found.asked, bool(replies) and found.follows_up)
    if want.ask == "answer" and not want.candidates and (others := material(found.system)):
        want = replace(want, ask="synthesis", candidates=others)
    attempt = Attempt(person, found.known, wording(messages), found.context, sample)
    conversation = "\n".join((found.context, *replies))
    return _written(attempt, want, conversation, replies)


def _reach() -> str:
    *names, last = (_CALLED.get(family.name, family.name) for family in FAMILIES)
    return f"{', '.join(names)} and {last}"


def _written(attempt: Attempt, want: Wanted, conversation: str, replies: Sequence[str]) -> str:
    match want.ask:
        case "observations":
            return notes.observations(attempt, want, conversation)
        case "list":
            return notes.listed(attempt, want, replies)
        case "plan":
            return notes.plan(attempt, conversation)
        case "critique":
            return notes.critique(attempt)
        case "revision":
            return notes.revision(attempt)
        case "outline":
            return notes.outline(attempt)
        case "next steps":
            return notes.next_steps(attempt, conversation)
        case "description":
            return notes.description(attempt)
        case "tests":
            return notes.tests(attempt) or answer(attempt, want)
        case "personas":
            return notes.personas(attempt, want)
        case "approaches":
            return notes.approaches(attempt, want)
        case "skills":
            return notes.skills(attempt, want)
    return _judged(attempt, want)


def _judged(attempt: Attempt, want: Wanted) -> str:
    match want.ask:
        case "score":
            return judging.score(attempt, want)
        case "verdict":
            return judging.verdict(attempt, want)
        case "pair":
            return judging.pair(attempt, want)
        case "likeness":
            return judging.likeness(attempt, want)
        case "pick":
            return judging.pick(attempt, want)
        case "ranking":
            return judging.ranking(attempt, want)
        case "outlook":
            return judging.outlook(attempt, want)
        case "synthesis":
            return judging.synthesis(attempt, want)
        case "sections":
            return sections(attempt, want)
        case "dialogue":
            return dialogue(attempt)
    return answer(attempt, want)


def answer(attempt: Attempt, want: Wanted) -> str:
    """The problem worked out, with the answer in the form asked for."""
    worked = attempt.known.worked(attempt.mistake())
    if want.alone and attempt.known.task.kind in ("choice", "number", "text"):
        return worked.answer
    return f"{_reasoning(attempt, worked)}\n{_end(attempt, worked)}"


def _reasoning(attempt: Attempt, worked: Worked) -> str:
    person = attempt.person
    lines = [f"{person.mark.format(i=i)}{step}" for i, step in enumerate(worked.steps, 1)]
    return "\n".join(([person.opening] if person.opening else []) + lines)


def _end(attempt: Attempt, worked: Worked) -> str:
    return closing(attempt.instruction, attempt.known.task.kind, worked.answer)


def sections(attempt: Attempt, want: Wanted) -> str:
    """Several approaches in one reply, each with an answer of its own; a later one may copy an earlier answer."""
    names = _NAMED.findall(attempt.instruction) or notes.names_for(attempt, "approach")[: want.count or 3]
    text, before = [], attempt.known.worked(attempt.part(names[0]).mistake())
    for i, name in enumerate(names, 1):
        part = attempt.part(name)
        worked = before if part.chance("copied") < 0.1 else attempt.known.worked(part.mistake())
        text.append(f"Approach {i} ({name}):\n" + "\n".join(worked.steps) + f"\n{_end(attempt, worked)}")
        before = worked
    return "\n\n".join(text)


def dialogue(attempt: Attempt) -> str:
    """A talk of several personas that ends in one answer; a slip in the draft is found more often than not."""
    draft = attempt.known.worked(attempt.part("draft").mistake())
    final = attempt.known.worked(attempt.mistake(ease=0.3))
    cast = notes.cast_in(attempt.instruction) or notes.names_for(attempt, "persona")[:2]
    who, critic = cast[0], cast[-1]
    remark = attempt.rng("remark").choice(attempt.known.observations[:4])
    agreed = "I agree with all of it." if draft.answer == final.answer else "One step is off; I would do it like this."
    lines = (
        f"Participants: {'; '.join(('AI Assistant (you)', *cast))}",
        f"{who}: {remark}",
        "AI Assistant (you): Here is a draft. " + " ".join(draft.steps),
        f"{critic}: {agreed}",
        *([] if draft.answer == final.answer else [f"{critic}: " + " ".join(final.steps)]),
        "Finish collaboration!",
        _end(attempt, final),
    )
    return "\n".join(lines)
