"""From specs to objects: settings are checked against the fields of the class they name."""

from __future__ import annotations

import dataclasses
import enum
import functools
import inspect
import operator
import types
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Literal,
    TypeAlias,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
    overload,
)

from ..errors import ConfigError, UnknownName
from ..protocols import Aggregator, Strategy, Verifier
from .ranges import check_ranges
from .rooms import ROOMS, Maker, built_in_name, load
from .spec import Given, Group, Spec, Value, parse

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_PROTOCOLS: Mapping[object, Group] = {Strategy: "strategies", Verifier: "verifiers", Aggregator: "aggregators"}
_NAMES: dict[str, object] = {"Strategy": Strategy, "Verifier": Verifier, "Aggregator": Aggregator}

T = TypeVar("T")
_Nested: TypeAlias = Callable[[Group, Spec], object]


@overload
def build(
    group: Literal["strategies"], spec: str | Spec | Strategy, settings: Mapping[str, object] = ...
) -> Strategy: ...
@overload
def build(
    group: Literal["verifiers"], spec: str | Spec | Verifier, settings: Mapping[str, object] = ...
) -> Verifier: ...
@overload
def build(
    group: Literal["aggregators"], spec: str | Spec | Aggregator, settings: Mapping[str, object] = ...
) -> Aggregator: ...
@overload
def build(group: Group, spec: object, settings: Mapping[str, object] = ...) -> object: ...
def build(group: Group, spec: object, settings: Mapping[str, object] | None = None) -> object:
    """The object that a spec describes; what is no text but an object already is returned as it is.

    Args:
        settings: put over those in the spec; text is read as after `--set`.

    Raises:
        UnknownName: no such name, or no such setting.
        ConfigError: a value that does not fit its field, or a needed one is missing.
    """
    if not isinstance(spec, str | Spec):
        return _passed(group, spec)
    return _made(group, resolve(group, spec, settings))


def resolve(group: Group, spec: str | Spec, settings: Mapping[str, object] | None = None) -> Spec:
    """The canonical spec: names looked up, values converted to their fields' types, settings in field order.

    `str()` of it names the strategy in results.

    Raises:
        UnknownName: no such name, or no such setting.
        ConfigError: a value that does not fit its field.
    """
    given = parse(spec) if isinstance(spec, str) else spec
    maker = load(group, given.name)
    over = {
        key: Given(value) if isinstance(value, str) else cast(Value, value) for key, value in (settings or {}).items()
    }
    checked = _checked(group, given.name, maker, {**given.args, **over}, resolve)
    ordered = {name: plain(checked[name]) for name in setting_names(maker) if name in checked}
    return Spec(given.name, ordered, group)


def spec_of(thing: object) -> Spec:
    """The spec that would build `thing`, as far as a name can: settings that differ from their defaults."""
    if not dataclasses.is_dataclass(thing) or isinstance(thing, type):
        return Spec(getattr(thing, "__name__", type(thing).__name__))
    return Spec(built_in_name(type(thing)) or type(thing).__name__, _changed(thing))


def fields_of(maker: Maker) -> tuple[dataclasses.Field[object], ...]:
    """The fields that a user may set; none for what is no dataclass."""
    if not isinstance(maker, type) or not dataclasses.is_dataclass(maker):
        return ()
    return tuple(f for f in dataclasses.fields(maker) if f.init and not f.name.startswith("_"))


def setting_names(maker: Maker) -> tuple[str, ...]:
    return tuple(f.name for f in fields_of(maker))


def hints_of(maker: Maker) -> dict[str, Any]:
    """The types of a class's fields, also where it imports our protocols for type checkers only.

    Raises:
        ConfigError: another of its types is not there when the program runs.
    """
    try:
        return get_type_hints(maker, localns=_NAMES, include_extras=True)
    except NameError as error:
        raise ConfigError(f"{maker}: {error}; import it outside `if TYPE_CHECKING`") from error


def _passed(group: Group, thing: object) -> object:
    what = ROOMS[group].what
    if isinstance(thing, type):
        raise ConfigError(f"{thing.__name__} is a class; give an instance: {thing.__name__}()")
    if not callable(thing):
        raise ConfigError(f"{what}: {type(thing).__name__} is neither a name nor callable")
    if group != "clients" and not (inspect.iscoroutinefunction(thing) or inspect.iscoroutinefunction(thing.__call__)):
        raise ConfigError(f"{what} {spec_of(thing).name} must be an async function, or have `async def __call__`")
    return thing


def _made(group: Group, spec: Spec) -> object:
    maker = load(group, spec.name)
    if not isinstance(maker, type):
        return maker
    values = _checked(group, spec.name, maker, spec.args, _made)
    missing = [f.name for f in fields_of(maker) if f.name not in values and _required(f)]
    if missing:
        example = ", ".join(f"{name}=..." for name in missing)
        raise ConfigError(f"{ROOMS[group].what} {spec.name} needs {', '.join(missing)}: write {spec.name}({example})")
    try:
        check_ranges(values)
        return cast(object, maker(**values))
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{ROOMS[group].what} {spec}: {error}") from error


