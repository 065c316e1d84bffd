"""SPP with profiles: the model stops behind its cast, and ends the collaboration when it is told to carry on."""

from orchestrator import Message, Problem, Request
from tests.strategies.entry import Entry

_CAST = """Participants: AI Assistant (you); Geographer

Profiles:
- Geographer: knows capitals, and how often the largest city is none."""


def _reply(request: Request) -> str:
    if request.labels.purpose == "continue":
        return "Geographer: Sydney is the largest city only.\n\nFinish collaboration!\n\nFinal answer: Canberra"
    return _CAST if "profile of each" in request.messages[-1].text else "Final answer: Sydney"


ENTRY = Entry(
    spec="spp_profile",
    problem=Problem("capital", (Message("user", "What is the capital of Australia?"),), "text"),
    right="Canberra",
    script=_reply,
    calls=2,
    depth=2,
    exact=False,
)
