"""Tree of Thoughts: the first step that looks best leads nowhere; looking ahead tells."""

from orchestrator import Message, Problem, Request
from tests.strategies.entry import Entry

_STEPS = {"2 3 4": "2 + 3 = 5 (left: 4 5)\n2 * 3 = 6 (left: 4 6)", "4 6": "4 * 6 = 24 (left: 24)", "4 5": "4 * 5 = 20"}


def _reply(request: Request) -> str:
    text = request.messages[-1].text
    left = text.partition("numbers are left: ")[2].partition("\n")[0]
    if request.labels.purpose == "propose":
        return _STEPS[left]
    if request.labels.purpose == "value":
        return "4 * 6 = 24\nsure" if left == "4 6" else "Nothing works.\nimpossible"
    return "Answer: 2 * 3 * 4 = 24" if "(left: 24)" in text else "Answer: (2 + 3) * 4 = 24"


ENTRY = Entry(
    spec="tot(keep=1, thoughts=2, opinions=1)",
    problem=Problem("g", (Message("user", "Use 2 3 4 to make 24."),), "game24"),
    right="2 * 3 * 4",
    script=_reply,
    calls=5,
    depth=4,
)
