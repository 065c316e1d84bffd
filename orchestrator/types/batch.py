"""Calls that a provider takes as a file, works off when it can, and gives back for less."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from .request import Request, Response, Tokens

HALF = 0.5
"""Of the usual price: what calls by batch cost where nobody says."""

_UNITS = {"m": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True, slots=True)
class BatchTerms:
    """How one expert is asked by batch."""

    window: str = "24h"
    """Within how long the provider is to answer, in its own words: a number and `m`, `h` or `d`."""
    price: float | None = None
    """Of the usual price; `None`: as price lists say, else half."""
    requests: int = 50_000
    """Requests that a batch may hold."""
    size: int = 100_000_000
    """Bytes that its file may have."""

    def __post_init__(self) -> None:
        if re.fullmatch(r"[1-9]\d*[mhd]", self.window) is None:
            raise ValueError("write a number and m, h or d, such as 24h")

    @property
    def seconds(self) -> float:
        """The window."""
        return int(self.window[:-1]) * _UNITS[self.window[-1]]


@dataclass(frozen=True, slots=True)
class BatchStanding:
    """How far a provider is with a batch."""

    id: str
    state: str
    """In the provider's words: `validating`, `in_progress`, `completed`, `expired`, `cancelled`, `failed`..."""
    ended: bool
    """Nothing more will be answered."""
    done: int = 0
    """Requests that are answered, or have failed."""
    reason: str = ""
    """Why all of it failed, if it did."""
    full: bool = False
    """All of it failed because the provider had too much waiting already."""
    files: tuple[str, ...] = ()
    """Where its results are."""


@dataclass(frozen=True, slots=True)
class Undecided:
    """Batches of which one may be the one that is looked for: only their results, once they have ended, will tell."""

    names: tuple[str, ...]
    """Those of the provider."""


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What became of one request of a batch."""

    key: bytes
    response: Response | None = None
    error: Exception | None = None
    """An `ExpertError`, where there is no response."""
    bill: Tokens = field(default=Tokens())
    """What was generated all the same where there is no response."""
    reshaped: bool = False
    """The provider refused a setting and will not get it again: asked once more the request looks different."""


Asked = Mapping[bytes, Request]
"""Requests by their keys."""
