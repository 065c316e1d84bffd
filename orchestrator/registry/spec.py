"""Specs: the text by which a strategy, verifier or aggregator and its settings are named."""

from __future__ import annotations

import ast
import json
import keyword
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from ..errors import ConfigError

Group = Literal["strategies", "verifiers", "aggregators", "clients"]

_HEAD = re.compile(r"\s*([A-Za-z_][\w.-]*)\s*(\(.*\))?\s*", re.DOTALL)
_TOKEN = re.compile(
    r"""(?P<quoted>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|(?P<bare>[\w./~@+-]+(?::[\w./~@+-]+)*)(?!\s*[\w(=])"""
)
_TEXT = re.compile(r"[/~@:]|\.[^\W\d]|[^\W\d]-|-[^\W\d]")
"""What a bare word holds that can only be text: a path, a file's name, a model's id."""
_WORDS: Mapping[str, bool | None] = {"true": True, "false": False, "none": None, "null": None}
_LONGEST = 4000
_HINT = "write name(field=value, other=[1, 2]) and put text with other signs in quotes"


@dataclass(frozen=True, slots=True)
class Spec:
    """A name with settings: `plansearch(subset_size=1, inner=cot)`. A bare word is a spec without settings; one that
    holds what no name does, as in `profiles=team/profiles.json`, is text."""

    name: str
    args: Mapping[str, Value | Given] = field(default_factory=dict)
    group: Group | None = field(default=None, compare=False)
    """Where the name was looked up; `None` until it was."""

    def __str__(self) -> str:
        if not self.args:
            return self.name
        return f"{self.name}({', '.join(f'{key}={render(value)}' for key, value in self.args.items())})"


Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | Spec | None"


@dataclass(frozen=True, slots=True)
class Given:
    """A value as typed after `--set`: read as in a spec if the field takes that, else as plain text."""

    text: str

    def readings(self) -> list[Value]:
        """What it may mean, the likeliest first."""
        try:
            return [parse_value(self.text), self.text]
        except ConfigError:
            return [self.text]


def parse(text: str) -> Spec:
    """The spec in `text`; nothing is looked up or evaluated.

    Raises:
        ConfigError: the text does not have the form of a spec.
    """
    match = _HEAD.fullmatch(text) if len(text) <= _LONGEST else None
    if not match:
        raise ConfigError(f"'{_short(text)}' cannot be read; {_HINT}")
    if not match[2]:
        return Spec(match[1])
    node = _parsed(f"_{_quoted(match[2])}", text)
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        raise ConfigError(f"'{_short(text)}' cannot be read; {_HINT}")
    return Spec(match[1], _arguments(node, text))


def parse_value(text: str) -> Value:
    """One value in the grammar of specs.

    Raises:
        ConfigError: it has no such form.
    """
    if len(text) > _LONGEST:
        raise ConfigError(f"'{_short(text)}' cannot be read: it is longer than {_LONGEST} signs")
    return _value(_parsed(_quoted(text.strip()), text), text)


def _quoted(source: str) -> str:
    """The source with quotes around bare words that can only be text: `profiles=team/profiles.json` needs none."""

    def quoted(found: re.Match[str]) -> str:
        word = found["bare"]
        return json.dumps(word) if word and _TEXT.search(word) and not _number(word) else found[0]

    return _TOKEN.sub(quoted, source)


def _number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _parsed(source: str, text: str) -> ast.expr:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            return ast.parse(source, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ConfigError(f"'{_short(text)}' cannot be read; {_HINT}") from None


def _arguments(call: ast.Call, text: str) -> dict[str, Value | Given]:
    if call.args or any(argument.arg is None for argument in call.keywords):
        raise ConfigError(f"'{_short(text)}': every setting needs its name; {_HINT}")
    return {argument.arg: _value(argument.value, text) for argument in call.keywords if argument.arg is not None}


def _value(node: ast.expr, text: str) -> Value:
    match node:
        case ast.Constant(value=None | bool() | int() | float() | str() as value):
            return value
        case ast.Name(id=word):
            return _WORDS[word] if word in _WORDS else Spec(word)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
            return -number
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return [_value(item, text) for item in items]
        case ast.Dict(keys=keys, values=values):
            return {_key(key, text): _value(value, text) for key, value in zip(keys, values, strict=True)}
        case ast.Call(func=ast.Name(id=name)):
            return Spec(name, _arguments(node, text))
    raise ConfigError(f"'{_short(text)}' cannot be read; {_HINT}")


def _key(node: ast.expr | None, text: str) -> str:
    match node:
        case ast.Constant(value=str() as key) | ast.Name(id=key):
            return key
    raise ConfigError(f"'{_short(text)}' has a key that is not a word")


def render(value: Value | Given) -> str:
    """The text that reads back as `value`."""
    match value:
        case None:
            return "none"
        case bool():
            return str(value).lower()
        case str():
            return value if _bare(value) else json.dumps(value, ensure_ascii=False)
        case Given():
            return json.dumps(value.text, ensure_ascii=False)
        case Spec():
            return str(value) if _bare(value.name) else json.dumps(str(value), ensure_ascii=False)
        case list():
            return f"[{', '.join(map(render, value))}]"
        case dict():
            return f"{{{', '.join(f'{render(key)}: {render(item)}' for key, item in value.items())}}}"
    return repr(value)


def _bare(text: str) -> bool:
    return text.isascii() and text.isidentifier() and text not in _WORDS and not keyword.iskeyword(text)


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:77]}..."
