"""The tree of an adaptive search, beliefs about scores, and how they decide."""

from __future__ import annotations

import json
import math
import random
from itertools import permutations

import numpy as np
import pytest

from orchestrator.strategies._adaptive import Aggregating, Mixed, Step, ask, policy_of
from orchestrator.strategies._mixed_model import MixedModel, Priors
from orchestrator.strategies._search_tree import Tree
from orchestrator.strategies._thompson import Beta, Gaussian, greatest, ucb1


def grown(*nodes: tuple[int | None, float], actors: tuple[int, ...] = ()) -> Tree:
    """A tree of parents and scores, told in order."""
    tree = Tree()
    for number, (parent, score) in enumerate(nodes):
        tree = tree.asked(parent, actors[number] if actors else 0, 0.0).told(number, score)
    return tree


def scores(scored: object) -> list[float]:
    return [score for _, score in scored]  # type: ignore[attr-defined]


# -- beliefs --------------------------------------------------------------------------------


def test_a_normal_belief_after_one_score() -> None:
    """kappa 1 + 1; nu 1 + 1; m (0 + 1) / 2; nu tau2 0.1 + 0 + 1 * 1 * 1 / 2."""
    seen = Gaussian().seen([1.0])
    assert (seen.m, seen.kappa, seen.nu) == (0.5, 2.0, 2.0)
    assert seen.tau2 == pytest.approx(0.3)


def test_a_normal_belief_after_two_scores() -> None:
    """Mean 0.4, squares 0.08, shift 2 * 1 * 0.16 / 3."""
    seen = Gaussian().seen([0.2, 0.6])
    assert (seen.kappa, seen.nu) == (3.0, 3.0)
    assert seen.m == pytest.approx(0.8 / 3)
    assert seen.tau2 == pytest.approx((0.1 + 0.08 + 0.32 / 3) / 3)


def test_beliefs_do_not_care_in_which_portions_scores_come() -> None:
    whole, parts = Gaussian(0.3).seen([0.1, 0.7, 0.4]), Gaussian(0.3).seen([0.1]).seen([0.7, 0.4])
    assert (whole.m, whole.kappa, whole.nu, whole.tau2) == pytest.approx((parts.m, parts.kappa, parts.nu, parts.tau2))
    shares, portions = Beta().seen([0.1, 0.7]), Beta().seen([0.1]).seen([0.7])
    assert (shares.a, shares.b) == pytest.approx((portions.a, portions.b))
    assert Gaussian().seen([]) == Gaussian()


def test_a_beta_belief_adds_successes_and_failures() -> None:
    seen = Beta().seen([1.0, 0.25])
    assert (seen.a, seen.b) == (1.75, 1.25)
    assert seen.mean == pytest.approx(1.75 / 3)


def test_draws_are_of_the_belief() -> None:
    """The mean of a normal-inverse-chi-square is Student's: its variance is nu tau2 / (nu - 2) / kappa."""
    rng = random.Random(1)
    belief = Gaussian(0.4, kappa=2, nu=8, tau2=0.09)
    drawn = [belief.draw(rng) for _ in range(20_000)]
    assert sum(drawn) / len(drawn) == pytest.approx(0.4, abs=0.01)
    assert float(np.var(drawn)) == pytest.approx(8 * 0.09 / 6 / 2, rel=0.05)
    ups = [Beta(3, 1).draw(rng) for _ in range(20_000)]
    assert sum(ups) / len(ups) == pytest.approx(0.75, abs=0.01)


def test_upper_bounds() -> None:
    assert ucb1([], 4) == math.inf
    assert ucb1([0.5, 0.7], 8) == pytest.approx(0.6 + math.sqrt(2) * math.sqrt(math.log(8) / 2))
    assert greatest([1.0, 3.0, 3.0]) == 1


# -- the tree -------------------------------------------------------------------------------


