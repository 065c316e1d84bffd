"""An engine that is told to stop: what is out lands, nothing else leaves, and nobody waits for ever."""

import asyncio
from collections.abc import Sequence

import pytest

from orchestrator.budget import Budget
from orchestrator.engine import Engine, MemoryJournal, Seat
from orchestrator.engine.batching.log import LeftOut, MemoryBatchLog
from orchestrator.errors import ConfigError, ConnectionLost, ExpertError, OrchestratorError, RateLimited, Stopped
from orchestrator.ledger import Amount, Scope
from orchestrator.types import Completion, Expert, Message, Request, Response, Sampling, Tokens
from tests.clock import run_virtual


class Server:
    """Answers after a second; the first attempts fail as `failures` say."""

    journalled, max_n = True, 1

    def __init__(self, failures: Sequence[ExpertError] = ()) -> None:
        self.failures, self.asked = list(failures), 0

    async def complete(self, batch: Sequence[Request]) -> Response:
        self.asked += 1
        await asyncio.sleep(1.0)
        if self.failures:
            raise self.failures.pop(0)
        return Response((Completion("reply", tokens=Tokens(5, 10)),), Tokens(5, 10))

    async def aclose(self) -> None:
        return None


def stopped_after(
    seconds: float, server: Server, asked: int, run: Scope, **limits: float
) -> tuple[list[Completion | OrchestratorError], float]:
    """What `asked` requests came to when the engine was told to stop, and how long that took."""

    async def one(engine: Engine, number: int) -> Completion | OrchestratorError:
        request = Request("e", "m", (Message("user", f"q{number}"),), Sampling(max_tokens=100))
        try:
            return (await engine.ask(request, Seat(run))).completion
        except OrchestratorError as error:
            return error

    async def main() -> list[Completion | OrchestratorError]:
        expert = Expert("e", "m", **limits)  # type: ignore[arg-type]
        async with Engine({"e": expert}, lambda _: server, MemoryJournal()) as engine, asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(engine, number)) for number in range(asked)]
            await asyncio.sleep(seconds)
            engine.stop()
        return [task.result() for task in tasks]

    return run_virtual(main())


def test_what_is_out_lands_and_what_is_queued_is_refused_at_once() -> None:
    server, run = Server(), Scope("run", paid=True)
    results, seconds = stopped_after(0.5, server, 10, run, concurrency=3)
    assert [isinstance(result, Completion) for result in results].count(True) == 3
    assert [isinstance(result, Stopped) for result in results].count(True) == 7
    assert seconds == pytest.approx(1.0)
    assert (server.asked, run.spent.calls, run.outstanding) == (3, 3, 0)


def test_an_attempt_that_fails_after_the_stop_is_not_made_again() -> None:
    server, run = Server([ConnectionLost("reset")]), Scope("run", paid=True)
    (result,), _ = stopped_after(0.5, server, 1, run)
    assert isinstance(result, Stopped)
    assert (server.asked, run.outstanding) == (1, 0)


def test_who_rests_before_a_retry_is_refused_at_once() -> None:
    server, run = Server([RateLimited("slow down", retry_after=600.0)]), Scope("run", paid=True)
    (result,), seconds = stopped_after(2.0, server, 1, run)
    assert isinstance(result, Stopped)
    assert seconds == pytest.approx(2.0)
    assert run.outstanding == 0


@pytest.mark.usefixtures("virtual_time")
def test_what_waits_for_the_throttle_does_not_leave() -> None:
    server, run = Server(), Scope("run", paid=True)
    results, seconds = stopped_after(0.5, server, 5, run, rpm=2)
    assert server.asked == 1
    assert [isinstance(result, Stopped) for result in results].count(True) == 4
    assert seconds == pytest.approx(1.0, abs=0.1)
    assert run.outstanding == 0


def test_what_a_budget_holds_back_is_refused() -> None:
    server, run = Server(), Scope("run", Budget(tokens=250), paid=True)
    results, _ = stopped_after(0.5, server, 6, run)
    assert server.asked < 6
    assert all(isinstance(result, Completion | Stopped) for result in results)
    assert run.outstanding == 0


def test_stopping_in_the_pass_in_which_an_attempt_departs_gives_back_what_it_holds() -> None:
    server, run = Server(), Scope("run", paid=True)
    results, _ = stopped_after(0.0, server, 4, run)
    assert all(isinstance(result, Completion | Stopped) for result in results)
    assert run.outstanding == 0


class Closed(MemoryJournal):
    """Knows whether it was closed."""

    closed = False

    async def aclose(self) -> None:
        self.closed = True


class Unclosable(Server):
    async def aclose(self) -> None:
        raise OSError("the connection was gone")


def test_a_connection_that_cannot_be_closed_leaves_no_journal_open() -> None:
    journal = Closed()

    async def main() -> None:
        async with Engine({"e": Expert("e", "m")}, lambda _: Unclosable(), journal) as engine:
            await engine.ask(Request("e", "m", (Message("user", "q"),), Sampling(max_tokens=9)), Seat(Scope("run")))

    with pytest.raises(OSError, match="gone"):
        run_virtual(main())
    assert journal.closed


def test_an_engine_that_cannot_begin_closes_what_it_has() -> None:
    left = LeftOut(1, "e", "token", None, 0.0, {bytes(16): Amount(1)})
    batches = MemoryBatchLog()
    batches.left_out = lambda: (left,)  # type: ignore[method-assign]
    journal = Closed(batches=batches)

    def backend_of(expert: Expert) -> Server:
        raise ConfigError("no key")

    async def main() -> None:
        async with Engine({"e": Expert("e", "m")}, backend_of, journal):
            pass

    with pytest.raises(ConfigError, match="no key"):
        run_virtual(main())
    assert journal.closed
