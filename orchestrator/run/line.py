"""A line of reasoning: what it may look at, whom it may ask, and how replies are read."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Hashable, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, TypeVar

from orchestrator.budget import Budget
from orchestrator.engine import Declared, Seat
from orchestrator.errors import ConfigError, SandboxUnavailable
from orchestrator.ledger import Claim, Scope, common
from orchestrator.prompts import Prompts
from orchestrator.types import Answer, Completion, Expert, Json, JsonObject, Place, Problem, Prompt, Reply, Sampling

from .asking import Asker
from .embedding import asked, read
from .table import Table
from .wanted import Wanted

if TYPE_CHECKING:
    from orchestrator.sandbox import Sandbox

Result = TypeVar("Result")


class Line:
    """One path through a problem, as far as it asks and reads; `Run` adds what is put forward, and branches."""

    def __init__(
        self,
        table: Table,
        problem: Problem,
        experts: Sequence[Expert],
        scope: Scope,
        *,
        path: Place = (),
        expert: Expert | None = None,
        stage: int = 0,
        salt: str | None = None,
        claimed: Claim | None = None,
        declared: Declared | None = None,
    ) -> None:
        self.problem, self.experts, self.scope, self.path = problem, tuple(experts), scope, path
        self._table, self._expert, self._stage = table, expert, stage
        self._salt = table.salt if salt is None else salt
        self._claim, self._declared = claimed, declared
        self._rng: random.Random | None = None
        self._asker = Asker(table, problem, path, self._salt, any(scope.capped for scope in scope.chain))

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

    @property
    def sandbox(self) -> Sandbox:
        """Where programs are run; it belongs to whoever opened the run, and is not to be closed here.

        Raises:
            SandboxUnavailable: the run was opened without one.
        """
        if self._table.sandbox is None:
            raise SandboxUnavailable("this run was opened without a sandbox; give one to its Setting")
        self._table.ran_programs = True
        return self._table.sandbox

    def prompts(self, name: str, package: str = "orchestrator.strategies") -> Prompts:
        """The templates of `prompts/NAME.toml` in a package, those of the user's own in the place of shipped ones.

        Raises:
            BadPrompt: there is no such file, or one of the user's templates does not fit into it.
        """
        return self._table.prompts(name, package)

    def role(self, name: str, otherwise: Expert | None = None) -> Expert:
        """The expert given for a role (`judge`, `tagger`...), else `otherwise`, else the run's own."""
        return self._table.roles.get(name, otherwise or self.expert)

    async def once(self, what: Hashable, work: Callable[[], Awaitable[Result]]) -> Result:
        """What `work` comes to, done once for the problem whoever asks: such as tests for the check of all candidates.

        Args:
            what: names the work, with every setting that it depends on.
        """

        async def leading() -> Result:
            own, self._claim = self._claim, common(self._claim)
            try:
                return await work()
            finally:
                self._claim = own

        return await self._table.shared.once(what, leading)

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
        indices = range(sample, sample + n)
        completions = await self._asker.samples(wanted, expert or self.expert, indices, self._seat())
        self._stage += 1
        return Reply(tuple(completions))

    @property
    def embedder(self) -> Expert | None:
        """The expert given for the role `embedder`, if one is."""
        return self._table.roles.get("embedder")

    async def embed(self, texts: Sequence[str]) -> list[tuple[float, ...]]:
        """A vector of length 1 for each text, from the expert of role `embedder`; a call is made for 32 texts at most.

        Raises:
            ConfigError: nobody has that role.
            BudgetExceeded, ExpertError: as for `generate`. An embedder has no fallback.
        """
        if (expert := self.embedder) is None:
            raise ConfigError(
                "embeddings need an expert in the role embedder: --role embedder=openai/text-embedding-3-small"
            )
        wanted = asked(texts, expert.sampling)
        vectors = read(wanted, await self._asker.embeddings(wanted, expert, self._seat()))
        self._stage += bool(wanted)
        return vectors

    def _seat(self) -> Seat:
        return Seat(self.scope, self._table.turn, self._stage, self._claim, self._table.leaving, self._declared)

    # -- reading and telling ------------------------------------------------------------

    async def read(self, reply: Completion | Reply | str) -> Answer:
        """The answer of a reply with its class key; one without a key abstains. Each text is read once."""
        source = reply.completions[0] if isinstance(reply, Reply) else reply if isinstance(reply, Completion) else None
        text = reply if isinstance(reply, str) else reply.text
        reading = await self._table.reading(self.problem, text)
        if reading is None:
            return Answer(text, source=source)
        return Answer(text, reading.value, reading.key, source)

    def note(self, kind: str, **facts: Json) -> None:
        """Adds to the trace what a strategy wants to tell: numbers, names and other short facts, never whole texts."""
        self._table.trace.add(kind, self.path, **facts)
