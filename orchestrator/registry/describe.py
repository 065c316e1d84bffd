"""What a name stands for, told from its source."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import textwrap
from dataclasses import dataclass
from typing import Literal, get_args, get_origin

from ..types import Estimate, Kind
from .build import fields_of, hints_of, plain
from .calls import driving, estimate_of, kind_of_example, made, smallest, with_several
from .rooms import Maker, load, origin
from .spec import Group, render

_CITED = re.compile(r"\(([^()]*\b(?:19|20)\d\d[a-z]?\b[^()]*)\)")
_STEP = re.compile(r"^\d+\. ((?:.+(?:\n(?!\d+\. |\n)|$))+)", re.MULTILINE)
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
    """Calls on one problem with one expert and every setting at its default, where it can tell; see `per`."""
    several: Estimate | None = None
    """The same with three experts, where that is another number."""
    calls_depend_on: tuple[str, ...] = ()
    """Names of the settings that change the estimate."""
    algorithm: tuple[str, ...] = ()
    """The numbered steps of the docstring, without their numbers."""
    notes: tuple[str, ...] = ()
    """The other paragraphs of the docstring after its first line."""
    ladder: str | None = None
    """What becomes smaller where a cap on calls is too low for the whole of it."""
    smallest: int | None = None
    """The fewest calls that its smallest form makes, where it has smaller forms."""
    needs: str | None = None
    """What it does not work without: tests, several experts, labelled data..."""
    verifier: str | None = None
    """The verifier that a strategy brings along; `auto`: one that fits the kind of problem, if there is one; `its own`:
    what its search has scored the candidates by already."""
    aggregator: str | None = None
    """The aggregator that a strategy brings along."""
    per: Literal["problem", "candidate"] = "problem"
    """What the calls are made for; verifiers that ask for each candidate anew tell those on one."""
    kind: Kind | None = None
    """The kind of problem that the calls are told for, where it makes none on one that ends in a number."""


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
        estimate=estimate_of(maker),
        several=with_several(maker),
        calls_depend_on=driving(maker),
        algorithm=_steps(text),
        notes=_notes(text),
        ladder=_ladder(maker),
        smallest=smallest(maker),
        needs=_told(maker, "needs"),
        verifier=_told(maker, "verifier") or ("auto" if group == "strategies" else None),
        aggregator=_told(maker, "aggregator") or ("majority" if group == "strategies" else None),
        per="candidate" if group == "verifiers" and hasattr(maker, "estimate_over") else "problem",
        kind=kind_of_example(maker),
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


def _steps(text: str) -> tuple[str, ...]:
    return tuple(" ".join(step.split()) for step in _STEP.findall(text))


def _notes(text: str) -> tuple[str, ...]:
    paragraphs = text.partition("\n")[2].split("\n\n")
    plain = (" ".join(paragraph.split()) for paragraph in paragraphs if not _STEP.match(paragraph.strip("\n")))
    return tuple(paragraph for paragraph in plain if paragraph)


def _ladder(maker: Maker) -> str | None:
    fit = getattr(maker, "fit", None)
    if fit is None:
        return None
    words = " ".join(inspect.cleandoc(fit.__doc__ or "").split())
    return words.removeprefix("The ladder: ") or "it has smaller forms"


def _told(maker: Maker, name: str) -> str | None:
    """A fact that a class states beside its settings; one that depends on these is told for their defaults."""
    value: object = getattr(maker, name, None)
    if isinstance(value, property):
        value = getattr(made(maker), name, None)
        return value if isinstance(value, str) or value is None else "its own"
    return value if isinstance(value, str) else None


def _settings(maker: Maker) -> tuple[Setting, ...]:
    source = _written(maker)
    return tuple(
        Setting(f.name, _type(maker, f, source), _default(f), source.get(f.name, ("", ""))[1]) for f in fields_of(maker)
    )


def _type(maker: Maker, f: dataclasses.Field[object], source: dict[str, tuple[str, str]]) -> str:
    """As in the source; the choices where the source has but a name for them."""
    written = source.get(f.name, (str(f.type), ""))[0]
    hint: object = hints_of(maker).get(f.name) if written.isidentifier() else None
    return f"Literal[{', '.join(map(repr, get_args(hint)))}]" if get_origin(hint) is Literal else written


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
