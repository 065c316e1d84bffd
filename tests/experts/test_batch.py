"""Batches over HTTP: both ways to a provider, and what becomes of each line."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.errors import BadCompletion, BadRequest, ConnectionFailed, ExpertError, ServerBusy, UnknownModel
from orchestrator.experts.batch import ProviderBatches, standing_of, unsupported
from orchestrator.experts.batch_form import OpenAIForm
from orchestrator.types import BatchTerms, Expert, Price, Request
from tests.double import Double, unused_url
from tests.experts.batch_calls import results, sent
from tests.experts.serving import Canned, request

WAYS = ("direct", "litellm")
PRICE = Price(1e-6, 4e-6)


def expert(base: str | None, client: str = "direct", **fields: Any) -> Expert:
    return Expert(
        "e", "openai/m", client=client, api_base=base, price=PRICE, batch=BatchTerms(), timeout=20, **fields
    ).by_batch


@asynccontextmanager
async def served(way: str, **settings: Any) -> AsyncIterator[tuple[Double, ProviderBatches]]:
    desk = settings.pop("batches", {})
    async with Double(batches=desk, **settings) as double:
        batches = ProviderBatches(expert(double.base_url, way))
        try:
            yield double, batches
        finally:
            await batches.aclose()


@pytest.mark.parametrize("way", WAYS)
class TestBothWays:
    async def test_a_batch_is_answered_as_calls_at_once_are(self, way: str) -> None:
        asked = [request(f"What is {i} x 7?") for i in range(5)]
        async with served(way) as (double, batches):
            found = await results(batches, await sent(batches, asked), asked)
            at_once = [double._by_batch("/v1/chat/completions", _body(each)) for each in asked]
        for each, plan in zip(asked, at_once, strict=True):
            response = found[each.key].response
            assert response is not None
            assert response.completions[0].text == plan.body["choices"][0]["message"]["content"]
            assert response.bill.usd == pytest.approx(PRICE.of(response.bill.prompt, response.bill.completion) / 2)

    async def test_a_batch_is_found_by_its_token_on_a_later_page(self, way: str) -> None:
        async with served(way, batches={"page": 2, "seconds": 60.0}) as (_, batches):
            names = [await sent(batches, [request(f"q{i}")], f"token {i}") for i in range(5)]
            assert [await batches.find(f"token {i}") for i in range(5)] == names
            assert await batches.find("another") is None

    async def test_lines_that_failed_say_how(self, way: str) -> None:
        asked = [request(f"q{i}") for i in range(40)]
        async with served(way, batches={"faults": {"500": 0.3, "400": 0.2}}) as (_, batches):
            found = await results(batches, await sent(batches, asked), asked)
        kinds = [type(found[each.key].error) for each in asked]
        assert {ServerBusy, BadRequest, type(None)} == set(kinds)
        assert all(found[each.key].response is not None for each, kind in zip(asked, kinds, strict=True) if not kind)

    async def test_what_an_expired_batch_did_not_do_has_no_result(self, way: str) -> None:
        asked = [request(f"q{i}") for i in range(6)]
        async with served(way, batches={"expires": [0]}) as (_, batches):
            id_ = await sent(batches, asked)
            assert (await batches.look(id_)).state == "expired"
            assert len(await results(batches, id_, asked)) == 3

    async def test_a_cancelled_batch_gives_what_it_had(self, way: str) -> None:
        asked = [request(f"q{i}") for i in range(6)]
        async with served(way, batches={"seconds": 60.0}) as (_, batches):
            id_ = await sent(batches, asked)
            assert not (await batches.look(id_)).ended
            await batches.cancel(id_)
            assert len(await results(batches, id_, asked)) == 3

    async def test_a_setting_that_is_refused_is_left_out_the_next_time(self, way: str) -> None:
        asked = [request(f"q{i}", temperature=0.5) for i in range(3)]
        async with served(way, rejects={"temperature", "max_tokens"}) as (_, batches):
            for _ in range(2):
                found = await results(batches, await sent(batches, asked), asked)
                assert all(result.reshaped for result in found.values())
            found = await results(batches, await sent(batches, asked), asked)
            assert all(result.response is not None for result in found.values())

    async def test_a_busy_provider_has_taken_nothing(self, way: str) -> None:
        async with served(way, batches={"busy": [0]}) as (double, batches):
            with pytest.raises(ServerBusy):
                await sent(batches, [request()])
            assert double.desk is not None
            assert double.desk.made == []

    async def test_where_the_answer_is_lost_nobody_knows_until_it_is_looked_for(self, way: str) -> None:
        async with served(way, batches={"loses": [0]}) as (double, batches):
            with pytest.raises(ExpertError) as raised:
                await sent(batches, [request()], "lost")
            assert not raised.value.refunded
            assert await batches.find("lost") == "batch_0"
            assert double.desk is not None
            assert double.desk.attempts == 1  # nothing was sent again behind our back

    async def test_a_batch_that_is_not_there_is_unknown(self, way: str) -> None:
        async with served(way) as (_, batches):
            with pytest.raises(UnknownModel):
                await batches.look("batch_77")

    async def test_no_server_is_no_connection(self, way: str) -> None:
        batches = ProviderBatches(expert(unused_url(), way))
        with pytest.raises(ConnectionFailed):
            await sent(batches, [request()])
        await batches.aclose()

    async def test_the_named_key_is_sent_and_no_other(self, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MY_KEY", "sk-mine-123456")
        monkeypatch.setenv("OPENAI_API_KEY", "sk-theirs-123456")
        async with Double(batches={}, api_key="sk-mine-123456", echo_key=True) as double:
            named = ProviderBatches(expert(double.base_url, way, key_env="MY_KEY"))
            assert await sent(named, [request()]) == "batch_0"
            plain = ProviderBatches(expert(double.base_url, way))
            with pytest.raises(ExpertError) as raised:
                await sent(plain, [request()])
            assert "theirs" not in str(raised.value)
            for batches in (named, plain):
                await batches.aclose()


@pytest.mark.parametrize("way", WAYS)
async def test_a_redirect_is_not_followed(way: str, canned: Callable[..., Awaitable[Canned]]) -> None:
    """Neither the file nor a header of the user's goes to another host."""
    elsewhere = await canned(200, {"id": "stolen"})
    server = await canned(307, "", {"location": f"{elsewhere.base_url}/files"})
    batches = ProviderBatches(expert(server.base_url, way, headers={"X-Own": "secret"}))
    with pytest.raises(ExpertError, match="redirects to"):
        await sent(batches, [request()])
    await batches.aclose()
    assert elsewhere.paths == []


