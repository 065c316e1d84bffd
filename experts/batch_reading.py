"""What became of one request of a batch, read from the answer that its results hold."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from orchestrator.errors import BadRequest, ExpertError
from orchestrator.types import Asked, BatchResult, Expert, Message, Request, Tokens

from .cached import cached_of
from .capabilities import Capabilities
from .failures import Teller, answer_of
from .fields import counted, field
from .replies import response_of
from .wire import Call, call_for

_PROMPT = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
"""Anthropic's parts of a prompt, none of which counts what another does."""

Understanding = Callable[[Request, Call, Any], Any]
"""Turns a provider's answer to a request into OpenAI's form."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the results of one batch.

    Args:
        learns: what is known of the provider's settings; refusals are added.
        before: the same, as it was when the results came: every request was made by it.
        understand: may raise an `ExpertError`.
    """

    expert: Expert
    learns: Capabilities
    before: Capabilities
    tell: Teller
    understand: Understanding

    def good(self, key: bytes, body: Any, request: Request) -> BatchResult:
        """What an answer of success says."""
        call = call_for([request], self.before)
        try:
            response, _ = response_of(self.understand(request, call, body), self.expert, [request], call.dropped)
        except ExpertError as error:  # one that is none keeps nobody from those beside it
            return BatchResult(key, error=error, bill=self._spoiled(body))
        return BatchResult(key, response, bill=response.bill)

    def bad(self, key: bytes, status: int, said: object, asked: Asked) -> BatchResult:
        """What a failure says; a setting that was refused is left out the next time.

        Args:
            said: the body of the failure, as JSON.
        """
        refused = answer_of(status, json.dumps(said), {})
        error: ExpertError = self.tell.of_answer(refused)
        reshaped = False
        if refused.refusal is not None and type(error) is BadRequest and (request := asked.get(key)) is not None:
            sent = call_for([request], self.before)
            self.learns.learn(refused.refusal, sent.sent, 1, sent.alternatives)
            reshaped = call_for([request], self.learns) != sent
        return BatchResult(key, error=error, reshaped=reshaped)

    def _spoiled(self, body: Any) -> Tokens:
        """What an answer of no use is billed."""
        try:
            usage = field(body, "usage")
            prompt = counted(usage, "prompt_tokens") or sum(counted(usage, name) for name in _PROMPT)
            prompt, read, written = cached_of(body, usage, prompt)
            completion = counted(usage, "completion_tokens") or counted(usage, "output_tokens")
        except (AttributeError, TypeError, KeyError):
            return Tokens()
        price = self.expert.price
        usd = price.of(prompt, completion, read, written) if price else 0.0
        return Tokens(prompt, completion, 0, read, usd, written)


def as_it_is(request: Request, call: Call, body: Any) -> Any:
    """The answer of a provider that has OpenAI's form."""
    return body


def lines_of(data: bytes) -> Iterator[Any]:
    """The lines of results; one that is no JSON is passed over, and its request asked again."""
    for line in data.splitlines():
        try:
            yield json.loads(line)
        except (ValueError, RecursionError):
            continue


def any_request(expert: str, model: str) -> Request:
    """A request as good as any other, where only the way matters that it goes."""
    return Request(expert, model, (Message("user", "-"),))
