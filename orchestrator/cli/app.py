"""The application: which commands there are."""

from __future__ import annotations

from typing import Annotated

import typer

from . import bench, config, doctor, experts, init, judge, listing, prepare, profile, recipes, resume, runs, solve

app = typer.Typer(
    name="orchestrator",
    help="Spends a budget of language-model calls on diverse lines of reasoning, and returns the best answer.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["--help", "-h"]},
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


for group in (solve, bench, resume, prepare, profile, judge, runs, listing, recipes, experts, doctor, init, config):
    group.register(app)
