"""What leaves together, in which order, how often, and who pays."""

import asyncio
from collections.abc import Sequence

import pytest

from orchestrator.budget import Budget
from orchestrator.engine import Engine, MemoryJournal, Seat
from orchestrator.errors import BudgetExceeded, ConnectionLost, ExpertError, RateLimited, WrongKey
from orchestrator.ledger import NOTHING, Scope
from orchestrator.types import Completion, Expert, Message, Request, Response, Sampling, Tokens
from tests.clock import run_virtual


class Server:
    """Answers after `latency` seconds of the loop's clock; `failures` are raised by the first attempts."""

    journalled = True

    def __init__(self, latency: float = 1.0, max_n: int = 128, failures: Sequence[ExpertError] = (), most: int = 128):
        self.latency, self.max_n, self.failures, self.most = latency, max_n, list(failures), most
        self.batches: list[list[int]] = []
        self.times: list[float] = []

    async def complete(self, batch: Sequence[Request]) -> Response:
        self.batches.append([request.sample_index for request in batch])
        self.times.append(asyncio.get_running_loop().time())
        await asyncio.sleep(self.latency)
        if self.failures:
            raise self.failures.pop(0)
        served = batch[: self.most]
        texts = [Completion(f"{r.messages[0].text} {r.sample_index}", tokens=Tokens(5, 10)) for r in served]
        return Response(tuple(texts), Tokens(5, 10 * len(served)))

    async def aclose(self) -> None:
        return None


def request(text: str = "question", sample: int = 0) -> Request:
    return Request("e", "m", (Message("user", text),), Sampling(max_tokens=100), sample)


def engine_for(server: Server, **settings: int) -> Engine:
    return Engine({"e": Expert("e", "m", **settings)}, lambda _: server, MemoryJournal())


async def everything(engine: Engine, requests: Sequence[Request], seat: Seat) -> list[object]:
    async def one(asked: Request) -> object:
        try:
            return (await engine.ask(asked, seat)).completion.text
        except (ExpertError, BudgetExceeded) as error:
            return error

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(asked)) for asked in requests]
    return [task.result() for task in tasks]


def test_samples_of_one_prompt_leave_as_one_attempt() -> None:
    server = Server()

    async def main() -> list[object]:
        async with engine_for(server) as engine:
            return await everything(engine, [request(sample=i) for i in range(5)], Seat(Scope("run", paid=True)))

    replies, seconds = run_virtual(main())
    assert replies == [f"question {i}" for i in range(5)]
    assert server.batches == [[0, 1, 2, 3, 4]]
    assert seconds == pytest.approx(1.0)


def test_choices_that_did_not_come_are_asked_again_one_by_one() -> None:
    server = Server(most=2)

    async def main() -> list[object]:
        async with engine_for(server) as engine:
            return await everything(engine, [request(sample=i) for i in range(4)], Seat(Scope("run", paid=True)))

    replies, _ = run_virtual(main())
    assert replies == [f"question {i}" for i in range(4)]
    assert server.batches == [[0, 1, 2, 3], [2], [3]]


def test_identical_requests_are_one_call_paid_once_and_used_twice() -> None:
    server, run = Server(), Scope("run", paid=True)
    problems = [Scope("a", parent=run), Scope("b", parent=run)]

    async def main() -> None:
        async with engine_for(server) as engine, asyncio.TaskGroup() as group:
            for scope in problems:
                group.create_task(engine.ask(request(), Seat(scope)))

    run_virtual(main())
    assert server.batches == [[0]]
    assert (run.spent.calls, run.spent.tokens) == (1, 15)
    assert [scope.spent.calls for scope in problems] == [1, 1]


def test_a_waiter_that_leaves_hands_the_flight_on() -> None:
    server, run = Server(), Scope("run", paid=True)

    async def main() -> str:
        async with engine_for(server) as engine:
            first = asyncio.ensure_future(engine.ask(request(), Seat(run)))
            second = asyncio.ensure_future(engine.ask(request(), Seat(run)))
            await asyncio.sleep(0.5)
            first.cancel()
            return (await second).completion.text

    text, _ = run_virtual(main())
    assert text == "question 0"
    assert server.batches == [[0]]
    assert run.outstanding == 0


