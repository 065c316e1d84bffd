"""Anthropic's message batches: the bodies that litellm would send one by one, all in one request, and their answers.

A batch has no field there that is ours to set, and a list of batches shows none of their requests. So each request's
own id begins with the token of its batch: the results tell whose a batch is, once it has ended. Before, only the number
of its requests and the time at which it was made are known, which may fit another batch as well.
"""

from __future__ import annotations

import asyncio
import copy
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from orchestrator.errors import BadCompletion, ExpertError
from orchestrator.types import Asked, BatchResult, BatchStanding, Expert, JsonObject, Message, Request, Undecided

from .batch_asking import in_time, named, unless_there
from .batch_reading import Reader, lines_of
from .batch_rehearsed import Rehearsed
from .capabilities import Capabilities
from .fields import field

T = TypeVar("T")

_TOKEN = 32
"""Characters of a token; with those of a key they are the 64 that a request's id may have."""
_BEFORE_ID = b'{"custom_id":"'
_BETA = "anthropic-beta"
_PAGE, _PAGES = 100, 50
"""Batches of a page of the list, and pages of it that are looked through at the most."""
_DAY = 86_400.0
"""Seconds by which this machine's clock may be wrong."""
_AT_ONCE = 64
"""Results that are read between two looks at everything else."""
_STATUS = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
"""Names of errors to the HTTP status that each has where a call is answered at once."""
_JSON_TOOL = "json_tool_call"
"""The tool by which litellm has models answer in JSON that cannot be asked for it otherwise."""
_ANY_JSON: JsonObject = {"type": "json_schema", "json_schema": {"name": "any", "schema": {"type": "object"}}}