def test_back_up() -> None:
    """Root -> 0 -> 1 -> 2, and root -> 3. A child's own first score is no reward of going on at its parent."""
    tree = grown((None, 0.1), (0, 0.2), (1, 0.4), (None, 0.8))
    root = tree.rewards(None)
    assert scores(root.new) == [0.1, 0.8]
    assert scores(root.continued) == [0.2, 0.4]
    assert {child: scores(below) for child, below in root.below.items()} == {0: [0.1, 0.2, 0.4], 3: [0.8]}
    first = tree.rewards(0)
    assert (scores(first.new), scores(first.continued)) == ([0.2], [0.4])
    assert {child: scores(below) for child, below in first.below.items()} == {1: [0.2, 0.4]}
    assert (scores(tree.rewards(2).new), tree.rewards(2).below) == ([], {})
    assert scores(tree.all_rewards()) == [0.1, 0.2, 0.4, 0.8]


def test_telling_twice_changes_nothing() -> None:
    tree = Tree().asked(None, 0, 0.0).told(0, 0.5)
    assert tree.told(0, 0.9) is tree
    assert tree.lost(0) is tree


def test_results_may_be_told_in_any_order() -> None:
    asked = Tree().asked(None, 0, 0.3).asked(None, 0, 0.3).asked(None, 0, 0.3)
    told = set()
    for order in permutations(range(3)):
        tree = asked
        for number in order:
            tree = tree.told(number, number / 4)
        told.add(tree.trials)
    assert len(told) == 1


def test_what_is_under_way_counts_as_expected_and_what_was_lost_as_nothing() -> None:
    tree = grown((None, 0.5)).asked(0, 0, 0.4).asked(None, 0, 0.6).asked(None, 0, 0.7).lost(3)
    assert scores(tree.rewards(None).new) == [0.5, 0.6]
    assert scores(tree.rewards(None).continued) == [0.4]
    assert [trial.number for trial in tree.pending] == [1, 2]
    assert tree.children(None) == [0]


def test_an_answer_that_cannot_be_refined_still_counts() -> None:
    tree = Tree().asked(None, 0, 0.0).told(0, 0.0, open=False)
    assert (tree.children(None), scores(tree.rewards(None).new)) == ([], [0.0])


def test_more_of_the_best_than_there_are() -> None:
    tree = grown((None, 0.5), (None, 0.9), (0, 0.5)).asked(None, 0, 0.0)
    assert [trial.number for trial in tree.best(10)] == [1, 0, 2]
    assert [trial.number for trial in tree.best(1)] == [1]
    assert Tree().best(3) == []


def test_a_tree_can_be_kept_and_taken_up_again() -> None:
    tree = grown((None, 0.5), (0, 0.25)).asked(1, 1, 0.125).asked(None, 0, 0.5).lost(3)
    assert Tree.of_json(json.loads(json.dumps(tree.to_json()))) == tree


def test_a_score_outside_of_its_range_is_refused() -> None:
    with pytest.raises(ValueError, match="scores go from 0 to 1"):
        Tree().asked(None, 0, 0.0).told(0, 1.5)


# -- variant a ------------------------------------------------------------------------------

A = Aggregating(Gaussian())


def steps(policy: Aggregating | Mixed, tree: Tree, actors: int = 1, times: int = 400) -> list[Step]:
    rng = random.Random(7)
    return [policy.step(tree, None, actors, rng) for _ in range(times)]


def test_a_leaf_is_expanded() -> None:
    rng = random.Random(1)
    tree = ask(A, Tree(), 1, rng)
    assert (tree.trials[0].parent, tree.trials[0].actor) == (None, 0)
    tree = ask(A, grown((None, 0.9), *((n, 0.9) for n in range(5))), 1, rng)
    assert tree.trials[-1].number == 6


DEEP = grown((None, 0.1), (None, 0.1), (None, 0.1), (0, 0.7), (3, 0.8), (3, 0.9))
"""What is new scores badly, what was refined of the first well."""
WIDE = grown((None, 0.9), (None, 0.8), (None, 0.9), *((n % 3, 0.05 * (n % 2)) for n in range(6)))
"""What is new scores well, what was refined badly."""


