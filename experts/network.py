"""What experts behind a server have in common, whichever client asks it: one call a batch, learning from refusals."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

from orchestrator.errors import (
    BadRequest,
    ConnectionLost,
    ContextTooLong,
    ExpertError,
    ExpertLost,
    ExpertTimeout,
    WebPage,
)
from orchestrator.types import Expert, Mark, PrefixCache, Request, Response

from .capabilities import Capabilities, Refusal
from .embedding import vectors_of
from .prefix_caches import prefix_cache_of
from .replies import response_of
from .wire import Call, call_for, first_only

_MOST = 128
"""Samples asked for in one call at the most: what OpenAI allows."""


class Channel(Protocol):
    """The way to one expert."""

    async def send(self, request: Request, call: Call, began: Callable[[], None] | None = None) -> Any:
        """The answer to one call, in OpenAI's shape: as an object or as JSON.

        `began` is called with its first token where it is told as it is written.
        """
        ...

    def streams(self, batch: Sequence[Request]) -> bool:
        """Whether nothing is lost of the answer to these if it comes as it is written."""
        ...

    async def send_texts(self, request: Request) -> Any:
        """The answer to a request for embeddings, likewise."""
        ...

    def classify(self, error: Exception) -> ExpertError:
        """What went wrong, as an error of our tree without anything secret."""
        ...

    def refusal_of(self, error: Exception) -> Refusal | None:
        """The words of a refusal to take a request as it is, where it was one."""
        ...

    async def aclose(self) -> None:
        """Closes the connections."""
        ...


@dataclass(slots=True, eq=False)
class _First:
    """Tells of the first token of an answer, and remembers that it came."""

    tell: Callable[[], None]
    came: bool = False

    def __call__(self) -> None:
        self.came = True
        self.tell()


def _failure_of(error: ExpertError, first: _First | None) -> ExpertError:
    """What a failed call comes to: behind a first token nothing is refunded, for it may be billed, whatever is said."""
    if first is None or not first.came or not error.refunded:
        return error
    return ConnectionLost(error.message, expert=error.expert, retry_after=error.retry_after)


class NetworkBackend(ABC):
    """One expert behind a server."""

    journalled = True

    def __init__(self, expert: Expert) -> None:
        self.expert = expert
        self.capabilities = Capabilities(dict(expert.capabilities))
        self._channel: Channel | None = None
        self._answered = False
        """Whether any call of it was: its address is right then."""

    @property
    def max_n(self) -> int:
        """Samples that one call may ask for, as far as is known now."""
        most = self.capabilities.most
        return _MOST if most is None else min(_MOST, most)

    async def prepare(self) -> None:
        """Imports and opens what the first call needs; otherwise calls that a rate limit keeps apart would meet there.

        Raises:
            ConfigError: the key's variable is not set.
        """
        if self._channel is None:
            await self._ready()

    async def complete(self, batch: Sequence[Request]) -> Response:
        """Asks for the samples of a batch in one call; what the server refuses is left out and asked again at once.

        A request for embeddings is asked for one sample, for there are no others.

        Returns fewer completions than requests where the server gives fewer choices, or some without any text.

        Raises:
            ExpertError: see the table in `orchestrator.errors`.
            ConfigError: the key's variable is not set.
        """
        return await self.complete_shared(batch, ())

    @cached_property
    def prefix_cache(self) -> PrefixCache | None:
        """How the provider keeps the beginnings of prompts; `None` where no call should go before the others."""
        return prefix_cache_of(self.expert)

    async def complete_shared(
        self, batch: Sequence[Request], marks: Sequence[Mark], began: Callable[[], None] | None = None
    ) -> Response:
        """As `complete`, of a prompt that begins as others do.

        Args:
            marks: up to where the provider is to keep it.
            began: called with the first token of the answer, where the client can tell.
        """
        channel = self._channel or await self._ready()
        try:
            async with asyncio.timeout(self.expert.timeout):
                if batch[0].sampling.mode == "embedding":
                    return await self._embedded(channel, batch[0])
                return await self._attempt(channel, batch, marks, began)
        except TimeoutError:
            raise ExpertTimeout(f"no answer in {self.expert.timeout:g} s", expert=self.expert.id) from None

    async def aclose(self) -> None:
        """Closes the connections."""
        if self._channel is not None:
            await self._channel.aclose()
            self._channel = None

    @abstractmethod
    async def _warm(self) -> None:
        """Imports what the channel needs."""

    @abstractmethod
    def _open(self) -> Channel:
        """The channel; opens no connection yet."""

    def _checked(self, response: Response, request: Request) -> Response:
        """The response, unless there is something wrong with it that this client can tell."""
        return response

    async def _ready(self) -> Channel:
        await self._warm()
        if self._channel is None:
            self._channel = self._open()
        return self._channel

    async def _embedded(self, channel: Channel, request: Request) -> Response:
        try:
            raw = await channel.send_texts(request)
        except Exception as error:
            raise self._judged(channel.classify(error)) from None
        response = vectors_of(raw, self.expert, request)
        self._answered = True
        return response

    async def _attempt(
        self, channel: Channel, batch: Sequence[Request], marks: Sequence[Mark], began: Callable[[], None] | None
    ) -> Response:
        while True:
            batch = first_only(batch, self.max_n)
            call = call_for(batch, self.capabilities, marks)
            first: _First | None = None
            if began is not None and self.capabilities.takes("stream") and channel.streams(batch):
                first, call = _First(began), replace(call, sent=call.sent | {"stream"})
            try:
                raw = await channel.send(batch[0], call, first)
            except Exception as error:
                failure = _failure_of(self._judged(channel.classify(error)), first)
                if not self._learned(channel, failure, error, call):
                    raise failure from None  # a client's chain of causes may hold the key
                continue
            if first is not None and not first.came:
                self.capabilities.lose("stream")  # the server does not, though it says nothing
            response, choices = response_of(raw, self.expert, batch, call.dropped)
            self._answered = True
            if choices < call.choices:
                self.capabilities.limit(choices)
            if first is not None and not response.counted:
                self.capabilities.lose("stream")  # what an answer costs may be told where it comes whole
            return self._checked(response, batch[0])

    def _judged(self, failure: ExpertError) -> ExpertError:
        """A failure in the light of those before: no model is behind an address that has never given but a web page."""
        if isinstance(failure, WebPage) and not self._answered:
            return ExpertLost(failure.message, expert=failure.expert)
        return failure

    def _learned(self, channel: Channel, failure: ExpertError, error: Exception, call: Call) -> bool:
        if not isinstance(failure, BadRequest) or isinstance(failure, ContextTooLong):
            return False
        refusal = channel.refusal_of(error)
        return refusal is not None and self.capabilities.learn(refusal, call.sent, call.choices, call.alternatives)
