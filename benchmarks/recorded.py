"""Programs that models wrote and others judged: are our verdicts the recorded ones, and how long does it take."""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import re
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.sandbox import Asserts, Execution, Limits, Sandbox

from . import usage
from .tasks import Missing

_STOPS = ("\nclass", "\ndef", "\n#", "\nif", "\nprint")
"""Where the text of a completing model is cut: it goes on after the function that was asked for."""


@dataclass(frozen=True, slots=True)
class Record:
    """A program, and the verdict that was recorded on it."""

    problem: str
    label: str
    program: str
    correct: bool


def run(options: argparse.Namespace) -> int:
    """Runs all, and lists each verdict that is not the recorded one with the reason."""
    problems = {row["id"]: row for row in _lines(options.problems)}
    rows = [row for row in _lines(options.generations) if options.expert in (None, row["expert"])]
    records = [_record(row, problems[row["problem_id"]]) for row in rows]
    limits = Limits(seconds=options.seconds, memory_mb=options.memory)
    seconds, cpu, found, level = asyncio.run(_judged(records, problems, limits, options.workers))
    verdicts = Counter(one.verdict for one in found)
    print(
        f"{len(records)} programs in {seconds:.1f} s, {cpu:.1f} s of CPU, {options.workers} workers, level {level}, "
        f"load {usage.load():.1f}: " + ", ".join(f"{name} {number}" for name, number in verdicts.most_common())
    )
    both = zip(records, found, strict=True)
    wrong = [(record, one) for record, one in both if (one.verdict == "passed") != record.correct]
    for record, one in wrong:
        said = "passed" if record.correct else "not passed"
        print(f"{record.problem} {record.label}: {one.verdict} ({one.detail}), recorded as {said}")
    print(f"{len(records) - len(wrong)} of {len(records)} agree with the record")
    return _held(options, records, found)


def _held(options: argparse.Namespace, records: Sequence[Record], found: Sequence[Execution]) -> int:
    """Writes the verdicts, or compares them with those of another run."""
    said = [[record.problem, record.label, one.verdict, one.passed] for record, one in zip(records, found, strict=True)]
    if options.save:
        Path(options.save).write_text("\n".join(json.dumps(line) for line in said) + "\n", encoding="utf-8")
    if not options.compare:
        return 0
    earlier = [json.loads(line) for line in Path(options.compare).read_text(encoding="utf-8").splitlines()]
    if len(earlier) != len(said):
        raise Missing(f"{options.compare} holds {len(earlier)} verdicts, not {len(said)}")
    changed = [(before, now) for before, now in zip(earlier, said, strict=True) if before != now]
    for before, now in changed:
        print(f"not as before: {before} and now {now}")
    print(f"{len(said) - len(changed)} of {len(said)} verdicts are those of {options.compare}")
    return 1 if changed else 0


async def _judged(
    records: Sequence[Record], problems: dict[str, dict[str, Any]], limits: Limits, workers: int
) -> tuple[float, float, list[Execution], int]:
    """Wall seconds with the start of servers, CPU seconds, verdicts in order, and the level of isolation."""
    start, before = time.perf_counter(), usage.spent()
    suites = {
        name: Asserts((row["tests"],), row["entry_point"], row["meta"].get("codet_prompt") or row["question"])
        for name, row in problems.items()
    }
    async with Sandbox(workers, cache=len(records)) as box:
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(box.verify(one.program, suites[one.problem], limits)) for one in records]
        before_end = usage.spent()
    level = box.isolation.level if box.isolation is not None else 0
    cpu = max(before_end.total, usage.spent().total) - before.total
    return time.perf_counter() - start, cpu, [one.result() for one in asked], level


def _record(row: dict[str, Any], problem: dict[str, Any]) -> Record:
    label = f"{row['expert']}/{row['prompt_style']} #{row['sample_index']}"
    if "cut" in (row.get("meta") or {}).get("text_is", ""):
        program = problem["meta"]["codet_prompt"] + _cut(row["text"])
    elif re.search(rf"^(?:async )?def {re.escape(problem['entry_point'])}\b", row["text"], re.MULTILINE):
        program = f"{problem['question']}\n{row['text']}"
    else:
        program = problem["question"] + row["text"]
    return Record(problem["id"], label, program, row["correct"])


def _cut(text: str) -> str:
    return text[: min((at for at in map(text.find, _STOPS) if at >= 0), default=len(text))]


def _lines(path: str) -> list[dict[str, Any]]:
    file = Path(path)
    if not file.is_file():
        raise Missing(f"{path} is not there")
    opened = gzip.open if file.suffix == ".gz" else open
    with opened(file, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]
