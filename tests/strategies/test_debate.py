"""Debate: agents that answer, read each other's answers, and answer anew."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from orchestrator import Budget, Message, Outcome, Problem, Request, asolve
from orchestrator.errors import ConnectionLost
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.strategies.debate import Debate
from orchestrator.types import Completion, Estimate
from tests.clock import run_virtual

from .golden import batches, calls, emitted, lineage_is_sound, notes
from .planning import asked_for, wide

TASK = Problem("p", (Message("user", "How many legs has a spider?"),), "number")
Script = Callable[[Request], "str | Completion"]


def round_of(request: Request) -> int:
    """1 for the first answer."""
    return sum(message.role == "assistant" for message in request.messages) + 1


def agent(request: Request) -> str:
    """Agent i says in round r that the answer is 10 r + i."""
    return f"I am agent {request.sample_index}. The answer is {10 * round_of(request) + request.sample_index}."


def shown(request: Request) -> list[str]:
    """What the last message lists, in order."""
    return re.findall(r"Candidate \d+:\n```\n(.*?)\n```", request.messages[-1].text, re.DOTALL)


async def debated(script: Script | ScriptedExpert, spec: str = "debate", problem: Problem = TASK) -> Outcome:
    expert = script if isinstance(script, ScriptedExpert) else ScriptedExpert(script)
    return await asolve(problem, experts=[expert.value], strategy=spec)


def test_golden_trace() -> None:
    expert = ScriptedExpert(agent, latency=1.0)
    out, seconds = run_virtual(debated(expert))
    assert sorted(calls(out)[:3]) == [((0, i), "answer") for i in range(3)]
    assert sorted(calls(out)[3:]) == [((1, i), "debate") for i in range(3)]
    assert emitted(out) == [((2 + i,), str(20 + i)) for i in range(3)]
    assert batches(expert)[0] == [0, 1, 2]
    assert sorted(batches(expert)[1:]) == [[0], [1], [2]]
    assert lineage_is_sound(out, [expert])
    assert (out.answer, out.chosen_by, out.stopped_by, seconds) == ("20", "vote", "done", 2.0)


async def test_the_first_round_asks_for_the_same_as_self_consistency() -> None:
    mine, voting = ScriptedExpert(agent), ScriptedExpert(agent)
    await debated(mine, "debate(temperature=0.7)")
    await debated(voting, "self_consistency(samples=3)")
    assert mine.requests[:3] == voting.requests


async def test_each_agent_goes_on_with_its_own_conversation() -> None:
    expert = ScriptedExpert(agent)
    await debated(expert, "debate(rounds=3)")
    for request in expert.requests[6:]:
        own = [message.text for message in request.messages if message.role == "assistant"]
        assert own == [
            f"I am agent {request.sample_index}. The answer is {10 * r + request.sample_index}." for r in (1, 2)
        ]
        assert [message.role for message in request.messages] == ["user", "assistant"] * 2 + ["user"]


async def test_an_agent_reads_what_the_others_said_in_the_round_before_and_nothing_else() -> None:
    expert = ScriptedExpert(agent)
    await debated(expert, "debate(rounds=3)")
    for request in expert.requests[3:]:
        said = [f"I am agent {i}. The answer is {10 * (round_of(request) - 1) + i}." for i in range(3)]
        assert sorted(shown(request)) == sorted(said[: request.sample_index] + said[request.sample_index + 1 :])


async def test_the_question_and_the_format_are_told_again() -> None:
    expert = ScriptedExpert(agent)
    await debated(expert)
    for request in asked_for(expert, "debate"):
        assert request.messages[-1].text.startswith(TASK.question)
        assert request.messages[-1].text.endswith(TASK.format)


def test_the_order_of_the_agents_changes_no_prompt() -> None:
    """Regression test 14: whoever stands where, and whoever answers first, everybody reads the same."""

    def asked(order: Sequence[str], latency: dict[str, float]) -> dict[str, list[tuple[Message, ...]]]:
        def script(name: str) -> Callable[[Request], object]:
            async def reply(request: Request) -> str:
                await asyncio.sleep(latency[name])
                return f"As {name.upper()} I say in round {round_of(request)}: the answer is {len(name)}."

            return reply

        pool = {name: ScriptedExpert(script(name), id=name, max_n=1) for name in order}  # type: ignore[arg-type]
        values = [wide(pool[name], name) for name in order]
        run_virtual(asolve(TASK, experts=values, strategy="debate(agents=4, rounds=3)"))
        return {name: [request.messages for request in expert.requests] for name, expert in pool.items()}

    names = ("ada", "bert", "carla", "dominic")
    usual = asked(names, dict.fromkeys(names, 1.0))
    assert all(len(requests) == 3 for requests in usual.values())
    assert asked(names, {"ada": 9.0, "bert": 1.0, "carla": 4.0, "dominic": 2.0}) == usual
    assert asked(names[::-1], dict.fromkeys(names, 1.0)) == usual
    assert asked(("carla", "ada", "dominic", "bert"), dict.fromkeys(names, 1.0)) == usual


def test_the_same_seed_gives_the_same_whatever_the_latency() -> None:
    """Regression test 18."""

    def solved(latency: float | str, seed: int) -> Outcome:
        expert = ScriptedExpert(agent, latency=latency, seed=seed, max_n=1)
        return run_virtual(asolve(TASK, experts=[wide(expert)], strategy="debate(agents=5, rounds=3)"))[0]

    one, other = solved(1.0, 0), solved("exp:3", 7)
    assert [scored.candidate for scored in one.candidates] == [scored.candidate for scored in other.candidates]


async def test_nobody_is_told_who_said_what() -> None:
    pool = [ScriptedExpert(lambda r: "The answer is 8.", id=f"secret-{i}") for i in range(3)]
    await asolve(TASK, experts=[wide(e, e.value.id) for e in pool], strategy="debate")
    assert all("secret" not in message.text for e in pool for r in e.requests for message in r.messages)


async def test_several_experts_are_dealt_to_and_keep_their_conversation() -> None:
    pool = [ScriptedExpert(agent, id=f"e{i}") for i in range(2)]
    out = await asolve(TASK, experts=[wide(e, e.value.id) for e in pool], strategy="debate")
    assert [scored.candidate.expert for scored in out.candidates] == ["e0", "e1", "e0"]
    assert [[(round_of(r), r.sample_index) for r in e.requests] for e in pool] == [
        [(1, 0), (1, 1), (2, 0), (2, 1)],
        [(1, 0), (2, 0)],
    ]


async def test_long_answers_are_cut_for_the_others_but_not_for_their_author() -> None:
    long = f"begin {'x' * 9000} end. The answer is 8."
    expert = ScriptedExpert(lambda request: long, max_n=1)
    await asolve(TASK, experts=[replace(expert.value)], strategy="debate(longest=200)")
    for request in asked_for(expert, "debate"):
        assert len(request.messages[-1].text) < 2000
        assert request.messages[1].text == long


async def test_hidden_reasoning_is_heard_by_nobody() -> None:
    expert = ScriptedExpert(lambda r: f"<think>private {r.sample_index}</think>The answer is 8.")
    await debated(expert)
    assert all("private" not in message.text for r in expert.requests for message in r.messages)


class TestAgreement:
    async def test_by_default_all_rounds_are_held(self) -> None:
        out = await debated(lambda r: "The answer is 8.")
        assert (out.usage.calls, out.confidence) == (6, 1.0)

    async def test_where_wanted_the_debate_ends_once_all_agree(self) -> None:
        out = await debated(lambda r: "The answer is 8.", "debate(agreement=true, rounds=4)")
        assert (out.usage.calls, out.answer, out.confidence) == (3, "8", 1.0)

    async def test_one_who_dissents_keeps_it_going(self) -> None:
        def script(request: Request) -> str:
            return f"The answer is {8 if round_of(request) > 1 or request.sample_index else 6}."

        out = await debated(script, "debate(agreement=true, rounds=4)")
        assert (out.usage.calls, out.answer) == (6, "8")

    async def test_silence_is_no_agreement(self) -> None:
        out = await debated(lambda r: "Hard to say.", "debate(agreement=true)")
        assert (out.usage.calls, out.answer) == (6, None)

    async def test_the_trace_tells_who_agrees_and_who_was_outvoted(self) -> None:
        def script(request: Request) -> str:
            return f"The answer is {(8, 6, 8)[request.sample_index]}."

        out = await debated(script)
        assert [note["answers"] for note in notes(out, "agreement")] == [[0, 1, 0]] * 2
        assert notes(out, "dissent") == [{"agents": [1]}]
        assert notes(await debated(lambda r: "The answer is 8."), "dissent") == []


class TestAlone:
    async def test_one_agent_is_asked_to_check_its_answer(self) -> None:
        expert = ScriptedExpert(lambda r: f"The answer is {6 if round_of(r) == 1 else 8}.")
        out = await debated(expert, "debate(agents=1)")
        assert (out.answer, out.usage.calls, len(out.candidates)) == ("8", 2, 1)
        last = expert.requests[-1].messages[-1].text
        assert "Go over the answer" in last
        assert "Candidate" not in last


class TestWhatIsLost:
    def failing(self, agent_: int, rounds: Sequence[int]) -> ScriptedExpert:
        def script(request: Request) -> str:
            if request.sample_index == agent_ and round_of(request) in rounds:
                raise ConnectionLost("no line", expert="scripted")
            return agent(request)

        return ScriptedExpert(script, max_n=1)

    def solved(self, expert: ScriptedExpert, spec: str = "debate") -> Outcome:
        return run_virtual(debated(expert, spec))[0]

    def test_an_agent_that_never_answered_takes_no_part(self) -> None:
        expert = self.failing(1, [1])
        out = self.solved(expert)
        assert [scored.candidate.answer for scored in out.candidates] == ["20", "22"]
        assert [len(shown(request)) for request in asked_for(expert, "debate")] == [1, 1]
        assert [note["lost"] for note in notes(out, "round")] == [[1], [1]]

    def test_an_agent_that_is_lost_later_stands_by_what_it_said(self) -> None:
        out = self.solved(self.failing(1, [2, 3]), "debate(rounds=3)")
        assert [scored.candidate.answer for scored in out.candidates] == ["30", "11", "32"]
        assert [note["lost"] for note in notes(out, "round")] == [[], [1], [1]]
        assert "no line" in str(notes(out, "lost")[0]["reason"])

    async def test_an_agent_that_was_lost_for_a_round_goes_on_from_where_it_was(self) -> None:
        turns: list[Request] = []

        def script(request: Request) -> str:
            if request.sample_index != 1:
                return agent(request)
            turns.append(request)
            return ("The answer is 1.", "I cannot help with that.", "The answer is 3.")[len(turns) - 1]

        out = await debated(script, "debate(rounds=3)")
        assert [scored.candidate.answer for scored in out.candidates] == ["30", "3", "32"]
        assert turns[2].messages[:2] == turns[1].messages[:2]
        assert sorted(shown(turns[2])) == [f"I am agent {i}. The answer is {20 + i}." for i in (0, 2)]

    def test_where_nobody_answers_it_has_failed(self) -> None:
        lost = ScriptedExpert(
            lambda r: "", failures=dict.fromkeys(range(99), ConnectionLost("no line", expert="scripted"))
        )
        out = self.solved(lost)
        assert (out.stopped_by, out.answer) == ("failed", None)
        assert "no line" in out.reason

    async def test_a_refusal_reaches_nobody(self) -> None:
        def script(request: Request) -> str:
            return "I'm sorry, I can't help with that." if request.sample_index == 1 else agent(request)

        expert = ScriptedExpert(script)
        out = await debated(expert)
        assert [scored.candidate.answer for scored in out.candidates] == ["20", "22"]
        assert all("sorry" not in message.text for r in expert.requests for message in r.messages)

    async def test_a_reply_without_an_answer_abstains_and_is_not_taken_for_right(self) -> None:
        def script(request: Request) -> str:
            return "Who can tell?" if request.sample_index else "The answer is 6."

        out = await debated(script)
        assert [scored.candidate.key is None for scored in out.candidates] == [False, True, True]
        assert (out.answer, out.confidence) == ("6", 1.0)
        nothing = await debated(lambda r: "Who can tell?")
        assert (nothing.answer, nothing.confidence) == (None, 0.0)

    def test_when_time_is_over_every_agent_stands_by_what_it_said_last(self) -> None:
        async def script(request: Request) -> str:
            await asyncio.sleep(100.0 if round_of(request) == 2 and request.sample_index == 1 else 10.0)
            return agent(request)

        expert = ScriptedExpert(script, max_n=1)
        solving = asolve(TASK, experts=[wide(expert)], strategy="debate", budget=Budget(seconds=25))
        out, seconds = run_virtual(solving)
        assert ([s.candidate.answer for s in out.candidates], out.stopped_by) == (["20", "11", "22"], "budget")
        assert (out.answer, seconds < 30) == ("20", True)


async def test_free_text_is_not_put_to_the_vote() -> None:
    said = ("The sea is in it.", "Air scatters blue light.", "Blue light is scattered by air.", "The sea is in it.")
    problem = Problem("p", (Message("user", "Why is the sky blue?"),))
    out = await debated(lambda r: f"Final answer: {said[r.sample_index]}", "debate(agents=3, rounds=1)", problem)
    assert (out.answer, out.chosen_by) == ("Blue light is scattered by air", "weight")


async def test_programs_are_shown_without_the_words_around_them_and_vote() -> None:
    problem = Problem("p", (Message("user", "Write f."),), "code")
    expert = ScriptedExpert(lambda r: f"Let me think.\n```python\nx = {r.sample_index % 2}\n```")
    out = await debated(expert, "debate", problem)
    assert (out.answer, out.chosen_by, out.usage.calls) == ("x = 0\n", "vote", 6)
    assert sorted(shown(asked_for(expert, "debate")[0])) == ["x = 0", "x = 1"]


@pytest.mark.parametrize(
    ("cap", "agents", "rounds"),
    [(1, 1, 1), (2, 2, 1), (3, 3, 1), (4, 2, 2), (5, 2, 2), (6, 3, 2), (8, 3, 2), (9, 3, 3), (99, 3, 3)],
)
async def test_ladder(cap: int, agents: int, rounds: int) -> None:
    form = Debate(rounds=3).fit(cap, TASK, 1)
    assert form == Debate(agents=agents, rounds=rounds)
    expert = ScriptedExpert(agent)
    out = await asolve(TASK, experts=[expert.value], strategy="debate(rounds=3)", budget=Budget(calls=cap))
    assert (len(out.candidates), len(expert.requests), out.stopped_by) == (agents, agents * rounds, "done")


def test_estimate() -> None:
    assert Debate().estimate(TASK, 1) == Estimate(6, 6.0, 6, 2, candidates=3)
    assert Debate(agreement=True, rounds=3).estimate(TASK, 1) == Estimate(3, 6.0, 9, 3, candidates=3)


@pytest.mark.parametrize("fields", [{"agents": 0}, {"rounds": 0}, {"longest": 5}])
def test_fields_out_of_range_are_refused(fields: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least"):
        Debate(**fields)  # type: ignore[arg-type]
