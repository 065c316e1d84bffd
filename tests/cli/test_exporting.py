"""`runs export`: every line with what it used, whatever the order and number of both."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

from orchestrator.cli.exporting import exported
from orchestrator.folder import RunFolder, RunView


def a_run(path: Path, lines: Sequence[int], traced: Sequence[int]) -> RunView:
    """A run with result lines of these problems, whose trace tells of these."""
    with RunFolder.create(path, {}) as folder:
        for number in lines:
            folder.append_result({"problem": f"p/{number}", "strategy": "cot", "seed": 0, "answer": "x" * 200})
        for number in traced:
            who = {"problem": f"p/{number}", "strategy": "cot", "seed": 0}
            usage = {"calls": number, "usd": 0.1 * number}
            folder.append_trace([{**who, "kind": "call"}, {**who, "kind": "usage", "usage": usage}])
    return RunView(path)


def calls(seen: RunView) -> list[tuple[str, int | None]]:
    rows = map(json.loads, exported(seen, "jsonl", ["cot"], candidates=False))
    return [(row["problem"], row["usage"] and row["usage"]["calls"]) for row in rows]


def test_each_line_has_what_it_used_in_any_order(tmp_path: Path) -> None:
    assert calls(a_run(tmp_path / "same", [1, 2, 3], [1, 2, 3])) == [("p/1", 1), ("p/2", 2), ("p/3", 3)]
    assert calls(a_run(tmp_path / "other", [1, 2, 3], [3, 1, 2])) == [("p/1", 1), ("p/2", 2), ("p/3", 3)]


def test_a_problem_that_was_traced_and_then_killed_is_passed_over(tmp_path: Path) -> None:
    assert calls(a_run(tmp_path / "run", [1, 3], [1, 2, 3])) == [("p/1", 1), ("p/3", 3)]


def test_a_line_without_a_trace_has_no_usage(tmp_path: Path) -> None:
    assert calls(a_run(tmp_path / "run", [1, 2, 3], [1, 3])) == [("p/1", 1), ("p/2", None), ("p/3", 3)]


def test_nothing_is_held_of_lines_that_are_out(tmp_path: Path) -> None:
    seen = a_run(tmp_path / "run", range(3000), range(3000))
    tracemalloc.start()
    try:
        for _ in exported(seen, "csv", ["cot"], candidates=False):
            pass
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3000 * 100  # one small dictionary of what a problem used takes more
