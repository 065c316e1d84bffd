"""Experts as plain values: a model and how to reach it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from orchestrator.errors import ConfigError

from .batch import BatchTerms
from .message import Json
from .request import Sampling

WRITING = 1.25
"""What writing a prompt into a provider's cache costs, over what sending it does, where nobody says."""

LEAST_CACHED = 512
"""Tokens of the shortest prompt that any provider caches."""


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per token."""

    prompt: float = 0.0
    completion: float = 0.0
    cached_prompt: float | None = None
    """Price of a prompt token read from the provider's cache; `None`: as any other."""
    written_prompt: float | None = None
    """Price of a prompt token written into the provider's cache, where that is billed apart; `None`: a quarter above
    any other, which is what providers take that take more."""

    def times(self, factor: float) -> Price:
        """These prices, each multiplied."""
        given: list[tuple[str, Any]] = [(f.name, getattr(self, f.name)) for f in fields(self)]
        made: dict[str, Any] = {name: None if usd is None else usd * factor for name, usd in given}
        return Price(**made)

    def of(self, prompt: int, completion: int, cached: int = 0, written: int = 0) -> float:
        """US dollars of a call; `cached` and `written` are parts of `prompt`."""
        plain = (prompt - cached - written) * self.prompt
        return plain + cached * self._read + written * self._write + completion * self.completion

    def most(self, prompt: int, completion: int) -> float:
        """US dollars of a call at the most, whatever of its prompt is cached."""
        dearest = max(self.prompt, self._read, self._write) if prompt >= LEAST_CACHED else self.prompt
        return prompt * dearest + completion * self.completion

    @property
    def caches(self) -> bool:
        """Whether reading from the provider's cache is known to cost less."""
        return self._read < self.prompt

    def pays_to_write(self, readers: int) -> bool:
        """Whether a prefix that `readers` later calls read is cheaper written into the cache than sent each time."""
        return self._write + readers * self._read < (1 + readers) * self.prompt

    @property
    def _read(self) -> float:
        return self.prompt if self.cached_prompt is None else self.cached_prompt

    @property
    def _write(self) -> float:
        return WRITING * self.prompt if self.written_prompt is None else self.written_prompt


@dataclass(frozen=True, slots=True)
class Expert:
    """A plain value that names a model and how to reach it. The field names are those of a pool file."""

    id: str
    """As typed with `-e`; part of every request's identity."""
    model: str
    client: str = "auto"
    """Name of the backend that serves it: `litellm`, `direct`, `local`, `replay`, `scripted`, `sim`, or an entry
    point's; `auto` is `direct` for a server near by and for Ollama, else `litellm`."""
    api_base: str | None = None
    key_env: str | None = None
    """Name of the environment variable that holds the key; the key itself is never stored."""
    persona: str | None = None
    """Put before the conversation as a system message."""
    sampling: Sampling = Sampling()
    """The user's settings; they win over a strategy's."""
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 600.0
    """Seconds an attempt may take."""
    context: int | None = None
    """Context window, tokens."""
    rpm: float | None = None
    tpm: float | None = None
    concurrency: int = 64
    """Requests in flight that the lane starts with and never exceeds."""
    price: Price | None = None
    """`None`: unknown, refused under a money cap."""
    prefix_cache: str = "auto"
    """Whether one of several calls that share a long beginning goes before the others, so that these read it from the
    provider's cache: `on`, `off`, or `auto`: where it is hosted and that is known to cost less."""
    skills: tuple[str, ...] = ()
    resident_group: str | None = None
    """Experts whose models share memory, such as one GPU: only some are loaded at once, and they are asked in turn."""
    resident_capacity: int | None = None
    """How many models of the group are loaded at once; `None`: as another of the group says, else 1."""
    loader: str = "none"
    """How the server is told which model to load: `ollama`, `vllm`, or `none` where it loads what it is asked."""
    fallback: str | None = None
    """Id of the expert asked instead when this one is lost."""
    batch: BatchTerms | None = None
    """It is asked by its provider's batch endpoint: for less, within a day. `None`: at once."""
    capabilities: Mapping[str, bool | str] = field(default_factory=dict)
    """What the user knows of the server, e.g. `{"n": False, "max_tokens": "max_completion_tokens"}`."""
    options: Mapping[str, Json] = field(default_factory=dict)
    """What only this client understands."""

    @property
    def networked(self) -> bool:
        """Whether a server is asked for it, and not a program or a file."""
        return self.client in ("auto", "direct", "litellm")

    @property
    def by_batch(self) -> Expert:
        """The same at the price of its batches; itself where it is asked at once."""
        if self.batch is None or self.price is None:
            return self
        return replace(self, price=self.price.times(self.batch.price))


def capacity_of(group: str, experts: Iterable[Expert]) -> int:
    """How many models of a resident group are loaded at once: as one of its experts says, else 1.

    Args:
        experts: all there are.

    Raises:
        ConfigError: two of the group say different things.
    """
    members = (expert for expert in experts if expert.resident_group == group)
    given = {expert.resident_capacity for expert in members} - {None}
    if len(given) > 1:
        told = " and ".join(sorted(map(str, given)))
        raise ConfigError(f"resident_group '{group}': its experts give resident_capacity {told}; say it once")
    return next(iter(given), None) or 1
