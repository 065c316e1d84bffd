"""Anthropic's message batches while they are out, and how they are found though nothing on them says whose they are."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from orchestrator.errors import (
    BadCompletion,
    BadRequest,
    ConnectionFailed,
    ConnectionLost,
    ContextTooLong,
    ExpertError,
    RateLimited,
    ServerBusy,
    UnknownModel,
    WrongKey,
)
from orchestrator.experts.batch import batch_backend, unsupported
from orchestrator.experts.batch_anthropic import MessageBatches, standing_of
from orchestrator.experts.batch_rehearsed import Rehearsed
from orchestrator.experts.capabilities import Capabilities
from orchestrator.types import BatchTerms, Expert, Undecided
from tests.double import Double, unused_url
from tests.experts.batch_anthropic import OLD, PRICE, expert, request, served
from tests.experts.batch_calls import TOKEN, results, sent
from tests.experts.serving import Canned


class TestOut:
    async def test_answers_cost_what_the_terms_say(self) -> None:
        asked = [request(f"What is {i} x 7?") for i in range(5)]
        async with served() as (_, batches):
            found = await results(batches, await sent(batches, asked), asked)
        for each in asked:
            response = found[each.key].response
            assert response is not None
            assert response.bill.usd == pytest.approx(PRICE.of(response.bill.prompt, response.bill.completion) / 2)

    async def test_requests_that_failed_say_how(self) -> None:
        asked = [request(f"q{i}") for i in range(40)]
        shares = dict.fromkeys(
            ("invalid_request_error", "overloaded_error", "api_error", "rate_limit_error", "request_too_large"), 0.15
        )
        async with served(messages={"faults": shares}) as (_, batches):
            found = await results(batches, await sent(batches, asked), asked)
        kinds = {type(found[each.key].error) for each in asked}
        assert kinds == {BadRequest, ServerBusy, RateLimited, ContextTooLong, type(None)}

    @pytest.mark.parametrize(("desk", "state"), [({"expires": [0]}, "expired"), ({"seconds": 60.0}, "cancelled")])
    async def test_what_was_not_done_has_no_result(self, desk: dict[str, Any], state: str) -> None:
        asked = [request(f"q{i}") for i in range(6)]
        async with served(messages=desk) as (_, batches):
            id_ = await sent(batches, asked)
            if state == "cancelled":
                assert not (await batches.look(id_)).ended
                await batches.cancel(id_)
            assert (await batches.look(id_)).state == state
            assert len(await results(batches, id_, asked)) == 3

    async def test_a_setting_that_is_refused_is_left_out_the_next_time(self) -> None:
        asked = [request(f"q{i}", temperature=0.5) for i in range(3)]
        async with served(rejects={"temperature"}) as (_, batches):
            found = await results(batches, await sent(batches, asked), asked)
            assert all(result.reshaped for result in found.values())
            found = await results(batches, await sent(batches, asked), asked)
            assert all(result.response is not None for result in found.values())
            assert all(result.response.dropped == ("temperature",) for result in found.values() if result.response)

    @pytest.mark.parametrize(
        ("desk", "kind"),
        [({"busy": [0]}, ServerBusy), ({"crowds": 0}, RateLimited), ({"size": 10}, ContextTooLong)],
        ids=["busy", "crowded", "large"],
    )
    async def test_a_batch_that_was_not_taken(self, desk: dict[str, Any], kind: type[ExpertError]) -> None:
        async with served(messages=desk) as (double, batches):
            with pytest.raises(kind) as raised:
                await sent(batches, [request()])
            assert raised.value.refunded
            assert double.message_desk is not None
            assert double.message_desk.made == []

    @pytest.mark.parametrize("fault", ["loses", "breaks"])
    async def test_where_nobody_knows_whether_it_was_taken_it_is_looked_for(self, fault: str) -> None:
        asked = [request(f"q{i}") for i in range(3)]
        async with served(messages={fault: [0]}) as (double, batches):
            with pytest.raises(ConnectionLost) as raised:
                await sent(batches, asked)
            assert not raised.value.refunded
            assert await batches.find(TOKEN, 3, time.time()) == "msgbatch_0"
            assert double.message_desk is not None
            assert double.message_desk.attempts == 1  # nothing was sent again behind our back

    async def test_a_batch_that_is_not_there_is_unknown(self) -> None:
        async with served() as (_, batches):
            with pytest.raises(UnknownModel):
                await batches.look("msgbatch_77")

    async def test_no_server_is_no_connection(self) -> None:
        batches = MessageBatches(expert(unused_url()))
        with pytest.raises(ConnectionFailed):
            await sent(batches, [request()])
        await batches.aclose()

    async def test_the_named_key_is_sent_and_no_other(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MY_KEY", "sk-ant-mine-123456")
        monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-theirs-123456")
        async with Double(messages={}, api_key="sk-ant-mine-123456", echo_key=True) as double:
            named = MessageBatches(expert(double.base_url, key_env="MY_KEY"))
            assert await sent(named, [request()]) == "msgbatch_0"
            plain = MessageBatches(expert(double.base_url))
            with pytest.raises(WrongKey) as raised:
                await sent(plain, [request()])
            assert "theirs" not in str(raised.value)
            for batches in (named, plain):
                await batches.aclose()

    async def test_a_redirect_is_not_followed(self, canned: Callable[..., Awaitable[Canned]]) -> None:
        elsewhere = await canned(200, {"id": "stolen"})
        server = await canned(307, "", {"location": f"{elsewhere.base_url}/messages/batches"})
        batches = MessageBatches(expert(server.base_url, headers={"X-Own": "secret"}))
        with pytest.raises(ExpertError, match="redirects to"):
            await sent(batches, [request()])
        await batches.aclose()
        assert server.heads[0]["x-own"] == "secret"
        assert elsewhere.paths == []


class TestFinding:
    """A list shows of a batch when it was made, and of how many requests; whose it is, only its results."""

    async def test_one_that_has_ended_is_known_by_its_results(self) -> None:
        async with served(messages={"page": 2}) as (double, batches):
            tokens = [f"{i:032}" for i in range(5)]
            names = [await sent(batches, [request(f"q{i}")], token) for i, token in enumerate(tokens)]
            fresh = MessageBatches(expert(double.base_url))
            assert [await fresh.find(token, 1, time.time()) for token in tokens] == names
            assert await fresh.find("f" * 32, 1, time.time()) is None
            await fresh.aclose()

    async def test_one_under_way_is_not_decided_until_it_has_ended(self) -> None:
        async with served(messages={"loses": [0], "lasting": [0]}) as (double, batches):
            with pytest.raises(ConnectionLost):
                await sent(batches, [request(f"q{i}") for i in range(3)])
            assert await batches.find(TOKEN, 3, time.time()) == Undecided(("msgbatch_0",))
            assert double.message_desk is not None
            double.message_desk.lasting = ()
            assert await batches.find(TOKEN, 3, time.time()) == "msgbatch_0"

    async def test_another_s_batches_are_not_ours(self) -> None:
        async with served() as (double, batches):
            assert double.message_desk is not None
            add = double.message_desk.add_stranger
            add(3, ended=True)
            add(4)
            add(3, hours=30)
            assert await batches.find(TOKEN, 3, time.time()) is None
            name = add(3)
            assert await batches.find(TOKEN, 3, time.time()) == Undecided((name,))

    async def test_those_that_are_known_by_name_are_no_other(self) -> None:
        async with served(messages={"lasting": [0]}) as (_, batches):
            await sent(batches, [request()])
            assert await batches.find("f" * 32, 1, time.time()) is None

    async def test_one_whose_results_are_not_kept_any_more_is_never_held_not_to_be_there(self) -> None:
        async with served() as (double, batches):
            name = await sent(batches, [request()])
            await batches.look(name)
            assert double.message_desk is not None
            double.message_desk.made[0].archived = True
            fresh = MessageBatches(expert(double.base_url))
            assert await fresh.find(TOKEN, 1, time.time()) == Undecided((name,))
            await fresh.aclose()

    async def test_a_list_that_cannot_be_read_says_nothing(self, canned: Callable[..., Awaitable[Canned]]) -> None:
        server = await canned(200, json.dumps({"data": [{"id": "b", "request_counts": {"succeeded": 1}}]}))
        batches = MessageBatches(expert(server.base_url))
        with pytest.raises(BadCompletion):
            await batches.find(TOKEN, 1, time.time())
        await batches.aclose()


def test_a_standing_that_cannot_be_read_is_no_standing() -> None:
    with pytest.raises(KeyError):
        standing_of({"id": "b"})


def test_experts_of_anthropic_are_asked_so() -> None:
    assert unsupported(Expert("e", OLD)) == ""
    assert isinstance(batch_backend(Expert("e", "claude-sonnet-4-5", batch=BatchTerms())), MessageBatches)


async def test_batches_that_are_written_together_go_over_the_same_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Rehearsed] = []
    together = threading.Barrier(2, timeout=0.3)

    class Counted(Rehearsed):
        def __init__(self, expert: Expert, capabilities: Capabilities) -> None:
            made.append(self)
            with suppress(threading.BrokenBarrierError):
                together.wait()
            super().__init__(expert, capabilities)

    monkeypatch.setattr("orchestrator.experts.batch_anthropic.Rehearsed", Counted)
    async with served() as (_, batches):
        await asyncio.gather(*(sent(batches, [request(f"q{i}")], f"{i:032}") for i in range(2)))
    assert len(made) == 1
