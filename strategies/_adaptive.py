"""Adaptive branching: whether to write a new answer at a node or to go on from one that is there (Inoue et al., 2025).

Both variants are functions of a tree and of random numbers: `ask` brings the tree with one trial more.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from ._mixed_model import MixedModel, Priors
from ._search_tree import Node, Rewards, Tree, Trial
from ._thompson import Belief, Beta, Gaussian, greatest, ucb1

Choice = Literal["thompson", "ucb", "stack"]
"""How it is chosen who writes: by what each has brought in the whole tree, at random or by its upper bound; or by
statistics that every node keeps for each."""


@dataclass(frozen=True, slots=True)
class Step:
    """What is done at a node: go on from a child, or write a new answer."""

    child: int | None = None
    """`None`: a new answer."""
    actor: int | None = None
    """Who writes it; `None`: whoever is chosen for it."""


class Policy(Protocol):
    """Decides at a node, and among those who can write."""

    def step(self, tree: Tree, node: Node, actors: int, rng: random.Random) -> Step:
        """What to do at a node that has children to go on from."""
        ...

    def actor(self, tree: Tree, node: Node, actors: int, rng: random.Random) -> int:
        """Who writes a new answer at a node."""
        ...

    def expected(self, tree: Tree, node: Node) -> float:
        """The score that a new answer at a node is expected to have."""
        ...


def ask(policy: Policy, tree: Tree, actors: int, rng: random.Random) -> Tree:
    """The tree with the next trial: from the root down until a node is to have a new answer."""
    node: Node = None
    while tree.children(node):
        step = policy.step(tree, node, actors, rng)
        if step.child is None:
            actor = policy.actor(tree, node, actors, rng) if step.actor is None else step.actor
            return tree.asked(node, actor, policy.expected(tree, node))
        node = step.child
    return tree.asked(node, policy.actor(tree, node, actors, rng), policy.expected(tree, node))


@dataclass(frozen=True, slots=True)
class Aggregating:
    """AB-MCTS-A: beliefs about writing, about going on and about each child, from what came of them."""

    prior: Belief
    choice: Choice = "thompson"

    def step(self, tree: Tree, node: Node, actors: int, rng: random.Random) -> Step:
        rewards, open_ = tree.rewards(node), tree.children(node)
        writer = None
        if self.choice == "stack":
            writer = self.actor(tree, node, actors, rng)
            rewards = _of(rewards, writer, tree)
            open_ = [child for child in open_ if child in rewards.below]
            if not open_:
                return Step(actor=writer)
        new, on = (self._draw(scored, rng) for scored in (rewards.new, rewards.continued))
        if new >= on:
            return Step(actor=writer)
        return Step(open_[greatest([self._draw(rewards.below[child], rng) for child in open_])])

    def actor(self, tree: Tree, node: Node, actors: int, rng: random.Random) -> int:
        if actors == 1:
            return 0
        if self.choice == "stack":
            rewards = tree.rewards(node)
            found = [_of(rewards, actor, tree).below.values() for actor in range(actors)]
            return greatest([self._draw([one for each in below for one in each], rng) for below in found])
        scores = _by_actor(tree, actors)
        if self.choice == "ucb":
            return greatest([ucb1(each, sum(map(len, scores))) for each in scores])
        return greatest([self.prior.seen(each).draw(rng) for each in scores])

    def expected(self, tree: Tree, node: Node) -> float:
        return min(1.0, max(0.0, self.prior.seen([score for _, score in tree.rewards(node).new]).mean))

    def _draw(self, scored: Iterable[tuple[Trial, float]], rng: random.Random) -> float:
        return self.prior.seen([score for _, score in scored]).draw(rng)


@dataclass(frozen=True, slots=True)
class Mixed:
    """AB-MCTS-M: one hierarchical model at every node, whose groups are the children's subtrees.

    A new answer is a group that is not there yet. A child is left alone once its subtree has `prune_size` answers of
    which the share `prune_share` has one score, to the hundredth: nothing new comes of it.
    """

    priors: Priors = Priors()
    choice: Choice = "thompson"
    prune_size: int = 4
    prune_share: float = 0.75

    def step(self, tree: Tree, node: Node, actors: int, rng: random.Random) -> Step:
        rewards = tree.rewards(node)
        alive = [child for child in tree.children(node) if not self.pruned(rewards.below[child])]
        if not alive:
            return Step()
        if self.choice == "stack":
            return self._stacked(rewards, alive, actors, rng)
        drawn, new = self._drawn(rewards, rng)
        best = greatest([drawn[child] for child in alive])
        return Step() if new >= drawn[alive[best]] else Step(alive[best])

    def pruned(self, below: Sequence[tuple[Trial, float]]) -> bool:
        scores = Counter(round(100 * score) for trial, score in below if trial.state == "told")
        total = sum(scores.values())
        return total >= self.prune_size and max(scores.values()) >= self.prune_share * total

    def _drawn(self, rewards: Rewards, rng: random.Random) -> tuple[dict[int, float], float]:
        """A score for every child that has any, and one for a child that is not there yet."""
        scored = {child: tuple(score for _, score in below) for child, below in rewards.below.items() if below}
        drawn, new = MixedModel(tuple(scored.values()), self.priors).predicted(rng)
        return dict(zip(scored, drawn, strict=True)), new

    def _stacked(self, rewards: Rewards, alive: Sequence[int], actors: int, rng: random.Random) -> Step:
        """A model for each who can write, of what was written by that one alone."""
        best = (float("-inf"), Step())
        for actor in range(actors):
            own = {
                child: tuple(each for each in below if each[0].actor == actor) for child, below in rewards.below.items()
            }
            drawn, new = self._drawn(replace(rewards, below=own), rng)
            steps = [(new, Step(actor=actor)), *((drawn[child], Step(child)) for child in alive if child in drawn)]
            best = max(best, *steps, key=lambda one: one[0])
        return best[1]

    def actor(self, tree: Tree, node: Node, actors: int, rng: random.Random) -> int:
        if actors == 1:
            return 0
        scores = _by_actor(tree, actors)
        if self.choice == "ucb":
            return greatest([ucb1(each, sum(map(len, scores))) for each in scores])
        known = [actor for actor in range(actors) if scores[actor]]
        model = MixedModel(tuple(tuple(scores[actor]) for actor in known), self.priors)
        drawn, _ = model.predicted(rng)
        seen = dict(zip(known, drawn, strict=True))
        return greatest([seen[a] if a in seen else model.predicted(rng)[1] for a in range(actors)])

    def expected(self, tree: Tree, node: Node) -> float:
        below = tree.rewards(node).below.values()
        groups = tuple(tuple(score for _, score in each) for each in below if each)
        return min(1.0, max(0.0, MixedModel(groups, self.priors).new_mean))


def policy_of(
    variant: Literal["a", "m"], posterior: Literal["gaussian", "beta"], choice: Choice, mean: float | None
) -> Policy:
    """The policy of a variant.

    Args:
        mean: the score that is expected before any is known; `None`: the paper's, 0 with Gaussian beliefs, else a half.
    """
    if variant == "m":
        return Mixed(Priors() if mean is None else Priors(mean), choice)
    if posterior == "gaussian":
        return Aggregating(Gaussian() if mean is None else Gaussian(mean), choice)
    # A beta distribution ends where its mean does.
    inside = 0.5 if mean is None else min(0.99, max(0.01, mean))
    return Aggregating(Beta(inside, 1 - inside), choice)


def _of(rewards: Rewards, actor: int, tree: Tree) -> Rewards:
    """What has come of the children that one of those who write has written."""
    below = {child: found for child, found in rewards.below.items() if tree.trials[child].actor == actor}
    return Rewards(tuple(each for each in rewards.new if each[0].actor == actor), below)


def _by_actor(tree: Tree, actors: int) -> list[list[float]]:
    """What each has brought in the whole tree."""
    found: list[list[float]] = [[] for _ in range(actors)]
    for trial, reward in tree.all_rewards():
        found[trial.actor].append(reward)
    return found
