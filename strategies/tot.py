"""Tree of Thoughts: a breadth-first search over beginnings of a solution."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, ClassVar, Literal

from orchestrator.answers import game24
from orchestrator.errors import BudgetExceeded
from orchestrator.registry import strategy
from orchestrator.types import Answer, Completion, Estimate, Expert, Problem, Prompt, Sampling, Template

from ._cut import cut_off
from ._judging import listed, shown
from ._lists import declines
from ._thoughts import Space, State, choice_in, label_in, space_of, without_doubles

if TYPE_CHECKING:
    from orchestrator.run import Run


@strategy
@dataclass(frozen=True)
class TreeOfThoughts:
    """Grows beginnings of a solution step by step and keeps the most promising ones (Yao et al., 2023).

    1. Thoughts: every state that was kept is continued; `propose` has one call list next steps, `sample` draws several
       continuations. The last step writes the answer.
    2. Opinions: `value` has each state called sure, likely or impossible several times and adds up what that is worth;
       `vote` shows all of them together and has the best one named several times.
    3. Selection: the best states are kept, or with `select="sample"` some drawn in proportion to their values.
    4. Answers: those of the last states, the best valued first; a checker picks among them where the kind has one.

    Defaults go by the kind of problem, as in the paper: a game of 24 joins two numbers a step and then writes the
    expression, proposes, values three times and keeps five; everything else has a plan and then the answer, draws five
    of each, votes five times and keeps one. Departs from the paper: of states that come to the same one is kept, steps
    that do not apply to the numbers of a game of 24 are dropped, what is left of it at last is not asked about, and
    labels and votes are read however they are written. The role `idea` writes thoughts, the role `judge` has opinions.
    """

    steps: int | None = None
    """Steps to an answer, the one that writes it included; `None`: by the kind."""
    generate: Literal["propose", "sample"] | None = None
    """How a state is continued; `None`: by the kind."""
    evaluate: Literal["value", "vote"] | None = None
    """How states are compared; `None`: by the kind."""
    select: Literal["greedy", "sample"] = "greedy"
    """The best states, or states drawn in proportion to their values."""
    keep: int | None = None
    """States kept after each step, and so answers; `None`: by the kind."""
    thoughts: int | None = None
    """Continuations of a state: as many samples, or of a proposal the first so many; `None`: by the kind."""
    opinions: int | None = None
    """Values of each state, or votes on all of them; `None`: by the kind."""
    temperature: float | None = 0.7
    """`None`: the provider's default."""
    max_tokens: int | None = None
    """Cap on each reply; 2048 where nobody sets one."""

    aggregator: ClassVar[str] = "first_verified"
    verifier: ClassVar[str] = "auto"

    def __post_init__(self) -> None:
        for name in ("steps", "keep", "thoughts", "opinions"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} counts from 1")

    async def __call__(self, problem: Problem, run: Run) -> None:
        form = self._form(problem)
        space = space_of(problem, listing=form.generate == "propose")
        kept = [space.root()]
        for _ in range(form.steps - 1):
            grown = without_doubles(space, await self._continued(kept, form, space, run))
            if not grown:  # nobody has a next step: what there is has to do
                break
            kept = self._selected(grown, await self._values(grown, form, space, run), form, run)
        answers = await self._answered(kept, form, space, run)
        for state in await self._ranked(answers, form, space, run):
            if state.answer is not None:
                run.emit(state.answer, parents=state.replies)

    # -- thoughts -----------------------------------------------------------------------

    async def _continued(self, states: Sequence[State], form: Form, space: Space, run: Run) -> list[State]:
        async def propose(state: State, branch: Run) -> list[State]:
            slots = {**space.slots(state), "count": str(form.thoughts)}
            prompt = run.problem.ask(_template(run, "propose", space), **slots)
            reply = await self._ask(prompt, branch, "propose", expert=branch.role("idea"))
            return without_doubles(space, space.proposed(state, reply))[: form.thoughts]

        async def sample(drawn: tuple[State, int], branch: Run) -> list[State]:
            state, number = drawn
            name = "continue" if state.thoughts else "begin"
            prompt = run.problem.ask(_template(run, name, space), **space.slots(state))
            reply = await self._ask(prompt, branch, "think", expert=branch.role("idea"), sample=number)
            return [] if declines(reply.text) else [state.grown(reply.text, reply)]

        if form.generate == "propose":
            found = await run.map(propose, states)
        else:
            found = await run.map(sample, form.samples(states))
        return [state for each in found if each for state in each]

    async def _answered(self, states: Sequence[State], form: Form, space: Space, run: Run) -> list[State]:
        """The states with answers; those with an answer that cannot be read only where there is no other."""

        async def finish(drawn: tuple[State, int], branch: Run) -> State:
            state, number = drawn
            prompt = run.problem.ask(_template(run, "finish", space), **space.slots(state))
            reply = await self._ask(prompt, branch, "answer", sample=number)
            return replace(state, replies=(*state.replies, reply), answer=await branch.read(reply))

        drawn = [(state, 0) for state in states] if form.generate == "propose" else form.samples(states)
        answers = without_doubles(space, filter(None, await run.map(finish, drawn)))
        read = [state for state in answers if state.answer is not None and not state.answer.abstains]
        return read or answers[:1]

    # -- opinions -----------------------------------------------------------------------

    async def _values(self, states: Sequence[State], form: Form, space: Space, run: Run) -> list[float]:
        """What each state is worth; 0 where nobody has a say, or there is nothing to compare."""
        if len(states) == 1:
            return [0.0]
        if form.evaluate == "vote":
            return await self._votes(states, form, space, run)

        settled = [space.settled(state) for state in states]
        asked = form.opinions_on([state for state, value in zip(states, settled, strict=True) if value is None])

        async def value(asked: tuple[State, int], branch: Run) -> float:
            state, number = asked
            # The same experts for every state, as their values are compared.
            judge = run.role("judge", run.experts[number % len(run.experts)])
            reply = await self._ask(self._question(state, space, run), branch, "value", expert=judge, sample=number)
            return label_in(reply.text) or 0.0

        told = iter([each or 0.0 for each in await run.map(value, asked)])
        return [sum(islice(told, form.opinions)) if each is None else form.opinions * each for each in settled]

    def _question(self, state: State, space: Space, run: Run) -> Prompt:
        """What is asked about one state."""
        if state.answer is None:
            return run.problem.ask(_template(run, "value", space), **space.slots(state))
        return run.problem.ask(_template(run, "value_answer", space), answer=shown(run.problem, state.answer))

    async def _votes(self, states: Sequence[State], form: Form, space: Space, run: Run) -> list[float]:
        over = [state.answer or Answer(state.so_far) for state in states]
        template = _template(run, "vote" if states[0].answer is None else "vote_answer", space)
        prompt = run.problem.ask(template, candidates=listed(run.problem, over), count=str(len(over)))

        async def vote(number: int, branch: Run) -> int | None:
            reply = await self._ask(prompt, branch, "vote", expert=branch.role("judge"), sample=number)
            return choice_in(reply.text, len(states))

        told = await run.map(vote, range(form.opinions))
        return [float(told.count(i)) for i in range(len(states))]

    # -- selection ----------------------------------------------------------------------

    def _selected(self, states: Sequence[State], values: Sequence[float], form: Form, run: Run) -> list[State]:
        run.note("states", values=[round(value, 3) for value in values])
        order = sorted(range(len(states)), key=lambda i: -values[i])
        if self.select == "sample":
            order = sorted(drawn(values, form.keep, run.rng), key=lambda i: -values[i])
        return [states[i] for i in order[: form.keep]]

    async def _ranked(self, states: Sequence[State], form: Form, space: Space, run: Run) -> Sequence[State]:
        """The best answers first; where the budget ends before anybody has compared them, all of them as they are."""
        if not states:
            return states
        try:
            values = await self._values(states, form, space, run)
        except (BudgetExceeded, asyncio.CancelledError) as error:
            if cut_off(error, run):
                for state in states:
                    if state.answer is not None:
                        run.emit(state.answer, parents=state.replies)
            raise
        return self._selected(states, values, form, run)

    # -- asking -------------------------------------------------------------------------

    async def _ask(
        self, prompt: Prompt, run: Run, purpose: str, *, expert: Expert | None = None, sample: int = 0
    ) -> Completion:
        sampling = Sampling(self.temperature, max_tokens=self.max_tokens)
        reply = await run.generate(prompt, expert=expert, sample=sample, sampling=sampling, purpose=purpose)
        return reply[0]

    # -- size ---------------------------------------------------------------------------

    def _form(self, problem: Problem) -> Form:
        """The settings, those left open by the kind of problem."""
        usual = _by_kind(problem)
        generate, evaluate = self.generate or usual.generate, self.evaluate or usual.evaluate
        return Form(
            self.steps or usual.steps,
            generate,
            evaluate,
            self.keep or usual.keep,
            self.thoughts or usual.thoughts,
            self.opinions or (usual.opinions if evaluate == usual.evaluate else 3 if evaluate == "value" else 5),
        )

    def estimate(self, problem: Problem, experts: int) -> Estimate:
        """Expected: every state has as many continuations as it may, all different."""
        form = self._form(problem)
        return form.estimate(_free(form, problem))

    def fit(self, calls: int, problem: Problem, experts: int) -> TreeOfThoughts | None:
        """The ladder: fewer opinions, then fewer states kept, then fewer continuations, down to a single line."""
        form = self._form(problem)
        for smaller in form.rungs():
            if smaller.estimate(_free(smaller, problem)).most <= calls:
                return replace(self, keep=smaller.keep, thoughts=smaller.thoughts, opinions=smaller.opinions)
        return None


