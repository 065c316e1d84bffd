"""The columns of a table of results that are not always there."""

from dataclasses import replace

import pytest

from orchestrator.cli.results import billed_line, columns_of
from orchestrator.evals.tally import Tally
from orchestrator.types import Tokens, Usage


@pytest.mark.parametrize(("cached", "cell"), [(0, None), (300, "75.0")])
def test_the_share_of_prompts_read_from_caches_is_told_where_any_was(cached: int, cell: str | None) -> None:
    tally = Tally()
    tally.spend(Usage(calls=1, prompt_tokens=400, cached_prompt_tokens=cached))
    cells = {column.title: column.cells for column in columns_of([tally.row("cot", 1.0)])}
    assert cells.get("% cached") == (None if cell is None else [cell])


def test_what_was_billed_is_told_in_words() -> None:
    billed = Tokens(100, 20, usd=0.5)
    assert billed_line(billed) == "billed: 100 prompt tokens, 20 of replies, 0.5000 usd"
    cached = replace(billed, cached_prompt=60)
    assert billed_line(cached) == "billed: 100 prompt tokens (60 of them read from a cache), 20 of replies, 0.5000 usd"
