"""Serves experts through litellm: every hosted provider, and any server that speaks OpenAI's protocol.

litellm takes about three seconds of CPU to import, so nothing here imports it before the first call, and then a thread
does. It is kept from the network, from its own retries, from printing, and from work behind a call's back.
"""

from __future__ import annotations

from orchestrator.protocols import Backend
from orchestrator.types import Expert

from .channel import LITELLM, LiteLLMChannel
from .network import Channel, NetworkBackend
from .prices import priced
from .routes import check

__all__ = ["LIBRARY", "LiteLLMBackend", "backend", "check", "priced"]

LIBRARY = LITELLM
"""What its experts need, which takes seconds to import."""


def backend(expert: Expert) -> Backend:
    """The backend of one expert; costs nothing until it is first asked."""
    return LiteLLMBackend(expert)


class LiteLLMBackend(NetworkBackend):
    """One expert behind litellm."""

    async def _warm(self) -> None:
        await LIBRARY.ready()

    def _open(self) -> Channel:
        channel = LiteLLMChannel(self.expert)
        channel.look_up(self.capabilities)
        return channel
