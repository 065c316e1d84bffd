"""`profile`: skill profiles, made from a set, looked at, and added to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import options as o
from .prepare import Force, Output, RunDir
from .printing import note, out, out_folded, out_json, visible
from .tables import Column, percent, print_table

if TYPE_CHECKING:
    from orchestrator.config import Config
    from orchestrator.skills import SkillProfiles, Tally

    from .preparing import Preparation

File = Annotated[Path, typer.Argument(metavar="FILE", help="A file of skill profiles.")]
Set_ = Annotated[str, typer.Argument(metavar="SET", help="Problems with known answers: a set, an alias or a file.")]
Limit = Annotated[int | None, typer.Option(min=1, help="The first so many problems.")]
Ids = Annotated[str | None, typer.Option(metavar="ID,ID", help="Only these problems.")]
Part = Annotated[str | None, typer.Option(metavar="fit|eval", help="Only this part of the set.")]
Support = Annotated[int, typer.Option(min=1, help="Leave out what an expert was asked less often.")]

_STRATEGY = "symbolic_moe"
_TOP = 30
"""Skills that a table shows."""
_BEST = 3
"""Skills that are named of an expert."""


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

    known = read_profiles(file)
    experts, skills = _chosen(known, expert, skill, support)
    if graph is not None:
        from orchestrator.skills.graph import write_graph

        note(f"{graph}: {write_graph(known, graph, support)} edges between experts and skills")
    if as_json:
        return out_json("profiles/1", _json(known, experts, skills, support))
    _print(known, experts, skills, support)


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
    rare = f"; {len(removed)} are seldom recruited and left out" if removed else ""
    skills = len(known.ratings.skills)
    return f"{len(known.problems)} problems, {len(known.experts)} experts, {skills} skills; {writer}{rare}"


# -- showing ------------------------------------------------------------------------------


def _chosen(known: SkillProfiles, expert: str | None, skill: str | None, support: int) -> tuple[list[str], list[str]]:
    """The experts and skills to be shown, the skills that most questions have first.

    Raises:
        UnknownName: there is no such one.
    """
    from orchestrator.errors import UnknownName

    counts = {name: _asked(known, name) for name in known.ratings.skills}
    for what, name, there in (("expert", expert, known.experts), ("skill", skill, counts)):
        if name is not None and name not in there:
            raise UnknownName(what, name, list(there), "the profiles")
    skills = sorted((name for name, count in counts.items() if count >= support), key=lambda name: -counts[name])
    return [expert] if expert else list(known.experts), [skill] if skill else skills


def _asked(known: SkillProfiles, skill: str) -> int:
    """How often the expert was asked that was asked most."""
    return max(profile.skills[skill].asked for profile in known.experts.values() if skill in profile.skills)


def _json(known: SkillProfiles, experts: list[str], skills: list[str], support: int) -> dict[str, Any]:
    profiles = known.experts
    return {
        "problems": len(known.problems),
        "tagging": {"how": known.tagging.how, "tagger": known.tagging.tagger},
        "aggregator": known.writer(),
        "removed": list(known.trimming.removed) if known.trimming else [],
        "experts": [
            {
                "expert": name,
                **_tally(profiles[name].total),
                "lost": profiles[name].lost,
                "strength": profiles[name].strength,
                "recruited": _recruited(known, name),
                "writing": _tally(known.aggregation.scores[name]) if name in known.aggregation.scores else None,
                "skills": {
                    skill: _tally(profiles[name].skills[skill])
                    for skill in skills
                    if skill in profiles[name].skills and profiles[name].skills[skill].asked >= support
                },
            }
            for name in experts
        ],
    }


def _tally(tally: Tally) -> dict[str, Any]:
    return {"right": tally.right, "wrong": tally.wrong, "score": tally.score}


def _recruited(known: SkillProfiles, name: str) -> float | None:
    """The share of slots that an expert got over the questions of the profiles."""
    trimming = known.trimming
    return trimming.counts.get(name, 0) / trimming.slots if trimming is not None and trimming.slots else None


def _print(known: SkillProfiles, experts: list[str], skills: list[str], support: int) -> None:
    tagger = f" by {known.tagging.tagger}" if known.tagging.tagger else ""
    out(f"{len(known.problems)} problems, {len(known.ratings.skills)} skills, tagged by {known.tagging.how}{tagger}")
    out_folded(f"the answer is written by: {visible(known.writer() or '-', keep='')}")
    if removed := known.trimming.removed if known.trimming else ():
        out_folded(f"seldom recruited and left out: {visible(', '.join(removed), keep='')}")
    out("")
    _print_experts(known, experts, support)
    out("")
    _print_skills(known, experts, skills[:_TOP])
    if len(skills) > _TOP:
        note(f"{len(skills) - _TOP} more skills are not shown; --json has all, --skill NAME one of them")


def _print_experts(known: SkillProfiles, experts: list[str], support: int) -> None:
    profiles = known.experts
    scores = known.aggregation.scores
    print_table(
        [
            Column("expert", experts, folds=True),
            Column("right", [str(profiles[name].total.right) for name in experts]),
            Column("wrong", [str(profiles[name].total.wrong) for name in experts]),
            Column("lost", [str(profiles[name].lost) for name in experts], rank=3),
            Column("strength", [f"{profiles[name].strength:+d}" for name in experts]),
            Column("recruited", [percent(_recruited(known, name)) for name in experts], rank=2),
            Column("writing", [percent(scores[name].accuracy if name in scores else None) for name in experts], rank=2),
            Column("best at", [_best(known, name, support) for name in experts], folds=True, rank=1),
        ]
    )


def _best(known: SkillProfiles, name: str, support: int) -> str:
    tallies = known.experts[name].skills.items()
    good = sorted((t for t in tallies if t[1].asked >= support and t[1].score > 0), key=lambda t: (-t[1].score, t[0]))
    return ", ".join(f"{skill} {tally.score:+d}" for skill, tally in good[:_BEST])


def _print_skills(known: SkillProfiles, experts: list[str], skills: list[str]) -> None:
    """A row a skill: who is best and worst at it, or for one expert its own counts."""
    columns = [Column("skill", skills, folds=True), Column("problems", [str(_asked(known, name)) for name in skills])]
    if len(experts) == 1:
        tallies = [known.experts[experts[0]].skills.get(skill) for skill in skills]
        columns += [
            Column("right", ["-" if tally is None else str(tally.right) for tally in tallies]),
            Column("wrong", ["-" if tally is None else str(tally.wrong) for tally in tallies]),
            Column("score", ["-" if tally is None else f"{tally.score:+d}" for tally in tallies]),
        ]
    else:
        ranked = [_ranked(known, skill) for skill in skills]
        columns += [
            Column("best", [_with_score(each[0]) for each in ranked], folds=True),
            Column("worst", [_with_score(each[-1]) for each in ranked], folds=True, rank=1),
        ]
    print_table(columns)


def _ranked(known: SkillProfiles, skill: str) -> list[tuple[str, int]]:
    scores = [(name, profile.skills[skill].score) for name, profile in known.experts.items() if skill in profile.skills]
    return sorted(scores, key=lambda each: -each[1])


def _with_score(each: tuple[str, int]) -> str:
    return f"{each[0]} {each[1]:+d}"
