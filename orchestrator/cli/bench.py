"""`bench`: a whole set, one row of results for each strategy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.errors import ConfigError

from . import options as o
from .printing import note

if TYPE_CHECKING:
    from orchestrator.config import Config, Settings
    from orchestrator.evals.runner import Plan
    from orchestrator.types import Problem

    from .following import Followed
    from .problems import Problems


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(bench)


def bench(
    set_: Annotated[
        str | None,
        typer.Argument(metavar="SET", help="A built-in set, an alias or a file; options as SET:key=value,..."),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Run a table of a paper again; `orchestrator recipes` lists them."),
    ] = None,
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
    prompts: o.Prompts = None,
    per_expert: Annotated[bool, typer.Option("--per-expert", help="Each expert alone: a row each.")] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="The first so many problems.")] = None,
    ids: Annotated[str | None, typer.Option(metavar="ID,ID", help="Only these problems.")] = None,
    part: Annotated[str | None, typer.Option(metavar="fit|eval", help="Only this part of the set.")] = None,
    budget: o.BudgetText = None,
    run_budget: o.RunBudgetText = None,
    seed: o.Seed = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="Repeat with so many seeds; 1 if not given.")] = None,
    concurrency: Annotated[int | None, typer.Option(min=1, help="Problems in flight; 64 if not given.")] = None,
    independent: Annotated[
        bool, typer.Option("--independent", help="Strategies do not share replies to identical requests.")
    ] = False,
    run: Annotated[Path | None, typer.Option(metavar="DIR", help="The run folder; a new one if not given.")] = None,
    reuse: Annotated[
        str | None, typer.Option(metavar="RUN", help="Another run, whose replies are taken over and not paid again.")
    ] = None,
    allow_overlap: Annotated[
        bool, typer.Option("--allow-overlap", help="Measure a strategy on problems that it was prepared on.")
    ] = False,
    batch: o.Batch = False,
    dry_run: o.DryRun = False,
    min_isolation: o.MinIsolation = None,
    yes: o.Yes = False,
    as_json: o.AsJson = False,
) -> None:
    """Solve a benchmark set and print a table of results."""
    from orchestrator.folder import RunFolder

    from .batching import by_batch
    from .batching import concurrency as in_flight
    from .consent import to_be_asked
    from .embedded import announce
    from .plan import Wish, manifest_of, plan_of
    from .prepared import check_overlap
    from .problems import survey
    from .reuse import reused
    from .running import run_bench
    from .suited import check_suited
    from .team import team_of

    config = o.settled(
        strategy=strategy, experts=expert, pool=pool, api_base=api_base, key_env=key_env, roles=o.roles_of(role),
        verifier=verifier, aggregator=aggregator, budget=budget, run_budget=run_budget, seed=seed,
        concurrency=concurrency, min_isolation=min_isolation, prompts=prompts,
    )  # fmt: skip
    found = config.settings
    followed, problems = _asked_for(set_, recipe, found, limit, ids, part)
    team = team_of(config, reachable=not dry_run)
    team = by_batch(team) if batch else team
    announce(team)
    read = survey(problems)
    terms = _terms(config, followed, settings, read.first)
    wish = Wish(
        strategies=terms.specs,
        verifier=terms.verifier,
        aggregator=terms.aggregator,
        budget=found.budget,
        run_budget=found.run_budget,
        seeds=[found.seed + i for i in range(seeds or terms.seeds)],
        concurrency=in_flight(team, config),
        independent=independent,
        per_expert=per_expert,
        min_isolation=found.min_isolation,
        prompts=o.prompts_of(config),
        reuse=None if reuse is None else reused(reuse, team),
        allow_overlap=allow_overlap,
        recipe=None if terms.followed is None else terms.followed.to_json(),
    )
    plan = plan_of(wish, team)
    overlap = check_overlap(wish, problems)
    check_suited(plan.rows, problems)
    if dry_run:
        return _foretell(plan, problems, as_json)
    if to_be_asked(team, config):
        _ask(plan, problems, yes)
    if terms.rule:
        note(terms.rule)
    manifest = {**manifest_of(wish, team, problems, read.count, config), **({"overlap": overlap} if overlap else {})}
    with RunFolder.create(run, manifest) as folder:
        run_bench(folder, plan, problems, as_json)


# -- what is wanted -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Terms:
    """What is solved how, as the options have it, else a recipe, else the rule for the kind of problem."""

    specs: Sequence[str]
    verifier: str | None
    aggregator: str | None
    seeds: int = 1
    rule: str = ""
    """Says which rule chose the strategy, where nobody named one."""
    followed: Followed | None = None


def _asked_for(
    set_: str | None, recipe: str | None, found: Settings, limit: int | None, ids: str | None, part: str | None
) -> tuple[Followed | None, Problems]:
    from .following import problems_of
    from .problems import chosen

    if recipe is not None:
        return problems_of(recipe, set_, found.sets, limit, ids, part)
    if set_ is None:
        raise ConfigError("name a set: `orchestrator benchmarks` lists what there is")
    return None, chosen(set_, found.sets, limit, ids, part)


def _terms(config: Config, followed: Followed | None, settings: Sequence[str] | None, first: Problem) -> _Terms:
    from .following import followed_in

    found = config.settings
    if followed is not None:
        now, specs = followed_in(followed, config, settings)
        recipe = followed.recipe
        given = {name for name in ("verifier", "aggregator") if config.origin(name).kind == "command line"}
        verifier = found.verifier if "verifier" in given else recipe.verifier
        aggregator = found.aggregator if "aggregator" in given else recipe.aggregator
        return _Terms(specs, verifier, aggregator, recipe.seeds, followed=now)
    named, rule = (found.strategy, "") if found.strategy else o.by_rule(first, found.verifier)
    return _Terms(o.specs_of(config, named, settings), found.verifier, found.aggregator, rule=rule)


# -- before a run -------------------------------------------------------------------------


def _foretell(plan: Plan, problems: Problems, as_json: bool) -> None:
    from .forecast import forecasts, show

    show(forecasts(plan, (case.problem for case in problems.cases())), plan.run_budget, problems.name, as_json)


def _ask(plan: Plan, problems: Problems, yes: bool) -> None:
    from .consent import agreed
    from .forecast import forecasts, in_words, total

    found = forecasts(plan, (case.problem for case in problems.cases()))
    agreed(in_words(total(found, plan.run_budget)), yes)
