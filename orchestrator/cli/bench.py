"""`bench` and `resume`: a whole set, one row of results for each strategy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from orchestrator.errors import ConfigError

from . import options as o
from .failures import INTERRUPTED, leave
from .printing import note, visible

if TYPE_CHECKING:
    from orchestrator.config import Config
    from orchestrator.evals.runner import Bench, Plan
    from orchestrator.folder import RunFolder
    from orchestrator.types import Json

    from .problems import Problems


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command()(bench)
    app.command()(resume)


def bench(
    set_: Annotated[
        str, typer.Argument(metavar="SET", help="A built-in set, an alias or a file; options as SET:key=value,...")
    ],
    strategy: Annotated[
        list[str] | None,
        typer.Option("--strategy", "-s", metavar="SPEC", help="Such as 'best_of_n(samples=5)'; repeat it to compare."),
    ] = None,
    expert: o.Experts = None,
    pool: o.Pool = None,
    api_base: o.ApiBase = None,
    key_env: o.KeyEnv = None,
    role: o.Roles = None,
    verifier: o.Verifier = None,
    aggregator: o.Aggregator = None,
    settings: o.Set = None,
    per_expert: Annotated[bool, typer.Option("--per-expert", help="Each expert alone: a row each.")] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="The first so many problems.")] = None,
    ids: Annotated[str | None, typer.Option(metavar="ID,ID", help="Only these problems.")] = None,
    part: Annotated[str | None, typer.Option(metavar="fit|eval", help="Only this part of the set.")] = None,
    budget: o.BudgetText = None,
    run_budget: o.RunBudgetText = None,
    seed: o.Seed = None,
    seeds: Annotated[int, typer.Option(min=1, help="Repeat with so many seeds.")] = 1,
    concurrency: Annotated[int | None, typer.Option(min=1, help="Problems in flight; 64 if not given.")] = None,
    independent: Annotated[
        bool, typer.Option("--independent", help="Strategies do not share replies to identical requests.")
    ] = False,
    run: Annotated[Path | None, typer.Option(metavar="DIR", help="The run folder; a new one if not given.")] = None,
    dry_run: o.DryRun = False,
    yes: o.Yes = False,
    as_json: o.AsJson = False,
) -> None:
    """Solve a benchmark set and print a table of results."""
    from orchestrator.folder import RunFolder

    from .plan import Wish, manifest_of, plan_of
    from .problems import chosen, survey
    from .team import team_of

    config = o.settled(
        strategy=strategy, experts=expert, pool=pool, api_base=api_base, key_env=key_env, roles=o.roles_of(role),
        verifier=verifier, aggregator=aggregator, budget=budget, run_budget=run_budget, seed=seed,
        concurrency=concurrency,
    )  # fmt: skip
    found = config.settings
    problems = chosen(set_, found.sets, limit, ids, part)
    team = team_of(config, reachable=not dry_run)
    read = survey(problems)
    named, rule = (found.strategy, "") if found.strategy else o.by_rule(read.first, found.verifier)
    wish = Wish(
        strategies=o.specs_of(config, named, settings),
        verifier=found.verifier,
        aggregator=found.aggregator,
        budget=found.budget,
        run_budget=found.run_budget,
        seeds=[found.seed + i for i in range(seeds)],
        concurrency=found.concurrency,
        independent=independent,
        per_expert=per_expert,
    )
    plan = plan_of(wish, team)
    if dry_run:
        return _foretell(plan, problems, as_json)
    if team.costs and not _capped(config):
        _ask(plan, problems, yes)
    if rule:
        note(rule)
    with RunFolder.create(run, manifest_of(wish, team, problems, read.count, config)) as folder:
        _run(folder, plan, problems, as_json)


def resume(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="A run folder, a run's id or the beginning of one, or 'last'.")
    ],
    failed: Annotated[bool, typer.Option("--failed", help="Run problems again that ended in an error.")] = False,
    run_budget: Annotated[str | None, typer.Option(metavar="CAPS", help="A larger cap on the whole run.")] = None,
    api_base: Annotated[
        str | None, typer.Option(metavar="URL", help="Where the server is now that --api-base named.")
    ] = None,
    as_json: o.AsJson = False,
) -> None:
    """Go on with a run that was interrupted.

    What its journal holds is not asked again, and needs no config: the run knows whom it asks and how.
    """
    from orchestrator.budget import Budget
    from orchestrator.folder import RunFolder

    from .plan import Wish, budget_json, plan_of, prompt_hashes
    from .problems import recalled as problems_of
    from .recorded import recalled
    from .team import check

    larger = None if run_budget is None else budget_json(Budget.parse(run_budget, "--run-budget"))
    with RunFolder.open(run) as folder:
        _check_ours(folder)
        if larger is not None:
            before = folder.manifest["run_budget"]
            folder.update_manifest({"run_budget": {**(before if isinstance(before, dict) else {}), **larger}})
        problems = problems_of(folder.manifest)
        team = recalled(folder.manifest, api_base)
        check(team)
        _tell_changes(folder.manifest, prompt_hashes())
        plan = plan_of(Wish.recalled(folder.manifest), team)
        if failed:
            again = folder.keep_results(lambda row: row.get("status") != "error")
            note(f"{again} results were errors; their problems run again")
        _run(folder, plan, problems, as_json)


# -- before a run -------------------------------------------------------------------------


def _foretell(plan: Plan, problems: Problems, as_json: bool) -> None:
    from .forecast import forecasts, show

    show(forecasts(plan, (case.problem for case in problems.cases())), plan.run_budget, problems.name, as_json)


def _capped(config: Config) -> bool:
    """Whether the user has bounded the whole run; what an untrusted project says of money is no leave to spend it."""
    caps = config.settings.run_budget
    bounded = [name for name in ("calls", "tokens", "usd") if getattr(caps, name) is not None]
    return any(config.origin(f"run_budget.{name}").vouched for name in bounded)


def _ask(plan: Plan, problems: Problems, yes: bool) -> None:
    """Raises:
    ConfigError: there is nobody to ask.
    """
    from .forecast import forecasts, in_words, total

    found = forecasts(plan, (case.problem for case in problems.cases()))
    told = in_words(total(found, plan.run_budget))
    if yes:
        return note(f"this takes {told}")
    if not o.somebody_there():
        raise ConfigError(f"this takes {told}, and there is no terminal to ask: give --run-budget usd=..., or --yes")
    if not typer.confirm(f"This takes {visible(told)}. Go on?", err=True):
        note("not started")
        leave(2)


def _check_ours(folder: RunFolder) -> None:
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


# -- the run ------------------------------------------------------------------------------


def _run(folder: RunFolder, plan: Plan, problems: Problems, as_json: bool) -> None:
    import asyncio

    from orchestrator.evals.runner import Bench

    from .live import watching
    from .results import show_results

    work, count = Bench(plan, folder), cast(int, folder.manifest["problems"])
    with _told_how_to_go_on(folder, work), watching(problems.name, count) as work.watcher:
        rows = asyncio.run(work(problems.cases()))
    if work.lines or work.lost is None:
        show_results(str(folder.path), problems.name, work.problems, _labelled(plan, rows), as_json)
    _note_dropped(folder, work)
    if code := _ended(folder, work):
        leave(code)
    note(f"run: {folder.path}")


@contextmanager
def _told_how_to_go_on(folder: RunFolder, work: Bench) -> Iterator[None]:
    try:
        yield
    except Exception:
        if work.failure is not None:
            note(f"everything answered is kept; once this is mended: orchestrator resume {folder.handle}")
        raise


def _note_dropped(folder: RunFolder, work: Bench) -> None:
    """Puts into the manifest which settings were left out, as their experts do not take them."""
    dropped: dict[str, Json] = {}
    for name, settings in work.engine.counters.dropped.items():
        dropped[name] = [*sorted(settings)]
    earlier = folder.manifest.get("dropped")
    if dropped:
        folder.update_manifest({"dropped": {**(earlier if isinstance(earlier, dict) else {}), **dropped}})


def _labelled(plan: Plan, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """With `--per-expert` a row also says its parts."""
    if not plan.per_expert:
        return rows
    parts = {row.name: {"spec": row.strategy, "expert": row.experts[0].id} for row in plan.rows}
    return [{**row, **parts[row["strategy"]]} for row in rows]


def _ended(folder: RunFolder, work: Bench) -> int:
    """The exit code, with the line that says what to do next."""
    again = f"orchestrator resume {folder.handle}"
    if work.interrupted:
        note(f"interrupted; everything answered is kept. Go on with: {again}")
        return INTERRUPTED
    if work.lost is not None:
        gone, rows = len(work.gone), len(work.tallies)
        some = f"{gone} of {rows} rows" if gone else "some problems"
        what = "no expert is left" if gone == rows else f"{some} have no expert left"
        note(f"{what}: {work.lost}. Mend it, then: {again}")
        return 5
    if work.out_of_budget:
        note(f"{work.out_of_budget}. Go on with: {again} --run-budget LARGER")
        return 4
    return 0
