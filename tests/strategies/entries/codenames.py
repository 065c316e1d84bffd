"""Codenames: a hint, and what a guesser who sees no targets finds by it."""

from orchestrator import Message, Problem, Request
from tests.strategies.entry import Entry


def _reply(request: Request) -> str:
    text = request.messages[-1].text
    if "participants" not in text:
        return "Final answer: river"
    found = "apple, pear" if 'the hint "fruit"' in text else "fruit"
    return f"Participants: AI Assistant (you); Greengrocer\n\nFinish collaboration!\n\nFinal answer: {found}"


ENTRY = Entry(
    spec="codenames(inner=spp)",
    problem=Problem(
        "board",
        (Message("user", "Board: apple, river, pear, drum. Give a hint of one word for apple and pear."),),
        "text",
        meta={"codenames": {"board": ["apple", "river", "pear", "drum"], "targets": ["apple", "pear"]}},
    ),
    right="fruit: apple, pear",
    script=_reply,
    calls=2,
    depth=2,
)
