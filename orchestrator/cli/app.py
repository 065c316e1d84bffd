"""The application: which commands there are."""

from __future__ import annotations

from typing import Annotated

import typer

from . import listing, work

app = typer.Typer(
    name="orchestrator",
    help="Spends a budget of language-model calls on diverse lines of reasoning, and returns the best answer.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(version("diverse-orchestrator"))
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


work.register(app)
listing.register(app)
