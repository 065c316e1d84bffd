"""`init`: a file with every setting, commented out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestrator.errors import ConfigError

from .printing import note, out


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(init)


def init(
    force: Annotated[bool, typer.Option("--force", help="Write over the file that is there.")] = False,
) -> None:
    """Write a commented orchestrator.toml into this folder; nothing in it counts until it is uncommented."""
    from orchestrator.config import PROJECT_FILE

    path = Path.cwd() / PROJECT_FILE
    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(template())
    except FileExistsError:
        raise ConfigError(f"{path} is there already; --force writes over it") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from None
    out(str(path))
    note("uncomment what you want; `orchestrator config show --origin` tells what counts and where it comes from")


def template() -> str:
    """The file's text."""
    from importlib.resources import files

    return files("orchestrator.cli").joinpath("init.toml").read_text(encoding="utf-8")
