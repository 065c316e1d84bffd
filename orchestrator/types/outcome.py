"""Answers, candidates, verdicts, and what a run ends with."""

from __future__ import annotations

from dataclasses import dataclass, fields
from operator import add, attrgetter
from typing import TYPE_CHECKING, Literal

from .event import Event
from .message import Json
from .request import Completion, FinishReason, Place

if TYPE_CHECKING:
    from orchestrator.sandbox import Isolation

StoppedBy = Literal["done", "budget", "verifier", "cancelled", "failed"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What was read out of a reply. An answer without a key abstains: it never votes."""

    text: str
    """The whole reply."""
    value: str | None = None
    """The answer as shown: a letter, a number, a program, a plan with one action a line..."""
    key: str | None = None
    """Equal keys are equal answers; a pure function of the problem and the text."""
    source: Completion | None = None

    @property
    def abstains(self) -> bool:
        return self.key is None


@dataclass(frozen=True, slots=True)
class Candidate:
    id: str
    """Unique within the run's problem: its place, dotted."""
    problem: str
    text: str
    answer: str | None
    key: str | None
    expert: str
    strategy: str
    place: Place
    parents: tuple[str, ...] = ()
    """Ids of the completions and candidates it was made from."""
    finish: FinishReason = "stop"
    logprobs: tuple[float, ...] = ()
    confidences: tuple[float, ...] = ()
    """Of each token of the reply, as in `Completion`; empty where no log-probabilities were asked for or given."""
    alternatives: tuple[tuple[str, float], ...] = ()
    """What the reply's first token might have been, with log-probabilities, where asked for and given."""
    plan: str | None = None
    """Id of the completion that holds the plan it was written by, where it was: those of one plan are of one mind."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verifier says of a candidate; it stands beside it."""

    score: float
    """From 0 to 1."""
    passed: bool | None
    """`None`: the verifier gives an opinion, not a check."""
    reason: str = ""
    verifier: str = ""
    cooperative: bool = False
    """A pass counts only as long as the candidate does not set out to deceive, as where it runs in one process with the
    tests that check it. Such a candidate is chosen as `cooperative`, never as `verified`."""


@dataclass(frozen=True, slots=True)
class Scored:
    candidate: Candidate
    verdict: Verdict | None = None

    @property
    def passed(self) -> bool:
        return self.verdict is not None and self.verdict.passed is True

    @property
    def verified(self) -> bool:
        """Whether it passed a check that it could not have deceived."""
        return self.passed and self.verdict is not None and not self.verdict.cooperative


@dataclass(frozen=True, slots=True)
class Choice:
    """What an aggregator decides."""

    candidate: Candidate | None
    confidence: float
    """Share of what counted (votes, weights, score) that stands behind it, from 0 to 1."""
    chosen_by: str
    """`vote`, `weight`, `verified`, `cooperative`, `score`, `judge`, `synthesis`, `first` or `none`."""
    ranking: tuple[Candidate, ...] = ()
    """Best first, one of each answer."""
    reason: str = ""
    """What went otherwise than the aggregator is meant to: one line for people."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Calls that a strategy makes on one problem, and replies awaited one after the other."""

    least: int
    expected: float
    most: int
    depth: int
    candidates: int | None = None
    """Candidates that a strategy puts forward at the most; `None`: up to one a call."""

    def __add__(self, other: Estimate) -> Estimate:
        """The calls of both, and the candidates of the first."""
        return Estimate(
            self.least + other.least,
            self.expected + other.expected,
            self.most + other.most,
            self.depth + other.depth,
            self.candidates,
        )


@dataclass(frozen=True, slots=True)
class Usage:
    """What a problem used, each sample as if asked alone, and beside it what was paid for it."""

    calls: int = 0
    cached_calls: int = 0
    """Of these calls, answered from a journal or by another's identical request."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    cached_prompt_tokens: int = 0
    usd: float = 0.0
    paid_usd: float = 0.0
    seconds: float = 0.0
    truncated: int = 0
    refused: int = 0
    failed: int = 0
    """Calls lost to an error after every retry."""

    def __add__(self, other: Usage) -> Usage:
        return Usage(*map(add, _figures(self), _figures(other)))

    def to_json(self) -> dict[str, Json]:
        """Every figure by its name."""
        return dict(zip(_NAMES, _figures(self), strict=True))


_NAMES = tuple(f.name for f in fields(Usage))
_figures = attrgetter(*_NAMES)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a problem's run ended with."""

    problem: str
    strategy: str
    answer: str | None
    text: str
    """The chosen candidate's whole reply; empty when there is none."""
    confidence: float
    chosen_by: str
    stopped_by: StoppedBy
    candidates: tuple[Scored, ...]
    """In lineage order: the order in which a sequential execution would have emitted them."""
    ranking: tuple[Candidate, ...]
    usage: Usage
    chosen: Candidate | None = None
    written: Scored | None = None
    """What the aggregator wrote itself, if it did, with the verdict on it; it is none of `candidates`."""
    parsed: object | None = None
    """The answer validated into `response_model`, when one was given."""
    reason: str = ""
    """Why it stopped, when that was not `done`: one line for people."""
    run: str | None = None
    """The run folder, if it has one."""
    trace: tuple[Event, ...] = ()
    """What happened, in order of time; events cite requests by key and never hold texts."""
    isolation: Isolation | None = None
    """How far the programs that were run were kept apart; `None` where none was run."""

    def top(self, k: int) -> tuple[Candidate, ...]:
        """The best `k` candidates with different answers, best first."""
        return self.ranking[:k]