@pytest.mark.parametrize("policy", [A, Aggregating(Beta())], ids=["gaussian", "beta"])
def test_search_goes_wider_or_deeper_where_scores_are_better(policy: Aggregating) -> None:
    wider = [sum(step.child is None for step in steps(policy, tree)) for tree in (DEEP, WIDE)]
    assert wider[0] < 100 < 300 < wider[1]


@pytest.mark.parametrize("policy", [A, Aggregating(Beta()), Mixed()], ids=["gaussian", "beta", "mixed"])
def test_search_goes_on_from_the_child_that_did_best(policy: Aggregating | Mixed) -> None:
    on = [step.child for step in steps(policy, DEEP) if step.child is not None]
    assert on.count(0) > 1.2 * max(on.count(1), on.count(2))


def test_asking_is_a_function_of_the_tree_and_the_random_numbers() -> None:
    tree = grown((None, 0.4), (None, 0.6), (1, 0.7))
    for policy in (A, Mixed()):
        assert ask(policy, tree, 3, random.Random(5)) == ask(policy, tree, 3, random.Random(5))


def test_expected_scores_are_posterior_means_of_a_new_answer() -> None:
    tree = grown((None, 0.8), (None, 0.4), (0, 0.9))
    assert A.expected(tree, None) == pytest.approx(1.2 / 3)
    assert Aggregating(Beta()).expected(tree, None) == pytest.approx(1.7 / 3)
    assert ask(A, Tree(), 1, random.Random(1)).trials[0].expected == 0.0


# -- variant m ------------------------------------------------------------------------------


