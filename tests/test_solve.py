"""The Python API as users call it."""

from __future__ import annotations

import asyncio
import dataclasses
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import orchestrator
from orchestrator import (
    Budget,
    ConfigError,
    ContentFiltered,
    Message,
    Orchestrator,
    Price,
    Request,
    Sampling,
    TextPart,
    UnknownModel,
    UnknownName,
    asolve,
    solve,
)
from orchestrator.experts.scripted import ScriptedExpert

from .cycling import cycling


# -- the contract ---------------------------------------------------------------------------
def test_solve_from_code_that_is_not_async() -> None:
    expert = cycling("The answer is 391.", "The answer is 390.", "The answer is 391.")
    out = solve(
        "What is 17 * 23?",
        kind="number",
        strategy="self_consistency(samples=3)",
        experts=[expert.value],
        budget=Budget(usd=0.20, seconds=90),
    )
    assert (out.answer, out.chosen_by, out.stopped_by) == ("391", "vote", "done")
    assert out.text == "The answer is 391."
    assert out.confidence == pytest.approx(2 / 3)
    assert out.usage.calls == 3
    assert out.usage.usd == 0.0
    assert [candidate.answer for candidate in out.top(3)] == ["391", "390"]


async def test_solve_where_a_loop_is_running_as_in_a_notebook() -> None:
    out = solve("6 * 7?", kind="number", strategy="cot", experts=[cycling("The answer is 42.").value])
    assert out.answer == "42"


async def test_one_wallet_for_many_steps() -> None:
    expert = dataclasses.replace(
        cycling("The answer is 1.", price=Price(0.0, 0.01)).value, sampling=Sampling(max_tokens=5)
    )
    async with Orchestrator(experts=[expert], budget=Budget(usd=0.1), strategy="cot") as o:
        outs = [await o.solve(f"{i}?", kind="number") for i in range(4)]
    assert [(out.answer, out.stopped_by) for out in outs] == [("1", "done")] * 2 + [(None, "budget")] * 2
    assert [out.usage.usd for out in outs] == pytest.approx([0.04, 0.04, 0, 0])
    assert outs[2].reason == "budget of run ended: usd=0.1; the next call needs usd=0.13"


async def test_a_stream_gives_candidates_as_they_come_and_leaving_it_cancels_the_rest() -> None:
    expert = ScriptedExpert(slow_but_first, max_n=1)
    async with (
        Orchestrator(experts=[expert.value], strategy="self_consistency(samples=4)") as o,
        o.stream("q?", kind="number") as candidates,
    ):
        async for scored in candidates:
            assert scored.candidate.answer == "0"
            break
    assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]


async def slow_but_first(request: orchestrator.Request) -> str:
    if request.sample_index:
        await asyncio.Event().wait()
    return f"The answer is {request.sample_index}."


async def test_a_whole_conversation_as_chat_apis_write_it() -> None:
    expert = cycling("Final answer: blue")
    history: list[dict[str, Any]] = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": "Pick a colour."},
        {"role": "assistant", "content": "Red."},
        {"role": "user", "content": [{"type": "text", "text": "Another one."}]},
    ]
    out = await asolve(messages=history, experts=[expert.value], strategy="cot")
    assert out.answer == "blue"
    sent = expert.requests[0].messages
    assert [message.role for message in sent] == ["system", "user", "assistant", "user"]
    assert sent[1] == Message("user", "Pick a colour.")
    assert "Another one." in sent[3].text
    assert isinstance(sent[3].content, str | tuple)
    assert not isinstance(sent[3].content, tuple) or isinstance(sent[3].content[0], TextPart)


async def test_a_message_that_is_none_is_named() -> None:
    with pytest.raises(ConfigError, match=r"messages\[1\]: role should be one of"):
        await asolve(messages=[{"role": "user", "content": "x"}, {"role": "robot"}], experts=[cycling("").value])


