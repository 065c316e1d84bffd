"""Batches of OpenAI, and of servers with its form that litellm reaches: with the SDK that litellm has for both.

litellm would make a client for each request of them, which is not ours to close, follows redirects, and tells any host
on whose account we are at OpenAI.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.errors import ExpertError
from orchestrator.types import Expert

from .batch_form import OpenAIForm
from .capabilities import Capabilities
from .channel import LiteLLMChannel
from .failures import Teller

_PAGE = 100


class OpenAIEndpoint(OpenAIForm):
    """The files and batches of one expert's provider. Imports litellm when made.

    Raises:
        ConfigError: the variable named by `key_env` is not set, or `api_base` is no URL.
    """

    def __init__(self, expert: Expert) -> None:
        self._channel = LiteLLMChannel(expert)
        where = self._channel.route
        self.tell = Teller(expert.id, where.secrets(expert), where.key_from(expert))
        self.model = where.model if where.compatible else where.model.removeprefix("openai/")
        self._common: dict[str, Any] = {
            "timeout": float(expert.timeout) + 5,  # ours ends it first
            "extra_headers": dict(expert.headers) or None,
        }

    def look_up(self, capabilities: Capabilities) -> None:
        self._channel.look_up(capabilities)

    async def upload(self, name: str, data: bytes) -> str:
        made = await self._channel.sdk().files.create(file=(name, data), purpose="batch", **self._common)
        return str(made.id)

    async def create(self, file: str, path: str, window: str, metadata: Mapping[str, str]) -> Mapping[str, Any]:
        return plain(
            await self._channel.sdk().batches.create(
                completion_window=window, endpoint=path, input_file_id=file, metadata=dict(metadata), **self._common
            )
        )

    async def retrieve(self, id_: str) -> Mapping[str, Any]:
        return plain(await self._channel.sdk().batches.retrieve(id_, **self._common))

    async def page(self, after: str | None) -> Mapping[str, Any]:
        start = {"after": after} if after else {}
        found = await self._channel.sdk().batches.list(limit=_PAGE, **start, **self._common)
        return {"data": [plain(batch) for batch in found.data or ()], "has_more": getattr(found, "has_more", False)}

    async def content(self, file: str) -> bytes:
        return bytes((await self._channel.sdk().files.content(file, **self._common)).content)

    async def cancel(self, id_: str) -> None:
        await self._channel.sdk().batches.cancel(id_, **self._common)

    def classify(self, error: Exception) -> ExpertError:
        return self._channel.classify(error)

    async def aclose(self) -> None:
        await self._channel.aclose()


def plain(batch: Any) -> dict[str, Any]:
    """A batch as JSON."""
    found: dict[str, Any] = batch.model_dump() if hasattr(batch, "model_dump") else dict(batch)
    return found
