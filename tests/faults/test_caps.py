"""Caps as the server counts them, over HTTP and under faults: what was lost or abandoned counts too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator.budget import Budget
from orchestrator.types import Sampling
from tests.double import Tally
from tests.faults.course import DEAR, Came, Course, Disturbance, Virtual, client

ASC, FIXED, BEST = "self_consistency(samples=40, stop=asc)", "self_consistency(samples=12)", "best_of_n(samples=12)"
MOST = 100
"""Tokens of a reply at the most."""
LARGEST = {"calls": 0, "tokens": 220 + MOST, "usd": DEAR.of(220, MOST)}
"""What may be left of a cap: less than one more call; a prompt of these problems is bounded by 213 tokens."""
TIGHT = [Budget(calls=9), Budget(tokens=900), Budget(usd=0.14)]
WALLETS = [Budget(calls=50), Budget(tokens=2400), Budget(usd=0.5)]


def spent(tally: Tally) -> dict[str, float]:
    """What a server bills for."""
    usd = DEAR.of(tally.prompt, tally.completion)
    return {"calls": tally.samples, "tokens": tally.tokens, "usd": usd}


def caps(budget: Budget) -> dict[str, float]:
    return {name: cap for name in LARGEST if (cap := getattr(budget, name)) is not None}


def holds(tally: Tally, budget: Budget) -> bool:
    return all(spent(tally)[name] <= cap * (1 + 1e-9) for name, cap in caps(budget).items())


def course(seed: int, **settings: Any) -> Course:
    """Every other one with n-coalescing."""
    sampling = Sampling(max_tokens=MOST, seed=seed if seed % 2 else None)
    return Course(
        ((FIXED, ASC, BEST)[seed % 3],), sampling=sampling, server={"seed": seed}, client=client(seed), **settings
    )


@pytest.mark.parametrize("budget", TIGHT, ids=str)
@pytest.mark.parametrize("seed", range(4))
def test_no_problem_is_billed_more_than_its_cap(seed: int, budget: Budget, tmp_path: Path, virtual: Virtual) -> None:
    run = course(seed, budget=budget)
    came: Came = virtual(run(tmp_path / "run", Disturbance.drawn(seed).settings))
    assert len(came.stats.prompts) == run.problems == len(came.lines)
    assert all(holds(tally, budget) for tally in came.stats.prompts.values())
    cut = [line for line in came.lines if line.stopped_by == "budget"]
    assert cut
    assert all(line.answer is not None for line in cut if line.candidates)


@pytest.mark.parametrize("wallet", WALLETS, ids=str)
@pytest.mark.parametrize("seed", range(4))
def test_no_run_is_billed_more_than_its_wallet_holds(
    seed: int, wallet: Budget, tmp_path: Path, virtual: Virtual
) -> None:
    came: Came = virtual(course(seed, run_budget=wallet)(tmp_path / "run", Disturbance.drawn(seed).settings))
    assert came.bench.out_of_budget
    assert holds(came.stats.billed, wallet)
    assert not [line for line in came.lines if line.stopped_by == "budget"], "a problem that the wallet cut has a line"
    assert came.open_calls == 0


@pytest.mark.parametrize("wallet", WALLETS, ids=str)
def test_what_problems_abandon_is_charged_to_the_wallet(wallet: Budget, tmp_path: Path, virtual: Virtual) -> None:
    run = course(4, budget=Budget(seconds=3), run_budget=wallet, at_once=2)
    came: Came = virtual(run(tmp_path / "run", {"latency": "exp:2"}))
    assert came.stats.client_aborts > 0
    assert holds(came.stats.billed, wallet)
    assert came.paid.calls >= came.stats.billed.samples
    assert came.paid.tokens >= came.stats.billed.tokens
    assert came.open_calls == 0


@pytest.mark.parametrize("wallet", WALLETS, ids=str)
def test_a_wallet_is_spent_but_for_one_call(wallet: Budget, tmp_path: Path, virtual: Virtual) -> None:
    came: Came = virtual(course(3, run_budget=wallet)(tmp_path / "run"))
    left = {name: cap - spent(came.stats.billed)[name] for name, cap in caps(wallet).items()}
    assert all(0 <= rest <= LARGEST[name] for name, rest in left.items()), left


@pytest.mark.parametrize("faults", [{}, Disturbance.drawn(1).settings], ids=["calm", "disturbed"])
def test_nothing_is_asked_for_a_problem_after_its_seconds(
    faults: dict[str, Any], tmp_path: Path, virtual: Virtual
) -> None:
    run = course(1, budget=Budget(seconds=10))
    slow = {**faults, "latency": "exp:2", "keep_bodies": True}
    came: Came = virtual(run(tmp_path / "run", slow))
    assert "budget" in {line.stopped_by for line in came.lines}
    assert all(line.answer is not None for line in came.lines if line.candidates)
    assert any(line.candidates for line in came.lines)
    assert max(seen.at for seen in came.requests) <= came.started + 10
    assert came.open_calls == 0


def test_nothing_is_asked_after_the_seconds_of_the_run(tmp_path: Path, virtual: Virtual) -> None:
    run = course(1, run_budget=Budget(seconds=10))
    came: Came = virtual(run(tmp_path / "run", {"latency": "exp:2", "keep_bodies": True}))
    assert came.bench.out_of_budget
    assert max(seen.at for seen in came.requests) <= came.started + 10


@pytest.mark.parametrize("seed", range(3))
def test_a_run_that_its_wallet_cut_goes_on_with_a_larger_one(seed: int, tmp_path: Path, virtual: Virtual) -> None:
    wallet = WALLETS[seed]
    calm: Came = virtual(course(5)(tmp_path / "calm"))
    first: Came = virtual(course(5, run_budget=wallet)(tmp_path / "run", Disturbance.drawn(seed).settings))
    assert len(first.lines) < len(calm.lines)
    again: Came = virtual(course(5, run_budget=wallet)(tmp_path / "run"))
    both = Tally()
    both.add(first.stats.billed)
    both.add(again.stats.billed)
    assert holds(both, wallet), "what the first process was charged is forgotten"
    rest: Came = virtual(course(5)(tmp_path / "run"))
    assert rest.by_key == calm.by_key
    good = sum(came.stats.delivered.samples for came in (first, again, rest))
    assert good == calm.stats.delivered.samples
