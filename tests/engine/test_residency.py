"""Which model is loaded next, by the policy alone."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine

from orchestrator.engine import Demand, Residency, Swap
from orchestrator.engine.residency import PATIENCE
from tests.quiet import QUIET

MODELS = "abcdef"


def queued(**calls: int) -> dict[str, Demand]:
    return {model: Demand(number) for model, number in calls.items()}


def test_the_model_with_most_calls_is_loaded() -> None:
    assert Residency().next(queued(a=2, b=3, c=1), ()) == Swap("b")


def test_of_equal_ones_that_which_waited_longest_is_loaded() -> None:
    assert Residency().next(queued(c=2, a=2, b=2), ()) == Swap("c")


def test_calls_that_let_problems_go_on_count_half_as_much_again() -> None:
    assert Residency().next({"a": Demand(3), "b": Demand(3, completing=1)}, ()) == Swap("b")
    assert Residency().next({"a": Demand(4), "b": Demand(2, completing=2)}, ()) == Swap("a")


def test_calls_that_a_models_replies_bring_count_as_those_that_are_there() -> None:
    assert Residency().next({"a": Demand(4), "b": Demand(2, 2, declared=2, following=2)}, ()) == Swap("b")


def test_of_models_that_must_be_loaded_again_each_call_to_come_takes_a_half() -> None:
    assert Residency().next({"a": Demand(5, declared=4), "b": Demand(4, declared=1)}, ()) == Swap("b")
    assert Residency().next({"a": Demand(5, declared=2), "b": Demand(4, declared=1)}, ()) == Swap("a")


def test_a_model_that_more_calls_will_come_for_is_left_for_later() -> None:
    assert Residency().next({"a": Demand(9, declared=8), "b": Demand(2)}, ()) == Swap("b")


def test_a_model_that_must_be_loaded_again_waits_for_those_that_need_not_be() -> None:
    assert Residency().next({"a": Demand(50, declared=1), "b": Demand(2)}, ()) == Swap("b")
    assert Residency().next({"a": Demand(50, declared=1), "b": Demand(2, declared=1)}, ()) == Swap("a")


def test_declared_calls_that_a_model_brings_about_itself_need_no_other_load() -> None:
    assert Residency().next({"a": Demand(50, 30, 30, following=30), "b": Demand(2)}, ()) == Swap("a")


def test_patience_does_not_shrink_when_others_have_been_served() -> None:
    """Of many that wait from the start the last one is no victim: in turn it would have waited as long."""
    policy, order = Residency(), []
    waiting = {model: Demand(10) for model in "bcdefgh"} | {"a": Demand(1)}
    while waiting:
        swap = policy.next(waiting, ())
        assert swap is not None
        order.append(swap.load)
        del waiting[swap.load]
    assert order[-1] == "a"


def test_a_model_for_which_nothing_but_declared_calls_is_there_is_not_loaded() -> None:
    assert Residency().next({"a": Demand(0, declared=8)}, ()) is None


def test_declared_calls_keep_no_model_that_is_dry() -> None:
    policy = Residency(loaded=["a"])
    assert policy.next({"a": Demand(0, declared=50), "b": Demand(1)}, ()) == Swap("b", "a")


def test_a_model_that_is_not_dry_stays() -> None:
    assert Residency(loaded=["a"]).next(queued(b=50), busy=["a"]) is None


def test_a_dry_model_stays_where_nobody_waits() -> None:
    assert Residency(loaded=["a"]).next({}, ()) is None


def test_with_room_nobody_goes() -> None:
    assert Residency(2, ["a"]).next(queued(b=1), ["a"]) == Swap("b")


def test_of_several_dry_ones_that_goes_for_which_least_is_declared_then_the_longest_unused() -> None:
    policy = Residency(3, ["a", "b", "c"])
    policy.used("b")
    demand = {"a": Demand(0, declared=3), **queued(d=1)}
    assert policy.next(demand, ()) == Swap("d", "c")


def test_a_model_that_was_passed_over_too_often_goes_first() -> None:
    policy, order = Residency(), []
    for _ in range(8):
        calls = queued(a=9, b=9, c=1)
        calls.pop(policy.loaded[0], None) if policy.loaded else None
        swap = policy.next(calls, ())
        assert swap is not None
        order.append(swap.load)
    # Three waited: after more than 1.5 x 3 swaps the patience of `c` is at its end.
    assert order == ["a", "b", "a", "b", "a", "c", "a", "b"]


def test_loads_are_counted_by_model() -> None:
    policy = Residency()
    for model in "aba":
        policy.next(queued(**{model: 1}), ())
    assert policy.loads == {"a": 2, "b": 1}


class Policy(RuleBasedStateMachine):
    """Calls come in any way, and are served while their model is loaded."""

    @initialize(capacity=st.integers(1, 3))
    def begin(self, capacity: int) -> None:
        self.policy = Residency(capacity)
        self.calls: Counter[str] = Counter()
        self.waited: Counter[str] = Counter()
        self.most_waiting: dict[str, int] = {}

    @rule(model=st.sampled_from(MODELS), number=st.integers(1, 40))
    def come(self, model: str, number: int) -> None:
        self.calls[model] += number

    @rule(model=st.sampled_from(MODELS))
    def serve(self, model: str) -> None:
        if model in self.policy.loaded:
            self.policy.used(model)
            self.calls[model] = 0

    @rule(model=st.sampled_from(MODELS))
    def leave(self, model: str) -> None:
        self.calls[model] = 0

    @precondition(lambda self: hasattr(self, "policy"))
    @rule(extra=st.dictionaries(st.sampled_from(MODELS), st.tuples(st.integers(0, 9), st.integers(0, 99))))
    def swap(self, extra: dict[str, tuple[int, int]]) -> None:
        loaded = list(self.policy.loaded)
        busy = [model for model in loaded if self.calls[model]]
        demand = {m: Demand(n, *extra.get(m, (0, 0))) for m, n in self.calls.items() if n or m in extra}
        waiting = {model for model, of in demand.items() if of.queued and model not in loaded}
        found = self.policy.next(demand, busy)
        possible = bool(waiting) and (len(loaded) < self.policy.capacity or len(busy) < len(loaded))
        assert (found is not None) == possible
        if found is None:
            return
        assert found.load in waiting
        assert found.evict is None or found.evict in set(loaded) - set(busy)
        self.waits(waiting, found.load)

    def waits(self, waiting: set[str], loaded: str) -> None:
        """However calls come, nobody who keeps waiting is passed over for longer than patience and the queue last."""
        for model in list(self.waited):
            if model not in waiting:
                del self.waited[model]
        del self.waited[loaded]
        for model in waiting - {loaded}:
            self.waited[model] += 1
            assert self.waited[model] <= PATIENCE * len(MODELS) + len(MODELS)

    @invariant()
    def holds(self) -> None:
        if hasattr(self, "policy"):
            assert len(self.policy.loaded) == len(set(self.policy.loaded)) <= self.policy.capacity


def test_policy() -> None:
    run_machine(Policy, settings=settings(QUIET, max_examples=60, stateful_step_count=40))


@pytest.mark.slow
def test_policy_for_long() -> None:
    run_machine(Policy, settings=settings(QUIET, max_examples=3000, stateful_step_count=80))
