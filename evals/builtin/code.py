"""Small Python tasks: thirty, some with numbers that a row draws, each told as a stub or in a sentence.

What the tests expect is worked out by a reference program of this set's own, which comes with the package.
"""

from __future__ import annotations

import random
import re
import string
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from itertools import count
from typing import Any

from orchestrator.types import Json

_TOPICS = ("strings", "lists", "numbers")
_PUBLIC = 2
"""Tests that everybody may see."""
_STUB = '{head}\n    """{telling}"""'
_SENTENCES = (
    "Write a Python function `{call}`. {telling}",
    "Implement `{call}` in Python. {telling}",
    "{telling} Do this in a Python function `{call}`.",
)


def rows(seed: int) -> Iterator[dict[str, Json]]:
    """As many tasks as wanted, the same for the same seed; all thirty come before one comes again."""
    rng = random.Random(f"code:{seed}")
    number = count()
    while True:
        tasks = _tasks()
        for topic, task in rng.sample(tasks, len(tasks)):
            yield {"id": f"code/{seed}-{next(number)}", "kind": "code", "category": topic, **_row(rng, task)}


def _row(rng: random.Random, task: Mapping[str, Any]) -> dict[str, Json]:
    name = rng.choice(task["names"])
    constants = {key: str(rng.choice(values)) for key, values in task.get("constants", {}).items()}
    reference = re.sub(r"\bsolution\b", name, _filled(task["reference"], constants)).lstrip("\n")
    tests = list(_tests(reference, name, [_filled(source, constants) for source in task["inputs"]]))
    return {
        "question": _told(rng, name, task["signature"], _filled(task["telling"], constants)),
        "entry_point": name,
        "answer": reference,
        "public_tests": [*tests[:_PUBLIC]],
        "tests": "\n".join(tests),
    }


def _told(rng: random.Random, name: str, signature: str, telling: str) -> str:
    if rng.random() < 0.5:
        return _STUB.format(head=f"def {name}{signature}:", telling=telling)
    parameters = re.findall(r"(\w+):", signature)
    return rng.choice(_SENTENCES).format(call=f"{name}({', '.join(parameters)})", telling=telling)


def _tests(reference: str, name: str, inputs: list[str]) -> Iterator[str]:
    """What the reference returns, as assert statements."""
    names: dict[str, Any] = {}
    exec(reference, names)  # out of the package's own data
    for source in inputs:
        arguments = eval(f"({source},)")
        shown = ", ".join(map(repr, arguments))
        yield f"assert {name}({shown}) == {names[name](*arguments)!r}"


def _filled(text: str, constants: Mapping[str, str]) -> str:
    return string.Template(text).substitute(constants)


@cache
def _tasks() -> list[tuple[str, Mapping[str, Any]]]:
    found: list[tuple[str, Mapping[str, Any]]] = []
    for topic in _TOPICS:
        data = files("orchestrator.evals.builtin").joinpath(f"code_{topic}.toml").read_text(encoding="utf-8")
        found += [(topic, task) for task in tomllib.loads(data)["task"]]
    return found
