"""Serves experts without litellm: servers that speak OpenAI's protocol, and Ollama by its own.

A small part of the CPU and of the memory that litellm takes. Nothing heavy is imported before the first call.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from orchestrator.errors import (
    BadCompletion,
    BadRequest,
    ConfigError,
    ConnectionLost,
    ContextTruncated,
    ExpertError,
)
from orchestrator.protocols import Backend
from orchestrator.types import Expert, Request, Response

from .capabilities import Refusal
from .clients import OLLAMA
from .collecting import uncollected
from .compatible import Compatible
from .failures import Answer, Teller, answer_of, not_json
from .hosts import near
from .loading import Library
from .network import Channel, NetworkBackend
from .ollama import Ollama
from .pieces import BrokenOff, Interrupted, Pieces, Unreadable, listener
from .routes import Route, check, direct_route
from .wire import Call

if TYPE_CHECKING:
    from yarl import URL

__all__ = ["LIBRARY", "DirectBackend", "backend", "check"]

_TRIES = 2
"""Answers in pieces that may break off, one after the other, before answers are had whole."""


def backend(expert: Expert) -> Backend:
    """The backend of one expert; costs nothing until it is first asked."""
    return DirectBackend(expert)


class DirectBackend(NetworkBackend):
    """One expert behind a server that is asked without litellm."""

    def __init__(self, expert: Expert) -> None:
        super().__init__(expert)
        if expert.model.partition("/")[0] in OLLAMA:
            self.capabilities.limit(1)  # it gives one sample a request

    async def _warm(self) -> None:
        await LIBRARY.ready()

    def _open(self) -> Channel:
        route = direct_route(self.expert)
        self._form = _form_of(self.expert, route)
        return DirectChannel(self.expert, route, self._form)

    def _checked(self, response: Response, request: Request) -> Response:
        """The response, unless the context window ended it.

        Raises:
            ContextTruncated: it did.
        """
        if response.counted and (why := self._form.cut(request, response)):
            raise ContextTruncated(why, expert=self.expert.id)
        return response


class Form(Protocol):
    """The protocol that a server speaks."""

    def ask(self, request: Request, call: Call) -> tuple[str, dict[str, Any]]:
        """Path and body of a call."""
        ...

    def mendable(self, request: Request) -> bool:
        """Whether an answer that comes in pieces can be put together again."""
        ...

    def pieces(self, request: Request, call: Call) -> Pieces:
        """What puts one together."""
        ...

    def embed(self, request: Request) -> tuple[str, dict[str, Any]]:
        """Path and body of a request for embeddings."""
        ...

    def read(self, request: Request, raw: Any) -> Any:
        """The body of an answer as OpenAI's servers write it.

        Raises:
            AttributeError, KeyError, TypeError: it has not the shape of one.
        """
        ...

    def said(self, answer: Answer) -> Answer:
        """A refusal in the words that `Capabilities` understands."""
        ...

    def mended(self, body: dict[str, Any], answer: Answer) -> dict[str, Any] | None:
        """A body that says the same in a way that was not refused; `None` where there is none."""
        ...

    def cut(self, request: Request, response: Response) -> str:
        """How the context window ended a reply, in words; empty where it did not."""
        ...


class DirectChannel:
    """The way to one server.

    Raises:
        ConfigError: the variable named by `key_env` is not set, or `api_base` is no URL.
    """

    def __init__(self, expert: Expert, route: Route, form: Form) -> None:
        # It needs the HTTP library, which must not be loaded with this module.
        from . import connections

        assert route.api_base is not None
        self._form, self._base = form, route.api_base
        self._tell = Teller(expert.id, route.secrets(expert), route.key_from(expert))
        self._failure_of = connections.failure_of
        self._connections = connections.Connections(self._base, headers_of(expert, route), near(self._base))
        self._urls: dict[str, URL] = {}
        self._broken = 0
        """Answers in pieces that came to nothing, one after the other."""

    def streams(self, batch: Sequence[Request]) -> bool:
        """Whether an answer may come in pieces: not where those of this server turned out to be of no use."""
        return self._broken < _TRIES and self._form.mendable(batch[0])

    async def send(self, request: Request, call: Call, began: Callable[[], None] | None = None) -> Any:
        """The answer to one call, in the form of OpenAI's; in pieces with `began`, which hears of the first token."""
        path, body = self._form.ask(request, call)
        if began is None:
            return self._read(request, await self._post(path, body))
        pieces = self._form.pieces(request, call)
        try:
            raw = await self._post(path, {**body, **pieces.asked}, listener(pieces, began))
            whole = None if raw else pieces.whole()
        except (BrokenOff, Interrupted, Unreadable) as error:
            raise self._spoiled(error) from None
        self._broken = 0
        return self._read(request, raw) if raw else self._shaped(request, whole)

    async def send_texts(self, request: Request) -> Any:
        """The answer to a request for embeddings, likewise."""
        return self._read(request, await self._post(*self._form.embed(request)))

    def classify(self, error: Exception) -> ExpertError:
        """What went wrong, as an error of our tree without anything secret."""
        if isinstance(error, ExpertError):
            return error
        if isinstance(error, _Unsuccessful):
            return self._tell.of_answer(error.answer)
        if found := self._failure_of(error):
            return self._tell.error(*found)
        raise error

    def refusal_of(self, error: Exception) -> Refusal | None:
        """The words of a refusal to take a request as it is, where it was one."""
        return self._form.said(error.answer).refusal if isinstance(error, _Unsuccessful) else None

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._connections.aclose()

    async def _post(self, path: str, body: dict[str, Any], take: Callable[[bytes], bool] | None = None) -> bytes:
        """The body of a successful answer; empty where `take` was handed it as it came."""
        reply = await self._connections.post(self._url(path), self._written(body), take)
        if 200 <= reply.status < 300:
            return reply.raw
        headers = {name.lower(): value for name, value in reply.headers.items()}
        answer = answer_of(reply.status, reply.raw.decode(errors="replace"), headers)
        if (mended := self._form.mended(body, answer)) is not None:
            return await self._post(path, mended, take)
        raise _Unsuccessful(answer)

    def _url(self, path: str) -> URL:
        if path not in self._urls:
            from yarl import URL

            base, mark, query = self._base.partition("?")
            self._urls[path] = URL(f"{base.rstrip('/')}/{path}{mark}{query}")
        return self._urls[path]

    def _written(self, body: dict[str, Any]) -> bytes:
        try:
            return json.dumps(body).encode()
        except (TypeError, ValueError) as error:
            raise self._tell.error(BadRequest, f"the request cannot be written as JSON: {error}") from None

    def _read(self, request: Request, raw: bytes) -> Any:
        try:
            text = raw.decode().removeprefix("\ufeff")  # half the time that json takes for bytes
            with uncollected():
                body = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise self._tell.error(*not_json(error)) from None
        if isinstance(body, dict) and body.get("error") and not body.get("choices"):
            raise self._told(text)
        return self._shaped(request, body)

    def _shaped(self, request: Request, body: Any) -> Any:
        try:
            return self._form.read(request, body)
        except (AttributeError, KeyError, TypeError) as error:
            why = f"{type(error).__name__}: {error}"
            raise self._tell.error(BadCompletion, f"the body has not the shape of an answer ({why})") from None

    def _spoiled(self, error: BrokenOff | Interrupted | Unreadable) -> Exception:
        """What an answer in pieces is that did not come to its end."""
        if isinstance(error, Interrupted):
            return self._told(error.body)
        if isinstance(error, BrokenOff):
            self._broken += 1
            return self._tell.error(ConnectionLost, "the answer broke off")
        self._broken = _TRIES
        return self._tell.error(BadCompletion, str(error))

    def _told(self, text: str) -> Exception:
        """An error that came with the status of a success: a gateway's, which may say the status in its code.

        It is then as if it had come with that: a refusal is learned from.
        """
        answer = answer_of(200, text, {})
        if answer.code.isdecimal() and 400 <= int(answer.code) < 600:
            return _Unsuccessful(replace(answer, status=int(answer.code)))
        return self._tell.error(BadCompletion, answer.message)


class _Unsuccessful(Exception):
    """An answer whose status is no success."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def _form_of(expert: Expert, route: Route) -> Form:
    return Compatible(route.model, expert) if route.compatible else Ollama(route.model, expert)


def headers_of(expert: Expert, route: Route) -> dict[str, str]:
    """What goes with every request; the user's own headers win, and without a named key none is sent.

    Raises:
        ConfigError: a value that cannot be one.
    """
    for name, value in expert.headers.items():
        if set(name + value) & set("\r\n\0"):
            raise ConfigError(f"expert '{expert.id}': the header {name!r} has a line break in it")
    named = f"Bearer {route.key}" if route.key else route.basic
    ours = {"User-Agent": "diverse-orchestrator", **({"Authorization": named} if named else {})}
    given = {name.lower() for name in expert.headers}
    return {**{name: value for name, value in ours.items() if name.lower() not in given}, **expert.headers}


def _library() -> None:
    from . import connections  # noqa: F401


LIBRARY = Library("aiohttp", _library)
"""What its experts need: the HTTP library."""
