from __future__ import annotations

import asyncio
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from orchestrator.errors import ConfigError, NotRecorded, RateLimited, UnknownName
from orchestrator.experts.scripted import Rule, ScriptedExpert, backend, from_file
from orchestrator.types import Completion, Expert, Labels, Message, Price, Request
from tests.clock import run_virtual
from tests.experts.serving import batch, request


async def test_a_function_answers_each_sample_and_what_left_together_is_kept() -> None:
    expert = ScriptedExpert(lambda r: f"{r.sample_index}: {r.messages[-1].text}")
    response = await expert.complete(batch(0, 3, text="two words"))
    await expert.complete([request("more")])
    assert [c.text for c in response.completions] == ["0: two words", "3: two words"]
    assert [[r.sample_index for r in b] for b in expert.batches] == [[0, 3], [0]]
    assert [r.messages[-1].text for r in expert.requests] == ["two words", "two words", "more"]
    assert all(c.expert == "scripted" for c in response.completions)


async def test_a_token_is_a_word() -> None:
    expert = ScriptedExpert(lambda _: "<think>one two</think>three four five", price=Price(1.0, 10.0))
    talk = (Message("system", "Be brief."), Message("user", "What is it?"))
    response = await expert.complete([request(messages=talk, max_tokens=500)])
    (reply,) = response.completions
    assert (reply.text, reply.reasoning) == ("three four five", "one two")
    assert (reply.tokens.prompt, reply.tokens.completion, reply.tokens.reasoning, reply.tokens.usd) == (5, 5, 2, 55.0)
    assert response.bill == reply.tokens


async def test_the_bill_of_a_batch_holds_the_prompt_once() -> None:
    expert = ScriptedExpert(lambda r: "word " * (r.sample_index + 1), price=Price(1.0, 1.0))
    response = await expert.complete(batch(0, 1, 2, text="a b c d"))
    assert (response.bill.prompt, response.bill.completion, response.bill.usd) == (4, 6, 10.0)
    assert [c.tokens.usd for c in response.completions] == [5.0, 6.0, 7.0]


@pytest.mark.parametrize(
    ("cap", "text", "finish", "completion"),
    [(2, "", "length", 2), (3, "three", "length", 3), (5, "three four five", "stop", 5), (1, "", "length", 1)],
)
async def test_max_tokens_cuts_thoughts_first(cap: int, text: str, finish: str, completion: int) -> None:
    expert = ScriptedExpert(lambda _: "<think>one two</think>three four five")
    (reply,) = (await expert.complete([request(max_tokens=cap)])).completions
    assert (reply.text, reply.finish, reply.tokens.completion) == (text, finish, completion)


async def test_the_first_rule_that_matches_answers() -> None:
    rules = [
        Rule("plan", "1. think", purpose="plan"),
        Rule(r"(\d+) x (\d+)", "{1} times {2} in sample {i}, {3}"),
        Rule("secret", "found", last=True),
        Rule("odd|even", ["even", "odd"]),
    ]
    expert = ScriptedExpert(rules, id="r")

    async def said(text: str, sample: int = 0, **fields: object) -> str:
        return (await expert.complete([request(text, sample=sample, **fields)])).completions[0].text

    assert await said("6 x 7", 4) == "6 times 7 in sample 4, {3}"
    assert await said("plan 6 x 7", labels=Labels("p", "plan")) == "1. think"
    assert await said("plan 6 x 7") == "6 times 7 in sample 0, {3}"
    assert [await said("odd?", i) for i in range(3)] == ["even", "odd", "even"]
    with pytest.raises(NotRecorded, match="r: no rule for 'nothing here'"):
        await said("x", messages=(Message("user", "secret"), Message("user", "nothing here")))


async def test_failures_come_at_their_calls() -> None:
    expert = ScriptedExpert(lambda _: "ok", failures={1: RateLimited("slow down", retry_after=2.0)})
    assert (await expert.complete([request()])).completions[0].text == "ok"
    with pytest.raises(RateLimited):
        await expert.complete([request()])
    assert (await expert.complete([request()])).completions[0].text == "ok"
    assert len(expert.batches) == 3


