"""What the double answers, seen by a plain HTTP client."""

from __future__ import annotations

import base64
import struct
from collections import Counter

import aiohttp
import pytest

from tests.double import Double
from tests.double.client import ask, streamed, texts


class TestAnswers:
    async def test_depend_on_content_only(self, client: aiohttp.ClientSession) -> None:
        async with Double(answers={"42": 0.6, "41": 0.4}) as one, Double(answers={"42": 0.6, "41": 0.4}) as other:
            _, _, four = await ask(client, one, n=4)
            _, _, again = await ask(client, other, n=2, temperature=0.3)
            assert texts(four)[:2] == texts(again)
            assert len(set(texts(four))) == 4

    async def test_follow_the_request_seed(self, client: aiohttp.ClientSession) -> None:
        async with Double(answers={"42": 0.6, "41": 0.4}) as double:
            replies = [texts((await ask(client, double, seed=s))[2])[0] for s in (1, 2, 1, 3, 2)]
        assert replies[0] == replies[2]
        assert replies[1] == replies[4]
        assert len(set(replies)) == 3

    async def test_are_drawn_by_weight_and_majorities_differ_between_problems(
        self, client: aiohttp.ClientSession
    ) -> None:
        leaders = Counter[str]()
        async with Double(answers={"42": 0.6, "41": 0.3, "40": 0.1}) as double:
            for problem in range(24):
                _, _, body = await ask(client, double, f"problem {problem}", n=200)
                votes = Counter(text.rsplit(" ", 1)[1].rstrip(".") for text in texts(body))
                (leader, most), (_, second), (_, least) = votes.most_common()
                assert 90 <= most <= 150 > second > least
                leaders[leader] += 1
        assert set(leaders) == {"42", "41", "40"}

    async def test_keep_one_majority_when_not_permuted(self, client: aiohttp.ClientSession) -> None:
        async with Double(answers={"41": 0.2, "42": 0.8}, permute=False) as double:
            for problem in range(5):
                votes = Counter(texts((await ask(client, double, f"problem {problem}", n=60))[2]))
                assert sum(count for text, count in votes.items() if text.endswith("is 42.")) > 36

    async def test_come_from_the_first_rule_that_matches(self, client: aiohttp.ClientSession) -> None:
        rules = {r"is (\d+) even": "{1}? Sample {i}, {x}.", "plan": ["plan A", "plan B"]}
        async with Double(rules=rules) as double:
            assert texts((await ask(client, double, "is 12 even, what is your plan", n=2))[2]) == [
                "12? Sample 0, {x}.",
                "12? Sample 1, {x}.",
            ]
            drawn = Counter(texts((await ask(client, double, "a plan", n=40))[2]))
        assert set(drawn) == {"plan A", "plan B"}
        assert min(drawn.values()) >= 8

    async def test_continue_their_samples_on_repeats_when_asked_to(self, client: aiohttp.ClientSession) -> None:
        async with Double(rules={".": "{i}"}, vary_repeats=True) as double:
            assert [texts((await ask(client, double, n=n))[2]) for n in (2, 1, 2)] == [["0", "1"], ["2"], ["3", "4"]]
            assert texts((await ask(client, double, "another", n=2))[2]) == ["0", "1"]

    async def test_that_were_not_delivered_are_generated_again(self, client: aiohttp.ClientSession) -> None:
        async with Double(rules={".": "{i}"}, vary_repeats=True, storms=[(0, 1), (2, 1)], storm_fault="502") as double:
            bodies = [(await ask(client, double, n=n))[2] for n in (4, 1, 3, 3)]
            assert double.stats.asked == 11
        assert [texts(body) if "choices" in body else None for body in bodies] == [None, ["0"], None, ["1", "2", "3"]]

    async def test_are_cut_by_stop_and_cap(self, client: aiohttp.ClientSession) -> None:
        async with Double(rules={".": "one two three four"}) as double:
            stopped = (await ask(client, double, stop=["three"]))[2]
            capped = (await ask(client, double, max_tokens=2))[2]
            renamed = (await ask(client, double, max_completion_tokens=4))[2]
            assert double.stats.truncated == 1
        assert (texts(stopped), stopped["choices"][0]["finish_reason"]) == (["one two "], "stop")
        assert (texts(capped), capped["choices"][0]["finish_reason"]) == (["one two"], "length")
        assert (texts(renamed), renamed["choices"][0]["finish_reason"]) == (["one two three four"], "stop")
        assert capped["usage"] == {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}

    async def test_carry_alternatives_on_request(self, client: aiohttp.ClientSession) -> None:
        async with Double(rules={".": "yes no"}) as double:
            body = (await ask(client, double, logprobs=True, top_logprobs=3))[2]
        for token in body["choices"][0]["logprobs"]["content"]:
            found = [(t["token"], t["logprob"]) for t in token["top_logprobs"]]
            assert len(dict(found)) == 3
            assert found[0] == (token["token"], token["logprob"])
            assert found == sorted(found, key=lambda pair: -pair[1])

    async def test_carry_log_probabilities_on_request(self, client: aiohttp.ClientSession) -> None:
        async with Double(rules={".": "yes no"}) as double:
            tokens = (await ask(client, double, logprobs=True))[2]["choices"][0]["logprobs"]["content"]
        assert [t["token"] for t in tokens] == ["yes", " no"]
        assert all(-2 < t["logprob"] <= 0 for t in tokens)


