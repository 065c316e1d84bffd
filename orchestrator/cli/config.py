"""`config`: settings of all sources, and changes to the user's own file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.errors import ConfigError

from . import options as o
from .printing import note, out, out_json
from .tables import Column, print_table


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    group = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Show and change settings.")
    for command in (show, set_, unset, trust, path):
        group.command(command.__name__.strip("_"))(command)
    app.add_typer(group, name="config")


def show(
    origin: Annotated[bool, typer.Option("--origin", help="Say where each value comes from.")] = False,
    as_json: o.AsJson = False,
) -> None:
    """Show every setting that counts here; header values and credentials are masked."""
    from orchestrator.config import rows

    config = o.settled()
    found = rows(config)
    if as_json:
        shown = [{"key": row.key, "value": row.value, "origin": row.origin} for row in found]
        files = {"project": None if config.project is None else str(config.project), "ignored": list(config.untrusted)}
        out_json("config/1", {"settings": shown, **files})
        return
    values = [json.dumps(row.value, ensure_ascii=False) for row in found]
    if origin:
        print_table(
            [
                Column("key", [row.key for row in found]),
                Column("value", values, folds=True),
                Column("from", [row.origin for row in found], folds=True),
            ]
        )
        return
    print_table([Column("key", [row.key for row in found]), Column("value", values, folds=True)])


def set_(
    key: Annotated[str, typer.Argument(help="Dotted, such as budget.usd or strategies.best_of_n.samples.")],
    value: Annotated[str, typer.Argument(help="A TOML value, or plain text.")],
) -> None:
    """Set a key in the user's own file."""
    from orchestrator.config import set_value

    note(f"{set_value(key, value)}: {key} is set")


def unset(key: Annotated[str, typer.Argument(help="As it is set.")]) -> None:
    """Remove a key from the user's own file."""
    from orchestrator.config import unset_value

    note(f"{unset_value(key)}: {key} is no longer set")


def trust(
    file: Annotated[
        Path | None, typer.Argument(help="The project's file; the nearest orchestrator.toml if not given.")
    ] = None,
    revoke: Annotated[bool, typer.Option("--revoke", help="Take it back.")] = False,
) -> None:
    """Let all of a project's file count, as it is now: experts, hosts, key variables, headers."""
    from orchestrator import config

    found = file or config.project_file(Path.cwd())
    if found is None:
        raise ConfigError(f"there is no {config.PROJECT_FILE} here or above; name the file")
    if not found.is_file() and not revoke:
        raise ConfigError(f"{found} is not a file")
    if revoke:
        known = config.revoke(found)
        return note(f"{found} is no longer trusted" if known else f"{found} was not trusted")
    for each in config.trust(found):
        note(f"trusted as it is now: {each}")


def path(as_json: o.AsJson = False) -> None:
    """Print where settings are read from."""
    from orchestrator.config import project_file, trusted, user_file

    user, project = user_file(), project_file(Path.cwd())
    if as_json:
        there = None if project is None else {"path": str(project), "trusted": trusted(project)}
        out_json("config-path/1", {"user": {"path": str(user), "exists": user.is_file()}, "project": there})
        return
    out(f"user: {user}{'' if user.is_file() else ' (not there yet)'}")
    if project is None:
        out("project: none")
    else:
        out(f"project: {project}{'' if trusted(project) else ' (not trusted)'}")
