"""Examples as suites: what a problem tells of input and output, as tests that can be run."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ..types import Example
from .suites import Call, Calls, Comparison, Stdio, Stream, Suite


def suites_of(examples: Sequence[Example], compare: Comparison = "lcb") -> tuple[Suite, ...]:
    """One suite for whole programs, and one for each function that is called; in the order of their first example.

    Raises:
        ValueError: an example of a function is not JSON, or nested too deeply.
    """
    suites: list[Suite] = []
    for entry in dict.fromkeys(example.entry for example in examples):
        ours = [example for example in examples if example.entry == entry]
        if entry is None:
            suites.append(Stdio(tuple(Stream(example.input, example.output) for example in ours), compare))
        else:
            suites.append(Calls(entry, tuple(map(_call, ours)), compare))
    return tuple(suites)


def _call(example: Example) -> Call:
    try:
        arguments = [json.loads(line) for line in example.input.split("\n") if line.strip()]
        return Call(tuple(arguments), json.loads(example.output))
    except RecursionError:
        raise ValueError("nested too deeply") from None
