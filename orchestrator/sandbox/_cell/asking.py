"""Calls of a program by value: asked one after the other of its process, and of a new one where that is gone."""

from __future__ import annotations

from .exam import told
from .failures import Gone
from .processes import Processes, is_enough, rest
from .remote import Remote
from .sitting import Sitting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any


class Asking:
    """Makes calls in one process, and in a new one after each that ended the process, while there is time.

    Args:
        job: the program and its limits.
        sitting: where it is noted what becomes of each test.
        right: whether a value passes the test of a number.
        failures: by test, where it is to be kept, the verdict, the detail and the exception of a call without a value.
    """

    def __init__(
        self,
        processes: Processes,
        job: dict[str, Any],
        sitting: Sitting,
        right: Callable[[int, Remote, Any], bool],
        failures: dict[int, list[Any]] | None = None,
    ) -> None:
        self._processes, self._job, self._sitting = processes, job, sitting
        self._right, self._failures = right, failures

    def all(self, calls: Sequence[Any], places: Sequence[int]) -> dict[str, Any]:
        """Makes the calls; returns the job with what is left of its limits.

        The program is run even where there are none, so that it is known whether it can be.

        Args:
            places: by call, the number of its test.
        """
        done, left = 0, self._job
        while (done < len(calls) or left is self._job) and is_enough(left):
            witness = self._processes.witness(left)
            asked, fallen = self._ask(witness.remote, calls[done:], places[done:])
            done += asked
            usage = witness.end()
            self._sitting.spend(usage)
            left = rest(left, usage)
            if fallen is None:
                break
            verdict = self._fell(places[done] if places else None, fallen, usage, witness.remote)
            if self._job["fail_fast"] or not isinstance(fallen, Gone) or verdict == "timeout" or not places:
                break
            done += 1
        return left

    def _ask(self, remote: Remote, calls: Sequence[Any], places: Sequence[int]) -> tuple[int, BaseException | None]:
        """How many calls a process has answered, and what kept it from answering the others."""
        done = 0
        try:
            remote.send(["load", self._job["program"], []])
            remote.send(["calls", calls])
            remote.value(remote.receive())
            for place in places:
                self._ask_one(place, remote)
                done += 1
                if self._job["fail_fast"] and not self._sitting.outcomes[place]:
                    break
        except BaseException as error:
            return done, error
        return done, None

    def _ask_one(self, place: int, remote: Remote) -> None:
        try:
            value = remote.unpacked(remote.value(remote.receive()))
        except Gone:
            raise
        except BaseException as error:
            verdict, detail, kind, line = told(error)
            self._sitting.note(place, verdict, detail, kind, line)
            if self._failures is not None:
                self._failures[place] = [verdict, detail, kind]
            return
        if self._right(place, remote, value):
            self._sitting.outcomes[place] = True
        else:
            self._sitting.note(place, "failed", f"test {place}: a wrong value")

    def _fell(self, place: int | None, fallen: BaseException, usage: dict[str, Any], remote: Remote) -> str:
        """Notes what ended a process, at its test if there is one; returns the verdict."""
        verdict = self._sitting.fell_at(place or 0, fallen, usage, remote)
        if self._failures is not None and place is not None:
            why = told(fallen) if not isinstance(fallen, Gone) else (verdict, usage["ruling"][1], "")
            self._failures[place] = list(why[:3])
        return verdict
