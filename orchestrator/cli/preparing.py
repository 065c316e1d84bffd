"""What every command does that makes a file out of problems with known answers: ask, keep, go on, write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from orchestrator.errors import BenchmarkError, BudgetExceeded, ConfigError, ExpertError, Stopped

from .counting import counted
from .failures import INTERRUPTED, leave
from .printing import note, out_json

if TYPE_CHECKING:
    from orchestrator.config import Config
    from orchestrator.evals.case import Case
    from orchestrator.evals.plan import Plan
    from orchestrator.evals.preparing import Preparing
    from orchestrator.folder import RunFolder
    from orchestrator.protocols import Prepares
    from orchestrator.types import Estimate, Json

    from .forecast import Forecast
    from .problems import Problems
    from .team import Team

KIND = "preparation"
"""What the manifest of such a run calls itself."""


class Told(Protocol):
    """Says of a finished file what is in it, in one line; an empty one says nothing."""

    def __call__(self, text: str) -> str: ...


@dataclass(frozen=True, slots=True)
class Preparation:
    """A file to be made."""

    name: str
    """What is prepared, as results call it: a strategy's spec, or what the file holds."""
    maker: Prepares
    set_: str
    """As typed."""
    output: Path
    limit: int | None = None
    ids: str | None = None
    part: str | None = None
    run: Path | None = None
    """The run folder: a new one, or that of a preparation that was cut off."""
    use: str = ""
    """How the file is used, as part of a sentence."""
    told: Told = field(default=lambda text: "")
    """What the file holds, in a line."""
    force: bool = False
    yes: bool = False
    dry_run: bool = False
    as_json: bool = False


def carry_out(wanted: Preparation, config: Config) -> None:
    """Asks whatever the preparation takes and writes the file; says what it made and how it is used.

    Nothing is asked before everything that can be known is known: that the file may be written, that the set has
    problems with answers, what it costs.

    Raises:
        ConfigError: the file is there already or cannot be written, or something else that is given cannot be used.
        BenchmarkError: the set cannot be used.
    """
    from .consent import agreed, to_be_asked
    from .embedded import announce
    from .forecast import in_words, show
    from .problems import chosen
    from .team import team_of

    _check_output(wanted)
    team = team_of(config, reachable=not wanted.dry_run)
    announce(team)
    problems = chosen(wanted.set_, config.settings.sets, wanted.limit, wanted.ids, wanted.part)
    cases = gradable(problems)
    plan = _plan(config, team)
    foreseen = _forecast(wanted, plan, cases)
    if wanted.dry_run:
        return show([foreseen], plan.run_budget, problems.name, wanted.as_json)
    if to_be_asked(team, config):
        agreed(in_words(foreseen), wanted.yes)
    with _folder(wanted, _manifest(wanted, config, team, problems, len(cases))) as folder:
        _made(wanted, folder, plan, problems, cases, foreseen)


def gradable(problems: Problems) -> list[Case]:
    """The problems of a set that have known answers.

    Raises:
        BenchmarkError: there is none, or an id is there twice.
    """
    from .problems import survey

    survey(problems)
    cases = list(problems.cases())
    found = [case for case in cases if case.gradable]
    if len(found) < len(cases):
        of = counted(len(cases), "problem")
        note(f"without a known answer, and left out: {len(cases) - len(found)} of {of}")
    if not found:
        raise BenchmarkError("no problem has a known answer to prepare with", problems.spec)
    return found


# -- before anybody is asked --------------------------------------------------------------


def _check_output(wanted: Preparation) -> None:
    file = wanted.output
    if file.is_dir():
        raise ConfigError(f"{file} is a folder; name a file with -o")
    if not file.absolute().parent.is_dir():
        raise ConfigError(f"{file}: there is no folder {file.absolute().parent}")
    if file.exists() and not wanted.force:
        raise ConfigError(f"{file} is there already; name another file with -o, or --force to put it in its place")


def _plan(config: Config, team: Team) -> Plan:
    from .options import prompts_of
    from .plan import Wish, plan_of

    found = config.settings
    wish = Wish(
        (), run_budget=found.run_budget, seeds=[found.seed], min_isolation=found.min_isolation,
        prompts=prompts_of(config),
    )  # fmt: skip
    return plan_of(wish, team)


def _forecast(wanted: Preparation, plan: Plan, cases: Sequence[Case]) -> Forecast:
    """Calls as the maker tells them; the bound on money takes the dearest problem for every call."""
    from .forecast import Forecast, dearest, total

    estimate: Estimate = wanted.maker.preparation(len(cases), len(plan.experts))
    cap = getattr(wanted.maker, "max_tokens", None)
    experts = (*plan.experts, *plan.roles.values())
    bills = [dearest(case.problem, cap if isinstance(cap, int) else None, estimate.depth, experts) for case in cases]
    known = [bill for bill in bills if bill is not None]
    usd = max(known) * estimate.most if len(known) == len(bills) else None
    whole = Forecast(
        wanted.name, len(cases), estimate.least, estimate.expected, estimate.most, estimate.depth, usd
    )  # fmt: skip
    return total([whole], plan.run_budget, name=wanted.name)