def prior_draws(groups: int, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    mu = rng.normal(0.5, 0.2, size)
    between, within = np.abs(rng.normal(0, 0.2, size)), np.maximum(np.abs(rng.normal(0, 0.3, size)), 0.01)
    return mu, between, within, mu + between * rng.normal(size=(groups, size))


GROUPS = [
    ((0.2, 0.3), (0.8,)),
    ((0.5, 0.1, 0.4), (0.9, 0.7), (0.2,)),
    ((1.0,),),
]


@pytest.mark.parametrize("groups", GROUPS, ids=["two", "three", "one"])
def test_the_mixed_model_agrees_with_brute_force(groups: tuple[tuple[float, ...], ...]) -> None:
    """Draws from the prior, weighed by how well they explain the scores: no formula of the model's in it."""
    mu, between, within, alpha = prior_draws(len(groups), 1_500_000)
    log = sum(
        -np.log(within) - (score - alpha[j]) ** 2 / (2 * within**2) for j, each in enumerate(groups) for score in each
    )
    weights = np.exp(log - np.max(log))
    weights /= weights.sum()
    means = [float(weights @ alpha[j]) for j in range(len(groups))]
    model = MixedModel(groups)
    assert model.means == pytest.approx(means, abs=0.01)
    assert model.new_mean == pytest.approx(float(weights @ mu), abs=0.01)

    rng = random.Random(11)
    drawn = [model.predicted(rng) for _ in range(20_000)]
    for j, mean in enumerate(means):
        own = [of[j] for of, _ in drawn]
        variance = float(weights @ (alpha[j] ** 2 + within**2)) - mean**2
        assert (sum(own) / len(own), float(np.std(own))) == pytest.approx((mean, math.sqrt(variance)), abs=0.012)
    new = [one for _, one in drawn]
    variance = float(weights @ (mu**2 + between**2 + within**2)) - float(weights @ mu) ** 2
    assert (sum(new) / len(new), float(np.std(new))) == pytest.approx(
        (float(weights @ mu), math.sqrt(variance)), abs=0.012
    )


def test_without_scores_the_model_predicts_its_prior() -> None:
    rng = random.Random(2)
    model = MixedModel(())
    drawn = [model.predicted(rng)[1] for _ in range(20_000)]
    assert sum(drawn) / len(drawn) == pytest.approx(0.5, abs=0.01)
    assert float(np.var(drawn)) == pytest.approx(0.2**2 + 0.2**2 + 0.3**2, rel=0.06)
    assert MixedModel((), Priors(mean=0.2)).new_mean == pytest.approx(0.2)


def test_equal_scores_do_not_break_the_model() -> None:
    model = MixedModel(((0.5,) * 30, (0.5,) * 20))
    groups, new = model.predicted(random.Random(1))
    assert all(math.isfinite(score) for score in (*groups, new))
    assert model.means == pytest.approx([0.5, 0.5], abs=0.01)


@pytest.mark.parametrize(
    ("below", "pruned"),
    [
        ((0.5, 0.5, 0.5, 0.1), True),
        ((0.5, 0.5, 0.1, 0.1), False),
        ((0.5, 0.5, 0.5), False),
        ((0.501, 0.499, 0.5, 0.1), True),
        ((0.51, 0.49, 0.5, 0.5), False),
        ((0.0,) * 8, True),
    ],
)
def test_a_subtree_of_one_score_is_pruned(below: tuple[float, ...], pruned: bool) -> None:
    """Four answers, three quarters of them with one score to the hundredth."""
    tree = grown((None, below[0]), *((0, score) for score in below[1:]))
    assert Mixed().pruned(tree.rewards(None).below[0]) is pruned
    if pruned:
        assert {step.child for step in steps(Mixed(), tree, times=50)} == {None}


def test_what_is_under_way_prunes_nothing() -> None:
    tree = grown((None, 0.5), (0, 0.5), (0, 0.5)).asked(0, 0, 0.5)
    assert not Mixed().pruned(tree.rewards(None).below[0])


# -- several who write ------------------------------------------------------------------------


@pytest.mark.parametrize("variant", ["a", "m"])
def test_who_scored_better_writes_more(variant: str) -> None:
    tree = grown(*((None, 0.9 if n % 2 else 0.1) for n in range(12)), actors=tuple(n % 2 for n in range(12)))
    policy = A if variant == "a" else Mixed()
    rng = random.Random(3)
    chosen = [policy.actor(tree, None, 2, rng) for _ in range(200)]
    assert chosen.count(1) > 150


@pytest.mark.parametrize("variant", ["a", "m"])
def test_upper_bounds_try_everybody_first(variant: str) -> None:
    policy = Aggregating(Gaussian(), "ucb") if variant == "a" else Mixed(choice="ucb")
    tree, rng = Tree(), random.Random(3)
    for number in range(3):
        tree = tree.asked(None, policy.actor(tree, None, 3, rng), 0.0).told(number, 0.5)
    assert [trial.actor for trial in tree.trials] == [0, 1, 2]


@pytest.mark.parametrize("variant", ["a", "m"])
def test_separate_statistics_go_on_from_whose_children_do_well(variant: str) -> None:
    policy = Aggregating(Gaussian(), "stack") if variant == "a" else Mixed(choice="stack")
    nodes = [(None, 0.1), (None, 0.6), (0, 0.1), (1, 0.9), (1, 0.9), (0, 0.1)]
    tree = grown(*nodes, actors=(0, 1, 0, 1, 1, 0))
    made = steps(policy, tree, actors=2)
    on = [step.child for step in made if step.child is not None]
    assert on.count(1) > on.count(0)
    assert {step.actor for step in made if step.child is None} <= {0, 1}


def test_settings_make_policies() -> None:
    assert policy_of("a", "gaussian", "thompson", None) == Aggregating(Gaussian(0.0, 1.0, 1.0, 0.1))
    assert policy_of("a", "gaussian", "ucb", 0.4) == Aggregating(Gaussian(0.4), "ucb")
    assert policy_of("a", "beta", "thompson", None) == Aggregating(Beta(0.5, 0.5))
    assert policy_of("a", "beta", "thompson", 0.0) == Aggregating(Beta(0.01, 0.99))
    assert policy_of("m", "gaussian", "stack", 0.3) == Mixed(Priors(0.3), "stack")
