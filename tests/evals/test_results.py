from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.errors import BenchmarkError
from orchestrator.evals.results import ResultLine, groups_of, result_line, status_of
from orchestrator.types import Candidate, FinishReason, Outcome, Scored, Usage, Verdict


def candidate(place: int, answer: str | None, finish: FinishReason = "stop") -> Candidate:
    return Candidate(str(place), "toy/1", "text", answer, answer, "an expert", "cot", (place,), finish=finish)


def outcome(*scored: Scored, **fields: Any) -> Outcome:
    chosen = next((s.candidate for s in scored if s.candidate.answer is not None), None)
    made = Outcome(
        problem="toy/1",
        strategy="cot",
        answer=chosen and chosen.answer,
        text="",
        confidence=0.5,
        chosen_by="vote",
        stopped_by="done",
        candidates=scored,
        ranking=(),
        usage=Usage(calls=len(scored), seconds=12.5, usd=0.25, cached_calls=1),
        chosen=chosen,
        run="a-run-folder",
    )
    return replace(made, **fields)


ANSWERED = outcome(
    Scored(candidate(0, None)),
    Scored(candidate(1, "7"), Verdict(0.75, True, "ok", "number")),
    Scored(candidate(2, "8")),
)


def line() -> ResultLine:
    return result_line(ANSWERED, "cot(x=1)", 3, True, [False, True, False])


def test_a_line_tells_how_the_problem_ended() -> None:
    assert line().to_json() == {
        "problem": "toy/1",
        "strategy": "cot(x=1)",
        "seed": 3,
        "status": "answered",
        "answer": "7",
        "correct": True,
        "confidence": 0.5,
        "chosen": "1",
        "chosen_by": "vote",
        "stopped_by": "done",
        "candidates": [
            {"id": "0", "expert": "an expert", "answer": None, "group": None, "correct": False}
            | {"passed": None, "score": None, "finish": "stop"},
            {"id": "1", "expert": "an expert", "answer": "7", "group": 0, "correct": True}
            | {"passed": True, "score": 0.75, "finish": "stop"},
            {"id": "2", "expert": "an expert", "answer": "8", "group": 1, "correct": False}
            | {"passed": None, "score": None, "finish": "stop"},
        ],
    }
    assert line().key == ("toy/1", "cot(x=1)", 3)


def test_a_line_depends_on_neither_usage_nor_place() -> None:
    other = replace(ANSWERED, usage=Usage(calls=3, cached_calls=3, seconds=0.1), run="elsewhere", reason="slow")
    assert result_line(other, "cot(x=1)", 3, True, [False, True, False]) == line()


def test_a_line_comes_back_as_it_was_written() -> None:
    assert ResultLine.read(json.loads(json.dumps(line().to_json()))) == line()


def test_a_row_that_is_no_line_is_refused() -> None:
    row = line().to_json()
    with pytest.raises(BenchmarkError, match=r"results\.jsonl: not a result line: field 'status'"):
        ResultLine.read({**row, "status": "lost"})


def test_answer_classes_may_be_coarser_than_keys() -> None:
    merged = result_line(ANSWERED, "cot", 0, None, [None, None, None], groups=[None, 0, 0])
    assert [c.group for c in merged.candidates] == [None, 0, 0]


def test_every_candidate_needs_a_verdict() -> None:
    with pytest.raises(ValueError, match="zip"):
        result_line(ANSWERED, "cot", 0, None, [None])


def test_groups_are_numbered_by_first_appearance() -> None:
    assert groups_of(["b", None, "a", "b"]) == [0, None, 1, 0]


@pytest.mark.parametrize(
    ("ended", "status"),
    [
        (ANSWERED, "answered"),
        (replace(ANSWERED, stopped_by="budget"), "answered"),
        (outcome(Scored(candidate(0, None)), stopped_by="budget"), "budget"),
        (outcome(stopped_by="budget"), "budget"),
        (outcome(), "error"),
        (outcome(usage=Usage(failed=4)), "error"),
        (outcome(Scored(candidate(0, None))), "unparsed"),
        (outcome(usage=Usage(calls=2)), "unparsed"),
        (outcome(Scored(candidate(0, None, "length"))), "truncated"),
        (outcome(usage=Usage(calls=3, truncated=1)), "truncated"),
        (outcome(Scored(candidate(0, None)), usage=Usage(calls=9, truncated=2)), "truncated"),
        (outcome(Scored(candidate(0, None)), Scored(candidate(1, None, "length"))), "truncated"),
        (outcome(Scored(candidate(0, None, "content_filter"))), "refused"),
        (outcome(usage=Usage(calls=1, refused=1)), "refused"),
    ],
)
def test_the_status_says_why_there_is_no_answer(ended: Outcome, status: str) -> None:
    assert status_of(ended) == status
