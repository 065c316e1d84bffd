"""How the double fails and what it refuses, seen by a plain HTTP client."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import pytest

from tests.double import Double
from tests.double.client import ask, texts, until


class TestFaults:
    @pytest.mark.parametrize(
        ("kind", "header"),
        [("429", "retry-after"), ("429-ms", "retry-after-ms"), ("429-date", "retry-after"), ("429-bare", None)],
    )
    async def test_rate_limits_speak_every_dialect(
        self, client: aiohttp.ClientSession, kind: str, header: str | None
    ) -> None:
        async with Double(faults={kind: 1}, retry_after=2) as double:
            status, headers, body = await ask(client, double)
            assert double.stats.billed.samples == 0
            assert double.stats.faults == {kind: 1}
        assert (status, body["error"]["code"]) == (429, "rate_limit_exceeded")
        assert [h for h in headers if h.startswith("retry-after")] == ([header] if header else [])
        if kind == "429-date":
            assert parsedate_to_datetime(headers["retry-after"]).tzinfo is not None
        elif header:
            assert headers[header] == {"429": "2", "429-ms": "2000"}[kind]

    @pytest.mark.parametrize(("kind", "samples"), [("500", 0), ("503", 0), ("502", 3), ("504", 3)])
    async def test_gateways_lose_what_was_generated(
        self, client: aiohttp.ClientSession, kind: str, samples: int
    ) -> None:
        async with Double(faults={kind: 1}) as double:
            status, _, body = await ask(client, double, n=3)
            assert (double.stats.lost.samples, double.stats.delivered.samples) == (samples, 0)
        assert (status, body["error"]["type"]) == (int(kind), "server_error")

    async def test_reset_is_a_reset_and_is_billed(self, client: aiohttp.ClientSession) -> None:
        async with Double(faults={"reset": 1}) as double:
            reader, writer = await asyncio.open_connection("127.0.0.1", double.port)
            raw = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}]}).encode()
            head = f"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: {len(raw)}\r\n\r\n"
            writer.write(head.encode() + raw)
            with pytest.raises(ConnectionResetError):
                await reader.read()
            writer.close()
            assert (double.stats.lost.samples, double.stats.client_aborts) == (1, 0)
            assert double.stats.lost.tokens > 12

    async def test_truncated_body_promises_more_than_it_sends(self, client: aiohttp.ClientSession) -> None:
        async with Double(faults={"truncated": 1}) as double:
            with pytest.raises(aiohttp.ClientPayloadError):
                await ask(client, double)
            assert (double.stats.lost.samples, double.stats.status) == (1, {"cut": 1})

    async def test_invalid_json_is_well_framed(self, client: aiohttp.ClientSession) -> None:
        async with Double(faults={"invalid_json": 1}) as double:
            with pytest.raises(json.JSONDecodeError):
                await ask(client, double)
            assert double.stats.lost.samples == 1

    async def test_wrong_shape_has_no_choice(self, client: aiohttp.ClientSession) -> None:
        async with Double(faults={"wrong_shape": 1}) as double:
            bodies = [(await ask(client, double, f"question {i}"))[2] for i in range(12)]
        assert all(not body.get("choices") for body in bodies)
        assert {"choices" in body for body in bodies} == {True, False}

    async def test_empty_content_is_billed(self, client: aiohttp.ClientSession) -> None:
        async with Double(faults={"empty": 1}) as double:
            _, _, body = await ask(client, double, n=2)
            assert double.stats.lost.samples == 2
            assert double.stats.lost.completion == body["usage"]["completion_tokens"] > 0
        assert texts(body) == ["", ""]

    async def test_one_empty_choice_is_billed_and_the_others_are_good(self, client: aiohttp.ClientSession) -> None:
        async with Double(faults={"one_empty": 1}) as double:
            _, _, body = await ask(client, double, n=3)
            assert (double.stats.delivered.samples, double.stats.lost.samples) == (2, 1)
            assert double.stats.billed.tokens == body["usage"]["total_tokens"]
            assert [bool(text) for text in texts(body)] == [True, True, False]
            assert texts((await ask(client, double))[2]) == [""]
            assert double.stats.delivered.samples == 2

    async def test_hang_lasts_until_the_client_leaves(self, client: aiohttp.ClientSession) -> None:
        async with Double(faults={"hang": 1}) as double:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await ask(client, double)
            await until(lambda: double.stats.client_aborts == 1)
            assert (double.stats.lost.samples, double.stats.in_flight) == (1, 0)

    async def test_hang_ends_in_a_reset(self, client: aiohttp.ClientSession) -> None:
        async with Double(faults={"hang": 1}, hang_s=0.02) as double:
            with pytest.raises(aiohttp.ClientConnectionError):
                await ask(client, double)
            assert double.stats.status["hang"] >= 1

    async def test_slow_body_arrives_whole(self, client: aiohttp.ClientSession) -> None:
        async with Double(faults={"slow": 1}, slow_s=0.05) as double:
            started = asyncio.get_running_loop().time()
            for _ in range(2):
                assert (await ask(client, double))[0] == 200
            assert asyncio.get_running_loop().time() - started >= 0.09
            assert (double.stats.delivered.samples, double.stats.faults["slow"]) == (2, 2)

    async def test_are_the_same_whatever_the_order(self, client: aiohttp.ClientSession) -> None:
        async def statuses(order: range) -> dict[int, list[int]]:
            async with Double(seed=3, faults={"500": 0.3, "429": 0.2}) as double:
                return {i: [(await ask(client, double, f"q{i}"))[0] for _ in range(4)] for i in order}

        forward, backward = await statuses(range(30)), await statuses(range(29, -1, -1))
        assert forward == backward
        drawn = Counter(status for row in forward.values() for status in row)
        assert 24 <= drawn[500] <= 48 > drawn[429] >= 12

    async def test_end_after_max_faults(self, client: aiohttp.ClientSession) -> None:
        async with Double(faults={"500": 1}, max_faults=2) as double:
            assert [(await ask(client, double))[0] for _ in range(4)] == [500, 500, 200, 200]

    async def test_storm_hits_a_window_of_requests(self, client: aiohttp.ClientSession) -> None:
        async with Double(storms=[(2, 3)], storm_fault="429") as double:
            assert [(await ask(client, double, f"q{i}"))[0] for i in range(7)] == [200, 200, 429, 429, 429, 200, 200]

    async def test_unknown_kind_is_an_error(self) -> None:
        with pytest.raises(ValueError, match="'resett'"):
            Double(faults={"resett": 1})


class TestRefusals:
    @pytest.mark.parametrize(
        ("param", "value", "code"),
        [
            ("temperature", 0.2, "unsupported_value"),
            ("stop", ["x"], "unsupported_parameter"),
            ("max_tokens", 9, "unsupported_parameter"),
            ("seed", 4, "unsupported_parameter"),
        ],
    )
    async def test_name_the_parameter(
        self, client: aiohttp.ClientSession, param: str, value: object, code: str
    ) -> None:
        body: dict[str, Any] = {param: value}
        async with Double(rejects={param}) as double:
            status, _, reply = await ask(client, double, **body)
            assert (status, reply["error"]["param"], reply["error"]["code"]) == (400, param, code)
            assert (await ask(client, double))[0] == 200
            assert double.stats.rejected == {param: 1}

    async def test_name_the_other_cap(self, client: aiohttp.ClientSession) -> None:
        async with Double(rejects={"max_tokens"}) as double:
            assert "'max_completion_tokens'" in (await ask(client, double, max_tokens=9))[2]["error"]["message"]
            assert (await ask(client, double, max_completion_tokens=9))[0] == 200

    async def test_system_messages(self, client: aiohttp.ClientSession) -> None:
        async with Double(rejects={"system"}) as double:
            status, _, body = await ask(client, double, messages=[{"role": "system", "content": "Be brief."}])
        assert (status, body["error"]["param"]) == (400, "messages[0].role")

    async def test_more_choices_than_served(self, client: aiohttp.ClientSession) -> None:
        async with Double(max_n=2) as fewer, Double(max_n=1, over_n="reject") as reject:
            assert len((await ask(client, fewer, n=5))[2]["choices"]) == 2
            assert (await ask(client, reject, n=2))[2]["error"]["param"] == "n"

    async def test_wrong_key(self, client: aiohttp.ClientSession) -> None:
        async with Double(api_key="right", echo_key=True) as double:
            body = {"model": "m", "messages": []}
            url = f"{double.base_url}/chat/completions"
            async with client.post(url, json=body, headers={"authorization": "Bearer wrong"}) as reply:
                assert (reply.status, "wrong" in await reply.text()) == (401, True)
            async with client.post(url, json=body, headers={"authorization": "Bearer right"}) as reply:
                assert reply.status == 200
            async with client.get(f"{double.base_url}/models") as reply:
                assert reply.status == 401

    async def test_unknown_model_when_strict(self, client: aiohttp.ClientSession) -> None:
        async with Double(models={"m": {}}, strict=True) as double:
            assert (await ask(client, double))[0] == 200
            status, _, body = await ask(client, double, model="other")
        assert (status, body["error"]["code"]) == (404, "model_not_found")

    async def test_context_window(self, client: aiohttp.ClientSession) -> None:
        async with Double(context=100) as double:
            assert (await ask(client, double, "x" * 40, max_tokens=80))[0] == 200
            status, _, body = await ask(client, double, "x" * 400, max_tokens=80)
        assert (status, body["error"]["code"]) == (400, "context_length_exceeded")

    async def test_requests_beyond_the_rate(self, client: aiohttp.ClientSession) -> None:
        async with Double(rpm=600, rpm_window=0.3) as double:
            replies = [await ask(client, double) for _ in range(4)]
            assert [status for status, _, _ in replies] == [200, 200, 200, 429]
            await asyncio.sleep(float(replies[3][1]["retry-after"]) + 0.01)
            assert (await ask(client, double))[0] == 200

    async def test_body_that_is_no_json(self, client: aiohttp.ClientSession) -> None:
        async with (
            Double() as double,
            client.post(f"{double.base_url}/chat/completions", data=b"{") as reply,
        ):
            assert reply.status == 400
