"""`strategies`, `benchmarks` and `runs`: what there is."""

from __future__ import annotations

import json
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command()(strategies)
    app.command()(benchmarks)
    app.command()(runs)


def strategies(
    name: Annotated[str | None, typer.Argument(help="One of them, with its settings.")] = None, as_json: AsJson = False
) -> None:
    """List the strategies, or show one."""
    from orchestrator.registry import describe, names

    shown = [describe("strategies", each) for each in ([name] if name else names("strategies"))]
    if as_json:
        rows = [
            {
                "name": d.name,
                "summary": d.summary,
                "settings": [
                    {"name": s.name, "type": str(s.type), "default": str(s.default), "doc": s.doc} for s in d.settings
                ],
            }
            for d in shown
        ]
        typer.echo(json.dumps({"schema": "strategies/1", "strategies": rows}))
        return
    for d in shown:
        typer.echo(f"{d.name:20} {d.summary}")
        for setting in d.settings if name else ():
            typer.echo(f"    {setting.name} = {setting.default}    {setting.doc}")


def benchmarks(as_json: AsJson = False) -> None:
    """List the built-in sets."""
    from orchestrator.evals.sets import BUILT_IN

    if as_json:
        typer.echo(json.dumps({"schema": "benchmarks/1", "benchmarks": dict(BUILT_IN)}))
        return
    for name, summary in BUILT_IN.items():
        typer.echo(f"{name:20} {summary}")


def runs(as_json: AsJson = False) -> None:
    """List past runs, newest last."""
    from orchestrator.folder import runs as listed

    found = listed()
    if as_json:
        rows = [
            {"id": r.id, "path": str(r.path), "set": r.set, "done": r.done, "total": r.total, "state": r.state}
            for r in found
        ]
        typer.echo(json.dumps({"schema": "runs/1", "runs": rows}))
        return
    for r in found:
        typer.echo(f"{r.id}  {r.set}  {r.done}/{r.total}  {r.state}")
