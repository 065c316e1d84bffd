"""The picture of a run, in terminals of any size."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from orchestrator.cli.picture import picture, shared, shortened
from orchestrator.cli.standing import Standing

from .standings import lane, row, standing

VOTE = "self_consistency(samples=3)"


def drawn(shown: Standing, width: int = 80, height: int = 24) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height, markup=False, highlight=False, emoji=False)
    console.print(picture(shown, width, height))
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined,no-any-return]


def test_it_shows_rows_and_lanes() -> None:
    text = "\n".join(drawn(standing(rows=(row(), row(VOTE, accuracy=None)), usd=0.5, caps="usd=2")))
    for words in (
        "toy",
        "3/10",
        "0:42, 1:38 to go",
        "12 calls, 3.4k tokens, $0.5000",
        "cap: usd=2",
        VOTE,
        "75.0 %",
    ):
        assert words in text
    assert re.search(r"openai/m +4 +2", text)
    assert "state" not in text


def test_errors_and_money_have_columns_where_there_are_any() -> None:
    head = drawn(standing(rows=(row(errors=2, usd=0.1),)))[3]
    assert head.split() == ["strategy", "done", "accuracy", "errors", "calls", "tokens", "usd"]
    assert drawn(standing())[3].split() == ["strategy", "done", "accuracy", "calls", "tokens"]


@pytest.mark.parametrize("ending", ["", "stopping: 3 calls are in flight"], ids=["running", "ending"])
@pytest.mark.parametrize(("rows", "lanes"), [(1, 1), (3, 40), (40, 3), (40, 40), (2, 0)])
@pytest.mark.parametrize(("width", "height"), [(20, 5), (40, 12), (80, 24), (200, 50)])
def test_it_fits_any_terminal(width: int, height: int, rows: int, lanes: int, ending: str) -> None:
    shown = standing(
        rows=tuple(row(f"a_strategy(with={i}, a_very_long_setting=12345) @ openai/gpt-{i}") for i in range(rows)),
        lanes=tuple(lane(f"openai/{'long-' * 9}{i}", state="rate limit; 3 at once") for i in range(lanes)),
        ending=ending,
    )
    lines = drawn(shown, width, height)
    assert len(lines) < max(height, 6)
    assert all(len(line.rstrip()) <= width for line in lines)
    assert lines[-1] == ""
    if ending:
        assert lines[-2].startswith(ending[:15])


def test_what_does_not_fit_is_counted() -> None:
    shown = standing(rows=tuple(row(f"row{i}") for i in range(40)), lanes=tuple(lane(f"e{i}") for i in range(10)))
    text = "\n".join(drawn(shown))
    rows, lanes = (int(n) for n in re.findall(r"and (\d+) more", text))
    assert rows + len(re.findall(r"row\d", text)) == 40
    assert lanes + len(re.findall(r"^e\d", text, re.MULTILINE)) == 10


def test_of_many_lanes_those_in_trouble_and_the_fullest_are_shown() -> None:
    lanes = [lane(f"e{i}", queued=i) for i in range(40)]
    lanes[7] = lane("e7", queued=0, state="failing; trying again")
    shown = re.findall(r"^(e\d+)", "\n".join(drawn(standing(lanes=tuple(lanes)))), re.MULTILINE)
    assert shown[:3] == ["e7", "e39", "e38"]


def test_two_tables_share_the_room() -> None:
    assert shared(2, 3, 14) == (2, 3)
    assert shared(40, 40, 16) == (8, 4)
    assert shared(2, 40, 16) == (2, 10)
    assert shared(40, 1, 16) == (11, 1)


def test_in_a_low_terminal_rows_are_what_matters() -> None:
    assert shared(2, 3, 7) == (2, 0)
    assert shared(5, 5, 4) == (2, 0)
    assert shared(1, 5, 3) == (1, 0)
    assert shared(5, 5, 3) == (0, 0)
    assert shared(5, 5, -3) == (0, 0)


def test_names_that_begin_alike_can_still_be_told_apart() -> None:
    names = [f"replay:/some/where/far/away/generations.jsonl.gz#model-{i}/cot" for i in range(3)]
    cut = [shortened(name, 30) for name in names]
    assert [len(name) for name in cut] == [30, 30, 30]
    assert [name[-11:] for name in cut] == [f"model-{i}/cot" for i in range(3)]
    assert shortened("short", 30) == "short"
    assert len(shortened("a very long name", 5)) == 5


def test_wide_signs_count_twice() -> None:
    for line in drawn(standing(rows=(row("思考" * 40),)), 60):
        assert len(line.rstrip()) <= 60
    assert shortened("思考" * 20, 21).startswith("思考思...")


def test_markup_and_emoji_codes_are_text() -> None:
    text = "\n".join(drawn(standing(name="[red]set", rows=(row("a[bold]b:smile:"),), lanes=(lane("[/]e"),))))
    assert "[red]set" in text
    assert "a[bold]b:smile:" in text
    assert "[/]e" in text
