"""Where named things live: our own rooms by module name, other packages by entry point."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, is_dataclass
from functools import partial
from importlib.abc import InspectLoader
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING, Literal, TypeAlias, cast, overload

from ..errors import ConfigError, UnknownName
from ..protocols import Aggregator, Backend, Strategy, Verifier
from ..types import Expert
from .mark import acts, marked
from .spec import Group

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

Maker: TypeAlias = Callable[..., object]


@dataclass(frozen=True, slots=True)
class Room:
    """One group of named things."""

    package: str
    entry_points: str
    """Group under which other distributions announce theirs."""
    what: str
    """Its members' kind, for messages."""
    sign: re.Pattern[str] | None = None
    """What the source of a module must hold to count; told from the text, since listing imports nothing."""


ROOMS: Mapping[Group, Room] = {
    "strategies": Room(
        "orchestrator.strategies",
        "orchestrator.strategies",
        "strategy",
        re.compile(r"^@(?:\w+\.)*strategy\b", re.MULTILINE),
    ),
    "verifiers": Room("orchestrator.strategies.verifiers", "orchestrator.verifiers", "verifier"),
    "aggregators": Room("orchestrator.strategies.aggregators", "orchestrator.aggregators", "aggregator"),
    "clients": Room(
        "orchestrator.experts", "orchestrator.clients", "client", re.compile(r"^def backend\(", re.MULTILINE)
    ),
}


_loaded: dict[tuple[Group, str], tuple[ModuleType, Maker]] = {}
"""Of our own rooms: what a name stands for, and the module that holds it."""
_NEVER: tuple[ModuleType, None] = (sys, None)


def names(group: Group) -> tuple[str, ...]:
    """The names there are, sorted; no module of theirs is imported."""
    room = ROOMS[group]
    spec = find_spec(room.package)
    places = (spec and spec.submodule_search_locations) or ()
    found = {module.name for module in pkgutil.iter_modules(places) if not module.ispkg and _is_ours(room, module.name)}
    return tuple(sorted(found | {point.name for point in _entry_points(room)}))


@overload
def load(group: Literal["strategies"], name: str) -> Callable[..., Strategy]: ...
@overload
def load(group: Literal["verifiers"], name: str) -> Callable[..., Verifier]: ...
@overload
def load(group: Literal["aggregators"], name: str) -> Callable[..., Aggregator]: ...
@overload
def load(group: Literal["clients"], name: str) -> Callable[[Expert], Backend]: ...
@overload
def load(group: Group, name: str) -> Maker: ...
def load(group: Group, name: str) -> Maker:
    """Imports what `name` stands for: a class to be called with settings, or a client's `backend` function.

    Raises:
        UnknownName: no such name, with a suggestion.
        ConfigError: it cannot be imported, or its module does not hold what it should.
    """
    module, maker = _loaded.get((group, name), _NEVER)
    if maker is not None and sys.modules.get(module.__name__) is module:
        return maker
    room = ROOMS[group]
    if _is_ours(room, name):
        try:
            module = importlib.import_module(f"{room.package}.{name}")
        except ImportError as error:
            raise ConfigError(f"{room.what} '{name}' cannot be loaded: {error}") from error
        maker = _maker(group, module)
        _loaded[group, name] = module, maker
        return maker
    points = [point for point in _entry_points(room) if point.name == name]
    if not points:
        raise UnknownName(room.what, name, names(group))
    if len({point.value for point in points}) > 1:
        owners = " and ".join(sorted(_owner(point) for point in points))
        raise ConfigError(f"{owners} both install a {room.what} '{name}'; remove one of them")
    return _plugin(group, points[0])


def origin(group: Group, name: str) -> str:
    """`built-in`, or the distribution that brings it."""
    room = ROOMS[group]
    if _is_ours(room, name):
        return "built-in"
    return next((_owner(point) for point in _entry_points(room) if point.name == name), "code")


def built_in_name(cls: type) -> str | None:
    """The name of one of our own classes; `None` for any other."""
    package, _, module = cls.__module__.rpartition(".")
    return module if any(room.package == package for room in ROOMS.values()) else None


def _is_ours(room: Room, name: str) -> bool:
    if not name.isidentifier() or name.startswith("_"):
        return False
    spec = find_spec(f"{room.package}.{name}")
    if spec is None or spec.submodule_search_locations is not None:
        return False
    if room.sign is None or not isinstance(spec.loader, InspectLoader):
        return True
    source = spec.loader.get_source(spec.name)
    return source is None or room.sign.search(source) is not None


def _entry_points(room: Room) -> Iterable[EntryPoint]:
    from importlib.metadata import entry_points

    return entry_points(group=room.entry_points)


def _owner(point: EntryPoint) -> str:
    return f"package {point.dist.name}" if point.dist else "an unnamed package"


def _plugin(group: Group, point: EntryPoint) -> Maker:
    what = f"{ROOMS[group].what} '{point.name}' of {_owner(point)}"
    try:
        found: object = point.load()
    except Exception as error:  # a stranger's module may fail in any way; its message is all there is to say
        raise ConfigError(f"{what} cannot be loaded: {type(error).__name__}: {error}") from error
    if isinstance(found, ModuleType):
        return _maker(group, found)
    if not callable(found) or (isinstance(found, type) and not acts(found)):
        raise ConfigError(f"{what} is not a {ROOMS[group].what}")
    return cast(Maker, found)


def _maker(group: Group, module: ModuleType) -> Maker:
    if group == "clients":
        backend: object = getattr(module, "backend", None)
        if not callable(backend):
            raise ConfigError(f"{module.__name__} should hold `def backend(expert)`")
        return cast(Maker, backend)
    wanted = marked if group == "strategies" else _acting
    own: list[type] = [cls for _, cls in inspect.getmembers(module, partial(_defined_in, module)) if wanted(cls)]
    if len(own) != 1:
        held = "none" if not own else " and ".join(cls.__name__ for cls in own)
        raise ConfigError(f"{module.__name__} should hold one {ROOMS[group].what}; it holds {held}")
    return own[0]


def _defined_in(module: ModuleType, value: object) -> bool:
    return isinstance(value, type) and value.__module__ == module.__name__


def _acting(cls: type) -> bool:
    return not cls.__name__.startswith("_") and is_dataclass(cls) and acts(cls)
