from __future__ import annotations

import math
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import answers
from orchestrator.errors import VerifierError
from orchestrator.strategies.aggregators.diverse_top_k import DiverseTopK
from orchestrator.strategies.aggregators.first_verified import FirstVerified
from orchestrator.strategies.aggregators.majority import Majority
from orchestrator.strategies.aggregators.weighted import Weighted
from orchestrator.types import Candidate, Choice, Estimate, Message, Problem, Scored, Verdict

ASKED = Problem("p", (Message("user", "?"),), "text")
NO_RUN: Any = None
ALL = [
    Majority(),
    Weighted(),
    Weighted({"e": 2.0, "f": 0.5}),
    FirstVerified(),
    DiverseTopK(),
    DiverseTopK(k=2, balance=0.2),
]

Build = Callable[..., Scored]

VERDICTS = st.none() | st.builds(
    Verdict,
    st.sampled_from([0.0, 0.25, 0.5, 1.0]),
    st.sampled_from([None, True, False]),
    st.just(""),
    st.just("v"),
    st.booleans(),
)
ROWS = st.lists(
    st.tuples(
        st.sampled_from(["A", "B", "C", None]), st.sampled_from("ef"), st.sampled_from(["x y z", "x y w", ""]), VERDICTS
    ),
    max_size=9,
)


def build(rows: list[Any]) -> list[Scored]:
    return [
        Scored(Candidate(str(i), "p", text, key, key, expert, "s", (i,)), verdict)
        for i, (key, expert, text, verdict) in enumerate(rows)
    ]


async def chosen(aggregator: Any, scored: list[Scored], problem: Problem = ASKED) -> Choice:
    found: Choice = await aggregator(problem, scored, NO_RUN)
    return found


def keys(choice: Choice) -> list[str | None]:
    return [candidate.key for candidate in choice.ranking]


@pytest.mark.parametrize("aggregator", ALL)
class TestEveryAggregator:
    @given(rows=ROWS, seed=st.integers(0, 10**6))
    async def test_the_order_of_arrival_changes_nothing(self, aggregator: Any, rows: list[Any], seed: int) -> None:
        scored = build(rows)
        arrived = random.Random(seed).sample(scored, len(scored))
        assert await chosen(aggregator, arrived) == await chosen(aggregator, scored)

    @given(rows=ROWS)
    async def test_what_is_chosen_is_a_candidate_and_leads_the_ranking(self, aggregator: Any, rows: list[Any]) -> None:
        scored = build(rows)
        choice = await chosen(aggregator, scored)
        members = [one.candidate for one in scored]
        assert choice.chosen_by in ("vote", "weight", "verified", "cooperative", "score", "first", "none")
        assert 0 <= choice.confidence <= 1
        assert (choice.candidate is None) == (choice.chosen_by == "none")
        assert choice.candidate is None or choice.candidate in members
        assert all(candidate in members for candidate in choice.ranking)
        assert len(set(keys(choice))) == len(choice.ranking)
        assert not choice.ranking or choice.candidate == choice.ranking[0]

    @given(rows=ROWS)
    async def test_who_has_no_answer_changes_nothing_for_those_who_do(self, aggregator: Any, rows: list[Any]) -> None:
        scored = build(rows)
        voters = [one for one in scored if one.candidate.key is not None]
        if voters:
            choice = await chosen(aggregator, scored)
            assert choice == await chosen(aggregator, voters)

    async def test_nobody_is_chosen_of_nobody(self, aggregator: Any) -> None:
        assert await chosen(aggregator, []) == Choice(None, 0.0, "none")

    def test_choosing_makes_no_calls(self, aggregator: Any) -> None:
        assert aggregator.estimate(ASKED, 20) == Estimate(0, 0.0, 0, 0)


