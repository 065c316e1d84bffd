"""The form in which servers that speak OpenAI's protocol are asked."""

from __future__ import annotations

from typing import Any

from orchestrator.types import Expert, Request, Response

from .embedding import texts_of
from .failures import Answer
from .pieces import OpenAIPieces, Pieces, mendable
from .wire import Call


class Compatible:
    """OpenAI's protocol: vLLM, SGLang, llama.cpp, LM Studio, gateways."""

    def __init__(self, model: str, expert: Expert) -> None:
        self._model, self._window = model, expert.context

    def ask(self, request: Request, call: Call) -> tuple[str, dict[str, Any]]:
        """Path and body of a call."""
        body: dict[str, Any] = {"model": self._model, **call.arguments}
        body |= body.pop("extra_body", {})
        return "completions" if request.sampling.mode == "completion" else "chat/completions", body

    def mendable(self, request: Request) -> bool:
        """Whether an answer that comes in pieces can be put together again."""
        return mendable(request.sampling.extra_body)

    def pieces(self, request: Request, call: Call) -> Pieces:
        """What puts one together."""
        return OpenAIPieces(call.choices)

    def embed(self, request: Request) -> tuple[str, dict[str, Any]]:
        """Path and body of a request for embeddings."""
        return "embeddings", {"model": self._model, **texts_of(request)}

    def read(self, request: Request, raw: Any) -> Any:
        """The body of an answer as OpenAI's servers write it."""
        return raw

    def said(self, answer: Answer) -> Answer:
        """A refusal in the words that `Capabilities` understands."""
        return answer

    def mended(self, body: dict[str, Any], answer: Answer) -> dict[str, Any] | None:
        """Nothing: whatever is refused is left out."""
        return None

    def cut(self, request: Request, response: Response) -> str:
        """How the context window ended every reply of an answer, in words; empty where it did not."""
        if self._window is None or any(reply.finish != "length" for reply in response.completions):
            return ""
        prompt, completion = response.bill.prompt, max(reply.tokens.completion for reply in response.completions)
        if prompt + completion < self._window:
            return ""
        return ended_by_window(self._window, prompt, completion)


def ended_by_window(window: int | None, prompt: int, completion: int) -> str:
    """What to tell of a reply that the context window ended."""
    whose = "the server's context window" if window is None else f"the context window of {window} tokens"
    return f"{whose} ended the reply: {prompt} tokens of prompt and {completion} of reply"
