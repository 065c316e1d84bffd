"""The answer that has most in common with all others."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import ConnectionLost
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.sandbox import Sandbox
from orchestrator.strategies._overlap import bag, token_f1
from orchestrator.strategies.aggregators.majority import Majority
from orchestrator.strategies.aggregators.mbr import MinimumBayesRisk
from orchestrator.types import Candidate, Choice, Estimate, Kind, Message, Problem, Request, Scored, Verdict, packed
from tests.cycling import cycling
from tests.run.stage import play
from tests.strategies.judging import answered, beside, ids, running
from tests.strategies.writing import DOUBLE, PLUS, RIGHT, SAME, SQUARE, expecting, written

QUESTION = (Message("user", "Why is the sky blue?"),)
SILENT = ScriptedExpert(lambda request: "nobody should ask")


def ballot(*texts: str) -> list[Scored]:
    return [Scored(Candidate(str(i), "p", text, text, text.casefold(), "e", "s", (i,))) for i, text in enumerate(texts)]


def chosen(
    scored: Sequence[Scored],
    rules: MinimumBayesRisk | None = None,
    kind: Kind = "text",
    embedder: ScriptedExpert | None = None,
) -> Choice:
    problem = Problem("p", QUESTION, kind)
    roles = {} if embedder is None else {"embedder": embedder.value}
    played = play(
        beside(lambda run: (rules or MinimumBayesRisk())(problem, scored, run)), SILENT, problem=problem, roles=roles
    )
    assert played.result is not None, played.error
    return played.result


class TestWords:
    def test_the_text_that_shares_most_words_wins_though_nobody_repeats_it(self) -> None:
        choice = chosen(
            ballot("red fox", "red fox", "the quick blue fox", "quick blue foxes", "a quick blue fox jumps")
        )
        assert (choice.chosen_by, ids(choice)[0]) == ("weight", "2")

    def test_confidence_is_the_mean_overlap_itself_included(self) -> None:
        choice = chosen(ballot("one two", "one three", "four"))
        assert choice.confidence == pytest.approx((1 + 0.5 + 0) / 3)

    def test_a_tie_goes_to_the_earliest(self) -> None:
        assert ids(chosen(ballot("a1 b", "c d", "b a1 "), MinimumBayesRisk(utility="f1")))[0] == "0"
        assert ids(chosen(ballot("one", "two", "three"))) == ["0", "1", "2"]

    def test_long_texts_are_compared_beside_the_event_loop_with_the_same_result(self) -> None:
        short = ballot("x y z " * 5, "y z w " * 5, "w w w " * 5)
        long = ballot("x y z " * 5000, "y z w " * 5000, "w w w " * 5000)
        assert ids(chosen(short)) == ids(chosen(long))

    @given(texts=st.lists(st.text(alphabet="ab c", min_size=1).filter(str.strip), min_size=1, max_size=8))
    def test_the_order_of_arrival_changes_nothing(self, texts: list[str]) -> None:
        scored = ballot(*texts)
        assert chosen(scored) == chosen(scored[::-1])

    @given(a=st.text(), b=st.text())
    def test_the_overlap_of_two_texts_is_symmetric_and_1_for_equal_ones(self, a: str, b: str) -> None:
        assert token_f1(bag(a), bag(b)) == token_f1(bag(b), bag(a))
        assert 0 <= token_f1(bag(a), bag(b)) <= 1
        assert token_f1(bag(a), bag(a)) == 1

    @pytest.mark.parametrize(
        ("a", "b", "f1"),
        [
            ("The cat sat.", "a cat sat", 1.0),
            ("a b c d x", "a b c d y", 0.75),
            ("1,000 m", "1,000 m!", 1.0),
            ("x = -1", "x = 1", 6 / 7),
            ("k k b", "k b b", 2 / 3),
            ("cat", "dog", 0.0),
            ("", "dog", 0.0),
            ("", "", 1.0),
            ("the", "a", 0.0),
        ],
    )
    def test_overlap(self, a: str, b: str, f1: float) -> None:
        assert token_f1(bag(a), bag(b)) == pytest.approx(f1)


class TestExact:
    @given(answers=st.lists(st.integers(1, 4).map(str), min_size=1, max_size=9))
    def test_it_is_a_plurality_vote(self, answers: list[str]) -> None:
        scored, problem = [Scored(answered(i, answer)) for i, answer in enumerate(answers)], Problem("p", QUESTION)
        voted = play(beside(lambda run: Majority()(problem, scored, run)), SILENT, problem=problem).result
        assert chosen(scored, MinimumBayesRisk(utility="exact")) == voted
        assert chosen(scored, kind="number") == voted

    def test_who_has_no_answer_or_failed_a_check_takes_no_part(self) -> None:
        scored = [Scored(answered(i, answer)) for i, answer in enumerate((None, "5", "5", "6"))]
        scored[1] = Scored(scored[1].candidate, Verdict(0.0, False, "", "v"))
        choice = chosen(scored, kind="number")
        assert (ids(choice), choice.confidence) == (["2", "3"], 0.5)
        assert chosen([Scored(answered(0, None))], kind="number") == Choice(None, 0.0, "none")
        assert chosen([]) == Choice(None, 0.0, "none")


class TestVectors:
    @staticmethod
    def directions(request: Request) -> str:
        """Texts that begin alike point the same way."""
        where = {"l": (1.0, 0.0), "b": (0.8, 0.6), "s": (-1.0, 0.0)}
        return packed([where[message.text[0]] for message in request.messages])

    def embedder(self) -> ScriptedExpert:
        return ScriptedExpert(self.directions, id="embedder")

    def test_where_there_is_an_embedder_texts_are_compared_by_meaning(self) -> None:
        texts = ("sea sea", "light", "blue scatter", "lucid air")
        assert ids(chosen(ballot(*texts), embedder=self.embedder()))[0] == "1"
        assert ids(chosen(ballot(*texts)))[0] == "0"

    def test_opposite_vectors_have_nothing_in_common_and_cost_nothing(self) -> None:
        choice = chosen(ballot("sea", "light"), embedder=self.embedder())
        assert choice.confidence == 0.5

    def test_where_the_vectors_do_not_come_words_decide_and_that_is_said(self) -> None:
        lost = ScriptedExpert(
            self.directions,
            id="embedder",
            failures=dict.fromkeys(range(99), ConnectionLost("no line", expert="embedder")),
        )
        choice = chosen(ballot("sea sea", "blue light", "light"), embedder=lost)
        assert (ids(choice)[0], choice.reason) == (
            "1",
            "compared by words, as there are no vectors: embedder: no line",
        )

    @pytest.mark.parametrize(("candidates", "most"), [(1, 0), (2, 1), (32, 1), (33, 2)], ids=str)
    def test_a_call_is_foreseen_for_every_32_texts_where_there_is_an_embedder(self, candidates: int, most: int) -> None:
        assert MinimumBayesRisk().embeddings(Problem("p", QUESTION), candidates).most == most
        assert MinimumBayesRisk(utility="plain").embeddings(Problem("p", QUESTION), candidates).most == 0

    def test_plain_asks_no_embedder(self) -> None:
        expert = self.embedder()
        chosen(ballot("sea", "light"), MinimumBayesRisk(utility="plain"), embedder=expert)
        assert expert.requests == []


class TestPrograms:
    INPUTS = expecting((2, 0), (3, 0), (5, 0))

    async def test_programs_are_compared_by_what_they_do(self, sandbox: Sandbox) -> None:
        async with running(sandbox, DOUBLE, cycling(self.INPUTS)) as run:
            choice = await MinimumBayesRisk(samples=1)(DOUBLE, written(PLUS, SQUARE, RIGHT, SAME), run)
        assert (ids(choice)[0], choice.chosen_by) == ("2", "weight")

    async def test_plain_runs_nothing(self, sandbox: Sandbox) -> None:
        expert = cycling(self.INPUTS)
        async with running(sandbox, DOUBLE, expert) as run:
            choice = await MinimumBayesRisk(utility="plain")(DOUBLE, written(PLUS, SQUARE, SQUARE), run)
        assert (ids(choice)[0], expert.requests) == ("1", [])


def test_estimate() -> None:
    assert MinimumBayesRisk().estimate(Problem("p", QUESTION), 1) == Estimate(0, 0.0, 0, 0)
    assert MinimumBayesRisk(samples=3).estimate(DOUBLE, 1) == Estimate(0, 3.0, 3, 1)
    assert MinimumBayesRisk(utility="plain").estimate(DOUBLE, 1) == Estimate(0, 0.0, 0, 0)


@pytest.mark.parametrize("fields", [{"utility": "vibes"}, {"samples": 0}])
def test_fields_out_of_range_are_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"utility is one of|samples counts"):
        MinimumBayesRisk(**fields)  # type: ignore[arg-type]
