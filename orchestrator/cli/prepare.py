"""`prepare`: a strategy's setup on problems with known answers, kept in a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.errors import ConfigError

from . import options as o

if TYPE_CHECKING:
    from orchestrator.protocols import Prepares

Output = Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The file that it makes.")]
RunDir = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="The run folder; that of a preparation that was cut off goes on there."),
]
Force = Annotated[bool, typer.Option("--force", help="Put the file in the place of one that is there.")]


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(prepare)


def prepare(
    strategy: Annotated[str, typer.Argument(metavar="STRATEGY", help="A spec, such as 'div_se(size=3)'.")],
    set_: Annotated[
        str, typer.Argument(metavar="SET", help="Problems with known answers: a built-in set, an alias or a file.")
    ],
    output: Output,
    expert: o.Experts = None,
    pool: o.Pool = None,
    api_base: o.ApiBase = None,
    key_env: o.KeyEnv = None,
    role: o.Roles = None,
    settings: o.Set = None,
    prompts: o.Prompts = None,
    limit: Annotated[int | None, typer.Option(min=1, help="The first so many problems.")] = None,
    ids: Annotated[str | None, typer.Option(metavar="ID,ID", help="Only these problems.")] = None,
    part: Annotated[str | None, typer.Option(metavar="fit|eval", help="Only this part of the set.")] = None,
    run_budget: o.RunBudgetText = None,
    seed: o.Seed = None,
    run: RunDir = None,
    min_isolation: o.MinIsolation = None,
    force: Force = False,
    yes: o.Yes = False,
    dry_run: o.DryRun = False,
    as_json: o.AsJson = False,
) -> None:
    """Prepare a strategy on problems with known answers, and write what it has learnt to a file.

    The file remembers the problems that it was made from: a benchmark that has some of them is refused.
    """
    from .preparing import Preparation, carry_out

    config = o.settled(
        experts=expert, pool=pool, api_base=api_base, key_env=key_env, roles=o.roles_of(role), run_budget=run_budget,
        seed=seed, min_isolation=min_isolation, prompts=prompts,
    )  # fmt: skip
    (spec,) = o.specs_of(config, [strategy], settings)
    wanted = Preparation(
        name=spec, maker=_maker(spec), set_=set_, output=output, limit=limit, ids=ids, part=part, run=run,
        use=use_of(spec, output), force=force, yes=yes, dry_run=dry_run, as_json=as_json,
    )  # fmt: skip
    carry_out(wanted, config)


def use_of(spec: str, output: Path) -> str:
    """How a prepared file is given to its strategy: `-s "NAME(FIELD=FILE)"`; empty where it takes none."""
    from orchestrator.registry import parse, resolve
    from orchestrator.registry.settings import files_of

    given = parse(spec)
    fields = files_of("strategies", given.name)
    return f"-s '{resolve('strategies', spec, {fields[0]: str(output)})}'" if fields else ""


def _maker(spec: str) -> Prepares:
    """The strategy to prepare.

    Raises:
        ConfigError: it has no setup.
    """
    from orchestrator.protocols import Prepares
    from orchestrator.registry import build, parse

    made = build("strategies", spec)
    if isinstance(made, Prepares):
        return made
    having = ", ".join(preparable()) or "none"
    raise ConfigError(f"strategy {parse(spec).name} has no setup; those that have one: {having}")


def preparable() -> list[str]:
    """Names of the strategies that have a setup; one that cannot be loaded has none."""
    from orchestrator.registry import names

    return [name for name in names("strategies") if _has_a_setup(name)]


def _has_a_setup(name: str) -> bool:
    from orchestrator.protocols import Prepares
    from orchestrator.registry import load

    try:
        maker = load("strategies", name)
    except ConfigError:  # somebody else's package, and not what was asked for
        return False
    return isinstance(maker, type) and issubclass(maker, Prepares)
