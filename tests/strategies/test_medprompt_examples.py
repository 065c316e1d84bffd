"""Medprompt: which examples stand before the question, and how they are told."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator import Message, Orchestrator, Problem, Request, Sampling, asolve
from orchestrator.evals.sets import open_set
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.strategies._example_store import Chain, WorkedExample
from orchestrator.types import LETTERS

from .planning import wide
from .quizzing import ASKED, OPTIONS, POOL, example, picks, questions, shown


class TestNeighbours:
    async def test_the_most_alike_stand_last_each_with_its_chain(self, stored: Callable[..., str]) -> None:
        expert = ScriptedExpert(picks("Jupiter"))
        await asolve(ASKED, experts=[expert.value], strategy=f"medprompt(store={stored()}, examples=2)")
        for request in expert.requests:
            assert questions(request) == [
                "How many planets are there in the solar system?",
                "Which planet has the largest moon?",
                ASKED.prompt,
            ]

    async def test_turns_alternate_behind_the_system_message(self, stored: Callable[..., str]) -> None:
        problem = replace(ASKED, messages=(Message("system", "Be brief."), *ASKED.messages))
        expert = ScriptedExpert(picks("Jupiter"))
        await asolve(problem, experts=[expert.value], strategy=f"medprompt(store={stored()}, examples=2)")
        request = expert.requests[0]
        assert [message.role for message in request.messages] == [
            "system",
            "user",
            "assistant",
            "user",
            "assistant",
            "user",
        ]
        assert request.messages[2].text.startswith("Thinking of: ")
        assert "The answer is (X)" in request.messages[1].text

    @pytest.mark.parametrize(
        "twin",
        [
            example(ASKED.prompt, *OPTIONS, answer="B"),
            example("What is the largest planet of our solar system?", *reversed(OPTIONS), answer="C"),
            example("IN THE SOLAR SYSTEM, WHICH PLANET IS LARGEST", *OPTIONS, answer="B"),
        ],
        ids=["itself", "reworded", "shouted"],
    )
    async def test_the_question_itself_is_never_among_its_examples(
        self, stored: Callable[..., str], twin: WorkedExample
    ) -> None:
        expert = ScriptedExpert(picks("Jupiter"))
        await asolve(ASKED, experts=[expert.value], strategy=f"medprompt(store={stored(*POOL, twin)}, examples=9)")
        assert set(questions(expert.requests[0])) == {*(one.question for one in POOL), ASKED.prompt}

    async def test_a_short_question_excludes_no_innocent_ones(self, stored: Callable[..., str]) -> None:
        """It stands word by word in another."""
        within = example("What is a planet, and what is a moon?", "a body", "a tale")
        problem = replace(ASKED, messages=(Message("user", "What is a planet"),), options=("a body", "a tale"))
        expert = ScriptedExpert(picks("a body"))
        await asolve(problem, experts=[expert.value], strategy=f"medprompt(store={stored(within)})")
        assert questions(expert.requests[0]) == [within.question, problem.prompt]

    async def test_a_pool_smaller_than_k_is_used_whole(self, stored: Callable[..., str]) -> None:
        expert = ScriptedExpert(picks("Jupiter"))
        await asolve(ASKED, experts=[expert.value], strategy=f"medprompt(store={stored(POOL[0])}, examples=20)")
        assert len(expert.requests[0].messages) == 3

    async def test_examples_of_another_kind_are_left_out(self, stored: Callable[..., str]) -> None:
        number = WorkedExample("number", "Largest planet's moons?", (), "95", (Chain("The answer is 95"),))
        expert = ScriptedExpert(picks("Jupiter"))
        await asolve(ASKED, experts=[expert.value], strategy=f"medprompt(store={stored(number)})")
        assert len(expert.requests[0].messages) == 1

    async def test_a_chain_stands_behind_the_order_that_it_speaks_of(self, stored: Callable[..., str]) -> None:
        turned = example(
            "Which planet is red?", "Mars", "Venus", "Uranus", chains=(Chain("(C) is red.", order=(2, 1, 0)),)
        )
        expert = ScriptedExpert(picks("Jupiter"))
        await asolve(ASKED, experts=[expert.value], strategy=f"medprompt(store={stored(turned)})")
        for request in expert.requests:
            assert (shown(request, 0), request.messages[1].text) == (["Uranus", "Venus", "Mars"], "(C) is red.")

    async def test_of_several_chains_each_member_draws_one_of_its_own_experts(self, stored: Callable[..., str]) -> None:
        chains = tuple(Chain(f"{name} {i}", name) for name in ("e0", "e1") for i in range(4))
        pool = [ScriptedExpert(picks("Jupiter")) for _ in range(3)]
        values = [wide(expert, f"e{i}") for i, expert in enumerate(pool)]
        spec = f"medprompt(store={stored(replace(POOL[1], chains=chains))}, members=90)"
        await asolve(ASKED, experts=values, strategy=spec)
        used = [{request.messages[1].text for request in expert.requests} for expert in pool]
        assert used[0] == {f"e0 {i}" for i in range(4)}
        assert used[1] == {f"e1 {i}" for i in range(4)}
        assert used[2] <= used[0] | used[1]

    async def test_examples_that_the_context_has_no_room_for_are_left_out(self, stored: Callable[..., str]) -> None:
        long = replace(POOL[2], chains=(Chain("word " * 400),))
        expert = ScriptedExpert(picks("Jupiter"))
        spec = f"medprompt(store={stored(*POOL[:2], long, POOL[4])}, examples=4, max_tokens=300)"
        await asolve(ASKED, experts=[replace(expert.value, context=1000)], strategy=spec)
        assert set(questions(expert.requests[0])[:-1]) == {POOL[i].question for i in (0, 1, 4)}
        tight = ScriptedExpert(picks("Jupiter"))
        await asolve(ASKED, experts=[replace(tight.value, context=400)], strategy=spec)
        assert len(tight.requests[0].messages) == 1

    @pytest.mark.parametrize("own", [None, 100])
    async def test_all_examples_together_have_to_fit(self, stored: Callable[..., str], own: int | None) -> None:
        """A third of the bytes and a few tokens a message, and the reply's cap, to the last token."""
        spec = f"medprompt(store={stored(*POOL[:2])}, members=1, max_tokens=300)"

        async def asked(context: int | None) -> Request:
            expert = ScriptedExpert(picks("Jupiter"))
            value = replace(expert.value, context=context, sampling=Sampling(max_tokens=own))
            await asolve(ASKED, experts=[value], strategy=spec)
            return expert.requests[0]

        messages = (await asked(None)).messages
        room = (own or 300) + sum(len(message.text.encode()) // 3 + 8 for message in messages)
        assert [len((await asked(context)).messages) for context in (room, room - 1)] == [len(messages), 3]

    async def test_programs_are_shown_with_the_tests_that_belong_to_them(self, stored: Callable[..., str]) -> None:
        known = WorkedExample(
            "code",
            "Write add.",
            (),
            "def add(a, b): ...",
            (Chain("```python\nx\n```"),),
            "Write add.\n\nassert add(1, 1)",
        )
        problem = Problem("c", (Message("user", "Write sub."),), "code", public_tests=("assert sub(1, 1) == 0",))
        expert = ScriptedExpert(lambda _: "```python\ndef sub(a, b):\n    return a - b\n```")
        out = await asolve(problem, experts=[expert.value], strategy=f"medprompt(store={stored(known)}, members=2)")
        first = expert.requests[0].messages
        assert "assert add(1, 1)" in first[0].text
        assert "assert sub" not in first[0].text
        assert "fenced block of Python" in first[0].text
        assert out.chosen_by == "verified"


class TestLabels:
    """What may not be known is not known."""

    async def test_requests_are_the_same_whatever_the_right_answers_are(
        self, stored: Callable[..., str], tmp_path: Path
    ) -> None:
        async def asked(right: str) -> list[bytes]:
            row = {"id": "p", "kind": "choice", "question": ASKED.prompt, "options": OPTIONS, "answer": right}
            (tmp_path / "set.jsonl").write_text(json.dumps(row) + "\n")
            (case,) = open_set(str(tmp_path / "set.jsonl"))
            assert case.reference.answer == right
            expert = ScriptedExpert(picks("Jupiter"))
            await asolve(case.problem, experts=[expert.value], strategy=f"medprompt(store={stored()}, direct=1)")
            return [request.key for request in expert.requests]

        assert await asked("A") == await asked("B")

    async def test_no_question_but_those_of_the_file_is_an_example(self, stored: Callable[..., str]) -> None:
        """Other test questions that the run has answered are none."""
        expert = ScriptedExpert(lambda request: f"The answer is ({LETTERS[len(shown(request)) - 1]}).")
        spec = f"medprompt(store={stored()}, examples=9)"
        async with Orchestrator(experts=[expert.value], strategy=spec) as o:
            for i, text in enumerate(["Which planet is blue?", "Which planet has rings?", "Which planet is coldest?"]):
                await o.solve(replace(ASKED, id=str(i), messages=(Message("user", text),)))
        for request in expert.requests:
            assert set(questions(request)[:-1]) == {one.question for one in POOL}
