"""One invocation of a run, from its folder to the table and the line that says what to do next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from orchestrator.errors import UnknownModel

from .collecting import rare_collections
from .counting import counted
from .failures import INTERRUPTED, leave
from .isolation import isolation_json, level_of
from .printing import note

if TYPE_CHECKING:
    from orchestrator.errors import ExpertLost
    from orchestrator.evals.runner import Bench, Plan
    from orchestrator.folder import RunFolder
    from orchestrator.types import Json

    from .problems import Problems


def run_bench(folder: RunFolder, plan: Plan, problems: Problems, as_json: bool) -> None:
    """Runs what has no line yet and prints all results; leaves with a code unless every problem has one."""
    import asyncio

    from orchestrator.evals.runner import Bench

    from .live import watching

    work, count = Bench(plan, folder), cast(int, folder.manifest["problems"])
    with rare_collections(), _told_how_to_go_on(folder, work), watching(problems.name, count) as work.watcher:
        rows = asyncio.run(work(problems.cases()))
    _note_dropped(folder, work)
    _note_isolation(folder, work)
    if work.lines or work.lost is None:
        _show(folder, problems.name, work.problems, _labelled(plan, rows), as_json, work.loads.counts)
    if code := _ended(folder, work):
        leave(code)
    note(f"run: {folder.path}")


def _show(
    folder: RunFolder, set_: str, count: int, rows: list[dict[str, Any]], as_json: bool, loads: dict[str, int]
) -> None:
    """Prints the results, and the published figures beside them where the run follows a recipe."""
    from .batching import batches_in, batches_line
    from .following import Followed
    from .published import figures, recipe_json, show_published, with_published
    from .results import show_loads, show_results

    followed, manifest = Followed.recalled(folder.manifest), folder.manifest
    batches = batches_in(folder.journal)
    beside = [] if followed is None else figures(followed, folder)
    more: dict[str, Json] = {"overlap": manifest["overlap"]} if "overlap" in manifest else {}
    if loads:
        more |= {"loads": {**loads}}
    if batches:
        more |= {"batches": batches}
    if followed is not None:
        rows, more = with_published(rows, beside), {**more, "recipe": recipe_json(followed)}
    show_results(str(folder.path), set_, count, rows, manifest.get("isolation"), as_json, more)
    if loads and not as_json:
        show_loads(loads)
    if batches and not as_json:
        note(batches_line(batches))
    if followed is not None and not as_json:
        show_published(followed, beside)


@contextmanager
def _told_how_to_go_on(folder: RunFolder, work: Bench) -> Iterator[None]:
    """Says before an error is told that what is answered is kept."""
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


def _note_isolation(folder: RunFolder, work: Bench) -> None:
    """Puts into the manifest how far programs were kept apart: of several invocations, the one that did so least."""
    now, earlier = isolation_json(work.sandbox.isolation), folder.manifest.get("isolation")
    if now is not None and not (isinstance(earlier, dict) and level_of(earlier) <= level_of(now)):
        folder.update_manifest({"isolation": now})


def _labelled(plan: Plan, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """With `--per-expert` a row also says its parts."""
    if not plan.per_expert:
        return rows
    parts = {row.name: {"spec": row.strategy, "expert": row.experts[0].id} for row in plan.rows}
    return [{**row, **parts[row["strategy"]]} for row in rows]


def _mending(lost: ExpertLost, folder: RunFolder, again: str) -> str:
    """What can be done about an expert that is lost. Those of a run keep their models; another takes a new run."""
    if isinstance(lost, UnknownModel):
        anew = f"a new run, --reuse {folder.handle} for what is answered"
        return f"Once the server has it: {again}; with another name: {anew}"
    return f"Mend it, then: {again}"


def _ended(folder: RunFolder, work: Bench) -> int:
    """The exit code, with the line that says what to do next."""
    again = f"orchestrator resume {folder.handle}"
    if work.interrupted:
        note(f"interrupted; everything answered is kept. Go on with: {again}")
        return INTERRUPTED
    if work.lost is not None:
        gone, rows = len(work.gone), len(work.tallies)
        some = f"{gone} of {counted(rows, 'row')}" if gone else "some problems"
        what = "no expert is left" if gone == rows else f"{some} have no expert left"
        note(f"{what}: {work.lost}. {_mending(work.lost, folder, again)}")
        return 5
    if work.out_of_budget:
        note(f"{work.out_of_budget}. Go on with: {again} --run-budget LARGER")
        return 4
    return 0
