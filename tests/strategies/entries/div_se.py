"""One expert repeats one mistake however often it is asked; two of three approaches keep it from that."""

from __future__ import annotations

from pathlib import Path

from orchestrator.types import Message, Problem, Request

from ..entry import Entry

_BOOK = """
[[pair]]
approach = "Counting one by one"
right = 4
tried = 10

[[pair]]
approach = "Working backwards"
persona = "a carpenter"
right = 7
tried = 10

[[pair]]
approach = "Drawing a picture"
right = 6
tried = 10
"""


def _spec(folder: Path) -> str:
    path = folder / "book.toml"
    path.write_text(_BOOK, encoding="utf-8")
    return f"div_se(book='{path}')"


def _reply(request: Request) -> str:
    text = request.messages[-1].text
    seen = "Working backwards" in text or "Drawing a picture" in text
    return f"Posts stand at both ends. The answer is {11 if seen else 10}."


ENTRY = Entry(
    spec=_spec,
    problem=Problem("fence", (Message("user", "A fence of 30 m has a post every 3 m. How many posts?"),), "number"),
    right="11",
    script=_reply,
    calls=3,
    depth=1,
)
