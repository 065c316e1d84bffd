"""Prompts that are the stub of a function: the program that an answer makes with one, and what tests get of it."""

from __future__ import annotations

import re

from orchestrator.answers.code import compiled


def program_of(prompt: str, entry_point: str, answer: str) -> str:
    """The program to run where the prompt is the stub of a function.

    An answer that defines the function is run behind what the stub has before it (imports, other functions), as the
    prompt promises these names; any other answer is taken as the function's body. Without a stub: the answer itself.
    """
    head = head_of(prompt, entry_point)
    if head is None:
        return answer
    name = re.escape(entry_point)
    if not re.search(rf"^(async\s+def|def|class)\s+{name}\b|^{name}\s*=", answer, re.MULTILINE):
        return f"{prompt.rstrip()}\n{answer}"
    return answer if "from __future__" in answer or not head else f"{head}\n\n\n{answer}"


def prelude_of(prompt: str, entry_point: str | None) -> str:
    """What tests may use of a stub: imports and functions before the one that is asked for, which is not among them."""
    head = head_of(prompt, entry_point) if entry_point is not None else None
    return head if head and compiled(head) is not None else ""


def head_of(prompt: str, entry_point: str) -> str | None:
    """What the stub has before the function; `None` where the prompt is no stub of it."""
    start = re.search(rf"^def\s+{re.escape(entry_point)}\b", prompt, re.MULTILINE)
    return None if start is None else prompt[: start.start()].strip()
