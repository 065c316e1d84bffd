"""From a request to the fields of one call, as OpenAI's protocol has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

from orchestrator.errors import BadRequest
from orchestrator.types import Mark, Message, Request, Sampling

from .capabilities import CAPS, Capabilities
from .marking import marked


@dataclass(frozen=True, slots=True)
class Call:
    """What is sent, and what of the request is in it."""

    arguments: Mapping[str, object]
    sent: frozenset[str]
    """Names of settings in it; the cap under the name that it has there."""
    dropped: tuple[str, ...]
    """Settings that were asked for and are not in it, or under another name (`max_tokens=NAME`)."""
    choices: int
    alternatives: int = 0
    """Of how many other tokens, at each place, it asks for the log-probabilities."""


@dataclass(slots=True)
class _Draft:
    have: Capabilities
    arguments: dict[str, object] = field(default_factory=dict)
    sent: set[str] = field(default_factory=set)
    dropped: list[str] = field(default_factory=list)
    alternatives: int = 0

    def put(self, setting: str, value: object, name: str | None = None) -> None:
        """One setting of the request, where there is one and the server takes it."""
        if value is None or value == ():
            return
        if self.have.takes(setting):
            self.arguments[name or setting] = list(value) if isinstance(value, tuple) else value
            self.sent.add(setting)
        else:
            self.dropped.append(setting)


def call_for(batch: Sequence[Request], have: Capabilities, marks: Sequence[Mark] = ()) -> Call:
    """The call that asks for a batch of requests which differ only in their sample index.

    Args:
        marks: up to where the provider is asked to keep the conversation.
    """
    first, draft = batch[0], _Draft(have)
    _converse(first, draft, marks)
    _sample(first, draft)
    if len(batch) > 1:
        draft.arguments["n"] = len(batch)
        draft.sent.add("n")
    return Call(draft.arguments, frozenset(draft.sent), tuple(draft.dropped), len(batch), draft.alternatives)


def provider_seed(request: Request) -> int | None:
    """What the provider gets as a seed: 31 bits of a hash over the user's seed, the salt and the sample index."""
    if request.sampling.seed is None:
        return None
    text = f"{request.sampling.seed}\0{request.salt}\0{request.sample_index}"
    return int.from_bytes(blake2b(text.encode(), digest_size=4).digest(), "big") >> 1


def folded(messages: Sequence[Message]) -> tuple[Message, ...]:
    """The conversation with its system messages put before the first user message's text."""
    system = "\n\n".join(message.text for message in messages if message.role == "system")
    rest = [message for message in messages if message.role != "system"]
    for i, message in enumerate(rest):
        if message.role == "user":
            rest[i] = message.with_text(f"{system}\n\n{message.text}")
            return tuple(rest)
    return (Message("user", system), *rest)


def _converse(request: Request, draft: _Draft, marks: Sequence[Mark]) -> None:
    messages = request.messages
    if any(message.role == "system" for message in messages):
        if draft.have.takes("system"):
            draft.sent.add("system")
        else:
            messages, marks = folded(messages), ()
            draft.dropped.append("system")
    if request.sampling.mode == "completion":
        return _continue(request, messages, draft)
    told = [message.to_json() for message in messages]
    draft.arguments["messages"] = marked(told, marks) if marks else told
    if request.tools:
        draft.arguments["tools"] = [dict(tool) for tool in request.tools]
    if request.response_format is not None:
        draft.put("json_schema", dict(request.response_format), "response_format")


def _continue(request: Request, messages: Sequence[Message], draft: _Draft) -> None:
    """A plain text to go on with; there are no fields for more."""
    if request.tools:
        raise BadRequest('mode = "completion" has no tools; use mode = "chat"', expert=request.expert)
    draft.arguments["prompt"] = "\n\n".join(message.text for message in messages)
    if request.response_format is not None:
        draft.dropped.append("json_schema")


def _sample(request: Request, draft: _Draft) -> None:
    sampling = request.sampling
    for setting in ("temperature", "top_p", "stop"):
        draft.put(setting, getattr(sampling, setting))
    if sampling.mode == "chat":
        draft.put("reasoning_effort", sampling.reasoning_effort)
    elif sampling.reasoning_effort is not None:
        draft.dropped.append("reasoning_effort")
    draft.put("seed", provider_seed(request))
    if sampling.max_tokens is not None:
        name = CAPS[0] if sampling.mode == "completion" else draft.have.cap
        draft.arguments[name] = sampling.max_tokens
        draft.sent.add(name)
        if name != CAPS[0]:
            draft.dropped.append(f"{CAPS[0]}={name}")
    _ask_for_alternatives(sampling, draft)
    if sampling.extra_body:
        draft.arguments["extra_body"] = dict(sampling.extra_body)


def _ask_for_alternatives(sampling: Sampling, draft: _Draft) -> None:
    """Log-probabilities of each token and its alternatives, of as many of these as the server allows."""
    if sampling.top_logprobs is None:
        return
    asked = min(sampling.top_logprobs, draft.have.alternatives)
    draft.put("logprobs", asked if sampling.mode == "completion" else True)
    if "logprobs" not in draft.sent:
        return
    draft.alternatives = asked
    if sampling.mode == "chat" and asked:
        draft.arguments["top_logprobs"] = asked
    if asked < sampling.top_logprobs:
        draft.dropped.append(f"top_logprobs={asked}")


def first_only(batch: Sequence[Request], most: int | None) -> Sequence[Request]:
    """As many requests of a batch as one call may ask for; a seed belongs to one sample alone."""
    if batch[0].sampling.seed is not None:
        return batch[:1]
    return batch if most is None else batch[:most]
