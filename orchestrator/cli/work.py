"""`solve`, `bench` and `resume`: the commands that ask experts."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from orchestrator.evals.runner import Bench, Plan
    from orchestrator.folder import RunFolder
    from orchestrator.types import Expert, Outcome

Strategies = Annotated[
    list[str] | None, typer.Option("--strategy", "-s", help="A spec such as 'best_of_n(samples=5)'.")
]
Experts = Annotated[list[str] | None, typer.Option("--expert", "-e", help="An expert's id; may be repeated.")]
Pool = Annotated[Path | None, typer.Option(help="A pool file.")]
ApiBase = Annotated[str | None, typer.Option(help="Base URL of an OpenAI-compatible server.")]
KeyEnv = Annotated[str | None, typer.Option(help="Name of the variable that holds that server's key.")]
Verifier = Annotated[str | None, typer.Option(help="A verifier's spec, 'auto' or 'none'.")]
Aggregator = Annotated[str | None, typer.Option(help="An aggregator's spec.")]
BudgetText = Annotated[str | None, typer.Option(help="Caps per problem: calls=40,tokens=50k,usd=0.20,seconds=60.")]
Set = Annotated[list[str] | None, typer.Option("--set", help="A strategy's setting, k=v or strategy.k=v.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Seed = Annotated[int, typer.Option(help="Seed of everything random here.")]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command()(solve)
    app.command()(bench)
    app.command()(resume)


def solve(
    text: Annotated[str, typer.Argument(help="The problem; '-' reads it from standard input.")],
    strategy: Annotated[str | None, typer.Option("--strategy", "-s", help="A strategy's spec.")] = None,
    expert: Experts = None,
    pool: Pool = None,
    api_base: ApiBase = None,
    key_env: KeyEnv = None,
    verifier: Verifier = None,
    aggregator: Aggregator = None,
    kind: Annotated[str | None, typer.Option(help="Kind of problem: number, choice, expression, code...")] = None,
    budget: BudgetText = None,
    settings: Set = None,
    seed: Seed = 0,
    top: Annotated[int, typer.Option("-n", min=1, help="Print this many different answers.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Solve one problem and print its answer."""
    from orchestrator.registry import with_settings
    from orchestrator.solve import blocking

    asked = sys.stdin.read() if text == "-" else text
    spec = with_settings([strategy or "self_consistency"], settings or [])[0] if strategy or settings else None
    experts = _experts(expert, pool, api_base, key_env)
    outcome = blocking(
        _solve(asked, _kind(kind), experts, budget, strategy=spec, verifier=verifier, aggregator=aggregator, seed=seed)
    )
    _print_outcome(outcome, top, as_json)
    raise typer.Exit(_solved(outcome))


def bench(
    set_: Annotated[str, typer.Argument(metavar="SET", help="A built-in set or a file; options as SET:key=value.")],
    strategy: Strategies = None,
    expert: Experts = None,
    pool: Pool = None,
    api_base: ApiBase = None,
    key_env: KeyEnv = None,
    verifier: Verifier = None,
    aggregator: Aggregator = None,
    budget: BudgetText = None,
    run_budget: Annotated[str | None, typer.Option(help="Caps on the whole run and its resumes.")] = None,
    settings: Set = None,
    limit: Annotated[int | None, typer.Option(min=1, help="The first so many problems.")] = None,
    ids: Annotated[str | None, typer.Option(help="Ids of problems, comma-separated.")] = None,
    part: Annotated[str | None, typer.Option(help="fit or eval.")] = None,
    seed: Seed = 0,
    seeds: Annotated[int, typer.Option(min=1, help="Repeat with so many seeds.")] = 1,
    run: Annotated[Path | None, typer.Option(help="The run folder.")] = None,
    concurrency: Annotated[int, typer.Option(min=1, help="Problems in flight.")] = 64,
    independent: Annotated[bool, typer.Option(help="Strategies do not share replies.")] = False,
    as_json: AsJson = False,
) -> None:
    """Solve a benchmark set and print a table of results."""
    from orchestrator.folder import RunFolder
    from orchestrator.registry import with_settings

    manifest: dict[str, Any] = {
        "set": set_,
        "strategies": with_settings(strategy or ["self_consistency"], settings or []),
        "experts": list(expert or []),
        "pool": str(pool.resolve()) if pool else None,
        "api_base": api_base,
        "key_env": key_env,
        "verifier": verifier,
        "aggregator": aggregator,
        "budget": budget,
        "run_budget": run_budget,
        "limit": limit,
        "ids": ids.split(",") if ids else None,
        "part": part,
        "seeds": [seed + i for i in range(seeds)],
        "concurrency": concurrency,
        "independent": independent,
    }
    plan = _plan(manifest)
    manifest["problems"] = _count(manifest)
    with RunFolder.create(run, manifest) as folder:
        _bench(folder, plan, as_json)


