"""Medprompt: neighbours with chains before the question, options in many orders, one vote."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator import Budget, ConfigError, Message, Problem, Request, answers, asolve
from orchestrator.errors import ServerBusy, WrongKey
from orchestrator.evals.case import Case
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.strategies._example_store import Chain, Store, WorkedExample
from orchestrator.strategies.medprompt import Medprompt
from orchestrator.types import LETTERS, Completion, Estimate, Expert, packed
from tests.clock import run_virtual

from .golden import batches, calls, emitted, lineage_is_sound
from .planning import wide

OPTIONS = ("Mars", "Jupiter", "Saturn", "Venus")
ASKED = Problem("p", (Message("user", "Which planet is the largest in the solar system?"),), "choice", OPTIONS)
Script = Callable[[Request], str | Completion]


def example(question: str, *options: str, answer: str = "A", **fields: object) -> WorkedExample:
    chain = Chain(f"Thinking of: {question} The answer is ({answer}).")
    given = {"kind": "choice", "chains": (chain,), **fields}
    return WorkedExample(question=question, options=options, answer=answer, **given)  # type: ignore[arg-type]


POOL = (
    example("At what temperature does water boil?", "100 C", "50 C"),
    example("Which planet is closest to the sun?", "Mercury", "Neptune"),
    example("Which planet has the largest moon?", "Earth", "Jupiter", answer="B"),
    example("Who wrote Faust?", "Goethe", "Schiller"),
    example("How many planets are there in the solar system?", "eight", "nine"),
    example("Which planet spins on its side?", "Mars", "Uranus", answer="B"),
)


@pytest.fixture
def stored(tmp_path: Path) -> Callable[..., str]:
    """Writes examples into a file; its path as a spec has it."""

    def write(*examples: WorkedExample, **fields: object) -> str:
        path = tmp_path / "examples.json"
        path.write_text(Store(examples or POOL, **fields).to_json(), encoding="utf-8")  # type: ignore[arg-type]
        return f'"{path}"'

    return write


def shown(request: Request, turn: int = -1) -> list[str]:
    """The options that a message shows, in their order."""
    lines = request.messages[turn].text.splitlines()
    return [line[4:] for line in lines if line.startswith("(") and line[2:4] == ") "]


def picks(text: str) -> Script:
    """Always chooses the option with this text, by the letter that it has where it is asked."""
    return lambda request: f"So. The answer is ({LETTERS[shown(request).index(text)]})."


def questions(request: Request) -> list[str]:
    """First lines of all user messages."""
    return [message.text.splitlines()[0] for message in request.messages if message.role == "user"]


class TestEnsemble:
    """Without a file: what shuffling alone does."""

    def test_golden_trace(self) -> None:
        expert = ScriptedExpert(picks("Jupiter"), latency=1.0)
        out, seconds = run_virtual(asolve(ASKED, experts=[wide(expert)], strategy="medprompt"))
        assert sorted(calls(out)) == [((0, i), "answer") for i in range(5)]
        assert emitted(out) == [((0, i, 0), "B") for i in range(5)]
        assert batches(expert) == [[0]] * 5
        assert [event.kind for event in out.trace] == ["call", "emit"] * 5 + ["stop"]
        assert lineage_is_sound(out, [expert])
        assert (seconds, out.answer, out.confidence, out.chosen_by) == (1.0, "B", 1.0, "vote")

    async def test_the_first_member_sees_the_questions_own_order_and_all_see_different_ones(self) -> None:
        expert = ScriptedExpert(picks("Jupiter"))
        await asolve(ASKED, experts=[expert.value], strategy="medprompt")
        orders = [shown(request) for request in expert.requests]
        assert orders[0] == list(OPTIONS)
        assert len({tuple(order) for order in orders}) == 5
        assert all(sorted(order) == sorted(OPTIONS) for order in orders)

    async def test_orders_are_drawn_anew_for_each_question_and_seed(self) -> None:
        async def orders(problem: Problem, seed: int) -> list[list[str]]:
            expert = ScriptedExpert(picks("Jupiter"))
            await asolve(problem, experts=[expert.value], strategy="medprompt", seed=seed)
            return [shown(request) for request in expert.requests]

        other = replace(ASKED, id="another")
        assert await orders(ASKED, 0) == await orders(ASKED, 0)
        assert len({str(await orders(p, s)) for p in (ASKED, other) for s in (0, 1)}) == 4

    @pytest.mark.parametrize("count", [2, 3, 10])
    @pytest.mark.parametrize("true", [0, 1])
    async def test_a_stub_that_always_picks_the_true_text_is_always_right(self, count: int, true: int) -> None:
        problem = replace(ASKED, options=tuple(f"text {i}" for i in range(count)))
        expert = ScriptedExpert(picks(f"text {true}"))
        out = await asolve(problem, experts=[expert.value], strategy="medprompt(members=7)")
        assert (out.answer, out.confidence) == (LETTERS[true], 1.0)
        assert len(expert.requests) == len({request.key for request in expert.requests}) == 7

    async def test_an_order_that_comes_again_is_an_independent_sample(self) -> None:
        problem = replace(ASKED, options=("yes", "no"))
        expert = ScriptedExpert(picks("no"))
        await asolve(problem, experts=[expert.value], strategy="medprompt")
        asked = sorted((shown(request)[0], request.sample_index) for request in expert.requests)
        assert asked == [("no", 0), ("no", 1), ("yes", 0), ("yes", 1), ("yes", 2)]

    async def test_a_stub_that_always_takes_the_first_place_is_outvoted_by_one_that_knows(self) -> None:
        """A liking for a place spreads over the options."""
        expert = ScriptedExpert(lambda _: "The answer is (A).")
        out = await asolve(ASKED, experts=[expert.value], strategy="medprompt(members=24)")
        votes = [scored.candidate.answer for scored in out.candidates]
        assert [votes.count(letter) for letter in "ABCD"] == [6, 6, 6, 6]

    async def test_a_tie_goes_to_the_answer_of_the_unshuffled_member(self) -> None:
        expert = ScriptedExpert(lambda request: picks("Venus" if shown(request) == list(OPTIONS) else "Mars")(request))
        out = await asolve(ASKED, experts=[expert.value], strategy="medprompt(members=2)")
        assert (out.answer, out.confidence) == ("D", 0.5)

    @pytest.mark.parametrize("last", ["None of the above", "All of these"])
    async def test_an_option_about_the_others_stays_last(self, last: str) -> None:
        expert = ScriptedExpert(picks(last))
        out = await asolve(replace(ASKED, options=(*OPTIONS, last)), experts=[expert.value], strategy="medprompt")
        assert {shown(request)[-1] for request in expert.requests} == {last}
        assert len({tuple(shown(request)) for request in expert.requests}) == 5
        assert (out.answer, out.confidence) == ("E", 1.0)

    async def test_options_named_by_letter_keep_their_letters(self) -> None:
        expert = ScriptedExpert(picks("Both A and B"))
        await asolve(replace(ASKED, options=(*OPTIONS, "Both A and B")), experts=[expert.value], strategy="medprompt")
        for request in expert.requests:
            assert [shown(request)[i] for i in (0, 1, 4)] == ["Mars", "Jupiter", "Both A and B"]

    @pytest.mark.parametrize("kind", ["number", "text"])
    async def test_other_kinds_are_sampled_as_often_in_one_call(self, kind: str) -> None:
        expert = ScriptedExpert(lambda request: f"The answer is {request.sample_index // 2}. Final answer: 3")
        problem = Problem("n", (Message("user", "How many?"),), kind)  # type: ignore[arg-type]
        out = await asolve(problem, experts=[expert.value], strategy="medprompt")
        assert batches(expert) == [[0, 1, 2, 3, 4]]
        assert {request.sampling.temperature for request in expert.requests} == {0.7}
        assert len(out.candidates) == 5

    async def test_an_unread_reply_abstains_and_is_not_asked_again(self) -> None:
        def answer(request: Request) -> str:
            return "Hard to say." if shown(request) == list(OPTIONS) else picks("Venus")(request)  # type: ignore[return-value]

        expert = ScriptedExpert(answer)
        out = await asolve(ASKED, experts=[expert.value], strategy="medprompt")
        assert [scored.candidate.answer for scored in out.candidates] == [None, "D", "D", "D", "D"]
        assert (out.confidence, len(expert.requests)) == (1.0, 5)

    def test_a_lost_member_costs_its_vote(self) -> None:
        def answer(request: Request) -> str:
            if shown(request) == list(OPTIONS):
                raise ServerBusy("no")
            return picks("Venus")(request)  # type: ignore[return-value]

        expert = ScriptedExpert(answer)
        out, _ = run_virtual(asolve(ASKED, experts=[expert.value], strategy="medprompt"))
        assert [scored.candidate.answer for scored in out.candidates] == ["D"] * 4

    async def test_the_text_of_a_shuffled_reply_tells_the_questions_own_letter(self) -> None:
        expert = ScriptedExpert(picks("Jupiter"))
        out = await asolve(ASKED, experts=[expert.value], strategy="medprompt")
        assert out.candidates[0].candidate.text == "So. The answer is (B)."
        assert all("the answer is (B)" in scored.candidate.text for scored in out.candidates[1:])

    async def test_members_are_dealt_to_several_experts(self) -> None:
        pool = [ScriptedExpert(picks("Jupiter")), ScriptedExpert(picks("Venus"))]
        values = [wide(expert, f"e{i}") for i, expert in enumerate(pool)]
        out = await asolve(ASKED, experts=values, strategy="medprompt")
        assert [scored.candidate.expert for scored in out.candidates] == ["e0", "e1", "e0", "e1", "e0"]
        assert (out.answer, out.confidence) == ("B", 0.6)

    async def test_recorded_replies_are_asked_for_in_the_order_in_which_they_were_recorded(self, shared: Path) -> None:
        case_file = shared / "replay" / "mmlu_pro.problems.jsonl.gz"
        from itertools import islice

        from orchestrator.evals.sets import open_set

        (case,) = islice(open_set(str(case_file)), 1)
        expert = f"replay:{shared / 'replay' / 'mmlu_pro.generations.jsonl.gz'}"
        from orchestrator.experts.pool import experts_of

        (first, *_) = experts_of([expert])
        ours = await asolve(case.problem, experts=[first], strategy="medprompt(members=3)")
        plain = await asolve(case.problem, experts=[first], strategy="self_consistency(samples=3)")
        answers = [[s.candidate.answer for s in out.candidates] for out in (ours, plain)]
        assert answers[0] == answers[1] != []


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


class TestVectors:
    """By an embedder's vectors."""

    POOL = tuple(
        replace(one, vector=vector)
        for one, vector in zip(
            POOL, [(1.0, 0.0), (0.0, 1.0), (0.6, 0.8), (-1.0, 0.0), (0.8, 0.6), (0.0, -1.0)], strict=True
        )
    )

    @staticmethod
    def embedder(script: Script | None = None) -> ScriptedExpert:
        def vectors(request: Request) -> str:
            return packed([(1.0, 0.0) for _ in request.messages])

        return ScriptedExpert(script or vectors, id="embed-model", latency=1.0)

    def test_the_question_is_embedded_once_and_its_nearest_found(self, stored: Callable[..., str]) -> None:
        expert, embedder = ScriptedExpert(picks("Jupiter"), latency=1.0), self.embedder()
        spec = f"medprompt(store={stored(*self.POOL, embedder='embed-model')}, examples=3)"
        out, seconds = run_virtual(
            asolve(ASKED, experts=[wide(expert)], strategy=spec, roles={"embedder": embedder.value})
        )
        assert [message.text for request in embedder.requests for message in request.messages] == [ASKED.prompt]
        assert questions(expert.requests[0])[:-1] == [POOL[i].question for i in (2, 4, 0)]
        assert (seconds, out.usage.calls) == (2.0, 6)
        assert calls(out)[0] == ((0, 0), "embed")

    async def test_spread_takes_the_nearest_of_several_clusters(self, stored: Callable[..., str]) -> None:
        """Four examples are nearest and alike, four others nearly as near."""
        alike = [replace(POOL[0], question=f"alike {i}", vector=(0.9, 0.436, 0.001 * i)) for i in range(4)]
        other = [replace(POOL[0], question=f"other {i}", vector=(0.8, -0.6, 0.001 * i)) for i in range(4)]
        embedder = self.embedder(lambda request: packed([(1.0, 0.0, 0.0)] * len(request.messages)))
        found = {}
        for selection in ("nearest", "spread"):
            expert = ScriptedExpert(picks("Jupiter"))
            store = stored(*alike, *other, embedder="embed-model")
            spec = f"medprompt(store={store}, examples=4, members=1, selection={selection})"
            await asolve(ASKED, experts=[expert.value], strategy=spec, roles={"embedder": embedder.value})
            found[selection] = questions(expert.requests[0])[:-1]
        assert found["nearest"] == ["alike 3", "alike 2", "alike 1", "alike 0"]
        assert found["spread"] == ["other 1", "other 0", "alike 1", "alike 0"]

    async def test_an_embedder_that_fails_leaves_the_words(self, stored: Callable[..., str]) -> None:
        def broken(_: Request) -> str:
            return "I cannot embed."

        expert = ScriptedExpert(picks("Jupiter"))
        spec = f"medprompt(store={stored(*self.POOL, embedder='embed-model')}, examples=1)"
        out = await asolve(
            ASKED, experts=[expert.value], strategy=spec, roles={"embedder": self.embedder(broken).value}
        )
        assert [event.facts["by"] for event in out.trace if event.kind == "examples"] == ["words"]
        assert out.answer == "B"

    async def test_an_embedder_that_is_lost_for_good_ends_the_problem(self, stored: Callable[..., str]) -> None:
        def refused(_: Request) -> str:
            raise WrongKey("401")

        expert = ScriptedExpert(picks("Jupiter"))
        spec = f"medprompt(store={stored(*self.POOL, embedder='embed-model')})"
        lost = self.embedder(refused).value
        out = await asolve(ASKED, experts=[expert.value], strategy=spec, roles={"embedder": lost})
        assert (out.stopped_by, "401" in out.reason, expert.requests) == ("failed", True, [])

    @pytest.mark.parametrize("other", [None, "another-model"])
    async def test_another_embedder_than_the_files_is_one_clear_error(
        self, stored: Callable[..., str], other: str | None
    ) -> None:
        expert = ScriptedExpert(picks("Jupiter"))
        roles: dict[str, str | Expert] = {}
        if other is not None:
            roles["embedder"] = replace(self.embedder().value, id=other, model=other)
        spec = f"medprompt(store={stored(*self.POOL, embedder='embed-model')})"
        with pytest.raises(ConfigError, match=r"vectors of embed-model, but .*--role embedder=embed-model"):
            await asolve(ASKED, experts=[expert.value], strategy=spec, roles=roles)
        assert expert.requests == []

    async def test_vectors_of_another_length_are_one_clear_error(self, stored: Callable[..., str]) -> None:
        long = self.embedder(lambda request: packed([(1.0, 0.0, 0.0)] * len(request.messages)))
        spec = f"medprompt(store={stored(*self.POOL, embedder='embed-model')})"
        with pytest.raises(ConfigError, match="with 2 numbers, but the embedder gave 3"):
            await asolve(
                ASKED, experts=[ScriptedExpert(picks("Mars")).value], strategy=spec, roles={"embedder": long.value}
            )

    @pytest.mark.parametrize("retriever", ["words", "auto"])
    async def test_no_embedder_is_asked_where_words_do(self, stored: Callable[..., str], retriever: str) -> None:
        embedder = self.embedder()
        pool = self.POOL if retriever == "words" else POOL
        name = "embed-model" if retriever == "words" else None
        spec = f"medprompt(store={stored(*pool, embedder=name)}, retriever={retriever})"
        await asolve(
            ASKED, experts=[ScriptedExpert(picks("Mars")).value], strategy=spec, roles={"embedder": embedder.value}
        )
        assert embedder.requests == []

    def test_vectors_are_wanted_of_a_file_that_has_none(self, stored: Callable[..., str]) -> None:
        with pytest.raises(ValueError, match="retriever=vectors"):
            Medprompt(Path(stored().strip('"')), retriever="vectors")
        with pytest.raises(ValueError, match="retriever=vectors"):
            Medprompt(retriever="vectors")


