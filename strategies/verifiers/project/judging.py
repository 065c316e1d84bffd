"""Whether a run's report says that the edits are good, held against the report of the unedited project."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .junit import Outcome, Report

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Judgement:
    passed: bool
    share: float
    """Of the tests of the unedited project, those that are there and pass, or are skipped as before."""
    reason: str


def judged(before: Report, after: Report, status: int | None) -> Judgement:
    """Passes if every test that the unedited project lists is listed, none fails and none is skipped that was not.

    Args:
        status: what the command exited with, which must be 0.
    """
    lost = [name for name in before if not _listed(name, before, after)]
    skipped = [name for name in before if name not in lost and _skipped_anew(before[name], after.get(name, ()))]
    failed = [name for name, outcomes in after.items() if not {"failed", "error"}.isdisjoint(outcomes)]
    bad = {*lost, *skipped, *failed}
    good = sum(name not in bad for name in before)
    ran = sum("passed" in outcomes for outcomes in after.values())
    told = [
        _told(failed, "failed"),
        _told(lost, "not in the report, though the unedited project has them"),
        _told(skipped, "skipped, though the unedited project runs them"),
    ]
    wrong = [text for text in told if text]
    if not wrong and status != 0:
        wrong.append(f"the command ended with status {status}")
    if not wrong and not ran:
        wrong.append("no test ran")
    count = f"{good} of {len(before)} tests passed"
    new = sum(name not in before for name in after)
    more = f", {new} new" if new and not wrong else ""
    return Judgement(not wrong, good / len(before), "; ".join([count + more, *wrong]))


def _listed(name: str, before: Report, after: Report) -> bool:
    if name in after:
        # Without its second entry, an error at its end, a test is all the better.
        return "error" in before[name] or len(after[name]) >= len(before[name])
    if "error" not in before[name]:
        return False
    # A module that could not be read before is listed by itself, and once it can be read by its tests.
    return any(other.startswith((f"{name}::", f"{name}.")) for other in after)


def _skipped_anew(before: Sequence[Outcome], after: Sequence[Outcome]) -> bool:
    return "skipped" in after and "skipped" not in before


def _told(names: Sequence[str], what: str) -> str:
    if not names:
        return ""
    shown = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
    return f"{len(names)} {what}: {shown}"


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """The files that are not what they were."""
    return [path for path, digest in before.items() if after.get(path) != digest]
