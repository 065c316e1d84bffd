"""The run: all that a strategy needs to ask, read, branch and emit."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from types import TracebackType
from typing import TypeVar

from . import answers
from .budget import Budget
from .engine import Engine, Leaving, Seat
from .errors import BudgetExceeded, ConfigError, ExpertError, ExpertLost, Stopped, Truncated
from .ledger import Amount, Claim, Forecast, Scope
from .protocols import Strategy
from .trace import Trace
from .types import (
    Answer,
    Candidate,
    Completion,
    Expert,
    JsonObject,
    Labels,
    Place,
    Problem,
    Prompt,
    Reply,
    Request,
    Sampling,
    Usage,
)

DEFAULT_MAX_TOKENS = 2048
LARGER_CAP = 4
"""By how much the cap grows when it ended a reply before its answer."""

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(slots=True)
class Meter:
    """What one problem's calls came to."""

    usage: Usage = field(default_factory=Usage)

    def add(self, completion: Completion, paid: Amount, cached: bool) -> None:
        t = completion.tokens
        self.usage += Usage(
            calls=1,
            cached_calls=int(cached),
            prompt_tokens=t.prompt,
            completion_tokens=t.completion,
            reasoning_tokens=t.reasoning,
            cached_prompt_tokens=t.cached_prompt,
            usd=t.usd,
            paid_usd=paid.usd,
        )

    def lose(self, error: ExpertError) -> None:
        from .errors import ContentFiltered

        if isinstance(error, Truncated):
            self.usage += Usage(truncated=1)
        elif isinstance(error, ContentFiltered):
            self.usage += Usage(refused=1)
        else:
            self.usage += Usage(failed=1)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a strategy asks for, before the settings of the expert that is asked are put on it."""

    prompt: Prompt
    sampling: Sampling | None
    purpose: str
    tools: tuple[JsonObject, ...]
    response_format: JsonObject | None
    growth: int = 1
    """By how much the cap on tokens is raised."""


@dataclass(slots=True)
class Table:
    """What all runs of one problem share."""

    engine: Engine
    trace: Trace
    seed: int
    salt: str
    roles: Mapping[str, Expert]
    fallbacks: Mapping[str, Expert]
    turn: int = 0
    leaving: Leaving = field(default_factory=Leaving)
    meter: Meter = field(default_factory=Meter)
    forecast: Forecast = field(default_factory=Forecast)
    readings: dict[str, answers.Reading | None] = field(default_factory=dict)


class Run:
    """One path through a problem; `map`, `delegate` and `collect` make child runs with paths of their own."""

    def __init__(
        self,
        table: Table,
        problem: Problem,
        experts: Sequence[Expert],
        scope: Scope,
        emit: Callable[[Candidate], None],
        *,
        strategy: str = "",
        path: Place = (),
        expert: Expert | None = None,
        stage: int = 0,
        salt: str | None = None,
        claimed: Claim | None = None,
    ) -> None:
        self.problem, self.experts, self.scope, self.path = problem, tuple(experts), scope, path
        self.strategy = strategy
        self._table, self._send, self._expert, self._stage = table, emit, expert, stage
        self._salt = table.salt if salt is None else salt
        self._claim = claimed
        self._own_claim: Claim | None = None
        self._counter = 0
        self._branches: list[Run] = []
        self._held = False
        """Whether its candidates are kept back by `collect`, which may put them forward at its end."""
        self._done = False
        self._rng: random.Random | None = None
        self._capped = any(scope.capped for scope in scope.chain)

    # -- what a strategy may look at ----------------------------------------------------

    @property
    def rng(self) -> random.Random:
        """Random numbers of this path alone: a function of (seed, problem, path)."""
        if self._rng is None:
            text = f"{self._table.seed}|{self.problem.id}|{self.path}".encode()
            self._rng = random.Random(blake2b(text, digest_size=8).digest())
        return self._rng

    @property
    def budget(self) -> Budget:
        """The caps of the nearest scope, spent or not: what is left of them depends on which reply came first."""
        return self.scope.budget

    @property
    def expert(self) -> Expert:
        """The expert that this run asks: the branch's, else the pool's first."""
        return self._expert or self.experts[0]

    @property
    def stage(self) -> int:
        """Replies awaited along this path."""
        return self._stage

    def role(self, name: str) -> Expert:
        """The expert given for a role (`judge`, `tagger`...), else the run's own."""
        return self._table.roles.get(name, self.expert)

    # -- asking -------------------------------------------------------------------------

    async def generate(
        self,
        prompt: Prompt,
        *,
        expert: Expert | None = None,
        n: int = 1,
        sample: int = 0,
        sampling: Sampling | None = None,
        purpose: str = "answer",
        tools: tuple[JsonObject, ...] = (),
        response_format: JsonObject | None = None,
    ) -> Reply:
        """Asks for the samples `sample` .. `sample + n - 1`; the only call that a strategy makes.

        A reply that its cap ended before the answer is asked for once more with a larger cap.

        Raises:
            BudgetExceeded: a scope has no room.
            ExpertError: no usable reply after every retry, and none from the expert's fallback.
        """
        if n < 1 or sample < 0:
            raise ConfigError(f"generate(n={n}, sample={sample}): n counts from 1, sample from 0")
        wanted = Wanted(prompt, sampling, purpose, tools, response_format)
        request = self._request(wanted, expert or self.expert).sample(sample)
        if n == 1:
            completions = [await self._sample(wanted, request)]
        else:
            async with asyncio.TaskGroup() as group:
                asked = [self._sample(wanted, request.sample(sample + i)) for i in range(n)]
                tasks = [group.create_task(_caught(one)) for one in asked]
            completions = _opened([task.result() for task in tasks])
        self._stage += 1
        return Reply(tuple(completions))

    def _request(self, wanted: Wanted, expert: Expert, failed: Sequence[str] = ()) -> Request:
        """The first sample of what is wanted, as this expert is asked for it after others have failed."""
        sampling = Sampling(max_tokens=DEFAULT_MAX_TOKENS).merged(wanted.sampling).merged(expert.sampling)
        prompt = wanted.prompt.with_system(expert.persona, first=True) if expert.persona else wanted.prompt
        return Request(
            expert=expert.id,
            model=expert.model,
            messages=prompt.messages,
            sampling=_grown(sampling, wanted.growth),
            salt="!".join((self._salt_for(expert, wanted.purpose), *failed)),
            tools=wanted.tools,
            response_format=wanted.response_format,
            labels=Labels(self.problem.id, wanted.purpose, self.path),
        )

    def _salt_for(self, expert: Expert, purpose: str) -> str:
        """A replay expert answers by problem and purpose: the same words of two problems are not the same request."""
        return f"{self._salt}|{self.problem.id}|{purpose}" if expert.client == "replay" else self._salt

    async def _sample(self, wanted: Wanted, request: Request) -> Completion:
        try:
            completion, request = await self._ask(wanted, request)
            if completion.finish == "length" and not await self._answered(request, completion):
                completion = await self._with_larger_cap(wanted, request)
        except ExpertError as error:
            self._table.meter.lose(error)
            self._table.trace.add("lost", self.path, error=type(error).__name__, reason=str(error))
            raise
        return completion

    async def _with_larger_cap(self, wanted: Wanted, request: Request) -> Completion:
        larger = replace(request, sampling=_grown(request.sampling, LARGER_CAP))
        self._table.trace.add("truncated", self.path, key=request.key.hex(), max_tokens=larger.sampling.max_tokens)
        completion, answered = await self._ask(replace(wanted, growth=LARGER_CAP), larger)
        if completion.finish == "length" and not await self._answered(answered, completion):
            raise Truncated(f"no answer within {answered.sampling.max_tokens} tokens", expert=answered.expert)
        return completion

    async def _answered(self, request: Request, completion: Completion) -> bool:
        if request.labels.purpose != "answer":
            return False
        return bool(completion.text.strip()) and await self._reading(completion.text) is not None

    async def _ask(self, wanted: Wanted, request: Request, failed: tuple[str, ...] = ()) -> tuple[Completion, Request]:
        """One request, or after its expert is lost the same sample of the fallback; and the one that was answered.

        The journal knows who answered for whom, so that after a resume the same expert is asked.
        """
        failed = (*failed, request.expert)
        fallback = self._table.fallbacks.get(request.expert)
        if fallback is not None and fallback.id in failed:
            fallback = None
        if fallback is not None and self._table.engine.journal.linked(request.key) == fallback.id:
            return await self._instead(wanted, request, fallback, failed)
        if self._capped:
            self._table.forecast.ask(self._table.engine.worst(request))
        try:
            landed = await self._table.engine.ask(request, self._seat())
        except ExpertError as error:
            # Not after a NotRecorded, a Truncated or a bad request: another expert would not mend those.
            if fallback is None or not (error.retried or isinstance(error, ExpertLost)):
                raise
            await self._table.engine.journal.link(request.key, fallback.id)
            self._table.trace.add("fallback", self.path, key=request.key.hex(), expert=fallback.id, reason=str(error))
            return await self._instead(wanted, request, fallback, failed)
        self._table.meter.add(landed.completion, landed.paid, landed.joined)
        self._table.forecast.reply(Amount.of(landed.completion.tokens))
        self._table.trace.add(
            "call", self.path, key=landed.completion.id, expert=request.expert, purpose=request.labels.purpose
        )
        return landed.completion, request

    async def _instead(
        self, wanted: Wanted, request: Request, fallback: Expert, failed: tuple[str, ...]
    ) -> tuple[Completion, Request]:
        other = self._request(wanted, fallback, failed).sample(request.sample_index)
        return await self._ask(wanted, other, failed)

    def _seat(self) -> Seat:
        return Seat(self.scope, self._table.turn, self._stage, self._claim, self._table.leaving)

    # -- reading and emitting -----------------------------------------------------------

    async def read(self, reply: Completion | Reply | str) -> Answer:
        """The answer of a reply with its class key; one without a key abstains. Each text is read once."""
        source = reply.completions[0] if isinstance(reply, Reply) else reply if isinstance(reply, Completion) else None
        text = reply if isinstance(reply, str) else reply.text
        reading = await self._reading(text)
        if reading is None:
            return Answer(text, source=source)
        return Answer(text, reading.value, reading.key, source)

    async def _reading(self, text: str) -> answers.Reading | None:
        readings = self._table.readings
        if text not in readings:
            readings[text] = await answers.read(self.problem, text)
        return readings[text]

    def emit(self, answer: Answer, parents: Sequence[Completion | Candidate | Reply | str] = ()) -> Candidate:
        """Puts a candidate forward; from then on it is safe, whatever ends the run."""
        place = (*self.path, self._next())
        source = answer.source
        lineage = [parent if isinstance(parent, str) else parent.id for parent in parents]
        if source is not None and source.id not in lineage:
            lineage.append(source.id)
        candidate = Candidate(
            id=".".join(map(str, place)),
            problem=self.problem.id,
            text=answer.text,
            answer=answer.value,
            key=answer.key,
            expert=source.expert if source else self.expert.id,
            strategy=self.strategy,
            place=place,
            parents=tuple(lineage),
            finish=source.finish if source else "stop",
            logprobs=source.logprobs if source else (),
        )
        self._table.trace.add("emit", place, answer=answer.key is not None, parents=list(candidate.parents))
        self._send(candidate)
        return candidate

    # -- branching ----------------------------------------------------------------------

    async def map(
        self,
        fn: Callable[[Item, Run], Awaitable[Result]],
        items: Sequence[Item],
        *,
        missing: Result | None = None,
        cost: int = 1,
        draws: bool = False,
        start: int = 0,
    ) -> list[Result | None]:
        """Calls `fn(item, branch)` for all items at once; results in order, `missing` for a branch that failed.

        Args:
            missing: stands in the place of a branch that an `ExpertError` ended.
            cost: calls that a branch makes until its candidate is finished, those of later maps included. Under a
                finite cap a branch that makes more than one starts only when the cap covers them.
            draws: branch i's requests are salted with i, so that equal prompts are independent samples.
            start: number of the first branch in the deal of experts: branch i goes to expert i mod E.

        Raises:
            BudgetExceeded: the first in branch order, once every sibling has ended.
            Stopped: likewise.
        """
        m = self._next()
        branches = [self._branch((*self.path, m, i), start + i, i if draws else None) for i in range(len(items))]
        self._branches = branches
        refused: dict[int, BudgetExceeded | Stopped] = {}
        results: list[Result | None] = [missing] * len(items)

        async def follow(i: int) -> None:
            try:
                results[i] = await fn(items[i], branches[i])
                branches[i].end(followed=True)
            except Exception as error:
                match _plain(error):
                    case ExpertError() as lost:
                        self._table.trace.add("branch lost", branches[i].path, error=type(lost).__name__)
                    case BudgetExceeded() | Stopped() as refusal:
                        refused[i] = refusal
                    case _:
                        raise
            finally:
                branches[i].end()

        try:
            async with asyncio.TaskGroup() as group:
                for i, branch in enumerate(branches):
                    try:
                        await branch.claim(cost)
                    except BudgetExceeded as error:
                        refused[i] = error
                        break
                    group.create_task(follow(i))
        finally:
            # Also those that were cancelled before their first step, which never get to their own `finally`.
            for branch in branches:
                branch.end()
        self._stage = max([self._stage, *(branch.stage for branch in branches)])
        if refused:
            raise _first([refused[i] for i in sorted(refused)])
        return results

    def _branch(self, path: Place, deal: int, draw: int | None) -> Run:
        expert = self._expert or self.experts[deal % len(self.experts)]
        salt = self._salt if draw is None else f"{self._salt}/{draw}"
        return Run(
            self._table, self.problem, self.experts, self.scope, self._send, strategy=self.strategy, path=path,
            expert=expert, stage=self._stage, salt=salt, claimed=self._claim,
        )  # fmt: skip

    async def claim(self, calls: int) -> None:
        """Waits until the caps cover the calls that this branch will make; what an outer branch covers, it covers.

        Raises:
            BudgetExceeded: nothing under way could make room.
        """
        outer = self._claim
        chain = tuple(s for s in self.scope.chain if s.capped and not (outer is not None and outer.spans(s)))
        if calls <= 1 or not chain:
            return
        priority = (self._table.turn, -self._stage)
        self._claim = self._own_claim = await self._table.forecast.start(chain, calls, priority, outer)

    def end(self, followed: bool = False) -> None:
        """Nothing more will come from this run; `followed` if it came to its end by itself."""
        self._done = True
        if self._own_claim is not None:
            self._table.forecast.end(self._own_claim, followed)
            self._own_claim = None

    async def delegate(
        self,
        strategy: Strategy,
        problem: Problem | None = None,
        *,
        expert: Expert | None = None,
        budget: Budget | None = None,
        draw: int | None = None,
    ) -> None:
        """Runs another strategy in a child scope; its candidates pass through, its own budget ends only itself."""
        await self._child(strategy, problem, expert, budget, draw, self._send)

    async def collect(
        self,
        strategy: Strategy,
        problem: Problem | None = None,
        *,
        expert: Expert | None = None,
        budget: Budget | None = None,
        draw: int | None = None,
    ) -> list[Candidate]:
        """The same, but the candidates come back as a list, in lineage order.

        When a budget around it ends they are emitted instead, as nobody is left to work on them. An expert's failure
        is raised only if nothing was found before it.
        """
        found: list[Candidate] = []
        try:
            await self._child(strategy, problem, expert, budget, draw, found.append)
        except (BudgetExceeded, asyncio.CancelledError) as error:
            # Seconds that are over arrive as a cancellation.
            if isinstance(error, BudgetExceeded) or any(scope.over for scope in self.scope.chain):
                for candidate in found:
                    self._send(candidate)
            raise
        except ExpertError as error:
            if not found:
                raise
            self._table.trace.add("branch lost", self.path, error=type(error).__name__)
        return sorted(found, key=lambda candidate: candidate.place)

    async def _child(
        self,
        strategy: Strategy,
        problem: Problem | None,
        expert: Expert | None,
        budget: Budget | None,
        draw: int | None,
        send: Callable[[Candidate], None],
    ) -> None:
        path = (*self.path, self._next())
        scope = self.scope
        if budget is not None and budget.finite:
            scope = Scope(f"{scope.name}/{'.'.join(map(str, path))}", budget, scope)
            scope.spent = self._table.engine.journal.losses.of(scope.name)
        # A strategy numbers its samples by the experts that it is dealt: in a branch that is the branch's alone.
        chosen = expert or self._expert
        experts = self.experts if chosen is None else (chosen,)
        _check_prices(budget, experts)
        salt = self._salt if draw is None else f"{self._salt}/{draw}"
        # Equal texts may be read as different answers to different problems.
        table = self._table if problem in (None, self.problem) else replace(self._table, readings={})
        child = Run(
            table, problem or self.problem, experts, scope, send, strategy=self.strategy, path=path,
            expert=chosen, stage=self._stage, salt=salt, claimed=self._claim,
        )  # fmt: skip
        child._held = send is not self._send
        self._branches = [child]
        start = asyncio.get_running_loop().time()
        try:
            async with within(Deadline.after(scope, start) if scope is not self.scope else None):
                await strategy(child.problem, child)
        except Exception as error:
            found = _plain(error)
            if scope is self.scope or not isinstance(found, BudgetExceeded) or found.scope != scope.name:
                raise found from (None if found is not error else error.__cause__)
            self._table.trace.add("budget", path, reason=str(found))
        finally:
            child.end()
            self._stage = max(self._stage, child.stage)

    def beside(self, place: Place) -> Run:
        """A run for a verifier or an aggregator, with a path that no branch has."""
        return Run(
            self._table, self.problem, self.experts, self.scope, self._refuse_emission, strategy=self.strategy,
            path=place, expert=self._expert, stage=self._stage, claimed=self._claim,
        )  # fmt: skip

    def _refuse_emission(self, candidate: Candidate) -> None:
        raise ConfigError("a verifier or aggregator must not emit candidates")

    # -- lineage ------------------------------------------------------------------------

    def frontier(self) -> Place | None:
        """The earliest place at which something may still be emitted; `None` when all is over."""
        if self._done:
            return None
        if self._held:
            return (*self.path, 0)
        for branch in self._branches:
            if (place := branch.frontier()) is not None:
                return place
        return (*self.path, self._counter)

    def _next(self) -> int:
        """The number of the next step. A run takes one at a time: else numbers would tell which reply came first."""
        if self._done:
            raise ConfigError(f"strategy {self.strategy}: a branch that has ended cannot emit or branch any more")
        if not all(branch._done for branch in self._branches):
            raise ConfigError(
                f"strategy {self.strategy}: emits or branches on a run whose branches are under way; "
                "in a function for map use the branch that it is called with"
            )
        self._counter += 1
        self._branches = []
        return self._counter - 1


