"""An object of the candidate's, as tests have it."""

from __future__ import annotations

import builtins

from .failures import Diverged, Gone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from .remote import Remote

_TEXT = 500


async def coroutine(proxy: Proxy) -> Any:
    """Stands for a coroutine of the candidate's, which runs where it is."""
    return proxy._remote.operate("await", proxy)


class Proxy:
    """An object that stays in the candidate's process.

    It equals no plain value, whatever its own comparison would say; two objects of the candidate's are compared by it.
    Other operators are the candidate's own only where the tests are about a class; elsewhere an answer that is no plain
    data has none.
    """

    __slots__ = ("_is_class", "_is_plain", "_name", "_number", "_remote")
    _is_class: bool
    _is_plain: bool
    """Whether its class derives from one of plain data, such as a list; it is then compared as that."""
    _name: str
    """What the program calls it, where the tests got it by its name."""
    _number: int
    _remote: Remote

    def __init__(self, remote: Remote, number: int, is_class: bool, is_plain: bool = False) -> None:
        object.__setattr__(self, "_remote", remote)
        object.__setattr__(self, "_number", number)
        object.__setattr__(self, "_is_class", is_class)
        object.__setattr__(self, "_is_plain", is_plain)
        object.__setattr__(self, "_name", "")

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        return self._remote.call(self, arguments, keywords)

    def __getattr__(self, name: str) -> Any:
        return self._remote.operate("getattr", self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._remote.operate("setattr", self, name, value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Proxy):
            return self._is_plain and bool(self._remote.operate("plain", self) == other)
        return self._number == other._number or self._remote.operate("eq", self, other) is True

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return int(self._remote.operate("hash", self))

    def __bool__(self) -> bool:
        return self._remote.operate("bool", self) is True

    def __contains__(self, item: Any) -> bool:
        if not isinstance(item, Proxy):
            try:
                return any(item == one for one in self)
            except TypeError:
                if not self._remote.of_class:
                    raise
        return self._remote.operate("contains", self, item) is True

    def __iter__(self) -> Iterator[Any]:
        iterator = self._remote.operate("iter", self)
        if not isinstance(iterator, Proxy):
            raise TypeError("the candidate's object is not iterable")
        while True:
            try:
                item = self._remote.operate("next", iterator)
            except StopIteration:
                return
            yield item

    def __next__(self) -> Any:
        return self._remote.operate("next", self)

    def __enter__(self) -> Any:
        return self._remote.operate("enter", self)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        name = kind.__name__ if kind is not None else ""
        if vars(builtins).get(name) is not kind:
            name = ""
        dealt_with = self._remote.operate("leave", self, name, str(error)[:_TEXT] if name else "") is True
        return dealt_with and not isinstance(error, AssertionError | Gone | Diverged)

    def __instancecheck__(self, value: Any) -> bool:
        return isinstance(value, Proxy) and self._remote.operate("isinstance", value, self) is True

    def __subclasscheck__(self, value: Any) -> bool:
        return isinstance(value, Proxy) and self._remote.operate("issubclass", value, self) is True


def _exact(name: str, kind: type) -> Callable[[Proxy], Any]:
    def convert(self: Proxy) -> Any:
        value = self._remote.operate(name, self)
        if type(value) is not kind:
            raise TypeError(f"the candidate's object is no {kind.__name__}")
        return value

    return convert


def _forwarded(name: str) -> Callable[..., Any]:
    def operate(self: Proxy, *operands: Any) -> Any:
        return self._remote.operate(name, self, *operands)

    return operate


def _of_class(name: str, *, swapped: bool = False) -> Callable[..., Any]:
    """An operator of a class that is under test.

    What a test knows never meets an object that could say what it likes of it: with a plain value an object is neither
    compared nor subtracted, and what else it makes of one must be an object again.
    """

    def operate(self: Proxy, *operands: Any) -> Any:
        plain = any(not isinstance(one, Proxy) for one in operands)
        if (plain or not operands) and (not self._remote.of_class or name in _TELLING):
            return NotImplemented if operands else _unknown(name)
        found = self._remote.operate(name, *((*operands, self) if swapped else (self, *operands)))
        if plain and not isinstance(found, Proxy):
            raise TypeError("an object of the candidate's makes a plain value of another")
        return found

    return operate


def _unknown(name: str) -> Any:
    raise TypeError(f"the candidate's object has no {name}")


_TELLING = ("lt", "le", "gt", "ge", "sub")


for _name, _kind in (("len", int), ("str", str), ("repr", str), ("int", int), ("float", float), ("index", int)):
    setattr(Proxy, f"__{_name}__", _exact(_name, _kind))
for _name in ("getitem", "setitem", "delitem", "round", "reversed", "format", "dir"):
    setattr(Proxy, f"__{_name}__", _forwarded(_name))
for _name in ("lt", "le", "gt", "ge", "neg", "pos", "abs", "invert"):
    setattr(Proxy, f"__{_name}__", _of_class(_name))
_BINARY = "add sub mul matmul truediv floordiv mod pow lshift rshift and_ or_ xor divmod"
for _name in _BINARY.split():
    setattr(Proxy, f"__{_name.rstrip('_')}__", _of_class(_name))
    setattr(Proxy, f"__r{_name.rstrip('_')}__", _of_class(_name, swapped=True))


def plain(value: Any) -> bool:
    """Whether no part of a value stands for an object of the candidate's."""
    stack, seen = [value], 0
    while stack and seen < 1_000_000:
        seen += 1
        one = stack.pop()
        if isinstance(one, Proxy):
            return False
        if isinstance(one, list | tuple | set | frozenset):
            stack.extend(one)
        elif isinstance(one, dict):
            stack.extend(one.keys())
            stack.extend(one.values())
    return True