@dataclass(frozen=True, slots=True)
class Form:
    """The settings of one search, none left open."""

    steps: int
    generate: Literal["propose", "sample"]
    evaluate: Literal["value", "vote"]
    keep: int
    thoughts: int
    opinions: int

    def samples(self, states: Sequence[State]) -> list[tuple[State, int]]:
        """Every state as often as it is continued, and which of its samples each is."""
        return [(state, number) for state in states for number in range(self.thoughts)]

    def opinions_on(self, states: Sequence[State]) -> list[tuple[State, int]]:
        """Every state as often as it is valued, and which of its values each is."""
        return [(state, number) for state in states for number in range(self.opinions)]

    def rungs(self) -> Iterator[Form]:
        """This form and smaller ones, the largest first."""
        form = self
        yield form
        while form.opinions > 1:
            form = replace(form, opinions=form.opinions - 1)
            yield form
        while form.keep > 1:
            form = replace(form, keep=form.keep - 1)
            yield form
        while form.thoughts > 1:
            form = replace(form, thoughts=form.thoughts - 1)
            yield form

    def estimate(self, free: int) -> Estimate:
        """Calls when every state has as many continuations as it may.

        Args:
            free: the step after which states are compared without asking anybody; 0 for none.
        """
        states, calls, depth = 1, 0, 0
        for step in range(1, self.steps + 1):
            last = step == self.steps
            listing = self.generate == "propose"
            calls += states if listing else states * self.thoughts
            grown = states if listing and last else states * self.thoughts
            asked = 0 if grown < 2 or step == free else self.opinions * (grown if self.evaluate == "value" else 1)
            calls, depth = calls + asked, depth + 1 + (asked > 0)
            states = min(grown, self.keep)
        # Where nobody knows a next step, the answer is written at once.
        least = (1 if self.generate == "propose" else self.thoughts) * min(self.steps, 2)
        return Estimate(least, float(calls), calls, depth, states)


