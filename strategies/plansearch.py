"""PlanSearch: a search over plans in natural language."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Literal

from orchestrator.errors import BadCompletion
from orchestrator.prompts import Prompts
from orchestrator.registry import strategy
from orchestrator.types import Estimate, Expert, Problem, Prompt, Reply, Sampling

from ._lists import bulleted, declines, gist, read_list
from ._observation_sets import Node, Seen, Shape

if TYPE_CHECKING:
    from orchestrator.run import Run

_TURNS = {4: ("list", "filter", "serialise"), 2: ("shortlist",)}
"""What follows the first turn of a conversation about observations; the last turn ends in the list that is read."""


@strategy
@dataclass(frozen=True)
class PlanSearch:
    """Searches over plans in natural language, built from sets of observations about the problem (Wang et al., 2024).

    1. Observations: a conversation that finds short, useful, not obvious facts about the problem.
    2. Sets: every subset of up to `subset_size` of them; each is presented as correct and brings further observations,
       whose subsets make new sets, down to `depth` layers.
    3. Plans: a sketch of a solution from every set; a criticism of it, and from that a second sketch.
    4. Programs: every sketch becomes pseudocode and that a program; other kinds of problem end in an answer.
    5. Selection: by the problem's public tests where it has some, else by the verifier and aggregator.

    A plan more is often an answer less: what chooses matters. Public tests end the search at the first program that
    passes all of them. `--verifier generated_tests` scores programs by tests that a model writes, `--aggregator codet`
    has these and the programs vouch for each other, and `--aggregator "execution_clusters(pick=planned)"` takes the
    biggest group of programs that do the same, and of it one of the plan that most of them come from. The last two
    choose among all programs that pass most public tests, given `--verifier none`. `orchestrator runs ideas` tells how
    much the programs differ in idea.

    Departs from the paper: a set keeps the observations of the one that it grew out of (`inherit_observations`), what
    was observed before does not count as new, at most `keep` observations of a conversation are used, the second sketch
    is a complete plan, and programs are written without worked examples. The set without observations needs none and is
    planned at once. Under a cap on calls there are fewer sets, and at last shorter ways from a set to a program.
    """

    subset_size: int = 2
    """Observations in the largest subset."""
    depth: int = 2
    """Layers of observations."""
    observations: int = 10
    """How many the first conversation is asked for; later ones are asked for no number."""
    keep: int = 4
    """How many of a conversation's observations are used at the most; the paper's filter leaves 3 to 6."""
    inherit_observations: bool = True
    """Whether plans see all observations on the way to their set. False: only those of the last layer, as in the code
    that the authors published; equal sets are then merged layer by layer, which waits for each layer to end."""
    second_sketch: bool = True
    """Whether each plan is criticised and revised, and both forms become programs."""
    pseudocode: bool = True
    """Whether a sketch is turned into pseudocode (steps, for an answer) before the program."""
    turns: Literal[2, 4] = 4
    """Turns of a conversation about observations: find, list, filter, write as JSON; or find, and the rest in one."""
    tries: int = 3
    """How often the list is asked for, at temperatures 0, 0.2, 0.4..., until it can be read."""
    plans: int | None = None
    """Sets that become plans, at the most; `None`: all."""
    temperature: float | None = 0.9
    """For observations, sketches and criticism; `None`: the provider's default, for lists too."""
    code_temperature: float | None = 0.9
    """For pseudocode, programs and answers."""
    top_p: float | None = 0.95
    """Share of the likeliest tokens that each call samples from."""
    max_tokens: int | None = 4096
    """Cap on each reply."""

    aggregator: ClassVar[str] = "first_verified"
    verifier: ClassVar[str] = "auto"

    def __post_init__(self) -> None:
        for name in ("subset_size", "depth", "observations", "keep", "tries"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} counts from 1")
        if self.plans is not None and self.plans < 1:
            raise ValueError("plans counts from 1")

    async def __call__(self, problem: Problem, run: Run) -> None:
        root = Node(room=self.most_plans)
        if self._at_once(run):
            await run.map(_begin, [partial(self._plan, root), partial(self._grow, [root])])
        else:
            await self._grow([root], run)

    def _at_once(self, run: Run) -> bool:
        """Whether the set without observations is planned beside the first conversation, not after it.

        With several experts it waits: they are dealt to the branches of the outermost map.
        """
        return len(run.experts) == 1 and self.most_plans > 1

    # -- observations -------------------------------------------------------------------

    async def _grow(self, nodes: Sequence[Node], run: Run) -> None:
        """Observes from sets, and plans from the sets that grow out of them while these are observed from in turn."""
        found = await run.map(self._observe, nodes, missing=Seen(), cost=self._conversation + self._line)
        pairs = zip(nodes, found, strict=True)
        grown = [child for node, seen in pairs if seen is not None for child in self._grown(node, seen)]
        if not self.inherit_observations:
            grown = self._shape.merged(grown)
        planned = [child for child in grown if child.observations or not self._at_once(run)]
        further = [child for child in grown if child.room]
        groups = [[child] for child in further] if self.inherit_observations else [further] if further else []
        await run.map(_begin, [*(partial(self._plan, c) for c in planned), *(partial(self._grow, g) for g in groups)])

    def _grown(self, node: Node, seen: Seen) -> list[Node]:
        shape = self._shape
        found = len(shape.fresh(node, seen))
        if node.layer or found == self.keep:
            return shape.grown(node, seen)
        # Fewer observations make fewer sets: more may grow out of these for the calls that were meant for the others.
        shape = replace(shape, first=found)
        plans = self._plans_within(self._calls(self._shape, node.room), shape, node.room)
        return shape.grown(replace(node, room=plans), seen)

    async def _observe(self, node: Node, run: Run) -> Seen:
        prompt = self._opening(node, run)
        # Where nothing was found to go on from, the layer below asks the same again: that is another sample.
        replies = [await self._idea(prompt, run, "observe", sample=node.layer)]
        *between, last = _TURNS[self.turns]
        for turn in between:
            prompt = prompt.then(replies[-1], self._instruction(turn, run))
            replies.append(await self._idea(prompt, run, turn))
        prompt = prompt.then(replies[-1], self._instruction(last, run))
        for attempt in range(self.tries):
            cool = None if self.temperature is None else 0.2 * attempt
            reply = await self._ask(prompt, run, last, expert=run.role("idea"), temperature=cool, sample=attempt)
            if (observations := read_list(reply.text)) is not None:
                return Seen(tuple(observations), (*replies, reply))
        return Seen()

    def _opening(self, node: Node, run: Run) -> Prompt:
        ask, prompts = run.problem.ask, _prompts(run)
        if node.observations:
            return ask(prompts["derive"], observations=bulleted(node.observations))
        if node.unused:
            return ask(prompts["look_again"], observations=bulleted(node.unused))
        return ask(prompts["observe"], count=str(self.observations))

    def _instruction(self, turn: str, run: Run) -> str:
        return _prompts(run)[turn].render({"keep": str(self.keep)})[0]

    # -- plans --------------------------------------------------------------------------

    async def _plan(self, node: Node, run: Run) -> None:
        await run.map(self._sketch, [node], cost=self._line)

    async def _sketch(self, node: Node, run: Run) -> None:
        template = _prompts(run)["plan" if node.observations else "plan_alone"]
        slots = {"observations": bulleted(node.observations)} if node.observations else {}
        sketch = await self._idea(run.problem.ask(template, **slots), run, "plan")
        lineage = (*node.lineage, sketch)
        write, revise = partial(self._write, lineage, sketch), partial(self._revise, lineage)
        await run.map(_begin, [write, revise] if self.second_sketch else [write])

    async def _revise(self, lineage: Sequence[Reply], run: Run) -> None:
        sketch = lineage[-1]
        prompt = run.problem.ask(_prompts(run)["criticise"], plan=sketch.text)
        criticism = await self._idea(prompt, run, "criticise")
        revised = await self._idea(prompt.then(criticism, self._instruction("fix", run)), run, "fix")
        if gist(revised.text) != gist(sketch.text):
            await self._write((*lineage, criticism, revised), sketch, run)

    async def _write(self, lineage: Sequence[Reply], plan: Reply, run: Run) -> None:
        """From a sketch to a program, or to an answer; a revision counts as the plan that it revises."""
        expert, ask = run.role("code"), run.problem.ask
        first, last = ("pseudocode", "program") if run.problem.kind == "code" else ("steps", "answer")
        if self.pseudocode:
            prompt = ask(_prompts(run)[first], plan=lineage[-1].text)
            outline = await self._ask(prompt, run, "pseudocode", expert=expert, temperature=self.code_temperature)
            lineage = (*lineage, _meant(outline))
        prompt = ask(_prompts(run)[last], outline=lineage[-1].text)
        reply = await self._ask(prompt, run, "answer", expert=expert, temperature=self.code_temperature)
        run.emit(await run.read(reply), parents=lineage, plan=plan)

    # -- asking -------------------------------------------------------------------------

    async def _idea(self, prompt: Prompt, run: Run, purpose: str, sample: int = 0) -> Reply:
        expert = run.role("idea")
        return _meant(await self._ask(prompt, run, purpose, expert=expert, temperature=self.temperature, sample=sample))

    async def _ask(
        self, prompt: Prompt, run: Run, purpose: str, *, expert: Expert, temperature: float | None, sample: int = 0
    ) -> Reply:
        sampling = Sampling(temperature, self.top_p, self.max_tokens)
        return await run.generate(prompt, expert=expert, sample=sample, sampling=sampling, purpose=purpose)

    # -- size ---------------------------------------------------------------------------

    @property
    def most_plans(self) -> int:
        """Sets that become plans, where every conversation brings `keep` observations."""
        return min(self._shape.plans, self.plans or self._shape.plans)

    @property
    def most_programs(self) -> int:
        """Programs, or answers, out of these."""
        return self.most_plans * (1 + self.second_sketch)

    def estimate(self, problem: Problem, experts: int) -> Estimate:
        """Expected: each conversation brings `keep` observations. At the most: each list is asked for `tries` times."""
        shape, plans = self._shape, self.most_plans
        conversations = shape.conversations(plans)
        calls = self.turns * conversations + self._line * plans
        # Without any observation there is one plan, and it may be that the second sketch is the first.
        least = self.turns * (1 + (shape.shares(plans, 0)[0] > 1)) + 2 + self.pseudocode + 2 * self.second_sketch
        depth = self.turns * shape.layers(plans) + 2 + self.pseudocode + 2 * self.second_sketch
        return Estimate(least, float(calls), self._calls(shape, plans), depth, self.most_programs)

    def fit(self, calls: int, problem: Problem, experts: int) -> PlanSearch | None:
        """The ladder: fewer sets, those of deeper layers first, then fewer observations; no second sketch; two turns of
        observing and one try at the list; no pseudocode; a single set."""
        forms = (form._within(calls, sets) for form, sets in self._rungs())
        return next((form for form in forms if form is not None), None)

    def _rungs(self) -> Iterator[tuple[PlanSearch, int]]:
        """Shorter and shorter forms, each with the sets that it should have at the least."""
        yield self, 3
        short = replace(self, second_sketch=False)
        yield short, 3
        short = replace(short, turns=2, tries=1)
        yield short, 2
        yield replace(short, pseudocode=False), 1

    def _within(self, calls: int, least: int) -> PlanSearch | None:
        """This form with as many sets as `calls` cover, if they are `least` or more."""
        plans = self._plans_within(calls, self._shape, self.most_plans)
        return self._narrowed(plans) if plans >= min(least, self.most_plans) else None

    def _narrowed(self, plans: int) -> PlanSearch:
        """This form with as many sets, and with no more observations than they take."""
        enough = (n for n in range(1, self.keep) if replace(self._shape, keep=n, depth=1).plans >= plans)
        return replace(self, plans=plans, keep=next(enough, self.keep))

    def _plans_within(self, calls: int, shape: Shape, most: int) -> int:
        """How many plans `calls` cover, of `most` at the most."""
        sizes = range(1, min(most, shape.plans, calls // self._line) + 1)
        return bisect_right(sizes, calls, key=lambda plans: self._calls(shape, plans))

    def _calls(self, shape: Shape, plans: int) -> int:
        """Calls that so many plans take at the most."""
        return self._conversation * shape.conversations(plans) + self._line * plans

    @property
    def _shape(self) -> Shape:
        return Shape(self.keep, self.subset_size, self.depth, self.inherit_observations)

    @property
    def _conversation(self) -> int:
        """Calls of one conversation about observations, at the most."""
        return self.turns + self.tries - 1

    @property
    def _line(self) -> int:
        """Calls from one set to its programs."""
        return 1 + (1 + self.pseudocode) + (3 + self.pseudocode) * self.second_sketch


async def _begin(step: Callable[[Run], Awaitable[None]], run: Run) -> None:
    # Not a branch that claims room under a cap: what the step does claims its own, so that sets come to their end.
    await step(run)


def _meant(reply: Reply) -> Reply:
    """The reply; one that says nothing ends its branch, and is not built upon."""
    if declines(reply.text):
        raise BadCompletion("a reply that says nothing, or refuses", expert=reply[0].expert)
    return reply


def _prompts(run: Run) -> Prompts:
    return run.prompts("plansearch")
