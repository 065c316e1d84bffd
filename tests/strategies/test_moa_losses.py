"""Mixture-of-Agents: proposers that are lost, cut off or refuse, and budgets that end it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from orchestrator import Budget, Outcome, Request, asolve
from orchestrator.errors import ConnectionLost
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.types import Completion, Tokens
from tests.clock import run_virtual

from .golden import notes
from .mixing import TASK, agent, mixed, shown
from .planning import asked_for, counts, wide


def solved(
    script: Callable[[Request], str | Completion], spec: str = "moa(proposers=4)"
) -> tuple[Outcome, ScriptedExpert]:
    expert = ScriptedExpert(script, max_n=1)
    return run_virtual(mixed(expert, spec))[0], expert


def test_one_failed_and_one_truncated_are_left_out_and_told() -> None:
    def script(request: Request) -> str | Completion:
        if request.labels.purpose == "answer" and request.sample_index == 1:
            raise ConnectionLost("no line", expert="scripted")
        if request.labels.purpose == "answer" and request.sample_index == 2:
            return Completion("I was just about to say", finish="length", tokens=Tokens(1, 1))
        return agent(request)

    out, expert = solved(script)
    assert (out.answer, out.chosen_by, out.stopped_by) == ("8", "synthesis", "done")
    lost = {str(note["error"]): str(note["reason"]) for note in notes(out, "lost")}
    assert set(lost) == {"ConnectionLost", "Truncated"}
    assert "no line" in lost["ConnectionLost"]
    assert [(n["round"], n["answered"], n["lost"]) for n in notes(out, "round")] == [(1, 2, [1, 2]), (2, 4, [])]
    assert (out.usage.failed, out.usage.truncated) == (1, 1)
    assert all(len(shown(request)) == 2 for request in asked_for(expert, "refine"))
    assert all("about to say" not in m.text for request in expert.requests for m in request.messages)


def test_who_is_lost_in_a_later_layer_stands_by_its_earlier_answer() -> None:
    def script(request: Request) -> str:
        if request.labels.purpose == "refine" and request.sample_index == 1:
            raise ConnectionLost("no line", expert="scripted")
        return agent(request)

    out, _ = solved(script, "moa(proposers=3)")
    assert [scored.candidate.answer for scored in out.candidates] == ["20", "11", "22"]
    assert notes(out, "round")[1]["lost"] == [1]


def test_refusals_are_left_out() -> None:
    def script(request: Request) -> str:
        return "I'm sorry, I can't help with that." if request.sample_index == 3 else agent(request)

    out, expert = solved(script)
    assert len(out.candidates) == 3
    assert all("sorry" not in message.text for r in expert.requests for message in r.messages)


def test_where_nobody_answers_there_is_nothing_to_refine() -> None:
    out, expert = solved(lambda request: "I'm sorry, I can't help with that.", "moa(proposers=2, layers=3)")
    assert (out.answer, counts(expert)) == (None, {"answer": 2})


def test_where_all_are_lost_it_has_failed() -> None:
    def script(request: Request) -> str:
        raise ConnectionLost("no line", expert="scripted")

    out, expert = solved(script)
    assert (out.stopped_by, out.answer) == ("failed", None)
    assert "no line" in out.reason
    assert set(counts(expert)) == {"answer"}


def test_one_proposal_is_taken_as_it_is() -> None:
    def script(request: Request) -> str:
        if request.sample_index:
            raise ConnectionLost("no line", expert="scripted")
        return agent(request)

    out, expert = solved(script)
    assert (out.answer, out.chosen_by, counts(expert).get("synthesis")) == ("20", "vote", None)


def test_where_the_writer_fails_the_proposals_vote() -> None:
    def script(request: Request) -> str:
        return "Who knows?" if request.labels.purpose == "synthesis" else "The answer is 6."

    out, _ = solved(script)
    assert (out.answer, out.chosen_by) == ("6", "vote")
    assert "cannot be read" in out.reason


def test_when_time_is_over_every_proposer_stands_by_what_it_said_last() -> None:
    async def script(request: Request) -> str:
        await asyncio.sleep(100.0 if request.labels.purpose == "refine" and request.sample_index == 1 else 10.0)
        return agent(request)

    expert = ScriptedExpert(script, max_n=1)
    solving = asolve(TASK, experts=[wide(expert)], strategy="moa(proposers=3)", budget=Budget(seconds=25))
    out, seconds = run_virtual(solving)
    assert ([s.candidate.answer for s in out.candidates], out.stopped_by) == (["20", "11", "22"], "budget")
    assert (out.answer is not None, seconds < 30) == (True, True)


def test_when_tokens_are_over_likewise() -> None:
    expert = ScriptedExpert(agent, max_n=1)
    spec = "moa(proposers=4, max_tokens=100)"
    out, _ = run_virtual(asolve(TASK, experts=[wide(expert)], strategy=spec, budget=Budget(tokens=1500)))
    assert out.stopped_by == "budget"
    assert len(out.candidates) == 4
    assert out.answer is not None
