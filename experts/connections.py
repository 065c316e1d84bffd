"""Connections to one server: kept between calls, nothing sent twice, no redirect followed. Loads aiohttp."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from orchestrator.errors import ConnectionFailed, ConnectionLost, ExpertError, ExpertTimeout

from .failures import without_addresses

_CONNECT = 30.0
"""Seconds to make a connection; the rest of an attempt's time is for the answer."""
_IDLE = 4.0
"""Seconds that an idle connection is kept. Many servers close theirs after five, and one that is closed just as a
request leaves on it looks like an answer that was lost."""
_LARGE = 1 << 20
"""Bytes from which on aiohttp wants a body as a stream."""

_NO_CONNECTION = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientProxyConnectionError,
    aiohttp.InvalidURL,
)
_WHOLE = ("application/json", "text/html")
"""What never comes in pieces that can be read on their own."""
_LOST = (aiohttp.ClientError, HttpProcessingError, ConnectionError)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server sent back."""

    status: int
    headers: Mapping[str, str]
    raw: bytes
    """Its body; empty where it was handed over as it came."""


class Connections:
    """Connections of one expert, made when needed; they belong to the event loop that uses them.

    Args:
        base: URL of the server.
        headers: put on every request.
        near: whether it is on this machine or in a private network; no proxy that the environment names is used then.
    """

    def __init__(self, base: str, headers: Mapping[str, str], near: bool) -> None:
        self._headers = {"Content-Type": "application/json", "Accept-Encoding": "identity", **headers}
        self._proxy = None if near else proxy_for(base)
        self._session: aiohttp.ClientSession | None = None

    async def post(self, url: URL, body: bytes, take: Callable[[bytes], bool] | None = None) -> Reply:
        """The server's answer. Leaving early closes the connection, so that the server sees it.

        Args:
            take: is handed a successful answer as it comes, unless that is plain JSON or a web page, until it says that
                it has all. What it raises ends the call.

        Raises:
            aiohttp.ClientError, OSError, TimeoutError: see `failure_of`.
        """
        session = self._session or self._opened()
        data = body if len(body) < _LARGE else io.BytesIO(body)
        async with session.post(url, data=data, allow_redirects=False, proxy=self._proxy) as reply:
            if take is None or not 200 <= reply.status < 300 or reply.content_type in _WHOLE:
                return Reply(reply.status, reply.headers, await reply.read())
            async for data in reply.content.iter_any():
                if take(data):
                    break  # some servers keep the connection open behind their last word
            return Reply(reply.status, reply.headers, b"")

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _opened(self) -> aiohttp.ClientSession:
        self._session = aiohttp.ClientSession(
            # A lane bounds the requests in flight; a bound here would let the rest wait inside an attempt.
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_IDLE),
            headers=self._headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT),
        )
        return self._session


def failure_of(error: Exception) -> tuple[type[ExpertError], str] | None:
    """The class and the words of what went wrong on the way; `None` where it was not the way."""
    if isinstance(error, _NO_CONNECTION):
        return ConnectionFailed, f"no connection: {without_addresses(str(error) or type(error).__name__)}"
    if isinstance(error, TimeoutError):
        return ExpertTimeout, "no answer in time"
    if isinstance(error, _LOST):
        return ConnectionLost, f"connection lost: {str(error) or type(error).__name__}"
    return None


def proxy_for(base: str) -> str | None:
    """The proxy that the environment names, looked up once: asking it for each call would cost more than the call."""
    url = urlsplit(base)
    if proxy_bypass(url.hostname or ""):
        return None
    return getproxies().get(url.scheme)
