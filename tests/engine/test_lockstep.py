"""Many branches that advance together under a cap: few come to their end instead of none, and the cap is used up."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from orchestrator.budget import Budget
from orchestrator.engine import Bounds, Engine, MemoryJournal
from orchestrator.errors import BudgetExceeded, ConnectionLost, ExpertError, RateLimited
from orchestrator.ledger import NOTHING, Amount, Scope
from orchestrator.run import Run, Table
from orchestrator.trace import Trace
from orchestrator.types import Message, Problem, Prompt, Sampling
from tests.clock import run_virtual
from tests.engine.stage import PACES, Stage, expert, prompt_tokens, request, sometimes

STORM = sometimes(0.3, lambda: RateLimited("slow down", retry_after=1.0))
RESETS = sometimes(0.1, lambda: ConnectionLost("reset"))
NONE = sometimes(0.0, lambda: ConnectionLost("never"))
PROMPT_TOKENS = prompt_tokens(request("branch 100"))


@dataclass
class March:
    """Problems whose branches make `calls` calls each, one after the other, all on one wallet."""

    stage: Stage
    wallet: Scope
    branches: int = 200
    calls: int = 2
    max_tokens: int = 100
    problems: int = 1
    own: Budget = field(default_factory=Budget)
    finished: list[tuple[str, int]] = field(default_factory=list)
    refusals: list[BudgetExceeded] = field(default_factory=list)
    scopes: list[Scope] = field(default_factory=list)

    def __call__(self) -> "March":
        run_virtual(self._all())
        for scope in (self.wallet, *self.scopes):
            assert (scope.outstanding, scope.reserved) == (0, NOTHING)
            assert (scope.claims, scope.owed) == (0, NOTHING)
        return self

    async def _all(self) -> None:
        async with (
            Engine({"e": expert()}, lambda _: self.stage, MemoryJournal()) as engine,
            asyncio.TaskGroup() as group,
        ):
            for number in range(self.problems):
                group.create_task(self._one(engine, number))

    async def _one(self, engine: Engine, number: int) -> None:
        scope = Scope(f"p{number}", self.own, self.wallet)
        self.scopes.append(scope)
        table = Table(engine, Trace(asyncio.get_running_loop().time), 0, "", {}, {}, number)
        problem = Problem(f"p{number}", (Message("user", "q"),))
        run = Run(table, problem, tuple(engine.experts.values()), scope, lambda candidate: None)
        try:
            await run.map(self.branch, range(self.branches), cost=self.calls)
        except BudgetExceeded as refusal:
            self.refusals.append(refusal)

    async def branch(self, number: int, run: Run) -> None:
        for step in range(self.calls):
            prompt = Prompt((Message("user", f"{run.problem.id} branch {number} step {step}"),))
            await run.generate(prompt, sampling=Sampling(max_tokens=self.max_tokens), purpose="step")
        self.finished.append((run.problem.id, number))


def wallet(budget: Budget) -> Scope:
    return Scope("run", budget, paid=True)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("fault", [NONE, STORM], ids=["no faults", "429 storm"])
@pytest.mark.parametrize("pace", PACES)
def test_a_calls_cap_for_twenty_branches_ends_twenty(
    pace: str, fault: Callable[..., ExpertError | None], seed: int
) -> None:
    march = March(Stage(PACES[pace], fault, seed=seed), wallet(Budget(calls=40)))()
    assert len(march.finished) >= 18
    assert 36 <= march.stage.samples <= 40
    assert march.wallet.spent.calls == march.stage.samples
    assert march.refusals


@pytest.mark.parametrize("seed", range(6))
def test_every_charged_failure_costs_one_branch_at_the_most(seed: int) -> None:
    march = March(Stage(PACES["uniform"], RESETS, seed=seed), wallet(Budget(calls=40)))()
    charged = march.stage.samples - sum(march.stage.answered.values())
    assert len(march.finished) >= 20 - charged
    assert 36 <= march.stage.samples <= 40


@pytest.mark.parametrize("calls", [2, 5])
@pytest.mark.parametrize(
    ("max_tokens", "mean"), [(100, 90), (100, 30), (2000, 100)], ids=["full", "third", "twentieth"]
)
@pytest.mark.parametrize("pace", ["constant", "long tail"])
@pytest.mark.parametrize("money", [False, True], ids=["tokens", "usd"])
def test_under_a_token_or_money_cap_hardly_a_call_is_made_for_a_branch_that_cannot_end(
    money: bool, pace: str, max_tokens: int, mean: int, calls: int
) -> None:
    stage = Stage(PACES[pace], STORM, tokens=lambda request, rng: int(mean * rng.uniform(0.8, 1.1)))
    tokens = 20 * calls * (mean + PROMPT_TOKENS)
    cap = Budget(usd=tokens * 4e-6) if money else Budget(tokens=tokens)
    march = March(stage, wallet(cap), calls=calls, max_tokens=max_tokens)()
    spent = march.wallet.spent
    assert spent.tokens == stage.billed.prompt + stage.billed.completion
    assert march.wallet.lacks(NOTHING, spent) is None
    assert spent.calls - calls * len(march.finished) <= 2 * calls
    worst = Bounds().worst(request("p0 branch 100 step 0", max_tokens=max_tokens), expert())
    most = Amount(1, PROMPT_TOKENS + int(mean * 1.1), 4e-6 * (PROMPT_TOKENS + int(mean * 1.1)))
    assert march.wallet.lacks((most * calls).or_more(worst), spent) is not None


@pytest.mark.parametrize("pace", PACES)
@pytest.mark.parametrize("money", [False, True], ids=["tokens", "usd"])
def test_single_calls_use_a_token_or_money_cap_to_within_one_worst_call(money: bool, pace: str) -> None:
    stage = Stage(PACES[pace], tokens=lambda request, rng: rng.randint(10, 80))
    cap = Budget(usd=0.004) if money else Budget(tokens=1500)
    march = March(stage, wallet(cap), calls=1)()
    worst = Bounds().worst(request("p0 branch 199 step 0"), expert())
    assert march.wallet.lacks(NOTHING, march.wallet.spent) is None
    assert march.wallet.lacks(worst, march.wallet.spent) is not None


@pytest.mark.parametrize("fault", [NONE, STORM], ids=["no faults", "429 storm"])
@pytest.mark.parametrize("pace", PACES)
def test_problems_that_share_a_wallet_end_as_many_branches_as_it_pays_for(
    pace: str, fault: Callable[..., ExpertError | None]
) -> None:
    march = March(Stage(PACES[pace], fault), wallet(Budget(calls=120)), branches=50, calls=3, problems=8)()
    assert len(march.finished) >= 36
    assert march.stage.samples >= 108
    assert march.stage.samples <= 120


def test_a_lower_cap_of_each_problem_holds_beside_the_wallets() -> None:
    march = March(Stage(), wallet(Budget(calls=50)), branches=50, problems=8, own=Budget(calls=10))()
    assert len(march.finished) == 25
    assert max(scope.spent.calls for scope in march.scopes) == 10
    assert [scope.spent.calls for scope in march.scopes].count(10) == 5


def test_a_delegate_with_a_cap_of_its_own_inside_a_branch_ends_branches_too() -> None:
    march = March(Stage(), wallet(Budget(calls=1000)))

    async def inner(problem: Problem, run: Run) -> None:
        await run.map(march.branch, range(200), cost=2)

    async def outer(item: int, run: Run) -> None:
        await run.delegate(inner, budget=Budget(calls=10), draw=item)

    async def main() -> None:
        async with Engine({"e": expert()}, lambda _: march.stage, MemoryJournal()) as engine:
            table = Table(engine, Trace(asyncio.get_running_loop().time), 0, "", {}, {})
            problem = Problem("p", (Message("user", "q"),))
            run = Run(table, problem, tuple(engine.experts.values()), march.wallet, lambda candidate: None)
            await run.map(outer, range(3), cost=10)

    run_virtual(main())
    assert len(march.finished) == 15
    assert (march.wallet.claims, march.wallet.owed, march.wallet.outstanding) == (0, NOTHING, 0)


def test_a_branch_that_asks_more_than_it_said_waits_for_those_that_do_not() -> None:
    march = March(Stage(), wallet(Budget(calls=41)))
    greedy = 0

    async def branch(number: int, run: Run) -> None:
        nonlocal greedy
        await march.branch(number, run)
        if number == 0:
            await run.generate(
                Prompt((Message("user", "one more"),)), sampling=Sampling(max_tokens=100), purpose="step"
            )
            greedy += 1

    async def main() -> None:
        async with Engine({"e": expert()}, lambda _: march.stage, MemoryJournal()) as engine:
            table = Table(engine, Trace(asyncio.get_running_loop().time), 0, "", {}, {})
            problem = Problem("p", (Message("user", "q"),))
            run = Run(table, problem, tuple(engine.experts.values()), march.wallet, lambda candidate: None)
            with pytest.raises(BudgetExceeded):
                await run.map(branch, range(30), cost=2)

    run_virtual(main())
    assert (len(march.finished), greedy) == (20, 1)


@pytest.mark.parametrize(
    "cap", [Budget(calls=7), Budget(tokens=700), Budget(usd=0.002)], ids=["calls", "tokens", "usd"]
)
@pytest.mark.parametrize("passes", [*range(24), 60, 100])
def test_cancelling_a_map_in_any_pass_leaves_nothing_owed(cap: Budget, passes: int) -> None:
    march = March(Stage(PACES["at once"]), wallet(cap), branches=6)

    async def main() -> None:
        work = asyncio.ensure_future(march._all())
        for _ in range(passes):
            await asyncio.sleep(0)
        work.cancel()
        await asyncio.wait([work])

    run_virtual(main())
    for scope in (march.wallet, *march.scopes):
        assert (scope.claims, scope.owed, scope.outstanding, scope.reserved) == (0, NOTHING, 0, NOTHING)
