"""From what a server returned to completions: text apart from reasoning, and tokens that sum exactly."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.errors import BadCompletion, ContentFiltered
from orchestrator.types import Completion, Expert, FinishReason, Price, Request, Response, Tokens, ToolCall

from .cached import cached_of
from .confidences import Likelihoods, likelihoods_of
from .fields import counted, field, needed
from .thoughts import CLOSE, split_thoughts

_FINISH: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "max_tokens": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "safety": "content_filter",
}
_BROKEN = frozenset({"abort", "error"})
"""Reasons of vLLM, SGLang and gateways for a text that did not come to its end: half of one counts as none."""


@dataclass(slots=True)
class Choice:
    """One choice of an answer."""

    text: str
    reasoning: str
    finish: FinishReason
    tool_calls: tuple[ToolCall, ...]
    likelihoods: Likelihoods
    place: int = -1
    """As the server numbered it; negative where it did not."""

    @property
    def empty(self) -> bool:
        """Nothing at all, though the cap did not cut it: hidden reasoning may have eaten a cap, that is no fault."""
        return not self.text.strip() and not self.tool_calls and self.finish in ("stop", "content_filter")

    @property
    def size(self) -> int:
        calls = sum(len(call.name) + len(call.arguments) for call in self.tool_calls)
        return len(self.text) + len(self.reasoning) + calls


def response_of(raw: Any, expert: Expert, batch: Sequence[Request], dropped: tuple[str, ...]) -> tuple[Response, int]:
    """The completions of an answer by the numbers of its choices, and how many choices it had.

    A sample whose choice is missing, or has no text, is asked for again, and no other takes its place; where a server
    gives more choices than were asked for, these do.

    Raises:
        BadCompletion: no choice, none that says anything, or not the shape of an answer.
        ContentFiltered: all that there is was withheld.
    """
    try:
        return _response(raw, expert, batch, dropped)
    except (AttributeError, KeyError, IndexError, TypeError, ValueError, OverflowError) as error:
        # Servers of other makers put anything into these places.
        why = f"{type(error).__name__}: {error}"
        raise BadCompletion(f"the body has not the shape of an answer ({why})", expert=expert.id) from None


def _response(raw: Any, expert: Expert, batch: Sequence[Request], dropped: tuple[str, ...]) -> tuple[Response, int]:
    choices = [_choice(c) for c in _ordered(field(raw, "choices") or ())]
    placed = _placed(choices, len(batch))
    if not placed:
        if any(choice.finish == "content_filter" for choice in choices):
            raise ContentFiltered("the provider withheld the answer (finish_reason content_filter)", expert=expert.id)
        what = "an empty text" if choices else "no choices"
        raise BadCompletion(f"the answer has {what}", expert=expert.id)
    bill, told = _bill(raw, choices, expert, batch[0])
    each = alone(bill, [choice.size for choice in placed.values()], expert.price, batch[0].sampling.max_tokens)
    model, fingerprint = str(field(raw, "model") or ""), str(field(raw, "system_fingerprint") or "")
    completions = tuple(
        _completion(choice, tokens, model, fingerprint, expert)
        for choice, tokens in zip(placed.values(), each, strict=True)
    )
    spoiled = min(len(choices), len(batch)) - len(placed)
    empty = tuple(c.place for c in choices if c.empty and c.place not in placed)
    return Response(completions, bill, dropped, spoiled, told, tuple(placed), empty), len(choices)


def _placed(choices: Sequence[Choice], asked: int) -> dict[int, Choice]:
    """Choices that say something, by the sample that each answers, in the order of these."""
    if len(choices) == asked == 1:
        return {} if choices[0].empty else {0: choices[0]}  # as most answers are: a tenth of the time
    places = [choice.place for choice in choices]
    if min(places, default=0) < 0 or len(set(places)) < len(places):
        for place, choice in enumerate(choices):
            choice.place = place
    good = [choice for choice in choices if not choice.empty]
    placed = {choice.place: choice for choice in good if choice.place < asked}
    free = (place for place in range(asked) if place not in placed)
    more = [choice for choice in good if choice.place >= asked]
    placed |= dict(zip(list(free), more, strict=False))
    return dict(sorted(placed.items()))


def _ordered(choices: Sequence[Any]) -> Sequence[Any]:
    return choices if len(choices) == 1 else sorted(choices, key=lambda choice: field(choice, "index") or 0)


def _completion(choice: Choice, tokens: Tokens, model: str, fingerprint: str, expert: Expert) -> Completion:
    return Completion(
        text=choice.text,
        reasoning=choice.reasoning,
        finish=choice.finish,
        tokens=tokens,
        model=model,
        fingerprint=fingerprint,
        tool_calls=choice.tool_calls,
        logprobs=choice.likelihoods.logprobs,
        expert=expert.id,
        confidences=choice.likelihoods.confidences,
        alternatives=choice.likelihoods.alternatives,
    )


def alone(bill: Tokens, sizes: Sequence[int], price: Price | None, most: int | None = None) -> list[Tokens]:
    """What each completion would have been billed had it been asked alone: the whole prompt, and its share by size.

    Nothing of a prompt that nobody has asked before is cached, so that the price is that of the whole. How much of it
    was is told all the same. With `most`, none was billed more tokens of reply than these, as far as all could have
    been: samples of one call may count on different caps, and that was set aside for each.
    """
    cached, written = bill.cached_prompt, bill.written_prompt
    if len(sizes) == 1 and not cached and not written:
        return [bill]
    completion = _capped(shared(bill.completion, sizes), most)
    reasoning = shared(bill.reasoning, completion)
    return [
        Tokens(bill.prompt, c, r, cached, price.of(bill.prompt, c) if price else 0.0, written)
        for c, r in zip(completion, reasoning, strict=True)
    ]


def shared(total: int, weights: Sequence[int]) -> list[int]:
    """A whole number split by weight into whole numbers that sum to it (largest remainder; earlier ones win ties)."""
    weights = weights if any(weights) else [1] * len(weights)
    sum_of_weights = sum(weights)
    parts = [total * weight // sum_of_weights for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(total * weights[i] % sum_of_weights), i))
    for i in by_remainder[: total - sum(parts)]:
        parts[i] += 1
    return parts


def _capped(parts: list[int], most: int | None) -> list[int]:
    """What some parts are above `most` goes to the others, if there is room for all of it."""
    if most is None or max(parts) <= most or sum(parts) > most * len(parts):
        return parts
    capped = [min(part, most) for part in parts]
    over = sum(parts) - sum(capped)
    for i, part in enumerate(capped):
        more = min(over, most - part)
        capped[i], over = part + more, over - more
    return capped


def estimated_tokens(texts: Iterable[str]) -> int:
    """Tokens where nobody counted them: UTF-8 bytes by four, rounded up."""
    return -(-sum(len(text.encode("utf-8", "surrogatepass")) for text in texts) // 4)


def _bill(raw: Any, choices: Sequence[Choice], expert: Expert, request: Request) -> tuple[Tokens, bool]:
    """What an answer cost, and whether the server told the tokens."""
    usage = field(raw, "usage")
    prompt, completion = counted(usage, "prompt_tokens"), counted(usage, "completion_tokens")
    told = prompt > 0 and completion > 0
    prompt = prompt or -(-request.size // 4)
    completion = completion or estimated_tokens(text for c in choices for text in (c.text, c.reasoning))
    reasoning = counted(field(usage, "completion_tokens_details"), "reasoning_tokens")
    if reasoning and counted(usage, "total_tokens") == prompt + completion + reasoning:
        completion += reasoning  # a server that counts hidden reasoning beside the completion, but bills both
    reasoning = min(completion, reasoning)
    prompt, cached, written = cached_of(raw, usage, prompt)
    usd = expert.price.of(prompt, completion, cached, written) if expert.price else 0.0
    return Tokens(prompt, completion, reasoning, cached, usd, written), told


def _choice(raw: Any) -> Choice:
    message = field(raw, "message")
    content, reasoning = _content(raw, message)
    text, thoughts = split_thoughts(content)
    if reasoning:
        text = text.strip()  # as where it stood in the text: whoever takes it out, server or library, leaves blanks
    reason = str(field(raw, "finish_reason") or "stop").lower()
    if reason in _BROKEN:
        text, reasoning, thoughts, message = "", "", "", None
    finish = _FINISH.get(reason, "stop")
    if not text and _refused(message):
        finish = "content_filter"
    spoken = "\n\n".join(part for part in (reasoning, thoughts) if part)
    known = likelihoods_of(field(raw, "logprobs"), text, (reasoning, CLOSE))
    return Choice(text, spoken, finish, _tool_calls(message), known, _place(raw))


def _place(raw: Any) -> int:
    index = field(raw, "index")
    return index if isinstance(index, int) else -1


def _content(raw: Any, message: Any) -> tuple[str, str]:
    """Text and separate reasoning of a chat or a text choice."""
    if message is None or field(raw, "text") is not None:
        return str(field(raw, "text") or ""), ""
    extra = field(message, "provider_specific_fields")
    fields = extra if isinstance(extra, dict) else {}
    for name in ("reasoning_content", "reasoning"):
        found = field(message, name) or fields.get(name)
        if isinstance(found, str) and found:
            return _text(field(message, "content")), found.strip()
    return _text(field(message, "content")), ""


def _text(content: object) -> str:
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return "" if content is None else str(content)


def _refused(message: Any) -> bool:
    extra = field(message, "provider_specific_fields")
    return bool(field(message, "refusal") or (isinstance(extra, dict) and extra.get("refusal")))


def _tool_calls(message: Any) -> tuple[ToolCall, ...]:
    calls = field(message, "tool_calls") or ()
    return tuple(
        ToolCall(str(needed(call, "id") or ""), str(needed(said, "name") or ""), str(needed(said, "arguments") or ""))
        for call in calls
        for said in (needed(call, "function"),)
    )