class MessageBatches:
    """Batches of one expert that is Anthropic's."""

    finds = True

    def __init__(self, expert: Expert) -> None:
        self.expert = expert
        self.capabilities = Capabilities(dict(expert.capabilities))
        self._open: Rehearsed | None = None
        self._opening = threading.Lock()
        self._known: set[str] = set()
        """Batches of ours whose names nobody has to look for."""
        self._tokens: dict[str, str] = {}
        """Token of each batch that was looked into, whoever sent it."""

    # -- out ----------------------------------------------------------------------------

    def line(self, request: Request) -> bytes:
        """The request with room for the token of its batch, after a line with the beta features that it needs."""
        sent = self._opened().sent(request)
        head = f"{sent.headers.get(_BETA, '')}\n".encode()
        key = f'{"0" * _TOKEN}{request.key.hex()}","params":'.encode()
        return head + _BEFORE_ID + key + sent.body.encode() + b"}"

    async def submit(self, lines: Sequence[bytes], mode: str, token: str) -> str:
        way = await self._ready()
        body, betas = await asyncio.to_thread(_body, lines, token)
        headers = {"content-type": "application/json", **({_BETA: betas} if betas else {})}
        try:
            made = await self._json(way, "POST", "", data=body, headers=headers)
        except ExpertError as error:
            raise unless_there(error) from None
        name = named(made, self.expert)
        self._known.add(name)
        return name

    async def find(self, token: str, calls: int, since: float) -> str | Undecided | None:
        way, after = await self._ready(), None
        undecided: list[str] = []
        for _ in range(_PAGES):
            params = {"limit": str(_PAGE), **({"after_id": after} if after else {})}
            page = await self._json(way, "GET", "", params=params)
            batches = list(page.get("data") or ())
            for batch in batches:
                if self._fits(batch, calls, since):
                    verdict = await self._verdict(way, batch, token)
                    if verdict:
                        return named(batch, self.expert)
                    if verdict is None:
                        undecided.append(named(batch, self.expert))
            if not batches or not page.get("has_more") or self._made(batches[-1]) < since - _DAY:
                return Undecided(tuple(undecided)) if undecided else None
            after = named(batches[-1], self.expert)
        raise BadCompletion("its list of batches does not end", expert=self.expert.id)

    async def look(self, id_: str) -> BatchStanding:
        way = await self._ready()
        raw = await self._json(way, "GET", f"/{id_}")
        self._known.add(id_)
        return self._read(lambda: standing_of(raw))

    async def results(self, standing: BatchStanding, asked: Asked) -> Sequence[BatchResult]:
        way = await self._ready()
        url, headers = await self._addressed(way, f"/{standing.id}/results")
        raw = await in_time(self.expert, way, way.server.raw("GET", url, headers=headers))
        before = copy.deepcopy(self.capabilities)
        reader = Reader(self.expert, self.capabilities, before, way.tell, way.understand)
        lines = await asyncio.to_thread(lambda: list(lines_of(raw)))
        results: list[BatchResult] = []
        for start in range(0, len(lines), _AT_ONCE):
            part = lines[start : start + _AT_ONCE]
            results += await asyncio.to_thread(self._results, reader, part, asked)
        return results

    async def cancel(self, id_: str) -> None:
        await self._json(await self._ready(), "POST", f"/{id_}/cancel")

    async def aclose(self) -> None:
        if self._open is not None:
            await self._open.aclose()
            self._open = None

    # -- the way ------------------------------------------------------------------------

    def _opened(self) -> Rehearsed:
        """What is on the way to it; from any thread, and several batches may want it first."""
        with self._opening:
            if self._open is None:
                self._open = Rehearsed(self.expert, self.capabilities)
            return self._open

    async def _ready(self) -> Rehearsed:
        return await asyncio.to_thread(self._opened) if self._open is None else self._open

    async def _json(self, way: Rehearsed, method: str, path: str, **more: Any) -> Mapping[str, Any]:
        url, headers = await self._addressed(way, path)
        headers |= more.pop("headers", {})
        return await in_time(self.expert, way, way.server.json(method, url, headers=headers, **more))

    async def _addressed(self, way: Rehearsed, path: str) -> tuple[str, dict[str, str]]:
        """The address of what is asked of batches, and the headers that every request has."""
        sent = await asyncio.to_thread(way.way)
        start, mark, query = sent.url.partition("?")
        headers = {name: value for name, value in sent.headers.items() if name != _BETA}
        return f"{start}/batches{path}{mark}{query}", headers

    # -- finding ------------------------------------------------------------------------

    def _fits(self, batch: Mapping[str, Any], calls: int, since: float) -> bool:
        """Whether a batch may be one of so many requests that was sent about then, as far as a list tells."""
        latest = since + self.expert.timeout + _DAY
        return (
            named(batch, self.expert) not in self._known
            and self._read(lambda: sum(_counts(batch).values())) == calls
            and since - _DAY <= self._made(batch) <= latest
        )

    async def _verdict(self, way: Rehearsed, batch: Mapping[str, Any], token: str) -> bool | None:
        """Whether a batch has the token; `None` where its results do not tell yet, or not any more."""
        if batch.get("processing_status") != "ended" or batch.get("archived_at"):
            return None
        name = named(batch, self.expert)
        if name not in self._tokens:
            url, headers = await self._addressed(way, f"/{name}/results")
            line = await in_time(self.expert, way, way.server.first_line(url, headers=headers))
            if (first := next(lines_of(line), None)) is None:
                return None
            self._tokens[name] = str(field(first, "custom_id") or "")[:_TOKEN]
        return self._tokens[name] == token

    def _made(self, batch: Mapping[str, Any]) -> float:
        """When a batch was made, in seconds since the epoch."""
        return self._read(lambda: datetime.fromisoformat(batch["created_at"]).timestamp())

    def _read(self, how: Callable[[], T]) -> T:
        """What is read from an answer.

        Raises:
            BadCompletion: it has not the shape of one.
        """
        try:
            return how()
        except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
            why = f"what it says of a batch has not the shape of an answer ({type(error).__name__}: {error})"
            raise BadCompletion(why, expert=self.expert.id) from None

    # -- results ------------------------------------------------------------------------

    def _results(self, reader: Reader, lines: Sequence[Any], asked: Asked) -> list[BatchResult]:
        """What lines of results say; those that speak of nothing of ours, or of nothing done, say nothing."""
        found = [self._result(reader, line, asked) for line in lines]
        return [result for result in found if result is not None]

    def _result(self, reader: Reader, line: Any, asked: Asked) -> BatchResult | None:
        key, result = _key(line), field(line, "result") or {}
        if key is None:
            return None
        match field(result, "type"):
            case "succeeded":
                message = field(result, "message")
                return reader.good(key, message, asked.get(key) or self._unknown(message))
            case "errored":
                error = field(result, "error") or {}
                error = field(error, "error") or error  # it comes in a wrapping, as calls at once have it
                return reader.bad(key, _STATUS.get(str(field(error, "type")), 500), {"error": error}, asked)
        return None

    def _unknown(self, message: Any) -> Request:
        """A request that this process has not made yet, as far as its answer tells what it was."""
        blocks = field(message, "content")
        wanted = isinstance(blocks, list) and any(field(block, "name") == _JSON_TOOL for block in blocks)
        return Request(
            self.expert.id, self.expert.model, (Message("user", "-"),), response_format=_ANY_JSON if wanted else None
        )


def standing_of(raw: Mapping[str, Any]) -> BatchStanding:
    """How a batch stands, from what Anthropic says of it."""
    counts, ended = _counts(raw), raw["processing_status"] == "ended"
    state = str(raw["processing_status"])
    if ended:
        state = "expired" if counts["expired"] else "cancelled" if counts["canceled"] else "completed"
    done = sum(count for name, count in counts.items() if name != "processing")
    return BatchStanding(str(raw["id"]), state, ended, done, files=(str(raw["id"]),) if ended else ())


def _counts(raw: Mapping[str, Any]) -> dict[str, int]:
    names = ("processing", "succeeded", "errored", "canceled", "expired")
    return {name: int(raw["request_counts"].get(name) or 0) for name in names}


def _body(lines: Sequence[bytes], token: str) -> tuple[bytes, str]:
    """The body that has a batch made, and the beta features that its requests need."""
    if len(token) != _TOKEN:
        raise ValueError(f"a token has {_TOKEN} characters")
    betas: dict[str, None] = {}
    requests = []
    start = len(_BEFORE_ID)
    for line in lines:
        head, _, request = line.partition(b"\n")
        betas.update(dict.fromkeys(part for part in head.decode().split(",") if part))
        requests.append(request[:start] + token.encode() + request[start + _TOKEN :])
    return b'{"requests":[' + b",".join(requests) + b"]}", ",".join(betas)


def _key(line: Any) -> bytes | None:
    try:
        return bytes.fromhex(str(field(line, "custom_id"))[_TOKEN:])
    except (ValueError, AttributeError, TypeError):
        return None
