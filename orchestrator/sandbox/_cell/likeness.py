"""Values that are more than the plain data that they are sent as: arrays, named tuples, counters, members."""

from __future__ import annotations

from .values import unpack
from .wire import Broken

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_KINDS = ("bool", "int", "uint", "float", "complex")
_FACTORIES = {"int": int, "float": float, "str": str, "list": list, "dict": dict, "set": set, "": None}
_MOST_FIELDS = 100


def likeness(tag: str, body: Any, proxy: Callable[[str, Any], Any]) -> Any:
    """The value as the library's own class has it; made of data alone.

    Raises:
        Broken: nobody packs so.
    """
    if tag == "n":
        return array(unpack(body[1], proxy), str(body[0]))
    if tag == "N":
        return _named_tuple(str(body[0]), body[1], [unpack(item, proxy) for item in body[2]])
    if tag == "E":
        return _member(str(body[0]), str(body[1]), unpack(body[2], proxy))
    return _mapping(str(body[0]), str(body[1]), {unpack(k, proxy): unpack(v, proxy) for k, v in body[2]})


def array(value: Any, kind: str) -> Any:
    """An array of numpy's where that is installed, of one of its plain kinds; else lists."""
    if kind.rstrip("0123456789") not in _KINDS:
        return value
    try:
        import numpy
    except ImportError:
        return value
    return numpy.array(value, dtype=kind)


def _named_tuple(name: str, fields: Any, values: list[Any]) -> Any:
    from collections import namedtuple

    if type(fields) is not list or len(fields) > _MOST_FIELDS or len(fields) != len(values):
        raise Broken("a value of an unknown form")
    return namedtuple(name, fields)(*values)  # refuses what are no names


def _member(kind: str, name: str, value: Any) -> Any:
    """A number or text that also has a name, as members of enumerations have."""
    if type(value) not in (int, float, str):
        raise Broken("a value of an unknown form")
    found = type(kind, (type(value),), {})(value)
    found.name, found.value = name, value
    return found


def _mapping(kind: str, factory: str, value: dict[Any, Any]) -> Any:
    import collections

    if kind == "Counter":
        return collections.Counter(value)
    if kind == "OrderedDict":
        return collections.OrderedDict(value)
    return collections.defaultdict(_FACTORIES.get(factory), value)