def _check_prices(budget: Budget | None, experts: Sequence[Expert]) -> None:
    if budget is None or budget.usd is None:
        return
    for expert in experts:
        if expert.price is None:
            raise ConfigError(f"a usd cap needs the price of '{expert.id}': set price in its pool entry, or cap calls")


def _grown(sampling: Sampling, factor: int) -> Sampling:
    return replace(sampling, max_tokens=(sampling.max_tokens or DEFAULT_MAX_TOKENS) * factor)


async def _caught(work: Awaitable[Completion]) -> Completion | Exception:
    """Keeps a refusal or failure until the siblings, which are paid, have ended."""
    try:
        return await work
    except (ExpertError, BudgetExceeded, Stopped) as error:
        return error


def _opened(results: Sequence[Completion | Exception]) -> list[Completion]:
    if errors := [result for result in results if isinstance(result, Exception)]:
        raise _first(errors)
    return [result for result in results if isinstance(result, Completion)]


def _plain(error: Exception) -> Exception:
    """The failure inside the groups of a strategy's own TaskGroups; the group itself where there is worse in it."""
    if not isinstance(error, ExceptionGroup):
        return error
    inside = [_plain(one) for one in error.exceptions]
    if not all(isinstance(one, Stopped | BudgetExceeded | ExpertError) for one in inside):
        return error
    return min(inside, key=lambda one: (isinstance(one, ExpertError), isinstance(one, BudgetExceeded)))


