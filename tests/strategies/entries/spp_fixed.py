"""SPP with fixed personas: alone the model forgets a step; an expert asks for it."""

from orchestrator import Message, Problem, Request
from tests.strategies.entry import Entry

_TALK = """Participants: AI Assistant (you); Expert

AI Assistant (you): 100 - 25 + 25 = 100 euros.
Expert: A quarter off 100 leaves 75, and a quarter of *that* is 18.75: 93.75.
AI Assistant (you): You are right.

Finish collaboration!

Final answer: 93.75"""


def _reply(request: Request) -> str:
    return _TALK if "and an Expert" in request.messages[-1].text else "Down and up again. The answer is 100."


ENTRY = Entry(
    spec="spp_fixed",
    problem=Problem(
        "price",
        (Message("user", "A price of 100 euros falls by 25 percent and rises by 25 percent. What is it then?"),),
        "number",
    ),
    right="93.75",
    script=_reply,
    calls=1,
    depth=1,
)
