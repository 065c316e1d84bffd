"""The Python API: `solve`, `asolve`, and `Orchestrator` for many steps on one wallet."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self, Unpack

from .blocking import blocking
from .budget import Budget
from .conduct import Conduct, Setting
from .contest import Contests
from .engine import Engine, Journal, MemoryJournal
from .errors import ConfigError
from .ledger import Scope, check_prices
from .lessons import Lesson
from .own_prompts import SHIPPED, read_own_prompts
from .protocols import Aggregator, Prepares, Strategy, Verifier
from .registry import build, names, spec_of
from .run import Deadline, earliest, within
from .sandbox import Sandbox
from .serving import backend_of, batch_of, begin_loading, fallbacks_of, loader_of, priced, reserves_of, warm
from .step import Asked, Step, Wallet, check_names
from .types import Expert, Outcome, Problem, Scored
from .workshop import Workshop

_OF_WALLET = (
    "experts", "pool", "reserves", "roles", "seed", "journal", "api_base", "key_env", "min_isolation", "prompts",
)  # fmt: skip
_LOG = logging.getLogger(__name__)
_SIMULATED = "no expert was given, so simulated ones answered"


class Orchestrator:
    """Experts, a wallet and a default way to solve; an async context manager.

    It may be entered again when it was left: what is spent stays spent, and seconds are counted anew.

    Args:
        experts: ids as typed with `-e`, or values. Without any, and without a pool, the simulated ones of `sim:all`
            answer: small solvers that make seeded mistakes, to try things with; `Outcome.reason` says so.
        pool: a pool file; of experts that are not picked out of it, those that a picked one names as its fallback are
            asked when that one is lost.
        strategy, verifier, aggregator: specs such as `"self_consistency(samples=5)"`, or values; `None` leaves the
            choice to the kind of problem and to the strategy.
        budget: caps on all steps together.
        roles: experts of their own for `judge`, `aggregator`...
        seed: of everything random here; it is never sent to a provider.
        journal: where replies are kept, closed when the block is left; in memory by default.
        reserves: experts that are asked only when another is lost that names them as its fallback.
        min_isolation: level of isolation, 0 to 5, below which no program is run: `SandboxUnavailable` is raised.
        prompts: a file of your own prompts, a table `[STRATEGY.TEMPLATE]` for each that stands in for a shipped one.
    """

    def __init__(
        self,
        *,
        experts: Sequence[str | Expert] = (),
        pool: str | Path | None = None,
        strategy: str | Strategy | None = None,
        verifier: str | Verifier | None = None,
        aggregator: str | Aggregator | None = None,
        budget: Budget | None = None,
        roles: Mapping[str, str | Expert] | None = None,
        seed: int = 0,
        journal: Journal | None = None,
        api_base: str | None = None,
        key_env: str | None = None,
        reserves: Sequence[Expert] = (),
        min_isolation: int = 0,
        prompts: str | Path | None = None,
    ) -> None:
        self._strategy, self._verifier, self._aggregator = strategy, verifier, aggregator
        self._seed, self._api_base, self._key_env = seed, api_base, key_env
        self._pool = Path(pool) if pool else None
        self._simulated = not experts and pool is None
        if self._simulated and (api_base or key_env):
            raise ConfigError("api_base and key_env say how to reach experts; name them: experts=['openai/MODEL']")
        self.experts = self._resolved(["sim:all"] if self._simulated else experts)
        self._roles = self._given_roles(roles or {})
        self._reserves = (*map(priced, reserves), *self._in_pool())
        self._everybody = self._with_reserves(self._roles)
        self._fallbacks = fallbacks_of(self._everybody)
        self.scope = Scope("run", budget or Budget(), paid=True)
        check_prices(self.scope.budget, self._everybody)
        if min_isolation not in range(6):
            raise ConfigError(f"min_isolation={min_isolation} is no level of isolation; these go from 0 to 5")
        self._min_isolation = min_isolation
        self.sandbox = Sandbox(min_level=min_isolation)
        """Runs the programs of all steps; started when first needed, and closed with this."""
        self._prompts = SHIPPED if prompts is None else read_own_prompts(Path(prompts), names("strategies"))
        self._journal = MemoryJournal() if journal is None else journal
        self._deadline: Deadline | None = None
        self._turn = 0
        self._open = False
        self._contests = Contests(files=False)
        self._warm: Mapping[str, Expert] | None = None
        """The roles with which everything was loaded last."""

    async def __aenter__(self) -> Self:
        if self._open:
            raise ConfigError("an Orchestrator is entered once at a time; make another, or share this one")
        self.scope.reopen()
        self._deadline = Deadline.after(self.scope, asyncio.get_running_loop().time())
        everybody = {expert.id: expert for expert in self._everybody}
        self.engine = Engine(
            everybody, backend_of, self._journal, seed=self._seed, loader_of=loader_of,
            tell=_LOG.warning, batch_of=batch_of,
        )  # fmt: skip
        begin_loading(everybody.values())
        await self.engine.__aenter__()
        self._open = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._open = False
        try:
            await self.engine.__aexit__(kind, error, traceback)
        finally:
            await self.sandbox.aclose()

    async def solve(self, problem: str | Problem | None = None, **step: Unpack[Step]) -> Outcome:
        """Solves one problem.

        Raises:
            ConfigError: something given cannot be used.
            SandboxUnavailable: programs cannot be run here, or not as far apart as `min_isolation` wants.
        """
        asked = Asked.of(problem, step)
        conduct = await self._prepared(asked)
        outcome = asked.parsed(await conduct())
        return replace(outcome, reason=outcome.reason or _SIMULATED) if self._simulated else outcome

    async def prepare(
        self,
        strategy: str | Strategy,
        lessons: Sequence[Lesson],
        *,
        budget: Budget | None = None,
        roles: Mapping[str, str | Expert] | None = None,
    ) -> str:
        """The text of the file that a strategy is prepared with, made from problems whose answers are known.

        Args:
            budget: caps on the preparation, inside the wallet's.

        Raises:
            ConfigError: the strategy has no setup, or these lessons are not enough for it.
            BudgetExceeded: a cap ended it.
            ExpertError: experts failed on every lesson of a step.
        """
        made = build("strategies", strategy)
        if not isinstance(made, Prepares):
            raise ConfigError(f"strategy {spec_of(made).name} has no setup to prepare")
        self._turn += 1
        scope = Scope(f"preparation {self._turn}", budget or Budget(), self.scope)
        setting = self._setting(roles or {}, scope)
        await self._loaded(setting)
        loop = asyncio.get_running_loop()
        async with within(earliest(Deadline.after(scope, loop.time()), self._deadline)):
            return await made.prepare(lessons, Workshop(setting, scope, self._seed))

    @asynccontextmanager
    async def stream(
        self, problem: str | Problem | None = None, **step: Unpack[Step]
    ) -> AsyncIterator[AsyncIterator[Scored]]:
        """Candidates with their verdicts as they come; leaving the block cancels the rest."""
        queue: asyncio.Queue[Scored | None] = asyncio.Queue()
        conduct = await self._prepared(Asked.of(problem, step))
        conduct.tell(queue.put_nowait)
        # The task is awaited below whatever happens; a TaskGroup must not be held across a yield.
        task = asyncio.ensure_future(conduct())
        task.add_done_callback(lambda _: queue.put_nowait(None))
        try:
            yield _drained(queue)
            if task.done():
                task.result()
        finally:
            task.cancel()
            await asyncio.wait([task])

    # -- putting it together ------------------------------------------------------------

    async def _prepared(self, asked: Asked) -> Conduct:
        """What solves a problem; where a level of isolation is wanted that is not reached, nobody is asked."""
        conduct = self._conduct(asked)
        await self._loaded(conduct.setting)
        checked = asked.problem.kind == "code" and conduct.contestant.verifier is not None
        if checked and self._min_isolation and self.sandbox.isolation is None:
            await self.sandbox.isolate()
        return conduct

    async def _loaded(self, setting: Setting) -> None:
        """Waits for what the calls of a step need, before its time runs."""
        if self._warm is not setting.roles:
            await warm((*self._everybody, *setting.roles.values()))
            self._warm = setting.roles

    def _conduct(self, asked: Asked) -> Conduct:
        self._turn += 1
        step = asked.step
        scope = Scope(f"problem {self._turn}", step.get("budget") or Budget(), self.scope)
        setting = self._setting(step.get("roles") or {}, scope)
        contestant = self._contests(
            asked.problem,
            step.get("strategy") or self._strategy,
            step.get("verifier") or self._verifier,
            step.get("aggregator") or self._aggregator,
        )
        return Conduct(
            asked.problem,
            asked.checked(contestant),
            setting,
            scope,
            seed=step.get("seed", self._seed),
            turn=self._turn,
        )

    def _setting(self, given: Mapping[str, str | Expert], scope: Scope) -> Setting:
        """What the problems of one step share; `given` are the roles that this step alone has."""
        if not self._open:
            raise ConfigError("an Orchestrator asks only inside its block: async with Orchestrator(...) as o: ...")
        roles, everybody, fallbacks = self._roles, self._everybody, self._fallbacks
        if given:
            roles = {**roles, **self._given_roles(given)}
            everybody = self._with_reserves(roles)
            fallbacks = fallbacks_of(everybody)
            for expert in everybody:
                self.engine.add(expert)
        check_prices(scope.budget, everybody)
        return Setting(
            self.engine, self.experts, roles, fallbacks, self._deadline, sandbox=self.sandbox, prompts=self._prompts
        )

    def _resolved(self, experts: Sequence[str | Expert]) -> tuple[Expert, ...]:
        from .experts.pool import experts_of

        ids = [expert for expert in experts if isinstance(expert, str)]
        whole = self._pool is not None and not experts
        known = self._in_pool() if ids or whole else ()
        named = experts_of(ids, known=known, api_base=self._api_base, key_env=self._key_env) if ids or whole else ()
        values = tuple(expert for expert in experts if isinstance(expert, Expert))
        return tuple(priced(expert) for expert in (*named, *values))

    def _with_reserves(self, roles: Mapping[str, Expert]) -> tuple[Expert, ...]:
        team = tuple({expert.id: expert for expert in (*self.experts, *roles.values())}.values())
        return (*team, *reserves_of(team, self._reserves))

    def _in_pool(self) -> tuple[Expert, ...]:
        from .experts.pool import read_pool

        return () if self._pool is None else tuple(map(priced, read_pool(self._pool)))

    def _given_roles(self, roles: Mapping[str, str | Expert]) -> dict[str, Expert]:
        found = {name: self._resolved([expert]) for name, expert in roles.items()}
        return {name: experts[0] for name, experts in found.items()}


async def asolve(problem: str | Problem | None = None, **options: Unpack[Wallet]) -> Outcome:
    """Solves one problem on a wallet of its own.

    Raises:
        ConfigError: something given cannot be used.
    """
    check_names(options)
    mine: dict[str, Any] = {name: value for name, value in options.items() if name in _OF_WALLET}
    step: dict[str, Any] = {name: value for name, value in options.items() if name not in _OF_WALLET}
    async with Orchestrator(**mine) as orchestrator:
        return await orchestrator.solve(problem, **step)


def solve(problem: str | Problem | None = None, **options: Unpack[Wallet]) -> Outcome:
    """`asolve` for code that is not async; also works where an event loop is running, as in a notebook."""
    return blocking(asolve(problem, **options))


async def _drained(queue: asyncio.Queue[Scored | None]) -> AsyncIterator[Scored]:
    while (scored := await queue.get()) is not None:
        yield scored
