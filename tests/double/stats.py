"""What the double counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .plan import Plan


@dataclass
class Tally:
    """Samples generated, and the tokens billed for them."""

    samples: int = 0
    prompt: int = 0
    completion: int = 0
    """Hidden reasoning included."""
    reasoning: int = 0
    cached: int = 0
    """Of the prompt, read from the cache."""
    written: int = 0
    """Of the prompt, written into the cache, where only what is marked is kept."""

    @property
    def tokens(self) -> int:
        return self.prompt + self.completion

    def add(self, other: Tally) -> None:
        self.samples += other.samples
        self.prompt += other.prompt
        self.completion += other.completion
        self.reasoning += other.reasoning
        self.cached += other.cached
        self.written += other.written

    def to_json(self) -> dict[str, int]:
        return asdict(self) | {"tokens": self.tokens}


@dataclass
class Figures:
    """Counters of one model, or of all together."""

    requests: int = 0
    """Chat, completion and embedding requests; refused ones included."""
    asked: int = 0
    """Samples that they asked for."""
    status: Counter[str] = field(default_factory=Counter)
    """By status code; `reset`, `hang` and `abort` where none was sent whole."""
    faults: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    """400s by the parameter that they name."""
    delivered: Tally = field(default_factory=Tally)
    """Generated and sent in good form."""
    lost: Tally = field(default_factory=Tally)
    """Generated, but reset, cut short, garbled or abandoned by the client: a provider bills these too."""
    truncated: int = 0
    """Delivered samples that the cap cut."""
    client_aborts: int = 0
    """Requests whose client left before the answer."""
    in_flight: int = 0
    max_in_flight: int = 0

    @property
    def billed(self) -> Tally:
        """Delivered and lost together."""
        both = Tally()
        both.add(self.delivered)
        both.add(self.lost)
        return both

    def figures_json(self) -> dict[str, Any]:
        names = ("requests", "asked", "truncated", "client_aborts", "in_flight", "max_in_flight")
        plain = {k: getattr(self, k) for k in names}
        counters = {k: dict(getattr(self, k)) for k in ("status", "faults", "rejected")}
        tallies = {k: getattr(self, k).to_json() for k in ("delivered", "lost", "billed")}
        return plain | counters | tallies


@dataclass
class Stats(Figures):
    """All models together, each model apart, and what was asked."""

    models: dict[str, Figures] = field(default_factory=dict)
    seen: Counter[str] = field(default_factory=Counter)
    """How often each body arrived, by its hash."""
    answered: Counter[str] = field(default_factory=Counter)
    """How often each body was delivered a good answer."""
    failed: Counter[str] = field(default_factory=Counter)
    """How often each body met a fault."""
    prompts: dict[str, Tally] = field(default_factory=dict)
    """What was billed for each conversation, by its text."""
    connections: int = 0
    crashes: list[str] = field(default_factory=list)
    """Errors of the double itself."""

    @property
    def twice(self) -> dict[str, int]:
        """Bodies that were answered more than once."""
        return {body: count for body, count in self.answered.items() if count > 1}

    def both(self, model: str) -> tuple[Figures, Figures]:
        """The figures in which a request for `model` counts."""
        return self, self.models.setdefault(model, Figures())

    def begin(self, model: str, body: str, asked: int) -> None:
        self.seen[body] += 1
        for figures in self.both(model):
            figures.requests += 1
            figures.asked += asked
            figures.in_flight += 1
            figures.max_in_flight = max(figures.max_in_flight, figures.in_flight)

    def end(self, model: str, body: str, status: str, plan: Plan, good: bool) -> None:
        """Closes a request; `good`: what its plan holds to be good has left whole."""
        for figures in self.both(model):
            figures.in_flight -= 1
            figures.status[status] += 1
            figures.client_aborts += status == "abort"
            (figures.delivered if good else figures.lost).add(plan.work)
            figures.lost.add(plan.spoiled)
            figures.truncated += plan.cut if good else 0
            if plan.fault:
                figures.faults[plan.fault] += 1
            if plan.param and status == "400":
                figures.rejected[plan.param] += 1
        if plan.fault:
            self.failed[body] += 1
        if good and plan.work.samples:
            self.answered[body] += 1
        if plan.prompt:
            prompt = self.prompts.setdefault(plan.prompt, Tally())
            prompt.add(plan.work)
            prompt.add(plan.spoiled)

    def to_json(self) -> dict[str, Any]:
        return self.figures_json() | {
            "models": {name: figures.figures_json() for name, figures in self.models.items()},
            "distinct": len(self.seen),
            "twice": len(self.twice),
            "connections": self.connections,
            "crashes": self.crashes,
        }


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it arrived; kept on demand."""

    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: Any
    at: float
    """Seconds of the loop's clock."""
