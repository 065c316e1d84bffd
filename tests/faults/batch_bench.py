"""A bench by batch in a process of its own, and what is to be seen of its batches from outside."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.double import DoubleProcess

PROBLEMS, SAMPLES = 4, 3
PRICE = "price = { prompt = 1, completion = 2 }\n"


def prepared(folder: Path, base_url: str, client: str = "direct", more: str = "", seed: int = 11) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        {"id": f"set/{i}", "kind": "number", "question": f"Question {i}: how many?", "answer": "42"}
        for i in range(PROBLEMS)
    ]
    (folder / "set.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "pool.toml").write_text(
        f'[[expert]]\nid = "m"\nmodel = "openai/m"\napi_base = "{base_url}"\nclient = "{client}"\nmode = "batch"\n'
        f"sampling = {{ seed = {seed}, max_tokens = 100 }}\ntimeout = 30\n{PRICE}{more}"
    )
    spec = f"self_consistency(samples={SAMPLES})"
    return ["bench", "set.jsonl", "--pool", "pool.toml", "-s", spec, "--run", "run", "--yes", "--json"]


def out(double: DoubleProcess) -> Callable[[], bool]:
    """Tells whether a batch has been created."""
    return lambda: bool(double.desk()["batches"])


def named(run: Path) -> Callable[[], bool]:
    """Tells whether the journal knows the name of a batch."""

    def known() -> bool:
        if not (run / "journal.sqlite").exists():
            return False
        db = sqlite3.connect(f"file:{run / 'journal.sqlite'}?mode=ro", uri=True)
        try:
            return bool(db.execute("SELECT 1 FROM batches WHERE id IS NOT NULL").fetchone())
        except sqlite3.OperationalError:
            return False
        finally:
            db.close()

    return known


def lines(run: Path) -> list[str]:
    return sorted((run / "results.jsonl").read_text().splitlines())


def once(desk: Mapping[str, Any]) -> bool:
    """Whether every request was in one batch and was answered once."""
    everything = PROBLEMS * SAMPLES
    return list(desk["asked"].values()) == [1] * everything and list(desk["answered"].values()) == [1] * everything


def unnamed(run: Path) -> bool:
    """Whether the journal has one batch, without its name."""
    with sqlite3.connect(run / "journal.sqlite") as db:
        return db.execute("SELECT id FROM batches").fetchall() == [(None,)]
