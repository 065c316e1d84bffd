"""Requests that share a prefix: who leaves with whom, who leads, who waits, and for how long."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from orchestrator.budget import Budget
from orchestrator.engine import Engine, MemoryJournal, Seat
from orchestrator.engine.prefixes import PATIENCE
from orchestrator.engine.trains import LONGEST
from orchestrator.errors import ConnectionLost, ExpertError
from orchestrator.ledger import Scope
from orchestrator.types import Expert, Mark, Message, PrefixCache, Price, Request, Response, Sampling
from tests.clock import run_virtual
from tests.engine.stage import PRICE, Stage, expert

LONG = "It is a long story, which everybody is told. " * 400
"""18,000 characters: 4,500 tokens."""
OTHER = "Here is another one, that few have heard of. " * 400


@dataclass(eq=False)
class Provider(Stage):
    """Keeps what it was asked; its first token comes after `first` seconds, where it is told of."""

    first: float = 0.25
    tells: bool = True
    prefix_cache: PrefixCache | None = field(default_factory=PrefixCache)
    marks: list[tuple[Mark, ...]] = field(default_factory=list)
    led: list[int] = field(default_factory=list)
    """Numbers of the batches that went before others."""

    async def complete_shared(
        self, batch: Sequence[Request], marks: Sequence[Mark], began: Callable[[], None] | None = None
    ) -> Response:
        self.marks.append(tuple(marks))
        if began is not None:
            self.led.append(len(self.batches))
            if self.tells and self.first < self.pace(self._fortune(batch[0])):
                asyncio.get_running_loop().call_later(self.first, began)
        return await self.complete(batch)


def request(text: str, sample: int = 0) -> Request:
    return Request("e", "m", (Message("user", text),), Sampling(max_tokens=100), sample)


def serve(
    stage: Stage,
    requests: Sequence[Request],
    seat: Callable[[int], Seat] | None = None,
    leaves: dict[int, float] | None = None,
    value: Expert | None = None,
    starts: Sequence[float] = (),
) -> tuple[list[object], Scope]:
    """Asks them all at once, or each at its time; some of them leave."""
    run = Scope("run", paid=True)

    async def one(engine: Engine, number: int) -> object:
        await asyncio.sleep(starts[number] if starts else 0)
        place = seat(number) if seat else Seat(run)
        try:
            async with asyncio.timeout((leaves or {}).get(number)):
                return (await engine.ask(requests[number], place)).completion.text
        except (ExpertError, TimeoutError) as error:
            return error

    async def main() -> list[object]:
        async with Engine({"e": value or expert()}, lambda _: stage, MemoryJournal()) as engine:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(engine, i)) for i in range(len(requests))]
            assert run.reserved.calls == run.outstanding == 0
            assert [(lane.out, lane.queued) for lane in engine.lanes()] == [(0, 0)]
        return [task.result() for task in tasks]

    return run_virtual(main())[0], run


def order(stage: Stage) -> list[str]:
    return [batch[0].messages[-1].text[-3:] for batch in stage.batches]


class TestAffinity:
    def test_those_that_share_a_long_prefix_leave_one_after_the_other(self) -> None:
        stage = Stage(max_n=1)
        asked = [request(text + f" {text[:1]}{i}") for i in range(3) for text in (LONG, OTHER, "short")]
        serve(stage, asked, value=expert(concurrency=1))
        assert order(stage) == [" I0", " I1", " I2", " H0", " H1", " H2", " s0", " s1", " s2"]

    def test_a_better_priority_goes_first_all_the_same(self) -> None:
        stage, run = Stage(max_n=1), Scope("run", paid=True)
        asked = [request(f"{LONG} {i:2}") for i in range(4)] + [request("short ab")]
        seats = [Seat(run, turn) for turn in (3, 1, 3, 2, 0)]
        serve(stage, asked, lambda i: seats[i], value=expert(concurrency=1))
        assert order(stage) == [" ab", "  1", "  3", "  0", "  2"]

    def test_nobody_is_passed_over_by_more_than_a_train(self) -> None:
        stage = Stage(max_n=1)
        asked = [request(f"{LONG} {i:3}") for i in range(5)] + [request("short ab")]
        asked += [request(f"{LONG} {i:3}") for i in range(5, 3 * LONGEST)]
        serve(stage, asked, value=expert(concurrency=1))
        assert order(stage).index(" ab") == LONGEST

    def test_inside_of_a_train_those_that_share_more_leave_together(self) -> None:
        stage = Stage(max_n=1)
        asked = [
            request(LONG + text * 1000 + f" {text[0]}{i}") for i in range(3) for text in ("more. " * 2, "else. " * 2)
        ]
        serve(stage, asked, value=expert(concurrency=1))
        assert order(stage) == [" m0", " m1", " m2", " e0", " e1", " e2"]


class TestLeads:
    def test_one_leaves_and_the_others_follow_at_its_first_token(self) -> None:
        stage = Provider()
        serve(stage, [request(f"{LONG} {i}") for i in range(5)] + [request("short")])
        assert stage.times == [0.0, 0.0, 0.25, 0.25, 0.25, 0.25]
        assert stage.led == [0]

    def test_or_at_its_reply_where_the_client_tells_no_first_token(self) -> None:
        stage = Provider(tells=False)
        serve(stage, [request(f"{LONG} {i}") for i in range(3)])
        assert stage.times == [0.0, 1.0, 1.0]

    def test_a_slow_one_keeps_nobody_waiting_for_long(self) -> None:
        stage = Provider(lambda rng: 500.0, tells=False)
        serve(stage, [request(f"{LONG} {i}") for i in range(3)])
        assert stage.times == pytest.approx([0.0] + [PATIENCE + 4096 / 5000] * 2)

    def test_samples_of_one_prompt_need_none(self) -> None:
        stage = Provider()
        serve(stage, [request(LONG, i) for i in range(4)])
        assert (stage.times, len(stage.batches[0]), stage.led) == ([0.0], 4, [])

    def test_where_each_sample_is_a_call_the_first_one_leads(self) -> None:
        stage = Provider(max_n=1)
        serve(stage, [request(LONG, i) for i in range(4)])
        assert stage.times == [0.0, 0.25, 0.25, 0.25]

    def test_short_prefixes_need_none(self) -> None:
        stage = Provider()
        serve(stage, [request(f"{LONG[:7000]} {i}") for i in range(3)])
        assert stage.times == [0.0, 0.0, 0.0]

    @pytest.mark.parametrize(("later", "led"), [(200.0, [0]), (500.0, [0, 3])])
    def test_what_was_asked_within_five_minutes_is_still_there(self, later: float, led: list[int]) -> None:
        stage = Provider()
        starts = [0.0] * 3 + [later] * 3
        serve(stage, [request(f"{LONG} {i}") for i in range(6)], starts=starts)
        assert stage.led == led

    def test_what_was_asked_alone_is_there_too(self) -> None:
        stage = Provider()
        serve(stage, [request(f"{LONG} {i}") for i in range(3)], starts=[0.0, 2.0, 2.0])
        assert (stage.times, stage.led) == ([0.0, 2.0, 2.0], [])

    def test_those_that_share_more_have_a_lead_of_their_own(self) -> None:
        stage = Provider(max_n=1)
        asked = [request(LONG + text * 2000 + f" {i}") for text in ("more ", "else ") for i in range(3)]
        serve(stage, asked)
        assert stage.times == [0.0, 0.25, 0.25, 0.25, 0.5, 0.5]
        assert stage.led == [0, 3]

    @pytest.mark.parametrize("failures", [1, 2, 5])
    def test_if_one_fails_another_leads_and_then_all_go(self, failures: int) -> None:
        left = [ConnectionLost("gone") for _ in range(failures)]
        stage = Provider(lambda rng: 0.1, lambda rng: left.pop() if left else None, tells=False)
        texts, run = serve(stage, [request(f"{LONG} {i}") for i in range(4)])
        assert all(isinstance(text, str) for text in texts)
        assert stage.times[:2] == [0.0, 0.1]
        if failures > 1:
            assert stage.times[2:4] == [pytest.approx(0.2)] * 2, "two have failed: nobody waits any more"
        assert run.spent.calls == stage.samples

    def test_if_one_is_called_off_another_leads(self) -> None:
        stage = Provider(tells=False)
        texts, _ = serve(stage, [request(f"{LONG} {i}") for i in range(3)], leaves={0: 0.5})
        assert isinstance(texts[0], TimeoutError)
        assert stage.times == [0.0, 0.5, 1.5]
        assert stage.cancelled == 1

    def test_whoever_waits_for_one_may_leave(self) -> None:
        stage = Provider()
        texts, _ = serve(stage, [request(f"{LONG} {i}") for i in range(3)], leaves={1: 0.1})
        assert isinstance(texts[1], TimeoutError)
        assert stage.times == [0.0, 0.25]

    def test_texts_to_embed_need_none(self) -> None:
        stage, texts = Provider(max_n=1), (Message("user", LONG),)
        asked = [Request("e", "m", texts, Sampling(mode="embedding"), salt=str(i)) for i in range(3)]
        serve(stage, asked)
        assert (stage.times, stage.led) == ([0.0] * 3, [])

    def test_a_server_that_keeps_nothing_has_none(self) -> None:
        stage = Provider(prefix_cache=None)
        serve(stage, [request(f"{LONG} {i}") for i in range(3)])
        assert (stage.times, stage.led) == ([0.0] * 3, [])

    def test_the_engine_may_be_left_while_others_wait_for_one(self) -> None:
        stage = Provider(lambda rng: 100.0, tells=False)

        async def main() -> None:
            async with Engine({"e": expert()}, lambda _: stage, MemoryJournal()) as engine:
                seat = Seat(Scope("run", paid=True))
                tasks = [asyncio.create_task(engine.ask(request(f"{LONG} {i}"), seat)) for i in range(3)]
                await asyncio.sleep(1)
            await asyncio.wait(tasks)
            assert all(task.exception() for task in tasks)

        run_virtual(main())
        assert len(stage.batches) == 1


class TestMarks:
    DEAR = Price(3e-6, 15e-6, 0.3e-6, 3.75e-6)

    def test_only_what_others_share_is_marked_and_cut_alike(self) -> None:
        stage = Provider(prefix_cache=PrefixCache(marked=True))
        serve(stage, [request(f"{LONG} {i}") for i in range(3)] + [request(OTHER)], value=self.expert())
        (lead, lone, *followers) = stage.marks
        assert lone == ()
        assert [mark.end for mark in lead] == [8192, 12288, 16384]
        assert all(mark.kept for mark in lead)
        assert [[mark.end for mark in marks] for marks in followers] == [[8192, 12288, 16384]] * 2
        assert [[mark.kept for mark in marks] for marks in followers] == [[False, False, True]] * 2

    def test_nothing_is_marked_where_writing_costs_more_than_reading_saves(self) -> None:
        stage = Provider(prefix_cache=PrefixCache(marked=True))
        value = self.expert(Price(3e-6, 15e-6, 2.9e-6, 9e-6))
        serve(stage, [request(f"{LONG} {i}") for i in range(3)], value=value)
        assert (stage.marks, stage.led) == ([()] * 3, [])

    def test_after_leads_that_failed_and_calls_that_did_not_there_are_leads_again(self) -> None:
        left = [ConnectionLost("gone"), ConnectionLost("gone")]
        stage = Provider(
            lambda rng: 0.1,
            lambda rng: left.pop() if left else None,
            tells=False,
            prefix_cache=PrefixCache(marked=True),
        )
        asked = [request(f"{LONG} {i}") for i in range(8)]
        serve(stage, asked, value=self.expert(), starts=[0.0] * 4 + [100.0] * 4)
        assert stage.led[:2] == [0, 1]
        assert [marks != () for marks in stage.marks] == [True, True] + [False] * 4 + [True] * 4
        assert stage.led[2:] == [6]

    def test_what_was_asked_without_a_mark_is_not_there(self) -> None:
        stage = Provider(prefix_cache=PrefixCache(marked=True))
        serve(stage, [request(f"{LONG} {i}") for i in range(3)], value=self.expert(), starts=[0.0, 2.0, 2.0])
        assert (stage.times, stage.led) == ([0.0, 2.0, 2.25], [1])

    def test_a_lead_that_is_slow_makes_nobody_else_write_what_it_writes(self) -> None:
        seconds = iter([500.0])
        stage = Provider(lambda rng: next(seconds, 1.0), tells=False, prefix_cache=PrefixCache(marked=True))
        asked = [request(f"{LONG} {i}") for i in range(8)]
        serve(stage, asked, value=self.expert(), starts=[0.0] * 4 + [100.0] * 2 + [510.0] * 2)
        assert [any(mark.kept for mark in marks) for marks in stage.marks] == [True] + [False] * 3 + [True] * 4
        assert stage.led == [0, 4, 6]

    def test_what_took_minutes_to_answer_is_kept_from_when_it_was_asked(self) -> None:
        stage = Provider(lambda rng: 200.0 if len(stage.batches) == 1 else 1.0, prefix_cache=PrefixCache(marked=True))
        asked = [request(f"{LONG} {i}") for i in range(4)]
        serve(stage, asked, value=self.expert(), starts=[0.0, 0.0, 450.0, 450.0])
        assert stage.led == [0, 2]

    def expert(self, price: Price = DEAR) -> Expert:
        return Expert("e", "m", price=price)


def replies(stage: Stage, concurrency: int) -> list[object]:
    asked = [request(f"{text} {i}", s) for text in (LONG, OTHER, "short") for i in range(3) for s in range(2)]
    return serve(stage, asked, value=expert(concurrency=concurrency))[0]


@pytest.mark.parametrize("concurrency", [1, 3, 64])
@pytest.mark.parametrize("max_n", [1, 128])
def test_replies_are_the_same_with_leads_and_without(max_n: int, concurrency: int) -> None:
    assert replies(Provider(max_n=max_n), concurrency) == replies(Stage(max_n=max_n), concurrency)


def test_a_cap_that_admits_few_is_kept_and_nobody_waits_for_ever() -> None:
    stage, run = Provider(), Scope("run", paid=True)
    problem = Scope("p", Budget(calls=3), run)

    async def main() -> int:
        async with Engine({"e": expert()}, lambda _: stage, MemoryJournal()) as engine:
            asked = [engine.ask(request(f"{LONG} {i}"), Seat(problem)) for i in range(6)]
            return sum(not isinstance(r, Exception) for r in await asyncio.gather(*asked, return_exceptions=True))

    assert run_virtual(main())[0] == 3
    assert (problem.spent.calls, run.spent.calls, run.reserved.calls) == (3, 3, 0)
    assert run.spent.usd == pytest.approx(stage.billed.usd)
    assert PRICE.prompt > 0