class TestOtherEndpoints:
    async def test_completion_has_text_choices(self, client: aiohttp.ClientSession) -> None:
        async with Double(rules={"^Q:": "yes {i}"}) as double:
            body = {"model": "base", "prompt": "Q: really?", "n": 2, "max_tokens": 9}
            async with client.post(f"{double.base_url}/completions", json=body) as reply:
                answer = await reply.json()
        assert [c["text"] for c in answer["choices"]] == ["yes 0", "yes 1"]
        assert answer["object"] == "text_completion"

    async def test_embeddings_of_shared_words_lie_closer(self, client: aiohttp.ClientSession) -> None:
        async with Double() as double:
            url, inputs = f"{double.base_url}/embeddings", ["a red fox", "a red fox runs", "quantum tunnelling"]
            async with client.post(url, json={"model": "e", "input": inputs}) as reply:
                a, b, c = (item["embedding"] for item in (await reply.json())["data"])
            body = {"model": "e", "input": "a red fox", "encoding_format": "base64"}
            async with client.post(url, json=body) as reply:
                packed = base64.b64decode((await reply.json())["data"][0]["embedding"])
        assert struct.unpack("<64f", packed) == pytest.approx(a, abs=1e-6)
        assert sum(x * x for x in a) == pytest.approx(1)
        assert sum(x * y for x, y in zip(a, b, strict=True)) > 0.7 > sum(x * y for x, y in zip(a, c, strict=True)) + 0.3

    async def test_models_are_those_configured_and_seen(self, client: aiohttp.ClientSession) -> None:
        async with Double(models={"small": {}}) as double:
            await ask(client, double)
            async with client.get(f"{double.base_url}/models") as reply:
                assert [m["id"] for m in (await reply.json())["data"]] == ["small", "m"]

    async def test_streams_are_refused_where_they_are_not_taken(self, client: aiohttp.ClientSession) -> None:
        async with Double(rejects=["stream"]) as double:
            assert (await ask(client, double, stream=True))[2]["error"]["param"] == "stream"

    async def test_a_streamed_answer_is_the_same_in_pieces(self, client: aiohttp.ClientSession) -> None:
        async with Double(reasoning=(0, 9), show_reasoning="field") as double:
            whole = (await ask(client, double))[2]
            pieces, ended = await streamed(client, double)
            deltas = [piece["choices"][0]["delta"] for piece in pieces if piece["choices"]]
            message = whole["choices"][0]["message"]
            for name in ("content", "reasoning_content"):
                assert "".join(delta.get(name, "") for delta in deltas) == message[name]
            assert (pieces[-1]["usage"], ended) == (whole["usage"], True)
            assert double.stats.delivered.samples == 2

    async def test_a_stream_that_is_cut_has_no_end(self, client: aiohttp.ClientSession) -> None:
        async with Double(faults={"truncated": 1}) as double:
            with pytest.raises(aiohttp.ClientPayloadError):
                await streamed(client, double)

    async def test_unknown_paths_are_refused(self, client: aiohttp.ClientSession) -> None:
        async with Double() as double, client.post(f"{double.base_url}/images", json={}) as reply:
            assert reply.status == 404


class TestHiddenReasoning:
    async def test_belongs_to_the_mode_rejecting_beside_settings_that_are_refused(
        self, client: aiohttp.ClientSession
    ) -> None:
        async with Double(mode="rejecting", answers={"42": 1}) as double:
            for body, param in (
                ({"temperature": 0.5}, "temperature"),
                ({"stop": ["x"]}, "stop"),
                ({"max_tokens": 9}, "max_tokens"),
            ):
                status, _, reply = await ask(client, double, **body)
                assert (status, reply["error"]["param"]) == (400, param)
            bodies = [(await ask(client, double, f"q{i}", max_completion_tokens=300))[2] for i in range(40)]
        eaten = [body["choices"][0]["finish_reason"] == "length" for body in bodies]
        assert 4 <= sum(eaten) <= 20
        for body, all_gone in zip(bodies, eaten, strict=True):
            hidden = body["usage"]["completion_tokens_details"]["reasoning_tokens"]
            assert 100 <= hidden <= body["usage"]["completion_tokens"] <= 300
            assert (texts(body) == [""]) == all_gone == (hidden == 300)

    async def test_is_billed_and_sometimes_eats_the_cap(self, client: aiohttp.ClientSession) -> None:
        outcomes: dict[int, list[bool]] = {}
        async with Double(reasoning=(0.4, 100), answers={"42": 1}) as double:
            for cap in (400, 4000):
                bodies = [(await ask(client, double, f"q{i}", max_tokens=cap))[2] for i in range(40)]
                outcomes[cap] = [body["choices"][0]["finish_reason"] == "length" for body in bodies]
                for body, eaten in zip(bodies, outcomes[cap], strict=True):
                    usage = body["usage"]
                    hidden = usage["completion_tokens_details"]["reasoning_tokens"]
                    assert usage["completion_tokens"] == hidden + len(texts(body)[0].split()) <= cap
                    assert (hidden == cap, texts(body) == [""]) == (eaten, eaten)
            assert double.stats.delivered.reasoning > 0
        assert 8 <= sum(outcomes[400]) <= 24
        assert 0 < sum(outcomes[4000]) < sum(outcomes[400])
        assert all(small or not large for small, large in zip(outcomes[400], outcomes[4000], strict=True))

    async def test_is_shown_in_a_field_or_in_tags(self, client: aiohttp.ClientSession) -> None:
        thinking = {"share": 0, "tokens": 20}
        async with (
            Double(rules={".": "yes"}, reasoning=thinking, show_reasoning="field") as field,
            Double(rules={".": "yes"}, reasoning=thinking, show_reasoning="think") as think,
        ):
            message = (await ask(client, field))[2]["choices"][0]["message"]
            tagged = texts((await ask(client, think))[2])[0]
        assert (message["content"], 10 <= len(message["reasoning_content"].split()) <= 20) == ("yes", True)
        assert tagged.startswith("<think>")
        assert tagged.endswith("</think>\nyes")
