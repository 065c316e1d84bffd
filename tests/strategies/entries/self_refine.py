"""Self-refine: the same slip every time, which whoever checks it sees."""

from orchestrator import Message, Problem, Request
from tests.strategies.entry import Entry


def _reply(request: Request) -> str:
    text = request.messages[-1].text
    if request.labels.purpose == "feedback":
        return (
            "Every part holds. [Correct]" if "is 42" in text else "6 + 7 is a sum; it asks for a product. [Incorrect]"
        )
    return "6 * 7 = 42. The answer is 42." if "product" in text else "6 + 7 = 13. The answer is 13."


ENTRY = Entry(
    spec="self_refine(attempts=2)",
    problem=Problem("n", (Message("user", "What is 6 times 7?"),), "number"),
    right="42",
    script=_reply,
    calls=3,
    depth=3,
)
