"""Recipes: how a table of a paper is run again, and what the paper has in it.

A recipe is a TOML file beside this module. It names the paper's models, sampling, shots, set and window, a strategy for
each column of the table and how its figure is counted, and the published figures, each with where it comes from.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from orchestrator.errors import ConfigError, UnknownName

Source: TypeAlias = Literal["paper", "logs", "repository", "secondary"]
"""Where a figure was read: the paper's text; its authors' logs, counted anew; their repository's own words; or somebody
else's account of the paper."""

Percent: TypeAlias = Annotated[float, Field(ge=0, le=100)]
Text: TypeAlias = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Measure: TypeAlias = Annotated[
    str, StringConstraints(pattern=r"^(accuracy|any|mean|points|none|pass@[1-9]\d*|saved@[1-9]\d*)$")
]
"""How a column's figure is counted: the chosen answer is right (`accuracy`), any candidate is (`any`), share of right
candidates (`mean`), points by the set's own rule (`points`), `pass@K` over the candidates, samples not drawn out of K
(`saved@K`), or not by us (`none`)."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Model(_Part):
    """Whom the paper asked."""

    name: Text
    """As the table has it."""
    ids: tuple[Text, ...] = ()
    """What it is called after `-e`; several were asked together."""
    retired: str | None = None
    """Since when its provider serves it no more, as far as is known."""
    successors: tuple[Text, ...] = ()
    """Whom to ask in its place."""


class PaperSet(_Part):
    """One of the sets that the table is about."""

    name: Text
    """Short, as in `--recipe RECIPE/NAME`."""
    about: Text
    where: Text
    """Where users get it, and in which form."""
    formats: tuple[Text, ...]
    """Formats of files, or names of built-in sets, that the options are for."""
    options: dict[str, str] = {}
    """Put behind the set's name unless they are given there."""
    part: Literal["fit", "eval"] | None = None
    size: int | None = Field(default=None, ge=1)
    """Problems in the paper's own; unknown where it is not said."""
    stand_in: Text
    """A built-in set of the same kind, to try the machinery with."""


class Column(_Part):
    """One method of the table."""

    name: Text
    strategy: Text
    """Spec."""
    measure: Measure = "accuracy"
    needs: Text | None = None
    """Setting that must be given with `--set`, since only a preparation on the user's own problems makes its value."""
    prepare: Text | None = None
    """The command that makes it."""
    source: Source = "paper"
    published: dict[str, dict[str, Percent]] = {}
    """By set, then by model. A column with figures is for the sets that it has some on; one without is for all."""
    note: str = ""

    @model_validator(mode="after")
    def _can_be_prepared(self) -> Column:
        if (self.needs is None) != (self.prepare is None):
            raise ValueError("needs and prepare go together")
        return self


class Recipe(_Part):
    """One table of one paper."""

    name: Text
    about: Text
    paper: Text
    """Authors and year, as docstrings cite it."""
    title: Text
    url: Text
    table: Text
    sampling: Text
    """In words, as the paper has it."""
    shots: int = Field(ge=0)
    """Worked examples in the paper's prompts."""
    estimator: Text
    """In words: what the figures are."""
    verifier: str | None = None
    aggregator: str | None = None
    seeds: int = Field(default=1, ge=1)
    departs: tuple[Text, ...]
    """What is known to differ in our implementation."""
    sets: tuple[PaperSet, ...] = Field(alias="set", min_length=1)
    models: tuple[Model, ...] = Field(alias="model")
    columns: tuple[Column, ...] = Field(alias="column", min_length=1)

    @model_validator(mode="after")
    def _names_fit(self) -> Recipe:
        for what, names in (("set", self.sets), ("model", self.models), ("column", self.columns)):
            if len({each.name for each in names}) != len(names):
                raise ValueError(f"a {what} is there twice")
        sets, models = {each.name for each in self.sets}, {each.name for each in self.models}
        for column in self.columns:
            if unknown := set(column.published) - sets:
                raise ValueError(f"column '{column.name}' has figures on an unknown set '{min(unknown)}'")
            if unknown := {name for figures in column.published.values() for name in figures} - models:
                raise ValueError(f"column '{column.name}' has figures of an unknown model '{min(unknown)}'")
        return self

    def set_named(self, name: str) -> PaperSet:
        """Raises:
        UnknownName: the table is not about such a set.
        """
        for each in self.sets:
            if each.name == name:
                return each
        raise UnknownName("set", name, [each.name for each in self.sets], f"recipe {self.name}")

    def columns_on(self, name: str) -> tuple[Column, ...]:
        """The columns for a set: those with figures on it, and those that have none on any."""
        return tuple(each for each in self.columns if not each.published or name in each.published)


def names() -> tuple[str, ...]:
    """The recipes there are, sorted."""
    return tuple(sorted(entry.name[:-5] for entry in _folder().iterdir() if entry.name.endswith(".toml")))


def recipes() -> Iterator[Recipe]:
    """All recipes, by name."""
    return map(read, names())


@cache
def read(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
        UnknownName: there is none, with a suggestion.
        ConfigError: its file does not hold.
    """
    if name not in names():
        raise UnknownName("recipe", name, names())
    return parse(tomllib.loads((_folder() / f"{name}.toml").read_text(encoding="utf-8")), name)


def parse(table: Mapping[str, object], name: str) -> Recipe:
    """A recipe out of TOML.

    Raises:
        ConfigError: a key that is missing, unknown or does not fit.
    """
    try:
        return Recipe.model_validate({**table, "name": name})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise ConfigError(f"recipe {name}: {where}: {first['msg'].removeprefix('Value error, ')}") from None


def _folder() -> Traversable:
    return files("orchestrator.evals").joinpath("recipes")
