"""What went wrong in a call through litellm, read from the whole chain of causes.

litellm folds resets, cut and malformed bodies into status 500 and makes up responses for them; only the HTTP client's
own exceptions, further down the chain, tell what happened. Imported once litellm is: it needs the same HTTP libraries.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterable, Iterator, Mapping

import aiohttp
import httpx
from aiohttp.http_exceptions import HttpProcessingError

from orchestrator.errors import BadCompletion, ConnectionFailed, ConnectionLost, ExpertError, ExpertTimeout, RateLimited

from .capabilities import Refusal
from .failures import Answer, Teller, answer_of, by_status, not_json, pause, web_page, without_addresses
from .stated_limits import stated_limits
from .transport import PageCame

_NO_CONNECTION = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientProxyConnectionError,
    aiohttp.InvalidURL,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    ConnectionRefusedError,
    socket.gaierror,
)
_LOST = (
    aiohttp.ClientError,
    HttpProcessingError,
    httpx.TransportError,
    ConnectionError,
    BrokenPipeError,
)
_MALFORMED = (KeyError, IndexError, AttributeError, TypeError)
_MALFORMED_WORDS = ("Invalid response object", "Empty or invalid response", "Error in response object", "json response")


def classify(error: BaseException, tell: Teller, now: float | None = None) -> ExpertError:
    """The error of our tree for what litellm raised.

    Args:
        error: as raised.
        tell: makes the errors of the expert.
        now: seconds since the epoch, for a Retry-After given as a date; by default the clock's.
    """
    chain = list(causes(error))
    now = time.time() if now is None else now
    answer = http_answer(chain)
    if answer is not None:
        kind, message = by_status(answer)
        error = tell.error(kind, message, _retry_after(chain, answer.headers, now))
        if isinstance(error, RateLimited):
            error.stated = stated_limits(answer.headers or {})
        return error
    kind, message = _by_cause(chain)
    return tell.error(kind, message, _retry_after(chain, None, now) if kind is RateLimited else None)


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error, what caused it, and so on."""
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or link.__context__


def refusal_of(error: BaseException) -> Refusal | None:
    """The words of a refusal to take the request as it is: a real 400 or 422, or litellm's own for a known provider."""
    chain = list(causes(error))
    answer = http_answer(chain)
    if answer is not None:
        return answer.refusal
    for link in chain:
        if type(link).__name__ == "UnsupportedParamsError":
            return Refusal(str(link), code="unsupported_parameter")
    return None


def http_answer(chain: Iterable[BaseException]) -> Answer | None:
    """The server's own answer, when there was one that is no success."""
    for link in chain:
        # openai.APIStatusError has a real response too, but always stands on one of these.
        if isinstance(link, httpx.HTTPStatusError) and link.response.status_code != 200:
            return _answer(link.response)
    return None


def _answer(response: httpx.Response) -> Answer:
    try:
        text = response.text
    except httpx.ResponseNotRead:
        text = ""
    return answer_of(response.status_code, text, {name.lower(): value for name, value in response.headers.items()})


def _by_cause(chain: list[BaseException]) -> tuple[type[ExpertError], str]:
    """Where no server answered, or not with an error: the client's exceptions decide."""
    if page := next((link for link in chain if isinstance(link, PageCame)), None):
        return web_page(page.text)
    if link := _first(chain, _NO_CONNECTION):
        return ConnectionFailed, f"no connection: {without_addresses(str(link) or type(link).__name__)}"
    if _first(chain, (TimeoutError, httpx.TimeoutException, aiohttp.ServerTimeoutError)) or _named(chain, "Timeout"):
        return ExpertTimeout, "no answer in time"
    if link := _first(chain, _LOST):
        return ConnectionLost, f"connection lost: {str(link) or type(link).__name__}"
    return _by_litellm(chain)


def _by_litellm(chain: list[BaseException]) -> tuple[type[ExpertError], str]:
    """A body with status 200 that was no answer, or litellm's own objection."""
    said, status = str(chain[0]), getattr(chain[0], "status_code", None)
    if isinstance(status, int) and status not in (200, 500):
        return by_status(Answer(status, said))[0], said
    if broken := _first(chain, (json.JSONDecodeError, UnicodeDecodeError)):
        return not_json(broken)
    broken = _first(chain, _MALFORMED)
    if broken or any(words in str(link) for link in chain for words in _MALFORMED_WORDS):
        why = f" ({type(broken).__name__}: {broken})" if broken else ""
        return BadCompletion, f"the body has not the shape of an answer{why}"
    return BadCompletion, said


def _first(chain: Iterable[BaseException], kinds: tuple[type[BaseException], ...]) -> BaseException | None:
    return next((link for link in chain if isinstance(link, kinds)), None)


def _named(chain: Iterable[BaseException], name: str) -> bool:
    return any(kind.__name__ == name for link in chain for kind in type(link).__mro__)


def _retry_after(chain: Iterable[BaseException], headers: Mapping[str, str] | None, now: float) -> float | None:
    for given in (headers, *(getattr(link, "litellm_response_headers", None) for link in chain)):
        if given:
            found = pause({str(name).lower(): str(value) for name, value in dict(given).items()}, now)
            if found is not None:
                return found
    return None
