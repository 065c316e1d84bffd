"""The sandbox: runs untrusted programs against tests that they never see."""

from __future__ import annotations

import asyncio
import os
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeAlias

from ._cell import values
from .execution import Execution, Isolation, Output
from .packing import Inputs, Packed, packed
from .pool import Job, Pool
from .search import SLICE, Search
from .suites import Asserts, Limits, Suite, Value

if TYPE_CHECKING:
    from .command import Command, CommandLimits, CommandRun

_PACKAGES = ("numpy",)
_SUITES = 64
_MARGIN = 4.0
"""Wall seconds that tests may take beyond the program's own."""
Report: TypeAlias = dict[str, Any]


@dataclass(slots=True, eq=False)
class _Flight:
    """A program that is being run for everybody who waits for it."""

    job: Job
    waiting: list[Future[Execution]] = field(default_factory=list)


class Sandbox:
    """Runs programs in processes of their own and judges them in another.

    Identical programs with the same suite and limits are run once. It may be used from several event loops; what it
    starts is started when first needed.

    Args:
        workers: programs run at once; by default one a core.
        min_level: isolation below which nothing is run.
        launcher: what starts the processes: `local`, `bubblewrap`, `docker`, `podman`, `seatbelt`; `auto` chooses.
        packages: installed packages that programs may import beside the standard library.
        cache: verdicts that are kept.
        without: layers to leave out on purpose (`namespaces mounts nobody landlock seccomp`).

    Raises (every method that runs something):
        SandboxUnavailable: no process can be started, or isolation is below `min_level`.
    """

    def __init__(
        self,
        workers: int | None = None,
        min_level: int = 0,
        *,
        launcher: str = "auto",
        packages: Sequence[str] = _PACKAGES,
        cache: int = 4096,
        without: Sequence[str] = (),
    ) -> None:
        self._pool = Pool(workers or os.cpu_count() or 1, min_level, tuple(packages), frozenset(without), launcher)
        self._cache_size = cache
        self._lock = threading.Lock()
        self._cache: OrderedDict[str, Execution] = OrderedDict()
        self._flights: dict[str, _Flight] = {}
        self._packed: OrderedDict[int, tuple[Suite, Packed]] = OrderedDict()
        """By identity, suites that came lately: many programs share one, and it may be large."""
        self._around_commands: Isolation | None = None
        self._slowest: dict[str, float] = {}
        """By suite, CPU seconds of the slowest program that passed."""

    @property
    def isolation(self) -> Isolation | None:
        """What stands around programs, or where only commands were run, around these; `None` until either was."""
        return self._pool.isolation or self._around_commands

    @property
    def min_level(self) -> int:
        """Isolation below which nothing is run."""
        return self._pool.min_level

    async def command(self, command: Command, limits: CommandLimits | None = None, min_level: int = 2) -> CommandRun:
        """Runs a command of the user's on a copy of a folder, see `command.run_command`; `min_level` of both counts."""
        from .command import run_command

        done = await run_command(command, limits, max(min_level, self.min_level))
        self._around_commands = done.isolation
        return done

    @property
    def workers(self) -> int:
        """Programs run at once."""
        return self._pool.workers

    @property
    def pace(self) -> float:
        """By how much CPU limits are stretched because this machine is slow; 1 until a worker was started."""
        return self._pool.pace

    async def isolate(self) -> Isolation:
        """Starts a worker if there has been none yet, and says what stands around the programs it will run."""
        return await asyncio.to_thread(self._pool.start)

    async def aclose(self) -> None:
        """Ends the workers; a later program starts new ones."""
        await asyncio.to_thread(self._pool.close)

    def close(self) -> None:
        """`aclose`, blocking."""
        self._pool.close()

    async def __aenter__(self) -> Sandbox:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    # -- running ------------------------------------------------------------------------

    async def verify(self, program: str, suite: Suite, limits: Limits | None = None) -> Execution:
        """The verdict on a program. Cancelling kills it, unless others wait for the same."""
        waiter = self.ask(program, self._pack(suite), limits or Limits())
        return await self._awaited(waiter)

    @asynccontextmanager
    async def verifying(
        self,
        programs: Sequence[str],
        suite: Suite,
        limits: Limits | None = None,
        *,
        stop_after_passes: int | None = None,
    ) -> AsyncIterator[AsyncIterator[tuple[int, Execution]]]:
        """Verdicts on many programs as they come, each with the program's index; leaving the block kills the rest.

        With `limits.patience`, a program that is not done after a tenth of a second is put back until the others are.
        """
        search = Search(self, programs, self._pack(suite), limits or Limits(), stop_after_passes)
        try:
            yield search.results()
        finally:
            search.leave()

    async def matrix(
        self,
        programs: Sequence[str],
        tests: Sequence[str],
        limits: Limits | None = None,
        *,
        entry: str | None = None,
        prelude: str = "",
    ) -> tuple[tuple[bool, ...], ...]:
        """Which program passes which of tests that nobody vouches for: one process a program for all tests."""
        suite = packed(Asserts(tuple(tests), entry, prelude, trusted=False))
        wanted = replace(limits or Limits(), fail_fast=False)
        waiters = [self.ask(program, suite, wanted) for program in programs]
        try:
            found = [await self._awaited(waiter) for waiter in waiters]
        finally:
            for waiter in waiters:
                self.drop(waiter)
        return tuple(tuple(outcome is True for outcome in one.outcomes) or (False,) * len(tests) for one in found)

    async def outputs(
        self, program: str, entry: str, inputs: Sequence[Sequence[Value]], limits: Limits | None = None
    ) -> tuple[Output, ...]:
        """What `entry` of a program returns on each of `inputs`, the arguments of a call."""
        job = self._outputs_job(program, entry, inputs, limits)
        try:
            report, _ = await asyncio.wrap_future(self._pool.submit(job))
        except asyncio.CancelledError:
            job.cancelled = True
            raise
        return _outputs(report, len(inputs))

    def outputs_now(
        self, program: str, entry: str, inputs: Sequence[Sequence[Value]], limits: Limits | None = None
    ) -> tuple[Output, ...]:
        """`outputs`, blocking."""
        report, _ = self._pool.submit(self._outputs_job(program, entry, inputs, limits)).result()
        return _outputs(report, len(inputs))

    def _outputs_job(self, program: str, entry: str, inputs: Sequence[Sequence[Value]], limits: Limits | None) -> Job:
        suite = packed(Inputs(entry, tuple(tuple(row) for row in inputs)))
        return _job(program, suite, replace(limits or Limits(), fail_fast=False))

    # -- flights ------------------------------------------------------------------------

    def _pack(self, suite: Suite) -> Packed:
        with self._lock:
            known = self._packed.get(id(suite))
            if known is None:
                known = self._packed[id(suite)] = (suite, packed(suite))
            self._packed.move_to_end(id(suite))
            if len(self._packed) > _SUITES:
                self._packed.popitem(last=False)
            return known[1]

    def ask(self, program: str, suite: Packed, limits: Limits) -> Future[Execution]:
        """The verdict to come; `drop` it when it is not wanted any more."""
        waiter: Future[Execution] = Future()
        limits = self._patient(suite, limits)
        key = _key(program, suite, limits)
        with self._lock:
            if key in self._cache:
                self._cache.move_to_end(key)
                waiter.set_result(replace(self._cache[key], cached=True))
                return waiter
            if key in self._flights:
                self._flights[key].waiting.append(waiter)
                return waiter
            flight = _Flight(_job(program, suite, limits), [waiter])
            self._flights[key] = flight
        running = self._pool.submit(flight.job)
        running.add_done_callback(lambda done: self._landed(key, flight, suite, done))
        return waiter

    def _landed(self, key: str, flight: _Flight, suite: Packed, done: Future[tuple[Report, bool]]) -> None:
        error = done.exception()
        execution = None if error is not None else self._execution(*done.result(), suite)
        with self._lock:
            if self._flights.get(key) is flight:
                del self._flights[key]
            if execution is not None and not flight.job.cancelled:
                self._remember(key, suite, execution)
            waiting = list(flight.waiting)
        for number, waiter in enumerate(waiting):
            if not waiter.set_running_or_notify_cancel():
                continue
            if execution is None:
                waiter.set_exception(error)
            else:
                waiter.set_result(replace(execution, cached=True) if number else execution)

    def _remember(self, key: str, suite: Packed, execution: Execution) -> None:
        if execution.verdict == "passed":
            self._slowest[suite.key] = max(execution.cpu_seconds, self._slowest.get(suite.key, 0.0))
        if self._cache_size > 0:
            self._cache[key] = execution
            if len(self._cache) > self._cache_size:
                self._cache.popitem(last=False)

    async def _awaited(self, waiter: Future[Execution]) -> Execution:
        try:
            return await asyncio.wrap_future(waiter)
        except asyncio.CancelledError:
            self.drop(waiter)
            raise

    def drop(self, waiter: Future[Execution]) -> None:
        """Says that a verdict is not wanted any more; the last to say so ends the program."""
        waiter.cancel()
        with self._lock:
            for key, flight in list(self._flights.items()):
                if waiter in flight.waiting and all(one.cancelled() for one in flight.waiting):
                    flight.job.cancelled = True
                    del self._flights[key]

    def _patient(self, suite: Packed, limits: Limits) -> Limits:
        """The limits, with the time that patience leaves by what is known of the suite so far."""
        if limits.patience is None:
            return limits
        slowest = self._slowest.get(suite.key)
        if slowest is None:
            return replace(limits, patience=None)
        seconds = min(limits.seconds, max(SLICE, limits.patience * slowest))
        return replace(limits, seconds=seconds, wall=limits.wall_seconds, patience=None)

    def slowest(self, suite: Packed) -> float | None:
        """CPU seconds of the slowest program that has passed a suite."""
        return self._slowest.get(suite.key)

    def _execution(self, report: Report, rerun: bool, suite: Packed) -> Execution:
        return Execution(
            report["verdict"],
            report["detail"],
            passed=report.get("passed", 0),
            total=suite.total,
            first_failed=report.get("first"),
            outcomes=tuple(report.get("outcomes") or (None,) * suite.total),
            seconds=report.get("wall", 0.0),
            cpu_seconds=report.get("cpu", 0.0),
            peak_mb=report.get("peak", 0.0),
            output=report.get("printed", ""),
            exception=report.get("exception", ""),
            line=report.get("line"),
            isolation=self._pool.isolation,
            rerun=rerun,
        )


def _job(program: str, suite: Packed, limits: Limits) -> Job:
    wall = limits.wall_seconds
    message = {
        "program": program,
        "cpu": limits.seconds,
        "wall": wall,
        "memory": limits.memory_mb,
        "output": limits.output_mb,
        "fail_fast": limits.fail_fast,
    }
    return Job(message, suite, wall * suite.runs + _MARGIN, stretches=limits.wall is None)


def _key(program: str, suite: Packed, limits: Limits) -> str:
    text = f"{suite.key}|{limits}|".encode() + program.encode("utf-8", "surrogatepass")
    return blake2b(text, digest_size=16).hexdigest()


def _outputs(report: Report, total: int) -> tuple[Output, ...]:
    found = []
    for one in report.get("found", []):
        if one[0] == "v":
            found.append(Output("passed", values.unpack(one[1])))
        else:
            found.append(Output(one[1], None, one[2], one[3]))
    rest = Output(report["verdict"] if report["verdict"] != "passed" else "error", None, report["detail"])
    return (*found, *(rest,) * (total - len(found)))
