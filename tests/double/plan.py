"""From a request to what happens with it: everything but the sending."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from typing import Any, Literal

from .behaviour import Behaviour, digest, unit
from .caching import NOTHING, Kept
from .replies import Ask, Sample, embedding, logprobs, packed, sample
from .stats import Tally

How = Literal["whole", "slow", "half", "reset", "hang"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is sent, how, and what it counts as."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    how: How = "whole"
    delay: float = 0.0
    fault: str | None = None
    param: str | None = None
    """The parameter that a 400 names."""
    work: Tally = field(default_factory=Tally)
    spoiled: Tally = field(default_factory=Tally)
    """Generated too, but of no use even where the rest is good."""
    good: bool = False
    cut: int = 0
    prompt: str = ""
    """The text of the conversation."""
    numbers: tuple[int, ...] = ()
    """Numbers of the samples in their conversation, as far as they are good."""
    talk: str = ""
    """Name of the conversation, where its samples are numbered through."""
    first: float = 0.0
    """Seconds before its first token."""
    pieces: tuple[Any, ...] = ()
    """Of a streamed answer; the first goes out with the first token."""
    warms: tuple[bytes, ...] = ()
    """What is in the cache from its first token on."""


def refusal(status: int, message: str, code: str | None, param: str | None = None) -> Plan:
    """An error in OpenAI's form."""
    kind = "invalid_request_error" if status < 429 else "server_error" if status >= 500 else "requests"
    error = {"message": message, "type": kind, "param": param, "code": code}
    return Plan(status, {"error": error}, param=param)


def denied(behaviour: Behaviour, authorization: str) -> Plan | None:
    """401, where a key is asked for and another one, or none, was sent."""
    key = authorization.removeprefix("Bearer ")
    if behaviour.api_key is None or key == behaviour.api_key:
        return None
    shown = f": {key}" if behaviour.echo_key else ""
    return refusal(401, f"Incorrect API key provided{shown}. Check the key in your settings.", "invalid_api_key")


def wanted(body: Any) -> int:
    """Samples that a body asks for."""
    n = body.get("n") if isinstance(body, dict) else None
    return n if isinstance(n, int) and n > 0 else 1


def unknown(model: str) -> Plan:
    return refusal(404, f"The model '{model}' does not exist or you do not have access to it.", "model_not_found")


def invalid(behaviour: Behaviour, path: str, body: Mapping[str, Any], ask: Ask) -> Plan | None:
    """400, where the request asks for what this server does not do."""
    if path.endswith("/v1/completions") and len(ask.messages) > 1:
        return refusal(400, "One prompt a request, please.", "invalid_value", "prompt")
    for param in sorted(behaviour.rejects):
        if plan := _rejected(param, body, ask):
            return plan
    if (n := body.get("n") or 1) > (behaviour.max_n or math.inf) and behaviour.over_n == "reject":
        return refusal(400, f"Invalid value: 'n' must be at most {behaviour.max_n}, got {n}.", "invalid_value", "n")
    told = _alternatives(body, path.endswith("/chat/completions"))
    if told is not None and told > (most := behaviour.max_alternatives):
        text = f"Invalid value for 'top_logprobs': expected a value <= {most}, but got {told} instead."
        return refusal(400, text, "invalid_value", "top_logprobs")
    wanted = ask.prompt_tokens + (ask.cap or 0)
    if behaviour.context is not None and wanted > behaviour.context:
        field_name = "messages" if path.endswith("/chat/completions") else "prompt"
        return refusal(
            400,
            f"This model's maximum context length is {behaviour.context} tokens. However, you requested {wanted} "
            f"tokens ({ask.prompt_tokens} in the {field_name}, {ask.cap or 0} in the completion).",
            "context_length_exceeded",
            field_name,
        )
    return None


