"""Batches without litellm: servers that have OpenAI's `/files` and `/batches`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiohttp

from orchestrator.errors import ExpertError
from orchestrator.types import Expert

from .batch_form import OpenAIForm
from .batch_server import BatchServer
from .capabilities import Capabilities
from .direct import headers_of
from .failures import Teller
from .routes import direct_route

_PAGE = 100


class DirectEndpoint(OpenAIForm):
    """The files and batches of one server.

    Raises:
        ConfigError: the variable named by `key_env` is not set, or `api_base` is no URL.
    """

    def __init__(self, expert: Expert) -> None:
        route = direct_route(expert)
        assert route.api_base is not None
        self._base, mark, query = route.api_base.partition("?")
        self._query = f"{mark}{query}"
        self.model = route.model
        self.tell = Teller(expert.id, route.secrets(expert), route.key_from(expert))
        self._server = BatchServer(route.api_base, headers_of(expert, route), self.tell)

    def look_up(self, capabilities: Capabilities) -> None:
        return None

    async def upload(self, name: str, data: bytes) -> str:
        form = aiohttp.FormData()
        form.add_field("purpose", "batch")
        form.add_field("file", data, filename=name, content_type="application/jsonl")
        return str((await self._server.json("POST", self._url("files"), data=form))["id"])

    async def create(self, file: str, path: str, window: str, metadata: Mapping[str, str]) -> Mapping[str, Any]:
        body = {"input_file_id": file, "endpoint": path, "completion_window": window, "metadata": dict(metadata)}
        return await self._server.json("POST", self._url("batches"), json=body)

    async def retrieve(self, id_: str) -> Mapping[str, Any]:
        return await self._server.json("GET", self._url(f"batches/{id_}"))

    async def page(self, after: str | None) -> Mapping[str, Any]:
        params = {"limit": str(_PAGE), **({"after": after} if after else {})}
        return await self._server.json("GET", self._url("batches"), params=params)

    async def content(self, file: str) -> bytes:
        return await self._server.raw("GET", self._url(f"files/{file}/content"))

    async def cancel(self, id_: str) -> None:
        await self._server.json("POST", self._url(f"batches/{id_}/cancel"))

    def classify(self, error: Exception) -> ExpertError:
        return self._server.classify(error)

    async def aclose(self) -> None:
        await self._server.aclose()

    def _url(self, path: str) -> str:
        return f"{self._base.rstrip('/')}/{path}{self._query}"
