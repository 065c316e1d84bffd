"""The process that holds tests and expected answers, and decides.

For each job of the host it has the zygote fork a candidate, talks to that over a socket, and compares. Verdicts come
from the values it was sent and from what the kernel says of the process, never from a text that says "passed".
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
import time

from . import compare
from .exam import Exam, told
from .remote import Gone, Remote
from .wire import Channel, Ended, TooLarge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_ORDER = 1 << 18
_CHUNK = 1 << 16
_GRACE = 3.0
"""Seconds that a test's own code has beyond the candidate's wall time."""
_SHOWN = 2000
_DETAIL = 500
_EXAMINER_MB = 512


class Judge:
    """Serves the host over `host`; gives orders to the zygote over `orders`."""

    def __init__(self, host: Channel, orders: socket.socket, more: socket.socket, packages: list[str]) -> None:
        self._host, self._orders, self._more = host, orders, more
        self._packages = packages
        self._grown = False
        self._suites: dict[str, dict[str, Any]] = {}
        self._exams: dict[str, Exam] = {}
        self._count = 0
        self._inbox = select.poll()
        self._inbox.register(host.reading, select.POLLIN)

    def serve(self) -> None:
        """Until the host hangs up."""
        while True:
            try:
                message = self._host.receive()
            except Ended:
                return
            if message[0] != "job":
                continue  # a cancellation that came too late
            self._host.send(["done", message[1], self._done(message[2])])

    def _done(self, job: dict[str, Any]) -> dict[str, Any]:
        for key in job["forget"]:
            self._suites.pop(key, None)
            self._exams.pop(key, None)
        if job["new"] is not None:
            self._suites[job["suite"]] = job["new"]
        suite = self._suites[job["suite"]]
        signal.setitimer(signal.ITIMER_REAL, job["wall"] * len(suite.get("streams", [0])) + 2 * _GRACE)
        try:
            report: dict[str, Any] = getattr(self, f"_{suite['form']}")(job, suite)
            return report
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    # -- forms of suites ----------------------------------------------------------------

    def _calls(self, job: dict[str, Any], suite: dict[str, Any]) -> dict[str, Any]:
        sitting = Sitting(len(suite["expected"]))
        witness = self._candidate(job)
        try:
            witness.remote.send(["load", job["program"], []])
            witness.remote.send(["calls", suite["calls"]])
            witness.remote.value(witness.remote.receive())
            for number, expected in enumerate(suite["expected"]):
                self._call(sitting, number, witness.remote, expected, suite)
                if job["fail_fast"] and not sitting.outcomes[number]:
                    break
        except BaseException as error:
            sitting.fell(error)
        return sitting.report(witness.end(), witness.remote)

    def _call(self, sitting: Sitting, number: int, remote: Remote, expected: Any, suite: dict[str, Any]) -> None:
        try:
            value = remote.unpacked(remote.value(remote.receive()))
        except Gone:
            raise
        except BaseException as error:
            sitting.note(number, *told(error))
            return
        if compare.same(suite["compare"], value, remote.unpacked(expected), suite["atol"]):
            sitting.outcomes[number] = True
        else:
            sitting.note(number, "failed", f"call {number}: a wrong value", "", None)

    def _outputs(self, job: dict[str, Any], suite: dict[str, Any]) -> dict[str, Any]:
        """No tests: what the calls return."""
        sitting = Sitting(len(suite["calls"]))
        witness = self._candidate(job)
        found: list[Any] = []
        try:
            witness.remote.send(["load", job["program"], []])
            witness.remote.send(["calls", suite["calls"]])
            witness.remote.value(witness.remote.receive())
            found.extend(self._output(sitting, number, witness.remote) for number in range(len(suite["calls"])))
        except BaseException as error:
            sitting.fell(error)
        return sitting.report(witness.end(), witness.remote) | {"found": found}

    def _output(self, sitting: Sitting, number: int, remote: Remote) -> list[Any]:
        try:
            packed = remote.value(remote.receive())
            value = remote.unpacked(packed)
        except Gone:
            raise
        except BaseException as error:
            ruling, detail, kind, line = told(error)
            sitting.note(number, ruling, detail, kind, line)
            return ["x", ruling, detail, kind]
        if (type(packed) is dict and "h" in packed) or not _plain(value):
            sitting.note(number, "error", "no plain data", "", None)
            return ["x", "error", "the value is no plain data", ""]
        sitting.outcomes[number] = True
        return ["v", packed]

    def _asserts(self, job: dict[str, Any], suite: dict[str, Any]) -> dict[str, Any]:
        sitting = Sitting(len(suite["tests"]))
        try:
            exam = self._exam(job["suite"], suite)
        except SyntaxError as error:
            sitting.note(0, "error", f"the tests are no Python: {error}"[:_DETAIL], "", None)
            return sitting.report(None, None)
        witness = self._examined(job, exam, sitting)
        if witness.remote.diverged:
            witness.end()
            exam.ahead = []
            sitting = Sitting(len(suite["tests"]))
            witness = self._examined(job, exam, sitting)
        return sitting.report(witness.end(), witness.remote)

    def _examined(self, job: dict[str, Any], exam: Exam, sitting: Sitting) -> Witness:
        witness = self._candidate(job)
        remote = witness.remote
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
            sitting.fell(error)
        return witness

    def _exam(self, key: str, suite: dict[str, Any]) -> Exam:
        if key not in self._exams:
            self._exams[key] = Exam(suite["tests"], suite["entry"], suite["prelude"])
        return self._exams[key]

    def _test(self, sitting: Sitting, number: int, exam: Exam, names: dict[str, Any], remote: Remote) -> None:
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

    def _untrusted(self, job: dict[str, Any], suite: dict[str, Any]) -> dict[str, Any]:
        """Each test in a process of its own, which knows nothing but that test."""
        sitting = Sitting(len(suite["tests"]))
        witness = self._candidate(job)
        try:
            described = witness.remote.ask(["load", job["program"], suite["wanted"]])
            for number, test in enumerate(suite["tests"]):
                examiner = self._forked(job, "examine", [witness.remote._channel.reading])
                try:
                    examiner.remote.send([test, suite["entry"], suite["prelude"], described])
                    _, passed, gone, note = examiner.remote.receive()
                    if gone:
                        witness.remote.gone = True
                    elif passed is True:
                        sitting.outcomes[number] = True
                    else:
                        sitting.note(number, *note)
                except Gone:
                    sitting.note(number, "error", "the test ended its process", "", None)
                finally:
                    examiner.end()
                if witness.remote.gone:
                    raise Gone
                if job["fail_fast"] and not sitting.outcomes[number]:
                    break
        except BaseException as error:
            sitting.fell(error)
        return sitting.report(witness.end(), witness.remote)

    def _stdio(self, job: dict[str, Any], suite: dict[str, Any]) -> dict[str, Any]:
        sitting = Sitting(len(suite["streams"]))
        spent: list[dict[str, Any]] = []
        for number, (given, expected) in enumerate(suite["streams"]):
            run = ProgramRun(self, job, given)
            usage = run.usage
            spent.append(usage)
            if run.ruling is not None:
                sitting.note(number, *run.ruling)
            elif compare.same_output(suite["compare"], run.output, expected):
                sitting.outcomes[number] = True
            else:
                sitting.note(number, "failed", f"run {number}: wrong output", "", None)
            if job["fail_fast"] and not sitting.outcomes[number]:
                break
        total = {
            "cpu": sum(one["cpu"] for one in spent),
            "wall": sum(one["wall"] for one in spent),
            "peak": max((one["peak"] for one in spent), default=0.0),
            "printed": spent[-1]["printed"] if spent else "",
        }
        return sitting.result(total)

    # -- processes ----------------------------------------------------------------------

    def _candidate(self, job: dict[str, Any]) -> Witness:
        return self._forked(job, "serve", [])

    def _forked(self, job: dict[str, Any], kind: str, more: list[int]) -> Witness:
        ours, theirs = socket.socketpair()
        try:
            exit_ = self.start(job, kind, [theirs.fileno(), *more])
        finally:
            theirs.close()
        return Witness(ours, exit_, self._waiting(ours.fileno()))

    def start(self, job: dict[str, Any], kind: str, fds: list[int]) -> Exit:
        """Has a process forked that has these descriptors."""
        self._count += 1
        orders = self._zygote(job["program"])
        order = {"cpu": job["cpu"], "wall": job["wall"], "memory": job["memory"], "file": job["output"], "kind": kind}
        socket.send_fds(orders, [json.dumps(["start", self._count, order]).encode()], fds)
        return Exit(orders, self._count, job)

    def _zygote(self, program: str) -> socket.socket:
        """The one that has what the program's text names."""
        if not any(name in program for name in self._packages):
            return self._orders
        if not self._grown:
            self._orders.send(json.dumps(["grow"]).encode())
            self._grown = True
        return self._more

    def _waiting(self, fd: int) -> Any:
        """What to call before a read that may block: returns when there is something to read, or raises.

        The host says something during a job only to cancel it.
        """
        both = select.poll()
        both.register(fd, select.POLLIN)
        both.register(self._host.reading, select.POLLIN)
        host = self._host.reading

        def wait() -> None:
            for ready, _ in both.poll():
                if ready == host:
                    raise Gone

        return wait

    def cancelled(self) -> bool:
        return bool(self._inbox.poll(0))