class TestDirect:
    """Medprompt+: members that name a letter at once."""

    @staticmethod
    def expert(**shares: float) -> ScriptedExpert:
        """Reasons its way to Mars; asked for a letter alone, it has these probabilities for the texts."""

        def answer(request: Request) -> str | Completion:
            if request.labels.purpose == "screen":
                return "no"
            if request.sampling.top_logprobs is None:
                return picks("Mars")(request)
            letters = {text: LETTERS[i] for i, text in enumerate(shown(request))}
            told = tuple((f" {letters[text]}", math.log(share)) for text, share in shares.items())
            return Completion(letters[max(shares, key=lambda text: shares[text])], alternatives=told)

        return ScriptedExpert(answer, latency=1.0)

    def test_they_count_by_the_probability_of_the_texts_whatever_their_letters(self) -> None:
        expert = self.expert(Saturn=0.6, Mars=0.3, Venus=0.1)
        out, seconds = run_virtual(asolve(ASKED, experts=[wide(expert)], strategy="medprompt(members=2, direct=4)"))
        assert [scored.candidate.answer for scored in out.candidates] == ["A", "A", "C", "C", "C", "C"]
        assert (out.answer, out.chosen_by, seconds) == ("C", "weight", 2.0)
        assert out.confidence == pytest.approx(4 * 0.6 / (4 * 0.6 + 4 * 0.3 + 2 * 0.5))
        assert (out.usage.calls, len({request.key for request in expert.requests})) == (7, 7)

    async def test_whoever_reads_their_text_finds_the_same_answer(self) -> None:
        out = await asolve(ASKED, experts=[self.expert(Venus=0.9).value], strategy="medprompt(members=1, direct=5)")
        for scored in out.candidates:
            reading = answers.read_now(ASKED, scored.candidate.text)
            assert reading is not None
            assert reading.key == scored.candidate.key

    async def test_their_examples_are_answered_with_a_letter_alone(self, stored: Callable[..., str]) -> None:
        expert = self.expert(Jupiter=1.0)
        spec = f"medprompt(store={stored()}, members=1, direct=1, examples=2)"
        await asolve(ASKED, experts=[expert.value], strategy=spec)
        (request,) = [one for one in expert.requests if one.sampling.top_logprobs]
        assert [message.text for message in request.messages if message.role == "assistant"] == ["A", "B"]
        assert "with nothing else" in request.messages[0].text

    async def test_without_log_probabilities_they_abstain_and_the_reasoned_vote(self) -> None:
        expert = ScriptedExpert(lambda request: "B" if request.sampling.top_logprobs else picks("Mars")(request))
        out = await asolve(ASKED, experts=[expert.value], strategy="medprompt(members=2, direct=3)")
        assert [scored.candidate.answer for scored in out.candidates] == ["A", "A", None, None, None]
        assert (out.answer, out.chosen_by, len(expert.requests)) == ("A", "vote", 5)

    async def test_other_kinds_have_none(self) -> None:
        expert = ScriptedExpert(lambda _: "The answer is 4")
        problem = Problem("n", (Message("user", "2 + 2?"),), "number")
        out = await asolve(problem, experts=[expert.value], strategy="medprompt(members=2, direct=3)")
        assert (out.answer, len(expert.requests)) == ("4", 2)

    def test_the_ladder_drops_them_first(self) -> None:
        full = Medprompt(members=20, direct=10)
        assert full.aggregator == "portfolio"
        assert full.estimate(ASKED, 1) == Estimate(30, 30.0, 30, 1, 30)
        assert full.fit(25, ASKED, 1) == replace(full, direct=5)
        assert full.fit(7, ASKED, 1) == replace(full, members=7, direct=0)