def resume(
    run: Annotated[str, typer.Argument(help="A run folder, a run's id, or 'last'.")],
    run_budget: Annotated[str | None, typer.Option(help="A larger cap on the whole run.")] = None,
    as_json: AsJson = False,
) -> None:
    """Go on with a run that was interrupted; nothing that is in its journal is asked again."""
    from orchestrator.folder import RunFolder

    with RunFolder.open(run) as folder:
        if run_budget is not None:
            folder.update_manifest({"run_budget": run_budget})
        _bench(folder, _plan(folder.manifest), as_json)


# -- putting it together ------------------------------------------------------------------


async def _solve(text: str, kind: Any, experts: tuple[Expert, ...], budget: str | None, **options: Any) -> Outcome:
    from orchestrator.budget import Budget
    from orchestrator.solve import Orchestrator

    caps = Budget.parse(budget) if budget else Budget()
    async with Orchestrator(experts=experts) as orchestrator:
        return await orchestrator.solve(text, kind=kind, budget=caps, **options)


def _experts(ids: list[str] | None, pool: Path | None, api_base: str | None, key_env: str | None) -> tuple[Expert, ...]:
    from orchestrator.errors import ConfigError
    from orchestrator.experts.pool import experts_of
    from orchestrator.experts.routes import check
    from orchestrator.solve import priced

    experts = tuple(priced(e) for e in experts_of(ids or [], pool=pool, api_base=api_base, key_env=key_env))
    if not experts:
        raise ConfigError("no expert: give -e openai/gpt-4o-mini (or another id), or --pool FILE.toml")
    for expert in experts:
        if expert.client == "litellm":
            check(expert)
    return experts


def _kind(name: str | None) -> str | None:
    from orchestrator.errors import UnknownName
    from orchestrator.types import KINDS

    if name is not None and name not in KINDS:
        raise UnknownName("kind", name, KINDS, "--kind")
    return name


def _plan(manifest: Mapping[str, Any]) -> Plan:
    from orchestrator.budget import Budget
    from orchestrator.evals.runner import Plan
    from orchestrator.registry import build
    from orchestrator.solve import check_prices

    experts = _experts(manifest["experts"], _path(manifest["pool"]), manifest["api_base"], manifest["key_env"])
    budget, run_budget = (
        Budget.parse(manifest["budget"] or ""),
        Budget.parse(manifest["run_budget"] or "", "--run-budget"),
    )
    check_prices(budget.tightened(run_budget), experts)
    for spec in manifest["strategies"]:
        build("strategies", spec)
    if manifest["verifier"] not in (None, "auto", "none"):
        build("verifiers", manifest["verifier"])
    if manifest["aggregator"] is not None:
        build("aggregators", manifest["aggregator"])
    return Plan(
        strategies=tuple(manifest["strategies"]),
        experts=experts,
        verifier=manifest["verifier"],
        aggregator=manifest["aggregator"],
        budget=budget,
        run_budget=run_budget,
        seeds=tuple(manifest["seeds"]),
        concurrency=manifest["concurrency"],
        independent=manifest["independent"],
    )


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