class TestMajority:
    async def test_the_most_frequent_answer(self, scored: Build) -> None:
        choice = await chosen(Majority(), [scored(0, "A"), scored(1, "B"), scored(2, "B"), scored(3, None)])
        assert (choice.candidate and choice.candidate.id, choice.confidence, choice.chosen_by) == ("1", 2 / 3, "vote")
        assert keys(choice) == ["B", "A"]

    async def test_a_tie_goes_to_the_earliest_first_supporter(self, scored: Build) -> None:
        choice = await chosen(Majority(), [scored(3, "B"), scored(2, "A"), scored(1, "A"), scored(0, "B")])
        assert keys(choice) == ["B", "A"]

    async def test_places_compare_as_lineage_not_as_text(self, scored: Build) -> None:
        assert keys(await chosen(Majority(), [scored(10, "B"), scored(9, "A")])) == ["A", "B"]

    @pytest.mark.parametrize(
        ("rows", "best"),
        [
            ([(0, 0.9, None), (1, 0.1, True), (2, 0.2, True)], "2"),
            ([(0, 0.1, None), (1, 0.9, None), (2, 0.9, None)], "1"),
            ([(0, 0.1, False), (1, 0.9, False)], "1"),
            ([(0, None, None), (1, None, None)], "0"),
        ],
    )
    async def test_the_text_is_that_of_the_best_of_the_class(self, scored: Build, rows: list[Any], best: str) -> None:
        choice = await chosen(Majority(), [scored(i, "A", score, passed) for i, score, passed in rows])
        assert choice.candidate is not None
        assert choice.candidate.id == best

    @pytest.mark.parametrize("aggregator", [Majority(), Weighted(), Weighted({"e": 2.0})])
    async def test_who_failed_a_check_does_not_vote_unless_all_did(self, aggregator: Any, scored: Build) -> None:
        failed = [scored(0, "A", 0.0, False), scored(1, "A", 0.0, False)]
        assert keys(await chosen(aggregator, [*failed, scored(2, "B", 1.0), scored(3, None, 1.0)])) == ["B"]
        assert keys(await chosen(aggregator, [*failed, scored(3, None, 1.0)])) == ["A"]

    async def test_all_abstain(self, scored: Build) -> None:
        assert await chosen(Majority(), [scored(0, None), scored(1, None)]) == Choice(None, 0.0, "none")

    async def test_scores_do_not_vote(self, scored: Build) -> None:
        assert (
            keys(await chosen(Majority(), [scored(0, "A", 1.0, True), scored(1, "B", 0), scored(2, "B", 0)]))[0] == "B"
        )


class TestExpressions:
    @pytest.fixture(autouse=True)
    async def closed_after(self) -> AsyncIterator[None]:
        yield
        await answers.aclose()

    async def test_equal_expressions_vote_together(self, scored: Build) -> None:
        problem = Problem("p", (Message("user", "?"),), "expression")
        ballots = [scored(0, "y"), scored(1, "x+1"), scored(2, "y"), scored(3, "1+x"), scored(4, "x+2-1")]
        choice = await chosen(Majority(), ballots, problem)
        assert keys(choice) == ["x+1", "y"]
        assert choice.confidence == 3 / 5


class TestWeighted:
    async def test_scores_are_the_weights(self, scored: Build) -> None:
        ballots = [scored(0, "A", 0.3), scored(1, "A", 0.3), scored(2, "B", 0.9), scored(3, "C")]
        choice = await chosen(Weighted(), ballots)
        assert keys(choice) == ["B", "A", "C"]
        assert choice.confidence == pytest.approx(0.6)
        assert choice.chosen_by == "weight"

    async def test_without_any_score_it_is_a_vote(self, scored: Build) -> None:
        choice = await chosen(Weighted(), [scored(0, "A"), scored(1, "B"), scored(2, "B")])
        assert (keys(choice), choice.chosen_by) == (["B", "A"], "vote")

    async def test_experts_have_weights(self, scored: Build) -> None:
        ballots = [
            scored(0, "A", expert="weak"),
            scored(1, "A", expert="weak"),
            scored(2, "B"),
            scored(3, "C", expert="mute"),
        ]
        choice = await chosen(Weighted({"weak": 0.25, "mute": 0}), ballots)
        assert (keys(choice), choice.confidence) == (["B", "A", "C"], pytest.approx(2 / 3))

    async def test_the_order_of_adding_does_not_decide(self, scored: Build) -> None:
        ballots = [scored(i, "A", 0.1) for i in range(10)] + [scored(10, "B", 1.0)]
        assert keys(await chosen(Weighted(), ballots)) == ["A", "B"]  # ten tenths are one, so it is a tie

    async def test_all_weights_zero_is_a_tie_without_confidence(self, scored: Build) -> None:
        choice = await chosen(Weighted(), [scored(0, "A", 0.0), scored(1, "B", 0.0)])
        assert (keys(choice), choice.confidence) == (["A", "B"], 0.0)

    @pytest.mark.parametrize("weight", [-1.0, math.nan, math.inf])
    async def test_weights_below_zero_are_refused(self, scored: Build, weight: float) -> None:
        with pytest.raises(ValueError, match="the weight of e is"):
            Weighted({"e": weight})
        with pytest.raises(VerifierError, match="v scored candidate 0"):
            await chosen(Weighted(), [scored(0, "A", weight)])


