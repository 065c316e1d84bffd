"""What is run and killed, and when."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from tests.double import DoubleProcess
from tests.faults.commands import Command

ANSWERS = {"42": 0.4, "41": 0.3, "40": 0.3}
ASC, FIXED, BEST = "self_consistency(samples=40, stop=asc)", "self_consistency(samples=8)", "best_of_n(samples=5)"


@dataclass(frozen=True)
class Scene:
    """A bench of up to 40 samples a problem in several waves, and the server that it asks."""

    name: str
    strategies: tuple[str, ...] = (ASC,)
    server: Mapping[str, Any] = field(default_factory=dict)
    price: str = ""
    """The pool file's line of it; a server on this machine costs nothing."""
    problems: int = 5
    concurrency: int = 8
    """Requests in flight."""
    client: str = "direct"
    """By which the server is asked."""

    def double(self) -> DoubleProcess:
        return DoubleProcess(**{"answers": ANSWERS, "latency": "exp:0.015", **self.server})

    def write(self, folder: Path, base_url: str) -> list[str]:
        """Writes the files that a user would have; returns the words of the bench."""
        folder.mkdir(parents=True, exist_ok=True)
        rows = [
            {"id": f"set/{i}", "kind": "number", "question": f"Question {i}: how many?", "answer": "42"}
            for i in range(self.problems)
        ]
        (folder / "set.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        (folder / "pool.toml").write_text(
            f'[[expert]]\nid = "m"\nmodel = "openai/m"\napi_base = "{base_url}"\nconcurrency = {self.concurrency}\n'
            f'client = "{self.client}"\nsampling = {{ seed = 11, max_tokens = 100 }}\ntimeout = 30\n{self.price}'
        )
        chosen = [word for spec in self.strategies for word in ("-s", spec)]
        return ["bench", "set.jsonl", "--pool", "pool.toml", *chosen, "--run", "run", "--yes", "--json"]


SCENES = (
    Scene("waves"),
    Scene("shared", (ASC, FIXED, BEST), problems=3, client="litellm"),
    Scene(
        "rejecting", problems=3, client="litellm",
        server={"mode": "rejecting", "reasoning": {"share": 0.3, "tokens": 30, "heavy": 150}},
    ),
    Scene(
        "faulty",
        server={
            "faults": {"429-ms": 0.1, "invalid_json": 0.02, "reset": 0.02}, "retry_after": 0.05, "max_faults": 2,
        },
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Moment:
    """When to kill."""

    kind: str
    share: float
    """Of the run, or of the seconds that it takes to start."""
    delay: float
    """Seconds."""

    @classmethod
    def drawn(cls, rng: random.Random) -> Moment:
        """Mostly anywhere in the run; one in eight while it starts, one in eight when it is all but over."""
        kind = rng.choices(("request", "line", "start", "end"), (4, 2, 1, 1))[0]
        return cls(kind, rng.random(), rng.uniform(0, 0.3 if kind == "end" else 0.02))

    def comes(
        self, command: Command, double: DoubleProcess, run: Path, whole: Whole, starts: float
    ) -> Callable[[], bool]:
        """Tells whether it is there.

        Args:
            whole: what an undisturbed run comes to.
            starts: seconds within which the command has started to ask.
        """
        if self.kind == "start":
            return lambda: command.seconds > starts * self.share
        if self.kind == "line":
            line = 1 + int(self.share * (len(whole.lines) - 1))
            return _late(lambda: _count(run) >= line, self.delay)
        request = whole.requests - 2 if self.kind == "end" else 1 + int(self.share * whole.requests)
        return _late(lambda: int(double.stats()["requests"]) >= request, self.delay)


@dataclass(frozen=True)
class Whole:
    """What an undisturbed run comes to."""

    lines: list[str]
    stats: Mapping[str, Any]
    """Of its double."""

    @property
    def samples(self) -> int:
        return int(self.stats["delivered"]["samples"])

    @property
    def requests(self) -> int:
        return int(self.stats["requests"])


Undisturbed: TypeAlias = Callable[[Scene], Whole]


def _late(there: Callable[[], bool], delay: float) -> Callable[[], bool]:
    since: list[float] = []

    def due() -> bool:
        if not since and there():
            since.append(time.monotonic())
        return bool(since) and time.monotonic() - since[0] >= delay

    return due


def _count(run: Path) -> int:
    path = run / "results.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def results(run: Path) -> list[str]:
    """The result lines, sorted."""
    return sorted((run / "results.jsonl").read_text().splitlines())


def left_open(run: Path) -> dict[int, int]:
    """By attempt, the samples of those without an end, read from a copy of what the killed process left."""
    if not (run / "journal.sqlite").exists():
        return {}
    copy = run.with_name("autopsy")
    shutil.copytree(run, copy)
    db = sqlite3.connect(copy / "journal.sqlite")
    try:
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'attempts'").fetchone():
            return {}
        return dict(db.execute("SELECT id, length(keys) / 16 FROM attempts WHERE state = 'open'").fetchall())
    finally:
        db.close()
        shutil.rmtree(copy)
