"""Batches through litellm: the providers beside OpenAI whose batches take and give what OpenAI's do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.errors import ExpertError
from orchestrator.types import Expert

from .batch_form import OpenAIForm
from .batch_openai import plain
from .capabilities import Capabilities
from .channel import LiteLLMChannel, library, undisturbed
from .clients import COMPATIBLE
from .failures import Teller
from .prices import provider_of_bare_model

PROVIDERS = ("openai", "azure", "anthropic", "mistral")
"""By litellm's names."""

_OF_FILES = "they are read from a bucket of files of one's own, and written into one"
UNABLE = {
    "bedrock": _OF_FILES,
    "vertex_ai": _OF_FILES,
    "gemini": "they have a form of their own, which is not spoken",
    "xai": "they have a form of their own, which is not spoken",
}
"""Why those of others are not."""

_PAGE = 100


def provider_of(expert: Expert) -> str | None:
    """The provider of an expert, told from its name alone."""
    prefix, slash, _ = expert.model.partition("/")
    if expert.api_base and (not slash or prefix in COMPATIBLE):
        return "openai"
    return prefix if slash else provider_of_bare_model(expert.model)


class LiteLLMEndpoint(OpenAIForm):
    """The files and batches of one expert's provider. Imports litellm when made.

    Raises:
        ConfigError: the variable named by `key_env` is not set, or `api_base` is no URL.
    """

    def __init__(self, expert: Expert) -> None:
        self._channel, self._litellm = LiteLLMChannel(expert), library()
        where = self._channel.route
        self.tell = Teller(expert.id, where.secrets(expert), where.key_from(expert))
        self.model = where.model.removeprefix(f"{where.provider}/")
        headers = {**({"Authorization": where.basic} if where.basic else {}), **expert.headers}
        common: dict[str, Any] = {
            "custom_llm_provider": where.provider,
            "api_base": where.api_base,
            "api_key": where.key,
            "timeout": float(expert.timeout) + 5,  # ours ends it first
            "max_retries": 0,  # a batch that is created twice is paid twice
            "extra_headers": headers or None,
        }
        self._common = {name: value for name, value in common.items() if value is not None}

    def look_up(self, capabilities: Capabilities) -> None:
        self._channel.look_up(capabilities)

    async def upload(self, name: str, data: bytes) -> str:
        with undisturbed():
            made = await self._litellm.acreate_file(file=(name, data), purpose="batch", **self._common)
        return str(made.id)

    async def create(self, file: str, path: str, window: str, metadata: Mapping[str, str]) -> Mapping[str, Any]:
        with undisturbed():
            made = await self._litellm.acreate_batch(
                completion_window=window, endpoint=path, input_file_id=file, metadata=dict(metadata), **self._common
            )
        return plain(made)

    async def retrieve(self, id_: str) -> Mapping[str, Any]:
        with undisturbed():
            return plain(await self._litellm.aretrieve_batch(batch_id=id_, **self._common))

    async def page(self, after: str | None) -> Mapping[str, Any]:
        with undisturbed():
            found = await self._litellm.alist_batches(after=after, limit=_PAGE, **self._common)
        return {"data": [plain(batch) for batch in found.data or ()], "has_more": getattr(found, "has_more", False)}

    async def content(self, file: str) -> bytes:
        with undisturbed():
            found = await self._litellm.afile_content(file_id=file, **self._common)
        return bytes(found.content)

    async def cancel(self, id_: str) -> None:
        with undisturbed():
            await self._litellm.acancel_batch(batch_id=id_, **self._common)

    def classify(self, error: Exception) -> ExpertError:
        return self._channel.classify(error)

    async def aclose(self) -> None:
        await self._channel.aclose()
