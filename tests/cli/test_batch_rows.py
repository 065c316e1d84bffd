"""What rows say of experts that are the same model asked at once and by batch: each is billed as it was asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.double import DoubleProcess

ENTRY = 'model = "openai/m"\nprice = { prompt = 100, completion = 200 }\nsampling = { max_tokens = 100 }\n'


@pytest.mark.usefixtures("hurried")
def test_a_row_has_the_prices_at_which_its_own_calls_were_asked(command: Command, sums: str, home: Path) -> None:
    with DoubleProcess(answers={"42": 0.6, "41": 0.4}, batches={}) as double:
        base = f'api_base = "{double.base_url}"\n'
        (home / "pool.toml").write_text(
            f'[[expert]]\nid = "now"\n{base}{ENTRY}[[expert]]\nid = "cheap"\nmode = "batch"\n{base}{ENTRY}'
        )
        words = ("-s", "cot", "-s", "self_consistency(samples=3)", "--per-expert", "--yes", "--json")
        done = command("bench", sums, "--pool", "pool.toml", *words, "--run", "r").json
        mixed = command(
            "bench", sums, "--pool", "pool.toml", "-s", "self_consistency(samples=2)", "--yes", "--json", "--run", "s"
        ).json
    rows = {row["strategy"]: row for row in done["results"]}
    assert rows["cot @ cheap"]["usd"] == pytest.approx(rows["cot @ now"]["usd"] / 2)
    by_batch = [row for name, row in rows.items() if name.endswith("@ cheap")]
    assert done["batches"]["calls"] == sum(row["calls"] for row in by_batch)
    assert done["batches"]["usd"] == pytest.approx(sum(row["paid_usd"] for row in by_batch))
    # One row whose calls go both ways: the batch's part is a part of what it paid.
    (both,) = mixed["results"]
    assert mixed["batches"]["calls"] == both["calls"] / 2
    assert mixed["batches"]["usd"] == pytest.approx(both["paid_usd"] / 3)
