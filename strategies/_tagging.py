"""Which skills a question takes: told by a model, or by the question's own words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.skills import Tagging, kept, keywords_in, skills_told, tidied
from orchestrator.types import Expert, JsonObject, Problem, Sampling

from ._lists import declines, read_list

if TYPE_CHECKING:
    from orchestrator.run import Run

_FORM: JsonObject = {
    "type": "json_schema",
    "json_schema": {
        "name": "skills",
        "schema": {
            "type": "object",
            "properties": {"skills": {"type": "array", "items": {"type": "string"}}},
            "required": ["skills"],
            "additionalProperties": False,
        },
    },
}


@dataclass(frozen=True, slots=True)
class Tagger:
    """Tags questions in one way."""

    tagging: Tagging
    longest: int = 20
    """Characters of a keyword; longer ones are dropped."""
    sampling: Sampling = Sampling()

    @property
    def calls(self) -> int:
        """How many it takes for a question."""
        return {"passes": self.tagging.passes, "list": 1, "text": 0}[self.tagging.how]

    async def __call__(self, run: Run, expert: Expert) -> tuple[str, ...]:
        """The skills of the run's problem, most certain first; there may be none.

        A reply that does not come costs its pass: the others are counted as usual.
        """
        if self.tagging.how == "text":
            return skills_told(_words_of(run.problem))
        ask = self._list if self.tagging.how == "list" else self._pass
        replies = await run.map(lambda i, branch: ask(branch, expert, i), range(self.calls))
        passes = [found or () for found in replies]
        return passes[0] if self.tagging.how == "list" else kept(passes, self.tagging.keep)

    async def _pass(self, run: Run, expert: Expert, sample: int) -> tuple[str, ...]:
        prompt = run.problem.ask(run.prompts("symbolic_moe").skills)
        reply = await run.generate(prompt, expert=expert, sample=sample, sampling=self.sampling, purpose="skills")
        return () if declines(reply.text) else tuple(keywords_in(reply.text, self.longest))

    async def _list(self, run: Run, expert: Expert, sample: int) -> tuple[str, ...]:
        prompt = run.problem.ask(run.prompts("symbolic_moe").skills_as_json)
        reply = await run.generate(
            prompt, expert=expert, sample=sample, sampling=self.sampling, purpose="skills", response_format=_FORM
        )  # fmt: skip
        if declines(reply.text):
            return ()
        text = reply.text
        object_ = text[text.find("{") : text.rfind("}") + 1]
        found = read_list(object_ or text)
        return tuple(keywords_in(text, self.longest) if found is None else tidied(found, self.longest))


def _words_of(problem: Problem) -> str:
    return "\n".join((problem.prompt, *problem.options))
