"""Reflexion: the same mistake every time, until a test that fails is followed to it."""

from orchestrator import Message, Problem, Request
from tests.strategies.entry import Entry

_WRONG = "```python\ndef double(x):\n    return x * x\n```"
_RIGHT = "```python\ndef double(x):\n    return x + x\n```"


def _reply(request: Request) -> str:
    if request.labels.purpose == "tests":
        return "assert double(3) == 6\nassert double(2) == 4"
    if request.labels.purpose == "reflect":
        return "It squares the number: twice 3 is 6, not 9."
    return _RIGHT if "squares the number" in request.messages[-1].text else _WRONG


ENTRY = Entry(
    spec="reflexion(max_iters=2)",
    problem=Problem("c", (Message("user", "Write double(x), which gives twice a number."),), "code"),
    right="def double(x):\n    return x + x\n",
    script=_reply,
    calls=4,
    depth=3,
)
