"""`bench --recipe`: what a recipe fills in, and how a run that follows it departs from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from orchestrator.errors import ConfigError

from .printing import note
from .problems import Problems, chosen

if TYPE_CHECKING:
    from orchestrator.config import Config
    from orchestrator.evals.recipe import Column, PaperSet, Recipe
    from orchestrator.evals.sets import CaseSet
    from orchestrator.types import Json


@dataclass(frozen=True, slots=True)
class Followed:
    """A recipe on a set of the user's."""

    recipe: Recipe
    set: PaperSet
    columns: Mapping[str, str] = field(default_factory=dict)
    """By the column's name, the spec of the row that stands for it."""
    apart: tuple[str, ...] = ()
    """How the run departs from the recipe, in words."""

    @property
    def handle(self) -> str:
        """What is typed after `--recipe`."""
        return self.recipe.name if len(self.recipe.sets) == 1 else f"{self.recipe.name}/{self.set.name}"

    def to_json(self) -> dict[str, Json]:
        """What the manifest holds of it."""
        return {
            "name": self.recipe.name,
            "set": self.set.name,
            "columns": dict(self.columns),
            "apart": list(self.apart),
        }

    @classmethod
    def recalled(cls, manifest: Mapping[str, Any]) -> Followed | None:
        """The recipe that a run follows; `None` where it follows none that this version has."""
        from orchestrator.errors import UnknownName
        from orchestrator.evals.recipe import read

        kept = manifest.get("recipe")
        if not isinstance(kept, dict):
            return None
        try:
            recipe = read(kept["name"])
            return cls(recipe, recipe.set_named(kept["set"]), kept["columns"], tuple(kept["apart"]))
        except UnknownName as error:
            note(f"{error}; published figures are left out")
            return None


def problems_of(
    text: str, set_: str | None, aliases: Mapping[str, str], limit: int | None, ids: str | None, part: str | None
) -> tuple[Followed, Problems]:
    """The recipe that is meant and the problems it is tried on; its window is put on a set of the paper's format.

    Args:
        text: as typed after `--recipe`.
        set_: as typed after `bench`.

    Raises:
        UnknownName: no such recipe, or no such set in it.
        ConfigError: no set is given, or it is not clear which of the paper's sets it is.
        BenchmarkError: the set cannot be used.
    """
    from orchestrator.evals.recipe import read
    from orchestrator.evals.sets import open_set

    name, _, wanted = text.partition("/")
    recipe = read(name)
    if set_ is None:
        raise ConfigError(_which_file(recipe, recipe.set_named(wanted) if wanted else recipe.sets[0]))
    problems = chosen(set_, aliases, limit, ids, part)
    opened = open_set(problems.spec)
    paper = recipe.set_named(wanted) if wanted else _by_format(recipe, opened)
    fits = _may_be(paper, opened)
    if fits:
        part = part or (None if "part" in opened.options else paper.part)
        problems = chosen(_windowed(problems.spec, opened, paper), {}, limit, ids, part)
    other = [f"{key}={value}" for key, value in opened.options.items() if paper.options.get(key) != value]
    apart = [
        *([] if fits else [f"{problems.name} is not {paper.about}"]),
        *([f"the set has {', '.join(other)}"] if other else []),
        *(["only some of the problems are solved"] if limit is not None or ids is not None else []),
    ]
    return Followed(recipe, paper, apart=tuple(apart)), problems


def _may_be(paper: PaperSet, opened: CaseSet) -> bool:
    """Whether a set may be the paper's: a file of its format; those that come with this package never are."""
    from orchestrator.evals.sets import BUILT_IN

    return opened.format in paper.formats and opened.name not in BUILT_IN


def _windowed(spec: str, opened: CaseSet, paper: PaperSet) -> str:
    """A set with the paper's options, those that were given standing."""
    missing = [f"{key}={value}" for key, value in paper.options.items() if key not in opened.options]
    return f"{spec}{',' if opened.options else ':'}{','.join(missing)}" if missing else spec


def followed_in(followed: Followed, config: Config, settings: Sequence[str] | None) -> tuple[Followed, Sequence[str]]:
    """The strategies that the recipe has, `--set` put over them; those of `-s` where it is given, in their place.

    Settings that config files give to strategies do not count: a recipe says all that matters.

    Returns:
        The recipe with the columns that have a row and how the rows depart from it; and the rows' specs.

    Raises:
        ConfigError: a strategy or setting that is not there, or what all of them need was not given.
    """
    from .options import specs_of

    if config.origin("strategy").kind == "command line":
        specs: Sequence[str] = specs_of(config, config.settings.strategy, settings)
        found, apart = _matched(followed.recipe.columns_on(followed.set.name), specs)
    else:
        specs, found, apart = _filled_in(followed, settings)
    apart += [f"{name} is {spec}" for name, spec in _others(followed, config)]
    return replace(followed, columns=found, apart=(*followed.apart, *apart)), specs


