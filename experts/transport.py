"""HTTP clients for litellm that send each request once, follow no redirect, and are ours to close."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import httpx

_OPENAI_ONLY = ("openai-organization", "openai-project")
"""Taken from the environment by OpenAI's SDK, also for hosts that are not OpenAI's."""

_CONNECT = 30.0
"""Seconds to make a connection; the rest of an attempt's time is for the answer."""


class PageCame(httpx.TransportError):
    """A web page came with the status of a success: litellm makes an empty answer of one, or odd errors."""

    def __init__(self, text: str, request: httpx.Request) -> None:
        super().__init__("a web page", request=request)
        self.text = text


class OneShot(httpx.AsyncBaseTransport):
    """litellm's aiohttp transport, with nothing resent behind our back.

    litellm's HTTP handler sends a request again after `ConnectError` and `RemoteProtocolError`, which also stand for
    resets: a second generation that nobody reserved for. Here they are another `TransportError`; the cause stays.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport, headers: Mapping[str, str], openai: bool) -> None:
        self._inner, self._headers, self._openai = inner, dict(headers), openai

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        dress(request.headers, self._headers, self._openai)
        times = request.extensions.get("timeout")
        if isinstance(times, dict) and (times.get("connect") is None or times["connect"] > _CONNECT):
            request.extensions = {**request.extensions, "timeout": {**times, "connect": _CONNECT}}
        try:
            response = await self._inner.handle_async_request(request)
            if response.is_success and response.headers.get("content-type", "").startswith("text/html"):
                raise PageCame((await response.aread()).decode(errors="replace"), request)
        except (httpx.ConnectError, httpx.RemoteProtocolError) as error:
            raise httpx.NetworkError(str(error), request=request) from error
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


def dress(given: httpx.Headers, over: Mapping[str, str], openai: bool) -> None:
    """Puts headers on a request over those that a client library gave it, and takes off what is OpenAI's alone."""
    given.update(over)
    for name in () if openai else _OPENAI_ONLY:
        given.pop(name, None)


class Clients:
    """The clients of one expert, made when first needed; they belong to the event loop that uses them.

    Args:
        timeout: seconds.
        headers: put on every request, over whatever a client library sets.
        openai: whether the host is OpenAI's own.
    """

    def __init__(self, timeout: float, headers: Mapping[str, str], openai: bool) -> None:
        self._timeout, self._headers, self._is_openai = timeout, headers, openai
        self._http: Any = None
        self._openai: Any = None

    def http(self) -> Any:
        """For providers that litellm serves with its own HTTP handler."""
        if self._http is None:
            handler = importlib.import_module("litellm.llms.custom_httpx.http_handler").AsyncHTTPHandler
            self._http = handler(timeout=self._timeout, follow_redirects=False, transport=self._transport(handler))
        return self._http

    def openai(self, api_base: str | None, key: str | None) -> Any:
        """For providers that litellm serves with OpenAI's SDK."""
        if self._openai is None:
            handler = importlib.import_module("litellm.llms.custom_httpx.http_handler").AsyncHTTPHandler
            plain = httpx.AsyncClient(transport=self._transport(handler), follow_redirects=False, timeout=self._timeout)
            sdk = importlib.import_module("openai").AsyncOpenAI
            self._openai = sdk(api_key=key, base_url=api_base, max_retries=0, timeout=self._timeout, http_client=plain)
        return self._openai

    def over(self, transport: httpx.BaseTransport) -> Any:
        """For a call that is made while nothing else runs, over a transport that reaches nobody."""
        handler = importlib.import_module("litellm.llms.custom_httpx.http_handler").HTTPHandler
        return handler(client=httpx.Client(transport=transport, trust_env=False))

    def dress(self, request: httpx.Request) -> None:
        """Puts on the headers that a request would leave with."""
        dress(request.headers, self._headers, self._is_openai)

    async def aclose(self) -> None:
        for client in (self._http, self._openai):
            if client is not None:
                await client.close()
        self._http = self._openai = None

    def _transport(self, handler: Any) -> OneShot:
        return OneShot(handler.create_async_transport(), self._headers, self._is_openai)
