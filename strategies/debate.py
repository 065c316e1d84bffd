"""Multi-agent debate: agents that answer, read each other's answers, and answer anew."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING, ClassVar

from orchestrator import answers
from orchestrator.registry import strategy
from orchestrator.types import Estimate, Problem, Prompt, Sampling

from ._judging import listed
from ._rounds import Rounds, Turn, heard

if TYPE_CHECKING:
    from orchestrator.run import Run


@strategy
@dataclass(frozen=True)
class Debate:
    """Has several agents answer, then revise in the light of what the others said, and vote (Du et al., 2023).

    1. First round: every agent answers by itself. Several experts are dealt to in turn; of one expert the agents are
       samples.
    2. Further rounds: every agent goes on with its own conversation. It is shown what the others said in the round
       before, without their names and in an order drawn for the round, and answers anew. All agents speak at once, so
       that nobody's place among them changes what it reads. An agent alone is asked to check its answer.
    3. Vote: the agents' last answers. Free text cannot be counted: there the answer is chosen that has most words in
       common with the others.

    A reply without an answer abstains, where the published code counts it as right. An agent whose reply is lost stands
    by what it said before, and says nothing where it never answered. The trace tells of each round which agents agree,
    and who was outvoted in the end.
    """

    agents: int = 3
    """Who take part."""
    rounds: int = 2
    """Answers of each agent, the first included."""
    agreement: bool = False
    """Whether the debate ends as soon as all agents agree."""
    temperature: float | None = None
    """`None`: the provider's default, as in the paper."""
    longest: int = 4_000
    """Characters of an answer that the others see; of a longer one its beginning and its end."""
    max_tokens: int | None = None
    """Cap on each reply; 2048 where nobody sets one."""

    aggregator: ClassVar[str] = "mbr(utility=plain)"
    verifier: ClassVar[str] = "none"

    def __post_init__(self) -> None:
        if min(self.agents, self.rounds) < 1 or self.longest < 100:
            raise ValueError("agents and rounds are at least 1, and longest at least 100")

    async def __call__(self, problem: Problem, run: Run) -> None:
        with Rounds(run, self.agents) as rounds:
            rounds.foretell(1 if self.agreement else self.rounds)
            await rounds.hold(self._open)
            groups = await _agreeing(rounds, run)
            while rounds.number < self.rounds and rounds.standing and not (self.agreement and _agree(groups)):
                await rounds.hold(partial(self._revise, list(rounds.latest), run.rng.random()))
                groups = await _agreeing(rounds, run)
            _tell_dissent(groups, run)

    async def _open(self, index: int, run: Run) -> Turn:
        return await self._said(run.problem.ask(run.prompts("cot").answer), index, run, "answer")

    async def _revise(self, before: Sequence[Turn | None], salt: float, index: int, run: Run) -> Turn | None:
        mine = before[index]
        if mine is None or mine.prompt is None:
            return None
        others = [turn for i, turn in enumerate(before) if turn is not None and i != index]
        read = sorted(others, key=lambda turn: _drawn(salt, turn.answer.text))
        prompt = mine.prompt.then(mine.answer.text, self._instruction(read, run))
        return await self._said(prompt, index, run, "debate", read)

    def _instruction(self, read: Sequence[Turn], run: Run) -> str:
        problem, prompts = run.problem, run.prompts("debate")
        slots = {"problem": problem.question, "format": problem.format}
        if not read:
            return prompts.again.render(slots)[0]
        return prompts.revise.render(
            {**slots, "candidates": listed(problem, [turn.answer for turn in read], self.longest)}
        )[0]

    async def _said(self, prompt: Prompt, index: int, run: Run, purpose: str, read: Sequence[Turn] = ()) -> Turn:
        sampling = Sampling(self.temperature, max_tokens=self.max_tokens)
        reply = await run.generate(prompt, sample=index // len(run.experts), sampling=sampling, purpose=purpose)
        return Turn(heard(await run.read(reply)), tuple(turn.id for turn in read), prompt)

    def estimate(self, problem: Problem, experts: int) -> Estimate:
        most = self.agents * self.rounds
        least = self.agents if self.agreement else most
        return Estimate(least, (least + most) / 2, most, self.rounds, candidates=self.agents)

    def fit(self, calls: int, problem: Problem, experts: int) -> Debate | None:
        """The ladder: fewer rounds, down to two; fewer agents, down to two; one round; one agent."""
        agents = range(self.agents, 1, -1)
        forms = [(self.agents, rounds) for rounds in range(self.rounds, 1, -1)]
        forms += [(n, 2) for n in agents if self.rounds > 1]
        forms += [(n, 1) for n in (*agents, 1)]
        found = next((form for form in forms if form[0] * form[1] <= calls), None)
        return None if found is None else replace(self, agents=found[0], rounds=found[1])


def _drawn(salt: float, text: str) -> bytes:
    """What puts answers in a random order that is the same wherever their authors stand."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16, key=repr(salt).encode()).digest()


async def _agreeing(rounds: Rounds, run: Run) -> list[int | None]:
    """The number of each agent's answer among the different ones; `None` where it has none. The trace is told."""
    keys = [None if turn is None else turn.answer.key for turn in rounds.latest]
    numbers = iter(await answers.classes(run.problem, [key for key in keys if key is not None]))
    groups = [None if key is None else next(numbers) for key in keys]
    run.note("agreement", round=rounds.number, answers=list(groups))
    return groups


def _agree(groups: Sequence[int | None]) -> bool:
    return len(set(groups)) == 1 and None not in groups


def _tell_dissent(groups: Sequence[int | None], run: Run) -> None:
    """Notes the agents whose answer is not the commonest; of equally common ones the first is taken for it."""
    counts = Counter(group for group in groups if group is not None)
    if len(counts) > 1:
        leading = max(sorted(counts), key=counts.__getitem__)
        run.note("dissent", agents=[i for i, group in enumerate(groups) if group not in (None, leading)])
