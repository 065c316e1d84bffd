"""Tests that nobody vouches for: compared where they say no more than what a call returns, else run apart."""

from __future__ import annotations

from .apart import is_read, is_said, unshadowed
from .asking import Asking
from .failures import Gone
from .processes import Processes, Witness, is_enough, rest
from .proxy import Proxy
from .remote import Remote
from .sitting import Sitting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_LONGER = 0.5
"""Wall seconds that a test waits longer for a candidate than that lives, so that it is known who did not end."""
_LEAST = 1.0
"""Seconds that a test which nobody vouches for has at least."""
_READER = {"cpu": 5.0, "wall": 10.0, "memory": 1024, "program": ""}


class Untrusted:
    """Tests that are one comparison of one call are compared here; any other runs in a process of its own."""

    def __init__(self, processes: Processes) -> None:
        self._processes = processes
        self._read: dict[str, list[Any]] = {}
        """By suite, what its tests say as data, where they say nothing else."""

    def forget(self, suite: str) -> None:
        """A suite's tests will not be asked for again."""
        self._read.pop(suite, None)

    def report(self, job: dict[str, Any], suite: dict[str, Any]) -> dict[str, Any]:
        """What became of the tests of one candidate."""
        sitting = Sitting(len(suite["tests"]))
        read = self._as_data(job, suite)
        places = [number for number, one in enumerate(read) if one is not None]

        def right(number: int, remote: Remote, value: Any) -> bool:
            how, expected = read[number][2], remote.unpacked(read[number][3])
            if how == "is":
                return value is expected
            found = value == expected if not isinstance(value, Proxy) else False
            return found is True

        left = job
        if places:
            calls = [read[number][:2] for number in places]
            left = Asking(self._processes, job, sitting, right).all(calls, places)
        if not (job["fail_fast"] and False in sitting.outcomes):
            self._run_apart(left, suite, sitting, [number for number, one in enumerate(read) if one is None])
        return sitting.report()

    def _as_data(self, job: dict[str, Any], suite: dict[str, Any]) -> list[Any]:
        """By test, `[name, arguments, how, expected]`, or nothing; parsed in a process that is thrown away."""
        if job["suite"] not in self._read:
            nothing: list[Any] = [None] * len(suite["tests"])
            reader = self._processes.witness({**job, **_READER}, "read")
            try:
                reader.remote.send(suite["tests"])
                found = reader.remote.value(reader.remote.receive())
                self._read[job["suite"]] = unshadowed(found, suite) if is_read(found, len(nothing)) else nothing
            except BaseException:
                self._read[job["suite"]] = nothing
            finally:
                reader.end()
        return self._read[job["suite"]]

    def _run_apart(self, job: dict[str, Any], suite: dict[str, Any], sitting: Sitting, places: list[int]) -> None:
        witness: Witness | None = None
        described: Any = None
        left = job
        for number in places:
            if not is_enough(left):
                break
            try:
                if witness is None:
                    witness = self._processes.witness(left)
                    described = witness.remote.ask(["load", job["program"], suite["wanted"]])
                usage = self._apart(left, suite, sitting, number, witness, described)
                left = {**left, "wall": left["wall"] - usage["wall"]}
                if usage["why"]:  # it is not told what the candidate is doing now
                    ended = witness.end()
                    sitting.spend(ended)
                    witness, left = None, {**left, "cpu": left["cpu"] - ended["cpu"]}
            except BaseException as error:
                assert witness is not None
                usage = witness.end()
                sitting.spend(usage)
                verdict = sitting.fell_at(number, error, usage, witness.remote)
                witness, left = None, rest(left, usage)
                if not isinstance(error, Gone) or verdict == "timeout":
                    break
            if job["fail_fast"] and not sitting.outcomes[number]:
                break
        if witness is not None:
            sitting.spend(witness.end())

    def _apart(
        self, job: dict[str, Any], suite: dict[str, Any], sitting: Sitting, number: int, witness: Witness, about: Any
    ) -> dict[str, Any]:
        """Has an examiner run one test against the candidate's process; what the kernel says of the examiner.

        It has a part of the time to itself, so that a test which does not end leaves some for the others.
        """
        part = {"cpu": max(_LEAST, job["cpu"] / 4), "wall": min(job["wall"] + _LONGER, max(_LEAST, job["wall"] / 4))}
        examiner = self._processes.witness({**job, **part}, "examine", (witness.remote.descriptor,))
        said: Any = None
        try:
            examiner.remote.send([suite["tests"][number], suite["entry"], suite["prelude"], about])
            said = examiner.remote.value(examiner.remote.receive())
        except BaseException:  # it says nothing, or what it must not: nobody vouches for what runs there
            said = None
        finally:
            usage = examiner.end()
        if not is_said(said):
            verdict, detail = usage["ruling"]
            sitting.note(number, verdict, f"the test itself: {detail}")
            return {**usage, "why": usage["why"] if verdict == "timeout" else ""}
        passed, fallen, note = said
        if fallen:
            witness.remote.fallen = fallen
            raise Gone
        if passed is True:
            sitting.outcomes[number] = True
        else:
            verdict, detail, kind, line = note
            sitting.note(number, str(verdict), str(detail), str(kind), line)
        return {**usage, "why": ""}
