"""Mixture-of-Agents: layers of answers, each written in the light of the one before."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

import pytest

from orchestrator import Budget, Message, Outcome, Problem, Request, asolve
from orchestrator.errors import ConnectionLost
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.registry import build
from orchestrator.strategies.moa import MixtureOfAgents
from orchestrator.strategies.self_consistency import SelfConsistency
from orchestrator.types import Completion, Estimate, Expert, Json, Tokens
from tests.clock import run_virtual

from .golden import batches, calls, emitted, lineage_is_sound
from .planning import asked_for, counts, wide

TASK = Problem("p", (Message("user", "How many legs has a spider?"),), "number")


def agent(request: Request) -> str:
    """Proposer i says 10 + i in the first layer and more in each later one; the writer says 8."""
    if request.labels.purpose == "synthesis":
        return "Put together: the answer is 8."
    before = [int(number) for number in re.findall(r"The answer is (\d+)", request.messages[0].text)]
    layer = 1 + max(before, default=0) // 10
    return f"I am proposer {request.sample_index}. The answer is {10 * layer + request.sample_index}."


def shown(request: Request) -> list[str]:
    """What the system message lists, in order."""
    return re.findall(r"Candidate \d+:\n```\n(.*?)\n```", request.messages[0].text, re.DOTALL)


def notes(out: Outcome, kind: str) -> list[dict[str, Json]]:
    return [dict(event.facts) for event in out.trace if event.kind == kind]


async def mixed(expert: ScriptedExpert, spec: str = "moa", problem: Problem = TASK, **step: object) -> Outcome:
    return await asolve(problem, experts=[expert.value], strategy=spec, **step)  # type: ignore[misc]


def test_golden_trace() -> None:
    expert = ScriptedExpert(agent, latency=1.0)
    out, seconds = run_virtual(mixed(expert, "moa(proposers=2, layers=3)"))
    assert calls(out)[:2] == [((0, i), "answer") for i in range(2)]
    assert sorted(calls(out)[2:4]) == [((1, i), "refine") for i in range(2)]
    assert calls(out)[4:] == [((2**31,), "synthesis")]
    assert emitted(out) == [((2,), "20"), ((3,), "21")]
    # Both drew the same order of two, so that they ask for two samples of one prompt.
    assert batches(expert) == [[0, 1], [0, 1], [0]]
    assert lineage_is_sound(out, [expert])
    assert (out.answer, out.chosen_by, out.confidence, out.stopped_by, seconds) == ("8", "synthesis", 0.0, "done", 3.0)


async def test_by_default_six_propose_twice_and_one_writes() -> None:
    expert = ScriptedExpert(agent)
    out = await mixed(expert)
    assert counts(expert) == {"answer": 6, "refine": 6, "synthesis": 1}
    assert (out.usage.calls, len(out.candidates)) == (13, 6)


async def test_the_first_layer_asks_for_the_same_as_self_consistency() -> None:
    mine, voting = ScriptedExpert(agent), ScriptedExpert(agent)
    await mixed(mine, "moa(proposers=3, layers=2)")
    await mixed(voting, "self_consistency(samples=3)")
    assert mine.requests[:3] == voting.requests


async def test_a_later_layer_reads_all_answers_of_the_one_before_its_own_included() -> None:
    expert = ScriptedExpert(agent)
    await mixed(expert, "moa(proposers=3, layers=4)")
    first, second = asked_for(expert, "refine")[:3], asked_for(expert, "refine")[3:]
    for request in first:
        assert sorted(shown(request)) == [f"I am proposer {i}. The answer is {10 + i}." for i in range(3)]
    for request in second:
        assert sorted(shown(request)) == [f"I am proposer {i}. The answer is {20 + i}." for i in range(3)]
    assert len({request.messages[0].text.split("I am")[0] for request in first + second}) == 1


async def test_they_stand_in_a_system_message_and_the_question_as_it_was() -> None:
    expert = ScriptedExpert(agent)
    await mixed(expert, "moa(proposers=2)")
    answer, refine = asked_for(expert, "answer")[0], asked_for(expert, "refine")[0]
    assert [message.role for message in refine.messages] == ["system", "user"]
    assert refine.messages[-1] == answer.messages[-1]


async def test_a_system_message_that_is_there_stays_before_them() -> None:
    expert = ScriptedExpert(agent)
    problem = Problem("p", (Message("system", "Speak like a zoologist."), *TASK.messages), "number")
    await mixed(expert, "moa(proposers=2)", problem)
    for request in asked_for(expert, "refine"):
        system, _ = request.messages
        assert system.text.startswith("Speak like a zoologist.\n\nSeveral answers")


async def test_the_order_is_drawn_for_every_call_and_equally_in_every_run() -> None:
    def orders(expert: ScriptedExpert) -> list[list[str]]:
        return [shown(request) for request in asked_for(expert, "refine")]

    one, again = ScriptedExpert(agent), ScriptedExpert(agent)
    await mixed(one)
    await mixed(again)
    assert len(set(map(tuple, orders(one)))) >= 5
    assert orders(one) == orders(again)


async def test_nobody_is_told_who_said_what() -> None:
    pool = [ScriptedExpert(agent, id=f"secret-{i}") for i in range(3)]
    await asolve(TASK, experts=[wide(e, e.value.id) for e in pool], strategy="moa")
    assert all("secret" not in message.text for e in pool for r in e.requests for message in r.messages)


async def test_several_experts_are_dealt_to_in_every_layer() -> None:
    pool = [ScriptedExpert(agent, id=f"e{i}") for i in range(4)]
    out = await asolve(TASK, experts=[wide(e, e.value.id) for e in pool], strategy="moa")
    assert [counts(expert).get("refine") for expert in pool] == [2, 2, 1, 1]
    assert [scored.candidate.expert for scored in out.candidates] == ["e0", "e1", "e2", "e3", "e0", "e1"]
    assert counts(pool[0])["synthesis"] == 1


async def test_the_role_aggregator_writes_with_the_settings_of_the_proposers() -> None:
    expert, writer = ScriptedExpert(agent), ScriptedExpert(agent, id="writer")
    roles: dict[str, str | Expert] = {"aggregator": writer.value}
    await mixed(expert, "moa(proposers=2, temperature=0.3, max_tokens=900, longest=500)", roles=roles)
    (request,) = writer.requests
    assert request.labels.purpose == "synthesis"
    assert (request.sampling.temperature, request.sampling.max_tokens) == (0.3, 900)
    assert {(r.sampling.temperature, r.sampling.max_tokens) for r in expert.requests} == {(0.3, 900)}


async def test_the_written_answer_is_compared_with_the_proposals() -> None:
    def script(request: Request) -> str:
        return f"The answer is {8 if request.sample_index or request.labels.purpose == 'synthesis' else 6}."

    out = await mixed(ScriptedExpert(script), "moa(proposers=4)")
    assert (out.answer, out.confidence, [each.answer for each in out.ranking]) == ("8", 0.75, ["8", "6"])


async def test_behind_another_aggregator_the_last_proposals_vote() -> None:
    expert = ScriptedExpert(lambda r: f"The answer is {8 if r.sample_index else 6}.")
    out = await mixed(expert, aggregator="majority")
    assert (out.answer, out.chosen_by, out.usage.calls, out.confidence) == ("8", "vote", 12, pytest.approx(5 / 6))


async def test_long_answers_are_cut() -> None:
    long = f"begin {'x' * 9000} end. The answer is 8."
    expert = ScriptedExpert(lambda request: long)
    await mixed(expert, "moa(proposers=2, longest=200)")
    for request in [*asked_for(expert, "refine"), *asked_for(expert, "synthesis")]:
        assert sum(len(message.text) for message in request.messages) < 2500


async def test_hidden_reasoning_is_passed_on_to_nobody() -> None:
    expert = ScriptedExpert(lambda r: f"<think>private</think>{agent(r)}")
    out = await mixed(expert, "moa(proposers=2)")
    assert out.answer == "8"
    assert all("private" not in message.text for r in expert.requests for message in r.messages)


class TestWhatIsLost:
    def solved(
        self, script: Callable[[Request], str | Completion], spec: str = "moa(proposers=4)"
    ) -> tuple[Outcome, ScriptedExpert]:
        expert = ScriptedExpert(script, max_n=1)
        return run_virtual(mixed(expert, spec))[0], expert

    def test_one_failed_and_one_truncated_are_left_out_and_told(self) -> None:
        """Regression test 19."""

        def script(request: Request) -> str | Completion:
            if request.labels.purpose == "answer" and request.sample_index == 1:
                raise ConnectionLost("no line", expert="scripted")
            if request.labels.purpose == "answer" and request.sample_index == 2:
                return Completion("I was just about to say", finish="length", tokens=Tokens(1, 1))
            return agent(request)

        out, expert = self.solved(script)
        assert (out.answer, out.chosen_by, out.stopped_by) == ("8", "synthesis", "done")
        lost = {str(note["error"]): str(note["reason"]) for note in notes(out, "lost")}
        assert set(lost) == {"ConnectionLost", "Truncated"}
        assert "no line" in lost["ConnectionLost"]
        assert [(n["round"], n["answered"], n["lost"]) for n in notes(out, "round")] == [(1, 2, [1, 2]), (2, 4, [])]
        assert (out.usage.failed, out.usage.truncated) == (1, 1)
        assert all(len(shown(request)) == 2 for request in asked_for(expert, "refine"))
        assert all("about to say" not in m.text for request in expert.requests for m in request.messages)

    def test_who_is_lost_in_a_later_layer_stands_by_its_earlier_answer(self) -> None:
        def script(request: Request) -> str:
            if request.labels.purpose == "refine" and request.sample_index == 1:
                raise ConnectionLost("no line", expert="scripted")
            return agent(request)

        out, _ = self.solved(script, "moa(proposers=3)")
        assert [scored.candidate.answer for scored in out.candidates] == ["20", "11", "22"]
        assert notes(out, "round")[1]["lost"] == [1]

    def test_refusals_are_left_out(self) -> None:
        def script(request: Request) -> str:
            return "I'm sorry, I can't help with that." if request.sample_index == 3 else agent(request)

        out, expert = self.solved(script)
        assert len(out.candidates) == 3
        assert all("sorry" not in message.text for r in expert.requests for message in r.messages)

    def test_where_all_are_lost_it_has_failed(self) -> None:
        def script(request: Request) -> str:
            raise ConnectionLost("no line", expert="scripted")

        out, expert = self.solved(script)
        assert (out.stopped_by, out.answer) == ("failed", None)
        assert "no line" in out.reason
        assert set(counts(expert)) == {"answer"}

    def test_one_proposal_is_taken_as_it_is(self) -> None:
        def script(request: Request) -> str:
            if request.sample_index:
                raise ConnectionLost("no line", expert="scripted")
            return agent(request)

        out, expert = self.solved(script)
        assert (out.answer, out.chosen_by, counts(expert).get("synthesis")) == ("20", "vote", None)

    def test_where_the_writer_fails_the_proposals_vote(self) -> None:
        def script(request: Request) -> str:
            return "Who knows?" if request.labels.purpose == "synthesis" else "The answer is 6."

        out, _ = self.solved(script)
        assert (out.answer, out.chosen_by) == ("6", "vote")
        assert "cannot be read" in out.reason

    def test_when_time_is_over_every_proposer_stands_by_what_it_said_last(self) -> None:
        async def script(request: Request) -> str:
            await asyncio.sleep(100.0 if request.labels.purpose == "refine" and request.sample_index == 1 else 10.0)
            return agent(request)

        expert = ScriptedExpert(script, max_n=1)
        solving = asolve(TASK, experts=[wide(expert)], strategy="moa(proposers=3)", budget=Budget(seconds=25))
        out, seconds = run_virtual(solving)
        assert ([s.candidate.answer for s in out.candidates], out.stopped_by) == (["20", "11", "22"], "budget")
        assert (out.answer is not None, seconds < 30) == (True, True)

    def test_when_tokens_are_over_likewise(self) -> None:
        expert = ScriptedExpert(agent, max_n=1)
        spec = "moa(proposers=4, max_tokens=100)"
        out, _ = run_virtual(asolve(TASK, experts=[wide(expert)], strategy=spec, budget=Budget(tokens=1500)))
        assert out.stopped_by == "budget"
        assert len(out.candidates) == 4
        assert out.answer is not None


class TestInner:
    async def test_a_proposer_answers_with_what_its_strategy_comes_to(self) -> None:
        """Each proposer's three samples vote; the proposers' samples are independent."""
        expert = ScriptedExpert(lambda r: f"The answer is {(5, 7, 7)[r.sample_index % 3]}.")
        out = await mixed(expert, "moa(proposers=2, layers=2, inner=self_consistency(samples=3))")
        assert [scored.candidate.answer for scored in out.candidates] == ["7", "7"]
        assert len({request.key for request in asked_for(expert, "answer")}) == 6
        assert out.usage.calls == 7

    async def test_experts_are_dealt_to_proposers_and_asked_by_their_strategies(self) -> None:
        pool = [ScriptedExpert(agent, id=f"e{i}") for i in range(2)]
        values = [wide(e, e.value.id) for e in pool]
        spec = "moa(proposers=3, layers=2, inner=self_consistency(samples=2))"
        out = await asolve(TASK, experts=values, strategy=spec)
        assert [counts(expert)["answer"] for expert in pool] == [4, 2]
        assert [scored.candidate.expert for scored in out.candidates] == ["e0", "e1", "e0"]
        assert lineage_is_sound(out, pool)

    async def test_a_mixture_of_mixtures(self) -> None:
        expert = ScriptedExpert(agent)
        out = await mixed(expert, "moa(proposers=2, layers=2, inner=moa(proposers=2, layers=2))")
        assert (out.usage.calls, [s.candidate.answer for s in out.candidates]) == (7, ["8", "8"])

    @pytest.mark.parametrize("inner", ["self_consistency(samples=3)", "self_refine", "universal_sc"])
    def test_a_cap_on_tokens_that_covers_one_call_brings_an_answer(self, inner: str) -> None:
        expert = ScriptedExpert(lambda request: f"It takes some words. The answer is {request.sample_index}.")
        solving = mixed(expert, f"moa(inner={inner})", budget=Budget(tokens=2600))
        out, _ = run_virtual(solving)  # which tells a standstill
        assert out.answer is not None
        assert (out.stopped_by, out.usage.prompt_tokens + out.usage.completion_tokens <= 2600) == ("budget", True)

    async def test_one_proposer_has_all_calls_as_nobody_writes_then(self) -> None:
        expert = ScriptedExpert(agent)
        out = await mixed(expert, "moa(inner=tot)", budget=Budget(calls=2))
        assert (out.usage.calls, out.stopped_by, out.answer is not None) == (2, "done", True)

    async def test_programs_of_an_inner_strategy_are_chosen_by_its_own_check(self) -> None:
        problem = Problem("p", (Message("user", "Write f."),), "code", public_tests=("assert f(1) == 1",))

        def script(request: Request) -> str:
            right = request.labels.purpose == "synthesis" or request.sample_index == 2
            return f"```python\ndef f(x):\n    return x + {0 if right else 1}\n```"

        spec = "moa(proposers=2, layers=2, inner=best_of_n(samples=3))"
        out = await mixed(ScriptedExpert(script), spec, problem)
        assert [scored.candidate.answer for scored in out.candidates] == ["def f(x):\n    return x + 0\n"] * 2

    async def test_a_nested_budget_is_shared(self) -> None:
        expert = ScriptedExpert(agent)
        out = await mixed(
            expert, "moa(proposers=2, layers=3, inner=self_consistency(samples=50))", budget=Budget(calls=23)
        )
        assert (out.stopped_by, out.usage.calls, counts(expert)) == (
            "done",
            23,
            {"answer": 20, "refine": 2, "synthesis": 1},
        )

    def test_one_that_finds_nothing_is_left_out(self) -> None:
        def script(request: Request) -> str:
            if request.labels.purpose == "answer" and request.salt.endswith("/0"):
                raise ConnectionLost("no line", expert="scripted")
            return agent(request)

        expert = ScriptedExpert(script, max_n=1)
        solving = mixed(expert, "moa(proposers=3, layers=2, inner=self_consistency(samples=2))")
        out, _ = run_virtual(solving)
        assert (len(out.candidates), notes(out, "round")[0]["lost"]) == (2, [0])

    def test_estimate_counts_what_it_costs_with_its_own_choice(self) -> None:
        inner = build("strategies", "synthesis(samples=3)")
        form = MixtureOfAgents(layers=3, proposers=2, inner=inner)
        assert form.estimate(TASK, 1) == Estimate(2 * 3 + 2, 2 * 4.0 + 2, 2 * 4 + 2, 3, candidates=2)


@pytest.mark.parametrize(
    ("calls", "layers", "proposers"),
    [(1, 2, 1), (5, 2, 5), (6, 2, 6), (11, 2, 6), (12, 3, 6), (17, 3, 6), (18, 4, 6), (99, 4, 6)],
)
def test_ladder(calls: int, layers: int, proposers: int) -> None:
    form = MixtureOfAgents(layers=4).fit(calls, TASK, 1)
    assert form == MixtureOfAgents(layers, proposers)
    assert form is not None
    assert form.estimate(TASK, 1).most <= calls


def test_the_ladder_shrinks_what_is_inside_first() -> None:
    form = MixtureOfAgents(layers=3, proposers=2, inner=SelfConsistency(samples=50)).fit(10, TASK, 1)
    assert form == MixtureOfAgents(layers=3, proposers=2, inner=SelfConsistency(samples=4))
    assert MixtureOfAgents().fit(0, TASK, 1) is None


@pytest.mark.parametrize(("cap", "made"), [(1, 1), (2, 1), (3, 3), (7, 7), (12, 7), (13, 13), (99, 13)])
async def test_under_a_cap_the_writers_call_is_counted(cap: int, made: int) -> None:
    out = await mixed(ScriptedExpert(agent), budget=Budget(calls=cap))
    assert (out.usage.calls, out.stopped_by) == (made, "done")


def test_estimate() -> None:
    assert MixtureOfAgents().estimate(TASK, 4) == Estimate(12, 12.0, 12, 2, candidates=6)


@pytest.mark.parametrize("fields", [{"layers": 1}, {"proposers": 0}, {"longest": 5}])
def test_fields_out_of_range_are_refused(fields: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least"):
        MixtureOfAgents(**fields)  # type: ignore[arg-type]
