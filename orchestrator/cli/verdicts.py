"""What `judge` prints: a row for each source of samples, and where verdicts are not those on record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from .counting import counted
from .isolation import isolation_json
from .printing import note, out, out_folded, out_json, visible
from .tables import Column, percent, print_table

if TYPE_CHECKING:
    from orchestrator.evals.judging import Judged
    from orchestrator.evals.passing import Passing

    from .judging import Found, Material

_NAMED = 5
"""Ids that a line names."""
_SHOWN = 10
"""Verdicts that are told one by one."""


def tell_gaps(material: Material) -> None:
    """Says, a line each, which samples and problems have no counterpart, and what is there twice."""
    contents, set_ = material.contents, material.problems.name
    if unknown := material.unknown:
        count = counted(sum(unknown.values()), "sample")
        note(f"not in the set {set_}, so not judged: {count} of {_some('task', unknown)}")
    if missing := material.missing:
        rest = len(material.cases.ids) - len(missing)
        note(f"without a sample: {_some('problem', missing)}; pass@k is over the other {rest}")
    if twice := contents.twice:
        count = counted(sum(twice.values()), "sample")
        note(f"there twice, so not counted again: {count} of {_some('task', twice)}")
    if contents.repeated:
        count = counted(contents.repeated, "sample")
        note(f"word for word an earlier one of the same task, and counted all the same: {count}")


def show_verdicts(material: Material, found: Found, ks: Sequence[int], explicit: bool, as_json: bool) -> None:
    """Prints the results.

    Args:
        ks: the k of pass@k.
        explicit: somebody asked for these, so that one which is not known is said to be.
    """
    if explicit:
        for k in ks:
            if not any(k <= row.fewest for row in found.rows.values()) and found.rows:
                fewest = max(row.fewest for row in found.rows.values())
                note(f"pass@{k} is not known: some problems have only {counted(fewest, 'sample')}")
    if as_json:
        out_json("judge/1", _json(material, found, ks))
        return
    rows = [row for row in found.rows.values() if row.samples or row.verdicts]
    if rows:
        print_table(list(_columns(rows, ks)))
    _show_differences(found)
    if found.isolation is not None:
        lacking = ", ".join(found.isolation.not_enforced)
        note(f"programs ran at isolation level {found.isolation.level}" + (f", without {lacking}" if lacking else ""))


def _columns(rows: Sequence[Passing], ks: Sequence[int]) -> Iterator[Column]:
    if any(row.source for row in rows):
        yield Column("source", [row.source for row in rows], folds=True)
    yield Column("problems", [f"{row.problems}" for row in rows], rank=2)
    yield Column("samples", [f"{row.samples}" for row in rows])
    yield Column("passed", [f"{row.passed}" for row in rows])
    if any(row.accuracy for row in rows):
        yield Column("accuracy", [percent(row.accuracy.now if row.accuracy else None) for row in rows])
        yield Column("on record", [percent(row.accuracy.recorded if row.accuracy else None) for row in rows])
    for k in ks:
        if any(k <= row.fewest for row in rows):
            yield Column(f"pass@{k}", [percent(row.pass_at(k)) for row in rows])
            yield Column("95 %", [_range(row.interval(k)) for row in rows], rank=1)
    for verdict in sorted({verdict for row in rows for verdict in row.verdicts} - {"passed"}):
        yield Column(verdict, [f"{row.verdicts[verdict]}" for row in rows], rank=3)


def _show_differences(found: Found) -> None:
    if not found.recorded:
        return
    if not found.differing:
        out(f"verdicts: as on record, all {found.recorded}")
        return
    out(f"verdicts: {len(found.differing)} of {found.recorded} are not as on record")
    for judged in found.differing[:_SHOWN]:
        out_folded(f"  {_difference(judged)}")
    if len(found.differing) > _SHOWN:
        out(f"  and {len(found.differing) - _SHOWN} more; --json has all")


def _difference(judged: Judged) -> str:
    sample = judged.sample
    who = " ".join(part for part in (judged.problem, sample.source, sample.name) if part)
    what = f"{who}{' (answer)' if sample.chosen else ''}: {'passed' if sample.recorded else 'not passed'} on record"
    detail = f": {judged.detail}" if judged.detail else ""
    return visible(f"{what}, now {judged.verdict}{detail}", keep="")


def _json(material: Material, found: Found, ks: Sequence[int]) -> dict[str, object]:
    return {
        "samples": material.name if material.run is None else None,
        "run": None if material.run is None else str(material.run.path),
        "set": material.problems.name,
        "problems": len(material.cases.ids),
        "results": [_row(row, ks) for row in found.rows.values()],
        "unknown": material.unknown,
        "missing": material.missing,
        "twice": material.contents.twice,
        "repeated": material.contents.repeated,
        "on_record": found.recorded,
        "differences": [judged.to_json() for judged in found.differing],
        "isolation": isolation_json(found.isolation),
        "seconds": found.seconds,
        "interrupted": found.interrupted,
    }


def _row(row: Passing, ks: Sequence[int]) -> dict[str, object]:
    known = [k for k in ks if k <= row.fewest]
    answers = row.accuracy
    return {
        "source": row.source or None,
        "problems": row.problems,
        "samples": row.samples,
        "passed": row.passed,
        "pass_at": {str(k): row.pass_at(k) for k in known},
        "ci95": {str(k): row.interval(k) for k in known},
        "verdicts": dict(sorted(row.verdicts.items())),
        "accuracy": answers and answers.now,
        "accuracy_ci95": answers and answers.ci95,
        "accuracy_on_record": answers and answers.recorded,
        "cached": row.cached,
        "cpu_seconds": round(row.cpu_seconds, 3),
    }


def _range(interval: tuple[float, float] | None) -> str:
    return "-" if interval is None else f"{100 * interval[0]:.1f}-{100 * interval[1]:.1f}"


def _some(what: str, names: Iterable[str]) -> str:
    """So many things, the first of them by name."""
    named = list(names)
    head = ", ".join(named[:_NAMED]) + (", ..." if len(named) > _NAMED else "")
    return f"{counted(len(named), what)} ({head})"
