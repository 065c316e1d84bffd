"""Frames and values between the processes of a sandbox: data only, whatever the other side sends.

A frame is its length in four bytes and then JSON. What JSON has no form for stands as an object of one key, its tag.
Never pickle, marshal or eval: the worst that a frame can do is to be refused.
"""

from __future__ import annotations

import json
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

LARGEST = 32 << 20
"""Bytes of a frame that a candidate may send."""
HUGE = (1 << 31) - 1
"""Bytes of any other frame."""
DEEPEST = 150
"""Containers within one another."""
_BIG = 1 << 63
_MOST_CONTAINERS = 4_000_000
"""Lists and other containers in a frame of a candidate's: an empty one takes far more memory than text."""
_LARGEST_INTEGER = 4 << 20
"""Hexadecimal digits."""
_LARGEST_FRACTION = 1 << 16
"""Bits, of either part."""
_CHUNK = 1 << 12
"""Bytes read at once where it is not known how many will come; a larger room is not to be had without new pages."""
_NONE = type(None)
_ATOMS = frozenset((_NONE, bool, str, float))

_scan: Callable[[str, int], tuple[Any, int]] = vars(json.JSONDecoder())["scan_once"]
_ENCODER = json.JSONEncoder(check_circular=False, separators=(",", ":"))


def _quick_encoder() -> Callable[[Any], str]:
    """The standard encoder, set up once and not at each call."""
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return _ENCODER.encode
    quote = json.encoder.encode_basestring_ascii
    encode = make(None, _ENCODER.default, quote, None, ":", ",", False, False, True)
    join = "".join
    return lambda message: join(encode(message, 0))


encoded = _quick_encoder()
"""What JSON can say, as its text."""


def decoded(text: str) -> Any:
    """The value of a JSON text without blanks around it; ValueError, RecursionError or StopIteration if it is none."""
    value, end = _scan(text, 0)
    if end != len(text):
        raise ValueError("more than one value")
    return value


class Broken(Exception):
    """The other side sent what is no frame."""


class TooLarge(Exception):
    """A value that does not fit into a frame."""


class Ended(Exception):
    """The other side is gone."""


class Channel:
    """Frames over a descriptor, or over one to read and one to write.

    Args:
        sends: bytes of the largest frame that goes out.
        takes: bytes of the largest frame that is taken.
    """

    __slots__ = ("_buffer", "_sends", "_takes", "reading", "writing")

    def __init__(self, reading: int, writing: int | None = None, *, sends: int = HUGE, takes: int = HUGE) -> None:
        self.reading, self.writing = reading, reading if writing is None else writing
        self._sends, self._takes = sends, takes
        self._buffer = b""

    def send(self, message: Any) -> None:
        """Sends what JSON can say, values packed before.

        Raises:
            TooLarge: it is larger than a frame.
            Ended: nobody reads any more.
        """
        self.send_text(encoded(message))

    def send_text(self, message: str) -> None:
        """Sends a message that is JSON already; raises as `send` does."""
        text = message.encode()
        if len(text) > self._sends:
            raise TooLarge
        data: bytes | memoryview = len(text).to_bytes(4, "big") + text
        try:
            sent = os.write(self.writing, data)
            while sent < len(data):
                data = memoryview(data)[sent:]
                sent = os.write(self.writing, data)
        except OSError as error:
            raise Ended from error

    def receive(self, wait: Callable[[], None] | None = None) -> Any:
        """The next message.

        Args:
            wait: called before each read that might block.

        Raises:
            Broken: the frame is too large or no JSON.
            Ended: the other side has closed, or broke off within a frame.
        """
        head = self._take(4, wait)
        size = int.from_bytes(head, "big")
        if size > self._takes:
            raise Broken("a frame that is too large")
        body = self._take(size, wait)
        if self._takes <= LARGEST and body.count(b"[") + body.count(b"{") > _MOST_CONTAINERS:
            raise Broken("a frame that is small as text alone")
        try:
            return decoded(body.decode())
        except (ValueError, RecursionError, StopIteration) as error:
            raise Broken("a frame that is no JSON") from error

    def _take(self, size: int, wait: Callable[[], None] | None) -> bytes:
        buffer = self._buffer
        if len(buffer) < size:
            parts, have = [buffer], len(buffer)
            while have < size:
                if wait is not None:
                    wait()
                try:
                    part = os.read(self.reading, max(_CHUNK, min(size - have, LARGEST)))
                except OSError as error:
                    raise Ended from error
                if not part:
                    raise Ended
                parts.append(part)
                have += len(part)
            buffer = b"".join(parts)
        self._buffer = buffer[size:]
        return buffer[:size]

    def close(self) -> None:
        os.close(self.reading)
        if self.writing != self.reading:
            os.close(self.writing)


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
