"""Serves experts by the batch endpoint of their provider; here in OpenAI's form: a file of requests, one of answers.

Nothing heavy is imported before the first batch.
"""

from __future__ import annotations

import asyncio
import copy
import json
import threading
from collections.abc import Awaitable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from orchestrator.errors import BadCompletion, BadRequest, ExpertError
from orchestrator.protocols import BatchBackend
from orchestrator.types import Asked, BatchResult, BatchStanding, Expert, Request

from .batch_asking import in_time, named, unless_there
from .batch_reading import Reader, any_request, as_it_is, lines_of
from .capabilities import Capabilities
from .clients import client_of
from .failures import Teller
from .fields import field
from .wire import call_for

if TYPE_CHECKING:
    from .batch_rehearsed import Rehearsed

T = TypeVar("T")

TOKEN = "orchestrator_token"
"""Name in a batch's metadata under which its token stands."""
_ENDED = frozenset({"completed", "failed", "expired", "cancelled"})
_UNTOUCHED = frozenset({"batch_expired", "batch_cancelled"})
"""Codes of requests that a provider did not get to; they are not billed."""
_PAGES = 50
"""Pages of a provider's list that are looked through for a batch, at the most."""
_AT_ONCE = 64
"""Results that are read between two looks at everything else."""
_PATHS = {"chat": "/v1/chat/completions", "completion": "/v1/completions"}


def batch_backend(expert: Expert) -> BatchBackend:
    """How batches of an expert are sent; costs nothing until the first.

    Args:
        expert: at the price of its batches.
    """
    from .batch_litellm import provider_of

    if client_of(expert) == "litellm" and provider_of(expert) == "anthropic":
        from .batch_anthropic import MessageBatches

        return MessageBatches(expert)
    return ProviderBatches(expert)


class Endpoint(Protocol):
    """A provider's files and batches; every answer as JSON."""

    tell: Teller
    model: str
    """As the provider knows it."""
    words: Rehearsed | None
    """Translates bodies and answers, where they are not OpenAI's."""

    def written(self, key: str, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a file says of one request."""
        ...

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
        self._opening = threading.Lock()

    def line(self, request: Request) -> bytes:
        endpoint = self._opened()
        whole = endpoint.written(request.key.hex(), _PATHS[request.sampling.mode], self._body(request, endpoint))
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
            file = await self._asked(endpoint, endpoint.upload(f"{token}.jsonl", data))
        except ExpertError as error:
            # Nothing is worked off before there is a batch, so this has cost nothing.
            raise _refunded(error) from None
        try:
            made = await self._asked(endpoint, endpoint.create(file, _PATHS[mode], terms.window, {TOKEN: token}))
        except ExpertError as error:
            raise unless_there(error) from None
        return named(made, self.expert)

    async def find(self, token: str, calls: int = 0, since: float = 0.0) -> str | None:
        endpoint, after = await self._ready(), None
        for _ in range(_PAGES):
            page = await self._asked(endpoint, endpoint.page(after))
            batches = list(field(page, "data") or ())
            for batch in batches:
                if field(field(batch, "metadata") or {}, TOKEN) == token:
                    return named(batch, self.expert)
            if not batches or not field(page, "has_more"):
                return None
            after = named(batches[-1], self.expert)
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
        lines = await asyncio.to_thread(lambda: [line for data in raw for line in lines_of(data)])
        understand = as_it_is if endpoint.words is None else endpoint.words.understand
        reader = Reader(self.expert, self.capabilities, copy.deepcopy(self.capabilities), endpoint.tell, understand)
        results: list[BatchResult] = []
        for start in range(0, len(lines), _AT_ONCE):  # everything else goes on meanwhile
            part = lines[start : start + _AT_ONCE]
            results += await asyncio.to_thread(self._results, reader, part, asked)
        return results

    async def cancel(self, id_: str) -> None:
        endpoint = await self._ready()
        await self._asked(endpoint, endpoint.cancel(id_))

    async def aclose(self) -> None:
        if self._endpoint is not None:
            await self._endpoint.aclose()
            self._endpoint = None

    # -- the way ------------------------------------------------------------------------

    def _body(self, request: Request, endpoint: Endpoint) -> dict[str, Any]:
        if endpoint.words is not None:
            found: dict[str, Any] = json.loads(endpoint.words.sent(request).body)
            return found
        body: dict[str, Any] = {
            "model": endpoint.model,
            **call_for([request], self.capabilities).arguments,
        }
        body |= body.pop("extra_body", {})
        return body

    async def _ready(self) -> Endpoint:
        return await asyncio.to_thread(self._opened) if self._endpoint is None else self._endpoint

    def _opened(self) -> Endpoint:
        """The way to the provider; from any thread, and several batches may want it first."""
        with self._opening:
            if self._endpoint is None:
                self._endpoint = self._made()
            return self._endpoint

    def _made(self) -> Endpoint:
        """Opens no connection yet, but imports what it needs."""
        if client_of(self.expert) == "direct":
            from .batch_direct import DirectEndpoint

            endpoint: Endpoint = DirectEndpoint(self.expert)
        else:
            from .batch_litellm import LiteLLMEndpoint, provider_of
            from .batch_openai import OpenAIEndpoint

            provider = provider_of(self.expert)
            if provider == "mistral":
                from .batch_mistral import MistralEndpoint

                return MistralEndpoint(self.expert, self.capabilities)
            endpoint = OpenAIEndpoint(self.expert) if provider == "openai" else LiteLLMEndpoint(self.expert)
        endpoint.look_up(self.capabilities)
        return endpoint

    async def _asked(self, endpoint: Endpoint, work: Awaitable[T]) -> T:
        return await in_time(self.expert, endpoint, work)

    def _results(self, reader: Reader, lines: Sequence[Any], asked: Asked) -> list[BatchResult]:
        found = [self._result(reader, line, asked) for line in lines]
        return [result for result in found if result is not None]

    def _result(self, reader: Reader, line: Any, asked: Asked) -> BatchResult | None:
        """What one line of a result file says; `None` where it speaks of nothing of ours, or of nothing done."""
        key = _key(line)
        if key is None or str(field(field(line, "error") or {}, "code") or "") in _UNTOUCHED:
            return None
        answer = field(line, "response") or {}
        status, body = field(answer, "status_code"), field(answer, "body")
        if status == 200:
            return reader.good(key, body, asked.get(key) or any_request(self.expert.id, self.expert.model))
        said = body if status else {"error": field(line, "error")}
        return reader.bad(key, status if isinstance(status, int) else 500, said, asked)


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


def _key(line: Any) -> bytes | None:
    try:
        return bytes.fromhex(str(field(line, "custom_id")))
    except (ValueError, AttributeError, TypeError):
        return None


def unsupported(expert: Expert) -> str:
    """Why an expert cannot be asked by batch, in words; empty where it can."""
    from .batch_litellm import PROVIDERS, UNABLE, provider_of
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
    why = UNABLE.get(provider or "", f"those of {', '.join(PROVIDERS)} are")
    return f"batches of {provider or 'its provider'} are not to be had this way: {why}"


__all__ = ["TOKEN", "Endpoint", "ProviderBatches", "batch_backend", "standing_of", "unsupported"]
