"""Serves experts through litellm: every hosted provider, and any server that speaks OpenAI's protocol.

litellm takes about three seconds of CPU to import, so nothing here imports it before the first call, and then a thread
does. It is kept from the network, from its own retries, from printing, and from work behind a call's back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from orchestrator.errors import BadRequest, ContextTooLong, ExpertError, ExpertTimeout
from orchestrator.protocols import Backend
from orchestrator.types import Expert, Request, Response

from .capabilities import Capabilities
from .channel import Channel, warm
from .embedding import arguments_for, vectors_of
from .prices import priced
from .replies import response_of
from .routes import check
from .wire import Call, call_for, first_only

__all__ = ["LiteLLMBackend", "backend", "check", "priced", "warm"]

_MOST = 128
"""Samples asked for in one call at the most: what OpenAI allows."""


def backend(expert: Expert) -> Backend:
    """The backend of one expert; costs nothing until it is first asked."""
    return LiteLLMBackend(expert)


class LiteLLMBackend:
    """One expert behind litellm."""

    journalled = True

    def __init__(self, expert: Expert) -> None:
        self.expert = expert
        self.capabilities = Capabilities(dict(expert.capabilities))
        self._channel: Channel | None = None

    @property
    def max_n(self) -> int:
        """Samples that one call may ask for, as far as is known now."""
        most = self.capabilities.most
        return _MOST if most is None else min(_MOST, most)

    async def complete(self, batch: Sequence[Request]) -> Response:
        """Asks for the samples of a batch in one call; what the server refuses is left out and asked again at once.

        A request for embeddings is asked for one sample, for there are no others.

        Returns fewer completions than requests where the server gives fewer choices, or some without any text.

        Raises:
            ExpertError: see the table in `orchestrator.errors`.
            ConfigError: the key's variable is not set.
        """
        channel = await self._ready()
        try:
            async with asyncio.timeout(self.expert.timeout):
                if batch[0].sampling.mode == "embedding":
                    return await self._embedded(channel, batch[0])
                return await self._attempt(channel, first_only(batch, self.max_n))
        except TimeoutError:
            raise ExpertTimeout(f"no answer in {self.expert.timeout:g} s", expert=self.expert.id) from None

    async def aclose(self) -> None:
        """Closes the connections."""
        if self._channel is not None:
            await self._channel.aclose()
            self._channel = None

    async def _ready(self) -> Channel:
        if self._channel is None:
            await warm()
        if self._channel is None:
            self._channel = Channel(self.expert)
            self._channel.look_up(self.capabilities)
        return self._channel

    async def _embedded(self, channel: Channel, request: Request) -> Response:
        try:
            raw = await channel.send_texts(arguments_for(request))
        except Exception as error:
            raise channel.classify(error) from None
        return vectors_of(raw, self.expert, request)

    async def _attempt(self, channel: Channel, batch: Sequence[Request]) -> Response:
        while True:
            batch = first_only(batch, self.max_n)
            call = call_for(batch, self.capabilities)
            try:
                raw = await channel.send(batch[0], call)
            except Exception as error:
                failure = channel.classify(error)
                if not self._learned(channel, failure, error, call):
                    raise failure from None  # litellm's chain may hold the key
                continue
            response, choices = response_of(raw, self.expert, batch, call.dropped)
            if choices < call.choices:
                self.capabilities.limit(choices)
            return response

    def _learned(self, channel: Channel, failure: ExpertError, error: Exception, call: Call) -> bool:
        if not isinstance(failure, BadRequest) or isinstance(failure, ContextTooLong):
            return False
        refusal = channel.refusal_of(error)
        return refusal is not None and self.capabilities.learn(refusal, call.sent, call.choices, call.alternatives)
