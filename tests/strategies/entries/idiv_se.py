"""Asked once, the expert is wrong; asked for approaches in one reply, two of three sections are right."""

from __future__ import annotations

from orchestrator.types import Message, Problem, Request

from ..entry import Entry

_NAMES = "Approach 1: Counting one by one\nApproach 2: Working backwards\nApproach 3: Drawing a picture"
_SECTIONS = """Approach 1: Counting one by one
One post every three metres: 30 / 3. The answer is 10.

Approach 2: Working backwards
The last post stands at 30 m, the one before at 27 m, and so on to 0 m. The answer is 11.

Approach 3: Drawing a picture
Ten gaps, and a post at each of their ends. The answer is 11."""


def _reply(request: Request) -> str:
    if request.labels.purpose == "approaches":
        return _NAMES
    return _SECTIONS if "Approach 2: Working backwards" in request.messages[-1].text else "The answer is 10."


ENTRY = Entry(
    spec="idiv_se(size=3)",
    problem=Problem("fence", (Message("user", "A fence of 30 m has a post every 3 m. How many posts?"),), "number"),
    right="11",
    script=_reply,
    calls=2,
    depth=2,
)
