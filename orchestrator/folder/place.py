"""Where run folders are, and how they are named and found."""

from __future__ import annotations

import secrets
from datetime import datetime
from pathlib import Path

from ..errors import ConfigError, UnknownName

MANIFEST = "manifest.json"
LAST = "last"


def runs_folder() -> Path:
    """Where runs go that name no folder: under the user's state directory."""
    from platformdirs import user_state_path

    return user_state_path("orchestrator", appauthor=False) / "runs"


def new_id(now: datetime) -> str:
    """An id that sorts by time, to the millisecond: `20261123-093312-481a7c3`."""
    return f"{now:%Y%m%d-%H%M%S}-{now.microsecond // 1000:03d}{secrets.token_hex(2)}"


def run_ids() -> list[str]:
    """Ids of the runs under the state directory, oldest first."""
    folder = runs_folder()
    if not folder.is_dir():
        return []
    return sorted(entry.name for entry in folder.iterdir() if (entry / MANIFEST).is_file())


def find(where: str | Path) -> Path:
    """The run folder that is meant: a path, an id, the beginning of one, or `last`.

    Raises:
        ConfigError: no such run (UnknownName suggests one), or several begin so.
    """
    path, text = Path(where), str(where)
    if isinstance(where, str) and text in (LAST, ""):
        return runs_folder() / _chosen(text, run_ids())
    if (path / MANIFEST).is_file():
        return path
    ids = run_ids()
    if isinstance(where, Path) or "/" in text or (path.is_dir() and not any(name.startswith(text) for name in ids)):
        raise ConfigError(f"'{text}' is not a run folder: it has no {MANIFEST}; see `orchestrator runs list`")
    return runs_folder() / _chosen(text, ids)


def _chosen(text: str, ids: list[str]) -> str:
    if text == LAST:
        if not ids:
            raise ConfigError("there is no run yet; `orchestrator bench SET` makes one")
        return ids[-1]
    matches = [name for name in ids if name.startswith(text)]
    if text in matches:
        return text
    if not matches:
        raise UnknownName("run", text, ids, listed_by="orchestrator runs list")
    if len(matches) > 1:
        shown = ", ".join(matches[:5]) + (", ..." if len(matches) > 5 else "")
        raise ConfigError(f"run '{text}' could be {len(matches)} runs: {shown}; give more of the id")
    return matches[0]
