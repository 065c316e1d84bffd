"""What a server takes: declared by the user, looked up, or learned from one refusal. Never guessed from a name."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

SETTINGS = (
    "temperature",
    "top_p",
    "max_tokens",
    "n",
    "seed",
    "stop",
    "system",
    "logprobs",
    "json_schema",
    "reasoning_effort",
    "stream",
)
"""Names in a pool file's `capabilities`. `max_tokens` may also be the name under which the server knows the cap."""

CAPS = ("max_tokens", "max_completion_tokens")

_ON_THE_WIRE = {
    **{name: name for name in SETTINGS},
    "max_completion_tokens": "max_tokens",
    "response_format": "json_schema",
    "top_logprobs": "logprobs",
    "stream_options": "stream",
}
_REFUSED = re.compile(
    r"un-?support|not (?:\w+ )?(?:support|permit|allow|recogni[sz]|accept|implement)|do(?:es)?(?: not|n't) (?:\w+ )?"
    r"(?:support|accept|allow|take)|unknown|unrecogni[sz]ed|unexpected|extra (?:input|field)|deprecated|"
    r"only the default|may only be set|must be 1\b|cannot be (?:set|used|specified)|not a valid field",
    re.IGNORECASE,
)
_CODES = {"unsupported_parameter", "unsupported_value", "unknown_parameter", "extra_forbidden"}
_NO_SYSTEM = re.compile(
    r"system (?:role|message|prompt|instruction)|role\b.{0,40}\bsystem|'system'|"
    r"only user and assistant|roles must alternate",
    re.IGNORECASE,
)
_PLAIN = re.compile(r"\b(?:n(?=\s*(?:=|>|must|is\b))|[a-z]+_[a-z_]+|temperature|seed|logprobs|stop)\b")
_AT_MOST = re.compile(
    r"(?:at most|no more than|maximum (?:of|is|value of)|up to|<=|≤|less than or equal to|between 1 and|from 1 to)"
    r"\s*(\d{1,4})\b",
    re.IGNORECASE,
)
_TOO_MANY = re.compile(r"(?:max(?:imum)? allowed\W{0,3}|between 0 and |from 0 to )(\d{1,3})\b", re.IGNORECASE)
_STREAMS = re.compile(r"\bstream(?:ing|ed|_options)?\b", re.IGNORECASE)
_ALWAYS_NO_SYSTEM = re.compile(r"only user and assistant|roles must alternate", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Refusal:
    """The words of a 400."""

    message: str
    param: str = ""
    code: str = ""


@dataclass(slots=True)
class Capabilities:
    """What one expert's server takes. Everything not known to be refused is sent.

    Shared by all calls in flight: each change is one assignment, so calls that learn the same thing do not disturb
    one another.
    """

    declared: Mapping[str, bool | str] = field(default_factory=dict)
    """The user's word; it is never overruled."""
    _found: dict[str, bool | str] = field(default_factory=dict)
    _caps_refused: set[str] = field(default_factory=set)
    _most: int | None = None
    _alternatives: int = 1000

    def takes(self, setting: str) -> bool:
        known = self.declared.get(setting, self._found.get(setting, True))
        return known is not False

    @property
    def cap(self) -> str:
        """The name under which the server takes the cap on completion tokens."""
        for known in (self.declared.get("max_tokens"), self._found.get("max_tokens")):
            if isinstance(known, str):
                return known
        return CAPS[0]

    @property
    def most(self) -> int | None:
        """Choices that one request may ask for; `None`: no limit is known."""
        return self._most if self.takes("n") else 1

    @property
    def alternatives(self) -> int:
        """Of how many other tokens, at each place, log-probabilities may be asked for."""
        return self._alternatives

    def look_up(self, supported: Iterable[str]) -> None:
        """Takes over what a client library says of a real provider: the request fields that exist there."""
        there = set(supported)
        for setting in ("temperature", "top_p", "n", "seed", "stop", "logprobs", "reasoning_effort"):
            if setting not in there:
                self._found[setting] = False
        if "top_logprobs" not in there:
            self._found["logprobs"] = False
        if "response_format" not in there:
            self._found["json_schema"] = False
        if not there & {CAPS[0]} and CAPS[1] in there:
            self._found["max_tokens"] = CAPS[1]

    def lose(self, setting: str) -> None:
        """Learns that requests are better made without a setting, though none was refused; the user's word stands."""
        self._found[setting] = False

    def limit(self, choices: int) -> None:
        """Learns that a request brought only so many choices."""
        self._most = max(1, choices)

    def learn(self, refusal: Refusal, sent: Collection[str], choices: int = 1, alternatives: int = 0) -> bool:
        """Learns from a refusal; whether the request will now look different from the one that held `sent`.

        Args:
            refusal: what the server said.
            sent: the settings of the refused request, the cap under the name that it had.
            choices: how many it asked for.
            alternatives: of how many other tokens it asked for the log-probabilities.
        """
        if "logprobs" in sent and (fewer := _allowed_alternatives(refusal)) is not None and fewer < alternatives:
            self._alternatives = fewer
            return True
        setting = _named(refusal, sent)
        if setting is None or (setting in self.declared and setting != "n"):
            return False
        if setting == "max_tokens":
            return self._rename_cap(next(name for name in CAPS if name in sent))
        if setting == "n":
            allowed = _allowed(refusal.message)
            self._most = allowed if allowed < choices else 1
        else:
            self._found[setting] = False
        return True

    def _rename_cap(self, refused: str) -> bool:
        self._caps_refused.add(refused)
        for name in CAPS:
            if name not in self._caps_refused:
                self._found["max_tokens"] = name
                return True
        return False


def _named(refusal: Refusal, sent: Collection[str]) -> str | None:
    """The setting that the refusal is about, among those sent."""
    here = {_ON_THE_WIRE.get(name, name) for name in sent}
    first = re.split(r"[.\[]", refusal.param)[0]
    if "stream" in here and _STREAMS.search(f"{refusal.param} {refusal.message}"):
        return "stream"  # whatever is wrong with it, an answer can always be had whole
    if "system" in here and _about_system(refusal, first):
        return "system"
    setting = _ON_THE_WIRE.get(first)
    if setting == "n" and setting in here:
        return setting  # a single choice is always allowed, so whatever is wrong with n ends with dropping it
    if refusal.code not in _CODES and not _REFUSED.search(refusal.message):
        return None
    if setting in here:
        return setting
    return next((s for s in _mentioned(refusal.message) if s in here), None)


def _allowed(message: str) -> int:
    """How many choices a refusal of `n` says may be asked for; 1 where it does not say."""
    found = _AT_MOST.search(message)
    return max(1, int(found[1])) if found else 1


def _allowed_alternatives(refusal: Refusal) -> int | None:
    """How many alternatives a refusal of log-probabilities says may be asked for; `None` where it does not say."""
    if "logprobs" not in (refusal.param or refusal.message):
        return None
    found = _AT_MOST.search(refusal.message) or _TOO_MANY.search(refusal.message)
    return int(found[1]) if found else None


def _about_system(refusal: Refusal, first: str) -> bool:
    if _ALWAYS_NO_SYSTEM.search(refusal.message):
        return True
    if first not in ("", "messages"):
        return False
    return bool(_NO_SYSTEM.search(refusal.message) and _REFUSED.search(refusal.message))


def _mentioned(message: str) -> list[str]:
    """Settings in the order in which the message names them: quoted ones first, then plain words."""
    quoted = re.findall(r"['\"`]([a-z_]+)['\"`]", message)
    plain = _PLAIN.findall(message.lower())
    return [_ON_THE_WIRE[name] for name in (*quoted, *plain) if name in _ON_THE_WIRE]