class Exit:
    """How a forked process will end; `why` and `status` are known once the zygote has told."""

    def __init__(self, orders: socket.socket, number: int, job: dict[str, Any]) -> None:
        self._orders, self._number, self._job = orders, number, job
        self._started = time.monotonic()
        self._usage: dict[str, Any] | None = None

    def end(self) -> dict[str, Any]:
        """Has the process killed if it lives."""
        if self._usage is None:
            self._orders.send(json.dumps(["end", self._number]).encode())
        return self.wait()

    def wait(self) -> dict[str, Any]:
        """What the kernel says of the process, once it has ended."""
        while self._usage is None:
            data = self._orders.recv(_ORDER)
            if not data:
                os._exit(3)  # without a zygote there is nothing left to do here
            number, status, why, cpu, peak, printed = json.loads(data)
            if number == self._number:
                self._usage = {
                    "status": status,
                    "why": why,
                    "cpu": cpu,
                    "wall": time.monotonic() - self._started,
                    "peak": peak / (2**20 if sys.platform == "darwin" else 2**10),
                    "printed": printed[:_SHOWN],
                    "ruling": ruling(status, why, cpu, peak, self._job),
                }
        return self._usage


def ruling(status: int | None, why: str, cpu: float, peak: int, job: dict[str, Any]) -> tuple[str, str]:
    """Verdict and detail for a process that ended of itself, was killed or ran out of something."""
    if status is None:
        return "error", why
    if why == "cpu":
        return "timeout", f"more than {job['cpu']:g} s of CPU time"
    if why == "wall":
        return "timeout", f"not done after {job['wall']:g} s"
    if os.WIFSIGNALED(status):
        return _signalled(os.WTERMSIG(status), cpu, peak, job)
    return "error", f"the program ended itself with status {os.waitstatus_to_exitcode(status)}"


