"""A strategy that never ends by itself."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count

from orchestrator import Problem, Run, Template, strategy

PLAIN = Template("plain", "$problem")


@strategy
@dataclass(frozen=True)
class OneByOne:
    """Asks forever, one sample after the other; what that takes it cannot tell."""

    async def __call__(self, problem: Problem, run: Run) -> None:
        for sample in count():
            run.emit(await run.read(await run.generate(problem.ask(PLAIN), sample=sample)))
