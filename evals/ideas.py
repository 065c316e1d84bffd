"""How much the programs for a problem differ in idea: the chance that two of them, drawn at random, do.

Measured as in PlanSearch (Wang et al., 2024): one description of each program, one judgement of each pair. Being of the
same idea does not carry over from pair to pair, so this is no number of ideas.
"""

from __future__ import annotations

import asyncio
import math
import random
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Literal, TypeAlias

from orchestrator.errors import BadCompletion
from orchestrator.types import Estimate, Expert, Problem, Sampling

if TYPE_CHECKING:
    from orchestrator.run import Run
    from orchestrator.sandbox import Sandbox
    from orchestrator.workshop import Workshop

Rule: TypeAlias = Literal["anchored", "contains"]
"""How a judgement is read: as the answer that it gives, or, as in the code published with the paper, as the same idea
where the word "yes" is anywhere in it and as another idea where it is not."""

_AT_ONCE = 16
"""Pools that are measured side by side: each has hundreds of prompts with two programs in them."""
_SPOKEN = re.compile(r"^\W*(yes|no)\b", re.IGNORECASE)
_CONCLUDED = re.compile(r"\b(?:answer|verdict|conclusion|same idea)\b\W{0,4}(?:is\b)?\W{0,4}(yes|no)\b", re.IGNORECASE)
_ALONE = re.compile(r"^\W*(yes|no)\W*$", re.IGNORECASE)
_REFUSES = re.compile(r"\b(?:I(?:'m| am) sorry|I (?:can(?:not|'t)|won't|am unable to))\b", re.IGNORECASE)
_TICKS = re.compile(r"`{3,}")


@dataclass(frozen=True, slots=True)
class Pool:
    """The programs that were written for a problem under one strategy and seed."""

    problem: Problem
    strategy: str
    seed: int
    programs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ideas:
    """What was found out about one pool."""

    problem: str
    strategy: str
    seed: int
    programs: int
    """Those that were looked at."""
    pairs: int
    """Pairs of them with a judgement; two copies of one program are a pair that needs none."""
    alike: float
    """Of these, how many share an idea."""
    unread: int = 0
    """Pairs that no judgement could be had on."""

    @property
    def diversity(self) -> float | None:
        """0: all alike; 1: all different; `None` where there is no pair."""
        return 1 - self.alike / self.pairs if self.pairs else None


@dataclass(frozen=True, slots=True)
class IdeaDiversity:
    """Measures pools of programs.

    1. Sample: of each problem's programs at most `sample`, drawn by `seed`; empty ones are left out.
    2. Descriptions: one of each different program, in prose, at temperature 0; a refusal is asked for again.
    3. Judgements: one of each pair of different programs, with both programs and both descriptions: same idea?
    4. Diversity: 1 less the share of pairs that are alike.

    `greedy` compares each program with the first of every group found so far and joins it to the first group that it
    is like: programs times groups instead of all pairs, with groups taken as alike throughout.

    Departs from the paper: equal programs are alike without being asked about; a judgement that cannot be read is asked
    for once more and else left out of the pairs, where `rule="contains"` counts it as another idea.

    Raises:
        ValueError: a field is out of its range.
    """

    sample: int = 40
    seed: int = 42
    rule: Rule = "anchored"
    greedy: bool = False
    tries: int = 3
    """How often a description is asked for at the most, until it is none that refuses."""
    top_p: float | None = 0.9
    max_tokens: int = 1024
    """Cap on each reply."""

    def __post_init__(self) -> None:
        if self.sample < 2 or self.tries < 1:
            raise ValueError("sample is at least 2, and tries at least 1")
        if self.rule not in ("anchored", "contains"):
            raise ValueError("rule is anchored or contains")

    def drawn(self, pool: Pool) -> Counter[str]:
        """The programs that are looked at, and how often each is there, in the order in which they were written."""
        written = [program.strip("\n") for program in pool.programs if program.strip()]
        if len(written) > self.sample:
            rng = random.Random(f"{self.seed}|{pool.problem.id}|{pool.strategy}|{pool.seed}")
            written = [written[i] for i in sorted(rng.sample(range(len(written)), self.sample))]
        return Counter(written)

    async def __call__(self, pool: Pool, run: Run) -> Ideas:
        """What a pool is like.

        Raises:
            ExpertError: nothing could be described.
        """
        times = self.drawn(pool)
        pairs = _Pairs(times)
        if len(times) > 1:
            described = await run.map(self._described, list(times), cost=1)
            told = {program: idea for program, idea in zip(times, described, strict=True) if idea}
            if not told:
                raise BadCompletion("no program could be described", expert=_judge(run).id)
            await (self._grouped if self.greedy else self._paired)(told, pairs, run)
        return Ideas(
            pool.problem.id, pool.strategy, pool.seed, times.total(), pairs.judged, pairs.alike, pairs.unread
        )  # fmt: skip

    def estimate(self, pools: Iterable[Pool]) -> Estimate:
        """Calls on all pools: expected where every reply can be read; at least one pool makes them all as deep."""
        sizes = [len(self.drawn(pool)) for pool in pools]
        sizes = [size for size in sizes if size > 1]
        pairs = sum(map(math.comb, sizes, [2] * len(sizes)))
        least = sum(sizes) + (sum(size - 1 for size in sizes) if self.greedy else pairs)
        most = sum(sizes) * self.tries + 2 * pairs
        depth = max(sizes) if self.greedy and sizes else 2
        return Estimate(least, (least + sum(sizes) + pairs) / 2 if self.greedy else least, most, depth)

    # -- asking -------------------------------------------------------------------------

    async def _described(self, program: str, run: Run) -> str | None:
        prompt = run.problem.ask(run.prompts("ideas").describe, program=_fenced(program))
        for attempt in range(self.tries):
            reply = await run.generate(
                prompt, expert=_judge(run), sample=attempt, sampling=self._sampling, purpose="describe"
            )
            if reply.text.strip() and not _REFUSES.search(reply.text[:200]):
                return reply.text.strip()
        return None

    async def _paired(self, told: dict[str, str], pairs: _Pairs, run: Run) -> None:
        wanted = list(combinations(told, 2))
        found = await run.map(lambda pair, branch: self._same(*pair, told, branch), wanted, cost=1)
        for pair, same in zip(wanted, found, strict=True):
            pairs.add(*pair, same)
        pairs.give_up(told)

    async def _grouped(self, told: dict[str, str], pairs: _Pairs, run: Run) -> None:
        groups: list[list[str]] = []

        async def alike(pair: tuple[str, str], branch: Run) -> bool | None:
            return await self._same(*pair, told, branch)

        for program in told:
            found = await run.map(alike, [(group[0], program) for group in groups], cost=1)
            home = next((group for group, same in zip(groups, found, strict=True) if same), None)
            if home is None:
                groups.append([program])
            else:
                home.append(program)
        number = {program: i for i, group in enumerate(groups) for program in group}
        for one, other in combinations(told, 2):
            pairs.add(one, other, number[one] == number[other])
        pairs.give_up(told)

    async def _same(self, one: str, other: str, told: dict[str, str], run: Run) -> bool | None:
        """Whether two programs share an idea; `None` where the judge does not say."""
        prompts = run.prompts("ideas")
        prompt = run.problem.ask(
            prompts.same,
            first=_fenced(one), first_idea=told[one], second=_fenced(other), second_idea=told[other],
        )  # fmt: skip
        reply = await run.generate(prompt, expert=_judge(run), sampling=self._sampling, purpose="judge")
        same = judgement_in(reply.text, self.rule)
        if same is None:
            again = prompt.then(reply, prompts.again.text)
            reply = await run.generate(again, expert=_judge(run), sampling=self._sampling, purpose="judge")
            same = judgement_in(reply.text, self.rule)
        return same

    @property
    def _sampling(self) -> Sampling:
        return Sampling(0.0, self.top_p, self.max_tokens)


