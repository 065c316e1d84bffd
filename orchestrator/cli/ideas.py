"""`runs ideas`: how much the programs of a finished run differ in idea, as a model judges them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from orchestrator.errors import BenchmarkError, ConfigError, UnknownName

from . import options as o
from .counting import counted
from .printing import note, out, out_json, visible
from .tables import Column, print_table

if TYPE_CHECKING:
    from orchestrator.config import Config
    from orchestrator.evals.asking import Asking
    from orchestrator.evals.ideas import IdeaDiversity, Ideas, Pool
    from orchestrator.evals.plan import Plan
    from orchestrator.folder import RunFolder, RunView
    from orchestrator.types import Json

    from .forecast import Forecast
    from .team import Team

KIND = "ideas"
"""What the manifest of the folder inside a run calls itself."""


def ideas(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run folder, an id or the beginning of one, or 'last'.")],
    expert: o.Experts = None,
    pool: o.Pool = None,
    api_base: o.ApiBase = None,
    key_env: o.KeyEnv = None,
    role: o.Roles = None,
    prompts: o.Prompts = None,
    strategy: Annotated[
        str | None, typer.Option("--strategy", "-s", metavar="ROW", help="Only this row, as the run's table names it.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="The first so many problems.")] = None,
    sample: Annotated[int, typer.Option(min=2, metavar="N", help="Programs of each problem at the most.")] = 40,
    sample_seed: Annotated[int, typer.Option(min=0, metavar="N", help="Seed of that sample.")] = 42,
    greedy: Annotated[
        bool, typer.Option("--greedy", help="Compare with the first of each group found so far: fewer calls.")
    ] = False,
    rule: Annotated[
        str, typer.Option(metavar="anchored|contains", help="How a judgement is read; contains is the published rule.")
    ] = "anchored",
    run_budget: o.RunBudgetText = None,
    yes: o.Yes = False,
    dry_run: o.DryRun = False,
    as_json: o.AsJson = False,
) -> None:
    """Measure how much a run's programs differ in idea: 0 where all are alike, 1 where no two are.

    The first expert, or the one of the role judge, describes each program and judges each pair. What it says is kept
    in the run's folder: the same command again goes on where it was cut off, and asks nothing twice.
    """
    from orchestrator.folder import view

    from .consent import agreed, to_be_asked
    from .embedded import announce
    from .forecast import in_words, show
    from .team import team_of

    measure = _measure(sample, sample_seed, rule, greedy)
    config = o.settled(
        experts=expert, pool=pool, api_base=api_base, key_env=key_env, roles=o.roles_of(role), run_budget=run_budget,
        prompts=prompts,
    )  # fmt: skip
    seen = view(run)
    pools = pools_of(seen, strategy, limit)
    team = team_of(config, reachable=not dry_run)
    announce(team)
    plan = _plan(config, team)
    foreseen = _forecast(measure, pools, plan)
    if dry_run:
        return show([foreseen], plan.run_budget, str(seen.manifest.get("set", seen.id)), as_json)
    if to_be_asked(team, config):
        agreed(in_words(foreseen), yes)
    with _folder(seen, team) as folder:
        found, asking = _measured(measure, pools, plan, folder, foreseen)
    _show(seen, measure, _judge(plan), found, asking, as_json)


def _measure(sample: int, seed: int, rule: str, greedy: bool) -> IdeaDiversity:
    from orchestrator.evals.ideas import IdeaDiversity, Rule

    if rule not in get_args(Rule):
        raise UnknownName("rule", rule, get_args(Rule), "--rule")
    return IdeaDiversity(sample, seed, "contains" if rule == "contains" else "anchored", greedy)


# -- what is measured ---------------------------------------------------------------------


def pools_of(seen: RunView, strategy: str | None, limit: int | None) -> list[Pool]:
    """The programs of a run, by problem, row and seed.

    Raises:
        BenchmarkError: there are no two programs for one problem.
        UnknownName: no row of that name.
        ConfigError: the set is not to be had any more.
    """
    from orchestrator.evals.ideas import Pool
    from orchestrator.evals.results import ResultLine

    from .judging import own_set

    lines = [ResultLine.read(row, str(seen.results_path)) for row in seen.results()]
    rows = list(dict.fromkeys(line.strategy for line in lines))
    if strategy is not None and strategy not in rows:
        raise UnknownName("row", strategy, rows, f"run {seen.id}")
    wanted = [line for line in lines if strategy in (None, line.strategy)]
    ids = list(dict.fromkeys(line.problem for line in wanted))[:limit]
    known = {case.problem.id: case.problem for case in own_set(seen).cases() if case.problem.id in set(ids)}
    found = [
        Pool(known[line.problem], line.strategy, line.seed, tuple(one.answer or "" for one in line.candidates))
        for line in wanted
        if line.problem in known and known[line.problem].kind == "code"
    ]
    few = sum(sum(map(bool, one.programs)) < 2 for one in found)
    hint = "a search ends at the first program that passes, unless it is run with --verifier none"
    if few == len(found):
        raise BenchmarkError(f"no problem in it has two programs to compare ({hint})", seen.id)
    if few:
        of = counted(len(found), "result")
        note(f"{few} of {of} {'has' if few == 1 else 'have'} fewer than two programs and say nothing: {hint}")
    return found


def _plan(config: Config, team: Team) -> Plan:
    from .plan import Wish, plan_of

    return plan_of(Wish((), run_budget=config.settings.run_budget, prompts=o.prompts_of(config)), team)


def _judge(plan: Plan) -> str:
    return plan.roles.get("judge", plan.experts[0]).id


def _forecast(measure: IdeaDiversity, pools: Sequence[Pool], plan: Plan) -> Forecast:
    """Calls as the measure tells them; the bound on money takes the longest programs for every call."""
    from .forecast import Forecast, dearest, total

    estimate = measure.estimate(pools)
    judge = plan.roles.get("judge", plan.experts[0])
    longest = max(len(program.encode()) for one in pools for program in one.programs)
    bills = [dearest(one.problem, measure.max_tokens, 3, [judge], more=2 * longest) for one in pools]
    known = [bill for bill in bills if bill is not None]
    usd = max(known) * estimate.most if len(known) == len(bills) else None
    whole = Forecast(
        KIND, len(pools), estimate.least, estimate.expected, estimate.most, estimate.depth, usd
    )  # fmt: skip
    return total([whole], plan.run_budget, name=KIND)


# -- measuring ----------------------------------------------------------------------------


@contextmanager
def _folder(seen: RunView, team: Team) -> Iterator[RunFolder]:
    """The folder inside of the run, made or found again.

    Raises:
        ConfigError: it cannot be made, or somebody is at work in it.
    """
    from orchestrator.folder import INSIDE, RunFolder
    from orchestrator.folder.place import MANIFEST

    from .recorded import recorded

    path = seen.path / INSIDE
    manifest: Mapping[str, Json] = {"kind": KIND, "of": seen.id, **recorded(team)}
    with RunFolder.open(path) if (path / MANIFEST).is_file() else RunFolder.create(path, manifest) as folder:
        if folder.manifest.get("kind") != KIND:
            raise ConfigError(f"{path} holds a run of another kind")
        yield folder


def _measured(
    measure: IdeaDiversity, pools: Sequence[Pool], plan: Plan, folder: RunFolder, foreseen: Forecast
) -> tuple[list[Ideas], Asking]:
    from orchestrator.evals.asking import Asking
    from orchestrator.evals.ideas import measured

    from .preparing import ended
    from .progress import Progress

    with Progress("calls", round(foreseen.expected)) as progress:
        asking = Asking(plan, folder, watcher=progress.reach)
        with ended(folder, again="go on with the same command"):
            return asyncio.run(asking(partial(measured, measure, pools))), asking


# -- telling ------------------------------------------------------------------------------


def _show(
    seen: RunView, measure: IdeaDiversity, judge: str, found: Sequence[Ideas], asking: Asking, as_json: bool
) -> None:
    rows = [
        _row(name, [one for one in found if one.strategy == name]) for name in dict.fromkeys(i.strategy for i in found)
    ]
    if as_json:
        usage = {**asking.usage.to_json(), "paid_usd": asking.scope.spent.usd}
        out_json(
            "ideas/1", {"run": seen.id, "judge": judge, "measure": asdict(measure), "results": rows, "usage": usage}
        )
        return
    out(f"run: {visible(seen.id, keep='')}, judged by {visible(judge, keep='')}")
    print_table(
        [
            Column("strategy", [row["strategy"] for row in rows], folds=True),
            Column("idea diversity", [_number(row["diversity"]) for row in rows]),
            Column("95 % interval", [_between(row["ci95"]) for row in rows]),
            Column("problems", [str(row["problems"]) for row in rows]),
            Column("programs", [str(row["programs"]) for row in rows], rank=1),
            Column("pairs", [str(row["pairs"]) for row in rows], rank=1),
            Column("unread", [str(row["unread"]) for row in rows], rank=1),
        ]
    )
    used = asking.usage
    cached = f", {used.cached_calls} of them asked before" if used.cached_calls else ""
    note(f"the chance that two programs for one problem differ in idea; {counted(used.calls, 'call')}{cached}")


def _row(name: str, found: Sequence[Ideas]) -> dict[str, Any]:
    from orchestrator.evals.ideas import mean_of

    mean, between = mean_of(found)
    return {
        "strategy": name,
        "diversity": mean,
        "ci95": None if between is None else list(between),
        "problems": len({one.problem for one in found if one.diversity is not None}),
        "programs": sum(one.programs for one in found),
        "pairs": sum(one.pairs for one in found),
        "unread": sum(one.unread for one in found),
        "by_problem": {one.problem: one.diversity for one in found},
    }


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _between(value: Sequence[float] | None) -> str:
    return "-" if value is None else f"{value[0]:.3f} to {value[1]:.3f}"
