"""Serves experts by the batch endpoint of their provider, in OpenAI's form: a file of requests, and a file of answers.

Nothing heavy is imported before the first batch.
"""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from orchestrator.errors import BadCompletion, BadRequest, ContentFiltered, ExpertError, ExpertTimeout
from orchestrator.protocols import BatchBackend
from orchestrator.types import Asked, BatchResult, BatchStanding, Expert, Request, Tokens

from .capabilities import Capabilities
from .clients import client_of
from .failures import Teller, answer_of
from .fields import counted, field
from .replies import response_of
from .wire import call_for

TOKEN = "orchestrator_token"
"""Name in a batch's metadata under which its token stands."""
_ENDED = frozenset({"completed", "failed", "expired", "cancelled"})
_UNTOUCHED = frozenset({"batch_expired", "batch_cancelled"})
"""Codes of requests that a provider did not get to; they are not billed."""
_PAGES = 50
"""Pages of a provider's list that are looked through for a batch, at the most."""
_PATHS = {"chat": "/v1/chat/completions", "completion": "/v1/completions"}


def batch_backend(expert: Expert) -> BatchBackend:
    """How batches of an expert are sent; costs nothing until the first.

    Args:
        expert: at the price of its batches.
    """
    return ProviderBatches(expert)


class Endpoint(Protocol):
    """A provider's files and batches; every answer as JSON."""

    tell: Teller
    model: str
    """As the provider knows it."""

    def look_up(self, capabilities: Capabilities) -> None:
        """Takes over what is known of the provider's request fields."""
        ...

    async def upload(self, name: str, data: bytes) -> str: ...

    async def create(self, file: str, path: str, window: str, metadata: Mapping[str, str]) -> Mapping[str, Any]: ...

    async def retrieve(self, id_: str) -> Mapping[str, Any]: ...

    async def page(self, after: str | None) -> Mapping[str, Any]: ...

    async def content(self, file: str) -> bytes: ...

    async def cancel(self, id_: str) -> None: ...

    def classify(self, error: Exception) -> ExpertError: ...

    async def aclose(self) -> None: ...


class ProviderBatches:
    """Batches of one expert."""

    finds = True

    def __init__(self, expert: Expert) -> None:
        self.expert = expert
        self.capabilities = Capabilities(dict(expert.capabilities))
        self._endpoint: Endpoint | None = None

    def line(self, request: Request) -> bytes:
        call = call_for([request], self.capabilities)
        body: dict[str, Any] = {"model": self._model, **call.arguments}
        body |= body.pop("extra_body", {})
        path = _PATHS[request.sampling.mode]
        whole = {"custom_id": request.key.hex(), "method": "POST", "url": path, "body": body}
        try:
            return json.dumps(whole, ensure_ascii=False).encode()
        except UnicodeEncodeError:  # half of a surrogate pair, which only an escape can write
            return json.dumps(whole).encode()
        except (TypeError, ValueError) as error:
            raise BadRequest(f"the request cannot be written as JSON: {error}", expert=self.expert.id) from None

    async def submit(self, lines: Sequence[bytes], mode: str, token: str) -> str:
        endpoint, terms = await self._ready(), self.expert.batch
        assert terms is not None
        data = b"\n".join(lines) + b"\n"
        try:
            async with self._in_time():
                file = await endpoint.upload(f"{token}.jsonl", data)
        except Exception as error:
            # Nothing is worked off before there is a batch, so this has cost nothing.
            raise _refunded(self._failure(endpoint, error)) from None
        try:
            async with self._in_time():
                made = await endpoint.create(file, _PATHS[mode], terms.window, {TOKEN: token})
        except Exception as error:
            raise self._failure(endpoint, error) from None
        return self._named(made)

    async def find(self, token: str) -> str | None:
        endpoint, after = await self._ready(), None
        for _ in range(_PAGES):
            page = await self._asked(endpoint, endpoint.page(after))
            batches = list(field(page, "data") or ())
            for batch in batches:
                if field(field(batch, "metadata") or {}, TOKEN) == token:
                    return self._named(batch)
            if not batches or not field(page, "has_more"):
                return None
            after = self._named(batches[-1])
        raise BadCompletion("its list of batches does not end", expert=self.expert.id)

    async def look(self, id_: str) -> BatchStanding:
        endpoint = await self._ready()
        raw = await self._asked(endpoint, endpoint.retrieve(id_))
        try:
            return standing_of(raw)
        except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
            # Servers of other makers put anything into these places.
            why = f"what it says of a batch has not the shape of an answer ({type(error).__name__}: {error})"
            raise BadCompletion(why, expert=self.expert.id) from None

    async def results(self, standing: BatchStanding, asked: Asked) -> Sequence[BatchResult]:
        endpoint = await self._ready()
        raw = [await self._asked(endpoint, endpoint.content(file)) for file in standing.files]
        lines = await asyncio.to_thread(lambda: [line for data in raw for line in _lines(data)])
        before = copy.deepcopy(self.capabilities)
        results = []
        for number, line in enumerate(lines):
            if number % 64 == 63:
                await asyncio.sleep(0)  # everything else goes on meanwhile
            if (result := self._result(endpoint, line, asked, before)) is not None:
                results.append(result)
        return results

    async def cancel(self, id_: str) -> None:
        endpoint = await self._ready()
        await self._asked(endpoint, endpoint.cancel(id_))

    async def aclose(self) -> None:
        if self._endpoint is not None:
            await self._endpoint.aclose()
            self._endpoint = None

    # -- the way ------------------------------------------------------------------------

    @property
    def _model(self) -> str:
        if self._endpoint is None:
            self._endpoint = self._opened()
        return self._endpoint.model

    async def _ready(self) -> Endpoint:
        if self._endpoint is None:
            self._endpoint = await asyncio.to_thread(self._opened)
        return self._endpoint

    def _opened(self) -> Endpoint:
        """The way to the provider; opens no connection yet, but imports what it needs."""
        if client_of(self.expert) == "direct":
            from .batch_direct import DirectEndpoint

            endpoint: Endpoint = DirectEndpoint(self.expert)
        else:
            from .batch_litellm import LiteLLMEndpoint, provider_of
            from .batch_openai import OpenAIEndpoint

            openai = provider_of(self.expert) == "openai"
            endpoint = OpenAIEndpoint(self.expert) if openai else LiteLLMEndpoint(self.expert)
        endpoint.look_up(self.capabilities)
        return endpoint

    async def _asked(self, endpoint: Endpoint, work: Any) -> Any:
        try:
            async with self._in_time():
                return await work
        except Exception as error:
            raise self._failure(endpoint, error) from None

    def _named(self, batch: Any) -> str:
        """The provider's name of a batch."""
        if not (name := field(batch, "id")):
            raise BadCompletion("it does not say what a batch is called", expert=self.expert.id)
        return str(name)

    def _in_time(self) -> asyncio.Timeout:
        return asyncio.timeout(self.expert.timeout)

    def _failure(self, endpoint: Endpoint, error: Exception) -> ExpertError:
        if isinstance(error, ExpertError):
            return error
        if isinstance(error, TimeoutError):
            return ExpertTimeout(f"no answer in {self.expert.timeout:g} s", expert=self.expert.id)
        return endpoint.classify(error)

    # -- results ------------------------------------------------------------------------

    def _result(self, endpoint: Endpoint, line: Any, asked: Asked, before: Capabilities) -> BatchResult | None:
        """What one line of a result file says; `None` where it speaks of nothing of ours, or of nothing done."""
        key = _key(line)
        if key is None or str(field(field(line, "error") or {}, "code") or "") in _UNTOUCHED:
            return None
        request = asked.get(key) or Request(self.expert.id, self.expert.model, ())
        answer = field(line, "response") or {}
        status, body = field(answer, "status_code"), field(answer, "body")
        if status == 200:
            return self._good(key, body, request, before)
        said = json.dumps(body if status else {"error": field(line, "error")})
        refused = answer_of(status if isinstance(status, int) else 500, said, {})
        error = endpoint.tell.of_answer(refused)
        reshaped = False
        if refused.refusal is not None and type(error) is BadRequest and key in asked:
            sent = call_for([request], before)
            self.capabilities.learn(refused.refusal, sent.sent, 1, sent.alternatives)
            reshaped = call_for([request], self.capabilities) != sent
        return BatchResult(key, error=error, reshaped=reshaped)

    def _good(self, key: bytes, body: Any, request: Request, before: Capabilities) -> BatchResult:
        try:
            response, _ = response_of(body, self.expert, [request], call_for([request], before).dropped)
        except (BadCompletion, ContentFiltered) as error:
            return BatchResult(key, error=error, bill=self._spoiled(body))
        return BatchResult(key, response, bill=response.bill)

    def _spoiled(self, body: Any) -> Tokens:
        """What an answer of no use is billed."""
        try:
            usage = field(body, "usage")
            prompt, completion = counted(usage, "prompt_tokens"), counted(usage, "completion_tokens")
        except (AttributeError, TypeError, KeyError):
            return Tokens()
        price = self.expert.price
        return Tokens(prompt, completion, usd=price.of(prompt, completion) if price else 0.0)