def _manifest(wanted: Preparation, config: Config, team: Team, problems: Problems, count: int) -> dict[str, Json]:
    from .options import prompts_of
    from .plan import Wish, manifest_of

    found = config.settings
    wish = Wish((), run_budget=found.run_budget, seeds=[found.seed], prompts=prompts_of(config))
    return {"kind": KIND, "prepares": wanted.name, **manifest_of(wish, team, problems, count, config)}


# -- the run folder -----------------------------------------------------------------------

_SAME = {
    "prepares": "of something else", "set_file": "on another set", "limit": "with another --limit",
    "ids": "with other --ids", "part": "with another --part", "seeds": "with another --seed",
}  # fmt: skip
"""What a preparation that goes on must have in common with the one that was cut off, and what it is otherwise."""


@contextmanager
def _folder(wanted: Preparation, manifest: Mapping[str, Json]) -> Iterator[RunFolder]:
    """A new run folder, or the one of the preparation that goes on.

    Raises:
        ConfigError: the folder holds something else.
    """
    from orchestrator.folder import RunFolder
    from orchestrator.folder.place import MANIFEST

    going_on = wanted.run is not None and (wanted.run / MANIFEST).is_file()
    opened = RunFolder.open(wanted.run) if going_on and wanted.run else RunFolder.create(wanted.run, manifest)
    with opened as folder:
        if going_on:
            _check_same(folder, manifest)
            folder.update_manifest({"run_budget": manifest["run_budget"]})
        yield folder


def _check_same(folder: RunFolder, manifest: Mapping[str, Json]) -> None:
    if folder.manifest.get("kind") != KIND:
        raise ConfigError(f"{folder.path} holds a run of another kind; name another folder with --run")
    for name, otherwise in _SAME.items():
        if folder.manifest.get(name) != manifest[name]:
            raise ConfigError(
                f"{folder.path} holds a preparation {otherwise}; "
                "repeat the command that began it, or name another folder with --run"
            )


# -- the work -----------------------------------------------------------------------------


def _made(
    wanted: Preparation, folder: RunFolder, plan: Plan, problems: Problems, cases: Sequence[Case], foreseen: Forecast
) -> None:
    import asyncio

    from orchestrator.evals.preparing import Preparing

    from .progress import Progress

    with Progress("calls", round(foreseen.expected)) as progress:
        work = Preparing(wanted.maker, plan, folder, watcher=progress.reach)
        with ended(folder):
            text = asyncio.run(work(cases))
    _write(wanted.output, text)
    folder.update_manifest({"file": str(wanted.output.absolute()), "finished": True})
    if wanted.as_json:
        out_json("prepare/1", _json(wanted, folder, problems, len(cases), work))
        return
    note(f"{wanted.output}: {wanted.name}, from {counted(len(cases), 'problem')} of {problems.name}; {_took(work)}")
    if line := wanted.told(text):
        note(line)
    if wanted.use:
        note(f"use it with {wanted.use}")
    note(f"run: {folder.path}")


def _took(work: Preparing) -> str:
    used, paid = work.usage, work.scope.spent.usd
    cached = f", {used.cached_calls} of them from the run's journal" if used.cached_calls else ""
    return f"{counted(used.calls, 'call')}{cached}" + (f"; paid: usd={paid:.4f}" if paid else "")


@contextmanager
def ended(folder: RunFolder, again: str = "") -> Iterator[None]:
    """Says how to go on where something ended the work.

    Args:
        again: what to do for that; by default to name the folder.
    """
    again = again or f"go on with the same command and --run {folder.path}"
    try:
        yield
    except Stopped:
        note(f"interrupted; everything answered is kept: {again}")
        leave(INTERRUPTED)
    except BudgetExceeded as error:
        note(f"{error}; everything answered is kept: {again}, with a larger --run-budget")
        leave(4)
    except ExpertError as error:
        note(f"{error}; everything answered is kept. Mend it, then {again}")
        leave(5)


def _write(file: Path, text: str) -> None:
    """Puts the file in its place in one step, readable as the user's other files are."""
    from orchestrator.files import replacing

    try:
        with replacing(file) as out:
            out.write(text.encode())
        file.chmod(0o666 & ~_umask())
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror}") from error


def _umask() -> int:
    import os

    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _json(wanted: Preparation, folder: RunFolder, problems: Problems, count: int, work: Preparing) -> dict[str, Any]:
    return {
        "name": wanted.name,
        "set": problems.name,
        "problems": count,
        "file": str(wanted.output),
        "usage": {**work.usage.to_json(), "paid_usd": work.scope.spent.usd},
        "use": wanted.use,
        "run": str(folder.path),
    }
