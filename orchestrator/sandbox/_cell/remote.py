"""The candidate as the tests see it: calls go to its process, plain values come back, all else stands as a proxy."""

from __future__ import annotations

import builtins
from collections import deque

from .failures import OF_ITERATION, Diverged, Gone, exception, furnish, may_be_raised
from .likeness import likeness
from .proxy import Proxy, coroutine
from .values import pack, unpack
from .wire import Broken, Channel, Ended, TooLarge, encoded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Remote:
    """Asks the process of a candidate; every reply is data, whoever wrote it."""

    def __init__(self, channel: Channel, wait: Callable[[], None] | None = None) -> None:
        self._channel, self._wait = channel, wait
        self._lent: list[Callable[..., Any]] = []
        self.gone = False
        self.broken = False
        """Whether it is gone because it sent what is no reply, so that we end it."""
        self.too_large = False
        self.diverged = False
        self.rich = False
        """Whether named tuples, counters and arrays come as such, and not as the tuples, dicts and lists they are."""
        self._own_failure: BaseException | None = None
        """What a function that a test handed over has raised."""
        self._proxies: dict[int, Proxy] = {}
        self._exceptions: dict[str, type[BaseException]] = {}
        """By name, classes that stand for the program's own."""
        self._ahead: deque[str] = deque()
        """Calls whose replies are on their way already."""
        self.of_class = False
        """Whether the tests are about a class of the candidate's, whose operators are then part of what is tested."""

    def ask(self, request: list[Any], *, iterating: bool = False) -> Any:
        """What the candidate's process replies.

        Raises:
            Gone: it does not, or its reply is no frame or too large.
            Diverged: replies to other requests come first.
            BaseException: what the candidate raised, as its nearest built-in class.
        """
        if self._ahead:
            self.diverged = True
            raise Diverged
        reply = self._exchange(request)
        while reply[0] == "ask":
            reply = self._exchange(self._told(*reply[1:]))
        return self.value(reply, iterating=iterating)

    def value(self, reply: Any, *, iterating: bool = False) -> Any:
        """The value of a reply, still packed; raises what it says was raised."""
        if reply[0] == "v":
            return reply[1]
        kind, arguments, text, line = reply[1:5]
        if kind in ("TooLarge", "FileTooLarge"):
            self.gone = self.too_large = True
            raise Gone
        error = exception(
            kind,
            arguments,
            text,
            line,
            self.exception_class(kind, reply[5]) if reply[5:] and reply[5] else None,
            iterating=iterating,
        )
        furnish(error, reply[6:])
        own = self._own_failure
        if own is not None and type(own) is type(error) and str(own) == str(error):
            raise own  # what a function of the test raised has gone through the candidate
        raise error

    def exception_class(self, base: Any, names: Any) -> type[BaseException]:
        """What the tests get for an exception class of the program, by its own name and those that it derives from."""
        found: Any = getattr(builtins, base, Exception) if isinstance(base, str) else Exception
        if not may_be_raised(found) or base in OF_ITERATION:
            found = Exception
        for name in reversed(names if type(names) is list else []):
            found = self._exceptions.setdefault(str(name), type(str(name), (found,), {}))
        kind: type[BaseException] = found
        return kind

    def send(self, request: list[Any]) -> None:
        self._sent(self._channel.send, request)

    def _sent(self, send: Callable[[Any], None], message: Any) -> None:
        if self.gone:
            raise Gone
        try:
            send(message)
        except (Ended, TooLarge):
            self.gone = True
            raise Gone from None

    def receive(self) -> Any:
        """The next reply: a list of a known shape."""
        if self.gone:
            raise Gone
        try:
            reply = self._channel.receive(self._wait)
        except Ended:
            self.gone = True
            raise Gone from None
        except Broken:
            raise self._broken() from None
        if type(reply) is not list or len(reply) < _LENGTHS.get(str(reply[0]) if reply else "", 99):
            raise self._broken()
        return reply

    @property
    def fallen(self) -> str:
        """In a word, what became of the process; empty while it answers."""
        if not self.gone:
            return ""
        return "large" if self.too_large else "broken" if self.broken else "ended"

    @fallen.setter
    def fallen(self, word: str) -> None:
        self.gone, self.too_large, self.broken = bool(word), word == "large", word == "broken"

    def _broken(self) -> Gone:
        self.gone = self.broken = True
        return Gone()

    def _exchange(self, request: list[Any]) -> Any:
        self.send(request)
        return self.receive()

    def _told(self, number: Any, arguments: Any) -> list[Any]:
        """Does for the candidate what it asks of a thing that a test handed over: calls it, reads or sets a name."""
        try:
            given = [self.unpacked(item) for item in arguments]
            return ["told", self.packed(_done(self._lent[int(number)], given))]
        except (Gone, Diverged):
            raise
        except BaseException as error:
            self._own_failure = error
            kind = next(one.__name__ for one in type(error).__mro__ if vars(builtins).get(one.__name__) is one)
            try:
                return ["raise", kind, [pack(item) for item in error.args]]
            except (TypeError, TooLarge):
                return ["raise", kind, []]

    @property
    def descriptor(self) -> int:
        """Of the socket to the candidate."""
        return self._channel.reading

    # -- values -------------------------------------------------------------------------

    def packed(self, value: Any) -> Any:
        return pack(value, self._opaque)

    def _opaque(self, value: Any) -> Any:
        if isinstance(value, Proxy):
            return {"h": object.__getattribute__(value, "_number")}
        if not callable(value) and type(value).__module__ != _OF_TESTS:
            raise TypeError(f"a test hands over a {type(value).__name__}, which is no plain data")
        number = next((i for i, one in enumerate(self._lent) if one is value), len(self._lent))
        if number == len(self._lent):
            self._lent.append(value)
        return {"h": [number, callable(value)]}

    def unpacked(self, value: Any) -> Any:
        try:
            return unpack(value, self._proxy)
        except (Broken, RecursionError):
            raise self._broken() from None

    def _proxy(self, tag: str, body: Any) -> Any:
        if tag != "h":
            return likeness(tag, body, self._proxy) if self.rich else unpack({tag: body})
        if len(body) == 1:
            return self._lent[int(body[0])]
        number, kind, is_class, is_plain = body
        if kind == "coroutine":
            return coroutine(Proxy(self, int(number), False))
        if int(number) not in self._proxies:
            self._proxies[int(number)] = Proxy(self, int(number), bool(is_class), bool(is_plain))
        return self._proxies[int(number)]

    def foresee(self, calls: list[str]) -> None:
        """Asks for all these calls, each the text of `[name, arguments, keywords]`; tests are to make them in order."""
        self._sent(self._channel.send_text, f'["ahead",[{",".join(calls)}]]')
        self._ahead.extend(calls)

    def call(self, proxy: Proxy, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """Calls an object of the candidate's, and brings the arguments that it changed up to date."""
        packed = [self.packed(item) for item in arguments]
        named = [[name, self.packed(value)] for name, value in keywords.items()]
        if self._ahead and proxy._name and encoded([proxy._name, packed, named]) == self._ahead[0]:
            self._ahead.popleft()
            reply = self.value(self.receive())
        else:
            reply = self.ask(["call", proxy._number, packed, named])
        if type(reply) is not list or len(reply) != 2 or type(reply[1]) is not list:
            raise self._broken()
        for change in reply[1]:
            self._update(arguments, change)
        return self.unpacked(reply[0])

    def _update(self, arguments: tuple[Any, ...], change: Any) -> None:
        try:
            place, now = change
            old, new = arguments[place], self.unpacked(now)
        except (TypeError, ValueError, IndexError):
            return
        if type(old) is not type(new):
            return
        if isinstance(old, list | bytearray):
            old[:] = new
        elif isinstance(old, dict | set):
            old.clear()
            old.update(new)

    def operate(self, name: str, *operands: Any) -> Any:
        request = ["operate", name, [self.packed(item) for item in operands]]
        return self.unpacked(self.ask(request, iterating=name == "next"))


_LENGTHS = {"v": 2, "x": 5, "ask": 3}


_OF_TESTS = "tests"
"""The module that classes of tests say they are of."""


def _done(thing: Any, given: list[Any]) -> Any:
    """Calls a function of a test's; of an object of a test's class, reads or sets what has no hidden name."""
    if type(thing).__module__ != _OF_TESTS:
        return thing(*given)
    name = given[0]
    if type(name) is not str or name.startswith("_"):
        raise AttributeError(str(name))
    if len(given) == 1:
        return getattr(thing, name)
    setattr(thing, name, given[1])
    return None
