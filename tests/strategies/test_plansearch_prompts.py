"""What PlanSearch tells its experts: turns, observations and sampling, and nothing twice."""

from __future__ import annotations

from collections import Counter

import pytest

from orchestrator import Message, Problem, Request
from orchestrator.strategies.plansearch import PlanSearch

from .planning import CHAIN, REVISED, asked_for, counts, search, shown, thinker

# -- what is said -------------------------------------------------------------------------


def test_a_conversation_keeps_all_its_turns() -> None:
    expert = thinker(1)
    search(expert, "plansearch(keep=1, depth=1)")
    (last,) = asked_for(expert, "serialise")
    assert [message.role for message in last.messages] == ["user", "assistant"] * 3 + ["user"]
    assert "Find 10 of them" in last.messages[0].text
    assert "at most 1 of them" in last.messages[4].text
    assert [message.text.split()[1] for message in last.messages[1::2]] == ["observe", "list", "filter"]


def test_system_messages_and_earlier_turns_stay_in_every_prompt() -> None:
    told = (Message("system", "Be terse."), Message("user", "Hi."), Message("assistant", "Hello."))
    expert = thinker(1)
    search(expert, "plansearch(keep=1)", Problem("p", (*told, Message("user", "Write f.")), "code"))
    assert all(request.messages[:3] == told for request in expert.requests)
    assert all("Write f." in request.messages[3].text for request in expert.requests)


def test_sampling_by_stage() -> None:
    expert = thinker(1)
    search(expert, "plansearch(keep=1, depth=1, temperature=0.7, code_temperature=0.2, top_p=0.5, max_tokens=99)")
    seen = {request.labels.purpose: request.sampling for request in expert.requests}
    cool = {"serialise": 0.0, "pseudocode": 0.2, "answer": 0.2}
    assert {name: one.temperature for name, one in seen.items()} == {
        name: cool.get(name, 0.7) for name in (*CHAIN, *REVISED)
    }
    assert {(one.top_p, one.max_tokens) for one in seen.values()} == {(0.5, 99)}


def test_no_temperature_is_sent_where_none_is_set() -> None:
    expert = thinker(1)
    search(expert, "plansearch(keep=1, depth=1, temperature=none, code_temperature=none, top_p=none, max_tokens=none)")
    assert {request.sampling.temperature for request in expert.requests} == {None}


def test_defaults_are_those_of_the_paper() -> None:
    strategy = PlanSearch()
    assert (strategy.subset_size, strategy.depth, strategy.observations, strategy.tries) == (2, 2, 10, 3)
    assert (strategy.temperature, strategy.code_temperature, strategy.top_p) == (0.9, 0.9, 0.95)


def test_plans_see_every_observation_on_the_way() -> None:
    expert = thinker(2)
    search(expert, "plansearch(keep=2)")
    sizes = Counter(len(shown(request)) for request in asked_for(expert, "plan"))
    # Nothing; 2 single ones and both; below them 3 sets of 1 or 2 more each.
    assert sizes == {0: 1, 1: 2 + 2, 2: 1 + 1 + 2 * 2, 3: 2 + 2 * 1, 4: 1}
    assert sorted(len(shown(request)) for request in asked_for(expert, "observe")) == [0, 1, 1, 2, 2]


def test_plans_see_the_last_layer_only_where_nothing_is_inherited() -> None:
    expert = thinker(2)
    search(expert, "plansearch(keep=2, inherit_observations=false)")
    assert Counter(len(shown(request)) for request in asked_for(expert, "plan")) == {0: 1, 1: 2 + 8, 2: 1 + 4}


def test_the_empty_set_looks_again_with_what_was_seen_before_its_eyes() -> None:
    expert = thinker(2)
    search(expert, "plansearch(keep=2)")
    (again,) = [r for r in asked_for(expert, "observe") if "Put them aside" in r.messages[-1].text]
    assert len(shown(again)) == 2


# -- what is not asked twice --------------------------------------------------------------


def test_what_was_observed_before_is_not_new() -> None:
    """The same three observations whatever is asked: nothing grows out of any set."""
    expert = thinker(serialise='["Sums are even.", "Order matters.", "One is enough."]')
    out, _ = search(expert, "plansearch(keep=3)")
    assert counts(expert)["plan"] == 7
    assert out.usage.calls == 4 * 8 + 7 * 7


def test_an_observation_is_known_again_in_other_marks() -> None:
    expert = thinker(serialise='["Sums are even.", "sums are EVEN", "**Order** matters!", "- Order matters"]')
    search(expert, "plansearch(keep=4, depth=1)")
    assert counts(expert)["plan"] == 4


@pytest.mark.parametrize("inherit", ["true", "false"])
def test_no_set_is_planned_for_twice(inherit: str) -> None:
    """Every conversation brings two old observations of the first layer and one new one, the same for all."""

    def says(request: Request) -> str:
        first = "Find 10" in request.messages[0].text
        return '["Sums are even.", "Order matters."]' if first else '["Order matters.", "It ends.", "It begins."]'

    expert = thinker(serialise=says)
    search(expert, f"plansearch(keep=3, inherit_observations={inherit})")
    planned = Counter(request.messages[-1].text for request in asked_for(expert, "plan"))
    assert set(planned.values()) == {1}
    assert len(planned) == (16 if inherit == "true" else 7)


def test_a_plan_that_criticism_does_not_change_is_written_once() -> None:
    def unchanged(request: Request) -> str:
        return request.messages[0].text.split("for solving it:\n\n")[1].split("\n\n")[0].upper()

    expert = thinker(2, fix=unchanged)
    out, _ = search(expert, "plansearch(keep=2, depth=1)")
    assert (counts(expert)["answer"], len(out.candidates)) == (4, 4)


def test_fewer_programs_than_samples_asked_for_are_not_filled_up_with_copies() -> None:
    out, _ = search(thinker(serialise="[]"), "plansearch")
    assert len(out.candidates) == len({scored.candidate.parents for scored in out.candidates}) == 2
