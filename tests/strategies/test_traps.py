"""Twenty traps that published implementations fell into, and which test holds each of them off."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent.parent

TRAPS: dict[str, tuple[str, ...]] = {
    "1 combinatorics: three observations a conversation make 49 plans, 98 programs, 375 calls, 13 deep": (
        "strategies/test_plansearch.py::test_reference_vector_as_run",
        "strategies/test_plansearch.py::test_thirteen_stages_of_the_deepest_line_show_in_the_trace",
    ),
    "2 a list that is junk twice survives, three times is empty": (
        "strategies/test_plansearch_failures.py::test_a_list_is_asked_for_again_with_rising_temperature",
        "strategies/test_plansearch_failures.py::test_after_three_tries_there_are_no_observations_and_the_run_goes_on",
    ),
    "3 the text of a failed call stands in no later prompt": (
        "strategies/test_plansearch_failures.py::test_a_failed_call_costs_its_branch_and_its_words_go_nowhere",
    ),
    "4 pass@k at its edges": (
        "evals/test_metrics.py::TestPassAtK::test_golden",
        "evals/test_metrics.py::TestPassAtK::test_where_samples_are_missing_they_may_count_as_wrong",
    ),
    "5 options in other orders lead back to the right letter": (
        "strategies/test_medprompt.py::TestEnsemble::test_a_stub_that_always_picks_the_true_text_is_always_right",
    ),
    "6 questions of two and of ten options": (
        "strategies/test_options.py::TestTheWayBack::test_a_stub_that_always_picks_the_true_text_is_always_right",
    ),
    "7 the question itself, also reworded, is no example": (
        "strategies/test_medprompt_examples.py::TestNeighbours::test_the_question_itself_is_never_among_its_examples",
        "strategies/test_rewordings.py::test_a_question_put_in_other_words_is_the_same",
    ),
    "8 Codenames: guessing the board, micro and macro averages": (
        "evals/test_solo_rules.py::test_guessing_the_whole_board_is_flagged_and_earns_nothing_more",
        "evals/test_solo_rules.py::test_codenames",
    ),
    "9 a right house beside a wrong one": ("evals/test_solo_rules.py::test_logic_grid_puzzle",),
    "10 a talk that stops behind its cast": (
        "strategies/test_spp.py::TestEarlyEnd::test_a_reply_that_stops_behind_its_cast_gets_one_more_turn",
        "strategies/test_spp.py::TestEarlyEnd::test_then_a_chain_of_thought_stands_in_for_it_and_is_counted",
    ),
    "11 routing: negative scores, no keywords, the same twice, with and without replacement, trimming at 5 %": (
        "skills/test_recruiting.py::test_all_scores_negative_lifts_them",
        "skills/test_recruiting.py::test_without_a_skill_all_have_the_same_chance",
        "skills/test_matching.py::test_keywords_that_come_to_the_same_skill_count_once",
        "skills/test_recruiting.py::test_with_replacement_one_expert_may_have_all_slots",
        "skills/test_recruiting.py::test_without_replacement_nobody_comes_twice",
        "skills/test_trimming.py::test_the_bar_is_below_five_percent_of_all_slots",
    ),
    "12 adaptive stopping: four of a kind stop, 6-1 stops, 5-1 does not": (
        "strategies/test_self_consistency.py::test_probability_of_the_mode",
        "strategies/test_self_consistency.py::test_asc_stops_after_four_that_agree",
    ),
    "13 five unread replies are no agreement": (
        "strategies/test_self_consistency.py::test_esc_window_without_answers_does_not_stop",
    ),
    "14 debate: all speak at once": ("strategies/test_debate.py::test_the_order_of_the_agents_changes_no_prompt",),
    "15 CodeT: copies count, tests that say nothing are dropped in strict mode": (
        "strategies/aggregators/test_codet.py::test_programs_and_tests_count_as_often_as_they_were_written",
        "strategies/aggregators/test_codet.py::test_tests_that_all_pass_or_none_say_nothing_in_strict_mode",
    ),
    "16 DeepConf: windows below the bar, what low and high keep, decimals": (
        "strategies/aggregators/test_deepconf.py::test_a_window_below_the_bar_costs_the_vote_though_the_mean_is_high",
        "strategies/aggregators/test_deepconf.py::test_low_keeps_the_surest_tenth_and_high_nearly_all",
        "strategies/test_deepconf.py::test_decimals_are_answers",
    ),
    "17 a vote for number 12 is no vote for 2": (
        "strategies/test_thoughts.py::test_a_vote_names_one_of_the_candidates",
    ),
    "18 the same seed gives the same tree at any concurrency": (
        "strategies/test_plansearch_determinism.py::test_nor_how_many_calls_are_out_at_once",
        "strategies/test_plansearch_determinism.py::test_the_order_in_which_replies_come_changes_nothing",
    ),
    "19 proposers that failed or were cut": (
        "strategies/test_moa_losses.py::test_one_failed_and_one_truncated_are_left_out_and_told",
    ),
    "20 a judge that goes by the order decides nothing": (
        "strategies/aggregators/test_tournament.py::test_a_judge_that_goes_by_the_order_decides_nothing",
    ),
}


def test_there_are_twenty() -> None:
    assert [int(trap.split()[0]) for trap in TRAPS] == list(range(1, 21))


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.split()[0])
def test_each_is_held_off(trap: str) -> None:
    for named in TRAPS[trap]:
        file, *_, name = named.split("::")
        assert name in names_in(TESTS / file), named


@cache
def names_in(path: Path) -> frozenset[str]:
    """Names of the tests in a file, those in classes among them."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return frozenset(node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
