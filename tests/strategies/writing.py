"""Experts that write tests, and problems to write them for."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.types import Candidate, Message, Problem, Request, Scored

DOUBLE = Problem(
    "p", (Message("user", "Write double(x), which gives twice a number."),), "code", meta={"entry_point": "double"}
)
PUBLIC = Problem("p", DOUBLE.messages, "code", public_tests=("assert double(3) == 6", "assert double(2) == 4"))
RIGHT = "def double(x):\n    return 2 * x\n"
SAME = "def double(x):\n    return x + x\n"
SQUARE = "def double(x):\n    return x * x\n"
PLUS = "def double(x):\n    return x + 2\n"
BROKEN = "def double(x):\n    raise ValueError(x)\n"
ENDLESS = "def double(x):\n    while x == 3:\n        pass\n    return 2 * x\n"


def expecting(*expected: tuple[int, int]) -> str:
    """Tests of `double`, each an argument and what should come of it."""
    return "\n".join(f"assert double({x}) == {y}" for x, y in expected)


def written(*programs: str | None) -> list[Scored]:
    """A candidate for each program, in lineage order."""
    return [Scored(candidate(i, program)) for i, program in enumerate(programs)]


def candidate(number: int, program: str | None) -> Candidate:
    key = None if program is None else str(hash(program))
    return Candidate(str(number), "p", program or "", program, key, "author", "s", (number,))


def answering(programs: Mapping[int, str], tests: str) -> ScriptedExpert:
    """Writes programs for answers and tests for tests."""

    def reply(request: Request) -> str:
        if request.labels.purpose == "tests":
            return tests
        return f"```python\n{programs[request.sample_index]}```"

    return ScriptedExpert(reply)
