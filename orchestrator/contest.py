"""How a problem is solved where the user leaves it open: strategy, verifier and aggregator by its kind."""

from __future__ import annotations

from .conduct import Contestant
from .protocols import Aggregator, Strategy, Verifier
from .registry import build, checker_of, spec_of
from .types import Problem


def default_strategy(problem: Problem, verifier: str | Verifier | None = None) -> tuple[str, str]:
    """The strategy for a problem where nobody names one, and the rule that chose it, in words.

    Args:
        verifier: the one that the user gave; `None` leaves it to the kind, `"none"` wants none.
    """
    if verifier not in (None, "auto", "none"):
        return "best_of_n", "several samples, as there is a verifier to pick one"
    if verifier != "none" and (checker := checker_of(problem)):
        return "best_of_n", f"several samples, as {checker} can check a {problem.kind} answer"
    if problem.kind == "text":
        return "universal_sc", "several samples and a model that picks the most consistent, as free text has no vote"
    return "self_consistency", f"several samples and a vote, as {problem.kind} answers can be counted"


def contestant_for(
    problem: Problem,
    strategy: str | Strategy | None,
    verifier: str | Verifier | None,
    aggregator: str | Aggregator | None,
) -> Contestant:
    """Strategy, verifier and aggregator for a problem, by its kind where nothing is said."""
    chosen = strategy or default_strategy(problem, verifier)[0]
    made = build("strategies", chosen)
    name = chosen if isinstance(chosen, str) else str(spec_of(made))
    wanted = verifier if verifier is not None else getattr(made, "verifier", "auto")
    picked = aggregator if aggregator is not None else getattr(made, "aggregator", "majority")
    if wanted == "auto":
        wanted = checker_of(problem) or "none"
    return Contestant(
        name,
        made,
        None if wanted == "none" else build("verifiers", wanted),
        build("aggregators", picked),
        own=aggregator is None,
    )