def _rejected(param: str, body: Mapping[str, Any], ask: Ask) -> Plan | None:
    if param == "system":
        if any(message.get("role") == "system" for message in ask.messages):
            text = "Unsupported value: 'messages[0].role' does not support 'system' with this model."
            return refusal(400, text, "unsupported_value", "messages[0].role")
        return None
    value = body.get(param)
    if value is None or (param in ("temperature", "top_p", "n") and value == 1):
        return None
    if param in ("temperature", "top_p", "n"):
        text = f"Unsupported value: '{param}' does not support {value} with this model. "
        text += "Only the default (1) value is supported."
        return refusal(400, text, "unsupported_value", param)
    text = f"Unsupported parameter: '{param}' is not supported with this model."
    if param == "max_tokens":
        text += " Use 'max_completion_tokens' instead."
    return refusal(400, text, "unsupported_parameter", param)


def limited(behaviour: Behaviour, kind: str, wait: float) -> Plan:
    """429 in one of its dialects."""
    headers = {
        "429": {"retry-after": f"{wait:g}"},
        "429-ms": {"retry-after-ms": f"{wait * 1000:g}"},
        "429-date": {"retry-after": formatdate(time.time() + wait, usegmt=True)},
    }.get(kind, {})
    plan = refusal(429, "Rate limit reached for requests. Please try again later.", "rate_limit_exceeded")
    return Plan(429, plan.body, headers)


