"""Values as JSON can say them: what it has no form for stands as an object of one key, its tag."""

from __future__ import annotations

import sys

from .wire import Broken, TooLarge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

DEEPEST = 150
"""Containers within one another."""
_BIG = 1 << 63
_LARGEST_INTEGER = 4 << 20
"""Hexadecimal digits."""
_LARGEST_FRACTION = 1 << 16
"""Bits, of either part."""
_NONE = type(None)
_ATOMS = frozenset((_NONE, bool, str, float))


def pack(value: Any, opaque: Callable[[Any], Any] | None = None, depth: int = 0) -> Any:
    """The value as JSON can say it; what is no plain data becomes what `opaque` makes of it.

    Raises:
        TooLarge: it is nested too deeply.
        TypeError: it is no plain data, and there is no `opaque`.
    """
    kind = type(value)
    if kind in _ATOMS:
        return value
    if kind is int:
        return value if -_BIG < value < _BIG else {"i": hex(value)}
    if depth > DEEPEST:
        raise TooLarge
    if kind is list:
        return value if set(map(type, value)) <= _ATOMS else [pack(item, opaque, depth + 1) for item in value]
    if kind is tuple:
        return {"t": [pack(item, opaque, depth + 1) for item in value]}
    if kind is dict:
        return {"d": [[pack(k, opaque, depth + 1), pack(v, opaque, depth + 1)] for k, v in value.items()]}
    if kind is set or kind is frozenset:
        return {"s" if kind is set else "f": [pack(item, opaque, depth + 1) for item in value]}
    if kind is bytes or kind is bytearray:
        return {"b" if kind is bytes else "B": value.decode("latin-1")}
    if kind is complex:
        return {"c": [value.real, value.imag]}
    if kind is range or kind is slice:
        ends = [pack(end, opaque, depth + 1) for end in (value.start, value.stop, value.step)]
        return {"r" if kind is range else "S": ends}
    known = _from_library(value, kind, opaque, depth)
    if known is not None:
        return known
    fields = getattr(kind, "_fields", None)
    if kind.__base__ is tuple and type(fields) is tuple and "__eq__" not in vars(kind):
        return {"N": [kind.__name__, list(fields), [pack(item, opaque, depth + 1) for item in tuple.__iter__(value)]]}
    base = _as_base(value)
    if base is not None:
        return _as_member(value, base[0]) or pack(base[0], opaque, depth)
    if opaque is None:
        raise TypeError(f"no plain data: {kind.__name__}")
    return opaque(value)


def _from_library(value: Any, kind: type, opaque: Callable[[Any], Any] | None, depth: int) -> Any:
    """Values of standard modules; a module that was never imported has none."""
    name = kind.__module__
    module = sys.modules.get(name) if isinstance(name, str) else None
    if module is None or getattr(module, kind.__name__, None) is not kind:
        return None
    if name == "decimal" and kind.__name__ == "Decimal":
        return {"D": str(value)}
    if name == "fractions" and kind.__name__ == "Fraction":
        return {"F": [pack(value.numerator), pack(value.denominator)]}
    if name == "datetime" and kind.__name__ in ("date", "datetime", "time") and getattr(value, "tzinfo", None) is None:
        return {"T": [kind.__name__, value.isoformat()]}
    if name == "datetime" and kind.__name__ == "timedelta":
        return {"T": ["timedelta", [value.days, value.seconds, value.microseconds]]}
    if name == "collections" and kind.__name__ == "deque":
        return {"q": [pack(item, opaque, depth + 1) for item in value]}
    if name == "collections" and kind.__name__ in ("OrderedDict", "Counter", "defaultdict"):
        pairs = [[pack(k, opaque, depth + 1), pack(v, opaque, depth + 1)] for k, v in dict.items(value)]
        factory = getattr(value, "default_factory", None)
        return {"m": [kind.__name__, factory.__name__ if isinstance(factory, type) else "", pairs]}
    if name == "numpy" and hasattr(kind, "tolist"):
        plain = pack(value.tolist(), opaque, depth + 1)
        return {"n": [str(value.dtype), plain]} if kind.__name__ == "ndarray" and value.size else plain
    return None


def _as_base(value: Any) -> tuple[Any] | None:
    """What an instance of a subclass is as an instance of the base, unless the subclass compares in its own way."""
    for base, copy in _BASES:
        if isinstance(value, base):
            if type(value).__eq__ is not base.__eq__:  # type: ignore[comparison-overlap]
                return None
            return (copy(value),)
    return None


