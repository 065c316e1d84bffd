"""What litellm would send for a call, and what it would make of an answer, with nothing on the network.

Batches of providers with protocols of their own hold the very bodies that these take one by one, and give back the very
answers. litellm translates both, but only while it makes a call: so the call is made, over a transport that keeps the
request, or gives the answer that is already there. All that is relied on is what calls at once rely on too: that
litellm sends through the HTTP client that it is given. Imported once litellm is: it needs the same HTTP library.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx

from orchestrator.types import Request

from .channel import LiteLLMChannel
from .wire import Call

_OF_THE_WAY = frozenset(
    {"accept", "accept-encoding", "connection", "content-length", "content-type", "host", "user-agent"}
)
"""Headers that belong to one request on one connection."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A request that did not leave."""

    url: str
    headers: Mapping[str, str]
    """Names in lower case; those of the way are left out."""
    body: str


class Rehearsal:
    """Makes calls of one expert that reach nobody. Several threads may.

    A call takes about five milliseconds of CPU, as one that is answered at once does.
    """

    def __init__(self, channel: LiteLLMChannel) -> None:
        self._channel, self._lock, self._stand_in = channel, threading.Lock(), _StandIn()
        self._client = channel.over(self._stand_in)

    def sent(self, request: Request, call: Call) -> Sent:
        """What would be sent.

        Raises:
            Exception: litellm's, where it would send nothing.
        """
        with self._lock:
            held = self._held(request, call)
        if held is None:
            raise TypeError("litellm sends this not through the client that it is given")
        self._channel.dress(held)
        headers = {name: value for name, value in held.headers.items() if name not in _OF_THE_WAY}
        return Sent(str(held.url), headers, held.content.decode())

    def understood(self, request: Request, call: Call, answer: bytes) -> Any:
        """litellm's answer to a call which a provider has answered.

        Raises:
            Exception: litellm's, where it is none.
        """
        with self._lock:
            self._stand_in.answer = answer
            return self._channel.rehearse(request, call, self._client)

    def _held(self, request: Request, call: Call) -> httpx.Request | None:
        self._stand_in.answer = self._stand_in.held = None
        with suppress(_Enough):
            self._channel.rehearse(request, call, self._client)
        return self._stand_in.held


class _Enough(BaseException):
    """What is wanted is known. No `Exception`, so that litellm does not hold it for a fault, and translate it."""


class _StandIn(httpx.BaseTransport):
    """Keeps the request that it is to send, and gives the answer that it was told; without one it ends the call."""

    def __init__(self) -> None:
        self.answer: bytes | None = None
        self.held: httpx.Request | None = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.held = request
        if self.answer is None:
            raise _Enough
        return httpx.Response(200, content=self.answer, headers={"content-type": "application/json"}, request=request)
