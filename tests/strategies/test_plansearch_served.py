"""PlanSearch and IdeaSearch over real HTTP, in peace and with faults."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from orchestrator import Budget, Message, Outcome, Problem, asolve
from orchestrator.types import Expert
from tests.double import Double

from .planning import CHAIN, REVISED, lines

Doubles = Callable[..., Awaitable[Double]]

TASK = Problem("p", (Message("user", "Write f, which returns what it is given."),), "code", meta={"entry_point": "f"})
TESTED = replace(TASK, public_tests=("assert f(7) == 7",))
RULES = {
    "JSON list of strings": '["Fact {h} holds.", "Rule {h} holds.", "Case {h} is rare."]',
    "End your reply with one fenced block of Python": [
        "```python\ndef f(x):\n    return x\n```", "```python\ndef f(x):\n    return -x  # {h}\n```",
    ],
    ".": "Thought {h}.",
}  # fmt: skip


async def search(server: Double, strategy: str, problem: Problem = TASK, budget: Budget | None = None) -> Outcome:
    expert = Expert("openai/thinker", "openai/thinker", api_base=server.base_url)
    return await asolve(problem, experts=[expert], strategy=strategy, budget=budget)


async def test_the_whole_tree_over_http(double: Doubles) -> None:
    server = await double(rules=RULES)
    out = await search(server, "plansearch(keep=2)")
    assert (len(out.candidates), out.usage.calls, out.stopped_by) == (32, 132, "done")
    assert server.stats.delivered.samples == 132
    assert max(lines(out), key=len) == [*CHAIN, *CHAIN, *REVISED]


async def test_ideasearch_over_http(double: Doubles) -> None:
    server = await double(rules=RULES)
    out = await search(server, "ideasearch(samples=6)", TESTED)
    assert server.stats.delivered.samples <= 12
    assert (out.answer, out.chosen_by) == ("def f(x):\n    return x\n", "verified")


async def test_public_tests_choose_over_http(double: Doubles) -> None:
    server = await double(rules=RULES)
    out = await search(server, "plansearch(keep=2)", TESTED)
    assert (out.answer, out.chosen_by, out.stopped_by) == ("def f(x):\n    return x\n", "verified", "verifier")


@pytest.mark.parametrize("calls", [6, 26, 60])
async def test_a_cap_holds_as_the_server_counts(calls: int, double: Doubles) -> None:
    server = await double(rules=RULES)
    out = await search(server, "plansearch", budget=Budget(calls=calls))
    assert server.stats.asked == out.usage.calls <= calls
    assert (len(out.candidates) > 0, out.stopped_by) == (True, "done")


async def test_faults_change_nothing_of_the_result(double: Doubles) -> None:
    quiet = await double(rules=RULES)
    noisy = await double(
        rules=RULES, faults={"500": 0.05, "reset": 0.05, "invalid_json": 0.05, "empty": 0.05}, max_faults=2
    )
    undisturbed, disturbed = [await search(server, "plansearch(depth=1, keep=2)") for server in (quiet, noisy)]
    assert noisy.stats.faults.total() > 0
    assert [scored.candidate for scored in disturbed.candidates] == [s.candidate for s in undisturbed.candidates]


async def test_a_model_that_writes_no_list_still_ends_in_programs(double: Doubles) -> None:
    server = await double(rules={name: reply for name, reply in RULES.items() if "JSON" not in name})
    out = await search(server, "plansearch")
    assert len(out.candidates) == 2
    assert {tuple(line) for line in lines(out)} == {("plan", "pseudocode", "answer"), tuple(REVISED)}


async def test_settings_that_a_model_refuses_are_left_out(double: Doubles) -> None:
    server = await double(rules=RULES, rejects={"temperature", "top_p", "max_tokens"})
    out = await search(server, "plansearch(depth=1, keep=2)")
    assert len(out.candidates) == 8