def test_deeper_stages_and_earlier_turns_leave_first() -> None:
    server, run = Server(), Scope("run", paid=True)
    seats = {"late": Seat(run, turn=2), "early": Seat(run, turn=1), "deep": Seat(run, turn=1, stage=3)}

    async def main() -> None:
        async with engine_for(server, concurrency=1) as engine, asyncio.TaskGroup() as group:
            for text, seat in seats.items():
                group.create_task(order(engine, text, seat))

    came: list[str] = []

    async def order(engine: Engine, text: str, seat: Seat) -> None:
        await engine.ask(request(text), seat)
        came.append(text)

    run_virtual(main())
    assert came == ["deep", "early", "late"]


def test_a_failed_group_rests_once_and_leaves_as_a_group_and_the_failure_is_charged() -> None:
    server, run = Server(failures=[ConnectionLost("reset")]), Scope("run", paid=True)

    async def main() -> list[object]:
        async with engine_for(server) as engine:
            return await everything(engine, [request(sample=i) for i in range(3)], Seat(run))

    replies, _ = run_virtual(main())
    assert replies == [f"question {i}" for i in range(3)]
    assert server.batches == [[0, 1, 2], [0, 1, 2]]
    assert run.spent.calls == 6


def test_retry_after_is_honoured_and_a_429_costs_nothing() -> None:
    server, run = Server(latency=0.0, failures=[RateLimited("slow down", retry_after=7.0)] * 9), Scope("run", paid=True)

    async def main() -> list[object]:
        async with engine_for(server) as engine:
            return await everything(engine, [request()], Seat(run))

    replies, _ = run_virtual(main())
    assert replies == ["question 0"]
    assert [b - a for a, b in zip(server.times, server.times[1:], strict=False)] == pytest.approx([7.0] * 9)
    assert run.spent.calls == 1


def test_attempts_are_finite() -> None:
    server = Server(failures=[ConnectionLost("reset")] * 50)

    async def main() -> list[object]:
        async with engine_for(server) as engine:
            return await everything(engine, [request()], Seat(Scope("run", paid=True)))

    (error,), _ = run_virtual(main())
    assert isinstance(error, ConnectionLost)
    assert len(server.batches) == 6


def test_a_wrong_key_ends_everything_that_waits() -> None:
    server = Server(failures=[WrongKey("bad key", expert="e")])

    async def main() -> list[object]:
        async with engine_for(server, concurrency=1) as engine:
            return await everything(engine, [request(f"q{i}") for i in range(50)], Seat(Scope("run", paid=True)))

    errors, _ = run_virtual(main())
    assert all(isinstance(error, WrongKey) for error in errors)
    assert len(server.batches) == 1


@pytest.mark.parametrize("cap", [Budget(calls=20), Budget(tokens=20 * 15 + 140)])
def test_a_cap_is_used_up_and_never_passed(cap: Budget) -> None:
    server, run = Server(), Scope("run", cap, paid=True)

    async def main() -> list[object]:
        async with engine_for(server) as engine:
            return await everything(engine, [request(f"q{i}") for i in range(200)], Seat(run))

    replies, _ = run_virtual(main())
    refused = [reply for reply in replies if isinstance(reply, BudgetExceeded)]
    assert len(refused) == 200 - run.spent.calls
    assert run.spent.calls >= 18
    assert run.lacks(NOTHING, run.spent) is None


@pytest.mark.parametrize("tenths", range(0, 32))
def test_cancelling_at_any_moment_leaves_nothing_reserved(tenths: int) -> None:
    server, run = Server(failures=[ConnectionLost("reset")]), Scope("run", Budget(calls=100), paid=True)
    problem = Scope("p", Budget(calls=50), run)

    async def main() -> None:
        async with engine_for(server, concurrency=2) as engine:
            work = asyncio.ensure_future(everything(engine, [request(f"q{i}") for i in range(5)], Seat(problem)))
            await asyncio.sleep(tenths / 10)
            work.cancel()
            await asyncio.wait([work])

    run_virtual(main())
    assert (run.outstanding, problem.outstanding) == (0, 0)
    assert run.spent.calls <= len(server.batches)
