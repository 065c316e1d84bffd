"""Reading replies, and what a candidate knows of where it came from."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator import answers
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.run import Run
from orchestrator.types import Answer, Completion, Problem

from .stage import PROBLEM, play, prompt


def say(text: str) -> ScriptedExpert:
    return ScriptedExpert(lambda _: text, id="e")


class TestReading:
    async def read(self, run: Run, reply: object) -> Answer:
        return await run.read(reply)  # type: ignore[arg-type]

    def test_replies_completions_and_texts_are_read_alike(self) -> None:
        async def act(run: Run) -> list[Answer]:
            reply = await run.generate(prompt(), n=2)
            return [await run.read(what) for what in (reply, reply[1], reply.text)]

        answered = play(act, say("So the answer is 4.")).result
        assert answered is not None
        assert {(a.text, a.value, a.key, a.abstains) for a in answered} == {("So the answer is 4.", "4", "4", False)}
        first, second, none = [answer.source for answer in answered]
        assert (first is None, second is None, none) == (False, False, None)
        assert first != second

    def test_what_cannot_be_read_abstains(self) -> None:
        async def act(run: Run) -> Answer:
            return await run.read(await run.generate(prompt()))

        answer = play(act, say("I cannot tell.")).result
        assert answer is not None
        assert (answer.abstains, answer.value, answer.text) == (True, None, "I cannot tell.")
        assert answer.source is not None

    def test_each_text_is_read_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[str] = []
        read = answers.read

        async def counted(problem: Problem, text: str) -> answers.Reading | None:
            asked.append(text)
            return await read(problem, text)

        monkeypatch.setattr(answers, "read", counted)

        async def act(run: Run) -> None:
            await run.map(lambda text, branch: branch.read(text), ["The answer is 4", "No", "The answer is 4", "No"])
            await run.read("No")

        play(act, say(""))
        assert sorted(asked) == ["No", "The answer is 4"]


class TestCandidates:
    def test_it_holds_what_the_reply_was(self) -> None:
        reply = Completion("The answer is 4", finish="length", logprobs=(-0.5, -0.1), confidences=(2.0, 3.5))

        async def act(run: Run) -> None:
            run.emit(await run.read(await run.generate(prompt())))

        played = play(act, ScriptedExpert(lambda _: reply, id="e"))
        (candidate,) = played.emitted
        assert (candidate.text, candidate.answer, candidate.key) == ("The answer is 4", "4", "4")
        assert (candidate.id, candidate.place, candidate.problem, candidate.strategy) == ("0", (0,), "p", "test")
        assert (candidate.expert, candidate.finish, candidate.logprobs) == ("e", "length", (-0.5, -0.1))
        assert candidate.confidences == (2.0, 3.5)

    def test_parents_are_what_is_named_and_then_the_reply_itself(self) -> None:
        async def act(run: Run) -> list[str]:
            plan = await run.generate(prompt("plan"), purpose="plan")
            reply = await run.generate(prompt("answer"))
            answer = await run.read(reply)
            first = run.emit(answer, parents=[plan, "an observation"])
            run.emit(answer, parents=[reply[0], first])
            run.emit(Answer("of nobody"))
            return [plan.id, reply.id, first.id]

        played = play(act, say("The answer is 4"))
        assert played.result is not None
        plan, reply, first = played.result
        assert [candidate.parents for candidate in played.emitted] == [
            (plan, "an observation", reply),
            (reply, first),
            (),
        ]

    def test_one_without_a_reply_is_the_run_s_expert_s(self) -> None:
        async def act(run: Run) -> None:
            await run.map(emits, [0, 1])

        async def emits(item: int, branch: Run) -> None:
            branch.emit(Answer("text"))

        played = play(act, say(""), replace(say("").value, id="f"))
        assert [(c.id, c.expert) for c in played.emitted] == [("0.0.0", "e"), ("0.1.0", "f")]

    def test_it_is_safe_whatever_comes_after(self) -> None:
        async def act(run: Run) -> None:
            run.emit(Answer("text"))
            raise ZeroDivisionError

        played = play(act, say(""), problem=PROBLEM)
        assert isinstance(played.error, ZeroDivisionError)
        assert len(played.emitted) == 1

    def test_the_trace_says_so_without_any_text(self) -> None:
        async def act(run: Run) -> None:
            run.emit(await run.read(await run.generate(prompt("a secret question"))))

        played = play(act, say("a secret reply. The answer is 4"))
        (event,) = played.table.trace.of("emit")
        assert (event.place, event.facts["answer"]) == ((0,), True)
        assert "secret" not in str([event.to_json() for event in played.table.trace])
