"""Mistral's batch jobs: files as OpenAI has them, of bodies as litellm would send them; metadata say whose one is."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from typing import Any

from orchestrator.errors import ExpertError
from orchestrator.types import BatchTerms, Expert

from .batch_rehearsed import Rehearsed
from .capabilities import Capabilities

_PAGE = 100
_CHAT = "/chat/completions"
_STATES = {
    "QUEUED": "validating",
    "RUNNING": "in_progress",
    "SUCCESS": "completed",
    "FAILED": "failed",
    "TIMEOUT_EXCEEDED": "expired",
    "CANCELLATION_REQUESTED": "cancelling",
    "CANCELLED": "cancelled",
}
"""Mistral's words for how a job stands, in those of OpenAI."""


class MistralEndpoint:
    """The files and batch jobs of one expert's provider. Imports litellm when made.

    Raises:
        ConfigError: the variable named by `key_env` is not set, or `api_base` is no URL.
    """

    def __init__(self, expert: Expert, capabilities: Capabilities) -> None:
        self.words: Rehearsed | None = Rehearsed(expert, capabilities)
        self._way, self.tell = self.words, self.words.tell
        self._pages: dict[str, int] = {}
        """By the name of the last job of a page, the number of the next."""
        self.model = expert.model.removeprefix("mistral/")

    def look_up(self, capabilities: Capabilities) -> None:
        return None

    def written(self, key: str, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"custom_id": key, "body": {name: value for name, value in body.items() if name != "model"}}

    async def upload(self, name: str, data: bytes) -> str:
        # Others load the HTTP library late.
        import aiohttp

        form = aiohttp.FormData()
        form.add_field("purpose", "batch")
        form.add_field("file", data, filename=name, content_type="application/jsonl")
        return str((await self._json("POST", "files", data=form))["id"])

    async def create(self, file: str, path: str, window: str, metadata: Mapping[str, str]) -> Mapping[str, Any]:
        hours = math.ceil(BatchTerms(window).seconds / 3600)
        body = {
            "input_files": [file],
            "endpoint": f"/v1{_CHAT}",  # litellm makes chats of completions too
            "model": self.model,
            "metadata": dict(metadata),
            "timeout_hours": hours,
        }
        return as_batch(await self._json("POST", "batch/jobs", json=body))

    async def retrieve(self, id_: str) -> Mapping[str, Any]:
        return as_batch(await self._json("GET", f"batch/jobs/{id_}"))

    async def page(self, after: str | None) -> Mapping[str, Any]:
        number = 0 if after is None else self._pages[after]
        found = await self._json("GET", "batch/jobs", params={"page": str(number), "page_size": str(_PAGE)})
        batches = [as_batch(job) for job in found.get("data") or ()]
        if batches:
            self._pages[str(batches[-1]["id"])] = number + 1
        return {"data": batches, "has_more": bool(batches)}

    async def content(self, file: str) -> bytes:
        url, headers = await self._addressed(f"files/{file}/content")
        return await self._way.server.raw("GET", url, headers=headers)

    async def cancel(self, id_: str) -> None:
        await self._json("POST", f"batch/jobs/{id_}/cancel")

    def classify(self, error: Exception) -> ExpertError:
        return self._way.classify(error)

    async def aclose(self) -> None:
        await self._way.aclose()

    async def _json(self, method: str, path: str, **more: Any) -> Mapping[str, Any]:
        url, headers = await self._addressed(path)
        return await self._way.server.json(method, url, headers=headers, **more)

    async def _addressed(self, path: str) -> tuple[str, Mapping[str, str]]:
        sent = await asyncio.to_thread(self._way.way)
        start, mark, query = sent.url.partition("?")
        return f"{start.removesuffix(_CHAT)}/{path}{mark}{query}", sent.headers


def as_batch(job: Mapping[str, Any]) -> dict[str, Any]:
    """A job in OpenAI's form."""
    counts = {"completed": job.get("succeeded_requests"), "failed": job.get("failed_requests")}
    return {
        "id": job.get("id"),
        "status": _STATES.get(str(job.get("status")), "in_progress"),
        "metadata": job.get("metadata") or {},
        "request_counts": counts,
        "output_file_id": job.get("output_file"),
        "error_file_id": job.get("error_file"),
        "errors": {"data": [{"message": each.get("message")} for each in job.get("errors") or ()]},
    }
