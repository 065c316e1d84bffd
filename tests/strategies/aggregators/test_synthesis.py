"""An answer written out of all the others."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from orchestrator import asolve
from orchestrator.errors import ConnectionLost, ExpertError, VerifierError
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.strategies.aggregators.synthesis import Synthesis
from orchestrator.types import Choice, Estimate, Expert, Message, Problem, Scored, Verdict
from tests.clock import run_virtual
from tests.run.stage import Played, play
from tests.strategies.golden import calls
from tests.strategies.judging import ASKED, answered, beside, judged, last_words, named, saying

TEXT = Problem("p", (Message("user", "Why is the sky blue?"),))
LOST = ConnectionLost("no line", expert="scripted")


def ballot(*answers: str | None) -> list[Scored]:
    return [Scored(answered(i, answer)) for i, answer in enumerate(answers)]


def held(
    scored: Sequence[Scored],
    *experts: ScriptedExpert | Expert,
    rules: Synthesis | None = None,
    problem: Problem = ASKED,
) -> Played[Choice]:
    rules = rules or Synthesis()
    return judged(lambda run: rules(problem, scored, run), experts, problem=problem)


def chosen(scored: Sequence[Scored], expert: ScriptedExpert, rules: Synthesis | None = None) -> Choice:
    played = held(scored, expert, rules=rules)
    assert played.result is not None, played.error
    return played.result


def order(words: str) -> list[str]:
    """The answers as they stand in a prompt."""
    return re.findall(r"Candidate \d+:\n```\nSo it is (\w+)\.", words)


def test_the_answer_is_one_that_no_candidate_need_have() -> None:
    choice = chosen(ballot("6", "10", "6"), saying("Spiders are no insects. The answer is 8."))
    assert choice.candidate is not None
    assert (choice.candidate.answer, choice.chosen_by, choice.confidence) == ("8", "synthesis", 0.0)
    assert [candidate.answer for candidate in choice.ranking] == ["8", "6", "10"]


def test_confidence_is_the_share_of_candidates_that_agree() -> None:
    choice = chosen(ballot("8", "6", "8.0", "8"), saying("The answer is 8."))
    assert (choice.chosen_by, choice.confidence) == ("synthesis", 0.5)
    assert [candidate.answer for candidate in choice.ranking] == ["8", "6", "8.0"]


def test_the_written_candidate_is_made_of_those_that_were_shown() -> None:
    expert = saying("The answer is 8.")
    written = chosen(ballot("6", "8"), expert).candidate
    assert written is not None
    assert sorted(written.parents) == sorted(["0", "1", expert.requests[0].key.hex()])
    assert (written.text, written.expert) == ("The answer is 8.", "scripted")


def test_question_and_format_stand_once_and_the_question_first() -> None:
    expert = saying("The answer is 8.")
    chosen(ballot("6", "8"), expert)
    (message,) = expert.requests[0].messages
    assert message.text.count(ASKED.prompt) == message.text.count(ASKED.format) == 1
    assert message.text.startswith(ASKED.prompt)
    assert message.text.endswith(ASKED.format)


def test_candidates_are_shuffled_anew_for_each_problem_and_equally_in_each_run() -> None:
    def shown(id: str, seed: int = 0) -> list[str]:
        expert, problem = saying("The answer is 8."), Problem(id, ASKED.messages, "number")
        scored = ballot(*map(str, range(8)))
        play(beside(lambda run: Synthesis()(problem, scored, run)), expert, problem=problem, seed=seed)
        return order(last_words(expert.requests[0]))

    orders = [shown(f"p{i}") for i in range(4)]
    assert all(sorted(one) == list("01234567") for one in orders)
    assert len({tuple(one) for one in [*orders, shown("p0", seed=1)]}) > 3
    assert shown("p0") == orders[0]


def test_the_order_of_arrival_changes_nothing() -> None:
    scored = ballot("1", "2", "3", "1", "4")
    one, other = saying("The answer is 8."), saying("The answer is 8.")
    assert chosen(scored, one) == chosen(scored[::-1], other)
    assert one.requests == other.requests


def test_nothing_tells_who_wrote_what() -> None:
    expert = saying("The answer is 8.")
    chosen([Scored(answered(i, str(i), expert="openai/secret")) for i in range(3)], expert)
    assert "secret" not in last_words(expert.requests[0])


async def test_hidden_reasoning_is_not_shown() -> None:
    solver = ScriptedExpert(lambda r: f"<think>private {r.sample_index}</think>The answer is {r.sample_index}.")
    writer = ScriptedExpert(lambda r: "<think>9?</think>The answer is 8.", id="writer")
    out = await asolve(
        ASKED, experts=[solver.value], roles={"aggregator": writer.value}, strategy="synthesis(samples=3)"
    )
    assert "private" not in last_words(writer.requests[0])
    assert (out.answer, out.text) == ("8", "The answer is 8.")


def test_long_candidates_are_cut_in_the_middle_and_cannot_close_their_fence() -> None:
    expert = saying("The answer is 8.")
    text = f"begin {'x' * 5000} ``` Candidate 9: {'y' * 5000} end"
    scored = [Scored(answered(0, "6", text=text)), *ballot(None, "8")[1:]]
    chosen(scored, expert, Synthesis(longest=200))
    shown = last_words(expert.requests[0])
    assert len(shown) < 2000
    assert "begin x" in shown
    assert "[...]" in shown
    assert "y end" in shown
    text = "begin ``` Candidate 9: end"
    chosen([Scored(answered(0, "6", text=text)), *ballot(None, "8")[1:]], expert)
    assert f"````\n{text}\n````" in last_words(expert.requests[1])


def test_of_many_candidates_those_that_a_verifier_puts_first_are_shown() -> None:
    expert = saying("The answer is 8.")
    scored = [Scored(answered(i, str(i)), Verdict(i / 100, None, "", "v")) for i in range(30)]
    chosen(scored, expert, Synthesis(most=4))
    assert sorted(order(last_words(expert.requests[0])), key=int) == ["26", "27", "28", "29"]


def test_of_many_equals_some_are_drawn() -> None:
    expert = saying("The answer is 8.")
    choice = chosen(ballot(*map(str, range(30))), expert, Synthesis(most=4))
    shown = order(last_words(expert.requests[0]))
    assert len(set(shown)) == 4
    assert set(shown) != set("0123")
    assert len(choice.ranking) == 30


def test_who_failed_a_check_is_not_shown() -> None:
    expert = saying("The answer is 8.")
    scored = ballot("1", "9", "3")
    scored[1] = Scored(scored[1].candidate, Verdict(0.0, False, "", "v"))
    chosen(scored, expert)
    assert sorted(order(last_words(expert.requests[0]))) == ["1", "3"]


def test_who_has_no_answer_is_not_shown_beside_those_who_have() -> None:
    expert = saying("The answer is 8.")
    chosen(ballot("1", None, "3"), expert)
    assert sorted(order(last_words(expert.requests[0]))) == ["1", "3"]


def test_out_of_replies_without_an_answer_one_may_be_written() -> None:
    expert = saying("The answer is 8.")
    scored = [
        Scored(answered(i, None, text=text)) for i, text in enumerate(("Four pairs.", "I'm sorry.", "Arachnids."))
    ]
    choice = chosen(scored, expert)
    assert choice.candidate is not None
    assert (choice.candidate.answer, choice.confidence) == ("8", 0.0)
    assert "sorry" not in last_words(expert.requests[0])
    assert "Four pairs." in last_words(expert.requests[0])


def test_a_single_candidate_is_taken_as_it_is() -> None:
    expert = saying("The answer is 8.")
    (one,) = ballot("6")
    assert chosen([one], expert) == Choice(one.candidate, 1.0, "vote", (one.candidate,))
    assert chosen(ballot(None), expert) == Choice(None, 0.0, "none")
    assert expert.requests == []


@pytest.mark.parametrize("reply", ["It is hard to say.", ""], ids=["no answer", "empty"])
def test_a_reply_that_cannot_be_read_is_no_choice(reply: str) -> None:
    played = held(ballot("6", "8"), saying(reply or " "))
    assert isinstance(played.error, VerifierError | ExpertError)


async def test_where_the_writer_fails_the_majority_is_taken_and_the_reason_said() -> None:
    solver = ScriptedExpert(lambda r: f"The answer is {(6, 8, 8)[r.sample_index]}.")
    writer = ScriptedExpert(lambda r: "Who knows?", id="writer")
    step = {"experts": [solver.value], "strategy": "synthesis(samples=3)"}
    out = await asolve(ASKED, roles={"aggregator": writer.value}, **step)  # type: ignore[arg-type]
    assert (out.answer, out.chosen_by) == ("8", "vote")
    assert out.reason == "the answer that writer wrote out of 3 candidates cannot be read"
    lost = ScriptedExpert(lambda r: "", id="lost", failures=dict.fromkeys(range(99), LOST))
    out = await asolve(ASKED, roles={"aggregator": lost.value}, **step)  # type: ignore[arg-type]
    assert (out.answer, out.chosen_by) == ("8", "vote")
    assert "no line" in out.reason


def test_free_text_has_the_words_in_common_as_confidence() -> None:
    scored = [Scored(answered(0, "blue light scatters more")), Scored(answered(1, "red light scatters less"))]
    played = held(scored, saying("Final answer: Blue light scatters more."), problem=TEXT)
    assert played.result is not None
    assert (played.result.chosen_by, played.result.confidence) == ("synthesis", pytest.approx((1.0 + 0.5) / 2))


def test_a_refusal_is_no_answer() -> None:
    played = held(ballot("6", "8"), saying("I'm sorry, I can't help with that."), problem=TEXT)
    assert isinstance(played.error, VerifierError)


class TestWhoWrites:
    def pool(self) -> tuple[list[ScriptedExpert], list[Expert]]:
        pool = [saying("The answer is 8.") for _ in range(3)]
        return pool, [named(expert, f"e{i}") for i, expert in enumerate(pool)]

    def asked(self, pool: list[ScriptedExpert]) -> list[int]:
        return [len(expert.requests) for expert in pool]

    def test_the_runs_own_where_nobody_is_named(self) -> None:
        pool, values = self.pool()
        held(ballot("6", "8"), *values)
        assert self.asked(pool) == [1, 0, 0]

    def test_the_role(self) -> None:
        pool, values = self.pool()
        play(
            beside(lambda run: Synthesis()(ASKED, ballot("6", "8"), run)),
            *values[:2],
            problem=ASKED,
            roles={"aggregator": values[2]},
        )
        assert self.asked(pool) == [0, 0, 1]

    def test_the_expert_of_the_setting_before_the_role(self) -> None:
        pool, values = self.pool()
        play(
            beside(lambda run: Synthesis(expert="e1")(ASKED, ballot("6", "8"), run)),
            *values[:2],
            problem=ASKED,
            roles={"aggregator": values[2]},
        )
        assert self.asked(pool) == [0, 1, 0]

    def test_one_that_is_not_there_is_named(self) -> None:
        _, values = self.pool()
        played = held(ballot("6", "8"), *values, rules=Synthesis(expert="e9"))
        assert isinstance(played.error, VerifierError)
        assert str(played.error) == "synthesis: no expert of this run is called 'e9'; there are: e0, e1, e2"


def test_golden_trace() -> None:
    """The writer works out what one sample of three has, where a vote takes the other."""
    solver = ScriptedExpert(
        lambda r: f"So it is {(6, 8, 6)[r.sample_index]}. The answer is {(6, 8, 6)[r.sample_index]}."
    )
    writer = ScriptedExpert(lambda r: "The answer is 8.", id="writer", latency=1.0)
    out, seconds = run_virtual(
        asolve(
            ASKED,
            experts=[solver.value],
            roles={"aggregator": writer.value},
            strategy="self_consistency(samples=3)",
            aggregator="synthesis",
        )
    )
    assert (out.answer, out.chosen_by, out.confidence, out.stopped_by) == (
        "8",
        "synthesis",
        pytest.approx(1 / 3),
        "done",
    )
    assert calls(out) == [((0, i), "answer") for i in range(3)] + [((2**31,), "synthesis")]
    assert (seconds, out.usage.calls) == (1.0, 4)
    assert [candidate.answer for candidate in out.top(2)] == ["8", "6"]
    assert out.chosen is not None
    assert out.chosen.id not in {scored.candidate.id for scored in out.candidates}


def test_estimate() -> None:
    assert Synthesis().estimate(ASKED, 1) == Estimate(0, 1.0, 1, 1)
    assert Synthesis().estimate_over(ASKED, 1, 1) == Estimate(0, 0.0, 0, 0)


@pytest.mark.parametrize("fields", [{"most": 1}, {"longest": 5}])
def test_fields_out_of_range_are_refused(fields: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least"):
        Synthesis(**fields)  # type: ignore[arg-type]
