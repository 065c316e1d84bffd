"""The form in which Ollama is asked: its own protocol, for the compatible one ignores `num_ctx` and thinking."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from orchestrator.errors import BadRequest
from orchestrator.types import Expert, Request, Response

from .compatible import ended_by_window
from .embedding import texts_of
from .failures import Answer
from .ollama_pieces import OllamaPieces
from .pieces import Pieces
from .wire import Call

_OPTIONS = {
    "temperature": "temperature",
    "top_p": "top_p",
    "seed": "seed",
    "stop": "stop",
    "max_tokens": "num_predict",
    "max_completion_tokens": "num_predict",
}
"""Our names of settings, and Ollama's among its `options`."""
_OUTSIDE = frozenset(
    {
        "dimensions", "format", "images", "keep_alive", "raw", "shift", "suffix", "system", "template", "think",
        "truncate",
    }
)  # fmt: skip
"""Fields of the user's that stand beside `options`; all others are options, such as `num_ctx` or `top_k`."""
_EFFORTS: Mapping[str, bool | str] = {
    "none": False,
    "off": False,
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "high",
}


class Ollama:
    """Ollama's own protocol.

    Neither the prompt nor what was generated may be cut silently: `truncate` and `shift` are off, which older versions
    ignore.
    """

    def __init__(self, model: str, expert: Expert) -> None:
        self._model, self._expert = model, expert
        self._levels = True
        """Whether the model is thought to know how hard to think; most only know whether to."""

    def ask(self, request: Request, call: Call) -> tuple[str, dict[str, Any]]:
        """Path and body of a call."""
        given: dict[str, Any] = dict(call.arguments)
        body: dict[str, Any] = {"model": self._model, "stream": False, "truncate": False, "shift": False}
        options = {_OPTIONS[name]: given.pop(name) for name in _OPTIONS if name in given}
        if (effort := given.pop("reasoning_effort", None)) is not None:
            body["think"] = self._thinking(str(effort))
        if (form := _format(given.pop("response_format", None))) is not None:
            body["format"] = form
        if "logprobs" in given:
            body |= {"logprobs": True, "top_logprobs": given.get("top_logprobs") or _whole(given["logprobs"])}
        self._extend(body, options, given.get("extra_body", {}))
        if request.sampling.mode == "completion":
            return "api/generate", body | {"prompt": given["prompt"], "raw": True}
        body["messages"] = [self._message(message) for message in given["messages"]]
        if "tools" in given:
            body["tools"] = given["tools"]
        return "api/chat", body

    def mendable(self, request: Request) -> bool:
        """Whether an answer that comes in pieces can be put together again."""
        return True

    def pieces(self, request: Request, call: Call) -> Pieces:
        """What puts one together."""
        return OllamaPieces()

    def embed(self, request: Request) -> tuple[str, dict[str, Any]]:
        """Path and body of a request for embeddings."""
        fields = texts_of(request)
        body: dict[str, Any] = {"model": self._model, "input": fields.pop("input")}
        self._extend(body, {}, fields)
        return "api/embed", body

    def read(self, request: Request, raw: Any) -> Any:
        """The body of an answer as OpenAI's servers would write it."""
        if not isinstance(raw, dict):
            return raw
        usage = {"prompt_tokens": raw.get("prompt_eval_count"), "completion_tokens": raw.get("eval_count")}
        told = {"model": raw.get("model"), "usage": usage}
        match request.sampling.mode:
            case "embedding":
                rows = [{"index": i, "embedding": vector} for i, vector in enumerate(raw["embeddings"])]
                return {**told, "data": rows}
            case "completion":
                message = {"content": raw.get("response"), "reasoning": raw.get("thinking")}
            case _:
                message = _read_message(raw.get("message"))
        if not any(message.values()) and "done_reason" not in raw and "done" not in raw:
            return told  # it is no answer at all
        finish = "tool_calls" if message.get("tool_calls") else raw.get("done_reason")
        choice = {"message": message, "finish_reason": finish, "logprobs": {"content": raw.get("logprobs")}}
        return {**told, "choices": [choice]}

    def said(self, answer: Answer) -> Answer:
        """A refusal in the words that `Capabilities` understands."""
        if "support thinking" in answer.message or "think value" in answer.message:
            return replace(answer, param="reasoning_effort", code="unsupported_parameter")
        return answer

    def mended(self, body: dict[str, Any], answer: Answer) -> dict[str, Any] | None:
        """The body without what the model turned out not to know; `None` where there is nothing to mend."""
        if answer.status != 400 or "think value" not in answer.message or not isinstance(body.get("think"), str):
            return None
        self._levels = False
        return {**body, "think": True}

    def cut(self, request: Request, response: Response) -> str:
        """How the context window ended or overran a reply, in words; empty where it did not.

        Where the window is not known, a reply that ended for its length below its cap tells.
        """
        (reply,) = response.completions
        prompt, completion, cap = response.bill.prompt, response.bill.completion, request.sampling.max_tokens
        window = self._window(request)
        full = window is not None and prompt + completion >= window
        if not full and (reply.finish != "length" or cap is None or completion >= cap):
            return ""
        advice = "; set a larger `context` in its pool entry, which is sent as num_ctx"
        return ended_by_window(window, prompt, completion) + advice

    def _window(self, request: Request) -> int | None:
        """Tokens of prompt and completion together; `None`: as the server has it, which it does not tell."""
        extra = request.sampling.extra_body
        inner = extra.get("options")
        asked = extra.get("num_ctx", inner.get("num_ctx") if isinstance(inner, Mapping) else None)
        return asked if isinstance(asked, int) else self._expert.context

    def _thinking(self, effort: str) -> bool | str:
        level = _EFFORTS.get(effort.lower(), True)
        return bool(level) if not self._levels else level

    def _extend(self, body: dict[str, Any], options: dict[str, Any], extra: Mapping[str, Any]) -> None:
        if self._expert.context is not None:
            options["num_ctx"] = self._expert.context
        for name, value in extra.items():
            if name == "options" and isinstance(value, Mapping):
                options |= value
            elif name in _OUTSIDE:
                body[name] = value
            else:
                options[name] = value
        if options:
            body["options"] = options

    def _message(self, message: Mapping[str, Any]) -> dict[str, Any]:
        content: str | list[Any] = message["content"]
        parts: list[Any] = [{"type": "text", "text": content}] if isinstance(content, str) else content
        told: dict[str, Any] = {
            "role": message["role"],
            "content": "\n".join(part["text"] for part in parts if part["type"] == "text"),
        }
        if images := [self._image(part["image_url"]["url"]) for part in parts if part["type"] == "image_url"]:
            told["images"] = images
        if calls := message.get("tool_calls"):
            told["tool_calls"] = [self._tool_call(call) for call in calls]
        if message.get("tool_call_id"):
            told["tool_call_id"] = message["tool_call_id"]
        return told

    def _image(self, url: str) -> str:
        head, comma, data = url.partition(",")
        if not comma or not (head.startswith("data:") and head.endswith(";base64")):
            raise BadRequest(
                "Ollama takes images as data, not as addresses; write data:image/png;base64,...",
                expert=self._expert.id,
            )
        return data

    def _tool_call(self, call: Mapping[str, Any]) -> dict[str, Any]:
        said = call["function"]
        try:
            arguments = json.loads(said["arguments"] or "{}")
        except ValueError:
            arguments = None
        if not isinstance(arguments, dict):
            raise BadRequest(
                f"Ollama takes arguments of tools as JSON objects; those of {said['name']} are none",
                expert=self._expert.id,
            )
        return {"id": call["id"], "function": {"name": said["name"], "arguments": arguments}}


def _format(wanted: Mapping[str, Any] | None) -> Any:
    match wanted:
        case {"type": "json_schema", "json_schema": {"schema": schema}}:
            return schema
        case {"type": "json_object" | "json_schema"}:
            return "json"
    return None


def _read_message(message: Any) -> dict[str, Any]:
    if not isinstance(message, dict):
        return {}
    calls = message.get("tool_calls") or ()
    return {
        "content": message.get("content"),
        "reasoning": message.get("thinking"),
        "tool_calls": [_read_call(call, i) for i, call in enumerate(calls)],
    }


def _read_call(call: Any, number: int) -> dict[str, Any]:
    said = call["function"]
    arguments = said.get("arguments")
    written = arguments if isinstance(arguments, str) else json.dumps(arguments or {}, ensure_ascii=False)
    return {"id": call.get("id") or f"call_{number}", "function": {"name": said["name"], "arguments": written}}


def _whole(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
