"""What a run does with every case: its rows, caps and seeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.budget import Budget
from orchestrator.own_prompts import SHIPPED, PromptSource
from orchestrator.types import Expert

from .case import Case


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the results: a strategy, and whom it asks."""

    name: str
    """As results have it; the spec where the strategy asks all experts."""
    strategy: str
    experts: tuple[Expert, ...]


@dataclass(frozen=True, slots=True)
class Job:
    """One result line to come: a case under one row and seed."""

    turn: int
    """Number of the case in the set."""
    case: Case
    row: Row
    seed: int

    @property
    def key(self) -> tuple[str, str, int]:
        """What a run has one line of."""
        return self.case.problem.id, self.row.name, self.seed

    @property
    def scope(self) -> str:
        """Name of the scope that it pays from."""
        return "|".join((self.case.problem.id, self.row.name, str(self.seed)))


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run does with every case."""

    strategies: tuple[str, ...]
    experts: tuple[Expert, ...]
    verifier: str | None = None
    aggregator: str | None = None
    roles: Mapping[str, Expert] = field(default_factory=dict)
    reserves: tuple[Expert, ...] = ()
    """Asked only when an expert is lost that names one of them as its fallback."""
    budget: Budget = field(default_factory=Budget)
    """Of each problem and strategy."""
    run_budget: Budget = field(default_factory=Budget)
    seeds: tuple[int, ...] = (0,)
    concurrency: int = 64
    """Problems in flight."""
    independent: bool = False
    """Strategies do not share replies to identical requests."""
    per_expert: bool = False
    """Each strategy asks every expert alone, for a row each."""
    min_isolation: int = 0
    """Level of isolation below which no program is run."""
    reuse: Path | None = None
    """The journal of another run, whose replies are taken over."""
    prompts: PromptSource = SHIPPED

    @property
    def rows(self) -> tuple[Row, ...]:
        if not self.per_expert:
            return tuple(Row(spec, spec, self.experts) for spec in self.strategies)
        return tuple(Row(f"{spec} @ {e.id}", spec, (e,)) for spec in self.strategies for e in self.experts)

    @property
    def everybody(self) -> dict[str, Expert]:
        """All who may be asked, by id."""
        return {expert.id: expert for expert in (*self.experts, *self.roles.values(), *self.reserves)}

    def jobs(self, turn: int, case: Case) -> Iterator[Job]:
        """The lines that a case is to have, in the order in which they are begun."""
        for seed in self.seeds:
            for row in self.rows:
                yield Job(turn, case, row, seed)

    def salt(self, job: Job) -> str:
        """What sets a job's requests apart from equal ones of other jobs."""
        return f"seed={job.seed}" + (f" strategy={job.row.name}" if self.independent else "")