def _others(followed: Followed, config: Config) -> Iterator[tuple[str, str]]:
    """What else was given that the recipe says otherwise, or not at all."""
    recipe, found = followed.recipe, config.settings
    for name in ("verifier", "aggregator"):
        given = getattr(found, name)
        if config.origin(name).kind == "command line" and given != getattr(recipe, name):
            yield f"the {name}", given
    if str(found.budget):
        yield "the cap on each problem", str(found.budget)


def _filled_in(followed: Followed, settings: Sequence[str] | None) -> tuple[Sequence[str], dict[str, str], list[str]]:
    """The recipe's own rows: their specs, the columns that have one, and where `--set` made them others."""
    from orchestrator.registry import parse, resolve, with_settings

    columns = followed.recipe.columns_on(followed.set.name)
    own = list(dict.fromkeys(column.strategy for column in columns))
    made = dict(zip(own, with_settings(own, settings or ()), strict=True))
    ready = [each for each in columns if each.needs is None or each.needs in parse(made[each.strategy]).args]
    for column in columns:
        if column not in ready:
            note(f"left out: {column.name}: {_how(column, followed)}")
    if not ready:
        raise ConfigError(f"recipe {followed.handle}: {columns[0].name}: {_how(columns[0], followed)}")
    changed = {
        column.strategy: made[column.strategy]
        for column in ready
        if _without(made[column.strategy], column.needs) != str(resolve("strategies", column.strategy))
    }
    apart = [_difference(before, now) for before, now in changed.items()]
    found = {column.name: made[column.strategy] for column in ready}
    return list(dict.fromkeys(found.values())), found, apart


def _matched(columns: Sequence[Column], specs: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Rows that the user names, each with the columns of the same spec, else of the only one of that strategy."""
    from orchestrator.registry import parse, resolve

    found: dict[str, str] = {}
    apart: list[str] = []
    own = {column.strategy: str(resolve("strategies", column.strategy)) for column in columns}
    for column in columns:
        wanted = own[column.strategy]
        if wanted in specs:
            found[column.name] = wanted
            continue
        rivals = {each for each in own.values() if parse(each).name == parse(wanted).name}
        near = [spec for spec in specs if parse(spec).name == parse(wanted).name]
        if len(rivals) == len(near) == 1:
            found[column.name] = near[0]
            apart.append(_difference(column.strategy, near[0]))
    return found, list(dict.fromkeys(apart))


def _difference(before: str, now: str) -> str:
    """What two specs of a strategy set otherwise, in words."""
    from orchestrator.registry import parse, resolve
    from orchestrator.registry.spec import render

    old, new = resolve("strategies", before), parse(now)
    names = [name for name in {**old.args, **new.args} if old.args.get(name) != new.args.get(name)]

    def shown(args: Mapping[str, Any], name: str) -> str:
        return render(args[name]) if name in args else "the default"

    told = [f"{name} is {shown(new.args, name)}, not {shown(old.args, name)}" for name in names]
    return f"{new.name}: {', '.join(told)}"


def _without(spec: str, setting: str | None) -> str:
    """A spec without the setting that every user must give."""
    from orchestrator.registry import Spec, parse

    given = parse(spec)
    return str(Spec(given.name, {key: value for key, value in given.args.items() if key != setting}))


def _by_format(recipe: Recipe, opened: CaseSet) -> PaperSet:
    """The set of the paper that a file must be, told by its format; where none fits, the first, to try it with."""
    found = [each for each in recipe.sets if _may_be(each, opened)] or recipe.sets[:1]
    if len(found) == 1:
        return found[0]
    ways = " or ".join(f"--recipe {recipe.name}/{each.name}" for each in found)
    raise ConfigError(f"recipe {recipe.name} is about several sets of this format; say which this is: {ways}")


def _which_file(recipe: Recipe, paper: PaperSet) -> str:
    handle = recipe.name if len(recipe.sets) == 1 else f"{recipe.name}/{paper.name}"
    return (
        f"recipe {handle} is about {paper.about}: {paper.where}. Then: orchestrator bench FILE --recipe {handle}; "
        f"to try it without: orchestrator bench {paper.stand_in} --recipe {handle}"
    )


def _how(column: Column, followed: Followed) -> str:
    assert column.needs is not None
    assert column.prepare is not None
    name = column.strategy.partition("(")[0]
    return f"make {column.needs} with `{column.prepare}`, then add --set {name}.{column.needs}=FILE"
