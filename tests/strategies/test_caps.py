"""Every strategy under caps of every size: they hold, what ended the search is told, and what was paid for is used."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator import Budget, Outcome
from orchestrator.contest import contestant_for
from orchestrator.fitting import estimated
from orchestrator.ledger import Scope
from orchestrator.types import Completion, Estimate, Price, Request, Sampling, Tokens
from tests.clock import run_virtual

from .disturbing import benched, forgiving, pool
from .entry import Entry, entry, names

pytestmark = pytest.mark.usefixtures("patient")

DEAR = Price(0.001, 0.002)
MOST = 80
"""Tokens of a reply at the most, as a whole reservation has to fit into a cap on tokens or money."""

TWO_TURNS = ("codenames",)
"""Strategies whose first `answer` is none yet: a hint without a guess is no answer."""


@pytest.fixture(params=names())
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def one(name: str) -> Entry:
    return entry(name)


def told(one: Entry, spec: str) -> Estimate:
    found = estimated(contestant_for(one.problem, spec, None, None), one.problem, len(one.experts))
    assert found is not None
    return found


def under(
    one: Entry, spec: str, budget: Budget, latency: float | str, wallet: Scope | None = None
) -> tuple[Outcome, list[Request], float]:
    """What came of it, what was replied to, and the seconds it took."""
    asked: list[Request] = []
    script = forgiving(one)

    def answer(request: Request) -> str | Completion:
        asked.append(request)
        said = script(request)
        return said if isinstance(said, str) else replace(said, tokens=Tokens(20, 10, usd=DEAR.of(20, 10)))

    experts = pool(answer, one.experts, latency=latency, price=DEAR)
    capped = [replace(expert, sampling=Sampling(max_tokens=MOST)) for expert in experts]
    out, seconds = run_virtual(benched(one.problem, capped, spec, budget, wallet))
    return out, asked, seconds


def answers(asked: list[Request]) -> bool:
    """Whether anything was paid for that was to be an answer."""
    return any(request.labels.purpose == "answer" for request in asked)


def test_calls(one: Entry, tmp_path: Path) -> None:
    spec = one.spec_in(tmp_path)
    for calls in range(1, told(one, spec).most + 2):
        out, asked, _ = under(one, spec, Budget(calls=calls), "exp:1")
        assert len(asked) <= out.usage.calls <= calls
        assert out.stopped_by in ("done", "verifier", "budget")
        assert out.candidates or not asked, f"{calls} calls are spent for nothing"
        if not asked:
            assert out.stopped_by == "budget"
            assert f"calls={calls}; the next call needs calls=" in out.reason


@pytest.mark.parametrize("dimension", ["tokens", "usd"])
def test_tokens_and_money(name: str, one: Entry, dimension: str, tmp_path: Path) -> None:
    spec = one.spec_in(tmp_path)
    free, _, _ = under(one, spec, Budget(), "exp:1")
    for tokens in (300, 600, 1000, 1700, 4000, 12_000):
        budget = Budget(tokens=tokens) if dimension == "tokens" else Budget(usd=tokens / 770)
        out, asked, _ = under(one, spec, budget, "exp:1")
        used = out.usage
        assert used.prompt_tokens + used.completion_tokens <= (budget.tokens or 1e9)
        assert used.usd <= (budget.usd or 1e9)
        if out.stopped_by == "budget":
            assert f"{dimension}=" in out.reason
        else:
            # Tree of Thoughts first makes sure of an answer where there is a cap.
            assert (out.answer, out.reason, used.calls >= free.usage.calls) == (free.answer, free.reason, True)
        assert out.candidates or name in TWO_TURNS or not answers(asked)


def test_seconds(one: Entry, tmp_path: Path) -> None:
    spec = one.spec_in(tmp_path)
    for cap in [second + 0.5 for second in range(one.depth + 1)]:
        out, asked, seconds = under(one, spec, Budget(seconds=cap), 1.0)
        assert seconds <= cap + 1e-6
        assert out.usage.seconds <= cap + 1e-6
        if out.stopped_by == "budget":
            assert f"seconds={cap}" in out.reason
            assert seconds == pytest.approx(cap)
        assert (out.candidates == ()) == (out.answer is None)
        assert asked or cap < 1
        # A program that is still being run when the clock jumps has taken all the time there was.
        assert out.stopped_by != "budget" or cap < one.depth or one.problem.kind == "code"


def test_a_wallet_around_the_problem(one: Entry, tmp_path: Path) -> None:
    """It is shared with other problems, so that no strategy is made to fit it; yet it holds, and nothing hangs."""
    spec = one.spec_in(tmp_path)
    for calls in range(1, min(told(one, spec).most, 9) + 1):
        wallet = Scope("wallet", Budget(calls=calls), paid=True)
        out, asked, _ = under(one, spec, Budget(), "exp:1", wallet)
        assert len(asked) <= wallet.spent.calls <= calls
        assert out.stopped_by in ("done", "verifier", "budget")
        if out.stopped_by == "budget":
            assert out.reason.startswith(f"budget of wallet ended: calls={calls}")