def _first(errors: Sequence[Exception]) -> Exception:
    """The first in order, but before all one that says the run was stopped: nothing else may count as a result then."""
    return next((error for error in errors if isinstance(error, Stopped)), errors[0])


@dataclass(frozen=True, slots=True)
class Deadline:
    """When a scope's seconds are over, by the clock of the running loop."""

    scope: Scope
    at: float

    @classmethod
    def after(cls, scope: Scope, start: float) -> Deadline | None:
        """That of a scope which opened at `start`; `None` where its seconds are not capped."""
        seconds = scope.budget.seconds
        return None if seconds is None else cls(scope, start + seconds)

    @property
    def passed(self) -> bool:
        return self.scope.over or asyncio.get_running_loop().time() >= self.at


def earliest(*deadlines: Deadline | None) -> Deadline | None:
    """The one that passes first; `None` where there is none."""
    return min((one for one in deadlines if one is not None), key=lambda one: one.at, default=None)


class within:
    """Ends what is inside when a deadline passes; the scope then admits nothing more.

    Raises:
        BudgetExceeded: naming the scope.
    """

    def __init__(self, deadline: Deadline | None) -> None:
        self._deadline = deadline
        self._timeout = asyncio.timeout_at(deadline.at if deadline else None)
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> None:
        if self._deadline is not None:
            # Closed before the cancellation arrives, so that whoever is cancelled can tell why.
            close = self._deadline.scope.close
            self._timer = asyncio.get_running_loop().call_at(self._deadline.at, close)
        await self._timeout.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        try:
            await self._timeout.__aexit__(kind, error, traceback)
        except TimeoutError:
            assert self._deadline is not None
            raise self._deadline.scope.close() from None
