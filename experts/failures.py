"""What an answer that was no success, or a connection that broke, is in our tree of errors, whichever client it met."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from html import unescape
from urllib.parse import urlsplit

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
    WebPage,
    WrongKey,
)
from orchestrator.masking import MASK, masked_url

from .capabilities import Refusal
from .stated_limits import stated_limits

_LONGEST = 300
_TOO_LONG = re.compile(
    r"context[ _](?:length|window|size)|maximum (?:input|context|prompt|sequence)|max_new_tokens` must be|"
    r"(?:prompt|input|request) (?:is )?too (?:long|large)|too many (?:input )?tokens|"
    r"exceeds? (?:the )?(?:model'?s? )?(?:maximum )?(?:context|token|max_model_len)",
    re.IGNORECASE,
)
_OF_REPLY = re.compile(r"completion|max_(?:new_|completion_|output_)?tokens|output tokens", re.IGNORECASE)
"""In a refusal of what is too long: the room kept for the reply counts too."""
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
_TITLE = re.compile(r"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<(?:style|script)\b.*?</(?:style|script)\s*>|<[^>]*>", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer that was no success."""

    status: int
    message: str
    param: str = ""
    code: str = ""
    headers: Mapping[str, str] | None = None

    @property
    def refusal(self) -> Refusal | None:
        """The words of a refusal to take the request as it is."""
        return Refusal(self.message, self.param, self.code) if self.status in (400, 422, 501) else None


@dataclass(frozen=True, slots=True)
class Teller:
    """Makes errors of our tree for one expert, without anything secret in them."""

    expert: str
    secrets: tuple[str, ...] = ()
    """Strings that must not be in a message."""
    key_from: str = ""
    """Where the key came from, in words; said when it was refused."""

    def of_answer(self, answer: Answer, now: float | None = None) -> ExpertError:
        """The error that a server's answer is.

        Args:
            now: seconds since the epoch, for a Retry-After given as a date; by default the clock's.
        """
        kind, message = by_status(answer)
        headers = answer.headers or {}
        error = self.error(kind, message, pause(headers, time.time() if now is None else now))
        if isinstance(error, RateLimited):
            error.stated = stated_limits(headers)
        return error

    def error(self, kind: type[ExpertError], message: str, retry_after: float | None = None) -> ExpertError:
        """An error as one line that says what to do next."""
        line = one_line(message, self.secrets, _advice(kind, self.key_from, message))
        return kind(line, expert=self.expert, retry_after=retry_after)


def answer_of(status: int, text: str, headers: Mapping[str, str]) -> Answer:
    """What a server said with a status that is no success, in whatever dialect.

    Args:
        headers: names in lower case.
    """
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return Answer(status, _words(text), headers=headers)
    error = body.get("error", body) if isinstance(body, dict) else body
    if isinstance(error, dict):
        message, param, code = _fields(error)
        return Answer(status, message, param, code, headers)
    return Answer(status, str(error), headers=headers)


def not_json(error: BaseException) -> tuple[type[BadCompletion], str]:
    """The class and the words of a body with a status of success that could not be read as JSON."""
    text = _unread(error)
    return web_page(text) if text.startswith("<") else (BadCompletion, f"the body is not JSON: {error}")


def web_page(text: str) -> tuple[type[WebPage], str]:
    """The class and the words of a page with a status of success."""
    title = _words(text)[:60].strip()
    page = f"a web page ({title})" if title else "a web page"
    return WebPage, f"the server answers with {page}, not with JSON; is api_base right? most end in /v1"


def _unread(error: BaseException) -> str:
    """What could not be read."""
    if isinstance(error, json.JSONDecodeError):
        return error.doc.lstrip("\ufeff \t\r\n")
    if isinstance(error, UnicodeDecodeError):  # a page in an older encoding
        return error.object.decode("latin-1").lstrip()
    return ""


def _words(text: str) -> str:
    """What a page says, in its title if it has one; a text that is none as it is."""
    if not text.lstrip().startswith("<"):
        return text
    title = _TITLE.search(text)
    return " ".join(unescape(_TAG.sub(" ", title[1] if title else text)).split())


def _advice(kind: type[ExpertError], key_from: str, message: str) -> str:
    """What to do next, where the user can do something."""
    if kind is ContextTooLong:
        room = "; a smaller max_tokens in the sampling of its pool entry leaves the prompt more room"
        return room if _OF_REPLY.search(message) else ""
    if kind is WrongKey:
        return f"; {key_from}" if key_from else ""
    if kind is UnknownModel:
        return "; check the model's name and api_base"
    return "; is the server running, and api_base right?" if kind is ConnectionFailed else ""


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


def by_status(answer: Answer) -> tuple[type[ExpertError], str]:
    """The class of an answer, and its message."""
    status, said = answer.status, f"{answer.message} {answer.code}"
    message = answer.message if answer.message.startswith(str(status)) else f"{status} {answer.message}".rstrip()
    match status:
        case 400 | 413 | 422 | 501:
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
    until = _moment(given)
    # The server's own clock, where it tells it: a date is no better than the clock that it is held against.
    return None if until is None else max(0.0, until - (_moment(headers.get("date", "")) or now))


def _moment(date: str) -> float | None:
    """Seconds since the epoch of a date as HTTP writes it."""
    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def one_line(message: str, secrets: Iterable[str] = (), advice: str = "") -> str:
    """A message and what to do about it as one line of at most 300 characters, without anything secret."""
    for secret in secrets:
        message = message.replace(secret, MASK)
    message = _KEYLIKE.sub(MASK, masked_url(message))
    message = _PREFIX.sub("", " ".join(message.split()))
    if advice:
        message = message.removesuffix(".")
    room = _LONGEST - len(advice)
    return (message if len(message) <= room else message[: room - 1] + "…") + advice


def without_addresses(text: str) -> str:
    """aiohttp's words without the `ssl:<... at 0x7f>` that changes with every run."""
    return re.sub(r" ssl:(?:<[^>]*>|\w+)", "", text)