def standing_of(raw: Mapping[str, Any]) -> BatchStanding:
    """How a batch stands, from what a provider says of it."""
    state, counts = str(field(raw, "status") or ""), field(raw, "request_counts") or {}
    errors = field(field(raw, "errors") or {}, "data") or ()
    first = errors[0] if errors else {}
    files = (field(raw, "output_file_id"), field(raw, "error_file_id"))
    return BatchStanding(
        id=str(raw["id"]),
        state=state,
        ended=state in _ENDED,
        done=sum(int(field(counts, name) or 0) for name in ("completed", "failed")),
        reason=" ".join(str(field(first, "message") or "").split())[:200],
        full="token_limit" in str(field(first, "code") or ""),
        files=tuple(str(file) for file in files if file),
    )


def _refunded(error: ExpertError) -> ExpertError:
    """The same as one after which nothing was generated."""
    from orchestrator.errors import ServerBusy

    if error.refunded or not error.retried:
        return error
    return ServerBusy(error.message, expert=error.expert, retry_after=error.retry_after)


def _lines(data: bytes) -> Iterator[Any]:
    """The lines of a file of results; one that is no JSON is passed over, and its request asked again."""
    for line in data.splitlines():
        try:
            yield json.loads(line)
        except (ValueError, RecursionError):
            continue


def _key(line: Any) -> bytes | None:
    try:
        return bytes.fromhex(str(field(line, "custom_id")))
    except (ValueError, AttributeError, TypeError):
        return None


def unsupported(expert: Expert) -> str:
    """Why an expert cannot be asked by batch, in words; empty where it can."""
    from .batch_litellm import PROVIDERS, provider_of
    from .clients import OLLAMA

    if not expert.networked:
        return "it is no model behind a server"
    if expert.model.partition("/")[0] in OLLAMA:
        return "Ollama takes no batches"
    if expert.resident_group is not None:
        return "it shares memory with others"
    if client_of(expert) == "direct":
        return ""
    provider = provider_of(expert)
    if provider in PROVIDERS:
        return ""
    return f"batches of {provider or 'its provider'} are not to be had this way (those of {', '.join(PROVIDERS)} are)"


__all__ = ["TOKEN", "Endpoint", "ProviderBatches", "batch_backend", "standing_of", "unsupported"]