def as_base(value: Any) -> Any:
    """The value that an instance of a subclass has as an instance of the base, however it compares itself."""
    return next((copy(value) for base, copy in _BASES if isinstance(value, base)), value)


def _as_member(value: Any, plain: Any) -> Any:
    """A member of an enumeration of numbers or texts: beside its value, what it is called."""
    enum = sys.modules.get("enum")
    if enum is not None and isinstance(value, enum.Enum) and type(plain) in (int, str, float):
        return {"E": [type(value).__name__, str(value.name), pack(plain)]}
    return None


_BASES: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (int, int.__pos__),
    (float, float.__pos__),
    (str, str.__str__),
    (bytes, lambda value: bytes.__getitem__(value, slice(None))),
    (list, lambda value: list.__getitem__(value, slice(None))),
    (tuple, lambda value: tuple(tuple.__iter__(value))),
    (dict, lambda value: dict(dict.items(value))),
    (set, lambda value: set(set.__iter__(value))),
    (frozenset, lambda value: frozenset(frozenset.__iter__(value))),
)


def unpack(value: Any, proxy: Callable[[str, Any], Any] | None = None) -> Any:
    """The value that was packed; an array of numpy's is nested lists, a named tuple a tuple.

    Args:
        proxy: makes something of an object that has no form as data (`h`), an array (`n`), a named tuple (`N`), a
            mapping of the library's (`m`), a member of an enumeration (`E`).

    Raises:
        Broken: nobody packs so.
    """
    if type(value) is list:
        return [unpack(item, proxy) if type(item) in _NESTED else item for item in value]
    if type(value) is not dict:
        return value
    if len(value) != 1:
        raise Broken("a value of an unknown form")
    ((tag, body),) = value.items()
    try:
        if proxy is not None and tag in _RICH:
            return proxy(tag, body)
        return _UNPACKED[tag](body, proxy)
    except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError, IndexError) as error:
        raise Broken("a value of an unknown form") from error


_NESTED = (list, dict)
_RICH = ("h", "n", "N", "m", "E")


def _items(body: Any, proxy: Any) -> list[Any]:
    if type(body) is not list:
        raise Broken("a value of an unknown form")
    return [unpack(item, proxy) for item in body]


def _integer(body: Any, proxy: Any) -> Any:
    if len(body) > _LARGEST_INTEGER:
        raise ValueError
    return int(body, 16)


def _decimal(body: Any, proxy: Any) -> Any:
    from decimal import Decimal

    return Decimal(str(body))


def _fraction(body: Any, proxy: Any) -> Any:
    from fractions import Fraction

    above, below = unpack(body[0]), unpack(body[1])
    if max(above.bit_length(), below.bit_length()) > _LARGEST_FRACTION:  # or reducing it would take for ever
        raise ValueError
    return Fraction(above, below)


def _time(body: Any, proxy: Any) -> Any:
    import datetime

    kind, value = body
    if kind == "timedelta":
        return datetime.timedelta(*value)
    if kind not in ("date", "datetime", "time"):
        raise Broken("a value of an unknown form")
    return getattr(datetime, kind).fromisoformat(value)


def _deque(body: Any, proxy: Any) -> Any:
    from collections import deque

    return deque(_items(body, proxy))


def _range(body: Any, proxy: Any) -> Any:
    return range(*_items(body, None))


_UNPACKED: dict[str, Callable[[Any, Any], Any]] = {
    "i": _integer,
    "t": lambda body, proxy: tuple(_items(body, proxy)),
    "d": lambda body, proxy: {unpack(k, proxy): unpack(v, proxy) for k, v in body},
    "s": lambda body, proxy: set(_items(body, proxy)),
    "f": lambda body, proxy: frozenset(_items(body, proxy)),
    "b": lambda body, proxy: body.encode("latin-1"),
    "B": lambda body, proxy: bytearray(body.encode("latin-1")),
    "c": lambda body, proxy: complex(*body),
    "r": _range,
    "S": lambda body, proxy: slice(*_items(body, proxy)),
    "D": _decimal,
    "F": _fraction,
    "T": _time,
    "q": _deque,
    "n": lambda body, proxy: unpack(body[1], proxy),
    "N": lambda body, proxy: tuple(_items(body[2], proxy)),
    "E": lambda body, proxy: unpack(body[2], proxy),
    "m": lambda body, proxy: {unpack(k, proxy): unpack(v, proxy) for k, v in body[2]},
}
