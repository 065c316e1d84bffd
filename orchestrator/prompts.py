"""Prompts are data: TOML files with one table per template, checked when loaded."""

from __future__ import annotations

import string
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from .errors import BadPrompt
from .types import Template, canonical

_KEYS = {"text", "system", "slots"}
_OF_EVERY_PROBLEM = {"problem", "format"}
"""Placeholders that `Problem.ask` fills by itself."""


class Prompts(Mapping[str, Template]):
    """The templates of one file, by name and as attributes."""

    def __init__(self, templates: Mapping[str, Template], source: str) -> None:
        self._templates, self.source = dict(templates), source

    def __getattr__(self, name: str) -> Template:
        if name.startswith("_"):  # asked for by copy and pickle, before there are any templates
            raise AttributeError(name)
        try:
            return self._templates[name]
        except KeyError:
            raise BadPrompt(f"{self.source} has no template '{name}'") from None

    def __getitem__(self, name: str) -> Template:
        return self._templates[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._templates)

    def __len__(self) -> int:
        return len(self._templates)

    def canonical(self) -> bytes:
        """Bytes that change when a template does: what a manifest hashes."""
        return canonical({name: [t.system, t.text] for name, t in sorted(self._templates.items())})


def parse_prompts(text: str, source: str) -> Prompts:
    """Templates out of TOML text.

    Each table has `text`, optionally `system`, and `slots`: the names that the strategy fills into these two beside
    `$problem` and `$format`.

    Raises:
        BadPrompt: not TOML, an unknown key, or placeholders that differ from `slots`.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadPrompt(f"{source}: {error}") from None
    return Prompts({name: _declared(name, table, source) for name, table in tables.items()}, source)


def _declared(name: str, table: object, source: str) -> Template:
    """A template whose slots are declared beside it."""
    template = template_of(name, table, source)
    where = f"{source}: [{name}]"
    slots = table.get("slots", []) if isinstance(table, Mapping) else []
    if not isinstance(slots, list) or not all(isinstance(slot, str) for slot in slots):
        raise BadPrompt(f"{where} slots must be a list of names")
    found = placeholders(template, where) - _OF_EVERY_PROBLEM
    if found != set(slots):
        raise BadPrompt(f"{where} uses {sorted(found)} but declares slots {sorted(slots)}")
    return template


def template_of(name: str, table: object, source: str) -> Template:
    """The template that a table describes.

    Raises:
        BadPrompt: it lacks a text, or has a key that there is not.
    """
    where = f"{source}: [{name}]"
    if not isinstance(table, Mapping) or not isinstance(table.get("text"), str):
        raise BadPrompt(f"{where} needs a text")
    if extra := set(table) - _KEYS:
        raise BadPrompt(f"{where} has an unknown key '{min(extra)}'; there are: {', '.join(sorted(_KEYS))}")
    text, system = table["text"], table.get("system", "")
    if not isinstance(system, str):
        raise BadPrompt(f"{where} system must be a text")
    template = Template(name, text.strip(), system.strip())
    placeholders(template, where)
    return template


def placeholders(template: Template, where: str) -> set[str]:
    """What a template has to be given.

    Raises:
        BadPrompt: a stray `$`.
    """
    return _placeholders(template.text, where) | _placeholders(template.system, where)


def _placeholders(text: str, where: str) -> set[str]:
    form = string.Template(text)
    if not form.is_valid():
        raise BadPrompt(f"{where} has a stray '$'; write '$$' for the sign itself")
    return set(form.get_identifiers())


@cache
def load_prompts(package: str, name: str) -> Prompts:
    """The templates in `prompts/NAME.toml` beside the modules of `package`.

    Raises:
        BadPrompt: there is no such file, or it does not hold.
    """
    resource = files(package).joinpath("prompts").joinpath(f"{name}.toml")
    return _read(resource, f"prompts/{name}.toml")


def _read(file: Traversable, source: str) -> Prompts:
    return parse_prompts(read_text(file, source), source)


def read_text(file: Traversable, source: str) -> str:
    """The text of a file.

    Raises:
        BadPrompt: it cannot be read, or is no UTF-8 text.
    """
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise BadPrompt(f"{source}: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise BadPrompt(f"{source}: not UTF-8 text ({error.reason} at byte {error.start})") from None
