"""Experts as plain values: a model and how to reach it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from orchestrator.errors import ConfigError

from .batch import HALF, BatchTerms
from .message import Json
from .price import Price
from .request import Sampling


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
    provider's cache: `on`, `off`, or `auto`: where that is known to cost less."""
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
        """The same at the price of its batches; itself where it is asked at once.

        What a request costs beside its tokens, such as for a search, is the same in a batch.
        """
        if self.batch is None or self.price is None:
            return self
        share = HALF if self.batch.price is None else self.batch.price
        return replace(self, price=replace(self.price.times(share), request=self.price.request))


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
