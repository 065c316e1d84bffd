"""kill -9 at random moments of a bench and of its resume: no more is lost than was in flight, and nothing differs."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.commands import Command, Nursery
from tests.faults.killing import SCENES, Moment, Undisturbed, left_open, results

QUICK = [seed for seed in range(10) if SCENES[seed % len(SCENES)].name != "faulty"]
"""Refusals at random teach a slow pace, and so take a minute."""
SOAK = [pytest.param(seed, marks=pytest.mark.slow) for seed in range(210) if seed not in QUICK]
"""Every tenth of these from ten on with interpreters started afresh."""


@pytest.mark.parametrize("seed", [*QUICK, *SOAK])
def test_a_killed_run_that_is_resumed_ends_as_an_undisturbed_one(
    seed: int,
    tmp_path: Path,
    nursery: Nursery,
    undisturbed: Undisturbed,
    record_property: Callable[[str, object], None],
) -> None:
    rng, scene, run = random.Random(f"kill {seed}"), SCENES[seed % len(SCENES)], tmp_path / "run"
    whole, out, killed, kills = undisturbed(scene), dict[int, int](), True, 0
    afresh = seed % 10 == 9 and seed > 9
    source, starts = (None, 4.0) if afresh else (nursery, 0.5)
    with scene.double() as double:
        words = scene.write(tmp_path, double.base_url)
        for _ in range(1 + (rng.random() < 0.3)):
            command, moment = Command(words, tmp_path, source), Moment.drawn(rng)
            killed = command.kill_when(moment.comes(command, double, run, whole, starts))
            if not killed:
                command.end()
                break
            kills += 1
            left = left_open(run)
            assert sum(left.values()) <= scene.concurrency
            out |= left
            if (run / "manifest.json").exists():
                words = ["resume", "run", "--json"]
        if killed:
            Command(words, tmp_path, source).end()
        stats, answered = double.stats(), double.bodies()["answered"]
    in_flight = sum(out.values())
    assert not left_open(run)
    assert results(run) == whole.lines
    keys = Counter((row["problem"], row["strategy"], row["seed"]) for row in map(json.loads, whole.lines))
    assert set(keys.values()) == {1}
    assert len(answered) == whole.samples
    assert sum(count - 1 for count in answered.values()) <= in_flight
    record_property("kills", kills)
    record_property("in flight at kills", in_flight)
    record_property("samples needed", whole.samples)
    record_property("samples generated", stats["billed"]["samples"])
    lost_by_faults = stats["faults"].get("invalid_json", 0) + stats["faults"].get("reset", 0)
    assert stats["billed"]["samples"] <= whole.samples + in_flight + lost_by_faults
