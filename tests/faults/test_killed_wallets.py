"""A run with a wallet, killed and resumed: no process may spend what another has spent already."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.faults.commands import Command, Nursery
from tests.faults.killing import Moment, Scene, Undisturbed, results

SCENE = Scene("wallet", price="price = { prompt = 100, completion = 300 }\n", problems=4)


def spent(stats: Any) -> dict[str, float]:
    billed = stats["billed"]
    usd = billed["prompt"] * 100e-6 + billed["completion"] * 300e-6
    return {"calls": billed["samples"], "tokens": billed["tokens"], "usd": round(usd, 6)}


@pytest.mark.parametrize("seed", [*range(3), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(3, 33))])
def test_a_killed_run_keeps_to_its_wallet_and_a_larger_one_ends_it(
    seed: int,
    tmp_path: Path,
    nursery: Nursery,
    undisturbed: Undisturbed,
    record_property: Callable[[str, object], None],
) -> None:
    rng, whole = random.Random(f"wallet {seed}"), undisturbed(SCENE)
    dimension = ("calls", "tokens", "usd")[seed % 3]
    share = rng.uniform(0.4, 0.8)
    cap = round(share * spent(whole.stats)[dimension], 6 if dimension == "usd" else None)
    with SCENE.double() as double:
        words = [*SCENE.write(tmp_path, double.base_url), "--run-budget", f"{dimension}={cap}"]
        killed = 0
        for _ in range(rng.randint(1, 3)):
            command = Command(words, tmp_path, nursery)
            # Well before the cap: worst cases that are reserved end a run earlier than its share of the requests.
            moment = Moment("request", 0.6 * share * rng.random(), rng.uniform(0, 0.02))
            killed += command.kill_when(moment.comes(command, double, tmp_path / "run", whole, 0))
            words = ["resume", "run", "--json"]
        Command(words, tmp_path, nursery).end(4)
        assert killed
        record_property("kills", killed)
        assert spent(double.stats())[dimension] <= cap
        Command([*words, "--run-budget", f"{dimension}={1000 * cap:.0f}"], tmp_path, nursery).end()
    assert results(tmp_path / "run") == whole.lines
