from __future__ import annotations

from orchestrator.types import Request
from tests.strategies.entry import Entry
from tests.strategies.writing import DOUBLE, RIGHT, SAME, SQUARE, expecting

TESTS = (expecting((1, 2), (3, 6)), expecting((2, 4), (3, 6)), expecting((3, 9)))


def script(request: Request) -> str:
    """Three programs in five are squares; two tests in three say that they should not be."""
    if request.labels.purpose == "tests":
        return TESTS[request.sample_index % 3]
    programs = (SQUARE, RIGHT, SQUARE, SAME, SQUARE)
    return f"```python\n{programs[request.sample_index % 5]}```"


ENTRY = Entry(
    spec="codet(samples=5, tests=3)",
    problem=DOUBLE,
    right=RIGHT,
    script=script,
    calls=8,
    depth=1,
)
