"""The circuit breaker of an expert: stops asking a server that only fails, and gives up on one that stays lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from orchestrator.errors import ExpertError, ExpertLost, RateLimited

INSTANT = 1e-6
"""Seconds: a timer may fire earlier than asked by less, as its sums are rounded."""


@dataclass(slots=True)
class Breaker:
    """Closed until `threshold` attempts in a row failed; then one probe after each pause, the pauses doubling.

    It opens for good on a wrong key or an unknown model, and after `probes` probes failed in a row (`patience` probes,
    some minutes, for a server that has answered before); and for as long as a server asks, where that is longer than a
    call may wait. A 429 says that the server lives and counts as neither.
    `clock` gives seconds.
    """

    clock: Callable[[], float]
    threshold: int = 8
    probes: int = 4
    patience: int = 12
    first_pause: float = 1.0
    longest_pause: float = 30.0
    failures: int = 0
    failed_probes: int = 0
    retry_at: float = 0.0
    probing: bool = False
    answered: bool = False
    lost: ExpertLost | None = field(default=None)
    returns_at: float = float("inf")
    """When it is lost no longer, where the server said so."""

    @property
    def closed(self) -> bool:
        return self.lost is None and self.failures < self.threshold

    def admits(self) -> bool:
        """Whether an attempt may leave now."""
        if self.closed:
            return True
        return self.lost is None and not self.probing and self.clock() >= self.retry_at - INSTANT

    def leaves(self) -> bool:
        """An attempt leaves; returns whether it is the probe of an open circuit."""
        if self.closed:
            return False
        self.probing = True
        return True

    def succeeded(self) -> None:
        self.answered = True
        self.failures = self.failed_probes = 0
        self.probing = False

    def lose(self, error: ExpertLost, seconds: float) -> None:
        """The server said that it will not answer for so long."""
        if self.lost is None or self.returns_at < float("inf"):
            self.lost, self.returns_at = error, self.clock() + seconds

    def come_back(self) -> None:
        """One that was lost for some time is asked again after it."""
        if self.clock() >= self.returns_at:
            self.lost, self.returns_at = None, float("inf")

    def cancelled(self, probe: bool) -> None:
        """The attempt ended without telling anything about the server."""
        if probe:
            self.probing = False

    def failed(self, error: ExpertError, probe: bool) -> None:
        if isinstance(error, ExpertLost):
            self.lost, self.returns_at = error, float("inf")
        if isinstance(error, RateLimited) or not error.retried:
            self.succeeded()
            return
        self.failures += 1
        if self.closed:
            return
        if probe:
            self.probing = False
            self.failed_probes += 1
        pause = min(self.longest_pause, self.first_pause * 2**self.failed_probes)
        self.retry_at = max(self.retry_at, self.clock() + pause)
        if self.failed_probes >= (self.patience if self.answered else self.probes):
            words = f"given up after {self.failures} failures in a row: {error.message}"
            self.lost = ExpertLost(words, expert=error.expert)
