"""How a candidate fails, as tests see it: it is gone, or has raised what Python itself could have raised."""

from __future__ import annotations

import builtins

from .values import unpack
from .wire import Broken

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Gone(BaseException):
    """The candidate's process does not answer any more; no test may take that for an exception of the candidate's."""


class Diverged(BaseException):
    """A test asks for something else than was foreseen."""


OF_ITERATION = ("StopIteration", "StopAsyncIteration", "GeneratorExit", "SystemExit", "KeyboardInterrupt")


def exception(
    kind: Any,
    arguments: Any,
    text: Any,
    line: Any,
    own: type[BaseException] | None = None,
    *,
    iterating: bool = False,
) -> BaseException:
    """An exception of a built-in class, or of one that stands for the program's own, marked as the candidate's.

    One that would end a loop of the test's own, or the test itself, only stays what it is where that is asked for.
    """
    said: Any = getattr(builtins, kind, None) if isinstance(kind, str) else None
    if not may_be_raised(said):
        said = Exception
    found = own or (RuntimeError if kind in OF_ITERATION and not iterating else said)
    try:
        error: BaseException = found(*[unpack(item) for item in arguments])
    except Exception:
        error = found.__new__(found)
        error.args = (str(text),)
    error.__dict__["_candidate"] = (str(text), said.__name__, line if type(line) is int else None)
    return error


def furnish(error: BaseException, rest: list[Any]) -> None:
    """Gives an exception what the candidate's carries."""
    for pair in rest[0] if rest and type(rest[0]) is list else []:
        if type(pair) is list and len(pair) == 2 and type(pair[0]) is str and not pair[0].startswith("_"):
            try:
                setattr(error, pair[0], unpack(pair[1]))
            except (Broken, AttributeError, TypeError):
                continue


def may_be_raised(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseException) and not issubclass(kind, BaseExceptionGroup)