def _by_kind(problem: Problem) -> Form:
    if problem.kind == "game24":
        return Form(len(game24.numbers_of(problem)) or 4, "propose", "value", keep=5, thoughts=8, opinions=3)
    return Form(2, "sample", "vote", keep=1, thoughts=5, opinions=5)


def _free(form: Form, problem: Problem) -> int:
    """The step of a game of 24 after which one number is left, which needs no opinion."""
    if problem.kind != "game24" or (form.generate, form.evaluate) != ("propose", "value"):
        return 0
    pairs = len(game24.numbers_of(problem)) - 1
    return pairs if 0 < pairs < form.steps else 0


def _template(run: Run, name: str, space: Space) -> Template:
    """The template for the kind of problem, where there is one."""
    prompts = run.prompts("tot")
    return prompts.get(f"{name}_{space.kind}") or prompts[name]


def drawn(values: Sequence[float], count: int, rng: random.Random) -> list[int]:
    """Which are drawn, each at most once, in proportion to their values; all alike where none is worth anything."""
    left = list(range(len(values)))
    found: list[int] = []
    while left and len(found) < count:
        weights = [values[i] for i in left]
        pick = rng.choices(left, weights if sum(weights) > 0 else None)[0]
        found.append(pick)
        left.remove(pick)
    return found
