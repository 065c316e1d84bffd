"""Texts, token counts and vectors: pure functions of a behaviour and a request."""

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from orchestrator.experts.simulated.mind import reply
from orchestrator.experts.simulated.people import PEOPLE
from orchestrator.types import Message

from .behaviour import Behaviour, Thinking, digest, unit

NO_CAP = 4096
"""Completion tokens at most where a request names no cap."""

_FILLER = (
    "first we note that each part can be taken on its own so the total follows from them and then "
    "checking once more shows nothing was left out because both sides agree after some rewriting while "
    "keeping track of every case in turn gives a clear picture"
)
_WORDS = tuple(re.findall(r"\w+", _FILLER))


@dataclass(frozen=True, slots=True)
class Sample:
    """One choice of an answer."""

    text: str
    finish: str = "stop"
    completion: int = 0
    """Billed tokens, hidden ones included: one visible word is one token."""
    hidden: int = 0
    thoughts: str = ""
    """Reasoning shown in a field of its own."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What of a request decides its answer."""

    model: str
    messages: Sequence[Mapping[str, Any]]
    seed: int | None = None
    cap: int | None = None
    stop: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return "\n".join(text_of(message) for message in self.messages)

    @property
    def prompt_tokens(self) -> int:
        return sum(len(text_of(message)) // 4 + 4 for message in self.messages)


def text_of(message: Mapping[str, Any]) -> str:
    """The text of a message, images apart."""
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text", "") for part in content)


def sample(behaviour: Behaviour, ask: Ask, index: int) -> Sample:
    """Choice `index` of the answer to `ask`."""
    key = (behaviour.seed, ask.model, list(ask.messages), ask.seed, index)
    cap = ask.cap if ask.cap is not None else NO_CAP
    hidden = _hidden(behaviour.reasoning, cap, *key) if behaviour.reasoning else 0
    if hidden >= cap:
        return Sample("", "length", cap, cap, _thoughts(behaviour, cap, *key))
    visible = _visible(_written(behaviour, ask, index, *key), ask.stop, cap - hidden)
    if behaviour.show_reasoning == "think":
        thoughts = f"<think>{_filler(hidden or 8, 'thought', *key)}</think>\n"
        return _visible(thoughts + visible.text, (), cap)
    return replace(
        visible, completion=visible.completion + hidden, hidden=hidden, thoughts=_thoughts(behaviour, hidden, *key)
    )


def _hidden(thinking: Thinking, cap: int, *key: object) -> int:
    draw = unit("think", *key)
    if draw < thinking.share * thinking.endless:
        return cap
    if draw < thinking.share:
        return min(cap, thinking.heavy)
    return min(cap, round(thinking.tokens * (0.5 + unit("thoughts", *key) / 2)))


def _thoughts(behaviour: Behaviour, words: int, *key: object) -> str:
    return _filler(words, "thought", *key) if behaviour.show_reasoning == "field" else ""


def _written(behaviour: Behaviour, ask: Ask, index: int, *key: object) -> str:
    for pattern, replies in behaviour.rules.items():
        if match := re.search(pattern, ask.text):
            told = replies if isinstance(replies, str) else replies[int(unit("reply", *key) * len(replies))]
            groups = {str(n): group or "" for n, group in enumerate(match.groups(), 1)}
            return _filled(told, {"i": str(index), "h": digest("h", *key).hex()[:8], **groups})
    if behaviour.simulated is not None:
        return _simulated(behaviour.simulated, ask, index)
    least, most = behaviour.words
    text = _filler(least + int(unit("length", *key) * (most - least + 1)), *key)
    if behaviour.answers:
        text += "\n" + behaviour.ending.replace("{answer}", _drawn(behaviour, ask, *key))
    return text


def _simulated(name: str, ask: Ask, index: int) -> str:
    messages = [Message.of(message) for message in ask.messages]
    return reply(PEOPLE[name], messages, f"{ask.seed}#{index}")


def _filled(reply: str, slots: Mapping[str, str]) -> str:
    return re.sub(r"\{(i|h|\d+)\}", lambda slot: slots.get(slot[1], slot[0]), reply)


def _drawn(behaviour: Behaviour, ask: Ask, *key: object) -> str:
    weights = dealt(behaviour, ask.messages)
    left = unit("answer", *key) * sum(weights.values())
    for answer, weight in weights.items():
        left -= weight
        if left < 0:
            return answer
    return next(iter(weights))


def dealt(behaviour: Behaviour, messages: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Answer -> weight for one conversation, the likeliest first; the same whatever the model."""
    if not behaviour.permute:
        return dict(sorted(behaviour.answers.items(), key=lambda item: -item[1]))
    order = sorted(behaviour.answers, key=lambda answer: unit("deal", behaviour.seed, list(messages), answer))
    return dict(zip(order, sorted(behaviour.answers.values(), reverse=True), strict=True))


def _filler(words: int, *key: object) -> str:
    start = int(unit("filler", *key) * len(_WORDS))
    return " ".join(_WORDS[(start + i * (1 + start % 3)) % len(_WORDS)] for i in range(words))


def _visible(text: str, stop: tuple[str, ...], cap: int) -> Sample:
    """The text up to a stop sequence and to the cap."""
    cuts = [at for end in stop if (at := text.find(end)) >= 0]
    text = text[: min(cuts)] if cuts else text
    words = list(re.finditer(r"\S+", text))
    if len(words) > cap:
        return Sample(text[: words[cap - 1].end()] if cap else "", "length", cap)
    return Sample(text, "stop", len(words))


def logprobs(text: str, alternatives: int) -> list[dict[str, Any]]:
    """The log-probabilities of a chat choice: one token a word, which is the likeliest of its alternatives."""
    return [_token(t, i, alternatives) for i, t in enumerate(re.findall(r"\s*\S+", text))]


def _token(token: str, place: int, alternatives: int) -> dict[str, Any]:
    first = -2.0 * unit("logprob", place, token)
    others = sorted((first - 1.0 - 8.0 * unit("other", place, token, i) for i in range(1, alternatives)), reverse=True)
    ranked = [(token, first), *((f"{token}{i}", other) for i, other in enumerate(others, 1))][:alternatives]
    told = [{"token": t, "logprob": p, "bytes": list(t.encode())} for t, p in ranked]
    return {"token": token, "logprob": first, "bytes": list(token.encode()), "top_logprobs": told}


def embedding(text: str, dimensions: int) -> list[float]:
    """A unit vector out of hashed words: texts that share words lie closer."""
    vector = [0.0] * dimensions
    for word in re.findall(r"\w+", text.lower()):
        vector[int(unit("slot", word) * dimensions)] += 1.0 if unit("sign", word) < 0.5 else -1.0
    norm = sum(x * x for x in vector) ** 0.5
    return [x / norm for x in vector] if norm else [1.0, *vector[1:]]


def packed(vector: Sequence[float]) -> str:
    """A vector as `encoding_format: base64` wants it."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
