"""What the double does: one frozen value, the same in process and as JSON on a command line."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from math import log
from typing import Any, Literal

Shown = Literal["no", "field", "think"]


@dataclass(frozen=True, slots=True)
class Thinking:
    """Hidden reasoning, billed out of the cap."""

    share: float
    """Share of samples that think long: under a cap below `heavy` nothing is left for the answer."""
    tokens: int
    """What every other sample thinks, at most (and at least half of it)."""
    heavy: int = 3000
    """What a long thinker needs before it answers."""
    endless: float = 0.5
    """Share of the long thinkers that eat any cap."""


@dataclass(frozen=True)
class Behaviour:
    """Settings of a double, or of one of its models.

    Answers depend on (seed, model, messages, the request's seed, the choice's index) alone; faults and latencies on
    (seed, body, how often this body was seen).
    """

    seed: int = 0

    rules: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    """Regular expression searched in all messages -> the reply, or replies of which one is drawn. `{i}` is the choice's
    index, `{h}` a hash of the sample, `{1}` the first group of the match. The first rule that matches counts."""
    simulated: str | None = None
    """Name of the simulated expert (`ada`...) that writes what no rule does."""
    answers: Mapping[str, float] = field(default_factory=dict)
    """Answer -> weight: filler reasoning, then `ending` with an answer drawn by weight."""
    permute: bool = True
    """Deal the weights anew to the answers of each conversation, so that problems have different majorities."""
    ending: str = "The answer is {answer}."
    words: tuple[int, int] = (12, 40)
    """Least and most words of filler."""
    vary_repeats: bool = False
    """The samples of one conversation are numbered through, whatever `n` each request asks for: a repeat goes on where
    the last answer stopped, as a real server would. A sample that was not delivered gives its number back, so that a
    disturbed client ends with the same samples as one that is left in peace."""
    embed_dim: int = 64

    latency: float | str = 0.0
    """Seconds before an answer: a number, or `exp:MEAN`."""
    faults: Mapping[str, float] = field(default_factory=dict)
    """Kind -> probability. Kinds: a status code such as `500`, `429` (with Retry-After), `429-ms` (retry-after-ms),
    `429-date` (Retry-After as a date), `429-bare` (no header), `reset`, `truncated`, `invalid_json`, `wrong_shape`,
    `empty`, `one_empty` (the last choice), `hang`, `slow`."""
    max_faults: int | None = None
    """After so many faults in all a body is answered."""
    storms: Sequence[tuple[int, int]] = ()
    """(first request, length): requests counted from 0; every one inside fails as `storm_fault`."""
    storm_fault: str = "429-bare"
    retry_after: float = 1.0
    hang_s: float = 600.0
    """A hang ends in a reset after so long."""
    slow_s: float = 1.0
    """A slow body arrives in ten pieces over so long."""

    rejects: frozenset[str] = frozenset()
    """Parameters answered with 400: `temperature stop max_tokens n seed logprobs response_format system`..."""
    reasoning: Thinking | None = None
    """Also given as (share, tokens) or a mapping."""
    show_reasoning: Shown = "no"
    """`field`: in `reasoning_content`; `think`: inside <think> tags before the text."""
    max_n: int | None = None
    over_n: Literal["fewer", "reject"] = "fewer"
    """What a request for more than `max_n` choices gets."""
    max_alternatives: int = 20
    """Other tokens of which log-probabilities are told; asking for more is refused."""
    api_key: str | None = None
    echo_key: bool = False
    """A refused key is repeated in the error message, as some providers do."""
    context: int | None = None
    """Context window, tokens; prompt and cap together."""
    cache: int = 0
    """Tokens of the blocks in which beginnings of prompts are cached, from an answer's first token on; 0: none are."""
    cache_least: int = 1024
    """Tokens of the shortest beginning that is cached."""
    cache_marked: bool = False
    """Only what has a `cache_control` is cached, up to it, and writing it is billed apart."""
    first_token: float = 0.0
    """Seconds before the first token of an answer; the rest comes after its latency."""
    rpm: float | None = None
    rpm_window: float = 60.0
    """Seconds of the sliding window in which at most rpm x window / 60 requests pass."""

    def __post_init__(self) -> None:
        thinking = self.reasoning
        if isinstance(thinking, Mapping):
            thinking = Thinking(**thinking)
        elif isinstance(thinking, Sequence):
            thinking = Thinking(*thinking)
        object.__setattr__(self, "reasoning", thinking)
        object.__setattr__(self, "rejects", frozenset(self.rejects))
        for kind in (*self.faults, self.storm_fault):
            if kind not in _FAULTS and not (kind.isdigit() and 400 <= int(kind) <= 599):
                raise ValueError(f"unknown fault '{kind}'")

    def delay(self, *key: object) -> float:
        """Seconds before the answer with this key."""
        if isinstance(self.latency, str):
            kind, _, mean = self.latency.partition(":")
            if kind != "exp":
                raise ValueError(f"unknown latency '{self.latency}'")
            return -float(mean) * log(1.0 - unit(self.seed, "latency", *key))
        return self.latency

    def fault(self, number: int, body: str, seen: int, failed: int) -> str | None:
        """The fault of request `number`, whose body was seen `seen` times before and failed `failed` times."""
        if any(first <= number < first + length for first, length in self.storms):
            return self.storm_fault
        if self.max_faults is not None and failed >= self.max_faults:
            return None
        draw = unit(self.seed, "fault", body, seen)
        for kind, probability in self.faults.items():
            if draw < probability:
                return kind
            draw -= probability
        return None


_FAULTS = frozenset(
    {
        "429-ms", "429-date", "429-bare", "reset", "truncated", "invalid_json", "wrong_shape", "empty", "one_empty",
        "hang", "slow",
    }
)  # fmt: skip

MODES: Mapping[str, Mapping[str, Any]] = {
    "rejecting": {
        "rejects": frozenset({"temperature", "stop", "max_tokens"}),
        "reasoning": Thinking(share=0.3, tokens=200),
    }
}
"""Settings by name. `rejecting`: a model that refuses what older ones took, in OpenAI's words, and bills hidden
reasoning which sometimes eats the whole cap."""


def digest(*parts: object) -> bytes:
    """16 bytes that are equal exactly when the parts are."""
    return blake2b(json.dumps(parts, sort_keys=True, default=str).encode(), digest_size=16).digest()


def unit(*parts: object) -> float:
    """A number in [0, 1) drawn by hash: stable over processes and platforms."""
    return int.from_bytes(digest(*parts)[:6], "big") / 2**48
