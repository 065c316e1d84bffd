"""Random faults, each from a seed: whatever goes wrong at the server, a run ends as one that was left in peace."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.types import Sampling
from tests.faults.course import DEAR, KINDS, Came, Course, Disturbance, Virtual, client, votes

FIXED, ASC, BEST = "self_consistency(samples=8)", "self_consistency(samples=40, stop=asc)", "best_of_n(samples=6)"
SEEDS = range(20)


def course(seed: int) -> Course:
    """Every other one with n-coalescing: then samples are numbered by the double, and one strategy runs alone."""
    if seed % 2:
        return Course(
            (FIXED, ASC, BEST), problems=4, sampling=Sampling(max_tokens=200, seed=seed), server={"seed": seed},
            client=client(seed),
        )  # fmt: skip
    return Course(
        ((FIXED, ASC, BEST)[seed // 2 % 3],), problems=16, server={"seed": seed, "vary_repeats": True},
        client=client(seed),
    )  # fmt: skip


@pytest.mark.parametrize("seed", SEEDS)
def test_a_disturbed_run_ends_as_an_undisturbed_one(seed: int, tmp_path: Path, virtual: Virtual) -> None:
    run, disturbance = course(seed), Disturbance.drawn(seed)
    calm: Came = virtual(run(tmp_path / "calm"))
    came: Came = virtual(run(tmp_path / "disturbed", disturbance.settings))
    assert sum(came.stats.faults.values()) > 0, disturbance
    assert {line.status for line in came.lines} == {"answered"}
    assert all(row["errors"] == 0 for row in came.rows)
    assert len(came.lines) == len(came.by_key) == run.problems * len(run.strategies)
    if run.sampling.seed is None:
        assert votes(came.lines) == votes(calm.lines)
        assert came.stats.asked > came.stats.requests, "nothing was coalesced"
    else:
        assert came.by_key == calm.by_key
        assert not came.stats.twice
    assert came.stats.delivered.samples == calm.stats.delivered.samples
    _is_paid(came)


def _is_paid(came: Came) -> None:
    """The books are closed, and hold at least what the server generated, lost samples included."""
    billed, meter = came.stats.billed, came.bench.scope.spent
    assert came.open_calls == 0
    assert (meter.calls, meter.tokens) == (came.paid.calls, came.paid.tokens), "a resumed run would find other figures"
    assert meter.usd == pytest.approx(came.paid.usd)
    assert came.paid.calls >= billed.samples
    assert came.paid.tokens >= billed.tokens
    assert came.paid.usd >= DEAR.of(billed.prompt, billed.completion) * (1 - 1e-9)


def test_every_kind_of_fault_is_drawn() -> None:
    drawn = [Disturbance.drawn(seed).settings for seed in SEEDS]
    assert {kind for settings in drawn for kind in settings["faults"]} == set(KINDS)
