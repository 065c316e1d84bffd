"""Texts to vectors through litellm."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from orchestrator.errors import ExpertTimeout
from orchestrator.types import Expert

from .channel import Channel, warm


class LiteLLMEmbedder:
    """Texts to unit vectors through litellm's embeddings; `expert.model` names the embedding model.

    Not metered: what it costs is the caller's to bound.
    """

    def __init__(self, expert: Expert, chunk: int = 256) -> None:
        self.expert, self._chunk = expert, chunk
        self._channel: Channel | None = None

    async def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """One vector a text, each of length 1, in the texts' order.

        Raises:
            ExpertError: a call failed; nothing is retried here.
        """
        if self._channel is None:
            await warm()
            self._channel = self._channel or Channel(self.expert)
        vectors: list[list[float]] = []
        for start in range(0, len(texts), self._chunk):
            vectors += await self._embed(self._channel, list(texts[start : start + self._chunk]))
        return vectors

    async def aclose(self) -> None:
        """Closes the connections."""
        if self._channel is not None:
            await self._channel.aclose()
            self._channel = None

    async def _embed(self, channel: Channel, texts: list[str]) -> list[list[float]]:
        try:
            async with asyncio.timeout(self.expert.timeout):
                raw = await channel.send_texts(texts)
            rows = sorted(raw.data, key=lambda row: int(row["index"]))
            return [_unit(row["embedding"]) for row in rows]
        except TimeoutError:
            raise ExpertTimeout(f"no answer in {self.expert.timeout:g} s", expert=self.expert.id) from None
        except Exception as error:
            raise channel.classify(error) from None


def _unit(vector: Sequence[float]) -> list[float]:
    length = sum(float(x) ** 2 for x in vector) ** 0.5
    return [float(x) / length for x in vector] if length else [float(x) for x in vector]
