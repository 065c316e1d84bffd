"""What a server says about its limits beside an answer: OpenAI's `x-ratelimit` headers, as most others send them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from orchestrator.errors import Allowance, StatedLimits

_SPAN = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d*)?)s)?(?:(\d+(?:\.\d*)?)ms)?")
_SECONDS = (86400.0, 3600.0, 60.0, 1.0, 0.001)


def stated_limits(headers: Mapping[str, str]) -> StatedLimits | None:
    """The limits that headers tell (names in lower case); `None` where they tell none that can be kept to."""
    found = StatedLimits(_allowance(headers, "requests"), _allowance(headers, "tokens"))
    return found if found.requests or found.tokens else None


def _allowance(headers: Mapping[str, str], what: str) -> Allowance | None:
    try:
        limit, remaining = (float(headers[f"x-ratelimit-{name}-{what}"]) for name in ("limit", "remaining"))
        reset = span(headers[f"x-ratelimit-reset-{what}"])
    except (KeyError, ValueError):
        return None
    return Allowance(limit, remaining, reset) if 0 <= remaining < limit and 0 < reset < float("inf") else None


def span(text: str) -> float:
    """Seconds, of a text such as `6m0s`, `1.5s`, `20ms` or `12`.

    Raises:
        ValueError: it is none of these, such as a date.
    """
    found = _SPAN.fullmatch(text.strip())
    if found is None or not text.strip():
        return float(text)
    return sum(float(part) * unit for part, unit in zip(found.groups(), _SECONDS, strict=True) if part)
