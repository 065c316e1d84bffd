"""AB-MCTS: every fresh program has the same mistake; refined by the test that it fails, it has not."""

from orchestrator import Message, Problem, Request
from tests.strategies.entry import Entry

_WRONG = "```python\ndef double(x):\n    return x * x\n```"
_RIGHT = "```python\ndef double(x):\n    return x + x\n```"


def _reply(request: Request) -> str:
    return _RIGHT if "assert double(3) == 6\nWhat happens" in request.messages[-1].text else _WRONG


ENTRY = Entry(
    spec="ab_mcts(answers=12, batch=3)",
    problem=Problem(
        "c",
        (Message("user", "Write double(x), which gives twice a number."),),
        "code",
        public_tests=("assert double(2) == 4", "assert double(3) == 6"),
    ),
    right="def double(x):\n    return x + x\n",
    script=_reply,
    calls=9,
    depth=3,
    exact=False,
)
