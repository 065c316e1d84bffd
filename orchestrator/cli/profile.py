"""`profile`: skill profiles, made from a set, looked at, and added to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import options as o
from .counting import counted
from .prepare import Force, Output, RunDir
from .printing import note, out_json

if TYPE_CHECKING:
    from orchestrator.config import Config

    from .preparing import Preparation

File = Annotated[Path, typer.Argument(metavar="FILE", help="A file of skill profiles.")]
Set_ = Annotated[str, typer.Argument(metavar="SET", help="Problems with known answers: a set, an alias or a file.")]
Limit = Annotated[int | None, typer.Option(min=1, help="The first so many problems.")]
Ids = Annotated[str | None, typer.Option(metavar="ID,ID", help="Only these problems.")]
Part = Annotated[str | None, typer.Option(metavar="fit|eval", help="Only this part of the set.")]
Support = Annotated[int, typer.Option(min=1, help="Leave out what an expert was asked less often.")]

_STRATEGY = "symbolic_moe"


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    group = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Make, show and extend skill profiles.")
    for command in (build, show, update):
        group.command()(command)
    app.add_typer(group, name="profile")


def build(
    set_: Set_,
    output: Output,
    expert: o.Experts = None,
    pool: o.Pool = None,
    api_base: o.ApiBase = None,
    key_env: o.KeyEnv = None,
    role: o.Roles = None,
    settings: o.Set = None,
    prompts: o.Prompts = None,
    limit: Limit = None,
    ids: Ids = None,
    part: Part = None,
    run_budget: o.RunBudgetText = None,
    seed: o.Seed = None,
    run: RunDir = None,
    min_isolation: o.MinIsolation = None,
    force: Force = False,
    yes: o.Yes = False,
    dry_run: o.DryRun = False,
    as_json: o.AsJson = False,
) -> None:
    """Find out what each expert is good at: tag the problems of a set, have everybody answer them, and count."""
    from .preparing import carry_out

    config = o.settled(
        experts=expert, pool=pool, api_base=api_base, key_env=key_env, roles=o.roles_of(role), run_budget=run_budget,
        seed=seed, min_isolation=min_isolation, prompts=prompts,
    )  # fmt: skip
    wanted = _preparation(
        config, settings, set_=set_, output=output, limit=limit, ids=ids, part=part, run=run, force=force, yes=yes,
        dry_run=dry_run, as_json=as_json,
    )  # fmt: skip
    carry_out(wanted, config)


def update(
    file: File,
    set_: Set_,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write here; else in the file's place.")
    ] = None,
    expert: o.Experts = None,
    pool: o.Pool = None,
    api_base: o.ApiBase = None,
    key_env: o.KeyEnv = None,
    role: o.Roles = None,
    settings: o.Set = None,
    prompts: o.Prompts = None,
    limit: Limit = None,
    ids: Ids = None,
    part: Part = None,
    run_budget: o.RunBudgetText = None,
    seed: o.Seed = None,
    run: RunDir = None,
    min_isolation: o.MinIsolation = None,
    force: Force = False,
    yes: o.Yes = False,
    dry_run: o.DryRun = False,
    as_json: o.AsJson = False,
) -> None:
    """Add the problems of a set to profiles; those that are in them already are not asked again.

    Without -e and --pool the experts of the profiles are asked.
    """
    from orchestrator.skills import read_profiles

    from .preparing import carry_out

    known = read_profiles(file)
    config = o.settled(
        experts=expert or (None if pool else list(known.experts)), pool=pool, api_base=api_base, key_env=key_env,
        roles=o.roles_of(role), run_budget=run_budget, seed=seed, min_isolation=min_isolation, prompts=prompts,
    )  # fmt: skip
    wanted = _preparation(
        config, settings, file=file, set_=set_, output=output or file, limit=limit, ids=ids, part=part, run=run,
        force=force or output is None, yes=yes, dry_run=dry_run, as_json=as_json,
    )  # fmt: skip
    carry_out(wanted, config)


def show(
    file: File,
    expert: Annotated[str | None, typer.Option("--expert", "-e", metavar="ID", help="Only this expert.")] = None,
    skill: Annotated[str | None, typer.Option(metavar="NAME", help="Only this skill.")] = None,
    support: Support = 1,
    graph: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the graph of experts and skills: .graphml, .gexf, .json.")
    ] = None,
    as_json: o.AsJson = False,
) -> None:
    """Show who was right how often, with which skills."""
    from orchestrator.skills import read_profiles

    from .profile_view import view_of

    known = read_profiles(file)
    view = view_of(known, expert, skill, support)
    if graph is not None:
        from orchestrator.skills.graph import write_graph

        note(f"{graph}: {write_graph(known, graph, support)} edges between experts and skills")
    if as_json:
        return out_json("profiles/1", view.to_json())
    view.show()


# -- making -------------------------------------------------------------------------------


def _preparation(
    config: Config, settings: list[str] | None, *, file: Path | None = None, output: Path, **wanted: Any
) -> Preparation:
    from orchestrator.registry import build as built
    from orchestrator.registry import parse, resolve

    from .prepare import use_of
    from .preparing import Preparation

    given = {} if file is None else {"profiles": str(file)}
    (spec,) = o.specs_of(config, [str(resolve("strategies", _STRATEGY, given))], settings)
    maker: Any = built("strategies", spec)
    use = use_of(str(parse(spec)), output)
    return Preparation(name=spec, maker=maker, output=output, use=use, told=told, **wanted)


def told(text: str) -> str:
    """What a new file of profiles holds, in a line."""
    from orchestrator.skills import parse_profiles

    known = parse_profiles(text, "the new profiles")
    tried = known.aggregation
    writer = f"{known.writer()} writes" + (f" (best of {tried.rows} tries)" if tried.scores else " (nobody was tried)")
    removed = known.trimming.removed if known.trimming else ()
    rare = f"; seldom recruited and left out: {len(removed)}" if removed else ""
    numbers = (len(known.problems), "problem"), (len(known.experts), "expert"), (len(known.ratings.skills), "skill")
    return f"{', '.join(counted(*each) for each in numbers)}; {writer}{rare}"
