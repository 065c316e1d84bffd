"""Options that several commands share."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.errors import ConfigError, UnknownName

from .printing import note

if TYPE_CHECKING:
    from orchestrator.config import Config
    from orchestrator.own_prompts import PromptSource
    from orchestrator.types import Problem

Experts = Annotated[
    list[str] | None,
    typer.Option("--expert", "-e", metavar="ID", help="An expert, such as openai/gpt-4o-mini; may be repeated."),
]
Pool = Annotated[Path | None, typer.Option(metavar="FILE", help="A pool file: TOML with [[expert]] tables.")]
ApiBase = Annotated[str | None, typer.Option(metavar="URL", help="Base URL of an OpenAI-compatible server.")]
KeyEnv = Annotated[
    str | None, typer.Option(metavar="NAME", help="Name of the environment variable that holds that server's key.")
]
Roles = Annotated[
    list[str] | None, typer.Option("--role", metavar="ROLE=ID", help="An expert of its own, as in judge=openai/gpt-5.")
]
Verifier = Annotated[str | None, typer.Option(metavar="SPEC", help="What checks candidates; 'auto' or 'none'.")]
Aggregator = Annotated[str | None, typer.Option(metavar="SPEC", help="What chooses among candidates.")]
BudgetText = Annotated[
    str | None,
    typer.Option("--budget", metavar="CAPS", help="Per problem and strategy: calls=40,tokens=50k,usd=0.20,seconds=60."),
]
RunBudgetText = Annotated[
    str | None, typer.Option("--run-budget", metavar="CAPS", help="For the whole run and its resumes.")
]
Prompts = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Prompts of your own, a table [STRATEGY.TEMPLATE] each.")
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="K=V", help="A strategy's setting, k=v or strategy.k=v; may be repeated."),
]
Seed = Annotated[int | None, typer.Option(min=0, help="Seed of every random choice here; 0 if not given.")]
MinIsolation = Annotated[
    int | None,
    typer.Option(min=0, max=5, metavar="LEVEL", help="Run programs at this level of isolation (0-5) or not at all."),
]
Batch = Annotated[
    bool,
    typer.Option("--batch", help="Ask hosted experts by their providers' batch endpoints: for less, within a day."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print what it would take; ask nobody.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

ROLES = ("judge", "tagger", "aggregator", "idea", "code", "tests", "embedder")


def settled(**options: object) -> Config:
    """The settings of all sources, these options on top; what is ignored of them is said on stderr.

    Raises:
        ConfigError: a file, variable or option that cannot be used.
    """
    from orchestrator.config import load

    config = load(options=options)
    if config.notice:
        note(config.notice)
    return config


def roles_of(texts: Sequence[str] | None) -> dict[str, str]:
    """`ROLE=ID` options as a table.

    Raises:
        ConfigError: one without an id.
        UnknownName: a role that is almost one of ours; a strategy of somebody else's may have others.
    """
    roles = {}
    for text in texts or ():
        name, equals, expert = (part.strip() for part in text.partition("="))
        if not (name and equals and expert):
            raise ConfigError(f"--role {text}: write ROLE=EXPERT, for example judge=openai/gpt-4o")
        known_role(name, "--role")
        roles[name] = expert
    return roles


def known_role(name: str, where: str) -> None:
    """Raises:
    UnknownName: a role that is almost one of ours.
    """
    from difflib import get_close_matches

    if name not in ROLES and get_close_matches(name, ROLES, n=1, cutoff=0.75):
        raise UnknownName("role", name, ROLES, where)


def somebody_there() -> bool:
    """Whether there is a terminal to ask something on."""
    return sys.stdin.isatty()


def by_rule(problem: Problem, verifier: str | None) -> tuple[tuple[str, ...], str]:
    """The strategy where nobody names one, by the kind of problem; and the line that says so."""
    from orchestrator.contest import default_strategy

    name, rule = default_strategy(problem, verifier)
    return (name,), f"no -s given, so: {name} ({rule})"


def prompts_of(config: Config) -> PromptSource:
    """Where templates come from: the shipped files, those of the user's put over them.

    Raises:
        ConfigError: the user's file does not hold.
    """
    from orchestrator.own_prompts import SHIPPED, read_own_prompts
    from orchestrator.registry import names

    file = config.settings.prompts
    return SHIPPED if file is None else read_own_prompts(file, names("strategies"))


def specs_of(config: Config, given: Sequence[str], settings: Sequence[str] | None) -> list[str]:
    """Canonical specs of strategies: config files fill in what a spec leaves open, `--set` is put over both.

    Raises:
        ConfigError: no such strategy or setting, or a value that does not fit.
    """
    from orchestrator.registry import with_defaults, with_settings

    specs = with_settings(with_defaults(given, config.settings.strategies), settings or ())
    return list(dict.fromkeys(specs))
