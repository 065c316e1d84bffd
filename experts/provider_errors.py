"""What went wrong in a call through litellm, read from the whole chain of causes.

litellm folds resets, cut and malformed bodies into status 500 and makes up responses for them; only the HTTP client's
own exceptions, further down the chain, tell what happened. Imported once litellm is: it needs the same HTTP libraries.
"""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import aiohttp
import httpx
from aiohttp.http_exceptions import HttpProcessingError

from orchestrator.errors import (
    BadCompletion,
    BadRequest,
    ConnectionFailed,
    ConnectionLost,
    ContentFiltered,
    ContextTooLong,
    ExpertError,
    ExpertLost,
    ExpertTimeout,
    RateLimited,
    ServerBusy,
    UnknownModel,
    WrongKey,
)
from orchestrator.masking import MASK, masked_url

from .capabilities import Refusal

_LONGEST = 300
_TOO_LONG = re.compile(
    r"context[ _](?:length|window)|maximum (?:input|context|prompt|sequence)|"
    r"(?:prompt|input|request) (?:is )?too (?:long|large)|too many (?:input )?tokens|"
    r"exceeds? (?:the )?(?:model'?s? )?(?:maximum )?(?:context|token|max_model_len)",
    re.IGNORECASE,
)
_FILTERED = re.compile(
    r"content[_ ](?:policy|filter|management)|safety system|violat\w+ (?:our|the) (?:usage|content)|ResponsibleAI|"
    r"content_policy_violation|data_inspection_failed",
    re.IGNORECASE,
)
_NO_MONEY = re.compile(r"insufficient_quota|exceeded your current quota|credit balance|billing|out of credits", re.I)
_KEYLIKE = re.compile(
    r"\b(?:sk|pk|rk|gsk|xai|hf|AIza)[-_A-Za-z0-9]*[-_][-_A-Za-z0-9*.]{6,}|AIza[-_A-Za-z0-9]{10,}|(?<=Bearer )\S{4,}"
)
_PREFIX = re.compile(r"^(?:(?:litellm\.)?\w+(?:Error|Exception|Timeout)(?:: | - ))+")
"""What litellm puts before a provider's words."""
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
_MALFORMED = (json.JSONDecodeError, UnicodeDecodeError, KeyError, IndexError, AttributeError, TypeError)
_MALFORMED_WORDS = ("Invalid response object", "Empty or invalid response", "Error in response object", "json response")


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer that was no success."""

    status: int
    message: str
    param: str = ""
    code: str = ""
    headers: Mapping[str, str] | None = None

    @property
    def refusal(self) -> Refusal:
        return Refusal(self.message, self.param, self.code)


def classify(
    error: BaseException,
    *,
    expert: str,
    secrets: Iterable[str] = (),
    key_from: str = "",
    now: float | None = None,
) -> ExpertError:
    """The error of our tree for what litellm raised.

    Args:
        error: as raised.
        expert: id of the expert.
        secrets: strings that must not be in the message.
        key_from: where the key came from, in words; said when it was refused.
        now: seconds since the epoch, for a Retry-After given as a date; by default the clock's.
    """
    chain = list(causes(error))
    answer = http_answer(chain)
    if answer is not None:
        kind, message = _by_status(answer)
        pause = _retry_after(chain, answer.headers, time.time() if now is None else now)
    else:
        kind, message = _by_cause(chain)
        pause = _retry_after(chain, None, time.time() if now is None else now) if kind is RateLimited else None
    return kind(one_line(message, secrets, _advice(kind, key_from)), expert=expert, retry_after=pause)


def _advice(kind: type[ExpertError], key_from: str) -> str:
    """What to do next, where the user can do something."""
    if kind is WrongKey:
        return f"; {key_from}" if key_from else ""
    if kind is UnknownModel:
        return "; check the model's name and api_base"
    return "; is the server running, and api_base right?" if kind is ConnectionFailed else ""


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
        return answer.refusal if answer.status in (400, 422) else None
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
    headers = {name.lower(): value for name, value in response.headers.items()}
    try:
        body = json.loads(text)
    except ValueError:
        return Answer(response.status_code, text, headers=headers)
    error = body.get("error", body) if isinstance(body, dict) else body
    if isinstance(error, dict):
        message, param, code = _fields(error)
        return Answer(response.status_code, message, param, code, headers)
    return Answer(response.status_code, str(error), headers=headers)


def _fields(error: Mapping[str, object]) -> tuple[str, str, str]:
    """Message, parameter and code of an error object, in the dialects of OpenAI, FastAPI and others."""
    detail = error.get("detail")
    if isinstance(detail, list) and detail and isinstance(detail[0], dict):
        first = detail[0]
        where = [str(part) for part in first.get("loc", ()) if part != "body"]
        return f"{'.'.join(where)}: {first.get('msg', '')}", where[0] if where else "", str(first.get("type") or "")
    message = error.get("message") or detail or error.get("error") or json.dumps(error)
    code = error.get("code") or error.get("type") or error.get("status")
    return str(message), str(error.get("param") or ""), str(code or "")


def _by_status(answer: Answer) -> tuple[type[ExpertError], str]:
    status, said = answer.status, f"{answer.message} {answer.code}"
    message = answer.message if answer.message.startswith(str(status)) else f"{status} {answer.message}".rstrip()
    match status:
        case 400 | 413 | 422:
            return _bad_request(said, status), message
        case 401 | 403 | 407:
            return (ContentFiltered if _FILTERED.search(said) else WrongKey), message
        case 402:
            return ExpertLost, message
        case 404 | 405 | 410:
            return UnknownModel, message
        case 408:
            return ExpertTimeout, message
        case 429:
            return (ExpertLost if _NO_MONEY.search(said) else RateLimited), message
        case 409 | 425 | 500 | 503 | 521 | 523 | 529:
            return ServerBusy, message
        case _ if 300 <= status < 400:
            return ExpertLost, _redirected(answer)
        case _ if 400 < status < 500:
            return BadRequest, message
        case _:
            return ConnectionLost, message


def _bad_request(said: str, status: int = 400) -> type[ExpertError]:
    if _TOO_LONG.search(said) or status == 413:
        return ContextTooLong
    if _FILTERED.search(said):
        return ContentFiltered
    return ExpertLost if _NO_MONEY.search(said) else BadRequest


def _redirected(answer: Answer) -> str:
    where = urlsplit((answer.headers or {}).get("location", ""))
    target = f" to {where.scheme}://{where.netloc.rpartition('@')[2]}" if where.netloc else ""
    return f"{answer.status}: the server redirects{target}, which is not followed; set api_base to the final address"


def _by_cause(chain: list[BaseException]) -> tuple[type[ExpertError], str]:
    """Where no server answered, or not with an error: the client's exceptions decide."""
    if link := _first(chain, _NO_CONNECTION):
        return ConnectionFailed, f"no connection: {_without_addresses(str(link) or type(link).__name__)}"
    if _first(chain, (TimeoutError, httpx.TimeoutException, aiohttp.ServerTimeoutError)) or _named(chain, "Timeout"):
        return ExpertTimeout, "no answer in time"
    if link := _first(chain, _LOST):
        return ConnectionLost, f"connection lost: {str(link) or type(link).__name__}"
    return _by_litellm(chain)


