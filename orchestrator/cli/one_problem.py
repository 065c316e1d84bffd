"""The problem of `solve`: a text with what options say of it, or a file with one problem."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from orchestrator.errors import BenchmarkError, ConfigError, UnknownName
from orchestrator.types import KINDS, Json, Kind, Message, Problem


def problem_of(
    text: str | None,
    file: Path | None,
    kind: str | None,
    choices: Sequence[str],
    tests: Sequence[str],
    schema: Path | None,
) -> Problem:
    """The one problem that is meant.

    Raises:
        ConfigError: none or two are given, or one that cannot be used.
    """
    if (text is None) == (file is None):
        raise ConfigError("give one problem: its text, '-' for standard input, or --problem FILE.json")
    wanted = _kind(kind)
    shape = None if schema is None else _object(schema)
    if file is not None:
        problem = read_problem(file, wanted)
        return replace(
            problem,
            kind=wanted or problem.kind,
            options=tuple(choices) or problem.options,
            public_tests=tuple(tests) or problem.public_tests,
            schema=shape or problem.schema,
        )
    asked = _typed() if text == "-" else text or ""
    if not asked.strip():
        raise ConfigError("the problem is empty" + ("; nothing came from standard input" if text == "-" else ""))
    if any("\ud800" <= c <= "\udfff" for c in asked):
        raise ConfigError("the problem is not UTF-8 text")
    guessed = wanted or _guessed(choices, tests, shape)
    return Problem("problem", (Message("user", asked),), guessed, tuple(choices), shape, tuple(tests))


def read_problem(file: Path, kind: Kind | None = None) -> Problem:
    """The problem in a JSON file: a row of a set of problems, or a conversation under `messages`.

    What a set has and a solver must not see (`answer`, `tests`, worked solutions) is left out. `id` and `kind` may be
    missing.

    Raises:
        ConfigError: not JSON, or not a problem; with file and line.
    """
    from orchestrator.evals.replay_format import cases
    from orchestrator.evals.rows import Line

    row = _object(file)
    conversation = row.pop("messages", None)
    row = {"id": file.stem, "kind": kind or _guessed_of(row), **row}
    messages = None if conversation is None else _messages(conversation, file)
    if messages is not None:
        last = next((message.text for message in reversed(messages) if message.role == "user"), "")
        row.setdefault("question", last)
    elif "prompt" in row:
        row.setdefault("question", row.pop("prompt"))
    try:
        (case,) = cases([Line(row, 1, file)], {})
    except BenchmarkError as error:
        raise ConfigError(str(error).replace(f"{file}:1: ", f"{file}: ")) from None
    return case.problem if messages is None else replace(case.problem, messages=messages)


def _messages(given: Json, file: Path) -> tuple[Message, ...]:
    if not isinstance(given, list) or not given:
        raise ConfigError(f"{file}: messages must be a list of messages as chat APIs take them")
    found = []
    for i, message in enumerate(given):
        try:
            found.append(Message.of(message if isinstance(message, dict) else {}))
        except ValueError as error:
            raise ConfigError(f"{file}: messages[{i}]: {error}") from None
    return tuple(found)


def _object(file: Path) -> dict[str, Any]:
    try:
        value = json.loads(file.expanduser().read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror or error}") from None
    except json.JSONDecodeError as error:
        what = error.msg.removesuffix(" starting at")
        raise ConfigError(f"{file}:{error.lineno}: not JSON: {what} at column {error.colno}") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{file}: not JSON: {error}") from None
    if not isinstance(value, dict):
        raise ConfigError(f"{file}: holds a {type(value).__name__}; it should hold one JSON object")
    return value


def _typed() -> str:
    try:
        return sys.stdin.read()
    except UnicodeDecodeError as error:
        raise ConfigError(f"standard input is not UTF-8: {error.reason} at byte {error.start}") from None


def _kind(name: str | None) -> Kind | None:
    found: Kind | None = next((kind for kind in KINDS if kind == name), None)
    if name is not None and found is None:
        raise UnknownName("kind", name, KINDS, "--kind")
    return found


def _guessed_of(row: Mapping[str, Any]) -> Kind:
    return _guessed(row.get("options") or (), row.get("public_tests") or (), row.get("schema"))


def _guessed(choices: Sequence[str], tests: Sequence[str], schema: object) -> Kind:
    return "choice" if choices else "code" if tests else "json" if schema else "text"