@pytest.mark.parametrize("name", ["stratgy", "expert"])
async def test_an_option_that_is_not_there_is_named_with_a_suggestion(name: str) -> None:
    with pytest.raises(UnknownName, match=f"unknown option '{name}' in solve; did you mean"):
        await asolve("q?", **{name: "cot"})  # type: ignore[misc]


async def test_where_nobody_is_named_simulated_experts_answer_and_the_outcome_says_so() -> None:
    outcome = await asolve("Use 4 7 8 8 to make 24", kind="game24")
    assert (outcome.stopped_by, outcome.reason) == ("verifier", "no expert was given, so simulated ones answered")
    assert {scored.candidate.expert[:4] for scored in outcome.candidates} == {"sim:"}
    with pytest.raises(ConfigError, match="api_base and key_env say how to reach experts"):
        await asolve("q?", api_base="http://127.0.0.1:1/v1")


async def test_a_reserve_is_asked_only_when_the_expert_that_names_it_is_lost() -> None:
    def gone(_: Request) -> str:
        raise UnknownModel("no such model", expert="big")

    small = cycling("The answer is 8.", id="small").value
    lost = ScriptedExpert(gone, id="big").value
    outcome = await asolve("q?", kind="number", experts=[replace(lost, fallback="small")], reserves=[small])
    assert (outcome.answer, {scored.candidate.expert for scored in outcome.candidates}) == ("8", {"small"})
    well = cycling("The answer is 9.", id="big").value
    outcome = await asolve("q?", kind="number", experts=[replace(well, fallback="small")], reserves=[small])
    assert {scored.candidate.expert for scored in outcome.candidates} == {"big"}
    with pytest.raises(ConfigError, match="names the fallback 'small', which is not in the pool"):
        await asolve("q?", experts=[replace(well, fallback="small")])


async def test_of_a_pool_only_the_chosen_are_asked_and_their_fallbacks_if_need_be(tmp_path: Path) -> None:
    pool = tmp_path / "p.toml"
    script = '[[rule]]\nmatch = "."\nreply = "The answer is 3."\n'
    (tmp_path / "s.toml").write_text(script)
    table = '[[expert]]\nid = "{0}"\nclient = "scripted"\nmodel = "s.toml"\n'
    pool.write_text(table.format("big") + 'fallback = "small"\n\n' + table.format("small"))
    outcome = await asolve("q?", kind="number", experts=["big"], pool=pool)
    assert {scored.candidate.expert for scored in outcome.candidates} == {"big"}


async def test_nothing_asked_is_said_so() -> None:
    with pytest.raises(ConfigError, match="no problem"):
        await asolve(experts=[cycling("").value])


# -- choosing a strategy by kind --------------------------------------------------------------
@pytest.mark.parametrize(
    ("options", "reply", "strategy"),
    [
        ({"kind": "number"}, "The answer is 4.", "self_consistency"),
        ({"options": ["x", "y"]}, "The answer is (B).", "self_consistency"),
        ({"tests": ["assert f() == 1"]}, "```python\ndef f():\n    return 1\n```", "best_of_n"),
        ({"kind": "game24"}, "Answer: (7 - 8 / 8) * 4 = 24", "best_of_n"),
        ({}, "Once upon a time.", "universal_sc"),
    ],
)
async def test_without_a_strategy_the_kind_decides(options: Any, reply: str, strategy: str) -> None:
    out = await asolve("Use these: 4 7 8 8", experts=[cycling(reply).value], **options)
    assert out.strategy == strategy
    assert out.answer is not None


async def test_experts_that_fail_leave_the_reason() -> None:
    refusing = ScriptedExpert(refused)
    out = await asolve("q?", kind="number", experts=[refusing.value], strategy="self_consistency(samples=3)")
    assert (out.answer, out.stopped_by, out.usage.refused) == (None, "failed", 3)
    assert "not allowed" in out.reason


def refused(request: orchestrator.Request) -> str:
    raise ContentFiltered("not allowed", expert=request.expert)
