"""Batches without litellm: servers that have OpenAI's `/files` and `/batches`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import aiohttp

from orchestrator.errors import BadCompletion, ExpertError
from orchestrator.types import Expert

from .capabilities import Capabilities
from .direct import headers_of
from .failures import Teller, answer_of
from .hosts import near
from .routes import direct_route

_PAGE = 100
_CONNECT = 30.0
"""Seconds to make a connection."""


class DirectEndpoint:
    """The files and batches of one server.

    Raises:
        ConfigError: the variable named by `key_env` is not set, or `api_base` is no URL.
    """

    def __init__(self, expert: Expert) -> None:
        # It needs the HTTP library, which others load late.
        from . import connections

        route = direct_route(expert)
        assert route.api_base is not None
        self._base, mark, query = route.api_base.partition("?")
        self._query = f"{mark}{query}"
        self._proxy = None if near(route.api_base) else connections.proxy_for(route.api_base)
        self._headers = headers_of(expert, route)
        self.model = route.model
        self.tell = Teller(expert.id, route.secrets(expert), route.key_from(expert))
        self._failure_of = connections.failure_of
        self._session: aiohttp.ClientSession | None = None

    def look_up(self, capabilities: Capabilities) -> None:
        return None

    async def upload(self, name: str, data: bytes) -> str:
        form = aiohttp.FormData()
        form.add_field("purpose", "batch")
        form.add_field("file", data, filename=name, content_type="application/jsonl")
        return str((await self._json("POST", "files", data=form))["id"])

    async def create(self, file: str, path: str, window: str, metadata: Mapping[str, str]) -> Mapping[str, Any]:
        body = {"input_file_id": file, "endpoint": path, "completion_window": window, "metadata": dict(metadata)}
        return await self._json("POST", "batches", json=body)

    async def retrieve(self, id_: str) -> Mapping[str, Any]:
        return await self._json("GET", f"batches/{id_}")

    async def page(self, after: str | None) -> Mapping[str, Any]:
        params = {"limit": str(_PAGE), **({"after": after} if after else {})}
        return await self._json("GET", "batches", params=params)

    async def content(self, file: str) -> bytes:
        return await self._ask("GET", f"files/{file}/content")

    async def cancel(self, id_: str) -> None:
        await self._json("POST", f"batches/{id_}/cancel")

    def classify(self, error: Exception) -> ExpertError:
        if isinstance(error, ExpertError):
            return error
        if found := self._failure_of(error):
            return self.tell.error(*found)
        raise error

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _json(self, method: str, path: str, **more: Any) -> Mapping[str, Any]:
        raw = await self._ask(method, path, **more)
        try:
            body = json.loads(raw)
        except ValueError as error:
            raise self.tell.error(BadCompletion, f"the body is not JSON: {error}") from None
        if not isinstance(body, dict):
            raise self.tell.error(BadCompletion, "the body has not the shape of an answer")
        return body

    async def _ask(self, method: str, path: str, **more: Any) -> bytes:
        """The body of a successful answer."""
        session = self._session or self._opened()
        url = f"{self._base.rstrip('/')}/{path}{self._query}"
        async with session.request(method, url, allow_redirects=False, proxy=self._proxy, **more) as reply:
            raw = await reply.read()
        if 200 <= reply.status < 300:
            return raw
        headers = {name.lower(): value for name, value in reply.headers.items()}
        raise self.tell.of_answer(answer_of(reply.status, raw.decode(errors="replace"), headers))

    def _opened(self) -> aiohttp.ClientSession:
        self._session = aiohttp.ClientSession(
            headers=self._headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT),
        )
        return self._session
