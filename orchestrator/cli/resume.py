"""`resume`: on with a run that was interrupted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.errors import ConfigError

from . import options as o
from .counting import counted
from .preparing import KIND as PREPARATION
from .printing import note

if TYPE_CHECKING:
    from orchestrator.folder import RunFolder


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(resume)


def resume(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="A run folder, a run's id or the beginning of one, or 'last'.")
    ],
    failed: Annotated[bool, typer.Option("--failed", help="Run problems again that ended in an error.")] = False,
    run_budget: Annotated[str | None, typer.Option(metavar="CAPS", help="A larger cap on the whole run.")] = None,
    api_base: Annotated[
        str | None, typer.Option(metavar="URL", help="Where the server is now that --api-base named.")
    ] = None,
    min_isolation: o.MinIsolation = None,
    as_json: o.AsJson = False,
) -> None:
    """Go on with a run that was interrupted.

    What its journal holds is not asked again, and needs no config: the run knows whom it asks and how.
    """
    from orchestrator.budget import Budget
    from orchestrator.folder import RunFolder

    from .embedded import announce
    from .plan import Wish, budget_json, plan_of, prompt_hashes
    from .prepared import check_files, check_overlap, file_hashes
    from .problems import recalled as problems_of
    from .recorded import recalled
    from .reuse import still_there
    from .running import run_bench
    from .team import check

    larger = None if run_budget is None else budget_json(Budget.parse(run_budget, "--run-budget"))
    with RunFolder.open(run) as folder:
        _check_ours(folder)
        if larger is not None:
            before = folder.manifest["run_budget"]
            folder.update_manifest({"run_budget": {**(before if isinstance(before, dict) else {}), **larger}})
        if min_isolation is not None:
            folder.update_manifest({"min_isolation": min_isolation})
        problems = problems_of(folder.manifest)
        team = recalled(folder.manifest, api_base)
        check(team)
        announce(team)
        _tell_changes(folder.manifest, prompt_hashes())
        wish = still_there(Wish.recalled(folder.manifest))
        plan = plan_of(wish, team)
        check_files(folder.manifest, file_hashes(wish))
        check_overlap(wish, problems)
        if failed:
            again = folder.keep_results(lambda row: row.get("status") != "error")
            note(f"{counted(again, 'result was an error', 'results were errors')}; what failed runs again")
        run_bench(folder, plan, problems, as_json)


def _check_ours(folder: RunFolder) -> None:
    if folder.manifest.get("kind") == PREPARATION:
        raise ConfigError(
            f"{folder.path} is a preparation: it goes on with the command that began it and --run {folder.path}"
        )
    missing = [
        name for name in ("strategies", "experts", "set_file", "problems", "run_budget") if name not in folder.manifest
    ]
    if missing:
        raise ConfigError(
            f"{folder.path}: its manifest lacks {', '.join(missing)}: another version wrote it; begin a new run"
        )


def _tell_changes(manifest: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    before = manifest.get("prompts") or {}
    changed = [name for name, digest in before.items() if now.get(name) != digest]
    if changed:
        note(f"prompts of {', '.join(changed)} have changed since the run began: calls made with them are asked again")
