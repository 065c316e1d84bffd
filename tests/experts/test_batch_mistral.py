"""Mistral's batch jobs: their lines are what litellm sends one by one, and they are found by their metadata."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from orchestrator.errors import BadRequest, ExpertError, ServerBusy, WrongKey
from orchestrator.experts.batch import ProviderBatches, batch_backend
from orchestrator.experts.litellm import LiteLLMBackend
from orchestrator.types import BatchTerms, Expert, Message, Price, Request
from tests.double import Double
from tests.experts.batch_calls import TOKEN, results, sent
from tests.experts.serving import Canned
from tests.experts.serving import request as any_request

PRICE = Price(1e-6, 4e-6)
MODEL = "mistral/mistral-small-latest"


def request(text: str = "What is 6 x 7?", **fields: Any) -> Request:
    return any_request(text, model=MODEL, **fields)


def expert(base: str, **fields: Any) -> Expert:
    return Expert("e", MODEL, api_base=base, price=PRICE, batch=BatchTerms("36h"), timeout=20, **fields).by_batch


@asynccontextmanager
async def served(**settings: Any) -> AsyncIterator[tuple[Double, ProviderBatches]]:
    desk = settings.pop("jobs", {})
    async with Double(jobs=desk, **settings) as double:
        batches = batch_backend(expert(double.base_url))
        assert isinstance(batches, ProviderBatches)
        try:
            yield double, batches
        finally:
            await batches.aclose()


TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}


@pytest.mark.parametrize(
    "asked",
    [
        request(temperature=0.3, top_p=0.9, stop=("END",), seed=5),
        request(messages=(Message("system", "Be brief."), Message("user", "Hm?")), tools=(TOOL,)),
        request(response_format={"type": "json_object"}, extra_body={"safe_prompt": True}),
    ],
    ids=["sampled", "tools", "json"],
)
async def test_a_request_is_in_a_job_as_it_would_be_sent_at_once(asked: Request) -> None:
    async with served(keep_bodies=True) as (double, batches):
        live = LiteLLMBackend(expert(double.base_url))
        await live.complete([asked])
        await live.aclose()
        await sent(batches, [asked])
        assert double.desk is not None
        (line,) = double.desk._lines(double.desk.made[0])
        assert double.desk.made[0].window == "36h"
    assert line["custom_id"] == asked.key.hex()
    assert line["body"] == double.requests[0].body


async def test_an_answer_is_read_as_that_of_a_call_at_once(canned: Callable[..., Awaitable[Canned]]) -> None:
    """This one comes in pieces of its own, with the thoughts before the text."""
    asked = request()
    content = [{"type": "thinking", "thinking": [{"type": "text", "text": "6 x 7"}]}, {"type": "text", "text": "42"}]
    said = {
        "id": "c", "object": "chat.completion", "created": 0, "model": "mistral-small",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14},
    }  # fmt: skip
    server = await canned(200, json.dumps(said))
    live = LiteLLMBackend(expert(server.base_url))
    at_once = await live.complete([asked])
    await live.aclose()
    async with served() as (double, batches):
        id_ = await sent(batches, [asked])
        standing = await batches.look(id_)
        assert double.desk is not None
        line = {"custom_id": asked.key.hex(), "error": None, "response": {"status_code": 200, "body": said}}
        double.desk.files[standing.files[0]] = json.dumps(line).encode()
        (result,) = await batches.results(standing, {asked.key: asked})
    assert result.response == at_once
    assert at_once.completions[0].reasoning == "6 x 7"


async def test_answers_cost_what_the_terms_say() -> None:
    asked = [request(f"What is {i} x 7?") for i in range(5)]
    async with served() as (_, batches):
        found = await results(batches, await sent(batches, asked), asked)
    for each in asked:
        response = found[each.key].response
        assert response is not None
        assert response.bill.usd == pytest.approx(PRICE.of(response.bill.prompt, response.bill.completion) / 2)


async def test_a_job_is_found_by_its_token_on_a_later_page() -> None:
    async with served(jobs={"page": 2, "seconds": 60.0}) as (_, batches):
        names = [await sent(batches, [request(f"q{i}")], f"token {i}") for i in range(5)]
        assert [await batches.find(f"token {i}") for i in range(5)] == names
        assert await batches.find("another") is None


@pytest.mark.parametrize(("desk", "state"), [({"expires": [0]}, "expired"), ({"seconds": 60.0}, "cancelled")])
async def test_what_was_not_done_has_no_result(desk: dict[str, Any], state: str) -> None:
    asked = [request(f"q{i}") for i in range(6)]
    async with served(jobs=desk) as (_, batches):
        id_ = await sent(batches, asked)
        if state == "cancelled":
            assert not (await batches.look(id_)).ended
            await batches.cancel(id_)
        assert (await batches.look(id_)).state == state
        assert len(await results(batches, id_, asked)) == 3


async def test_a_job_that_is_refused_as_a_whole_says_why() -> None:
    async with served(jobs={"fails": [0]}) as (_, batches):
        standing = await batches.look(await sent(batches, [request()]))
    assert (standing.state, standing.ended, standing.reason) == ("failed", True, "The file does not hold.")


async def test_lines_that_failed_say_how_and_settings_are_left_out() -> None:
    asked = [request(f"q{i}", temperature=0.5) for i in range(20)]
    async with served(jobs={"faults": {"500": 0.3}}, rejects={"temperature"}) as (_, batches):
        found = await results(batches, await sent(batches, asked), asked)
        assert {type(result.error) for result in found.values()} == {ServerBusy, BadRequest}
        assert all(result.reshaped for result in found.values() if isinstance(result.error, BadRequest))
        again = await results(batches, await sent(batches, asked), asked)
        assert {result.response.dropped for result in again.values() if result.response} == {("temperature",)}


async def test_where_the_answer_is_lost_nobody_knows_until_it_is_looked_for() -> None:
    async with served(jobs={"loses": [0]}) as (double, batches):
        with pytest.raises(ExpertError) as raised:
            await sent(batches, [request()], "lost")
        assert not raised.value.refunded
        assert await batches.find("lost") == "batch_0"
        assert double.desk is not None
        assert double.desk.attempts == 1


async def test_the_named_key_is_sent_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "mine-123456")
    monkeypatch.setenv("MISTRAL_API_KEY", "theirs-123456")
    async with Double(jobs={}, api_key="mine-123456", echo_key=True) as double:
        named = batch_backend(expert(double.base_url, key_env="MY_KEY"))
        assert isinstance(named, ProviderBatches)
        assert await sent(named, [request()]) == "batch_0"
        plain = batch_backend(expert(double.base_url))
        assert isinstance(plain, ProviderBatches)
        with pytest.raises(WrongKey) as raised:
            await sent(plain, [request()])
        assert "theirs" not in str(raised.value)
        for batches in (named, plain):
            await batches.aclose()


async def test_a_failure_told_as_a_success_keeps_no_other_line_from_being_read() -> None:
    asked = [request(f"q{i}") for i in range(3)]
    async with served() as (double, batches):
        id_ = await sent(batches, asked)
        standing = await batches.look(id_)
        assert double.desk is not None
        good, bad, *_ = double.desk.files[standing.files[0]].splitlines()
        odd = {**json.loads(bad), "response": {"status_code": 200, "body": {"error": {"message": "Out of order."}}}}
        double.desk.files[standing.files[0]] = good + b"\n" + json.dumps(odd).encode()
        found = await batches.results(standing, {each.key: each for each in asked})
    assert [type(result.error) for result in found] == [type(None), BadRequest]


async def test_what_is_no_chat_is_asked_for_as_the_chat_that_it_becomes() -> None:
    asked = request(mode="completion")
    async with served() as (double, batches):
        lines = [batches.line(asked)]
        id_ = await batches.submit(lines, "completion", TOKEN)
        assert (await results(batches, id_, [asked]))[asked.key].response is not None
        assert double.desk is not None
        assert double.desk.made[0].endpoint == "/v1/chat/completions"