def _signalled(number: int, cpu: float, peak: int, job: dict[str, Any]) -> tuple[str, str]:
    name = signal.Signals(number).name if number in signal.valid_signals() else f"signal {number}"
    if number == signal.SIGXCPU or (number == signal.SIGKILL and cpu >= job["cpu"]):
        return "timeout", f"more than {job['cpu']:g} s of CPU time"
    if number == getattr(signal, "SIGSYS", None):
        return "violation", "a system call that is denied"
    if number == signal.SIGXFSZ:
        return "output", "a file grew too large"
    if number == signal.SIGKILL and peak / 2**10 > 0.8 * job["memory"]:
        return "memory", "out of memory"
    return "crashed", name


class Witness:
    """A forked process that we talk to."""

    def __init__(self, ours: socket.socket, exit_: Exit, wait: Any) -> None:
        self._ours, self._exit = ours, exit_
        self.remote = Remote(Channel(ours.fileno()), wait)

    def end(self) -> dict[str, Any]:
        self._ours.close()
        return self._exit.end()


class Sitting:
    """What becomes of the tests of one candidate."""

    def __init__(self, total: int) -> None:
        self.outcomes: list[bool | None] = [None] * total
        self._first: tuple[int, str, str, str, int | None] | None = None
        self._fallen: BaseException | None = None

    def note(self, number: int, verdict: str, detail: str, kind: str, line: int | None) -> None:
        """A test that was not passed."""
        if self.outcomes:
            self.outcomes[number] = False
        if self._first is None:
            self._first = (number, verdict, detail, kind, line)

    def fell(self, error: BaseException) -> None:
        """The rest of the tests cannot be run."""
        self._fallen = error

    def report(self, usage: dict[str, Any] | None, remote: Remote | None) -> dict[str, Any]:
        usage = usage or {"cpu": 0.0, "wall": 0.0, "peak": 0.0, "printed": "", "ruling": ("error", "")}
        if self._fallen is not None:
            self._note_fall(self._fallen, usage["ruling"], remote)
        return self.result(usage)

    def _note_fall(self, error: BaseException, kernel: tuple[str, str], remote: Remote | None) -> None:
        open_ = next((i for i, one in enumerate(self.outcomes) if one is None), 0)
        if not isinstance(error, Gone):
            self.note(open_, *told(error))
        elif remote is not None and remote.too_large:
            self.note(open_, "output", "more than it may return or write", "", None)
        elif kernel == ("crashed", "SIGKILL"):  # by ourselves: what it sent was no frame
            self.note(open_, "error", "the program broke into its own channel", "", None)
        else:
            self.note(open_, *kernel, "", None)

    def result(self, usage: dict[str, Any]) -> dict[str, Any]:
        passed = self.outcomes.count(True)
        number, verdict, detail, kind, line = self._first or (None, "passed", "", "", None)
        if verdict == "passed" and passed != len(self.outcomes):
            verdict, detail = "error", "not all tests were run"
        return {
            "verdict": verdict,
            "detail": " ".join(detail.split())[:_DETAIL],
            "passed": passed,
            "first": number,
            "outcomes": self.outcomes,
            "exception": kind,
            "line": line,
            "cpu": usage["cpu"],
            "wall": usage["wall"],
            "peak": usage["peak"],
            "printed": usage["printed"],
        }


