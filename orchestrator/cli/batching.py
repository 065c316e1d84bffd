"""`--batch`: experts asked by their provider's batch endpoint, for less and within a day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.errors import ConfigError
from orchestrator.serving import priced
from orchestrator.types import BatchTerms, Expert, Json

from .counting import counted
from .printing import note
from .team import Team

if TYPE_CHECKING:
    from orchestrator.config import Config

CONCURRENCY = 1000
"""Problems in flight where nobody says: a batch holds what these ask, and most of them only wait."""


def by_batch(team: Team) -> Team:
    """The team with every hosted expert asked by batch whose provider can be; says who is not.

    Raises:
        ConfigError: nobody's can.
    """
    reasons = {expert.id: _reason(expert) for expert in team.everybody}
    able = [name for name, reason in reasons.items() if not reason]
    if not able:
        name, reason = next(iter(reasons.items()))
        raise ConfigError(f"--batch: no expert can be asked by batch; '{name}': {reason}")
    for name, reason in reasons.items():
        if reason:
            note(f"expert '{name}' is asked at once: {reason}")

    def made(expert: Expert) -> Expert:
        return expert if expert.batch or reasons[expert.id] else priced(replace(expert, batch=BatchTerms()))

    return replace(
        team,
        experts=tuple(map(made, team.experts)),
        roles={role: made(expert) for role, expert in team.roles.items()},
        reserves=tuple(map(made, team.reserves)),
    )


def concurrency(team: Team, config: Config) -> int:
    """Problems in flight: as said, else more where experts are asked by batch."""
    found = config.settings.concurrency
    waits = any(expert.batch is not None for expert in team.experts)
    return max(found, CONCURRENCY) if waits and config.origin("concurrency").kind == "default" else found


def batches_in(journal: Path) -> dict[str, Json]:
    """What `bench --json` and `runs show --json` have of batches; empty where there were none, or is no journal yet."""
    from orchestrator.engine import JournalView

    if not journal.is_file() or not journal.stat().st_size:
        return {}
    view = JournalView(journal)
    try:
        seen = view.by_batch()
    finally:
        view.close()
    if not seen.calls and not seen.out:
        return {}
    out: list[Json] = [
        {"expert": left.expert, "calls": len(left.worst), "id": left.id, "since": left.opened} for left in seen.out
    ]
    return {"calls": seen.calls, "usd": seen.usd, "out": out}


def batches_line(seen: Mapping[str, Json]) -> str:
    """The same as a line."""
    parts = []
    if done := seen.get("calls"):
        parts.append(f"by batch: {counted(done, 'call')}, {_usd(seen['usd'])}")
    parts += [
        f"a batch of {counted(left['calls'], 'call')} of '{left['expert']}' is out ({left['id'] or 'not named'})"
        for left in _each(seen.get("out"))
    ]
    return "; ".join(parts)


def left_behind(journal: Path) -> list[str]:
    """What to say of the batches that are out when a run is deleted."""
    try:
        out = batches_in(journal).get("out")
    except ConfigError:
        return []  # it is no journal, so it knows of none
    told = "is still out: its provider bills it, and nobody fetches its replies"
    return [f"batch {left['id'] or '(not named)'} {told}" for left in _each(out)]


def _each(out: Json) -> list[dict[str, Json]]:
    return [left for left in out if isinstance(left, dict)] if isinstance(out, list) else []


def _usd(usd: Json) -> str:
    return f"${usd:.4f}" if isinstance(usd, int | float) else "?"


def _reason(expert: Expert) -> str:
    """Why an expert is not asked by batch; empty where it is."""
    from orchestrator.experts.batch import unsupported
    from orchestrator.experts.hosts import near

    if expert.batch is not None:
        return ""
    if reason := unsupported(expert):
        return reason
    if expert.api_base is not None and near(expert.api_base):
        return 'its server is near by; give it mode = "batch" in a pool file if it takes batches'
    return ""
