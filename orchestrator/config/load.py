"""Settings of all sources put together, each with where it came from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, cast

from ..budget import Budget
from ..errors import ConfigError
from ..registry import Spec, guarded, parse, resolve
from ..registry.settings import as_value
from ..types import Json
from .settings import CAPS, Settings, checked
from .sources import Kind, Layer, environment_layer, file_layer, option_layer, project_file, user_file
from .trust import trusted

DEFAULT_USD = 0.50
"""The money cap of `solve` where nobody sets one; an untrusted project cannot raise it."""

Key: TypeAlias = tuple[str, ...]

_BUDGETS = ("budget", "run_budget")
_TABLES = ("roles", "sets")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from."""

    kind: Kind
    where: str = ""
    """The file, variable or option."""
    vouched: bool = True
    """`False` for a project's file that the user does not trust: its cap on money is no leave to spend it."""

    def __str__(self) -> str:
        return f"{self.kind} {self.where}".strip()


@dataclass(frozen=True, slots=True)
class Leaf:
    value: object
    origin: Origin


@dataclass(frozen=True, slots=True)
class Config:
    """Every setting, and where it came from."""

    settings: Settings
    leaves: Mapping[Key, Leaf]
    """Each value under its key's parts; budgets cap by cap, tables entry by entry."""
    project: Path | None
    """The project's file, if there is one."""
    untrusted: tuple[str, ...]
    """Keys of the project's file that are ignored until the user trusts it."""

    def origin(self, key: str) -> Origin:
        """Where a value came from; `key` is dotted, e.g. `budget.usd`."""
        leaf = self.leaves.get(tuple(key.split(".")))
        return leaf.origin if leaf else Origin("default")

    @property
    def notice(self) -> str | None:
        """The line to print when keys of the project's file are ignored."""
        if not self.untrusted:
            return None
        return f"{self.project}: ignored {', '.join(self.untrusted)}; `orchestrator config trust` makes them count"


