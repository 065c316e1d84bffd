"""Bodies and answers of batches whose provider has a protocol of its own, translated by litellm (see `rehearsal`)."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from orchestrator.errors import BadRequest, ExpertError
from orchestrator.types import Expert, Request

from .batch_reading import any_request
from .batch_server import BatchServer
from .capabilities import Capabilities
from .channel import LiteLLMChannel
from .failures import Teller
from .wire import Call, call_for

if TYPE_CHECKING:
    from .rehearsal import Sent


class Rehearsed:
    """One expert's calls as litellm makes them, and connections to where they go. Imports litellm when made.

    Raises:
        ConfigError: the variable named by `key_env` is not set, or `api_base` is no URL.
        ExpertError: litellm would send nothing.
    """

    def __init__(self, expert: Expert, capabilities: Capabilities) -> None:
        # It needs litellm's HTTP library, which must not be loaded with this module.
        from .rehearsal import Rehearsal

        self._expert, self._capabilities = expert, capabilities
        self._channel = LiteLLMChannel(expert)
        self._channel.look_up(capabilities)
        self._rehearsal = Rehearsal(self._channel)
        where = self._channel.route
        self.tell = Teller(expert.id, where.secrets(expert), where.key_from(expert))
        self.server = BatchServer(self.way().url, {}, self.tell)

    def way(self) -> Sent:
        """Where calls go now, and with which headers: keys may have an end."""
        return self.sent(any_request(self._expert.id, self._expert.model))

    def sent(self, request: Request) -> Sent:
        """What would be sent for a request, were it asked at once; what litellm does not take is left out.

        Raises:
            ExpertError: nothing would be.
        """
        while True:
            call = call_for([request], self._capabilities)
            try:
                return self._rehearsal.sent(request, call)
            except Exception as error:
                failure = self.classify(error)
                refusal = self._channel.refusal_of(error)
                if refusal is None or type(failure) is not BadRequest:
                    raise failure from None  # a client's chain of causes may hold the key
                if not self._capabilities.learn(refusal, call.sent, 1, call.alternatives):
                    raise failure from None

    def understand(self, request: Request, call: Call, body: Any) -> Any:
        """An answer to a request as litellm gives it; from any thread.

        Raises:
            ExpertError: it is none.
        """
        try:
            return self._rehearsal.understood(without_images(request), call, json.dumps(body).encode())
        except Exception as error:
            raise self.classify(error) from None

    def classify(self, error: Exception) -> ExpertError:
        """What went wrong, whether in litellm or on the way to the provider."""
        return self._channel.classify(error)

    async def aclose(self) -> None:
        await self._channel.aclose()
        await self.server.aclose()


def without_images(request: Request) -> Request:
    """The same request, for the answer to be read by: images may have to be fetched, which is not done twice."""
    if not any(message.images for message in request.messages):
        return request
    return replace(request, messages=tuple(replace(each, content=each.text) for each in request.messages))
