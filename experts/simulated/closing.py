"""How a reply ends: as the prompt asks, else as is usual for the kind of problem."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from orchestrator.types import Kind

_FORMS: tuple[tuple[re.Pattern[str], Callable[[str], str]], ...] = (
    (re.compile(r"\\boxed"), r"\boxed{{{}}}".format),
    (re.compile(r"####"), "#### {}".format),
    (re.compile(r"\bfinal answer\s*:", re.IGNORECASE), "Final answer: {}".format),
    (
        re.compile(r"\bfenced block of JSON", re.IGNORECASE),
        lambda answer: f"```json\n{json.dumps({'answer': answer})}\n```",
    ),
    (re.compile(r"the answer is \(?[XN]\)?\b"), "The answer is {}".format),
)
_SLOT = re.compile(r"[\"\u201c]([^\"\u201d\n]*?)\b(?:X|N|K|NUMBER|LETTER|INDEX|LABEL)\b([^\"\u201d\n]*)[\"\u201d]")


def closing(instruction: str, kind: Kind, answer: str) -> str:
    """The last line or lines of a reply that gives an answer."""
    if kind == "code":
        return f"```python\n{answer.rstrip()}\n```"
    said = (
        f"({answer})" if kind == "choice" else f"{answer} = 24" if kind == "game24" and "none" not in answer else answer
    )
    last = -1, _usual(kind)
    for sign, form in _FORMS:
        for found in sign.finditer(instruction):
            if found.start() > last[0]:
                last = found.start(), form
    if kind == "plan" and last[0] < 0:
        return answer
    return last[1](answer if "{" in last[1]("") else said)


def _usual(kind: Kind) -> Callable[[str], str]:
    match kind:
        case "choice" | "number":
            return "The answer is {}".format
        case "game24":
            return "Answer: {}".format
    return "Final answer: {}".format


def filled(instruction: str, label: str, usual: str) -> str:
    """The closing phrase that the prompt shows with an X or N in it, filled in; else the usual one."""
    slots = _SLOT.findall(instruction)
    before, behind = slots[-1] if slots else (usual, "")
    return f"{before}{label}{behind}" if slots else usual.format(label)
