"""What a name stands for, told from its source."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import textwrap
from dataclasses import dataclass

from ..protocols import Estimates
from ..types import Estimate, Message, Problem
from .build import fields_of, plain
from .rooms import Maker, load, origin
from .spec import Group, render

_CITED = re.compile(r"\(([^()]*\b(?:19|20)\d\d[a-z]?\b[^()]*)\)")
_CITING = re.compile(r"arxiv|doi\.org|et al\.", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Setting:
    """One field that a user may set."""

    name: str
    type: str
    """As written in the source."""
    default: str | None
    """As written in a spec; `None`: it must be given."""
    doc: str
    """The text under the field; empty when there is none."""


@dataclass(frozen=True, slots=True)
class Description:
    """What `orchestrator strategies NAME` shows."""

    group: Group
    name: str
    summary: str
    """First line of the docstring."""
    citation: str | None
    """The paper that the docstring names."""
    origin: str
    """`built-in`, or the distribution that brings it."""
    settings: tuple[Setting, ...]
    estimate: Estimate | None
    """Calls on one problem with one expert and every setting at its default, where it can tell."""


def describe(group: Group, name: str) -> Description:
    """Imports what `name` stands for and describes it.

    Raises:
        UnknownName: no such name, with a suggestion.
        ConfigError: it cannot be imported.
    """
    maker = load(group, name)
    text = _docstring(maker)
    return Description(
        group=group,
        name=name,
        summary=text.partition("\n")[0].strip(),
        citation=_citation(text),
        origin=origin(group, name),
        settings=_settings(maker),
        estimate=_estimate(maker),
    )


def _docstring(maker: Maker) -> str:
    own = maker.__doc__ or ""
    if isinstance(maker, type):
        # A dataclass without a docstring is given its signature as one.
        return "" if own.startswith(f"{maker.__name__}(") else inspect.cleandoc(own)
    module = inspect.getmodule(maker)
    return inspect.cleandoc(own or (module.__doc__ if module else None) or "")


def _citation(text: str) -> str | None:
    flat = " ".join(text.split())
    if match := _CITED.search(flat):
        return match[1]
    return next((line.strip() for line in text.splitlines() if _CITING.search(line)), None)


def _settings(maker: Maker) -> tuple[Setting, ...]:
    source = _written(maker)
    return tuple(
        Setting(f.name, source.get(f.name, (str(f.type), ""))[0], _default(f), source.get(f.name, ("", ""))[1])
        for f in fields_of(maker)
    )


def _default(f: dataclasses.Field[object]) -> str | None:
    if f.default_factory is not dataclasses.MISSING:
        value = f.default_factory()
    elif f.default is not dataclasses.MISSING:
        value = f.default
    else:
        return None
    return render(plain(value))


def _written(maker: Maker) -> dict[str, tuple[str, str]]:
    """Type and doc line of each field as they stand in the source, inherited ones included."""
    if not isinstance(maker, type):
        return {}
    found: dict[str, tuple[str, str]] = {}
    for cls in reversed(maker.__mro__[:-1]):
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
        except (OSError, TypeError):  # made at run time, or shipped without its source
            continue
        found |= _fields_in(tree.body[0])
    return found


def _fields_in(node: ast.stmt) -> dict[str, tuple[str, str]]:
    found = {}
    body = node.body if isinstance(node, ast.ClassDef) else []
    for statement, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            found[statement.target.id] = (ast.unparse(statement.annotation), _text(after))
    return found


def _text(node: ast.stmt | None) -> str:
    match node:
        case ast.Expr(value=ast.Constant(value=str() as text)):
            return " ".join(text.split())
    return ""


def _estimate(maker: Maker) -> Estimate | None:
    if not isinstance(maker, type) or any(setting.default is None for setting in _settings(maker)):
        return None
    thing = maker()
    if not isinstance(thing, Estimates):
        return None
    return thing.estimate(Problem("example", (Message("user", "What is 6 times 7?"),), kind="number"), 1)