def _required(f: dataclasses.Field[object]) -> bool:
    return f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING


def _checked(
    group: Group, name: str, maker: Maker, args: Mapping[str, Value | Given], nested: _Nested
) -> dict[str, object]:
    if not args:
        return {}
    where, known = f"{ROOMS[group].what} {name}", setting_names(maker)
    for key in args:
        if key not in known:
            raise UnknownName("setting", key, known, where)
    return {key: _fitted(_reading(maker, key, nested), value, f"{where}: {key}") for key, value in args.items()}


@dataclasses.dataclass(frozen=True, slots=True)
class _Reading:
    """How a value of one field is read."""

    adapter: TypeAdapter[tuple[object]]
    """For a tuple of one, because pydantic refuses a config beside types that may carry their own."""
    keep: bool
    """Whether names in it may be names of ours."""


@functools.lru_cache(maxsize=512)
def _reading(maker: Maker, key: str, nested: _Nested) -> _Reading:
    """That of a field; making it takes a hundred times as long as reading a value."""
    from pydantic import ConfigDict, TypeAdapter

    hint = hints_of(maker)[key]
    boxed: Any = tuple.__class_getitem__(_rewritten(hint, nested))
    return _Reading(TypeAdapter(boxed, config=ConfigDict(arbitrary_types_allowed=True)), _mentions(hint))


def _fitted(reader: _Reading, value: Value | Given, where: str) -> object:
    """The value as the field's type has it; of several readings the first that fits."""
    from pydantic import ValidationError

    first: ValidationError | ConfigError | None = None
    for reading in value.readings() if isinstance(value, Given) else [value]:
        try:
            return reader.adapter.validate_python([reading if reader.keep else _words(reading, where)])[0]
        except (ValidationError, ConfigError) as error:
            first = first or error
    assert first is not None
    if isinstance(first, ConfigError):
        raise first
    shown = value.text if isinstance(value, Given) else value
    message = first.errors()[0]["msg"].removeprefix("Value error, ").replace("Input should be", "should be")
    for name in ("tuple", "list"):
        message = message.replace(f"a valid {name}", "a list, such as [a, b]")
    raise ConfigError(f"{where}={shown} does not fit: {message}")


def _rewritten(hint: Any, nested: _Nested) -> Any:
    """The type with our protocols replaced by a look-up in the registry."""
    from pydantic import PlainValidator

    if isinstance(hint, type) and hint in _PROTOCOLS:
        group = _PROTOCOLS[hint]
        return Annotated[object, PlainValidator(lambda value: _looked_up(group, value, nested))]
    if not _mentions(hint):
        return hint
    origin: Any = get_origin(hint)
    parts = tuple(_rewritten(part, nested) for part in get_args(hint))
    return functools.reduce(operator.or_, parts) if origin in (Union, types.UnionType) else origin[parts]


def _mentions(hint: object) -> bool:
    return (isinstance(hint, type) and hint in _PROTOCOLS) or any(_mentions(part) for part in get_args(hint))


def _looked_up(group: Group, value: object, nested: _Nested) -> object:
    match value:
        case str():
            return nested(group, parse(value))
        case Spec():
            return nested(group, value)
    raise ValueError(f"Input should be the name of a {ROOMS[group].what}")


def _words(value: Value, where: str) -> Value:
    """Bare words are text wherever no name of ours is wanted."""
    match value:
        case Spec(args={**args}) if args:
            raise ConfigError(f"{where}={value} does not fit: it takes no {value.name}(...)")
        case Spec():
            return value.name
        case list():
            return [_words(item, where) for item in value]
        case dict():
            return {key: _words(item, where) for key, item in value.items()}
    return value


def plain(value: object) -> Value:
    """A field's value in the grammar of specs."""
    match value:
        case enum.Enum():
            return plain(value.value)
        case None | bool() | int() | float() | str() | Spec():
            return value
        case Path():
            return str(value)
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case set() | frozenset():
            return [plain(item) for item in sorted(value)]
        case Sequence():
            return [plain(item) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return cast(Value, spec_of(value) if callable(value) else _changed(value))
    return cast(Value, spec_of(value)) if callable(value) else str(value)


def _changed(thing: object) -> dict[str, Value | Given]:
    out: dict[str, Value | Given] = {}
    for f in fields_of(type(thing)):
        value = getattr(thing, f.name)
        default = f.default_factory() if f.default_factory is not dataclasses.MISSING else f.default
        if value != default:
            out[f.name] = plain(value)
    return out
