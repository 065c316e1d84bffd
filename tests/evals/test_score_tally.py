from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import ContentFiltered
from orchestrator.evals.results import ScoreLine
from orchestrator.evals.score_tally import ScoreTally
from orchestrator.evals.sets import open_set
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.types import Request

from .benching import bench, plan_of, rows
from .conftest import Write

BOARDS: tuple[dict[str, Any], ...] = (
    {"idx": 1, "word_list": ["apple", "pear", "plum", "river"], "target_words": ["apple", "pear", "plum"]},
    {"idx": 2, "word_list": ["drum", "flute", "river"], "target_words": ["drum"]},
)


def score(points: float, of: float, *flags: str) -> ScoreLine:
    return ScoreLine(points=points, of=of, flags=flags)


def tallied(*scores: ScoreLine | None) -> ScoreTally:
    tally = ScoreTally()
    for each in scores:
        tally.add(each)
    return tally


def test_both_averages_are_there_and_differ_where_problems_have_different_numbers_of_points() -> None:
    found = tallied(score(3, 4), score(0, 1, "odd"), score(1, 1, "odd", "strange"))
    assert (found.points, found.of) == (4, 6)
    assert found.micro == pytest.approx(4 / 6)
    assert found.macro == pytest.approx((0.75 + 0 + 1) / 3)
    assert found.flags == {"odd": 2, "strange": 1}


def test_the_row_has_both_and_an_interval_around_the_mean_of_shares() -> None:
    (told,) = tallied(score(1, 2), score(2, 2), score(0, 2, "odd")).row().values()
    assert isinstance(told, dict)
    assert {name: told[name] for name in ("micro", "macro", "points", "of", "flags")} == {
        "micro": 0.5,
        "macro": 0.5,
        "points": 3.0,
        "of": 6.0,
        "flags": {"odd": 1},
    }
    low, high = told["ci95"]  # type: ignore[misc]
    assert 0 <= low < 0.5 < high <= 1  # type: ignore[operator]


def test_where_nothing_is_scored_there_is_no_row() -> None:
    assert tallied(None, None).row() == {}


def player(request: Request) -> str:
    text = request.messages[-1].text
    if "spymaster" in text:
        return "Final answer: fruit" if "apple" in text else "Final answer: Drum"
    return "Final answer: apple, river, pear, plum"


@pytest.mark.parametrize(
    ("rule", "enforce", "points", "solved"),
    [("strict", "true", 2, 0), ("strict", "false", 2, 0), ("published", "false", 3, 1)],
)
def test_a_bench_reports_parts_of_answers_in_lines_and_row(
    write: Write, tmp_path: Path, rule: str, enforce: str, points: int, solved: int
) -> None:
    cases = open_set(f"{write(*BOARDS)}:rule={rule}")
    spec = f"codenames(inner=cot, enforce={enforce})"
    _, (row,) = bench(tmp_path / "run", plan_of(ScriptedExpert(player), strategies=(spec,)), cases)
    assert (row["score"]["points"], row["score"]["of"], row["solved"]) == (points, 4, solved)
    assert row["score"]["micro"] == points / 4
    assert row["score"]["macro"] == pytest.approx((points / 3 + 0) / 2)
    assert row["score"]["flags"]["too many guesses"] == (1 if enforce == "true" else 2)
    lines = {line["problem"]: line["score"] for line in rows(tmp_path / "run")}
    assert lines["codenames/1"] == {"points": points, "of": 3.0, "flags": ["too many guesses"]}
    assert lines["codenames/2"]["points"] == 0


def test_a_problem_without_any_reply_stays_in_the_denominator(write: Write, tmp_path: Path) -> None:
    def failing(request: Request) -> str:
        if "drum" in request.messages[-1].text:
            raise ContentFiltered("no")
        return player(request)

    plan = plan_of(ScriptedExpert(failing), strategies=("codenames(inner=cot)",))
    _, (row,) = bench(tmp_path / "run", plan, open_set(str(write(*BOARDS))))
    assert (row["errors"], row["score"]["points"], row["score"]["of"]) == (1, 2, 4)


def test_a_resumed_run_counts_what_its_lines_say(write: Write, tmp_path: Path) -> None:
    plan = plan_of(ScriptedExpert(player), strategies=("codenames(inner=cot)",))
    _, (first,) = bench(tmp_path / "run", plan, open_set(str(write(*BOARDS))))
    silent = plan_of(ScriptedExpert([]), strategies=("codenames(inner=cot)",))
    _, (again,) = bench(tmp_path / "run", silent, open_set(str(write(*BOARDS))))
    assert again["score"] == first["score"]


def test_lines_and_rows_of_other_sets_say_nothing_of_scores(write: Write, number_row: Any, tmp_path: Path) -> None:
    expert = ScriptedExpert(lambda _: "The answer is 3.")
    _, (row,) = bench(tmp_path / "run", plan_of(expert), open_set(str(write(number_row()))))
    assert "score" not in row
    assert not {"score", "fallbacks"} & rows(tmp_path / "run")[0].keys()
    assert row["fallbacks"] == 0


def test_fallbacks_are_counted(write: Write, number_row: Any, tmp_path: Path) -> None:
    """A collaboration that names its participants and stops is no collaboration, whatever stands in for it."""

    def reply(request: Request) -> str:
        asked = request.messages[-1].text
        return "The answer is 3." if "step by step" in asked else "Participants: AI Assistant (you); Accountant"

    plan = plan_of(ScriptedExpert(reply), strategies=("spp", "cot"))
    _, found = bench(tmp_path / "run", plan, open_set(str(write(number_row("a/1"), number_row("a/2")))))
    assert {row["strategy"]: (row["fallbacks"], row["solved"]) for row in found} == {"spp": (2, 2), "cot": (0, 2)}
    assert sorted(line.get("fallbacks", 0) for line in rows(tmp_path / "run")) == [0, 0, 1, 1]
