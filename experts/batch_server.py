"""A server's answers about batches, over connections of ours: nothing is sent twice, and no redirect followed."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from orchestrator.errors import BadCompletion, ExpertError

from .failures import Teller, answer_of, not_json
from .hosts import near

if TYPE_CHECKING:
    import aiohttp

_CONNECT = 30.0
"""Seconds to make a connection."""
_LARGE = 1 << 20
"""Bytes from which on aiohttp wants a body as a stream."""


class BatchServer:
    """What one expert's provider is asked of batches.

    Args:
        base: URL of the server, by which it is known whether a proxy is on the way.
        headers: put on every request.
        tell: makes the errors of the expert.
    """

    def __init__(self, base: str, headers: Mapping[str, str], tell: Teller) -> None:
        # It needs the HTTP library, which others load late.
        from . import connections

        self._failure_of = connections.failure_of
        self._proxy = None if near(base) else connections.proxy_for(base)
        self._headers, self._tell = dict(headers), tell
        self._session: aiohttp.ClientSession | None = None

    async def json(self, method: str, url: str, **more: Any) -> Mapping[str, Any]:
        """The answer to one request, which is an object.

        Args:
            more: as aiohttp takes it.

        Raises:
            ExpertError: it was no success, or is no object.
        """
        raw = await self.raw(method, url, **more)
        try:
            body = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise self._tell.error(*not_json(error)) from None
        if not isinstance(body, dict):
            raise self._tell.error(BadCompletion, "the body has not the shape of an answer")
        return body

    async def raw(self, method: str, url: str, **more: Any) -> bytes:
        """The body of a successful answer.

        Args:
            more: as aiohttp takes it.

        Raises:
            ExpertError: it was no success.
        """
        if isinstance(data := more.get("data"), bytes) and len(data) >= _LARGE:
            more["data"] = io.BytesIO(data)
        async with self._opened().request(method, url, allow_redirects=False, proxy=self._proxy, **more) as reply:
            raw = await reply.read()
        return self._good(reply, raw)

    async def first_line(self, url: str, **more: Any) -> bytes:
        """The first line of a successful answer that may be very long; the rest is not read."""
        async with self._opened().request("GET", url, allow_redirects=False, proxy=self._proxy, **more) as reply:
            if reply.status != 200:
                return self._good(reply, await reply.read())
            held = bytearray()
            async for piece in reply.content.iter_any():
                held += piece
                if b"\n" in piece:
                    break
            return bytes(held.partition(b"\n")[0])

    def classify(self, error: Exception) -> ExpertError:
        """What went wrong on the way, as an error of our tree; anything else is raised."""
        if isinstance(error, ExpertError):
            return error
        if found := self._failure_of(error):
            return self._tell.error(*found)
        raise error

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _good(self, reply: aiohttp.ClientResponse, raw: bytes) -> bytes:
        if 200 <= reply.status < 300:
            return raw
        headers = {name.lower(): value for name, value in reply.headers.items()}
        raise self._tell.of_answer(answer_of(reply.status, raw.decode(errors="replace"), headers))

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            import aiohttp

            self._session = aiohttp.ClientSession(
                headers=self._headers,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT),
            )
        return self._session
