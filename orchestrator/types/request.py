"""One sample asked of one expert, and what came back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from hashlib import blake2b
from operator import attrgetter
from typing import Any, Literal, TypeAlias, overload

from .message import Json, JsonObject, Message, ToolCall

FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]

Place: TypeAlias = tuple[int, ...]
"""Where something happened in a run; places compare as the order of a sequential execution."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to sample; `None` leaves a setting to the provider."""

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    """Cap on completion tokens, hidden reasoning included; the run sends 2048 where nobody sets one."""
    stop: tuple[str, ...] = ()
    seed: int | None = None
    """Sent to the provider as a hash of (seed, salt, sample_index); no requests are merged then."""
    reasoning_effort: str | None = None
    mode: Literal["chat", "completion", "embedding"] = "chat"
    """`embedding` asks for a vector of each message, and is set by `Run.embed` alone."""
    extra_body: JsonObject = field(default_factory=dict)
    top_logprobs: int | None = None
    """Asks for the log-probability of each token and of so many of the likeliest that might have stood in its place.
    Where a server tells fewer (most tell 20), fewer are asked for. `None`: none are."""

    def merged(self, over: Sampling | None) -> Sampling:
        """These settings with those that `over` sets put on top."""
        if over is None or not (changed := over._set()):
            return self
        if "extra_body" in changed:
            changed["extra_body"] = {**self.extra_body, **over.extra_body}
        return Sampling(**{**self._set(), **changed})

    def to_json(self) -> dict[str, Json]:
        """What is set, and nothing else: the part of a request's identity."""
        out = self._set()
        for name in ("temperature", "top_p"):
            if name in out:
                out[name] = float(out[name])  # 1 and 1.0 are one setting, and must be one key
        if self.stop:
            out["stop"] = list(self.stop)
        if self.extra_body:
            out["extra_body"] = dict(self.extra_body)
        return out

    def _set(self) -> dict[str, Any]:
        given = zip(_NAMES, _values(self), _DEFAULTS, strict=True)
        return {name: value for name, value, plain in given if value != plain}


_PLAIN = Sampling()
# Looked up once: a request is made for every call.
_NAMES = tuple(f.name for f in fields(Sampling))
_values = attrgetter(*_NAMES)
_DEFAULTS: tuple[Any, ...] = _values(_PLAIN)


@dataclass(frozen=True, slots=True)
class Labels:
    """What a request is for; labels never change the reply (a replay expert's excepted)."""

    problem: str = ""
    purpose: str = "answer"
    """`answer` for a call whose reply is emitted, else the step: `observe`, `plan`, `tests`, `vote`..."""
    place: Place = ()


@dataclass(frozen=True, slots=True)
class Request:
    """One sample asked of one expert. Two requests with equal keys are the same request."""

    expert: str
    """The expert's declared id."""
    model: str
    messages: tuple[Message, ...]
    sampling: Sampling = _PLAIN
    sample_index: int = 0
    salt: str = ""
    tools: tuple[JsonObject, ...] = ()
    response_format: JsonObject | None = None
    labels: Labels = field(default=Labels(), compare=False)
    base: bytes = field(init=False, compare=False, repr=False)
    """Hash of all that the key holds but the sample index: requests of one base may leave as one `n=k`."""
    key: bytes = field(init=False, compare=False, repr=False)
    """16 bytes that name the reply in every journal (design: identity)."""

    def __post_init__(self) -> None:
        base = blake2b(canonical(self._identity()), digest_size=16).digest()
        object.__setattr__(self, "base", base)
        object.__setattr__(self, "key", _sample_key(base, self.sample_index))

    def _identity(self) -> dict[str, Json]:
        return {
            "expert": self.expert,
            "model": self.model,
            "messages": [message.to_json() for message in self.messages],
            "sampling": self.sampling.to_json(),
            "tools": [dict(tool) for tool in self.tools],
            "response_format": None if self.response_format is None else dict(self.response_format),
            "salt": self.salt,
        }

    def sample(self, index: int) -> Request:
        """The same request for another sample; cheaper than building it anew."""
        if index == self.sample_index:
            return self
        return self._with(sample_index=index, key=_sample_key(self.base, index))

    def labelled(self, labels: Labels) -> Request:
        """The same request, made for something else; cheaper than building it anew."""
        return self._with(labels=labels)

    def _with(self, **changed: object) -> Request:
        other = object.__new__(Request)
        for name in _OF_REQUEST:
            object.__setattr__(other, name, changed[name] if name in changed else getattr(self, name))
        return other

    @property
    def size(self) -> int:
        """UTF-8 bytes of everything that is billed as prompt, images apart."""
        total = sum(_bytes(message.text) for message in self.messages)
        calls = [call for message in self.messages for call in message.tool_calls]
        total += sum(_bytes(call.name) + _bytes(call.arguments) for call in calls)
        if self.tools or self.response_format:
            total += len(canonical([[dict(t) for t in self.tools], dict(self.response_format or {})]))
        return total


