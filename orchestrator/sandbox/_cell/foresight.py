"""What tests will ask, found out by running them against a stand-in that agrees to everything.

Calls that are known beforehand go to the candidate's process all at once, in their order, so that not each of them
waits for the one before. A test that then asks for anything else than was foreseen is run again, one call at a time.
"""

from __future__ import annotations

import time

from .values import pack
from .wire import TooLarge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

_MOST_CALLS = 500
_MOST_STEPS = 20_000
_MOST_TRIES = 8
_MOST_SECONDS = 0.2
"""CPU seconds after which tests, which may compute much themselves, are not tried once more."""


class Unforeseeable(BaseException):
    """The test does what only a real candidate can answer."""


class Recorder:
    """Takes note of calls; every answer is a `Standin`. Where a test wants a refusal, it refuses when run again."""

    def __init__(self, refusals: frozenset[int]) -> None:
        self.calls: list[list[Any]] = []
        self.decisions = 0
        self.looked_into = False
        """Whether an attribute of an answer was asked for."""
        self._refusals = refusals
        self._steps = 0

    def named(self, name: str) -> Callable[..., Any]:
        """What stands for the candidate's function of that name."""

        def function(*arguments: Any, **keywords: Any) -> Standin:
            if len(self.calls) >= _MOST_CALLS:
                raise Unforeseeable
            try:
                packed = [pack(item) for item in arguments]
                self.calls.append([name, packed, [[key, pack(value)] for key, value in keywords.items()]])
            except (TypeError, TooLarge):
                raise Unforeseeable from None
            return Standin(self)

        return function

    def decide(self) -> bool:
        """Whether what a test asks of an answer holds."""
        self.step()
        self.decisions += 1
        return self.decisions not in self._refusals

    def step(self) -> None:
        self._steps += 1
        if self._steps > _MOST_STEPS:
            raise Unforeseeable


class Standin:
    """Any answer."""

    __slots__ = ("_recorder",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def __eq__(self, other: object) -> bool:
        return self._recorder.decide()

    def __ne__(self, other: object) -> bool:
        return self._recorder.decide()

    def __bool__(self) -> bool:
        return self._recorder.decide()

    def __contains__(self, item: object) -> bool:
        return self._recorder.decide()

    def __iter__(self) -> Iterator[Any]:
        self._recorder.step()
        return iter(())

    def __len__(self) -> int:
        self._recorder.step()
        return 0

    def __getattr__(self, name: str) -> Any:
        self._recorder.looked_into = True
        raise Unforeseeable


def _decides(self: Standin, other: object) -> bool:
    return self._recorder.decide()


def _another(self: Standin, *_: object) -> Standin:
    self._recorder.step()
    return Standin(self._recorder)


for _name in ("lt", "le", "gt", "ge"):
    setattr(Standin, f"__{_name}__", _decides)
for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "neg", "pos", "abs", "round", "getitem"):
    setattr(Standin, f"__{_name}__", _another)
for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow"):
    setattr(Standin, f"__r{_name}__", _another)


def foreseen(run: Callable[[Recorder], bool]) -> list[list[Any]]:
    """The calls that tests will make: name, arguments, keywords, packed.

    Args:
        run: runs the tests against a recorder; whether they ended well, as far as they could tell.
    """
    refusals: frozenset[int] = frozenset()
    end = time.process_time() + _MOST_SECONDS
    best: list[list[Any]] = []
    for _ in range(_MOST_TRIES):
        recorder = Recorder(refusals)
        try:
            well = run(recorder)
        except Unforeseeable:
            return []
        if len(recorder.calls) > len(best):
            best = recorder.calls
        if well or not recorder.decisions or recorder.decisions in refusals or time.process_time() > end:
            break
        refusals |= {recorder.decisions}
    return best
