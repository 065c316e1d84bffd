"""Solo performance prompting: one reply that tells a collaboration, and what is done where that comes to nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator import Budget, ConfigError, ContentFiltered, Message, Problem, Request, asolve
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.strategies.spp import SPP
from orchestrator.strategies.spp_fixed import SPPFixed
from orchestrator.strategies.spp_profile import SPPProfile
from orchestrator.types import Completion, Estimate, Sampling
from tests.clock import run_virtual

from .golden import batches, calls, emitted, lineage_is_sound, notes
from .planning import counts, wide

ASKED = Problem("p", (Message("user", "What is 6 times 7?"),), "number")
FORMS = ("spp", "spp_fixed", "spp_profile")
CAST = "Participants: AI Assistant (you); Mathematician"
TALK = (
    CAST
    + """

Start collaboration!

Mathematician: 41?
AI Assistant (you): {}.

Finish collaboration!

Final answer: {}"""
)


def told(answer: object) -> str:
    return TALK.format(answer, answer)


def player(first: str = told(42), *, continued: str = told(42), alone: str = "The answer is 42.") -> ScriptedExpert:
    """Tells a collaboration, goes on with one, or thinks alone."""

    def reply(request: Request) -> str | Completion:
        if request.labels.purpose == "continue":
            return continued
        return alone if "step by step" in request.messages[-1].text else first

    return ScriptedExpert(reply, max_n=1)


@pytest.mark.parametrize("form", FORMS)
def test_golden_trace(form: str) -> None:
    expert = ScriptedExpert(lambda r: told((42, 43, 42)[r.sample_index]), latency=1.0)
    out, seconds = run_virtual(asolve(ASKED, experts=[wide(expert)], strategy=f"{form}(samples=3, temperature=0.7)"))
    assert [event.kind for event in out.trace] == ["call", "personas", "emit"] * 3 + ["stop"]
    assert calls(out) == [((0, i), "answer") for i in range(3)]
    assert emitted(out) == [((0, 0, 0), "42"), ((0, 1, 0), "43"), ((0, 2, 0), "42")]
    assert batches(expert) == [[0, 1, 2]]
    assert lineage_is_sound(out, [expert])
    assert (out.answer, seconds, out.chosen_by, out.stopped_by) == ("42", 1.0, "vote", "done")


@pytest.mark.parametrize("form", FORMS)
async def test_one_call_with_the_paper_s_settings(form: str) -> None:
    expert = player()
    out = await asolve(ASKED, experts=[expert.value], strategy=form)
    (request,) = expert.requests
    sampling = request.sampling
    assert (sampling.temperature, sampling.top_p, sampling.max_tokens) == (0.0, 1.0, 5000)
    assert [message.role for message in request.messages] == ["user"]
    assert (out.answer, out.candidates[0].candidate.text) == ("42", told(42))


class TestPrompt:
    async def of(self, spec: str, problem: Problem = ASKED) -> Request:
        expert = player()
        await asolve(problem, experts=[expert.value], strategy=spec)
        return expert.requests[0]

    async def text_of(self, spec: str, problem: Problem = ASKED) -> str:
        return (await self.of(spec, problem)).messages[-1].text

    @pytest.mark.parametrize("form", FORMS)
    async def test_demonstrations_stand_before_the_task_and_the_ending_behind_it(self, form: str) -> None:
        text = await self.text_of(form)
        places = [text.index(part) for part in ("spell CODE", "6 times 7", 'behind "Final answer:"', "The answer is N")]
        assert places == sorted(places)

    @pytest.mark.parametrize("form", FORMS)
    @pytest.mark.parametrize(("count", "shown"), [(2, (True, True)), (1, (True, False)), (0, (False, False))])
    async def test_fewer_demonstrations(self, form: str, count: int, shown: tuple[bool, bool]) -> None:
        text = await self.text_of(f"{form}(demonstrations={count})")
        assert ("the value 36" in text, "spell CODE" in text) == shown

    async def test_the_number_puzzle_of_the_first_demonstration_is_no_game_of_24_and_is_solved(self) -> None:
        text = await self.text_of("spp")
        assert "24" not in text
        assert 7 * 5 + 3 - 2 == 36
        assert [(2 + 7) * 3 + 5, 7 * 5 - 3 + 2] == [32, 34]
        assert "27 + 5 = 32" in text
        assert "35 - 3 + 2 = 34" in text

    async def test_only_the_profile_form_asks_for_profiles_and_only_the_fixed_one_fixes_the_cast(self) -> None:
        texts = {form: await self.text_of(form) for form in FORMS}
        assert [form for form, text in texts.items() if "Profiles:" in text] == ["spp_profile"]
        assert [form for form, text in texts.items() if "Poet" in text] == ["spp", "spp_profile"]
        assert texts["spp_fixed"].count("Participants: AI Assistant (you); Expert\n") == 2

    async def test_a_system_message_is_sent_when_wanted_and_joined_to_the_problem_s_own(self) -> None:
        request = await self.of("spp(system=true)")
        assert [message.role for message in request.messages] == ["system", "user"]
        own = Problem("p", (Message("system", "Be brief."), Message("user", "6 times 7?")), "number")
        request = await self.of("spp(system=true)", own)
        assert request.messages[0].text.startswith("Be brief.")
        assert "helpful assistant" in request.messages[0].text

    async def test_personas_can_be_pinned_and_forbidden(self) -> None:
        text = await self.text_of('spp(personas=["Chess player", Poet], forbid=["Lawyer"])')
        assert "these and nobody else: Chess player; Poet." in text
        assert "Nobody may take part as: Lawyer." in text
        plain = await self.text_of("spp")
        assert "nobody else" not in plain
        assert "Nobody" not in plain

    async def test_a_user_s_own_words_stand_in(self, tmp_path: object) -> None:
        assert "$" not in await self.text_of("spp_profile(personas=[Poet])")


class TestCast:
    async def test_the_participants_are_in_the_trace(self) -> None:
        out = await asolve(ASKED, experts=[player().value], strategy="spp")
        assert notes(out, "personas") == [{"names": ["AI Assistant", "Mathematician"], "missing": [], "unwanted": []}]

    async def test_and_who_is_there_against_the_settings(self) -> None:
        spec = "spp(personas=[mathematician, Poet], forbid=[mathematician])"
        out = await asolve(ASKED, experts=[player().value], strategy=spec)
        (note,) = notes(out, "personas")
        assert (note["missing"], note["unwanted"]) == (["Poet"], ["mathematician"])


class TestEarlyTermination:
    async def test_a_reply_that_stops_behind_its_cast_gets_one_more_turn(self) -> None:
        expert = player(CAST, continued="Mathematician: 42, then.\nFinish collaboration!\nFinal answer: 42")
        out = await asolve(ASKED, experts=[expert.value], strategy="spp")
        assert (out.answer, counts(expert)) == ("42", {"answer": 1, "continue": 1})
        first, then = expert.requests
        assert [message.role for message in then.messages] == ["user", "assistant", "user"]
        assert then.messages[:2] == (*first.messages, Message("assistant", CAST))
        assert "Carry on" in then.messages[-1].text
        assert notes(out, "fell back") == []
        assert len(out.candidates[0].candidate.parents) == 2
        assert lineage_is_sound(out, [expert])

    async def test_then_a_chain_of_thought_stands_in_for_it_and_is_counted(self) -> None:
        expert = player(CAST, continued="Mathematician: hm.")
        out = await asolve(ASKED, experts=[expert.value], strategy="spp")
        assert (out.answer, out.usage.calls) == ("42", 3)
        assert notes(out, "fell back") == [{"to": "cot"}]
        assert "Participants" not in expert.requests[-1].messages[-1].text
        assert lineage_is_sound(out, [expert])

    async def test_numbers_in_an_unfinished_talk_are_no_answer(self) -> None:
        """What a reader of numbers would take for the answer: the last number of the last line."""
        expert = player("Participants: AI Assistant; Ten-year-old child, aged 10", continued="Child: I am 10.")
        out = await asolve(ASKED, experts=[expert.value], strategy="spp(fallback=none)")
        assert (out.answer, out.candidates[0].candidate.key) == (None, None)
        assert notes(out, "fell back") == [{"to": "no answer"}]

    async def test_as_in_the_paper_the_whole_reply_is_read_and_counted_as_a_fallback(self) -> None:
        expert = player("AI Assistant: Six sevens are 42.")
        out = await asolve(ASKED, experts=[expert.value], strategy="spp(continuations=0, fallback=reply)")
        assert (out.answer, out.usage.calls, notes(out, "fell back")) == ("42", 1, [{"to": "reply"}])

    async def test_a_story_is_never_read_out_of_an_unfinished_talk(self) -> None:
        story = Problem("s", (Message("user", "Write."),), "text", meta={"answer_format": "passage"})
        expert = player("Historian: It was Michelangelo.")
        out = await asolve(story, experts=[expert.value], strategy="spp(continuations=0, fallback=reply)")
        assert out.answer is None

    async def test_a_lost_turn_leads_to_the_fallback(self) -> None:
        def reply(request: Request) -> str:
            if request.labels.purpose == "continue":
                raise ContentFiltered("no")
            return "The answer is 42." if "step by step" in request.messages[-1].text else CAST

        out = await asolve(ASKED, experts=[ScriptedExpert(reply).value], strategy="spp")
        assert (out.answer, notes(out, "fell back")) == ("42", [{"to": "cot"}])

    async def test_the_text_of_a_refusal_is_in_no_later_prompt(self) -> None:
        expert = player("I'm sorry, I can't help with that.")
        await asolve(ASKED, experts=[expert.value], strategy="spp")
        assert counts(expert) == {"answer": 2}
        assert not any("sorry" in message.text for request in expert.requests for message in request.messages)

    async def test_turns_go_on_as_often_as_is_set(self) -> None:
        expert = player(CAST, continued="Mathematician: hm.")
        out = await asolve(ASKED, experts=[expert.value], strategy="spp(continuations=3)")
        assert counts(expert) == {"answer": 2, "continue": 3}
        assert [note["turn"] for note in notes(out, "carried on")] == [1, 2, 3]


class TestAnswer:
    async def test_the_instruction_said_again_is_not_the_answer(self) -> None:
        text = f'{CAST}\nI put it behind "Final answer:", and it is below 100.\nFinal answer: 42'
        out = await asolve(ASKED, experts=[player(text).value], strategy="spp")
        assert out.answer == "42"

    @pytest.mark.parametrize(
        ("kind", "final", "answer"),
        [
            ("number", "house 1, not house 2", "1"),
            ("choice", "The answer is (B)", "B"),
            ("choice", "(B)", "B"),
            ("expression", "\\boxed{x + 1}", "x + 1"),
            ("text", "**Paris**", "Paris"),
            ("json", '```json\n{"a": 1}\n```', '{"a": 1}'),
            ("plan", "(pick-up a)\n(stack a b)", "(pick-up a)\n(stack a b)"),
            ("game24", "4 * 6 = 24", "4 * 6"),
            ("code", "```python\nx = 1\n```", "x = 1\n"),
        ],
    )
    async def test_every_kind_is_read_behind_the_marker_on_its_line_or_below(
        self, kind: str, final: str, answer: str
    ) -> None:
        options = ("one", "two") if kind == "choice" else ()
        problem = Problem("p", (Message("user", "Use 4 6."),), kind, options)  # type: ignore[arg-type]
        for between in (" ", "\n", "\n\n"):
            expert = player(f"{CAST}\nPoet: (A) 7? {{}}\n\nFinal answer:{between}{final}")
            out = await asolve(problem, experts=[expert.value], strategy="spp", verifier="none")
            assert (out.answer, out.usage.calls) == (answer, 1)

    async def test_words_in_several_lines_are_one_answer(self) -> None:
        poem = Problem("p", (Message("user", "Write a poem."),), "text")
        out = await asolve(poem, experts=[player(f"{CAST}\nFinal answer:\n\nOne\n\ntwo\n").value], strategy="spp")
        assert out.answer == "One\n\ntwo"
        assert out.candidates[0].candidate.key == "one two"

    async def test_an_answer_that_cannot_be_read_abstains(self) -> None:
        out = await asolve(ASKED, experts=[player(f"{CAST}\nFinal answer: unknown").value], strategy="spp")
        assert (out.answer, out.usage.calls, len(out.candidates)) == (None, 1, 1)


class TestSamples:
    async def test_several_experts_are_dealt_to_in_turn(self) -> None:
        pool = [player(told(i)) for i in (1, 2)]
        values = [wide(expert, f"e{i}") for i, expert in enumerate(pool)]
        out = await asolve(ASKED, experts=values, strategy="spp(samples=3, temperature=0.7)")
        assert [scored.candidate.expert for scored in out.candidates] == ["e0", "e1", "e0"]
        assert [[request.sample_index for request in expert.requests] for expert in pool] == [[0, 1], [0]]

    async def test_one_of_each_expert_needs_no_temperature(self) -> None:
        values = [wide(player(told(i)), f"e{i}") for i in (1, 2)]
        out = await asolve(ASKED, experts=values, strategy="spp(samples=2)")
        assert [scored.candidate.answer for scored in out.candidates] == ["1", "2"]

    async def test_several_of_one_expert_at_temperature_0_are_refused(self) -> None:
        with pytest.raises(ConfigError, match="samples=2 at temperature 0"):
            await asolve(ASKED, experts=[player().value], strategy="spp(samples=2)")

    def test_one_of_several_falls_back_by_itself(self) -> None:
        def reply(request: Request) -> str:
            if "step by step" in request.messages[-1].text:
                return f"The answer is {request.sample_index}."
            return told(42) if request.sample_index != 1 else CAST

        expert = ScriptedExpert(reply, latency=1.0)
        spec = "spp(samples=3, temperature=0.7, continuations=0)"
        out, seconds = run_virtual(asolve(ASKED, experts=[wide(expert)], strategy=spec))
        assert [scored.candidate.answer for scored in out.candidates] == ["42", "1", "42"]
        assert seconds == 2.0


class TestCalls:
    def test_estimate(self) -> None:
        assert SPP().estimate(ASKED, 1) == Estimate(1, 1.0, 3, 3, 1)
        assert SPPFixed(samples=4, fallback=None).estimate(ASKED, 2) == Estimate(4, 4.0, 8, 2, 4)
        assert SPPProfile(continuations=0, fallback="reply").estimate(ASKED, 1) == Estimate(1, 1.0, 1, 1, 1)

    @pytest.mark.parametrize(
        ("calls", "samples", "continuations", "fallback"),
        [(1, 1, 0, None), (2, 1, 1, None), (3, 1, 1, "cot"), (8, 2, 1, "cot"), (99, 5, 1, "cot")],
    )
    def test_ladder(self, calls: int, samples: int, continuations: int, fallback: str | None) -> None:
        form = SPP(samples=5, temperature=0.7).fit(calls, ASKED, 1)
        assert form == SPP(samples=samples, temperature=0.7, continuations=continuations, fallback=fallback)  # type: ignore[arg-type]
        assert form is not None
        assert form.estimate(ASKED, 1).most <= calls

    async def test_under_a_cap_of_one_call_it_makes_one(self) -> None:
        expert = player(CAST)
        out = await asolve(ASKED, experts=[expert.value], strategy="spp", budget=Budget(calls=1))
        assert (len(expert.requests), out.stopped_by, out.answer) == (1, "done", None)

    @pytest.mark.parametrize(("fallback", "answer"), [("cot", None), ("none", None), ("reply", "42")])
    async def test_a_talk_whose_next_turn_no_cap_has_room_for_is_put_forward(
        self, fallback: str, answer: str | None
    ) -> None:
        expert = player("AI Assistant: Six sevens are 42.", continued="Mathematician: Right.")
        value = replace(expert.value, sampling=Sampling(max_tokens=200))
        spec = f"spp(fallback={fallback}, demonstrations=0)"
        told = await asolve(ASKED, experts=[value], strategy=spec, budget=Budget(tokens=1))
        first = int(told.reason.rpartition("tokens=")[2])
        out = await asolve(ASKED, experts=[value], strategy=spec, budget=Budget(tokens=first))
        assert (out.usage.calls, len(out.candidates), out.answer) == (1, 1, answer)
        assert (out.stopped_by, "the next call needs tokens=" in out.reason) == ("budget", True)

    async def test_a_whole_branch_fits_into_the_cap_or_is_not_begun(self) -> None:
        expert = player(CAST, continued="hm")
        spec = "spp(samples=5, temperature=0.7)"
        out = await asolve(ASKED, experts=[expert.value], strategy=spec, budget=Budget(calls=7))
        assert (len(out.candidates), out.usage.calls) == (2, 6)

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({"samples": 0}, "samples"),
            ({"demonstrations": 3}, "demonstrations"),
            ({"continuations": -1}, "continuations"),
        ],
        ids=["samples", "demonstrations", "continuations"],
    )
    def test_what_does_not_fit_is_said(self, fields: dict[str, int], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            SPP(**fields)  # type: ignore[arg-type]
