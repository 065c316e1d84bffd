"""Suites as they go to the sandbox's processes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from ._cell import wire
from ._cell.values import pack as packed_value
from .suites import Asserts, Calls, Stdio, Suite, Value

_NAME = re.compile(r"[^\W\d]\w*")


@dataclass(frozen=True, slots=True)
class Inputs:
    """Calls of which nobody says what they should return."""

    entry: str
    inputs: tuple[tuple[Value, ...], ...]


@dataclass(frozen=True, slots=True)
class Packed:
    """A suite as data, under a name that is its content's."""

    key: str
    body: str
    """JSON."""
    total: int
    runs: int
    """Runs of the program, each with limits of its own."""


def packed(suite: Suite | Inputs) -> Packed:
    """Raises:
    TypeError: an argument or an expected value is no plain data.
    """
    match suite:
        case Calls():
            body, total, runs = _calls(suite), len(suite.cases), 1
        case Asserts():
            body, total, runs = _asserts(suite), len(suite.tests), 1
        case Stdio():
            streams = [[case.input, case.output] for case in suite.cases]
            body = {"form": "stdio", "streams": streams, "compare": suite.compare}
            total = runs = len(streams)
        case Inputs():
            calls = [[suite.entry, _row(row)] for row in suite.inputs]
            body, total, runs = {"form": "outputs", "calls": calls}, len(calls), 1
    text = wire.encoded(body)
    digest = blake2b(text.encode(), digest_size=16).hexdigest()
    return Packed(digest, text, total, max(1, runs))


def _calls(suite: Calls) -> dict[str, Any]:
    return {
        "form": "calls",
        "calls": [[suite.entry, _row(case.args)] for case in suite.cases],
        "expected": [packed_value(case.expected) for case in suite.cases],
        "compare": suite.compare,
        "atol": suite.atol,
    }


def _asserts(suite: Asserts) -> dict[str, Any]:
    body: dict[str, Any] = {
        "form": "asserts" if suite.trusted else "untrusted",
        "tests": list(suite.tests),
        "entry": suite.entry,
        "prelude": suite.prelude,
    }
    if not suite.trusted:  # read as words alone: nobody parses here what nobody vouches for
        words = {word for text in (*suite.tests, suite.prelude) for word in _NAME.findall(text)}
        body["wanted"] = sorted(words | ({suite.entry} if suite.entry else set()))
    return body


def _row(values: Sequence[Value]) -> list[Any]:
    return [packed_value(value) for value in values]