class TestLabels:
    """What may not be known is not known."""

    async def test_requests_are_the_same_whatever_the_right_answers_are(self, stored: Callable[..., str]) -> None:
        spec = f"medprompt(store={stored()})"

        async def asked(reference: str) -> list[bytes]:
            expert = ScriptedExpert(picks("Jupiter"))
            case = Case(ASKED, reference)  # type: ignore[arg-type]
            await asolve(case.problem, experts=[expert.value], strategy=spec)
            return [request.key for request in expert.requests]

        assert await asked("A") == await asked("B")

    async def test_no_question_but_those_of_the_file_is_an_example(self, stored: Callable[..., str]) -> None:
        """Other test questions that the run has answered are none."""
        from orchestrator import Orchestrator

        expert = ScriptedExpert(lambda request: f"The answer is ({LETTERS[len(shown(request)) - 1]}).")
        spec = f"medprompt(store={stored()}, examples=9)"
        async with Orchestrator(experts=[expert.value], strategy=spec) as o:
            for i, text in enumerate(["Which planet is blue?", "Which planet has rings?", "Which planet is coldest?"]):
                await o.solve(replace(ASKED, id=str(i), messages=(Message("user", text),)))
        for request in expert.requests:
            assert set(questions(request)[:-1]) == {one.question for one in POOL}


