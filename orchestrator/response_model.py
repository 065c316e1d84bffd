"""Answers as values of a type of the user's: a pydantic model, a dataclass, a TypedDict..."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .errors import ConfigError
from .protocols import Verifier
from .types import Candidate, JsonObject, Problem, Verdict

if TYPE_CHECKING:
    from pydantic import TypeAdapter

    from .run import Run


class ResponseModel:
    """The type that answers are validated into.

    Raises:
        ConfigError: pydantic can make no schema for it.
    """

    def __init__(self, model: Any) -> None:
        from pydantic import TypeAdapter
        from pydantic.errors import PydanticUserError

        try:
            self._adapter: TypeAdapter[object] = TypeAdapter(model)
            self.schema: JsonObject = self._adapter.json_schema()
        except PydanticUserError as error:
            raise ConfigError(f"response_model {model!r} has no JSON schema: {error.message}") from error

    def parse(self, answer: str) -> object:
        """The answer, JSON text, as a value of the type.

        Raises:
            ValueError: it does not fit; says where.
        """
        from pydantic import ValidationError

        try:
            return self._adapter.validate_json(answer)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(map(str, first["loc"])) or "the answer"
            raise ValueError(f"{place}: {first['msg']}") from None


@dataclass(frozen=True, slots=True)
class FitsModel:
    """Fails a candidate that is no value of the type; what fits goes on to the `then` verifier, if there is one."""

    model: ResponseModel = field(repr=False)
    then: Verifier | None = None

    async def __call__(self, problem: Problem, candidate: Candidate, run: Run) -> Verdict:
        from .registry import verdict_of

        if candidate.answer is None:
            return Verdict(0.0, False, "there is no JSON in the reply", "response_model")
        try:
            self.model.parse(candidate.answer)
        except ValueError as error:
            return Verdict(0.0, False, str(error), "response_model")
        if self.then is None:
            return Verdict(1.0, None, "", "response_model")
        return await verdict_of(self.then, problem, candidate, run)
