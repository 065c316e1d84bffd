"""`--reuse`: another run, whose replies are taken over where the same is asked of the same server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from orchestrator.errors import ConfigError
from orchestrator.types import Json

from .plan import Wish
from .printing import note
from .recorded import recorded
from .team import Team


def reused(where: str, team: Team) -> Path:
    """The journal of the run that is meant.

    Raises:
        ConfigError: there is no such run, its journal cannot be read, or an expert of both is at another address here.
    """
    from orchestrator.engine import JournalView
    from orchestrator.folder import RunView, find

    run = RunView(find(where))
    JournalView(run.journal).close()
    there = {row["id"]: row["api_base"] for row in _rows(run.manifest)}
    for row in _rows(recorded(team)):
        name, base = row["id"], row["api_base"]
        if name in there and there[name] != base:
            raise ConfigError(
                f"--reuse {where}: expert '{name}' was asked at {_shown(there[name])} there and would be at "
                f"{_shown(base)} here, so replies might not be of one model: give one of them another id"
            )
    return run.journal.absolute()


def still_there(wish: Wish) -> Wish:
    """The wish of a run that is resumed; without the other run's replies where these are gone."""
    if wish.reuse is None or wish.reuse.is_file():
        return wish
    note(
        f"{wish.reuse.parent}, whose replies this run took over, is not there any more; "
        "what it has not taken is asked anew"
    )
    return replace(wish, reuse=None)


def _rows(manifest: Mapping[str, Json]) -> Iterator[Mapping[str, Any]]:
    """The experts that a manifest records."""
    found: dict[str, Any] = dict(manifest)
    yield from found.get("experts") or ()
    yield from (found.get("roles") or {}).values()
    yield from found.get("reserves") or ()


def _shown(base: str | None) -> str:
    return base or "its provider's own address"