def faulty(behaviour: Behaviour, kind: str, answer: Plan, body_hash: str) -> Plan:
    """What becomes of `answer` under a fault. 500 and 503 generate nothing; a gateway's 502 and 504 lost an answer."""
    if kind.startswith("429"):
        return replace(limited(behaviour, kind, behaviour.retry_after), fault=kind)
    if kind.isdigit():
        status = int(kind)
        plan = refusal(status, "The server had an error while processing your request.", None)
        work = answer.work if status in (502, 504) else Tally()
        return replace(plan, fault=kind, delay=answer.delay, work=work, prompt=answer.prompt)
    how: dict[str, How] = {"reset": "reset", "hang": "hang", "truncated": "half", "slow": "slow"}
    body = answer.body
    if kind == "invalid_json":
        whole = json.dumps(body)
        body = whole[: len(whole) // 2]
    elif kind == "wrong_shape":
        body = {**body, "choices": []} if unit("shape", body_hash) < 0.5 else {"detail": "no answer could be produced"}
    elif kind == "empty":
        body = {**body, "choices": [_emptied(choice) for choice in body.get("choices", ())]}
    elif kind == "one_empty" and len(choices := body.get("choices", ())) > 1:
        body = {**body, "choices": [*choices[:-1], _emptied(choices[-1])]}
        return _without_last(replace(answer, body=body, pieces=(), fault=kind))
    elif kind == "one_empty":
        return faulty(behaviour, "empty", answer, body_hash)
    pieces = answer.pieces if body is answer.body else ()
    return replace(answer, body=body, pieces=pieces, how=how.get(kind, "whole"), fault=kind, good=kind == "slow")


def _without_last(plan: Plan) -> Plan:
    """Counts the last sample as spoiled."""
    size = plan.work.completion // plan.work.samples
    last = Tally(1, 0, size, min(size, plan.work.reasoning // plan.work.samples))
    rest = Tally(
        plan.work.samples - 1, plan.work.prompt, plan.work.completion - size, plan.work.reasoning - last.reasoning
    )
    return replace(plan, work=rest, spoiled=last, numbers=plan.numbers[:-1], cut=min(plan.cut, rest.samples))


def _emptied(choice: Mapping[str, Any]) -> dict[str, Any]:
    emptied = dict(choice)
    if "text" in emptied:
        emptied["text"] = ""
    else:
        emptied["message"] = {"role": "assistant", "content": ""}
    return emptied


def asked(path: str, body: Mapping[str, Any]) -> Ask:
    """What a chat or completion body asks."""
    if path.endswith("/chat/completions"):
        messages = [_flat(message) for message in body.get("messages") or []]
    else:
        prompt = body.get("prompt") or body.get("input") or ""
        messages = [{"role": "user", "content": text} for text in ([prompt] if isinstance(prompt, str) else prompt)]
    stop = body.get("stop") or ()
    cap = body.get("max_completion_tokens")
    return Ask(
        str(body.get("model", "")),
        messages,
        body.get("seed"),
        cap if cap is not None else body.get("max_tokens"),
        (stop,) if isinstance(stop, str) else tuple(stop),
    )


def _flat(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """The message with a text that came in pieces in one: to a model it is the same."""
    content = message.get("content")
    if not isinstance(content, list) or any(part.get("type") != "text" for part in content):
        return message
    return {**message, "content": "".join(part["text"] for part in content)}


def answered(
    behaviour: Behaviour, path: str, body: Mapping[str, Any], ask: Ask, numbers: Sequence[int], kept: Kept = NOTHING
) -> Plan:
    """The good answer; `numbers` are those of its samples, `kept` what the cache does for it."""
    if path.endswith("/embeddings"):
        return _embedded(behaviour, body, ask)
    samples = [sample(behaviour, ask, number) for number in numbers]
    work = Tally(
        len(samples), ask.prompt_tokens, sum(s.completion for s in samples), sum(s.hidden for s in samples),
        kept.cached, kept.written,
    )  # fmt: skip
    chat = path.endswith("/chat/completions")
    choice = _chat_choice if chat else _text_choice
    reply = {
        "id": f"{'chatcmpl' if chat else 'cmpl'}-{digest(body).hex()}",
        "object": "chat.completion" if chat else "text_completion",
        "created": 0,
        "model": ask.model,
        "system_fingerprint": "fp_double",
        "choices": [choice(s, i, _alternatives(body, chat)) for i, s in enumerate(samples)],
        "usage": _usage(work),
    }
    cut = sum(s.finish == "length" for s in samples)
    return Plan(
        200, reply, work=work, good=True, cut=cut, prompt=ask.text, numbers=tuple(numbers), warms=kept.warms,
        first=behaviour.first_token,
    )  # fmt: skip


def _alternatives(body: Mapping[str, Any], chat: bool) -> int | None:
    """How many are asked for of each token; `None` where no log-probabilities are."""
    if not body.get("logprobs"):
        return None
    return int(body.get("top_logprobs") or 0) if chat else int(body["logprobs"])


def _chat_choice(sample: Sample, index: int, alternatives: int | None) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": sample.text}
    if sample.thoughts:
        message["reasoning_content"] = sample.thoughts
    given = None if alternatives is None else {"content": logprobs(sample.text, alternatives)}
    return {"index": index, "message": message, "finish_reason": sample.finish, "logprobs": given}


def _text_choice(sample: Sample, index: int, alternatives: int | None) -> dict[str, Any]:
    given = None
    if alternatives is not None:
        content = logprobs(sample.text, alternatives)
        given = {
            "tokens": [t["token"] for t in content],
            "token_logprobs": [t["logprob"] for t in content],
            "top_logprobs": [{o["token"]: o["logprob"] for o in t["top_logprobs"]} for t in content],
        }
    return {"index": index, "text": sample.text, "finish_reason": sample.finish, "logprobs": given}


def _usage(work: Tally) -> dict[str, Any]:
    usage: dict[str, Any] = {
        "prompt_tokens": work.prompt,
        "completion_tokens": work.completion,
        "total_tokens": work.tokens,
    }
    if work.reasoning:
        usage["completion_tokens_details"] = {"reasoning_tokens": work.reasoning}
    if work.cached or work.written:
        usage["prompt_tokens_details"] = {"cached_tokens": work.cached, "cache_write_tokens": work.written}
    return usage


def _embedded(behaviour: Behaviour, body: Mapping[str, Any], ask: Ask) -> Plan:
    texts: Sequence[str] = [message["content"] for message in ask.messages]
    vectors = [embedding(text, body.get("dimensions") or behaviour.embed_dim) for text in texts]
    form = packed if body.get("encoding_format") == "base64" else list
    data = [{"object": "embedding", "index": i, "embedding": form(v)} for i, v in enumerate(vectors)]
    work = Tally(len(texts), sum(len(text) // 4 + 1 for text in texts))
    usage = {"prompt_tokens": work.prompt, "total_tokens": work.prompt}
    return Plan(200, {"object": "list", "model": ask.model, "data": data, "usage": usage}, work=work, good=True)
