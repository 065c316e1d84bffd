"""Keeps secrets out of whatever is shown or recorded: manifests, traces, logs, `config show`."""

from __future__ import annotations

import re

from .types import Json

MASK = "***"

_SECRET = re.compile(
    r"(?:^|[-_.])(?:authorization|auth|token|secret|password|passwd|signature|sig)$|api_?key$|[-_.]key$", re.I
)
_USERINFO = re.compile(r"(?<=://)[^/?#\s]*@")
_QUERY = re.compile(r"([?&])([^=&#\s]+)=([^&#\s]*)")


def masked(value: Json, key: str = "") -> Json:
    """The value with secrets replaced: header values, values under a key that sounds secret, credentials in URLs.

    Args:
        key: what the value stands under; for a dotted path its last part.
    """
    if isinstance(value, dict):
        return {name: MASK if key == "headers" else masked(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [masked(item, key) for item in value]
    if value is not None and _SECRET.search(key):
        return MASK
    return masked_url(value) if isinstance(value, str) else value


def masked_url(text: str) -> str:
    """The text with user names and passwords cut out of its URLs, and secret-sounding query values."""
    if "://" not in text:
        return text
    return _QUERY.sub(_query_part, _USERINFO.sub(f"{MASK}@", text))


def _query_part(match: re.Match[str]) -> str:
    sign, name, value = match.groups()
    secret = name.lower() == "key" or _SECRET.search(name)
    return f"{sign}{name}={MASK if secret else value}"