class TestFirstVerified:
    async def test_the_first_that_passed(self, scored: Build) -> None:
        ballots = [scored(2, "C", 1.0, True), scored(0, "A", 0.9, False), scored(1, "B", 0.5, True)]
        choice = await chosen(FirstVerified(), ballots)
        assert (keys(choice), choice.confidence, choice.chosen_by) == (["B", "C", "A"], 1.0, "verified")

    async def test_what_passed_a_check_that_it_could_deceive_is_never_verified(self, scored: Build) -> None:
        cooperative = replace(scored(0, "A", 1.0, True), verdict=Verdict(1.0, True, cooperative=True))
        choice = await chosen(FirstVerified(), [cooperative, scored(1, "B", 0.9, False)])
        assert (keys(choice), choice.chosen_by) == (["A", "B"], "cooperative")
        choice = await chosen(FirstVerified(), [cooperative, scored(1, "B", 0.5, True)])
        assert (keys(choice), choice.chosen_by) == (["B", "A"], "verified")

    async def test_none_passed_the_best_score(self, scored: Build) -> None:
        ballots = [scored(0, "A", 0.2, False), scored(1, "B", 0.7, False), scored(2, "C", 0.7)]
        choice = await chosen(FirstVerified(), ballots)
        assert (keys(choice), choice.confidence, choice.chosen_by) == (["B", "C", "A"], 0.7, "score")

    async def test_an_answer_comes_before_the_score_of_none(self, scored: Build) -> None:
        choice = await chosen(FirstVerified(), [scored(0, None, 0.9), scored(1, "B", 0.1)])
        assert choice.candidate is not None
        assert choice.candidate.id == "1"

    async def test_nothing_scored_is_a_vote(self, scored: Build) -> None:
        choice = await chosen(FirstVerified(), [scored(0, "A"), scored(1, "B"), scored(2, "B")])
        assert (keys(choice), choice.chosen_by) == (["B", "A"], "vote")

    async def test_nothing_scored_and_no_answer_is_the_first(self, scored: Build) -> None:
        choice = await chosen(FirstVerified(), [scored(1, None), scored(0, None)])
        assert choice.candidate is not None
        assert (choice.candidate.id, choice.chosen_by, choice.confidence) == ("0", "first", 0.0)

    async def test_one_of_each_answer(self, scored: Build) -> None:
        ballots = [scored(0, "A", 1, True), scored(1, "A", 1, True), scored(2, "B", 0, False)]
        assert [c.id for c in (await chosen(FirstVerified(), ballots)).ranking] == ["0", "2"]


class TestDiverseTopK:
    SAME = "we sort the list and take the middle element of it"
    OTHER = "count every value in a table then walk it from below"

    async def test_an_unlike_text_overtakes_a_copy_of_slightly_higher_score(self, scored: Build) -> None:
        ballots = [
            scored(0, "A", 0.9, text=self.SAME),
            scored(1, "B", 0.8, text=self.SAME + "."),
            scored(2, "C", 0.6, text=self.OTHER),
        ]
        assert keys(await chosen(DiverseTopK(k=2), ballots)) == ["A", "C"]
        assert keys(await chosen(DiverseTopK(k=2, balance=1), ballots)) == ["A", "B"]

    async def test_one_candidate_of_each_answer(self, scored: Build) -> None:
        ballots = [scored(0, "A", 0.9), scored(1, "A", 0.8), scored(2, "B", 0.1)]
        assert [c.id for c in (await chosen(DiverseTopK(), ballots)).ranking] == ["0", "2"]

    async def test_who_failed_a_check_comes_last_and_who_passed_first(self, scored: Build) -> None:
        ballots = [scored(0, "A", 1.0, False), scored(1, "B", 0.2), scored(2, "C", 0.1, True)]
        choice = await chosen(DiverseTopK(), ballots)
        assert (keys(choice), choice.chosen_by) == (["C", "B", "A"], "verified")

    async def test_what_passed_a_check_that_it_could_deceive_stands_between(self, scored: Build) -> None:
        cooperative = replace(scored(0, "A", 1.0, True), verdict=Verdict(1.0, True, cooperative=True))
        choice = await chosen(DiverseTopK(), [cooperative, scored(1, "B", 0.2), scored(2, "C", 0.1, True)])
        assert (keys(choice), choice.chosen_by) == (["C", "A", "B"], "verified")
        assert (await chosen(DiverseTopK(), [cooperative, scored(1, "B", 0.2)])).chosen_by == "cooperative"

    async def test_without_scores_the_share_of_votes_is_the_quality(self, scored: Build) -> None:
        ballots = [scored(0, "A"), scored(1, "B"), scored(2, "B"), scored(3, None)]
        choice = await chosen(DiverseTopK(), ballots)
        assert (keys(choice), choice.chosen_by, choice.confidence) == (["B", "A"], "vote", 2 / 3)

    async def test_no_more_than_k(self, scored: Build) -> None:
        assert len((await chosen(DiverseTopK(k=3), [scored(i, str(i)) for i in range(9)])).ranking) == 3

    async def test_long_texts_are_ranked_the_same_off_the_event_loop(self, scored: Build) -> None:
        long = [scored(i, str(i), 0.5, text=(self.SAME if i % 2 else self.OTHER) + " filler" * 4000) for i in range(4)]
        assert keys(await chosen(DiverseTopK(k=4), long)) == ["0", "1", "2", "3"]

    @pytest.mark.parametrize(
        "fields", [{"k": 0}, {"shingle": 0}, {"balance": 1.5}, {"balance": -0.1}, {"balance": math.nan}]
    )
    def test_fields_out_of_range_are_refused(self, fields: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match="balance goes from 0 to 1"):
            DiverseTopK(**fields)
