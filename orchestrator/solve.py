"""The Python API: `solve`, `asolve`, and `Orchestrator` for many steps on one wallet."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from .budget import Budget
from .conduct import Conduct, Contestant, Setting
from .engine import Engine, Journal, MemoryJournal
from .errors import ConfigError
from .ledger import Scope
from .protocols import Aggregator, Backend, Strategy, Verifier
from .types import Expert, JsonObject, Kind, Message, Outcome, Problem, Scored

T = TypeVar("T")

CHECKED: Mapping[Kind, str] = {"game24": "game24", "plan": "plan", "code": "unit_tests"}
"""Kinds of problem that a sound checker exists for."""


class Orchestrator:
    """Experts, a wallet and a default way to solve; an async context manager.

    Args:
        experts: ids as typed with `-e`, or values.
        pool: a pool file.
        strategy, verifier, aggregator: specs such as `"self_consistency(samples=5)"`, or values; `None` leaves the
            choice to the kind of problem and to the strategy.
        budget: caps on all steps together.
        roles: experts of their own for `judge`, `aggregator`...
        seed: of everything random here; it is never sent to a provider.
        journal: where replies are kept; in memory by default.
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
    ) -> None:
        self._strategy, self._verifier, self._aggregator = strategy, verifier, aggregator
        self._seed, self._api_base, self._key_env = seed, api_base, key_env
        self.experts = self._resolved(experts, Path(pool) if pool else None)
        if not self.experts:
            raise ConfigError("no expert: give experts=['openai/gpt-4o-mini'] or a pool file")
        self._roles = self._given_roles(roles or {})
        self.scope = Scope("run", budget or Budget(), paid=True)
        check_prices(self.scope.budget, self.experts)
        self._journal = journal
        self._turn = 0

    async def __aenter__(self) -> Self:
        everybody = {expert.id: expert for expert in (*self.experts, *self._roles.values())}
        self.engine = Engine(everybody, backend_of, self._journal or MemoryJournal(), seed=self._seed)
        await warm(everybody.values())
        await self.engine.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.engine.__aexit__(kind, error, traceback)

    async def solve(
        self,
        problem: str | Problem | None = None,
        *,
        messages: Sequence[Message] | None = None,
        kind: Kind | None = None,
        options: Sequence[str] = (),
        tests: Sequence[str] = (),
        schema: JsonObject | None = None,
        strategy: str | Strategy | None = None,
        verifier: str | Verifier | None = None,
        aggregator: str | Aggregator | None = None,
        budget: Budget | None = None,
        roles: Mapping[str, str | Expert] | None = None,
        seed: int | None = None,
    ) -> Outcome:
        """Solves one problem.

        Raises:
            ConfigError: something given cannot be used.
        """
        asked = problem_of(problem, messages, kind, options, tests, schema)
        conduct = self._conduct(asked, strategy, verifier, aggregator, budget, roles, seed)
        return await conduct()

    @asynccontextmanager
    async def stream(
        self,
        problem: str | Problem | None = None,
        *,
        messages: Sequence[Message] | None = None,
        kind: Kind | None = None,
        options: Sequence[str] = (),
        tests: Sequence[str] = (),
        schema: JsonObject | None = None,
        strategy: str | Strategy | None = None,
        verifier: str | Verifier | None = None,
        aggregator: str | Aggregator | None = None,
        budget: Budget | None = None,
    ) -> AsyncIterator[AsyncIterator[Scored]]:
        """Candidates with their verdicts as they come; leaving the block cancels the rest."""
        asked = problem_of(problem, messages, kind, options, tests, schema)
        queue: asyncio.Queue[Scored | None] = asyncio.Queue()
        conduct = self._conduct(asked, strategy, verifier, aggregator, budget, None, None)
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

    def _conduct(
        self,
        problem: Problem,
        strategy: str | Strategy | None,
        verifier: str | Verifier | None,
        aggregator: str | Aggregator | None,
        budget: Budget | None,
        roles: Mapping[str, str | Expert] | None,
        seed: int | None,
    ) -> Conduct:
        self._turn += 1
        scope = Scope(f"problem {self._turn}", budget or Budget(), self.scope)
        check_prices(scope.budget, self.experts)
        contestant = contestant_for(
            problem, strategy or self._strategy, verifier or self._verifier, aggregator or self._aggregator
        )
        chosen = {**self._roles, **self._given_roles(roles or {})}
        for expert in chosen.values():
            self.engine.add(expert)
        setting = Setting(self.engine, self.experts, chosen, fallbacks_of(self.experts))
        return Conduct(problem, contestant, setting, scope, seed=self._seed if seed is None else seed, turn=self._turn)

    def _resolved(self, experts: Sequence[str | Expert], pool: Path | None) -> tuple[Expert, ...]:
        from .experts.pool import experts_of

        ids = [expert for expert in experts if isinstance(expert, str)]
        named = iter(experts_of(ids, pool=pool, api_base=self._api_base, key_env=self._key_env) if ids or pool else ())
        values = tuple(expert for expert in experts if isinstance(expert, Expert))
        return tuple(priced(expert) for expert in (*named, *values))

    def _given_roles(self, roles: Mapping[str, str | Expert]) -> dict[str, Expert]:
        found = {name: self._resolved([expert], None) for name, expert in roles.items()}
        return {name: experts[0] for name, experts in found.items()}


