"""Tree of Thoughts: a breadth-first search over beginnings of a solution."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, ClassVar, Literal

from orchestrator.budget import Budget
from orchestrator.errors import BudgetExceeded
from orchestrator.registry import strategy
from orchestrator.types import Answer, Completion, Estimate, Expert, Problem, Prompt, Sampling, Template

from ._cut import cut_off
from ._judging import listed, shown
from ._lists import declines
from ._samples import drawn as drawn_answer
from ._thought_form import Form, free_step, usual_form
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
    that do not apply to the numbers of a game of 24 are dropped, what is left of it at last is not asked about,
    labels and votes are read however they are written, and one temperature serves all kinds, where the paper writes
    texts at 1. The role `idea` writes thoughts, the role `judge` has opinions.

    A cap on tokens, money or seconds may end the search before its last step. One without a cap on calls therefore has
    a plain answer asked for beside the first thoughts, which is one call more; the best states are finished as far as
    the cap goes, and the plain answer stands behind them.
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
        reached = _Reached([space.root()])
        try:
            await self._search(reached, form, space, run)
        except (BudgetExceeded, asyncio.CancelledError) as error:
            if cut_off(error, run):
                await self._cut_short(reached, form, space, run)
            raise

    async def _search(self, reached: _Reached, form: Form, space: Space, run: Run) -> None:
        spare = _wants_spare(run.budget)
        for step in range(form.steps - 1):
            grown = await self._continued(reached, form, space, run, spare=spare and step == 0)
            if not grown:  # nobody has a next step: what there is has to do
                break
            reached.states = grown
            reached.states = self._selected(grown, await self._values(grown, form, space, run), form, run)
        answers = await self._answered(reached, form, space, run)
        if answers:
            values = await self._values(answers, form, space, run)
            answers = self._selected(answers, values, form, run)
        _emit(answers or filter(None, [reached.spare]), run)

    async def _cut_short(self, reached: _Reached, form: Form, space: Space, run: Run) -> None:
        """Puts forward the answers so far; else one to each of the best states as far as the budget goes, and behind
        them the plain one, as those beginnings may have been far from the end."""
        early = not reached.answers
        if early and reached.states[0].thoughts and not any(scope.over for scope in run.scope.chain):
            reached.states = reached.states[: form.keep]
            with suppress(BudgetExceeded):  # told by the one that ended the search
                await self._answered(reached, replace(form, thoughts=1), space, run)
        plain = [reached.spare] if early and reached.spare is not None else []
        _emit(_readable(without_doubles(space, [*reached.answers, *plain])), run)

    # -- thoughts -----------------------------------------------------------------------

    async def _continued(self, reached: _Reached, form: Form, space: Space, run: Run, *, spare: bool) -> list[State]:
        """The different states that come next."""
        grown: dict[int, list[State]] = {}

        async def propose(state: State, branch: Run) -> list[State]:
            slots = {**space.slots(state), "count": str(form.thoughts)}
            prompt = run.problem.ask(_template(run, "propose", space), **slots)
            reply = await self._ask(prompt, branch, "propose", expert=branch.role("idea"))
            return without_doubles(space, space.proposed(state, reply))[: form.thoughts]

        async def sample(state: State, number: int, branch: Run) -> list[State]:
            name = "continue" if state.thoughts else "begin"
            prompt = run.problem.ask(_template(run, name, space), **space.slots(state))
            reply = await self._ask(prompt, branch, "think", expert=branch.role("idea"), sample=number)
            return [] if declines(reply.text) else [state.grown(reply.text, reply)]

        async def step(place: int, branch: Run) -> None:
            if place < 0:
                answer = await drawn_answer(branch, 0, Sampling(self.temperature, max_tokens=self.max_tokens))
                reached.spare = State(answer=answer)
                return
            state, number = todo[place]
            listing = form.generate == "propose"
            grown[place] = await (propose(state, branch) if listing else sample(state, number, branch))

        todo = form.continuations(reached.states)
        first = -1 if spare else 0
        try:
            await run.map(step, range(first, len(todo)), start=first)
        finally:
            found = without_doubles(space, [state for place in sorted(grown) for state in grown[place]])
            reached.states = found or reached.states
        return found

    async def _answered(self, reached: _Reached, form: Form, space: Space, run: Run) -> list[State]:
        """The states with answers; those with an answer that cannot be read only where there is no other."""
        answers: dict[int, State] = {}

        async def finish(place: int, branch: Run) -> None:
            state, number = todo[place]
            prompt = run.problem.ask(_template(run, "finish", space), **space.slots(state))
            reply = await self._ask(prompt, branch, "answer", sample=number)
            answers[place] = replace(state, replies=(*state.replies, reply), answer=await branch.read(reply))

        todo = form.continuations(reached.states)
        try:
            await run.map(finish, range(len(todo)))
        finally:
            reached.answers = [answers[place] for place in sorted(answers)]
        return _readable(without_doubles(space, reached.answers))

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
        usual = usual_form(problem)
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
        return form.estimate(free_step(form, problem))

    def fit(self, calls: int, problem: Problem, experts: int) -> TreeOfThoughts | None:
        """The ladder: fewer opinions, then fewer states kept, then fewer continuations, down to a single line."""
        form = self._form(problem)
        for smaller in form.rungs():
            if smaller.estimate(free_step(smaller, problem)).most <= calls:
                return replace(self, keep=smaller.keep, thoughts=smaller.thoughts, opinions=smaller.opinions)
        return None


@dataclass(slots=True)
class _Reached:
    """How far a search has come, should its budget end."""

    states: list[State]
    """The latest; the best first once they are compared."""
    answers: list[State] = field(default_factory=list)
    spare: State | None = None
    """The plain answer, of no state."""


def _wants_spare(budget: Budget) -> bool:
    """Whether a search may be ended before its last step: a cap on calls alone is known to cover it."""
    return budget.calls is None and budget.finite


def _readable(answers: Sequence[State]) -> list[State]:
    """Those that can be read; where there are none, the first."""
    read = [state for state in answers if state.answer is not None and not state.answer.abstains]
    return read or list(answers[:1])


def _emit(answers: Iterable[State], run: Run) -> None:
    for state in answers:
        if state.answer is not None:
            run.emit(state.answer, parents=state.replies)


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
