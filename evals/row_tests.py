"""Tests of programs as a row of the problem format gives them: Python, or inputs and outputs."""

from __future__ import annotations

import json
from dataclasses import dataclass

from orchestrator.sandbox import Asserts, Suite
from orchestrator.sandbox.examples import suites_of
from orchestrator.types import Example, Json

from .rows import Line
from .stub import prelude_of

_FORMS = (
    "give Python, a list of Python texts, or a list of objects with 'input' and 'output' (a whole program), or 'args' "
    "and 'expected' (a function)"
)


@dataclass(frozen=True, slots=True)
class RowTests:
    """One field of tests; of the two forms one at most is there."""

    texts: tuple[str, ...] = ()
    """Python that raises where the program is wrong."""
    examples: tuple[Example, ...] = ()

    @staticmethod
    def of(line: Line, field: str, entry_point: str | None) -> RowTests:
        """The tests of a field, none where the row has none.

        Raises:
            BenchmarkError: they have none of the forms.
        """
        value = line.row.get(field)
        tests = value if isinstance(value, list) else [] if value is None else [value]
        if all(isinstance(test, str) for test in tests):
            return RowTests(tuple(str(test) for test in tests if str(test).strip()))
        if isinstance(value, list) and all(isinstance(test, dict) for test in tests):
            return RowTests(examples=tuple(_example(test, line, field, entry_point) for test in tests))
        raise line.error(f"field '{field}': {_FORMS}")

    def suites(self, prompt: str, entry_point: str | None) -> tuple[Suite, ...]:
        """The tests as what a sandbox runs."""
        if self.texts:
            return (Asserts(self.texts, entry_point, prelude_of(prompt, entry_point)),)
        return suites_of(self.examples)


def _example(test: Json, line: Line, field: str, entry_point: str | None) -> Example:
    match test:
        case {"input": str(given), "output": str(printed), **rest} if not rest:
            return Example(given, printed)
        case {"args": list(arguments), "expected": value, **rest} if not rest:
            if entry_point is None:
                raise line.error(f"field '{field}': tests with 'args' need the function's name in 'entry_point'")
            return Example("\n".join(map(json.dumps, arguments)), json.dumps(value), entry_point.rpartition(".")[2])
    raise line.error(f"field '{field}': {_FORMS}")
