"""The question before money is spent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from orchestrator.errors import ConfigError

from . import options as o
from .failures import leave
from .printing import note, visible

if TYPE_CHECKING:
    from orchestrator.config import Config

    from .team import Team


def to_be_asked(team: Team, config: Config) -> bool:
    """Whether calls cost money and the user has not bounded them all together.

    What an untrusted project says of money is no leave to spend it.
    """
    caps = config.settings.run_budget
    bounded = [name for name in ("calls", "tokens", "usd") if getattr(caps, name) is not None]
    return team.costs and not any(config.origin(f"run_budget.{name}").vouched for name in bounded)


def agreed(told: str, yes: bool) -> None:
    """Asks whether to go on; leaves where the answer is no.

    Args:
        told: what it takes, as part of a sentence.
        yes: it was said beforehand.

    Raises:
        ConfigError: there is nobody to ask.
    """
    if yes:
        return note(f"this takes {told}")
    if not o.somebody_there():
        raise ConfigError(f"this takes {told}, and there is no terminal to ask: give --run-budget usd=..., or --yes")
    if not typer.confirm(f"This takes {visible(told)}. Go on?", err=True):
        note("not started")
        leave(2)
