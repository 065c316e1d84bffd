"""What a user asks for in one step, and the problem that is meant by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypedDict

from .budget import Budget
from .contestant import Contestant
from .engine import Journal
from .errors import ConfigError, UnknownName
from .protocols import Aggregator, Strategy, Verifier
from .response_model import FitsModel, ResponseModel
from .types import Expert, JsonObject, Kind, Message, Outcome, Problem


class Step(TypedDict, total=False):
    """How one problem is solved; what is left out follows from the kind of problem and the strategy."""

    messages: Sequence[Message | JsonObject]
    """The conversation, as values or as chat APIs take it; a problem's text is put behind it."""
    kind: Kind | None
    """By default `choice` with options, `code` with tests, `json` with a schema, else `text`."""
    options: Sequence[str]
    """Choices, letter A first."""
    tests: Sequence[str]
    """Assert statements that the experts see and that candidates are checked by."""
    schema: JsonObject | None
    """JSON schema of the answer."""
    response_model: object
    """A type that the answer is validated into, as `Outcome.parsed`; implies its JSON schema."""
    strategy: str | Strategy | None
    verifier: str | Verifier | None
    aggregator: str | Aggregator | None
    budget: Budget | None
    """Caps on this problem."""
    roles: Mapping[str, str | Expert] | None
    seed: int


class Wallet(Step, total=False):
    """The options of `solve` and `asolve`: those of one step, and those of `Orchestrator` that say whom to ask."""

    experts: Sequence[str | Expert]
    pool: str | Path | None
    reserves: Sequence[Expert]
    journal: Journal | None
    api_base: str | None
    key_env: str | None
    min_isolation: int
    prompts: str | Path | None


def check_names(options: Mapping[str, object]) -> None:
    """Raises:
    UnknownName: an option that is not there.
    """
    known = (*Step.__annotations__, *Wallet.__annotations__)
    for name in options:
        if name not in known:
            raise UnknownName("option", name, dict.fromkeys(known), "solve")


@dataclass(frozen=True, slots=True)
class Asked:
    """One problem with how it is to be solved.

    Raises:
        ConfigError: something given cannot be used.
    """

    problem: Problem
    step: Step
    model: ResponseModel | None

    @classmethod
    def of(cls, problem: str | Problem | None, step: Step) -> Asked:
        check_names(step)
        wanted = step.get("response_model")
        model = None if wanted is None else ResponseModel(wanted)
        return cls(_problem(problem, step, model), step, model)

    def checked(self, contestant: Contestant) -> Contestant:
        """With the response model's check before the verifier."""
        if self.model is None:
            return contestant
        return replace(contestant, verifier=FitsModel(self.model, contestant.verifier))

    def parsed(self, outcome: Outcome) -> Outcome:
        if self.model is None or outcome.answer is None:
            return outcome
        try:
            return replace(outcome, parsed=self.model.parse(outcome.answer))
        except ValueError as error:
            return replace(outcome, reason=outcome.reason or f"no answer fits response_model: {error}")


def _problem(problem: str | Problem | None, step: Step, model: ResponseModel | None) -> Problem:
    """The problem that a user means; its kind follows from options, tests or a schema, and is `text` otherwise."""
    schema = model.schema if model else step.get("schema")
    if isinstance(problem, Problem):
        return problem if model is None else replace(problem, kind="json", schema=schema)
    told = _messages(step.get("messages") or ())
    if problem is not None:
        told = (*told, Message("user", problem))
    if not told:
        raise ConfigError("no problem: give a text, messages, or a Problem")
    options, tests = tuple(step.get("options") or ()), tuple(step.get("tests") or ())
    guessed: Kind = "choice" if options else "code" if tests else "json" if schema else "text"
    return Problem("problem", told, step.get("kind") or guessed, options, schema, tests)


def _messages(given: Sequence[Message | JsonObject]) -> tuple[Message, ...]:
    found = []
    for i, message in enumerate(given):
        try:
            found.append(Message.of(message))
        except ValueError as error:
            raise ConfigError(f"messages[{i}]: {error}") from None
    return tuple(found)
