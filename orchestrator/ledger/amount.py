"""What calls take from a scope."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.types import Tokens


@dataclass(frozen=True, slots=True)
class Amount:
    """What a call takes from a scope."""

    calls: int = 0
    tokens: int = 0
    usd: float = 0.0

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.calls + other.calls, self.tokens + other.tokens, self.usd + other.usd)

    def __sub__(self, other: Amount) -> Amount:
        return Amount(self.calls - other.calls, self.tokens - other.tokens, self.usd - other.usd)

    def __mul__(self, k: int) -> Amount:
        return Amount(self.calls * k, self.tokens * k, self.usd * k)

    def or_more(self, other: Amount) -> Amount:
        """The larger of both in every dimension."""
        return Amount(max(self.calls, other.calls), max(self.tokens, other.tokens), max(self.usd, other.usd))

    def or_less(self, other: Amount) -> Amount:
        """The smaller of both in every dimension."""
        return Amount(min(self.calls, other.calls), min(self.tokens, other.tokens), min(self.usd, other.usd))

    @classmethod
    def of(cls, tokens: Tokens, calls: int = 1) -> Amount:
        return cls(calls, tokens.prompt + tokens.completion, tokens.usd)


NOTHING = Amount()


@dataclass(frozen=True, slots=True)
class Losses:
    """What earlier processes of a run paid without getting a reply, by scope name."""

    by_scope: Mapping[str, Amount] = field(default_factory=dict)

    def of(self, name: str) -> Amount:
        return self.by_scope.get(name, NOTHING)
