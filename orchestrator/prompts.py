"""Prompts are data: TOML files with one table per template, checked when loaded."""

from __future__ import annotations

import string
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path

from .errors import BadPrompt
from .types import Template, canonical

_KEYS = {"text", "system", "slots"}


class Prompts(Mapping[str, Template]):
    """The templates of one file, by name and as attributes."""

    def __init__(self, templates: Mapping[str, Template], source: str) -> None:
        self._templates, self.source = dict(templates), source

    def __getattr__(self, name: str) -> Template:
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

    Each table has `text`, optionally `system`, and `slots`: the names that the strategy fills in beside `$problem`
    and `$format`.

    Raises:
        BadPrompt: not TOML, an unknown key, or placeholders that differ from `slots`.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadPrompt(f"{source}: {error}") from None
    return Prompts({name: _template(name, table, source) for name, table in tables.items()}, source)


def _template(name: str, table: object, source: str) -> Template:
    if not isinstance(table, dict) or not isinstance(table.get("text"), str):
        raise BadPrompt(f"{source}: [{name}] needs a text")
    if extra := set(table) - _KEYS:
        raise BadPrompt(f"{source}: [{name}] has an unknown key '{min(extra)}'")
    form = string.Template(table["text"])
    if not form.is_valid():
        raise BadPrompt(f"{source}: [{name}] has a stray '$'; write '$$' for the sign itself")
    found, declared = set(form.get_identifiers()) - {"problem", "format"}, set(table.get("slots", ()))
    if found != declared:
        raise BadPrompt(f"{source}: [{name}] uses {sorted(found)} but declares slots {sorted(declared)}")
    return Template(name, table["text"].strip(), str(table.get("system", "")).strip())


@cache
def load_prompts(package: str, name: str) -> Prompts:
    """The templates in `prompts/NAME.toml` beside the modules of `package`."""
    resource = files(package).joinpath("prompts").joinpath(f"{name}.toml")
    return parse_prompts(resource.read_text(encoding="utf-8"), f"prompts/{name}.toml")


def read_prompts(path: Path) -> Prompts:
    """The templates of a file of the user's."""
    return parse_prompts(path.read_text(encoding="utf-8"), str(path))
