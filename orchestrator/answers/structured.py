"""Reads an answer in JSON; the key is the same for every way of writing the value.

The last fenced block that parses, else the reply itself, else the last object or list in it. Where the problem has a
schema, a value that fits it is taken before one that does not.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator

from ..types import Json, JsonObject, Problem, canonical
from .phrases import Reading, digested

_FENCED = re.compile(r"^[ \t]*(?:```|~~~)[^\n]*\n(.*?)(?:^[ \t]*(?:```|~~~)[ \t]*$|\Z)", re.DOTALL | re.MULTILINE)
_OPENING = re.compile(r"[{\[]")
_DECODER = json.JSONDecoder(strict=False)
_MOST_TRIES = 200


def read(problem: Problem, text: str) -> Reading | None:
    """The JSON value, written compactly with its members in their order."""
    found = list(_values(text))
    if not found:
        return None
    fitting = (value for value in found if problem.schema is not None and mismatch(value, problem.schema) is None)
    value = next(fitting, found[0])
    return Reading(json.dumps(value, ensure_ascii=False), digested(_key(value)))


def same(problem: Problem, reference: str, value: str) -> bool:
    """Whether both are the same JSON value, `1` and `1.0` being one."""
    a, b = _parsed(reference), _parsed(value)
    if a is None or b is None:
        return reference.strip() == value.strip()
    return _key(a[0]) == _key(b[0])


def mismatch(value: Json, schema: JsonObject) -> str | None:
    """What keeps the value from fitting the schema, in one line; `None` when it fits.

    Raises:
        jsonschema.SchemaError: the schema itself is none.
    """
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match
    from jsonschema.validators import validator_for

    validator = validator_for(dict(schema), default=Draft202012Validator)
    validator.check_schema(dict(schema))
    error = best_match(validator(dict(schema)).iter_errors(value))
    if error is None:
        return None
    return f"{error.json_path}: {error.message}".splitlines()[0][:300]


def _values(text: str) -> Iterator[Json]:
    """The values found in the reply, the likeliest first."""
    for block in reversed(_FENCED.findall(text)):
        if (found := _parsed(block)) is not None:
            yield found[0]
    if (found := _parsed(text)) is not None:
        yield found[0]
        return
    inside: list[Json] = []
    place = 0
    for _ in range(_MOST_TRIES):
        start = _OPENING.search(text, place)
        if start is None:
            break
        try:
            value, place = _DECODER.raw_decode(text, start.start())
        except (ValueError, RecursionError):
            place = start.end()
        else:
            inside.append(value)
    yield from reversed([value for value in inside if _finite(value)])


def _parsed(text: str) -> tuple[Json] | None:
    try:
        value: Json = _DECODER.decode(text.strip())
    except (ValueError, RecursionError):
        return None
    return (value,) if _finite(value) else None


def _finite(value: Json) -> bool:
    """JSON has no NaN and no infinity, though Python reads them."""
    if isinstance(value, float):
        return math.isfinite(value)
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return all(_finite(item) for item in inner)


def _key(value: Json) -> str:
    return canonical(_plain(value)).decode("utf-8", "surrogatepass")


def _plain(value: Json) -> Json:
    match value:
        case float() if value.is_integer():
            return int(value)
        case dict():
            return {name: _plain(item) for name, item in value.items()}
        case list():
            return [_plain(item) for item in value]
    return value
