"""The process that holds tests and expected answers, and decides.

For each job of the host it has the zygote fork a candidate, talks to that over a socket, and compares. Verdicts come
from the values it was sent and from what the kernel says of the process, never from a text that says "passed".
"""

from __future__ import annotations

import signal

from . import compare
from .asking import Asking
from .exam import Exam, Names, told
from .failures import Gone
from .processes import Processes
from .programs import ProgramRun
from .proxy import plain
from .remote import Remote
from .sitting import Sitting
from .untrusted import Untrusted
from .wire import Channel, Ended

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_GRACE = 3.0
"""Seconds that a test's own code has beyond the candidate's wall time."""
_OWN = 2.0
"""CPU seconds that comparing may take beyond the candidate's."""


class Judge:
    """Serves the host: a job comes in, a report goes out."""

    def __init__(self, host: Channel, processes: Processes) -> None:
        self._host, self._processes = host, processes
        self._suites: dict[str, dict[str, Any]] = {}
        self._exams: dict[str, Exam] = {}
        self._not_vouched = Untrusted(processes)

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
            self._suites.pop(key, None)
            self._exams.pop(key, None)
            self._not_vouched.forget(key)
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

        Asking(self._processes, job, sitting, right).all(suite["calls"], range(len(suite["calls"])))
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
        Asking(self._processes, job, sitting, keep, failures).all(suite["calls"], range(total))
        report = sitting.report()
        # Calls that were not made share the fate of the one that ended the process.
        not_run = failures[max(failures)] if failures else [report["verdict"], report["detail"], report["exception"]]
        rest = [not_run if outcome is None else _NO_DATA for outcome in sitting.outcomes]
        rows = [["v", found[i]] if i in found else ["x", *failures.get(i, rest[i])] for i in range(total)]
        return report | {"found": rows}

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
        return self._not_vouched.report(job, suite)

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


def _shown(output: str) -> str:
    """The beginning of what was printed, in one line."""
    return repr(output[:_TOLD]) + ("..." if len(output) > _TOLD else "")
