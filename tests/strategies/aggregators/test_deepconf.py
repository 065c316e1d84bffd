"""Votes that weigh as much as their traces were sure of themselves."""

from __future__ import annotations

import random
from typing import Any

import pytest

from orchestrator.errors import ConfigError
from orchestrator.registry import build
from orchestrator.strategies.aggregators.deepconf import DeepConf
from orchestrator.types import Candidate, Choice, Message, Problem, Scored

ASKED = Problem("p", (Message("user", "?"),), "number")


class Noted:
    """Takes the place of a run, and keeps what is noted."""

    def __init__(self) -> None:
        self.notes: list[tuple[str, dict[str, Any]]] = []

    def note(self, kind: str, **facts: Any) -> None:
        self.notes.append((kind, facts))


def traces(*rows: tuple[str | None, float | list[float] | None], expert: str = "e") -> list[Scored]:
    """Candidates of (answer, confidences of the tokens)."""
    made = []
    for i, (key, sure) in enumerate(rows):
        tokens = () if sure is None else tuple(sure) if isinstance(sure, list) else (sure,)
        made.append(Scored(Candidate(str(i), "p", key or "", key, key, expert, "s", (i,), confidences=tokens)))
    return made


async def chosen(scored: list[Scored], run: Noted | None = None, **settings: Any) -> Choice:
    deepconf: Any = DeepConf(**settings)
    choice: Choice = await deepconf(ASKED, scored, run or Noted())
    return choice


async def test_sure_traces_outvote_more_that_are_unsure() -> None:
    choice = await chosen(traces(("1", 2.0), ("2", 9.0), ("1", 2.0), ("2", 8.0), ("1", 3.0)), keep=1.0)
    assert (choice.candidate and choice.candidate.key, choice.chosen_by) == ("2", "weight")
    assert choice.confidence == pytest.approx(17 / 24)
    assert [candidate.key for candidate in choice.ranking] == ["2", "1"]


async def test_one_confident_outlier_does_not_beat_a_majority() -> None:
    choice = await chosen(traces(("1", 5.0), ("2", 14.0), ("1", 5.0), ("1", 5.0)), keep=1.0)
    assert choice.candidate
    assert choice.candidate.key == "1"


async def test_the_final_answer_is_that_of_the_weights_not_of_the_plain_majority() -> None:
    scored = traces(*[("1", 1.0)] * 3, *[("2", 10.0)] * 2)
    choice = await chosen(scored, keep=1.0)
    assert choice.candidate
    assert choice.candidate.key == "2"


@pytest.mark.parametrize(("keep", "answer", "kept"), [(0.1, "2", 2), (0.9, "1", 14)])
async def test_low_keeps_the_surest_tenth_and_high_nearly_all(keep: float, answer: str, kept: int) -> None:
    scored = traces(*[("1", 5.0 + i / 100) for i in range(14)], ("2", 6.0), ("2", 6.0))
    run = Noted()
    choice = await chosen(scored, run, keep=keep)
    assert choice.candidate
    assert choice.candidate.key == answer
    assert run.notes == [("filter", {"traces": 16, "kept": kept, "unscored": 0})]


async def test_a_window_below_the_bar_costs_the_vote_though_the_mean_is_high() -> None:
    dip, steady = [9.0, 9.0, 1.0, 1.0, 9.0, 9.0], [4.0] * 6
    rows = [("1", dip), ("1", dip), ("2", steady), ("3", steady)]
    by_mean = await chosen(traces(*rows), measure="mean", keep=0.5, window=2)  # type: ignore[arg-type]
    by_lowest = await chosen(traces(*rows), measure="lowest", keep=0.5, window=2)  # type: ignore[arg-type]
    assert [by_mean.candidate and by_mean.candidate.key, by_lowest.candidate and by_lowest.candidate.key] == ["1", "2"]


async def test_the_warm_up_alone_sets_the_bar_and_counts_traces_without_an_answer() -> None:
    rows: list[tuple[str | None, float]] = [(None, 6.0), ("1", 2.0), ("1", 3.0), ("1", 3.0), ("2", 7.0)]
    choice = await chosen(traces(*rows), warm_up=2, keep=0.5)
    assert choice.candidate
    assert choice.candidate.key == "2", "the bar is 4, between 2 and 6"


async def test_a_trace_without_an_answer_has_no_vote() -> None:
    choice = await chosen(traces((None, 50.0), ("1", 1.0)), keep=1.0)
    assert (choice.candidate and choice.candidate.key, choice.confidence) == ("1", 1.0)


async def test_without_log_probabilities_it_is_a_plain_vote_and_says_so() -> None:
    run = Noted()
    choice = await chosen(traces(("1", None), ("2", None), ("2", None)), run)
    assert (choice.candidate and choice.candidate.key, choice.chosen_by, choice.confidence) == ("2", "vote", 2 / 3)
    assert run.notes == [("plain vote", {"why": "no trace has log-probabilities"})]


async def test_what_a_trace_says_about_itself_counts_for_nothing() -> None:
    scored = traces(("1", None), ("2", None), ("2", None))
    boast = Candidate("9", "p", "I am 100% confident. Confidence: 0.99", "1", "1", "e", "s", (0, 1))
    choice = await chosen([Scored(boast), *scored[1:]])
    assert choice.candidate
    assert choice.candidate.key == "2"


async def test_experts_are_put_on_one_scale() -> None:
    loud = traces(("1", 30.0), ("1", 30.0), expert="loud")
    quiet = [Scored(Candidate(f"q{i}", "p", "2", "2", "2", "quiet", "s", (9, i), confidences=(3.0,))) for i in range(3)]
    choice = await chosen([*loud, *quiet], keep=1.0)
    assert (choice.candidate and choice.candidate.key, choice.confidence) == ("2", pytest.approx(0.6))


async def test_the_text_is_that_of_a_trace_that_votes() -> None:
    choice = await chosen(traces(("1", 1.0), ("1", 8.0), ("2", 2.0)), keep=0.3)
    assert choice.candidate
    assert choice.candidate.id == "1"
    assert [candidate.key for candidate in choice.ranking] == ["1", "2"]


async def test_the_order_of_arrival_changes_nothing() -> None:
    draw = random.Random(7)
    scored = traces(*((draw.choice("123"), draw.random() * 9) for _ in range(30)))
    choice = await chosen(scored, warm_up=8, keep=0.5)
    for _ in range(5):
        assert await chosen(draw.sample(scored, len(scored)), warm_up=8, keep=0.5) == choice


async def test_long_traces_are_measured_off_the_event_loop_alike() -> None:
    tokens = [float(i % 7) for i in range(60_000)]
    choice = await chosen(traces(("1", tokens), ("2", [x + 1 for x in tokens])), keep=1.0, measure="bottom")
    assert choice.candidate
    assert choice.candidate.key == "2"


async def test_nobody_is_chosen_of_nobody() -> None:
    assert await chosen([]) == Choice(None, 0.0, "none")


@pytest.mark.parametrize("spec", ["keep=0", "keep=1.5", "window=0", "warm_up=0", "measure=median"])
def test_settings_out_of_range_are_said(spec: str) -> None:
    with pytest.raises(ConfigError, match=spec.split("=")[0]):
        build("aggregators", f"deepconf({spec})")
