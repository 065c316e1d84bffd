"""Settings put into specs from outside: `--set`, and the defaults of a config file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias, cast, get_args

from ..errors import ConfigError, UnknownName
from .build import fields_of, hints_of, resolve, setting_names
from .rooms import load
from .spec import Given, Group, Spec, Value

_Change: TypeAlias = Callable[[Spec], Mapping[str, "Value | Given"]]


def with_settings(specs: Sequence[str], settings: Sequence[str], group: Group = "strategies") -> list[str]:
    """The specs with settings put over their own; canonical text.

    `k=v` goes to every strategy that has `k`, those nested in a spec included; `name.k=v` to those of that name.

    Raises:
        ConfigError: nobody has the setting, or the value does not fit.
    """
    trees = [resolve(group, spec) for spec in specs]
    for text in settings:
        target, key, value = _setting(text)
        aimed = [node for tree in trees for node in walk(tree) if _aimed(node, target, group)]
        if target is not None and not aimed:
            raise UnknownName("strategy", target, {node.name for tree in trees for node in walk(tree)}, f"--set {text}")
        known = dict.fromkeys(name for node in aimed for name in _settable(node))
        if key not in known:
            raise UnknownName("setting", key, known, f"--set {text}")

        def change(node: Spec, target: str | None = target, key: str = key, value: str = value) -> dict[str, Given]:
            return {key: Given(value)} if _aimed(node, target, group) and key in _settable(node) else {}

        trees = [resolve(group, _mapped(tree, change)) for tree in trees]
    return [str(tree) for tree in trees]


def with_defaults(specs: Sequence[str], defaults: Mapping[str, Mapping[str, object]]) -> list[str]:
    """The strategies' specs with settings added, by strategy, that they do not give themselves; canonical text.

    Raises:
        ConfigError: a strategy has no such setting, or the value does not fit.
    """

    def change(node: Spec) -> Mapping[str, Value | Given]:
        if node.group != "strategies":
            return {}
        return {key: as_value(value) for key, value in defaults.get(node.name, {}).items() if key not in node.args}

    return [str(resolve("strategies", _mapped(resolve("strategies", spec), change))) for spec in specs]


def as_value(value: object) -> Value | Given:
    """A value out of TOML or JSON as a spec takes it; text is read as after `--set`."""
    return Given(value) if isinstance(value, str) else cast(Value, value)


def guarded(spec: Spec) -> tuple[str, ...]:
    """The given settings, dotted, that only a trusted source may set.

    These are paths of files, and fields that say so: `field(metadata={"trust": True})`, for a command or a host.
    """
    found = []
    for node in walk(resolve(spec.group or "strategies", spec)):
        assert node.group is not None
        maker = load(node.group, node.name)
        hints = hints_of(maker) if node.args else {}
        risky = {f.name for f in fields_of(maker) if f.metadata.get("trust") or _names_file(hints.get(f.name))}
        found += [f"{node.name}.{key}" for key in node.args if key in risky]
    return tuple(found)


def files_of(group: Group, name: str) -> tuple[str, ...]:
    """The settings that are paths of files, in field order."""
    maker = load(group, name)
    hints = hints_of(maker)
    return tuple(f.name for f in fields_of(maker) if _names_file(hints[f.name]))


def walk(spec: Spec) -> Iterator[Spec]:
    """A resolved spec and those nested in it, outermost first."""
    yield spec
    for value in spec.args.values():
        yield from _inside(value)


def _inside(value: Value | Given) -> Iterator[Spec]:
    match value:
        case Spec():
            yield from walk(value)
        case list():
            for item in value:
                yield from _inside(item)
        case dict():
            for item in value.values():
                yield from _inside(item)


def _mapped(spec: Spec, change: _Change) -> Spec:
    args = {key: _mapped_value(value, change) for key, value in spec.args.items()}
    return replace(spec, args={**args, **change(spec)})


def _mapped_value(value: Value | Given, change: _Change) -> Value | Given:
    match value:
        case Spec():
            return _mapped(value, change)
        case list():
            return [cast(Value, _mapped_value(item, change)) for item in value]
        case dict():
            return {key: cast(Value, _mapped_value(item, change)) for key, item in value.items()}
    return value


def _setting(text: str) -> tuple[str | None, str, str]:
    left, equals, value = text.partition("=")
    target, _, key = left.strip().rpartition(".")
    if not equals or not key:
        raise ConfigError(f"--set {text}: write FIELD=VALUE or NAME.FIELD=VALUE")
    return target or None, key, value.strip()


def _aimed(node: Spec, target: str | None, group: Group) -> bool:
    return node.group == group if target is None else node.name == target


def _settable(node: Spec) -> tuple[str, ...]:
    assert node.group is not None
    return setting_names(load(node.group, node.name))


def _names_file(hint: object) -> bool:
    return (isinstance(hint, type) and issubclass(hint, Path)) or any(_names_file(part) for part in get_args(hint))
