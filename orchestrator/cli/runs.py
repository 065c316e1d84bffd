"""`runs`: what past runs asked, found and cost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.errors import ConfigError, UnknownName

from . import options as o
from .counting import counted
from .exporting import exported, save
from .failures import leave
from .ideas import ideas
from .isolation import level_of
from .printing import note, out, out_folded, out_json, terminal_width, visible
from .samples import LAYOUTS
from .tables import Column, print_table

if TYPE_CHECKING:
    from orchestrator.folder import RunSummary, RunView
    from orchestrator.types import Tokens

Which = Annotated[str, typer.Argument(metavar="RUN", help="A run folder, an id or the beginning of one, or 'last'.")]

_FORMATS = ("jsonl", "csv", *LAYOUTS)
_SHOWN = 8
"""Experts that `show` names."""


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    group = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="List, show, export and delete past runs.")
    group.command("list")(list_)
    group.command()(show)
    group.command()(export)
    group.command()(ideas)
    group.command()(rm)
    app.add_typer(group, name="runs")


def list_(as_json: o.AsJson = False) -> None:
    """List the runs, newest last."""
    from orchestrator.folder import runs

    found = runs()
    if as_json:
        out_json("runs/1", {"runs": [_summary_json(run) for run in found]})
    elif not found:
        note("there is no run yet; `orchestrator bench SET` makes one")
    else:
        print_table(
            [
                Column("run", [run.id for run in found]),
                Column("set", [run.set for run in found], folds=True),
                Column("strategies", [", ".join(run.strategies) for run in found], folds=True, rank=1),
                Column("results", [_progress(run) for run in found]),
                Column("state", [run.state for run in found]),
            ]
        )


def show(run: Which, as_json: o.AsJson = False) -> None:
    """Show a run: what it was asked, its results, and calls that never ended."""
    from orchestrator.folder import summary, view

    from .batching import batches_in, batches_line
    from .following import Followed
    from .published import figures, show_published, with_published
    from .results import billed_line, columns_of, show_loads

    seen = view(run)
    told = summary(seen.path)
    calls, seconds, loads, billed = _journalled(seen)
    batches = batches_in(seen.journal)
    rows = _rows(seen, seconds)
    followed = Followed.recalled(seen.manifest)
    beside = [] if followed is None else figures(followed, seen)
    if as_json:
        rows = rows if followed is None else with_published(rows, beside)
        problems = seen.manifest.get("problems")
        found: dict[str, Any] = {"problems": problems, "open_calls": calls, "results": rows, "manifest": seen.manifest}
        found |= {"loads": loads} if loads else {}
        found |= {"batches": batches} if batches else {}
        found |= {"billed": billed.to_json()}
        out_json("run/1", {**_summary_json(told), **found})
        return
    out(f"run: {visible(told.id, keep='')} ({told.state}), begun {told.created}")
    out(f"folder: {told.path}")
    problems = counted(seen.manifest.get("problems", "?"), "problem")
    out(f"set: {visible(told.set, keep='')}, {problems}, {_progress(told)} results")
    out_folded(f"experts: {visible(_experts(seen), keep='')}")
    waited = batches.get("out")  # told below, and not charged on resume
    at_once = calls - (len(waited) if isinstance(waited, list) else 0)
    out(f"open calls: {at_once}" + (" (in flight, or charged in full on resume)" if at_once else ""))
    if billed.prompt:
        out_folded(billed_line(billed))
    if batches:
        out_folded(batches_line(batches))
    if isinstance(isolation := seen.manifest.get("isolation"), dict):
        out(f"programs ran at isolation level {level_of(isolation)}")
    if rows:
        out("")
        print_table(columns_of(rows))
    if loads:
        show_loads(loads)
    if rows and followed is not None:
        show_published(followed, beside)
    if isinstance(file := seen.manifest.get("file"), str):
        out(f"file: {visible(file, keep='')}")
    if told.state == "unfinished":
        prepares = "prepares" in seen.manifest
        way = f"the command that began it and --run {seen.path}" if prepares else f"orchestrator resume {seen.handle}"
        note(f"go on with: {way}")


def export(
    run: Which,
    format_: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="|".join(_FORMATS),
            help="jsonl holds the candidates too; the last three are programs for the evaluators of that name.",
        ),
    ] = "jsonl",
    strategy: Annotated[
        str | None, typer.Option("--strategy", "-s", metavar="ROW", help="Only this row, as the run's table names it.")
    ] = None,
    candidates: Annotated[
        bool, typer.Option("--candidates", help="Of programs, every candidate instead of the chosen answer.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to; stdout if not given.")
    ] = None,
) -> None:
    """Print a run's results, one line for each problem, strategy and seed, with what it used."""
    from orchestrator.folder import view

    if format_ not in _FORMATS:
        raise UnknownName("format", format_, _FORMATS, "--format")
    if candidates and format_ not in LAYOUTS:
        raise ConfigError(f"--candidates goes with --format {' or '.join(LAYOUTS)}; {format_} has no such choice")
    seen = view(run)
    names = _names(seen)
    if strategy is not None and strategy not in names:
        raise UnknownName("row", strategy, names, f"run {seen.id}")
    lines = exported(seen, format_, [strategy] if strategy is not None else names, candidates)
    if output is None:
        for line in lines:
            out(line if terminal_width() is None else visible(line))
        return
    count = save(lines, output)
    note(f"{output}: {counted(count, 'line')}")


