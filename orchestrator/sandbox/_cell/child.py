"""The process of one candidate: runs its program, then does what the judge asks, values in and values out.

Nothing in here is trusted: the candidate can change all of it. What it sends is only ever taken as what it returned.
"""

from __future__ import annotations

import builtins
import os
import sys

from .operations import OPERATIONS
from .values import pack, unpack
from .wire import Broken, Channel, Ended, TooLarge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

_DETAIL = 500
_FIELDS = 20
_PROGRAM = "<program>"
_MODULE = type(sys)


class Candidate:
    """The names of a program, and the objects of its own that the judge holds by number."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._names: dict[str, Any] = {}
        self._objects: list[Any] = []
        self._prints = True
        """Whether the program may print."""
        self._of_class = False
        """Whether the tests are about a class: then objects of the program's classes stay objects."""
        self._lent: dict[int, Any] = {}
        """By number, what the judge has lent."""
        self._numbers: dict[int, int] = {}
        """By identity, the number that an object has; as it is kept, its identity stays its own."""

    def serve(self) -> NoReturn:
        """Runs the program that comes first, and then one request after the other until the judge hangs up."""
        try:
            while True:
                self.answer(self._channel.receive())
        except (Ended, Broken):
            os._exit(0)

    def answer(self, request: Any) -> None:
        """Does what was asked and sends one reply, or one for each call of several."""
        if request[0] == "calls":
            for call in request[1]:
                self._reply(self._called, call)
        elif request[0] == "ahead":
            for call in request[1]:
                self._reply(self._called_by_name, call)
        else:
            self._reply(getattr(self, f"_{request[0]}"), request[1:])

    def _reply(self, do: Callable[..., Any], arguments: Any) -> None:
        try:
            reply = ["v", do(*arguments)]
        except Ended:
            raise
        except TooLarge:
            reply = ["x", "TooLarge", [], "", None]
        except BaseException as error:
            reply = raised(error, self._names)
        if self._prints:
            _flush()
        self._send(reply)

    def _send(self, reply: Any) -> None:
        try:
            self._channel.send(reply)
        except TooLarge:
            self._channel.send(["x", "TooLarge", [], "", None])

    # -- what the judge may ask ---------------------------------------------------------

    def _load(self, program: str, wanted: list[str]) -> Any:
        """Runs the program; says what it made of the names that the tests use."""
        self._prints = any(word in program for word in _PRINTING)
        module = _MODULE("candidate")
        sys.modules["candidate"] = module  # dataclasses and type hints look their module up
        self._names = vars(module)
        prepare(program)
        exec(compiled(program), self._names)
        self._of_class = any(isinstance(self._names.get(name), type) for name in wanted)
        return {name: self._described(self._names[name]) for name in wanted if name in self._names}

    def _described(self, value: Any) -> Any:
        if isinstance(value, _MODULE):
            return ["module", value.__name__]
        if isinstance(value, type) and issubclass(value, BaseException):
            return ["exception", [_nearest(value), *_own(value, self._names)]]
        return ["object", self._opaque(value)] if callable(value) else ["value"]

    def _look(self, name: str) -> Any:
        """What a name stands for now."""
        about = self._described(self._names[name])
        return ["value", self._packed(self._names[name])] if about == ["value"] else about

    def _called(self, entry: str, arguments: list[Any]) -> Any:
        return self._packed(self._entry(entry)(*[unpack(item) for item in arguments]))

    def _entry(self, name: str) -> Callable[..., Any]:
        if name in self._names:
            found: Callable[..., Any] = self._names[name]
            return found
        if "Solution" in self._names:
            found = getattr(self._names["Solution"](), name)
            return found
        raise NameError(f"the program defines no '{name}'")

    def _call(self, number: int, arguments: list[Any], keywords: list[list[Any]]) -> Any:
        return self._applied(self._objects[number], arguments, keywords)

    def _called_by_name(self, name: str, arguments: list[Any], keywords: list[list[Any]]) -> Any:
        return self._applied(self._names[name], arguments, keywords)

    def _applied(self, function: Callable[..., Any], arguments: list[Any], keywords: list[list[Any]]) -> Any:
        """Calls an object; says too which arguments it has changed, since the test may look at them."""
        given = [self._unpacked(item) for item in arguments]
        value = self._packed(function(*given, **{k: self._unpacked(v) for k, v in keywords}))
        changed = [
            [i, now]
            for i, (before, item) in enumerate(zip(arguments, given, strict=True))
            if type(item) in _MUTABLE and (now := self._packed(item)) != before
        ]
        return [value, changed]

    def _operate(self, name: str, operands: list[Any]) -> Any:
        return self._packed(OPERATIONS[name](*[self._unpacked(item) for item in operands]))

    # -- values -------------------------------------------------------------------------

    def _packed(self, value: Any) -> Any:
        if self._of_class and type(value).__module__ == "candidate" and isinstance(value, _PLAIN):
            return self._opaque(value)
        return pack(value, self._opaque)

    def _opaque(self, value: Any) -> Any:
        if type(value) is Lent:
            return {"h": [value._number]}
        number = self._numbers.setdefault(id(value), len(self._objects))
        if number == len(self._objects):
            self._objects.append(value)
        is_class = isinstance(value, type)
        return {"h": [number, str(getattr(type(value), "__name__", "")), is_class, isinstance(value, _PLAIN)]}

    def _unpacked(self, value: Any) -> Any:
        return unpack(value, self._own)

    def _own(self, tag: str, body: Any) -> Any:
        if tag != "h":
            from .likeness import likeness

            return likeness(tag, body, self._own)
        if type(body) is list:
            number, is_callable = body
            if number not in self._lent:
                self._lent[number] = self._function(number) if is_callable else Lent(self._asking(number), number)
            return self._lent[number]
        return self._objects[body]

    def _function(self, number: int) -> Callable[..., Any]:
        ask = self._asking(number)
        return lambda *arguments: ask(*arguments)

    def _asking(self, number: int) -> Callable[..., Any]:
        """Asks the judge for something of a thing of its own, and does what it is asked in turn until the reply."""

        def ask(*arguments: Any) -> Any:
            self._send(["ask", number, [self._packed(item) for item in arguments]])
            while True:
                message = self._channel.receive()
                if message[0] == "told":
                    return self._unpacked(message[1])
                if message[0] == "raise":
                    raise _as_told(*message[1:])
                self.answer(message)

        return ask


