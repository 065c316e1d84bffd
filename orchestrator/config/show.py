"""The settings for people to read: secrets masked, each with where it came from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

from ..masking import masked
from ..types import Json
from .load import Config
from .settings import KEYS


@dataclass(frozen=True, slots=True)
class Row:
    """One line of `orchestrator config show`."""

    key: str
    """Dotted."""
    value: Json
    origin: str


def rows(config: Config) -> list[Row]:
    """Every value that is set, in the order of the keys; header values and credentials are masked."""
    ordered = sorted(config.leaves.items(), key=lambda item: (KEYS.index(item[0][0]), item[0]))
    return [Row(".".join(key), masked(_plain(leaf.value), key[-1]), str(leaf.origin)) for key, leaf in ordered]


def _plain(value: object) -> Json:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else cast(Json, value)
