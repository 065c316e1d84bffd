"""AB-MCTS: a tree search that goes wider or deeper, as scores say."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING, ClassVar, Literal

from orchestrator.protocols import Verifier
from orchestrator.registry import strategy
from orchestrator.types import Answer, Candidate, Estimate, Problem, Prompt, Sampling, Verdict

from ._adaptive import Choice, Policy, ask, policy_of
from ._judging import shown
from ._scoring import Scoring, Told
from ._search_tree import Tree, Trial

if TYPE_CHECKING:
    from orchestrator.run import Run


@strategy
@dataclass(frozen=True)
class AbMcts:
    """Grows a tree of answers, at every node writing a new one or refining one that is there (Inoue et al., 2025).

    1. Selection: from the root down, Thompson sampling decides between writing a new answer here and going on from a
       child, by the scores that either has brought.
    2. Expansion: a new answer to the problem at the root; below it a better one than the node's, given its score and
       what was found. Of several experts the one whose answers have scored best is the likeliest to write it.
    3. Score: by the checker of the kind of problem, of a program the share of its public tests that it passes.
    4. Back-up: every node on the way learns of the score. All answers are put forward, and the best scored is chosen.

    Variant `a` keeps beliefs about writing, going on and each child; variant `m` fits one hierarchical model of the
    scores at every node. Departs from the paper: `batch` answers are written side by side, each counted at the score
    that was expected of it until its own is known, and told in order, so that what was found does not depend on who
    was first; the search ends when an answer passes its check. An answer that cannot be read scores 0 and is not
    refined; a lost call says nothing. The model of variant `m` is integrated over a grid instead of a Markov chain.
    """

    variant: Literal["a", "m"] = "a"
    """Node aggregation, or the mixed model."""
    answers: int = 128
    """Answers that are written at the most."""
    batch: int = 5
    """Answers that are written side by side; 1 is the paper's search, one after the other."""
    posterior: Literal["gaussian", "beta"] = "gaussian"
    """What variant `a` believes about scores."""
    choice: Choice = "thompson"
    """How it is chosen which expert writes: by Thompson sampling over all of its scores in the tree, by their upper
    confidence bound (`ucb`), or by statistics of its own at every node (`stack`)."""
    prior_mean: float | Literal["pilot"] | None = None
    """The score that is expected before any is known. `None`: 0 for Gaussian beliefs, which is low for scores up to 1,
    else a half. `pilot`: the mean score of the first batch."""
    scorer: Verifier | None = None
    """What scores answers; `None`: the checker of the kind of problem, of programs without tests those that a model
    writes, else a judge."""
    temperature: float | None = 0.6
    """`None`: the provider's default."""
    max_tokens: int | None = None
    """Cap on each reply; 2048 where nobody sets one."""

    aggregator: ClassVar[str] = "first_verified"
    needs: ClassVar[str] = "tests, a checker, or an expert that judges better than chance; `--role judge=ID` names one"

    def __post_init__(self) -> None:
        if min(self.answers, self.batch) < 1:
            raise ValueError("answers and batch count from 1")
        if isinstance(self.prior_mean, float | int) and not 0 <= self.prior_mean <= 1:
            raise ValueError("prior_mean goes from 0 to 1")

    @property
    def verifier(self) -> Verifier:
        """What the answers were scored already."""
        return Told(self._scoring)

    async def __call__(self, problem: Problem, run: Run) -> None:
        tree, found = Tree(), dict[int, _Found]()
        while len(tree) < self.answers:
            tree = await self._asked(tree, run)
            search = _Search(self, tree, found)
            wave = tree.pending
            results = await run.map(search.write, wave, cost=1 + self._scoring.calls_on(problem, 1))
            for trial, result in zip(wave, results, strict=True):
                tree = _told(tree, trial, result)
                if result is not None:
                    found[trial.number] = result
            if any(result is not None and result.passed for result in results):
                break

    async def _asked(self, tree: Tree, run: Run) -> Tree:
        """The tree with the trials of the next wave; models are fitted beside the event loop."""
        policy, rng, width = self._policy(tree), run.rng, min(self.batch, self.answers - len(tree))

        def wave() -> Tree:
            return reduce(lambda grown, _: ask(policy, grown, len(run.experts), rng), range(width), tree)

        return await asyncio.to_thread(wave) if self.variant == "m" else wave()

    def _policy(self, tree: Tree) -> Policy:
        mean = self.prior_mean
        if mean == "pilot":
            pilot = [trial.score for trial in tree.trials[: self.batch] if trial.state == "told"]
            mean = math.fsum(pilot) / len(pilot) if pilot else 0.5
        return policy_of(self.variant, self.posterior, self.choice, mean)

    @property
    def _scoring(self) -> Scoring:
        return Scoring(self.scorer)

    @property
    def _sampling(self) -> Sampling:
        return Sampling(self.temperature, max_tokens=self.max_tokens)

    # -- size ---------------------------------------------------------------------------

    def estimate(self, problem: Problem, experts: int) -> Estimate:
        """Expected: no answer passes its check before the last."""
        checks = self._scoring.estimate_over(problem, experts, self.answers)
        waves = math.ceil(self.answers / self.batch)
        return Estimate(
            min(self.batch, self.answers),
            self.answers + checks.expected,
            self.answers + checks.most,
            waves * (1 + checks.depth),
            self.answers,
        )

    def fit(self, calls: int, problem: Problem, experts: int) -> AbMcts | None:
        """The ladder: fewer answers, down to one."""
        forms = (replace(self, answers=answers) for answers in range(min(self.answers, calls), 0, -1))
        return next((form for form in forms if form.estimate(problem, experts).most <= calls), None)