def _by_litellm(chain: list[BaseException]) -> tuple[type[ExpertError], str]:
    """A body with status 200 that was no answer, or litellm's own objection."""
    said, status = str(chain[0]), getattr(chain[0], "status_code", None)
    if isinstance(status, int) and status not in (200, 500):
        return _by_status(Answer(status, said))[0], said
    if broken := _first(chain, (json.JSONDecodeError,)):
        return BadCompletion, f"the body is not JSON: {broken}"
    broken = _first(chain, _MALFORMED)
    if broken or any(words in str(link) for link in chain for words in _MALFORMED_WORDS):
        why = f" ({type(broken).__name__}: {broken})" if broken else ""
        return BadCompletion, f"the body has not the shape of an answer{why}"
    return BadCompletion, said


def _first(chain: Iterable[BaseException], kinds: tuple[type[BaseException], ...]) -> BaseException | None:
    return next((link for link in chain if isinstance(link, kinds)), None)


def _named(chain: Iterable[BaseException], name: str) -> bool:
    return any(kind.__name__ == name for link in chain for kind in type(link).__mro__)


def _without_addresses(text: str) -> str:
    """aiohttp's words without the `ssl:<... at 0x7f>` that changes with every run."""
    return re.sub(r" ssl:(?:<[^>]*>|\w+)", "", text)


def _retry_after(chain: Iterable[BaseException], headers: Mapping[str, str] | None, now: float) -> float | None:
    for given in (headers, *(getattr(link, "litellm_response_headers", None) for link in chain)):
        if given:
            found = pause({str(name).lower(): str(value) for name, value in dict(given).items()}, now)
            if found is not None:
                return found
    return None


def pause(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that a server asks to wait: `retry-after-ms`, or `retry-after` in seconds or as a date."""
    try:
        return max(0.0, float(headers["retry-after-ms"]) / 1000)
    except (KeyError, ValueError):
        pass
    given = headers.get("retry-after", "").strip()
    try:
        return max(0.0, float(given))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(given).timestamp() - now)
    except (ValueError, TypeError):
        return None


def one_line(message: str, secrets: Iterable[str] = (), advice: str = "") -> str:
    """A message and what to do about it as one line of at most 300 characters, without anything secret."""
    for secret in secrets:
        message = message.replace(secret, MASK)
    message = _KEYLIKE.sub(MASK, masked_url(message))
    message = _PREFIX.sub("", " ".join(message.split()))
    room = _LONGEST - len(advice)
    return (message if len(message) <= room else message[: room - 1] + "…") + advice
