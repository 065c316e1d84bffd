"""kill -9 in the middle of a bench of all strategies: resumed, it ends as if nothing had happened."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.double import DoubleProcess
from tests.faults.commands import Command, Nursery
from tests.faults.killing import left_open, results
from tests.strategies.entry import entry, names

ROWS = [name for name in names() if name != "codenames"]
"""Codenames is played on boards alone."""
PROBLEMS = 3
PEOPLE = ("ada", "blaise")
AT_ONCE = 8
"""Requests in flight of each expert."""


@dataclass(frozen=True)
class Calm:
    """What an undisturbed run comes to."""

    lines: list[str]
    requests: int


def double() -> DoubleProcess:
    """Replies depend on the request and its seed alone."""
    models: Mapping[str, Mapping[str, Any]] = {name: {"simulated": name} for name in PEOPLE}
    return DoubleProcess(models=models, latency="exp:0.005")


@pytest.fixture(scope="module")
def specs(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """With the files that some strategies are prepared with in one place, as results cite them."""
    folder = tmp_path_factory.mktemp("files")
    return [entry(name).spec_in(folder) for name in ROWS]


def written(specs: list[str], folder: Path, base_url: str) -> list[str]:
    """Writes the pool; returns the words of the bench."""
    entries = (
        f'[[expert]]\nid = "openai/{name}"\nmodel = "openai/{name}"\napi_base = "{base_url}"\n'
        f"concurrency = {AT_ONCE}\nsampling = {{ seed = 11 }}\ntimeout = 30\n"
        for name in PEOPLE
    )
    (folder / "pool.toml").write_text("".join(entries))
    chosen = [word for spec in specs for word in ("-s", spec)]
    return ["bench", f"mini:limit={PROBLEMS}", "--pool", "pool.toml", *chosen, "--run", "run", "--yes", "--json"]


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory, specs: list[str], nursery: Nursery) -> Calm:
    folder = tmp_path_factory.mktemp("calm")
    with double() as server:
        Command(written(specs, folder, server.base_url), folder, nursery).end()
        return Calm(results(folder / "run"), int(server.stats()["requests"]))


def asked(server: DoubleProcess, requests: int) -> Callable[[], bool]:
    """Whether so many requests have come."""
    return lambda: int(server.stats()["requests"]) >= requests


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 10))])
def test_resumed_it_equals_the_undisturbed_run(
    seed: int, tmp_path: Path, specs: list[str], nursery: Nursery, calm: Calm
) -> None:
    rng, run, in_flight = random.Random(f"kill {seed}"), tmp_path / "run", 0
    with double() as server:
        words = written(specs, tmp_path, server.base_url)
        for share in sorted(rng.uniform(0.05, 0.9) for _ in range(2 if seed else 1)):
            assert Command(words, tmp_path, nursery).kill_when(asked(server, int(share * calm.requests)))
            in_flight += sum(left_open(run).values())
            words = ["resume", "run", "--json"]
        Command(words, tmp_path, nursery).end()
        answered = server.bodies()["answered"]
    assert not left_open(run)
    assert results(run) == calm.lines
    assert len(calm.lines) == PROBLEMS * len(ROWS)
    assert sum(count - 1 for count in answered.values()) <= in_flight <= 2 * AT_ONCE * len(PEOPLE)
    assert set(Counter((row["problem"], row["strategy"]) for row in map(json.loads, calm.lines)).values()) == {1}
