"""What experts behind a server promise, over loopback: through the real litellm, and without it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from orchestrator.errors import BadCompletion, BadRequest, ContextTooLong, ExpertTimeout
from orchestrator.experts.network import NetworkBackend
from orchestrator.types import Message, Price
from tests.double import Double
from tests.double.client import until
from tests.double.replies import logprobs
from tests.experts.serving import Canned, batch, completion, request

Doubles = Callable[..., Awaitable[Double]]
Cans = Callable[..., Awaitable[Canned]]
Serve = Callable[..., NetworkBackend]
TOOL = {
    "type": "function",
    "function": {"name": "f", "strict": True, "parameters": {"type": "object", "additionalProperties": False}},
}


async def test_an_answer_comes_back_with_its_tokens_model_and_fingerprint(double: Doubles, served: Serve) -> None:
    server = await double(answers={"42": 1})
    backend = served(server.base_url, price=Price(1e-6, 2e-6))
    response = await backend.complete([request()])
    (reply,) = response.completions
    assert reply.text.endswith("The answer is 42.")
    assert (reply.model, reply.fingerprint, reply.finish, reply.expert) == ("m", "fp_double", "stop", "e")
    tally = server.stats.delivered
    assert (reply.tokens.prompt, reply.tokens.completion) == (tally.prompt, tally.completion)
    assert response.bill == reply.tokens
    assert response.bill.usd == pytest.approx(tally.prompt * 1e-6 + tally.completion * 2e-6)
    assert response.dropped == ()


async def test_samples_of_one_request_leave_as_one_call(double: Doubles, served: Serve) -> None:
    server = await double(rules={".": "sample {i}"}, keep_bodies=True)
    response = await served(server.base_url).complete(batch(5, 6, 9))
    assert [c.text for c in response.completions] == ["sample 0", "sample 1", "sample 2"]
    assert [seen.body["n"] for seen in server.requests] == [3]
    assert sum(c.tokens.completion for c in response.completions) == response.bill.completion
    assert all(c.tokens.prompt == response.bill.prompt for c in response.completions)


async def test_a_single_sample_is_asked_for_without_n(double: Doubles, served: Serve) -> None:
    server = await double(answers={"42": 1}, keep_bodies=True)
    await served(server.base_url).complete([request(temperature=0.5, stop=("END",))])
    assert server.requests[0].body == {
        "model": "m",
        "messages": [{"role": "user", "content": "What is 6 x 7?"}],
        "temperature": 0.5,
        "stop": ["END"],
        "max_tokens": 500,
    }


async def test_a_server_that_gives_fewer_choices_is_not_asked_for_more_again(double: Doubles, served: Serve) -> None:
    server = await double(answers={"42": 1}, max_n=2)
    backend = served(server.base_url)
    assert backend.max_n >= 100
    assert len((await backend.complete(batch(0, 1, 2, 3))).completions) == 2
    assert backend.max_n == 2
    assert len((await backend.complete(batch(4, 5, 6))).completions) == 2
    assert server.stats.delivered.samples == 4


async def test_a_server_that_refuses_n_is_asked_for_one_in_the_same_attempt(double: Doubles, served: Serve) -> None:
    server = await double(answers={"42": 1}, rejects=["n"])
    backend = served(server.base_url)
    response = await backend.complete(batch(0, 1, 2))
    assert len(response.completions) == 1
    assert response.dropped == ()
    assert backend.max_n == 1
    assert server.stats.status == {"400": 1, "200": 1}


async def test_a_server_that_names_its_most_choices_is_asked_for_as_many(double: Doubles, served: Serve) -> None:
    server = await double(answers={"42": 1}, max_n=3, over_n="reject")
    backend = served(server.base_url)
    assert len((await backend.complete(batch(0, 1, 2, 3, 4))).completions) == 3
    assert backend.max_n == 3
    assert server.stats.status == {"400": 1, "200": 1}


async def test_what_a_server_refuses_is_learned_once(double: Doubles, served: Serve) -> None:
    server = await double(answers={"42": 1}, rejects=["temperature", "stop", "max_tokens", "system"], keep_bodies=True)
    backend = served(server.base_url)
    talk = (Message("system", "Be brief."), Message("user", "6 x 7?"))
    response = await backend.complete([request(messages=talk, temperature=0.7, stop=("END",))])
    assert set(response.dropped) == {"temperature", "stop", "max_tokens=max_completion_tokens", "system"}
    assert server.stats.status == {"400": 4, "200": 1}
    assert server.requests[-1].body == {
        "model": "m",
        "messages": [{"role": "user", "content": "Be brief.\n\n6 x 7?"}],
        "max_completion_tokens": 500,
    }
    await backend.complete([request("8 x 9?", temperature=0.7)])
    assert server.stats.status == {"400": 4, "200": 2}


async def test_calls_in_flight_learn_the_same_thing_together(double: Doubles, served: Serve) -> None:
    server = await double(answers={"42": 1}, rejects=["temperature", "max_tokens"], latency=0.01)
    backend = served(server.base_url)
    async with asyncio.TaskGroup() as group:
        calls = [group.create_task(backend.complete([request(f"{i}?", temperature=0.7)])) for i in range(12)]
    assert all(len(call.result().completions) == 1 for call in calls)
    assert server.stats.status["200"] == 12


async def test_what_the_user_declares_is_not_tried(double: Doubles, served: Serve) -> None:
    server = await double(answers={"42": 1}, rejects=["temperature", "max_tokens"])
    declared = {"temperature": False, "max_tokens": "max_completion_tokens", "n": False}
    backend = served(server.base_url, capabilities=declared)
    assert backend.max_n == 1
    await backend.complete([request(temperature=0.7)])
    assert server.stats.status == {"200": 1}


async def test_a_value_that_is_wrong_is_said_and_not_dropped(canned: Cans, served: Serve) -> None:
    error = {"message": "Invalid 'temperature': expected <= 2.", "param": "temperature", "code": "above_max"}
    server = await canned(400, {"error": error})
    with pytest.raises(BadRequest, match="expected <= 2"):
        await served(server.base_url).complete([request(temperature=3.0)])
    assert len(server.bodies) == 1


async def test_a_prompt_that_is_too_long_is_not_tried_again(double: Doubles, served: Serve) -> None:
    server = await double(answers={"42": 1}, context=300)
    with pytest.raises(ContextTooLong, match="maximum context length is 300 tokens"):
        await served(server.base_url).complete([request(temperature=0.7)])
    assert server.stats.requests == 1


@pytest.mark.parametrize("shown", ["field", "think", "no"])
async def test_hidden_reasoning_is_billed_and_kept_apart(shown: str, double: Doubles, served: Serve) -> None:
    server = await double(answers={"42": 1}, reasoning=(0.0, 40), show_reasoning=shown)
    (reply,) = (await served(server.base_url).complete([request()])).completions
    assert reply.text.endswith("The answer is 42.")
    assert "think" not in reply.text
    assert bool(reply.reasoning) == (shown != "no")
    assert reply.tokens.completion == server.stats.delivered.completion
    assert reply.tokens.reasoning == server.stats.delivered.reasoning


async def test_a_cap_eaten_by_reasoning_is_a_reply_cut_short(double: Doubles, served: Serve) -> None:
    server = await double(answers={"42": 1}, reasoning={"share": 1.0, "tokens": 10, "endless": 1.0})
    (reply,) = (await served(server.base_url).complete([request(max_tokens=50)])).completions
    assert (reply.text, reply.finish, reply.tokens.completion) == ("", "length", 50)


async def test_all_choices_empty_is_a_bad_completion_and_some_empty_are_left_out(canned: Cans, served: Serve) -> None:
    server = await canned(200, completion({"content": ""}, {"content": "good"}, {"content": None}))
    response = await served(server.base_url).complete(batch(0, 1, 2))
    assert [c.text for c in response.completions] == ["good"]
    empty = await canned(200, completion({"content": ""}, {"content": " "}))
    with pytest.raises(BadCompletion, match="empty text"):
        await served(empty.base_url).complete(batch(0, 1))


async def test_usage_that_the_server_leaves_out_is_estimated(canned: Cans, served: Serve) -> None:
    server = await canned(200, completion({"content": "forty-two"}))
    response = await served(server.base_url).complete([request("x" * 41)])
    assert (response.bill.prompt, response.bill.completion) == (11, 3)


TOLD: dict[str, tuple[dict[str, object], int, int]] = {
    "OpenAI, vLLM, SGLang, llama.cpp": ({"prompt_tokens_details": {"cached_tokens": 80}}, 80, 0),
    "OpenAI, with writes": ({"prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 30}}, 60, 30),
    "Anthropic": ({"cache_read_input_tokens": 80, "cache_creation_input_tokens": 15}, 80, 15),
    "Anthropic, first call": ({"cache_read_input_tokens": 0, "cache_creation_input_tokens": 95}, 0, 95),
    "DeepSeek": ({"prompt_cache_hit_tokens": 64, "prompt_cache_miss_tokens": 36}, 64, 0),
    "Moonshot": ({"cached_tokens": 70}, 70, 0),
    "counted beside the prompt": ({"prompt_tokens_details": {"cached_tokens": 90, "cache_write_tokens": 30}}, 90, 30),
    "nonsense": ({"prompt_tokens_details": {"cached_tokens": -3}, "cache_creation_input_tokens": 0}, 0, 0),
}


@pytest.mark.parametrize("maker", TOLD)
async def test_what_was_cached_is_read_and_billed_whatever_its_maker_calls_it(
    canned: Cans, served: Serve, maker: str
) -> None:
    more, cached, written = TOLD[maker]
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110, **more}
    server = await canned(200, completion({"content": "42"}, usage=usage))
    response = await served(server.base_url, price=Price(10e-6, 20e-6, 1e-6, 12e-6)).complete([request()])
    bill, (reply,) = response.bill, response.completions
    prompt = 100 if cached + written <= 100 else 100 + cached + written
    assert (bill.prompt, bill.cached_prompt, bill.written_prompt) == (prompt, cached, written)
    plain = prompt - cached - written
    assert bill.usd == pytest.approx(plain * 10e-6 + cached * 1e-6 + written * 12e-6 + 10 * 20e-6)
    assert reply.tokens.usd == pytest.approx(prompt * 10e-6 + 10 * 20e-6), "used: as if asked alone"
    assert (reply.tokens.cached_prompt, reply.tokens.written_prompt) == (cached, written)


@pytest.mark.parametrize("client", ["direct"])
async def test_what_an_older_llama_cpp_reused_is_read_from_its_times(canned: Cans, served: Serve) -> None:
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
    server = await canned(200, completion({"content": "42"}, usage=usage, timings={"cache_n": 88, "prompt_n": 12}))
    assert (await served(server.base_url).complete([request()])).bill.cached_prompt == 88


@pytest.mark.parametrize(("price", "usd"), [(Price(10e-6, 0.0), 700e-6 + 300e-6 * 1.25), (None, 0.0)])
async def test_without_a_price_of_their_own_cached_tokens_cost_no_less_than_others(
    canned: Cans, served: Serve, price: Price | None, usd: float
) -> None:
    more = {"prompt_tokens_details": {"cached_tokens": 50, "cache_write_tokens": 30}}
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110, **more}
    server = await canned(200, completion({"content": "42"}, usage=usage))
    assert (await served(server.base_url, price=price).complete([request()])).bill.usd == pytest.approx(usd)


async def test_tools_reach_the_server_whole_and_their_calls_come_back(canned: Cans, served: Serve) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    message = {"content": None, "tool_calls": [call], "finish_reason": "tool_calls"}
    server = await canned(200, completion(message))
    (reply,) = (await served(server.base_url).complete([request(tools=(TOOL,))])).completions
    assert server.bodies[0]["tools"] == [TOOL]
    assert (reply.finish, reply.tool_calls[0].name, reply.tool_calls[0].arguments) == ("tool_calls", "f", '{"a": 1}')


@pytest.mark.parametrize("mode", ["chat", "completion"])
async def test_log_probabilities_of_alternatives_come_as_confidences(double: Doubles, served: Serve, mode: str) -> None:
    server = await double(rules={".": "one two three"})
    (reply,) = (await served(server.base_url).complete([request(top_logprobs=4, mode=mode)])).completions
    told = logprobs("one two three", 4)
    assert reply.logprobs == pytest.approx([token["logprob"] for token in told], abs=1e-6)
    means = [sum(other["logprob"] for other in token["top_logprobs"]) / 4 for token in told]
    assert reply.confidences == pytest.approx([-mean for mean in means], abs=0.0005)
    assert reply.alternatives == tuple((other["token"], other["logprob"]) for other in told[0]["top_logprobs"])


async def test_more_alternatives_than_a_server_tells_are_asked_for_again_as_it_tells(
    double: Doubles, served: Serve
) -> None:
    server = await double(rules={".": "one two"}, max_alternatives=3)
    backend = served(server.base_url)
    first = await backend.complete([request(top_logprobs=20)])
    assert len(first.completions[0].alternatives) == 3
    assert first.dropped == ("top_logprobs=3",)
    await backend.complete([request("Again?", top_logprobs=20)])
    assert server.stats.requests == 3, "learned once"


async def test_a_server_without_log_probabilities_answers_without_them(double: Doubles, served: Serve) -> None:
    server = await double(rules={".": "one two"}, rejects=["logprobs"])
    response = await served(server.base_url).complete([request(top_logprobs=20)])
    assert (response.completions[0].text, response.completions[0].confidences) == ("one two", ())
    assert response.dropped == ("logprobs",)


async def test_settings_of_the_user_go_along_as_they_are(canned: Cans, served: Serve) -> None:
    server = await canned(200, completion({"content": "42"}))
    schema = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
    asked = request(top_p=0.9, reasoning_effort="low", extra_body={"top_k": 5}, response_format=schema)
    await served(server.base_url, headers={"X-Team": "blue"}).complete([asked])
    body = server.bodies[0]
    assert (body["top_p"], body["reasoning_effort"], body["top_k"]) == (0.9, "low", 5)
    assert body["response_format"] == schema
    assert server.heads[0]["x-team"] == "blue"


async def test_a_seed_goes_to_the_provider_as_a_hash_for_each_sample(double: Doubles, served: Serve) -> None:
    server = await double(answers={"42": 1}, keep_bodies=True)
    backend = served(server.base_url)
    for sample in (0, 1, 0):
        await backend.complete([request(sample=sample, seed=7)])
    seeds = [seen.body["seed"] for seen in server.requests]
    assert seeds[0] == seeds[2] != seeds[1]
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert len((await backend.complete(batch(0, 1, seed=7))).completions) == 1


async def test_a_base_model_gets_a_plain_prompt(double: Doubles, served: Serve) -> None:
    server = await double(rules={".": "sample {i}"}, keep_bodies=True)
    talk = (Message("system", "A tale."), Message("user", "Once"))
    asked = request(messages=talk, mode="completion", temperature=0.5)
    response = await served(server.base_url).complete([asked.sample(i) for i in range(2)])
    assert [c.text for c in response.completions] == ["sample 0", "sample 1"]
    assert server.requests[0].path == "/v1/completions"
    assert server.requests[0].body["prompt"] == "A tale.\n\nOnce"
    assert response.bill.completion == server.stats.delivered.completion


async def test_a_base_model_takes_what_a_plain_completion_has_and_no_more(double: Doubles, served: Serve) -> None:
    server = await double(answers={"42": 1}, keep_bodies=True)
    backend = served(server.base_url)
    schema = {"type": "json_object"}
    asked = request(mode="completion", top_p=0.9, stop=("END",), seed=3, reasoning_effort="low", response_format=schema)
    response = await backend.complete([asked])
    assert set(response.dropped) == {"json_schema", "reasoning_effort"}
    assert set(server.requests[0].body) == {"model", "prompt", "top_p", "stop", "seed", "max_tokens"}
    with pytest.raises(BadRequest, match="has no tools"):
        await backend.complete([request(mode="completion", tools=(TOOL,))])
    assert server.stats.requests == 1


async def test_a_model_without_a_known_prefix_goes_to_the_given_server_whole(double: Doubles, served: Serve) -> None:
    server = await double(answers={"42": 1}, keep_bodies=True)
    await served(server.base_url, model="Qwen/Qwen3-8B").complete([request()])
    await served(server.base_url, model="qwen3:8b").complete([request()])
    assert [seen.body["model"] for seen in server.requests] == ["Qwen/Qwen3-8B", "qwen3:8b"]


async def test_leaving_closes_the_connection(double: Doubles, served: Serve) -> None:
    server = await double(answers={"42": 1}, latency=60)
    backend = served(server.base_url)
    call = asyncio.create_task(backend.complete([request()]))
    await until(lambda: server.stats.in_flight == 1)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await until(lambda: server.stats.client_aborts == 1)
    assert server.stats.in_flight == 0


async def test_an_attempt_ends_after_the_experts_timeout_and_closes_its_connection(
    double: Doubles, served: Serve
) -> None:
    server = await double(answers={"42": 1}, faults={"hang": 1.0})
    backend = served(server.base_url, timeout=0.2)
    with pytest.raises(ExpertTimeout, match=r"no answer in 0.2 s"):
        await backend.complete([request()])
    await until(lambda: server.stats.client_aborts == 1)


async def test_connections_are_kept_between_calls_and_closed_at_the_end(double: Doubles, served: Serve) -> None:
    server = await double(answers={"42": 1})
    backend = served(server.base_url)
    for i in range(5):
        await backend.complete([request(f"{i}?")])
    assert server.stats.connections == 1
    await backend.aclose()
    await backend.aclose()
    await until(lambda: not server._connections)