@dataclass(frozen=True, slots=True)
class _Found:
    """An answer of the tree, and what was said of it; no verdict where nobody could tell."""

    candidate: Candidate
    verdict: Verdict | None

    @property
    def passed(self) -> bool:
        return self.verdict is not None and self.verdict.passed is True


@dataclass(frozen=True, slots=True)
class _Search:
    """Writes the answers of one wave."""

    rules: AbMcts
    tree: Tree
    found: dict[int, _Found]

    async def write(self, trial: Trial, run: Run) -> _Found:
        parent = None if trial.parent is None else self.found[trial.parent]
        reply = await run.generate(
            await self._prompt(parent, run),
            expert=run.experts[trial.actor],
            sample=self._sample(trial),
            sampling=self.rules._sampling,
        )
        candidate = run.emit(await run.read(reply), parents=() if parent is None else (parent.candidate,))
        verdict = await self.rules._scoring.verdict(candidate, run)
        score = None if verdict is None else verdict.score
        run.note("node", number=trial.number, parent=trial.parent, candidate=candidate.id, score=score)
        return _Found(candidate, verdict)

    async def _prompt(self, parent: _Found | None, run: Run) -> Prompt:
        prompts = run.prompts("ab_mcts")
        if parent is None or parent.verdict is None:
            return run.problem.ask(prompts.answer)
        candidate, verdict = parent.candidate, parent.verdict
        return run.problem.ask(
            prompts.refine,
            answer=shown(run.problem, Answer(candidate.text, candidate.answer)),
            score=f"{verdict.score:.2f}",
            report=await self.rules._scoring.report(candidate, verdict, run),
        )

    def _sample(self, trial: Trial) -> int:
        """Which of its samples an expert is asked for: equal answers of two nodes are refined in different ways."""
        return sum(earlier.actor == trial.actor for earlier in self.tree.trials[: trial.number])


def _told(tree: Tree, trial: Trial, result: _Found | None) -> Tree:
    """The tree after a trial. A call that was lost, or an answer of which nobody could tell, says nothing of scores."""
    if result is None or result.verdict is None:
        return tree.lost(trial.number)
    readable = result.candidate.key is not None
    return tree.told(trial.number, result.verdict.score if readable else 0.0, open=readable)
