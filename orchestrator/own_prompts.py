"""A user's own prompts, put over the shipped ones."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

from .errors import BadPrompt, UnknownName
from .prompts import Prompts, load_prompts, placeholders, read_text, template_of
from .types import Json, Template

_SHIPPED = "orchestrator.strategies"

_Templates: TypeAlias = Mapping[str, Template]


@dataclass(frozen=True)
class PromptSource:
    """Where templates come from: the shipped files, a user's own put over them template by template."""

    own: Mapping[str, _Templates] = field(default_factory=dict)
    """By the name of a prompt file, the templates that stand in for its."""
    source: str = ""
    """The file that they are from."""

    def __call__(self, name: str, package: str = _SHIPPED) -> Prompts:
        """The templates of `prompts/NAME.toml` in `package`.

        Raises:
            BadPrompt: there is no such file, or a template of the user's does not fit into it.
        """
        if name not in self.own:
            return load_prompts(package, name)
        known = self._merged.get((package, name))
        if known is None:
            known = self._merged[package, name] = self._put_over(load_prompts(package, name), name)
        return known

    @cached_property
    def _merged(self) -> dict[tuple[str, str], Prompts]:
        return {}

    def _put_over(self, shipped: Prompts, name: str) -> Prompts:
        for title, template in self.own[name].items():
            where = f"{self.source}: [{name}.{title}]"
            if title not in shipped:
                raise UnknownName("template", title, shipped, where)
            usable = placeholders(shipped[title], where)
            usable |= {"problem", "format"} if "problem" in usable else set()
            if extra := placeholders(template, where) - usable:
                there = ", ".join(f"${slot}" for slot in sorted(usable)) or "no placeholders"
                raise BadPrompt(f"{where} uses ${min(extra)}, which is not filled in here; there is {there}")
        return Prompts({**shipped, **self.own[name]}, self.source)

    def to_json(self) -> dict[str, Json]:
        """The user's templates as a manifest keeps them; `recalled` reads them again."""
        return {
            name: {title: {"text": one.text, "system": one.system} for title, one in templates.items()}
            for name, templates in self.own.items()
        }

    @classmethod
    def recalled(cls, tables: Mapping[str, Json], source: str) -> PromptSource:
        return cls(_own(tables, source), source)


SHIPPED = PromptSource()
"""The shipped files alone."""


def read_own_prompts(path: Path, strategies: tuple[str, ...] = ()) -> PromptSource:
    """The templates of a user's file, one table `[NAME.TEMPLATE]` for each that stands in for a shipped one.

    A table has `text` and optionally `system`; it may use the placeholders that the shipped template uses.

    Args:
        strategies: names of installed strategies, whose prompts may lie in other packages.

    Raises:
        BadPrompt: it cannot be read, or does not hold.
        UnknownName: there is no such prompt file, or no such template in it.
    """
    source = str(path)
    try:
        tables = tomllib.loads(read_text(path, source))
    except tomllib.TOMLDecodeError as error:
        raise BadPrompt(f"{source}: {error}") from None
    found = PromptSource(_own(tables, source), source)
    ours = prompt_files()
    for name in found.own:
        if name in ours:
            found(name)
        elif name not in strategies:
            raise UnknownName("prompt file", name, (*ours, *strategies), source)
    return found


def prompt_files() -> tuple[str, ...]:
    """Names of the shipped prompt files, sorted."""
    from importlib.resources import files

    entries = files(_SHIPPED).joinpath("prompts").iterdir()
    return tuple(sorted(entry.name[:-5] for entry in entries if entry.name.endswith(".toml")))


def _own(tables: Mapping[str, object], source: str) -> dict[str, _Templates]:
    return {name: _templates(name, table, source) for name, table in tables.items()}


def _templates(name: str, table: object, source: str) -> _Templates:
    if not isinstance(table, Mapping) or not all(isinstance(one, Mapping) for one in table.values()):
        raise BadPrompt(f"{source}: [{name}] should hold tables [{name}.TEMPLATE], each with a text")
    return {title: template_of(f"{name}.{title}", one, source) for title, one in table.items()}