class ProgramRun:
    """One run of a whole program on one input: real pipes, a cap on what it prints, and a clean end required."""

    def __init__(self, judge: Judge, job: dict[str, Any], given: str) -> None:
        self.output = ""
        self.ruling: tuple[str, str, str, int | None] | None = None
        reading, writing = os.pipe()
        stdin = _filled(given)
        ours, theirs = socket.socketpair()
        try:
            fds = [theirs.fileno(), stdin, writing]
            exit_ = judge.start(job, "program", fds)
        finally:
            theirs.close()
            os.close(writing)
            os.close(stdin)
        channel = Channel(ours.fileno())
        try:
            channel.send(job["program"])
            whole = self._read(reading, job["output"] << 20, judge._waiting(reading))
        except (Ended, TooLarge, Gone):
            whole = False
        os.close(reading)
        self.usage = exit_.wait() if whole else exit_.end()
        if whole is None:
            self.ruling = ("output", f"more than {job['output']} MiB of output", "", None)
        elif self.usage["status"] != 0:
            self.ruling = self._ended(channel)
        ours.close()

    def _read(self, reading: int, most: int, wait: Any) -> bool | None:
        """Whether the output was read to its end; `None` where it is too long."""
        parts: list[bytes] = []
        have = 0
        while True:
            wait()
            part = os.read(reading, _CHUNK)
            if not part:
                break
            parts.append(part)
            have += len(part)
            if have > most:
                return None
        self.output = b"".join(parts).decode(errors="replace")
        return True

    def _ended(self, channel: Channel) -> tuple[str, str, str, int | None]:
        """Why the program did not end well; what it raised, if it still could tell."""
        verdict, detail = self.usage["ruling"]
        if verdict == "error" and self.usage["status"] is not None:
            try:
                Remote(channel).value(Remote(channel).receive())
            except Gone:
                pass
            except BaseException as error:
                return told(error)
        return verdict, detail, "", None


def _filled(text: str) -> int:
    """A file without a name that holds the text."""
    fd = os.memfd_create("input")
    data = memoryview(text.encode("utf-8", "surrogateescape"))
    while data:
        data = data[os.write(fd, data) :]
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def _plain(value: Any) -> bool:
    from .remote import Proxy

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