@pytest.mark.parametrize("way", WAYS)
async def test_who_pays_at_openai_is_told_to_nobody_else(
    way: str, canned: Callable[..., Awaitable[Canned]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-mine")
    server = await canned(200, {"id": "file", "object": "file"})
    batches = ProviderBatches(expert(server.base_url, way))
    with suppress(ExpertError):
        await sent(batches, [request()])
    await batches.aclose()
    assert server.heads
    assert not any("org-mine" in str(head) for head in server.heads)


async def test_an_answer_without_text_is_billed_all_the_same() -> None:
    asked = [request("q")]
    async with served("direct", faults={"empty": 1.0}) as (double, batches):
        found = await results(batches, await sent(batches, asked), asked)
        result = found[asked[0].key]
    assert result.response is None
    assert result.bill.completion == double.stats.billed.completion > 0


def test_terms_that_do_not_hold_are_refused() -> None:
    with pytest.raises(ValueError, match="such as 24h"):
        BatchTerms(window="soon")
    assert BatchTerms(window="2d").seconds == 172_800


def test_too_much_waiting_is_told_from_a_file_that_does_not_hold() -> None:
    raw = {"id": "b", "status": "failed", "errors": {"data": [{"code": "token_limit_exceeded", "message": "full"}]}}
    assert standing_of(raw).full
    assert not standing_of({**raw, "errors": {"data": [{"code": "invalid", "message": "no"}]}}).full


@pytest.mark.parametrize(
    ("model", "fields", "works"),
    [
        ("openai/gpt-4o-mini", {}, True),
        ("gpt-4o-mini", {}, True),
        ("azure/mine", {}, True),
        ("openai/m", {"api_base": "http://127.0.0.1:1/v1"}, True),
        ("openai/m", {"api_base": "https://example.com/v1"}, True),
        ("anthropic/claude-3-5-haiku-latest", {}, True),
        ("gemini/gemini-2.5-flash", {}, False),
        ("ollama_chat/qwen3:8b", {}, False),
        ("sim:ada", {"client": "sim"}, False),
    ],
    ids=lambda value: str(value),
)
def test_who_can_be_asked_by_batch(model: str, fields: dict[str, Any], works: bool) -> None:
    assert (unsupported(Expert("e", model, **fields)) == "") is works


def _body(asked: Request) -> dict[str, Any]:
    return {
        "model": "m",
        "messages": [message.to_json() for message in asked.messages],
        "max_tokens": asked.sampling.max_tokens,
    }


def test_a_batch_expert_costs_what_its_terms_say() -> None:
    plain = Expert("e", "m", price=Price(2.0, 4.0, 1.0))
    assert plain.by_batch is plain
    assert replace(plain, batch=BatchTerms(price=0.25)).by_batch.price == Price(0.5, 1.0, 0.25)


async def test_a_provider_of_its_own_gets_the_model_s_bare_name(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Double(batches={}, api_key="sk-own-123456") as double:
        monkeypatch.setenv("OPENAI_BASE_URL", double.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-own-123456")
        batches = ProviderBatches(Expert("o", "openai/gpt-4o-mini", price=PRICE, batch=BatchTerms()))
        asked = [request("q")]
        found = await results(batches, await sent(batches, asked), asked)
        await batches.aclose()
        assert found[asked[0].key].response is not None
        assert list(double.stats.models) == ["gpt-4o-mini"]
        assert created_once(double)


def created_once(double: Double) -> bool:
    """Whether one batch was created, by one attempt."""
    return double.desk is not None and (double.desk.attempts, len(double.desk.made)) == (1, 1)


class Odd(OpenAIForm):
    """A server of another maker, which puts anything into its answers."""

    def __init__(self, said: Any) -> None:
        self.said = said

    async def upload(self, name: str, data: bytes) -> str:
        return "file"

    async def create(self, *asked: Any) -> Any:
        return self.said

    async def retrieve(self, id_: str) -> Any:
        return self.said

    async def page(self, after: str | None) -> Any:
        return {"data": [self.said], "has_more": True}


class TestOddAnswers:
    """Each is a failure that is told, after which the batch is looked for; none is a crash that leaves it behind."""

    def of(self, said: Any) -> ProviderBatches:
        batches = ProviderBatches(expert("http://127.0.0.1:1/v1"))
        batches._endpoint = Odd(said)  # type: ignore[assignment]
        return batches

    @pytest.mark.parametrize("said", [{}, {"id": None}, {"id": ""}], ids=["nothing", "null", "empty"])
    async def test_a_batch_without_a_name_was_sent_all_the_same(self, said: Any) -> None:
        with pytest.raises(BadCompletion) as raised:
            await self.of(said).submit([b"{}"], "chat", "t")
        assert not raised.value.refunded

    @pytest.mark.parametrize(
        "more",
        [{"request_counts": {"completed": "many"}}, {"errors": {"data": {"code": 1}}}],
        ids=["counts", "errors"],
    )
    async def test_a_standing_that_cannot_be_read_is_asked_for_again(self, more: dict[str, Any]) -> None:
        with pytest.raises(BadCompletion) as raised:
            await self.of({"id": "b", "status": "failed", **more}).look("b")
        assert raised.value.retried

    async def test_a_web_page_says_where_to_look(self) -> None:
        async with Canned(200, "<html><title>Hello</title></html>") as server:
            batches = ProviderBatches(expert(server.base_url))
            with pytest.raises(BadCompletion, match=r"web page \(Hello\), not with JSON; is api_base right"):
                await batches.look("b")
            await batches.aclose()

    async def test_a_list_that_does_not_end_does_not_say_that_a_batch_is_not_there(self) -> None:
        with pytest.raises(BadCompletion, match="does not end"):
            await self.of({"id": "b", "metadata": ["odd"]}).find("t")