class TestBudget:
    @pytest.mark.parametrize(("cap", "members"), [(1, 1), (3, 3), (5, 5), (99, 5)])
    async def test_the_ladder_has_fewer_members(self, cap: int, members: int) -> None:
        expert = ScriptedExpert(picks("Jupiter"))
        out = await asolve(ASKED, experts=[expert.value], strategy="medprompt", budget=Budget(calls=cap))
        assert (len(expert.requests), out.stopped_by, out.answer) == (members, "done", "B")

    async def test_the_lowest_rung_goes_without_vectors(self, stored: Callable[..., str]) -> None:
        path = Path(stored(*TestVectors.POOL, embedder="embed-model").strip('"'))
        full = Medprompt(path)
        assert full.estimate(ASKED, 1) == Estimate(6, 6.0, 6, 2, 5)
        assert full.fit(6, ASKED, 1) == full
        assert full.fit(3, ASKED, 1) == replace(full, members=2)
        assert full.fit(1, ASKED, 1) == replace(full, members=1, retriever="words")
        assert full.fit(0, ASKED, 1) is None

    def test_estimate(self, stored: Callable[..., str]) -> None:
        assert Medprompt().estimate(ASKED, 3) == Estimate(5, 5.0, 5, 1, 5)
        assert Medprompt(Path(stored().strip('"')), members=11).estimate(ASKED, 1) == Estimate(11, 11.0, 11, 1, 11)

    @pytest.mark.parametrize("fields", [{"members": 0}, {"examples": -1}, {"prepared_orders": 0}])
    def test_what_makes_no_sense_is_said(self, fields: dict[str, int]) -> None:
        with pytest.raises(ValueError, match="count from 1"):
            Medprompt(**fields)  # type: ignore[arg-type]

    def test_a_file_that_is_not_there_is_said_before_anything_is_asked(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="No such file"):
            Medprompt(tmp_path / "none.json").estimate(ASKED, 1)

    async def test_a_file_that_changes_is_read_again(self, stored: Callable[..., str]) -> None:
        spec = f"medprompt(store={stored(POOL[0])})"
        before = ScriptedExpert(picks("Mars"))
        await asolve(ASKED, experts=[before.value], strategy=spec)
        stored(*POOL[:3])
        after = ScriptedExpert(picks("Mars"))
        await asolve(ASKED, experts=[after.value], strategy=spec)
        assert (len(before.requests[0].messages), len(after.requests[0].messages)) == (3, 7)
