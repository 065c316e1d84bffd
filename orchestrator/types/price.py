"""What calls cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Self

WRITING = 1.25
"""What writing a prompt into a provider's cache costs, over what sending it does, where nobody says."""

LEAST_CACHED = 512
"""Tokens of the shortest prompt that any provider caches."""


@dataclass(frozen=True, slots=True)
class Rates:
    """US dollars per token."""

    prompt: float = 0.0
    completion: float = 0.0
    cached_prompt: float | None = None
    """Price of a prompt token read from the provider's cache; `None`: as any other."""
    written_prompt: float | None = None
    """Price of a prompt token written into the provider's cache, where that is billed apart; `None`: a quarter above
    any other, which is what providers take that take more."""

    def times(self, factor: float) -> Self:
        """These prices, each multiplied."""
        return replace(self, **self._times(factor))

    @property
    def reading(self) -> float:
        """Of a token that comes from the cache."""
        return self.prompt if self.cached_prompt is None else self.cached_prompt

    @property
    def writing(self) -> float:
        """Of a token that goes into the cache."""
        return WRITING * self.prompt if self.written_prompt is None else self.written_prompt

    def bill(self, prompt: int, completion: int, cached: int, written: int) -> float:
        """US dollars; `cached` and `written` are parts of `prompt`."""
        plain = (prompt - cached - written) * self.prompt
        return plain + cached * self.reading + written * self.writing + completion * self.completion

    def highest(self, prompt: int, completion: int) -> float:
        """US dollars at the most, whatever of the prompt is cached."""
        dearest = max(self.prompt, self.reading, self.writing) if prompt >= LEAST_CACHED else self.prompt
        return prompt * dearest + completion * self.completion

    def _times(self, factor: float) -> dict[str, Any]:
        given = {f.name: getattr(self, f.name) for f in fields(Rates)}
        return {name: None if usd is None else usd * factor for name, usd in given.items()}


@dataclass(frozen=True, slots=True)
class PriceTier(Rates):
    """Prices of a call with a long prompt; all of the call is billed by them."""

    above: int = 0
    """The longest prompt, in tokens, that is still billed by the prices below these."""

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> PriceTier:
        """Out of its fields."""
        return cls(**{f.name: row[f.name] for f in fields(cls) if f.name in row})


@dataclass(frozen=True, slots=True)
class Price(Rates):
    """US dollars per token, by the length of the prompt where that makes a difference."""

    request: float = 0.0
    """US dollars of a request beside its tokens, such as for a search that it always makes."""
    tiers: tuple[PriceTier, ...] = ()
    """Prices above some length of the prompt, in any order."""

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> Price:
        """A price out of its fields; what a later version has beside them is left out."""
        known = {f.name: row[f.name] for f in fields(cls) if f.name in row}
        tiers = row.get("tiers") or ()
        return cls(**{**known, "tiers": tuple(map(PriceTier.read, tiers))})

    def times(self, factor: float) -> Self:
        """These prices, each multiplied."""
        tiers = tuple(tier.times(factor) for tier in self.tiers)
        return replace(self, **self._times(factor), request=self.request * factor, tiers=tiers)

    def of(self, prompt: int, completion: int, cached: int = 0, written: int = 0) -> float:
        """US dollars of a call; `cached` and `written` are parts of `prompt`, whose length says which prices hold."""
        rates: Rates = self
        if self.tiers:  # few have any, and every call is billed here
            rates = max(self._reached(prompt), key=lambda tier: tier.above, default=None) or self
        return self.request + rates.bill(prompt, completion, cached, written)

    def most(self, prompt: int, completion: int) -> float:
        """US dollars of a call at the most: with a prompt of up to so many tokens, whatever of it is cached."""
        most = self.highest(prompt, completion)
        if self.tiers:
            most = max([most, *(tier.highest(prompt, completion) for tier in self._reached(prompt))])
        return self.request + most

    @property
    def free(self) -> bool:
        """Whether no call costs anything."""
        return self.most(LEAST_CACHED, 1) == 0 and not any(tier.highest(LEAST_CACHED, 1) for tier in self.tiers)

    @property
    def caches(self) -> bool:
        """Whether reading from the provider's cache is known to cost less."""
        return self.reading < self.prompt

    def pays_to_write(self, readers: int) -> bool:
        """Whether a prefix that `readers` later calls read is cheaper written into the cache than sent each time."""
        return self.writing + readers * self.reading < (1 + readers) * self.prompt

    def _reached(self, prompt: int) -> list[PriceTier]:
        return [tier for tier in self.tiers if prompt > tier.above]