class Lent:
    """An object of a test's, which stays where it is."""

    __slots__ = ("_ask", "_number")

    def __init__(self, ask: Callable[..., Any], number: int) -> None:
        object.__setattr__(self, "_ask", ask)
        object.__setattr__(self, "_number", number)

    def __getattr__(self, name: str) -> Any:
        return self._ask(name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._ask(name, value)


def prepare(program: str) -> None:
    """The same random numbers in every run."""
    if "random" in program:
        import random

        random.seed(0)
    numpy = sys.modules.get("numpy") if "numpy" in program else None
    if numpy is not None:
        numpy.random.seed(0)


def _flush() -> None:
    """Lets go of what the program has printed, since it is ended without notice once it has answered."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:  # the program may have put anything in their place, or closed them
        return


_OF_LIMITS = {27: "FileTooLarge", 12: "MemoryError"}
"""By number of an error of the system's, what it says of the limits that a candidate has."""
_PRINTING = ("print", "std", "write", "warn", "log")
"""Words without which no program prints."""
_PLAIN = (int, float, str, bytes, list, tuple, dict, set, frozenset)
_MUTABLE = (list, dict, set, bytearray)


def compiled(source: str, name: str = _PROGRAM) -> Any:
    """The code of a program, or of what has another name.

    Raises:
        SyntaxError: it is no Python, or no parser can take it.
    """
    try:
        return compile(source, name, "exec", dont_inherit=True)
    except (MemoryError, RecursionError) as error:  # what the parser says of too many brackets
        raise SyntaxError("too complex to be parsed") from error
    except ValueError as error:  # null bytes, lone surrogates
        raise SyntaxError(str(error)) from None


def _as_told(kind: str, arguments: list[Any]) -> BaseException:
    """An exception that a function of the test raised."""
    found = getattr(builtins, kind, Exception)
    try:
        error = found(*[unpack(item) for item in arguments])
    except Exception:
        error = Exception()
    return error if isinstance(error, BaseException) else Exception()


def raised(error: BaseException, names: dict[str, Any] | None = None) -> list[Any]:
    """An exception as its nearest built-in class, its arguments where they are plain, its text, and where it was.

    Last come the names that the program has for its own classes of it.
    """
    kind = _nearest(type(error))
    if kind == "OSError":
        kind = _OF_LIMITS.get(getattr(error, "errno", None) or 0, kind)
    try:
        text = str(error)[:_DETAIL]
    except BaseException:
        text = ""
    try:
        arguments = [pack(item) for item in error.args[:4] if not isinstance(item, str) or len(item) <= _DETAIL]
    except BaseException:
        arguments = [text]
    return [
        "x",
        kind,
        arguments,
        f"{_name(error)}: {text}".strip(": "),
        line_of(error),
        _own(type(error), names),
        _fields(error),
    ]


def _fields(error: BaseException) -> list[Any]:
    """What an exception of the program's carries, as far as it is plain data."""
    try:
        return [[name, pack(value)] for name, value in list(vars(error).items())[:_FIELDS] if not name.startswith("_")]
    except BaseException:
        return []


def _nearest(kind: type) -> str:
    return next((base.__name__ for base in kind.__mro__ if vars(builtins).get(base.__name__) is base), "Exception")


def _own(error: type[BaseException], names: dict[str, Any] | None) -> list[str]:
    kinds = [kind for kind in error.__mro__ if kind.__module__ == "candidate"]
    return [kind.__name__ for kind in kinds if names is not None and names.get(kind.__name__) is kind]


def _name(error: BaseException) -> str:
    try:
        return str(type(error).__name__)[:_DETAIL]
    except BaseException:
        return "Exception"


def line_of(error: BaseException) -> int | None:
    """The line of the program that raised, or that its parser stopped at."""
    if isinstance(error, SyntaxError) and type(error.lineno) is int:
        return error.lineno
    line, trace = None, error.__traceback__
    for _ in range(10_000):
        if trace is None:
            break
        if trace.tb_frame.f_code.co_filename == _PROGRAM:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
