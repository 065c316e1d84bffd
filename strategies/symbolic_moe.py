"""Symbolic-MoE: each problem goes to the experts whose skills it takes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from orchestrator.budget import Budget
from orchestrator.errors import ConfigError
from orchestrator.protocols import Aggregator, Estimates, Fits, Strategy
from orchestrator.registry import spec_of, strategy
from orchestrator.run import TEXTS_A_CALL
from orchestrator.skills import (
    Draw,
    Matching,
    Ratings,
    Recruited,
    Rules,
    SkillProfiles,
    Tagging,
    Weighting,
    declared,
    matched,
    read_profiles,
    recruited,
    text_of,
    without_rare,
)
from orchestrator.types import Estimate, Expert, Problem, Sampling

from ._neighbours import likest
from ._profiling import Profiling
from ._tagging import Tagger
from .aggregators.profiled_synthesis import ProfiledSynthesis
from .cot import ChainOfThought

if TYPE_CHECKING:
    from orchestrator.lessons import Lesson
    from orchestrator.run import Run
    from orchestrator.workshop import Workshop


_KEYWORDS = 5
"""Keywords that a reply is asked for at the most."""


@strategy
@dataclass(frozen=True)
class SymbolicMoE:
    """Recruits the experts whose skill profiles fit a problem, and has one write the answer (Chen et al., 2025).

    1. Skills: a few keywords for the problem, asked for several times; those that come more than once are kept and
       mapped to the skills of the profiles.
    2. Recruiting: experts are drawn by how often they were right less wrong with these skills, weighted by how strong
       they are all in all; those that are next to never recruited have been left out.
    3. Consultation: each recruit works the problem out; one that was drawn twice does so twice.
    4. Synthesis: the expert that wrote best out of right and wrong replies writes the answer; a role `aggregator` takes
       its place. `--aggregator majority` is routing with a vote: a weak writer can cost more than routing gains.

    `orchestrator profile build` makes the profiles from problems with known answers. Without them the skills that the
    experts are said to have decide, and where there are none all have the same chance and nobody is asked for skills.

    Departs from the paper: a keyword is mapped only where it is alike enough, each skill counts once, and where none is
    known overall strength decides (`matching=top1` takes the likest skill always, and as often as it comes, as the
    published code does); a keyword counts once a reply. Seldom recruited experts are counted over the questions of the
    profiles, not over those to be solved, and their slots are drawn anew in proportion to these counts (`trim=false`
    recruits them too, as the published code does). The chosen expert writes also where there are no keywords, where
    the code takes one at random.
    """

    profiles: Path | None = None
    """File of skill profiles; without one the experts' declared skills decide."""
    recruits: int = 3
    """Experts asked for each problem; one may be several of them."""
    inner: Strategy = ChainOfThought(temperature=0.7, max_tokens=4096)
    """What each recruit does."""
    weighting: Weighting = "code"
    """How scores become chances: as in the published code (local score times squared share of strength), or by the
    softmax that the paper states."""
    draw: Draw = "replacement"
    """With replacement; `distinct`: nobody twice; `top`: the best, without chance."""
    routing_temperature: float = 0.5
    """Of the weighting: the lower, the more goes to the best."""
    trim: bool = True
    """Leave out experts that the profiles say are next to never recruited."""
    tagging: Literal["passes", "list", "text"] | None = None
    """Where skills come from: several replies, one reply with a JSON list, or the words of the problem alone, without a
    call; `None`: as when the profiles were made, else `passes`."""
    passes: int = 5
    """Replies that name skills."""
    keep: int = 2
    """In how many of them a keyword must come; never in more than there are."""
    longest: int = 20
    """Characters of a keyword; longer ones are dropped."""
    matching: Matching = "threshold"
    """Which skills keywords are mapped to: those alike enough, or always the likest."""
    similarity: float = 0.5
    """How alike a keyword and a skill must be, from 0 to 1: by groups of letters, or by an embedder's vectors."""
    temperature: float | None = 0.7
    """For naming skills and for the synthesis; `None`: the provider's default."""
    max_tokens: int | None = 4096
    """Cap on these replies."""

    verifier: ClassVar[str] = "none"
    needs: ClassVar[str] = "several experts, and skill profiles of them from `orchestrator profile build`"

    def __post_init__(self) -> None:
        if min(self.recruits, self.passes, self.keep, self.longest) < 1:
            raise ValueError("recruits, passes, keep and longest count from 1")
        if self.routing_temperature <= 0:
            raise ValueError("routing_temperature must be above 0")
        if not 0 <= self.similarity <= 1:
            raise ValueError("similarity goes from 0 to 1")
        self._known()  # a file that cannot be used shows at once

    @property
    def aggregator(self) -> str:
        """Synthesis by the expert that the profiles chose."""
        return str(spec_of(self._writing))

    @property
    def seen(self) -> Collection[str]:
        """Marks of the problems that the profiles were made from."""
        known = self._known()
        return () if known is None else known.problems.keys()

    # -- solving ------------------------------------------------------------------------

    async def __call__(self, problem: Problem, run: Run) -> None:
        team = await self._recruit(run)
        experts = {expert.id: expert for expert in run.experts}
        slots = [(experts[name], team.experts[:i].count(name)) for i, name in enumerate(team.experts)]

        # Tokens and money are not divided: a share of a cap is soon less than the worst case of one call.
        purse = Budget(calls=run.budget.share(len(slots)).calls)

        async def consult(slot: tuple[Expert, int], branch: Run) -> None:
            expert, draw = slot
            branch.declare({expert.id: round(self._each(problem).expected)})
            await branch.delegate(self.inner, expert=expert, budget=purse, draw=draw)

        await run.map(consult, slots, cost=self._each(problem).most)

    async def _recruit(self, run: Run) -> Recruited:
        known = self._known()
        ratings = declared(run.experts) if known is None else known.ratings
        among = [expert.id for expert in run.experts if known is None or expert.id in known.experts]
        if not among:
            told = ", ".join(known.experts if known else ())
            raise ConfigError(f"the profiles of {self.profiles} know none of the experts; they know: {told}")
        keywords = await self._tagged(run, known) if known or any(ratings.scores.values()) else ()
        skills = await self._mapped(run, keywords, ratings) if keywords else None
        team = recruited(skills, ratings, among, self._rules, run.rng)
        if self.trim and known is not None and known.trimming is not None:
            team = without_rare(team, known.trimming, among, self._rules, run.rng)
        run.note(
            "recruited", experts=list(team.experts), unique=len(set(team.experts)), rule=team.rule,
            keywords=list(keywords), skills=list(skills or ()), because=dict(team.because),
        )  # fmt: skip
        return team

    async def _tagged(self, run: Run, known: SkillProfiles | None) -> Sequence[str]:
        """The problem's keywords, from the tagger of the profiles where it is here."""
        first = run.experts[0]
        usual = next((e for e in run.experts if known and e.id == known.tagging.tagger), first)
        return await self._tagger(run, run.role("tagger", usual))

    async def _mapped(self, run: Run, keywords: Sequence[str], ratings: Ratings) -> Sequence[str]:
        async def nearest(texts: Sequence[str], pool: Sequence[str]) -> list[tuple[int, float]]:
            return [(one.place, one.similarity) for one in await likest(run, texts, pool)]

        return await matched(keywords, ratings.skills, nearest, self.matching, self.similarity)

    # -- settings -----------------------------------------------------------------------

    def _known(self) -> SkillProfiles | None:
        return None if self.profiles is None else read_profiles(self.profiles)

    @property
    def _rules(self) -> Rules:
        return Rules(self.recruits, self.weighting, self.draw, self.routing_temperature)

    @property
    def _tagger(self) -> Tagger:
        known = self._known()
        how = self.tagging or (known.tagging.how if known else "passes")
        sampling = Sampling(self.temperature, max_tokens=self.max_tokens)
        return Tagger(Tagging(how, self.passes, min(self.keep, self.passes)), self.longest, sampling)

    @property
    def _writing(self) -> ProfiledSynthesis:
        return ProfiledSynthesis(temperature=self.temperature, max_tokens=self.max_tokens, profiles=self.profiles)

    # -- calls --------------------------------------------------------------------------

    def estimate(self, problem: Problem, experts: int) -> Estimate:
        """Naming skills, and what each recruit does; without anything to go by nobody is asked for skills."""
        tags, each = self._tagger.calls, self._each(problem)
        fewest, usual, most = self._teams(experts)
        candidates = most * (each.most if each.candidates is None else each.candidates)
        least = fewest * each.least + (0 if self.profiles is None else tags)
        depth = each.depth + (tags > 0)
        return Estimate(least, tags + usual * each.expected, tags + most * each.most, depth, candidates)

    def _teams(self, experts: int) -> tuple[int, int, int]:
        """Recruits at the least, as a rule and at the most. Without replacement there are no more than experts that the
        profiles know and do not leave out; a pool of as many as the profiles have is taken to be theirs."""
        if self.draw == "replacement":
            return self.recruits, self.recruits, self.recruits
        most = min(self.recruits, experts)
        if (known := self._known()) is None:
            return most, most, most
        most = min(most, len(known.experts))
        left_out = known.trimming.removed if self.trim and known.trimming else ()
        usual = min(most, len(known.experts) - len(left_out))
        return usual if experts == len(known.experts) else 1, usual, most

    def embeddings(self, problem: Problem, candidates: int) -> Estimate:
        """Calls that compare keywords with skills, in one step; none where every keyword is a skill already."""
        known = self._known()
        if known is None:
            return Estimate(0, 0.0, 0, 0)
        tagging = self._tagger.tagging
        keywords = _KEYWORDS * (tagging.passes // tagging.keep if tagging.how == "passes" else 1)
        calls = ceil((len(known.ratings.skills) + keywords) / TEXTS_A_CALL)
        return Estimate(0, float(calls), calls, 1)

    def _each(self, problem: Problem) -> Estimate:
        """The calls of one recruit; a strategy that cannot tell them counts as one."""
        return self.inner.estimate(problem, 1) if isinstance(self.inner, Estimates) else Estimate(1, 1.0, 1, 1)

    def fit(self, calls: int, problem: Problem, experts: int) -> SymbolicMoE | None:
        """The ladder: skills named in one reply instead of several, then a smaller inner strategy, then fewer recruits;
        at its end one recruit, chosen by the words of the problem alone."""
        forms = self._ladder(calls, problem)
        return next((form for form in forms if form.estimate(problem, experts).most <= calls), None)

    def _ladder(self, calls: int, problem: Problem) -> Iterator[SymbolicMoE]:
        yield self
        quick = replace(self, tagging="list") if self._tagger.calls > 1 else self
        for recruits in range(self.recruits, 0, -1):
            form = replace(quick, recruits=recruits)
            yield form
            if isinstance(self.inner, Fits):
                room = (calls - form._tagger.calls) // recruits
                inner = self.inner.fit(room, problem, 1)
                if inner is not None:
                    yield replace(form, inner=inner)
        alone = replace(self, tagging="text", recruits=1)
        yield alone
        if isinstance(self.inner, Fits) and (inner := self.inner.fit(calls, problem, 1)) is not None:
            yield replace(alone, inner=inner)

    # -- preparing ----------------------------------------------------------------------

    async def prepare(self, lessons: Sequence[Lesson], workshop: Workshop) -> str:
        """Skill profiles from problems with known answers; with `profiles` these problems are added to them.

        Raises:
            BudgetExceeded: a cap ended it.
            ConfigError: there is nothing new to learn, or no skill was named.
        """

        def writing(expert: Expert) -> Aggregator:
            return replace(self._writing, expert=expert.id)

        sampling = Sampling(self.temperature, max_tokens=self.max_tokens)
        profiling = Profiling(workshop, self._tagger, self._rules, sampling, writing, self._known())
        return text_of(await profiling(lessons))

    def preparation(self, lessons: int, experts: int) -> Estimate:
        """Skills and an answer of each expert for every problem, and a synthesis of each where there is something to
        choose among; problems that the profiles know already take nothing."""
        least = (self._tagger.calls + experts) * lessons
        most = least + (experts * lessons if experts > 2 else 0)
        return Estimate(0 if self.profiles else least, (least + most) / 2, most, 2 if experts > 2 else 1)
