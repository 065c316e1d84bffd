"""SPP: alone the model takes the tempting answer; a persona that knows better corrects the draft."""

from orchestrator import Message, Problem, Request
from tests.strategies.entry import Entry

_TALK = """Participants: AI Assistant (you); Physicist

AI Assistant (you): The heavier one should land first, so (A).
Physicist: In a vacuum both fall alike, whatever they weigh. It is (C).
AI Assistant (you): Agreed.

Finish collaboration!

Final answer: The answer is ({})"""


def _reply(request: Request) -> str:
    if "participants" not in request.messages[-1].text:
        return "The heavier one falls faster. The answer is (A)."
    return _TALK.format("B" if request.sample_index == 1 else "C")


ENTRY = Entry(
    spec="spp(samples=3, temperature=0.7)",
    problem=Problem(
        "fall",
        (Message("user", "In a vacuum a feather and a hammer are let fall from one height. Which lands first?"),),
        "choice",
        ("the hammer", "the feather", "both at once"),
    ),
    right="C",
    script=_reply,
    calls=3,
    depth=1,
)
