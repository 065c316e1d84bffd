"""The process that holds tests and expected answers, and decides.

For each job of the host it has the zygote fork a candidate, talks to that over a socket, and compares. Verdicts come
from the values it was sent and from what the kernel says of the process, never from a text that says "passed".
"""

from __future__ import annotations

import signal

from . import compare
from .apart import is_read, is_said, unshadowed
from .exam import Exam, Names, told
from .failures import Gone
from .processes import Processes, Witness
from .programs import ProgramRun
from .proxy import Proxy, plain
from .remote import Remote
from .sitting import Sitting
from .wire import Channel, Ended

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_GRACE = 3.0
"""Seconds that a test's own code has beyond the candidate's wall time."""
_OWN = 2.0
"""CPU seconds that comparing may take beyond the candidate's."""
_LONGER = 0.5
"""Wall seconds that a test waits longer for a candidate than that lives, so that it is known who did not end."""
_LEAST = 1.0
"""Seconds that a test which nobody vouches for has at least."""
_LEFT = 0.05
"""Seconds, of CPU or wall, below which a candidate is not started once more."""


class Judge:
    """Serves the host: a job comes in, a report goes out."""

    def __init__(self, host: Channel, processes: Processes) -> None:
        self._host, self._processes = host, processes
        self._suites: dict[str, dict[str, Any]] = {}
        self._exams: dict[str, Exam] = {}
        self._read: dict[str, list[Any]] = {}
        """By suite that nobody vouches for, what its tests say as data, where they say nothing else."""

    def serve(self) -> None:
        """Until the host hangs up."""
        while True:
            try:
                message = self._host.receive()
            except Ended:
                return
            if message[0] == "job":  # else a cancellation that came too late
                self._host.send(["done", message[1], self._done(message[2], message[3])])

    def _done(self, job: dict[str, Any], new: dict[str, Any] | None) -> dict[str, Any]:
        for key in job["forget"]:
            for known in (self._suites, self._exams, self._read):
                known.pop(key, None)
        if new is not None:
            self._suites[job["suite"]] = new
        suite = self._suites[job["suite"]]
        # Ends this process when a test's own code does not end, even where no host is left to do it.
        runs = len(suite.get("streams", [0]))
        signal.setitimer(signal.ITIMER_REAL, job["wall"] * runs + _GRACE)
        signal.setitimer(signal.ITIMER_PROF, job["cpu"] * runs + _OWN)
        try:
            report: dict[str, Any] = getattr(self, f"_{suite['form']}")(job, suite)
            return report
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.setitimer(signal.ITIMER_PROF, 0)

    # -- calls by value -----------------------------------------------------------------

    def _calls(self, job: dict[str, Any], suite: dict[str, Any]) -> dict[str, Any]:
        expected = suite["expected"]
        sitting = Sitting(len(expected))

        def right(number: int, remote: Remote, value: Any) -> bool:
            return compare.same(suite["compare"], value, remote.unpacked(expected[number]), suite["atol"])

        self._ask_all(job, suite["calls"], sitting, list(range(len(expected))), right)
        return sitting.report()

    def _outputs(self, job: dict[str, Any], suite: dict[str, Any]) -> dict[str, Any]:
        """No tests: what the calls return."""
        total = len(suite["calls"])
        sitting = Sitting(total)
        found: dict[int, Any] = {}

        def keep(number: int, remote: Remote, value: Any) -> bool:
            if not plain(value):
                return False
            found[number] = remote.packed(value)
            return True

        failures: dict[int, list[Any]] = {}
        self._ask_all(job, suite["calls"], sitting, list(range(total)), keep, failures)
        report = sitting.report()
        # Calls that were not made share the fate of the one that ended the process.
        not_run = failures[max(failures)] if failures else [report["verdict"], report["detail"], report["exception"]]
        rest = [not_run if outcome is None else _NO_DATA for outcome in sitting.outcomes]
        rows = [["v", found[i]] if i in found else ["x", *failures.get(i, rest[i])] for i in range(total)]
        return report | {"found": rows}

    def _ask_all(
        self,
        job: dict[str, Any],
        calls: list[Any],
        sitting: Sitting,
        places: list[int],
        right: Callable[[int, Remote, Any], bool],
        failures: dict[int, list[Any]] | None = None,
    ) -> dict[str, Any]:
        """Makes calls in one process, and in a new one after each that ended the process, while there is time.

        Args:
            places: by call, the number of its test.
            right: whether a value passes the test.

        Returns:
            The job with what is left of its limits.
        """
        done, left = 0, job
        while (done < len(calls) or left is job) and _is_enough(left):
            witness = self._processes.witness(left)
            remote, fallen = witness.remote, None
            try:
                remote.send(["load", job["program"], []])
                remote.send(["calls", calls[done:]])
                remote.value(remote.receive())
                while done < len(calls):
                    self._ask_one(sitting, places[done], remote, right, failures)
                    done += 1
                    if job["fail_fast"] and not sitting.outcomes[places[done - 1]]:
                        break
            except BaseException as error:
                fallen = error
            usage = witness.end()
            sitting.spend(usage)
            left = _rest(left, usage)
            if fallen is None:
                break
            verdict = sitting.fell_at(places[done] if places else 0, fallen, usage, remote)
            if failures is not None and places:
                told_by = told(fallen) if not isinstance(fallen, Gone) else (verdict, usage["ruling"][1], "")
                failures[places[done]] = list(told_by[:3])
            if job["fail_fast"] or not isinstance(fallen, Gone) or verdict == "timeout" or not places:
                break
            done += 1
        return left

    def _ask_one(
        self,
        sitting: Sitting,
        place: int,
        remote: Remote,
        right: Callable[[int, Remote, Any], bool],
        failures: dict[int, list[Any]] | None,
    ) -> None:
        try:
            value = remote.unpacked(remote.value(remote.receive()))
        except Gone:
            raise
        except BaseException as error:
            verdict, detail, kind, line = told(error)
            sitting.note(place, verdict, detail, kind, line)
            if failures is not None:
                failures[place] = [verdict, detail, kind]
            return
        if right(place, remote, value):
            sitting.outcomes[place] = True
        else:
            sitting.note(place, "failed", f"test {place}: a wrong value")

    # -- tests in Python ----------------------------------------------------------------

    def _asserts(self, job: dict[str, Any], suite: dict[str, Any]) -> dict[str, Any]:
        sitting = Sitting(len(suite["tests"]))
        try:
            if job["suite"] not in self._exams:
                self._exams[job["suite"]] = Exam(suite["tests"], suite["entry"], suite["prelude"])
        except SyntaxError as error:
            sitting.note(0, "error", f"the tests are no Python: {error}")
            return sitting.report()
        exam = self._exams[job["suite"]]
        if not self._examined(job, exam, sitting):
            exam.ahead = []
            sitting = Sitting(len(suite["tests"]))
            self._examined(job, exam, sitting)
        return sitting.report()

    def _examined(self, job: dict[str, Any], exam: Exam, sitting: Sitting) -> bool:
        """Whether the tests asked for what was foreseen; else they are to be run again with nothing foreseen."""
        witness = self._processes.witness(job)
        remote, fallen = witness.remote, None
        try:
            remote.send(["load", job["program"], exam.wanted])
            if exam.ahead:
                remote.foresee(exam.ahead)
            names = exam.start(remote, remote.value(remote.receive()))
            for number in range(len(exam)):
                self._test(sitting, number, exam, names, remote)
                if remote.diverged or (job["fail_fast"] and not sitting.outcomes[number]):
                    break
        except BaseException as error:
            fallen = error
        usage = witness.end()
        sitting.spend(usage)
        if fallen is not None and not remote.diverged:
            sitting.fell(fallen, usage, remote)
        return not remote.diverged

    def _test(self, sitting: Sitting, number: int, exam: Exam, names: Names, remote: Remote) -> None:
        try:
            exam.run(number, names)
        except BaseException as error:
            if remote.gone:
                raise Gone from None
            sitting.note(number, *told(error))
            return
        if remote.gone:  # a test that catches everything has not been passed by a process that is no more
            raise Gone
        sitting.outcomes[number] = True

    # -- tests that nobody vouches for --------------------------------------------------

    def _untrusted(self, job: dict[str, Any], suite: dict[str, Any]) -> dict[str, Any]:
        """Tests that are one comparison of one call are compared here; any other runs in a process of its own."""
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
            left = self._ask_all(job, [read[number][:2] for number in places], sitting, places, right)
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
            if not _is_enough(left):
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
                witness, left = None, _rest(left, usage)
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

    # -- whole programs -----------------------------------------------------------------

    def _stdio(self, job: dict[str, Any], suite: dict[str, Any]) -> dict[str, Any]:
        sitting = Sitting(len(suite["streams"]))
        for number, (given, expected) in enumerate(suite["streams"]):
            run = ProgramRun(self._processes, job, given)
            sitting.spend(run.usage)
            if run.ruling is not None:
                sitting.note(number, *run.ruling)
            elif compare.same_output(suite["compare"], run.output, expected):
                sitting.outcomes[number] = True
            else:
                sitting.note(number, "failed", f"run {number}: wrong output, {_shown(run.output)}")
            if job["fail_fast"] and not sitting.outcomes[number]:
                break
        return sitting.report()


_NO_DATA = ("error", "the value is no plain data", "")
_TOLD = 300
"""Characters of a wrong output that its author is told."""
_READER = {"cpu": 5.0, "wall": 10.0, "memory": 1024, "program": ""}


def _rest(job: dict[str, Any], usage: dict[str, Any]) -> dict[str, Any]:
    """A job with what a process has left of its limits."""
    return {**job, "cpu": job["cpu"] - usage["cpu"], "wall": job["wall"] - usage["wall"]}


def _is_enough(job: dict[str, Any]) -> bool:
    return bool(job["cpu"] > _LEFT and job["wall"] > _LEFT)


def _shown(output: str) -> str:
    """The beginning of what was printed, in one line."""
    return repr(output[:_TOLD]) + ("..." if len(output) > _TOLD else "")