def load(
    cwd: Path | None = None,
    options: Mapping[str, object] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Config:
    """Reads every source; the command line wins over the environment, the project's file and the user's.

    Budgets are merged cap by cap, tables entry by entry; everything else is replaced whole.

    Args:
        cwd: where the search for the project's file starts; the working directory if not given.
        options: what the command line gives, by key.
        environment: `os.environ` if not given.

    Raises:
        ConfigError: a file, variable or option that cannot be used.
    """
    cwd = (cwd or Path.cwd()).absolute()
    project, user = project_file(cwd), user_file()
    layers = [Layer("default", "", None, Settings(seed=0, concurrency=64, min_isolation=0))]
    layers += [file_layer("user", user)] if user.is_file() else []
    layers += [file_layer("project", project)] if project else []
    layers += [environment_layer(os.environ if environment is None else environment), option_layer(options or {})]
    vouched = project is None or trusted(project)
    leaves: dict[Key, Leaf] = {}
    ignored: list[str] = []
    for layer in layers:
        check_strategies(layer.settings, layer.source("strategies"))
        ignored += _put(layer, leaves, cwd, vouched or layer.kind != "project")
    return Config(_joined(leaves), leaves, project, tuple(ignored))


def _put(layer: Layer, leaves: dict[Key, Leaf], cwd: Path, vouched: bool) -> list[str]:
    """Puts a layer's values over those below it; returns the keys that may not count."""
    ignored = []
    for key, value in _split(layer, cwd).items():
        if vouched or _harmless(layer, key, value, leaves):
            leaves[key] = Leaf(value, Origin(layer.kind, layer.source(key[0]), vouched))
        else:
            ignored.append(".".join(key))
    return ignored


def _harmless(layer: Layer, key: Key, value: object, below: Mapping[Key, Leaf]) -> bool:
    """Whether a project's file may set this unasked: strategies, sets, lower caps and more isolation only."""
    match key:
        case ("sets", _):
            return True
        case ("strategy",):
            return not any("(" in spec and _risks(layer, parse(spec)) for spec in cast(tuple[str, ...], value))
        case ("strategies", name, setting):
            return not _risks(layer, Spec(name, {setting: as_value(value)}))
        case (("budget" | "run_budget"), _):
            ceiling = below[key].value if key in below else DEFAULT_USD if key == ("budget", "usd") else None
            return ceiling is None or cast(float, value) <= cast(float, ceiling)
        case ("min_isolation",):
            return cast(int, value) >= cast(int, below[key].value)
    return False


def _risks(layer: Layer, spec: Spec) -> tuple[str, ...]:
    try:
        return guarded(spec)
    except ConfigError as error:
        raise ConfigError(f"{layer.source('strategy')}: {error}") from error


def check_strategies(settings: Settings, where: str) -> None:
    """Holds `[strategies.NAME]` tables against the strategies' own fields.

    Raises:
        ConfigError: no such strategy or setting, or a value that does not fit.
    """
    for name, table in settings.strategies.items():
        try:
            resolve("strategies", Spec(name, {key: as_value(value) for key, value in table.items()}))
        except ConfigError as error:
            raise ConfigError(f"{where}: [strategies.{name}]: {error}") from error


def _split(layer: Layer, cwd: Path) -> dict[Key, object]:
    """A layer's values under their keys' parts, paths made good for the working directory."""
    out: dict[Key, object] = {}
    for name in sorted(layer.settings.model_fields_set):
        value = getattr(layer.settings, name)
        if name in _BUDGETS:
            out |= {(name, cap): getattr(value, cap) for cap in CAPS if getattr(value, cap) is not None}
        elif name in _TABLES:
            out |= {(name, entry): item for entry, item in value.items()}
        elif name == "strategies":
            out |= {(name, strategy, key): item for strategy, table in value.items() for key, item in table.items()}
        elif name == "expert":
            out |= {(name, _expert_id(table, i)): table for i, table in enumerate(value)}
        else:
            out[name,] = value
    folder = layer.folder
    return (
        out if folder is None or folder == cwd else {key: _rooted(key[0], value, folder) for key, value in out.items()}
    )


def _expert_id(table: Mapping[str, Json], index: int) -> str:
    return str(table.get("id") or table.get("model") or index)


def _rooted(name: str, value: object, folder: Path) -> object:
    """What names a file in a config file is relative to that file."""
    match name, value:
        case (("pool" | "prompts"), Path()):
            return folder / value.expanduser()
        case "sets", str():
            path, colon, options = value.partition(":")
            return f"{_joined_path(path, folder)}{colon}{options}"
        case "experts", tuple():
            return tuple(_rooted_expert(expert, folder) for expert in value)
    return value


def _rooted_expert(expert: str, folder: Path) -> str:
    client, colon, rest = expert.partition(":")
    if client in ("replay", "scripted") and colon:
        path, hash_sign, part = rest.partition("#")
        return f"{client}:{_joined_path(path, folder)}{hash_sign}{part}"
    if client == "local" and colon:
        path, comma, settings = rest.partition(",")
        if path.startswith((".", "~")) or (folder / path).is_dir():
            return f"local:{(folder / Path(path).expanduser()).resolve()}{comma}{settings}"
        return expert
    return _joined_path(expert, folder) if expert.endswith(".toml") else expert


def _joined_path(text: str, folder: Path) -> str:
    """The path from `folder`, or the text itself when it is no path but a name."""
    path = folder / Path(text).expanduser()
    return str(path) if path.exists() or "/" in text or Path(text).suffix else text


def _joined(leaves: Mapping[Key, Leaf]) -> Settings:
    data: dict[str, object] = {}
    caps: dict[str, dict[str, float]] = {}
    for key, leaf in leaves.items():
        match key:
            case (("budget" | "run_budget") as name, cap):
                caps.setdefault(name, {})[cap] = cast(float, leaf.value)
            case ("expert", _):
                cast(list[object], data.setdefault("expert", [])).append(leaf.value)
            case (name,):
                data[name] = leaf.value
            case _:
                _insert(data, key, leaf.value)
    budgets = {name: Budget(**found) for name, found in caps.items()}  # type: ignore[arg-type]
    return checked({**data, **budgets}, "config")


def _insert(data: dict[str, object], key: Key, value: object) -> None:
    for part in key[:-1]:
        data = cast(dict[str, object], data.setdefault(part, {}))
    data[key[-1]] = value