async def test_a_function_may_wait_and_may_answer_with_a_whole_completion() -> None:
    go = asyncio.Event()

    async def slowly(r: Request) -> Completion:
        await go.wait()
        return Completion("done", finish="length")

    expert = ScriptedExpert(slowly, id="slow")
    call = asyncio.create_task(expert.complete([request()]))
    await asyncio.sleep(0)
    assert not call.done()
    go.set()
    (reply,) = (await call).completions
    assert (reply.text, reply.finish, reply.expert) == ("done", "length", "slow")


def test_latency_passes_on_the_loops_clock_and_is_seeded() -> None:
    async def three(seed: int) -> None:
        expert = ScriptedExpert(lambda _: "ok", latency="exp:100", seed=seed)
        for _ in range(3):
            await expert.complete([request()])

    async def fixed() -> None:
        await ScriptedExpert(lambda _: "ok", latency=30).complete([request()])

    first, again, other = (run_virtual(three(seed))[1] for seed in (1, 1, 2))
    assert first == again != other
    assert run_virtual(fixed())[1] == pytest.approx(30)


def test_a_value_leads_back_to_the_object_that_answers_for_it() -> None:
    expert = ScriptedExpert(lambda _: "ok", id="a", max_n=3)
    assert backend(expert.value) is expert
    assert backend(replace(expert.value, persona="a poet")) is expert
    assert (expert.value.id, expert.value.client, expert.value.price, expert.max_n) == ("a", "scripted", Price(), 3)
    assert asdict(expert.value)["options"] == {}
    with pytest.raises(ConfigError, match="needs the option file"):
        backend(Expert("b", "b", client="scripted"))


FILE = """
latency = "uniform:0.0,0.001"
seed = 3
max_n = 4
[[rule]]
match = '(\\d+) \\+ (\\d+)'
reply = "The answer is {1}{2}"
[[rule]]
match = "."
replies = ["yes", "no"]
purpose = "vote"
"""


async def test_a_file_describes_an_expert(tmp_path: Path) -> None:
    file = tmp_path / "demo.toml"
    file.write_text(FILE)
    served = backend(Expert("e", "e", client="scripted", price=Price(1.0, 1.0), options={"file": str(file)}))
    assert served.max_n == 4
    response = await served.complete([request("4 + 2")])
    assert response.completions[0].text == "The answer is 42"
    assert response.bill.usd == 7.0
    asked = batch(0, 1, labels=Labels("p", "vote"))
    assert [c.text for c in (await served.complete(asked)).completions] == ["yes", "no"]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", r"no \[\[rule\]\] in it"),
        ("rule = 3", r"no \[\[rule\]\] in it"),
        ("[[rule]]\nmatch = 'a'", r"\[\[rule\]\] 1: needs a reply"),
        ("[[rule]]\nreplies = []", r"\[\[rule\]\] 1: needs a reply"),
        ("[[rule]]\nmatch = '('\nreply = 'x'", "no regular expression"),
        (
            "[[rule]]\nreply = 'x'\n[[rule]]\nreplay = 'x'",
            r"unknown key 'replay' in .*\]\] 2; did you mean",
        ),
        ("latency = 'slow'\n[[rule]]\nreply = 'x'", "latency 'slow'"),
        ("seed = 'x'\n[[rule]]\nreply = 'x'", "seed must be a whole number"),
        ("latencyy = 1\n[[rule]]\nreply = 'x'", "did you mean 'latency'"),
        ("[[rule", "demo.toml"),
    ],
)
def test_a_file_that_does_not_hold_is_said(content: str, complaint: str, tmp_path: Path) -> None:
    file = tmp_path / "demo.toml"
    file.write_text(content)
    with pytest.raises(ConfigError, match=complaint) as caught:
        from_file(file, "e")
    assert "\n" not in str(caught.value)
    if "did you mean" in complaint:
        assert isinstance(caught.value, UnknownName)


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(ConfigError, match=r"nosuch\.toml"):
        from_file(Path("nosuch.toml"), "e")