def _cases(manifest: Mapping[str, Any]) -> Any:
    from orchestrator.evals.select import select
    from orchestrator.evals.sets import open_set

    return select(open_set(manifest["set"]), manifest["limit"], manifest["ids"], manifest["part"])


def _count(manifest: Mapping[str, Any]) -> int:
    from orchestrator.errors import BenchmarkError

    total = sum(1 for _ in _cases(manifest))
    if total == 0:
        raise BenchmarkError("no problem is left after --limit, --ids and --part", manifest["set"])
    return total


def _bench(folder: RunFolder, plan: Plan, as_json: bool) -> None:
    from orchestrator.evals.runner import Bench

    work = Bench(plan, folder, None)
    rows = asyncio.run(work(_cases(folder.manifest)))
    if work.lost is None:
        _print_rows(folder, work, rows, as_json)
    code = _ended(folder, work)
    if code:
        raise typer.Exit(code)


def _ended(folder: RunFolder, work: Bench) -> int:
    again = f"orchestrator resume {folder.handle}"
    if work.interrupted:
        typer.echo(f"interrupted; everything answered is kept. Go on with: {again}", err=True)
        return 130
    if work.lost is not None:
        typer.echo(f"no expert is left: {work.lost}. Mend it, then: {again}", err=True)
        return 5
    if work.out_of_budget:
        typer.echo(f"{work.out_of_budget}. Go on with: {again} --run-budget LARGER", err=True)
        return 4
    return 0


# -- showing ------------------------------------------------------------------------------


def _print_rows(folder: RunFolder, work: Bench, rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        shown = {
            "schema": "bench/1",
            "run": str(folder.path),
            "set": folder.manifest["set"],
            "problems": work.problems,
            "results": rows,
        }
        typer.echo(json.dumps(shown))
        return
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    names = ("strategy", "accuracy", "95 %", "solved", "errors", "calls", "usd")
    table = Table(*names, box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        low, high = row["ci95"] or (0.0, 1.0)
        table.add_row(
            escape(row["strategy"]),
            "-" if row["accuracy"] is None else f"{100 * row['accuracy']:.1f}",
            f"{100 * low:.1f}-{100 * high:.1f}",
            *(str(row[name]) for name in ("solved", "errors", "calls")),
            f"{row['usd']:.4f}",
        )
    Console().print(table)
    typer.echo(f"run: {folder.path}", err=True)


def _print_outcome(outcome: Outcome, top: int, as_json: bool) -> None:
    from dataclasses import asdict

    if as_json:
        shown = {
            "schema": "solve/1",
            "answer": outcome.answer,
            "text": outcome.text,
            "confidence": outcome.confidence,
            "strategy": outcome.strategy,
            "chosen_by": outcome.chosen_by,
            "candidates": [
                {
                    "id": scored.candidate.id,
                    "answer": scored.candidate.answer,
                    "expert": scored.candidate.expert,
                    "score": scored.verdict.score if scored.verdict else None,
                    "parents": list(scored.candidate.parents),
                }
                for scored in outcome.candidates
            ],
            "usage": asdict(outcome.usage),
            "stopped_by": outcome.stopped_by,
            "run": outcome.run,
        }
        typer.echo(json.dumps(shown))
        return
    for candidate in outcome.top(top):
        typer.echo(_visible(candidate.answer or ""))
    if outcome.reason:
        typer.echo(outcome.reason, err=True)


def _visible(text: str) -> str:
    """Text of a model with its control characters made visible."""
    return "".join(c if c in "\n\t" or c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def _solved(outcome: Outcome) -> int:
    """The exit code of `solve`."""
    if outcome.stopped_by == "budget":
        return 4
    if outcome.stopped_by == "failed":
        return 5
    checked = [
        scored for scored in outcome.candidates if scored.verdict is not None and scored.verdict.passed is not None
    ]
    return 3 if checked and not any(scored.passed for scored in checked) else 0
