"""Candidates out of answers."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.types import Answer, Candidate, Completion, Place, Reply


def candidate_of(
    answer: Answer,
    parents: Sequence[Completion | Candidate | Reply | str],
    place: Place,
    problem: str,
    strategy: str,
    expert: str,
    plan: Completion | Reply | None = None,
) -> Candidate:
    """The candidate at a place; the reply that its answer was read from is the last of its parents.

    Args:
        expert: id of who is named as its author where no reply is.
        plan: what it was written by.
    """
    source = answer.source
    lineage = [parent if isinstance(parent, str) else parent.id for parent in parents]
    if source is not None and source.id not in lineage:
        lineage.append(source.id)
    return Candidate(
        id=".".join(map(str, place)),
        problem=problem,
        text=answer.text,
        answer=answer.value,
        key=answer.key,
        expert=source.expert if source else expert,
        strategy=strategy,
        place=place,
        parents=tuple(lineage),
        finish=source.finish if source else "stop",
        logprobs=source.logprobs if source else (),
        confidences=source.confidences if source else (),
        alternatives=source.alternatives if source else (),
        plan=plan.id if plan is not None else None,
    )