async def asolve(problem: str | Problem | None = None, **options: object) -> Outcome:
    """Solves one problem on a wallet of its own; the options are those of `Orchestrator` and of its `solve`."""
    mine, steps = _split(options)
    async with Orchestrator(**mine) as orchestrator:  # type: ignore[arg-type]
        return await orchestrator.solve(problem, **steps)  # type: ignore[arg-type]


def solve(problem: str | Problem | None = None, **options: object) -> Outcome:
    """`asolve` for code that is not async; also works where an event loop is running, as in a notebook."""
    return blocking(asolve(problem, **options))


def blocking(work: Coroutine[object, object, T]) -> T:
    """Runs a coroutine to its end, in a thread of its own where a loop is running here already."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    results: list[T] = []
    errors: list[BaseException] = []

    def follow() -> None:
        try:
            results.append(asyncio.run(work))
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=follow, name="solve")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


_WALLET = ("experts", "pool", "roles", "seed", "journal", "api_base", "key_env", "budget")


def _split(options: Mapping[str, object]) -> tuple[dict[str, object], dict[str, object]]:
    mine = {name: value for name, value in options.items() if name in _WALLET}
    return mine, {name: value for name, value in options.items() if name not in _WALLET}


async def _drained(queue: asyncio.Queue[Scored | None]) -> AsyncIterator[Scored]:
    while (scored := await queue.get()) is not None:
        yield scored


# -- choosing -----------------------------------------------------------------------------


def problem_of(
    problem: str | Problem | None,
    messages: Sequence[Message] | None,
    kind: Kind | None,
    options: Sequence[str],
    tests: Sequence[str],
    schema: JsonObject | None,
) -> Problem:
    """The problem that a user means; its kind follows from options, tests or a schema, and is `text` otherwise."""
    if isinstance(problem, Problem):
        return problem
    told = tuple(messages or ())
    if problem is not None:
        told = (*told, Message("user", problem))
    if not told:
        raise ConfigError("no problem: give a text, messages, or a Problem")
    guessed: Kind = "choice" if options else "code" if tests else "json" if schema else "text"
    return Problem("problem", told, kind or guessed, tuple(options), schema, tuple(tests))


def contestant_for(
    problem: Problem,
    strategy: str | Strategy | None,
    verifier: str | Verifier | None,
    aggregator: str | Aggregator | None,
) -> Contestant:
    """Strategy, verifier and aggregator for a problem, by its kind where nothing is said."""
    from .registry import build, spec_of

    chosen = strategy or ("best_of_n" if checker_of(problem) else "self_consistency")
    made = build("strategies", chosen)
    name = chosen if isinstance(chosen, str) else str(spec_of(made))
    wanted = verifier if verifier is not None else getattr(made, "verifier", "auto")
    picked = aggregator if aggregator is not None else getattr(made, "aggregator", "majority")
    if wanted == "auto":
        wanted = checker_of(problem) or "none"
    return Contestant(
        name, made, None if wanted == "none" else build("verifiers", wanted), build("aggregators", picked)
    )


def checker_of(problem: Problem) -> str | None:
    """Name of the verifier that checks this problem's answers soundly, if there is one."""
    if problem.kind == "code" and not problem.public_tests:
        return None
    if problem.kind == "plan" and "pddl_instance" not in problem.meta:
        return None
    return CHECKED.get(problem.kind)


def backend_of(expert: Expert) -> Backend:
    """The backend that an expert's client names."""
    from .registry import load

    return load("clients", expert.client)(expert)


async def warm(experts: Iterable[Expert]) -> None:
    """Loads what takes seconds to load before the first call's time limit runs."""
    if any(expert.client == "litellm" for expert in experts):
        from .experts.litellm import warm as load

        await load()


def priced(expert: Expert) -> Expert:
    """The expert with its price, where it is known."""
    if expert.price is not None or expert.client != "litellm":
        return expert
    from .experts.prices import priced as looked_up

    return looked_up(expert)


def fallbacks_of(experts: Sequence[Expert]) -> dict[str, Expert]:
    """By expert id, the expert asked instead when it is lost."""
    by_id = {expert.id: expert for expert in experts}
    missing = [e for e in experts if e.fallback is not None and e.fallback not in by_id]
    if missing:
        raise ConfigError(
            f"expert '{missing[0].id}' names the fallback '{missing[0].fallback}', which is not in the pool"
        )
    return {expert.id: by_id[expert.fallback] for expert in experts if expert.fallback is not None}


def check_prices(budget: Budget, experts: Sequence[Expert]) -> None:
    """Raises:
    ConfigError: money is capped, and what an expert costs is not known.
    """
    if budget.usd is None:
        return
    for expert in experts:
        if expert.price is None:
            raise ConfigError(
                f"a usd cap needs the price of '{expert.id}': set price = {{prompt = ..., completion = ...}} "
                "(US dollars per million tokens) in its pool entry, or drop the usd cap"
            )