async def measured(measure: IdeaDiversity, pools: Sequence[Pool], workshop: Workshop, sandbox: Sandbox) -> list[Ideas]:
    """What all pools are like, in order; of one that experts failed on every pair is unread.

    Raises:
        ExpertError: experts failed on all of them.
        BudgetExceeded: a cap ended it.
    """
    room = asyncio.Semaphore(_AT_ONCE)

    async def one(pool: Pool, run: Run) -> Ideas:
        async with room:
            return await measure(pool, run)

    found = await workshop.each(one, [(pool.problem, pool) for pool in pools])
    return [_unknown(measure, pool) if ideas is None else ideas for pool, ideas in zip(pools, found, strict=True)]


def _unknown(measure: IdeaDiversity, pool: Pool) -> Ideas:
    count = measure.drawn(pool).total()
    return Ideas(pool.problem.id, pool.strategy, pool.seed, count, 0, 0.0, math.comb(count, 2))


class _Pairs:
    """Judgements on pairs of programs, each program with all its copies."""

    def __init__(self, times: Counter[str]) -> None:
        self._times = times
        copies = sum(math.comb(count, 2) for count in times.values())
        self.judged, self.alike, self.unread = copies, float(copies), 0

    def add(self, one: str, other: str, same: bool | None) -> None:
        count = self._times[one] * self._times[other]
        if same is None:
            self.unread += count
        else:
            self.judged += count
            self.alike += count * same

    def give_up(self, told: Iterable[str]) -> None:
        """Counts the pairs with a program that nobody could describe."""
        known = sum(self._times[program] for program in told)
        lost = [count for program, count in self._times.items() if program not in set(told)]
        among = sum(a * b for a, b in combinations(lost, 2))
        self.unread += known * sum(lost) + among


def _judge(run: Run) -> Expert:
    """One and the same for all pairs."""
    return run.role("judge", run.experts[0])


def judgement_in(text: str, rule: Rule = "anchored") -> bool | None:
    """Whether a judge says yes; `None` where it says neither."""
    if rule == "contains":
        return "yes" in text.casefold()
    text = text.strip()
    lines = [line for line in text.splitlines() if line.strip()]
    last = _ALONE.match(lines[-1]) if lines else None
    found = last or next(reversed(list(_CONCLUDED.finditer(text))), None) or _SPOKEN.match(text)
    return None if found is None else found[1].casefold() == "yes"


def mean_of(found: Sequence[Ideas]) -> tuple[float | None, tuple[float, float] | None]:
    """The mean diversity of problems that have one, and a 95 % interval; repeats of a problem count as one."""
    from .metrics import interval_of_mean

    by_problem: dict[str, list[float]] = {}
    for one in found:
        if one.diversity is not None:
            by_problem.setdefault(one.problem, []).append(one.diversity)
    values = [math.fsum(own) / len(own) for own in by_problem.values()]
    return (math.fsum(values) / len(values), interval_of_mean(values)) if values else (None, None)


def _fenced(program: str) -> str:
    """The program in a fence that it cannot close."""
    longest = max(map(len, _TICKS.findall(program)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}python\n{program}\n{fence}"