def rm(
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", help="Folders, ids, or 'last'.")],
    yes: o.Yes = False,
) -> None:
    """Delete runs with their journals: what they paid for is gone."""
    from orchestrator.folder import find, remove

    from .batching import left_behind

    paths = [find(run).absolute() for run in dict.fromkeys(runs)]
    if not yes:
        if not o.somebody_there():
            raise ConfigError("there is no terminal to ask whether to delete: give --yes")
        names = ", ".join(path.name for path in paths)
        if not typer.confirm(f"Delete {visible(names)}?", err=True):
            note("nothing was deleted")
            leave(2)
    for path in paths:
        told = left_behind(path / "journal.sqlite")
        note(f"deleted {remove(path)}")
        for line in told:
            note(line)


# -- reading a run ------------------------------------------------------------------------


def _journalled(seen: RunView) -> tuple[int, float, dict[str, int], Tokens]:
    """Calls without an end, seconds of all invocations, loads of models, and what attempts that brought replies were
    billed; none where there is no journal yet."""
    from orchestrator.engine import JournalView
    from orchestrator.evals.loads import loads_in
    from orchestrator.evals.stopwatch import SECONDS
    from orchestrator.types import Tokens

    if not seen.journal.is_file() or not seen.journal.stat().st_size:
        return 0, 0.0, {}, Tokens()
    journal = JournalView(seen.journal)
    try:
        loads = dict(sorted(loads_in(journal).items()))
        return journal.open_calls(), journal.recall(SECONDS), loads, journal.billed
    finally:
        journal.close()


def _rows(seen: RunView, seconds: float) -> list[dict[str, Any]]:
    """The rows of the table as they stand; takes no lock."""
    from orchestrator.evals.earlier import counted
    from orchestrator.evals.tally import Tally

    tallies = {name: Tally() for name in _names(seen)}
    counted(seen, tallies)
    return [tally.row(name, seconds) for name, tally in tallies.items()]


def _names(seen: RunView) -> list[str]:
    """Names of the rows: in the order of the manifest's strategies, others behind them as they come."""
    found = dict.fromkeys(str(row.get("strategy")) for row in seen.results())
    given = seen.manifest.get("strategies")
    specs = [str(spec) for spec in given] if isinstance(given, list) else []
    ordered = [name for spec in specs for name in found if name == spec or name.startswith(f"{spec} @ ")]
    return list(dict.fromkeys([*ordered, *found]))


def _summary_json(run: RunSummary) -> dict[str, Any]:
    return {
        "id": run.id,
        "path": str(run.path),
        "created": run.created,
        "set": run.set,
        "strategies": list(run.strategies),
        "done": run.done,
        "total": run.total,
        "state": run.state,
    }


def _progress(run: RunSummary) -> str:
    return f"{run.done}/{'?' if run.total is None else run.total}"


def _experts(seen: RunView) -> str:
    rows = seen.manifest.get("experts")
    ids = [str(row.get("id")) for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return ", ".join(ids[:_SHOWN]) + (f" and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else "")