_OF_REQUEST = tuple(f.name for f in fields(Request))


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _sample_key(base: bytes, index: int) -> bytes:
    return blake2b(index.to_bytes(8, "big", signed=True), digest_size=16, key=base).digest()


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def canonical(value: object) -> bytes:
    """JSON bytes that are equal exactly when the values are."""
    return _CANONICAL.encode(value).encode("utf-8", "surrogatepass")


@dataclass(frozen=True, slots=True)
class Tokens:
    """What one reply, or one attempt, was billed. Tokens and US dollars."""

    prompt: int = 0
    completion: int = 0
    """Hidden reasoning included."""
    reasoning: int = 0
    cached_prompt: int = 0
    """Of the prompt, what the provider read from its cache."""
    usd: float = 0.0
    written_prompt: int = 0
    """Of the prompt, what the provider wrote into its cache, where it bills that apart."""

    def __add__(self, other: Tokens) -> Tokens:
        return Tokens(
            self.prompt + other.prompt,
            self.completion + other.completion,
            self.reasoning + other.reasoning,
            self.cached_prompt + other.cached_prompt,
            self.usd + other.usd,
            self.written_prompt + other.written_prompt,
        )

    def to_json(self) -> dict[str, Json]:
        return {f.name: getattr(self, f.name) for f in fields(self)}


@dataclass(frozen=True, slots=True)
class Completion:
    """One sample as it came back. `text` never holds hidden reasoning."""

    text: str
    reasoning: str = ""
    finish: FinishReason = "stop"
    tokens: Tokens = Tokens()
    """As if this sample had been asked alone."""
    model: str = ""
    """The model that the server says it served."""
    fingerprint: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    logprobs: tuple[float, ...] = ()
    """Log-probabilities of the completion's tokens, where asked for and given."""
    expert: str = ""
    """Id of the expert that answered (after a fallback: the other one)."""
    id: str = ""
    """Hex of the request's key; the trace and candidates' parents cite it."""
    confidences: tuple[float, ...] = ()
    """Of each token, minus the mean log-probability of the tokens that came as likeliest in its place, to three
    decimals: the higher, the surer. Hidden reasoning counts where the server tells its tokens."""
    alternatives: tuple[tuple[str, float], ...] = ()
    """What the text's first token might have been, with log-probabilities, the likeliest first."""


@dataclass(frozen=True, slots=True)
class Response:
    """What a backend returns for a batch: completions in ascending sample index, and the bill of the attempt.

    Fewer completions than requests is allowed: the missing ones are asked again.
    """

    completions: tuple[Completion, ...]
    bill: Tokens
    dropped: tuple[str, ...] = ()
    """Names of settings that the provider does not take and that were left out."""
    spoiled: int = 0
    """Samples that came without any text: of no use, but generated and part of the bill."""
    counted: bool = True
    """Whether the provider told the tokens; where it does not, they are estimated."""
    places: tuple[int, ...] = ()
    """Which request of the batch each completion answers, counted from 0; by default the first ones in their order."""
    empty: tuple[int, ...] = ()
    """Places of those that are `spoiled`, where these are known."""


@dataclass(frozen=True, slots=True)
class Reply(Sequence[Completion]):
    """The completions of one `run.generate`, in sample order; its own fields speak of the first."""

    completions: tuple[Completion, ...]

    @property
    def text(self) -> str:
        return self.completions[0].text

    @property
    def reasoning(self) -> str:
        return self.completions[0].reasoning

    @property
    def id(self) -> str:
        return self.completions[0].id

    def __len__(self) -> int:
        return len(self.completions)

    def __iter__(self) -> Iterator[Completion]:
        return iter(self.completions)

    @overload
    def __getitem__(self, index: int) -> Completion: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Completion, ...]: ...
    def __getitem__(self, index: int | slice) -> Completion | tuple[Completion, ...]:
        return self.completions[index]
