"""What `generate` asks for: an expert's own settings, what makes a request another one, and its turn."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.budget import Budget
from orchestrator.run import Run
from orchestrator.types import Expert, Labels, Message, Problem, Prompt, Request, Sampling

from . import stage
from .stage import PROBLEM, echo, play, prompt


def asked(expert: Expert, **settings: object) -> Request:
    """The one request that a question to this expert comes to."""
    scripted = echo()
    value = replace(expert, client="scripted", options=scripted.value.options)
    play(lambda run: run.generate(prompt(), **settings), value)  # type: ignore[arg-type]
    (request,) = scripted.requests
    return request


class TestSampling:
    def test_a_cap_on_tokens_is_always_sent(self) -> None:
        assert asked(Expert("e", "m")).sampling == Sampling(max_tokens=2048)
        assert asked(Expert("e", "m"), sampling=Sampling(0.5)).sampling == Sampling(0.5, max_tokens=2048)
        assert asked(Expert("e", "m"), sampling=Sampling(max_tokens=9)).sampling.max_tokens == 9

    def test_the_user_s_settings_of_an_expert_win_over_the_strategy_s(self) -> None:
        expert = Expert("e", "m", sampling=Sampling(0.0, stop=("A",), extra_body={"a": 1, "b": 1}))
        strategy = Sampling(0.7, 0.9, 300, ("B",), extra_body={"b": 2, "c": 2}, reasoning_effort="low")
        assert asked(expert, sampling=strategy).sampling == Sampling(
            0.0, 0.9, 300, ("A",), reasoning_effort="low", extra_body={"a": 1, "b": 1, "c": 2}
        )

    def test_tools_and_formats_are_passed_on(self) -> None:
        tools, form = ({"type": "function", "function": {"name": "f"}},), {"type": "json_object"}
        request = asked(Expert("e", "m"), tools=tools, response_format=form)
        assert (request.tools, request.response_format) == (tools, form)


class TestIdentity:
    def test_settings_that_were_changed_in_place_are_another_request(self) -> None:
        scripted, form = echo(), {"type": "json_object"}

        async def act(run: Run) -> None:
            await run.generate(prompt(), response_format=form)
            form["type"] = "text"
            await run.generate(prompt(), response_format=form)

        play(act, scripted)
        first, second = scripted.requests
        assert (first.key != second.key, second.response_format) == (True, {"type": "text"})

    def test_experts_of_one_id_are_each_asked_in_their_own_way(self) -> None:
        scripted = echo()
        poet = replace(scripted.value, persona="You are a poet.")

        async def act(run: Run) -> None:
            await run.generate(prompt())
            await run.generate(prompt(), expert=poet)

        play(act, scripted)
        assert [len(request.messages) for request in scripted.requests] == [1, 2]

    def test_a_request_names_expert_model_seed_and_what_it_is_for(self) -> None:
        request = asked(Expert("e", "m"), purpose="plan", sample=3)
        assert (request.expert, request.model, request.sample_index, request.salt) == ("e", "m", 3, "seed=0")
        assert request.labels == Labels("p", "plan", ())

    def test_a_persona_comes_first(self) -> None:
        poet = Expert("e", "m", persona="You are a poet.")
        assert asked(poet).messages == (Message("system", "You are a poet."), Message("user", "What is 2 + 2?"))

    def test_a_persona_joins_a_system_message_that_is_there(self) -> None:
        scripted = echo()
        talk = Prompt((Message("system", "Be brief."), Message("user", "Hello")))
        play(lambda run: run.generate(talk), replace(scripted.value, persona="You are a poet."))
        assert scripted.requests[0].messages == (
            Message("system", "You are a poet.\n\nBe brief."),
            Message("user", "Hello"),
        )

    def test_a_replay_expert_is_asked_by_problem_and_purpose(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """It answers by them, so the same words for another problem or purpose are another request."""
        scripted = echo()
        monkeypatch.setattr(stage, "backend_of", lambda expert: scripted)

        async def asks(problem: Problem, run: Run) -> None:
            await run.generate(prompt("q"))
            await run.generate(prompt("q"), purpose="tests")

        async def act(run: Run) -> None:
            await asks(PROBLEM, run)
            await run.delegate(asks, replace(PROBLEM, id="other"))

        play(act, Expert("r", "m", client="replay"))
        assert [(r.salt, r.labels.problem, r.labels.purpose) for r in scripted.requests] == [
            (f"seed=0|{problem}|{purpose}", problem, purpose)
            for problem in ("p", "other")
            for purpose in ("answer", "tests")
        ]

    def test_the_reply_cites_its_request(self) -> None:
        scripted = echo()
        played = play(lambda run: run.generate(prompt()), scripted)
        assert played.result is not None
        assert played.result.id == scripted.requests[0].key.hex()
        assert played.events("call") == [()]


class TestTurn:
    def test_stage_counts_the_replies_awaited_along_a_path(self) -> None:
        async def act(run: Run) -> list[int]:
            stages = [run.stage]
            await run.generate(prompt("a"), n=3)
            stages.append(run.stage)

            async def branch(depth: int, inner: Run) -> None:
                for i in range(depth):
                    await inner.generate(prompt(f"{depth} {i}"))

            await run.map(branch, [1, 4, 2])
            return [*stages, run.stage]

        assert play(act, echo()).result == [0, 1, 5]

    def test_a_delegate_s_replies_are_along_the_path_too(self) -> None:
        async def twice(problem: Problem, run: Run) -> None:
            await run.generate(prompt("a"))
            await run.generate(prompt("b"))

        async def act(run: Run) -> int:
            await run.generate(prompt("first"))
            await run.delegate(twice)
            return run.stage

        assert play(act, echo()).result == 3

    def test_a_role_has_the_expert_that_was_given_for_it(self) -> None:
        judge, worker = echo(id="judge"), echo(id="worker")

        async def act(run: Run) -> tuple[str, str]:
            return run.role("judge").id, run.role("tagger").id

        assert play(act, worker, roles={"judge": judge.value}).result == ("judge", "worker")

    def test_the_budget_is_the_caps_whatever_is_spent(self) -> None:
        async def act(run: Run) -> tuple[Budget, Budget]:
            before = run.budget
            await run.generate(prompt())
            return before, run.budget

        caps = Budget(calls=7, seconds=60)
        assert play(act, echo(), budget=caps).result == (caps, caps)
