"""`solve`: one problem, and the best answer to it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.errors import ConfigError

from . import options as o
from .counting import counted
from .failures import INTERRUPTED, leave
from .isolation import isolation_json
from .picture import shortened
from .printing import note, out, out_json, visible

if TYPE_CHECKING:
    from orchestrator.budget import Budget
    from orchestrator.config import Config
    from orchestrator.types import Json, Outcome, Problem, Scored

    from .team import Team


_COOPERATIVE = (
    "cooperative, not verified: it passed tests that run in one process with it, so read it before you use it"
)

_SHOWN = 120
"""Characters of a reply that nothing could be read out of."""


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(solve)


def solve(
    text: Annotated[str | None, typer.Argument(metavar="TEXT", help="The problem; '-' reads it from stdin.")] = None,
    problem: Annotated[Path | None, typer.Option(metavar="FILE.json", help="A file with one problem.")] = None,
    strategy: Annotated[
        str | None, typer.Option("--strategy", "-s", metavar="SPEC", help="Such as 'best_of_n(samples=5)'.")
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
    kind: Annotated[
        str | None, typer.Option(metavar="KIND", help="What the answer is: number, choice, code...; text if not given.")
    ] = None,
    option: Annotated[
        list[str] | None, typer.Option(metavar="TEXT", help="A choice, the first is (A); repeat it.")
    ] = None,
    test: Annotated[
        list[str] | None, typer.Option(metavar="ASSERT", help="A test that code must pass; may be repeated.")
    ] = None,
    schema: Annotated[Path | None, typer.Option(metavar="FILE.json", help="JSON schema of the answer.")] = None,
    budget: Annotated[
        str | None,
        typer.Option(
            metavar="CAPS", help="calls=40,tokens=50k,usd=0.20,seconds=60; usd=0.50 where experts have prices."
        ),
    ] = None,
    seed: o.Seed = None,
    min_isolation: o.MinIsolation = None,
    top: Annotated[int, typer.Option("-n", min=1, metavar="K", help="Print so many different answers.")] = 1,
    batch: o.Batch = False,
    dry_run: o.DryRun = False,
    as_json: o.AsJson = False,
) -> None:
    """Solve one problem and print its answer."""
    from .embedded import announce, read_by_them, ways
    from .one_problem import problem_of
    from .team import team_of

    asked = problem_of(text, problem, kind, option or (), test or (), schema)
    config = o.settled(
        strategy=None if strategy is None else [strategy], experts=expert, pool=pool, api_base=api_base,
        key_env=key_env, roles=o.roles_of(role), verifier=verifier, aggregator=aggregator, budget=budget, seed=seed,
        min_isolation=min_isolation, prompts=prompts,
    )  # fmt: skip
    team = team_of(config, reachable=not dry_run)
    if batch:
        from .batching import by_batch

        team = by_batch(team)
    announce(team)
    if text is not None and kind is None and asked.kind == "text" and team.simulated and (read := read_by_them(asked)):
        asked, told = read
        note(told)
    found = config.settings.strategy[:1]
    named, rule = (found, "") if found else o.by_rule(asked, config.settings.verifier)
    (spec,) = o.specs_of(config, named, settings)
    caps = _caps(config, team)
    if rule:
        note(rule)
    if dry_run:
        return _foretell(asked, spec, team, config, caps, as_json)
    try:
        outcome = _solved(asked, spec, team, config, caps)
    except KeyboardInterrupt:
        note("interrupted")
        leave(INTERRUPTED)
    if as_json:
        out_json("solve/1", outcome_json(outcome, top))
    else:
        _print(outcome, top)
    if told := _remark(outcome, team):
        note(told)
    if code := _code(outcome):
        if code == 5 and team.simulated:
            note(ways())
        leave(code)


def _caps(config: Config, team: Team) -> Budget:
    """The caps, with the default one on money where experts have prices and nobody capped it.

    Raises:
        ConfigError: money is capped, and what an expert costs is not known.
    """
    from orchestrator.config import DEFAULT_USD
    from orchestrator.ledger import check_prices

    caps = config.settings.budget.tightened(config.settings.run_budget)
    if caps.usd is not None or not team.priced:
        check_prices(caps, team.everybody)
        return caps
    if not team.unpriced:
        return replace(caps, usd=DEFAULT_USD)
    if caps.calls is None and caps.tokens is None:
        raise ConfigError(
            f"the price of '{team.unpriced[0].id}' is not known, so the usual cap of usd={DEFAULT_USD} cannot hold: "
            "set price = {prompt = ..., completion = ...} in its pool entry, or cap calls: --budget calls=N"
        )
    return caps


def _solved(problem: Problem, spec: str, team: Team, config: Config, caps: Budget) -> Outcome:
    from orchestrator.blocking import blocking

    return blocking(_asked(problem, spec, team, config, caps))


async def _asked(problem: Problem, spec: str, team: Team, config: Config, caps: Budget) -> Outcome:
    from orchestrator import answers
    from orchestrator.solve import Orchestrator

    found = config.settings
    try:
        async with Orchestrator(
            experts=team.experts,
            roles=team.roles,
            reserves=team.reserves,
            seed=found.seed,
            min_isolation=found.min_isolation,
            prompts=found.prompts,
        ) as orchestrator:
            return await orchestrator.solve(
                problem, strategy=spec, verifier=found.verifier, aggregator=found.aggregator, budget=caps
            )
    finally:
        await answers.aclose()


def _foretell(problem: Problem, spec: str, team: Team, config: Config, caps: Budget, as_json: bool) -> None:
    from .forecast import forecasts, show
    from .plan import Wish, plan_of

    found = config.settings
    plan = plan_of(Wish((spec,), found.verifier, found.aggregator, caps), team)
    show(forecasts(plan, [problem]), plan.run_budget, problem.id, as_json)


# -- showing ------------------------------------------------------------------------------


def outcome_json(outcome: Outcome, top: int = 1) -> dict[str, object]:
    """An outcome as `solve --json` has it; with several answers wanted, `top` cites the candidates that have them."""
    shown: dict[str, object] = {
        "answer": outcome.answer,
        "text": outcome.text,
        "confidence": outcome.confidence,
        "strategy": outcome.strategy,
        "chosen_by": outcome.chosen_by,
        "candidates": [_candidate_json(scored) for scored in outcome.candidates],
        "usage": outcome.usage.to_json(),
        "stopped_by": outcome.stopped_by,
        "run": outcome.run,
        "isolation": isolation_json(outcome.isolation),
    }
    if outcome.written is not None:
        shown["written"] = _candidate_json(outcome.written)
    if top > 1:
        shown["top"] = [candidate.id for candidate in outcome.top(top)]
    return shown


def _candidate_json(scored: Scored) -> dict[str, Json]:
    return {
        "id": scored.candidate.id,
        "answer": scored.candidate.answer,
        "expert": scored.candidate.expert,
        "score": scored.verdict.score if scored.verdict else None,
        "parents": list(scored.candidate.parents),
    }


def _print(outcome: Outcome, top: int) -> None:
    answers = [candidate.answer for candidate in outcome.top(top) if candidate.answer is not None]
    if top == 1 and outcome.answer is not None:
        answers = [outcome.answer]
    # One a line, so that a script can read them; an empty line between answers that have several.
    between = "\n\n" if any("\n" in answer for answer in answers) else "\n"
    if answers:
        out(between.join(map(visible, answers)))


def _remark(outcome: Outcome, team: Team) -> str:
    code = _code(outcome)
    if code == 5 and team.simulated:
        # What one of them cannot read, none of them can.
        who, _, why = outcome.reason.partition(": ")
        return f"no answer: {why if who in {expert.id for expert in team.experts} else outcome.reason}"
    if code == 5:
        return f"no answer: {outcome.reason}"
    if code == 4:
        return f"{outcome.reason}; give a larger --budget"
    if code == 3 and outcome.answer is None:
        return _unread(outcome)
    if code == 3:
        return "no candidate passed the verifier; this is the best of them"
    return "; ".join(filter(None, (_COOPERATIVE if outcome.chosen_by == "cooperative" else "", outcome.reason)))


def _unread(outcome: Outcome) -> str:
    """Why there is no answer though there were replies, and what the first of them says."""
    if not outcome.candidates:
        number = outcome.usage.calls
        return f"no answer: {counted(number, 'reply', 'replies')} came, and nothing in them was of use"
    texts = [scored.candidate.text for scored in outcome.candidates]
    said = next(filter(None, (" ".join(text.split()) for text in texts)), "")
    of, who = ("the reply", "it") if len(texts) == 1 else (f"{len(texts)} replies", "the first")
    return f"no answer could be read out of {of}" + (f"; {who} says: {shortened(said, _SHOWN)}" if said else "")


def _code(outcome: Outcome) -> int:
    """The exit code of `solve`."""
    if outcome.stopped_by == "budget":
        return 4
    if outcome.stopped_by == "failed":
        return 5
    everything = (*outcome.candidates, *([outcome.written] if outcome.written else []))
    checked = [scored for scored in everything if scored.verdict and scored.verdict.passed is not None]
    rejected = bool(checked) and not any(scored.passed for scored in checked)
    return 3 if rejected or outcome.answer is None else 0
