"""Mixture-of-Agents: layers of answers, each written in the light of the one before."""

from __future__ import annotations

import re

import pytest

from orchestrator import Budget, Message, Problem, Request, asolve
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.strategies.moa import MixtureOfAgents
from orchestrator.strategies.self_consistency import SelfConsistency
from orchestrator.types import Estimate, Expert
from tests.clock import run_virtual

from .golden import batches, calls, emitted, lineage_is_sound
from .mixing import TASK, agent, mixed, shown
from .planning import asked_for, counts, wide


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


@pytest.mark.parametrize("purpose", ["answer", "refine"])
async def test_of_each_expert_its_own_first_samples_are_asked_for(purpose: str) -> None:
    pool = [ScriptedExpert(agent, id=f"e{i}") for i in range(4)]
    await asolve(TASK, experts=[wide(e, e.value.id) for e in pool], strategy="moa")
    samples = [sorted(request.sample_index for request in asked_for(expert, purpose)) for expert in pool]
    assert samples == [[0, 1], [0, 1], [0], [0]]


async def test_a_later_answer_names_the_answers_that_it_has_read() -> None:
    expert = ScriptedExpert(agent)
    out = await mixed(expert, "moa(proposers=3)")
    first, later = ({request.key.hex() for request in asked_for(expert, name)} for name in ("answer", "refine"))
    for scored in out.candidates:
        *read, own = scored.candidate.parents
        assert (set(read), own in later) == (first, True)


async def test_the_role_aggregator_writes_with_the_settings_of_the_proposers() -> None:
    expert, writer = ScriptedExpert(agent), ScriptedExpert(agent, id="writer")
    roles: dict[str, str | Expert] = {"aggregator": writer.value}
    await mixed(expert, "moa(proposers=2, temperature=0.3, max_tokens=900, longest=500)", roles=roles)
    (request,) = writer.requests
    assert request.labels.purpose == "synthesis"
    assert (request.sampling.temperature, request.sampling.max_tokens) == (0.3, 900)
    assert {(r.sampling.temperature, r.sampling.max_tokens) for r in expert.requests} == {(0.3, 900)}


@pytest.mark.parametrize("proposers", [16, 17])
async def test_the_writer_reads_all_proposals_however_many_there_are(proposers: int) -> None:
    expert = ScriptedExpert(agent)
    await mixed(expert, f"moa(proposers={proposers}, layers=2)")
    (request,) = asked_for(expert, "synthesis")
    assert len(re.findall(r"Candidate \d+:", request.messages[-1].text)) == proposers


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
