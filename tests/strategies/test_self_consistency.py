"""Stop rules, order of calls, and the answer that a vote gives."""

import pytest

from orchestrator import Budget, ContentFiltered, Message, Problem, Request, asolve
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.strategies.self_consistency import SelfConsistency, mode_probability
from orchestrator.types import Estimate

from .golden import batches, calls, emitted, lineage_is_sound

ASKED = Problem("p", (Message("user", "q?"),), "number")


def expert(*answers: str) -> ScriptedExpert:
    """Answers sample i with the i-th answer, and then goes round."""
    return ScriptedExpert(lambda request: f"So. The answer is {answers[request.sample_index % len(answers)]}.")


@pytest.mark.parametrize(
    ("counts", "probability"), [((3,), 0.9375), ((4,), 0.96875), ((6, 1), 0.96484375), ((5, 1), 0.9375), ((), 0.5)]
)
def test_probability_of_the_mode(counts: tuple[int, ...], probability: float) -> None:
    classes = [number for number, count in enumerate(counts) for _ in range(count)]
    assert mode_probability(classes) == pytest.approx(probability)


async def test_fixed_asks_all_at_once_and_the_most_frequent_answer_wins() -> None:
    scripted = expert("7", "8", "8")
    out = await asolve("q?", kind="number", experts=[scripted.value], strategy="self_consistency(samples=6)")
    assert out.answer == "8"
    assert out.confidence == pytest.approx(4 / 6)
    assert [len(batch) for batch in scripted.batches] == [6]


async def test_asc_stops_after_four_that_agree() -> None:
    scripted = expert("5")
    out = await asolve("q?", kind="number", experts=[scripted.value], strategy="self_consistency(stop=asc)")
    assert (out.answer, out.usage.calls) == ("5", 4)


async def test_esc_goes_on_until_a_window_agrees() -> None:
    scripted = expert("1", "2", "2", "2", "2", "2", "2", "2", "2", "2")
    out = await asolve("q?", kind="number", experts=[scripted.value], strategy="self_consistency(stop=esc)")
    assert (out.answer, out.usage.calls) == ("2", 10)


async def test_esc_window_without_answers_does_not_stop() -> None:
    scripted = ScriptedExpert(lambda request: "I cannot say." if request.sample_index < 5 else "The answer is 3.")
    out = await asolve("q?", kind="number", experts=[scripted.value], strategy="self_consistency(stop=esc)")
    assert (out.answer, out.usage.calls) == ("3", 10)


async def test_golden_trace_of_a_fixed_number() -> None:
    scripted = expert("7", "8", "8")
    out = await asolve("q?", kind="number", experts=[scripted.value], strategy="self_consistency(samples=3)")
    assert [event.kind for event in out.trace] == ["call", "emit"] * 3 + ["stop"]
    assert calls(out) == [((0, 0), "answer"), ((0, 1), "answer"), ((0, 2), "answer")]
    assert emitted(out) == [((0, 0, 0), "7"), ((0, 1, 0), "8"), ((0, 2, 0), "8")]
    assert batches(scripted) == [[0, 1, 2]]
    assert lineage_is_sound(out, [scripted])
    assert (out.chosen_by, out.stopped_by, out.confidence) == ("vote", "done", pytest.approx(2 / 3))


async def test_golden_trace_of_waves() -> None:
    scripted = expert("1", "2", "1", "1", "1", "1", "1", "1", "1", "1", "1", "1")
    out = await asolve("q?", kind="number", experts=[scripted.value], strategy="self_consistency(stop=asc)")
    assert batches(scripted) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert [place for place, _ in calls(out)] == [(wave, i) for wave in (0, 1) for i in range(4)]
    assert [place for place, _ in emitted(out)] == [(wave, i, 0) for wave in (0, 1) for i in range(4)]
    assert (out.answer, out.confidence) == ("1", 7 / 8)


async def test_several_experts_give_one_sample_each() -> None:
    pool = [expert("1"), expert("2"), expert("2")]
    values = [type(e.value)(f"e{i}", "m", client="scripted", options=e.value.options) for i, e in enumerate(pool)]
    out = await asolve("q?", kind="number", experts=values, strategy="self_consistency")
    assert [batches(e) for e in pool] == [[[0]]] * 3
    assert (out.answer, [scored.candidate.expert for scored in out.candidates]) == ("2", ["e0", "e1", "e2"])


async def test_a_tie_goes_to_the_expert_that_comes_first() -> None:
    out = await asolve("q?", kind="number", experts=[expert("4", "3").value], strategy="self_consistency(samples=4)")
    assert out.answer == "4"


async def test_a_lost_sample_abstains_and_its_siblings_vote() -> None:
    def reply(request: Request) -> str:
        if request.sample_index == 0:
            raise ContentFiltered("no", expert=request.expert)
        return f"The answer is {request.sample_index}."

    scripted = ScriptedExpert(reply, max_n=1)
    out = await asolve("q?", kind="number", experts=[scripted.value], strategy="self_consistency(samples=3)")
    assert (out.answer, len(out.candidates), out.usage.refused) == ("1", 2, 1)


@pytest.mark.parametrize(
    ("strategy", "estimate"),
    [
        (SelfConsistency(), Estimate(10, 10.0, 10, 1)),
        (SelfConsistency(samples=5), Estimate(5, 5.0, 5, 1)),
        (SelfConsistency(stop="asc"), Estimate(4, 22.0, 40, 10)),
        (SelfConsistency(stop="esc"), Estimate(5, 22.5, 40, 8)),
        (SelfConsistency(stop="esc", samples=12, window=8), Estimate(8, 10.0, 12, 2)),
    ],
)
def test_estimate(strategy: SelfConsistency, estimate: Estimate) -> None:
    assert strategy.estimate(ASKED, experts=1) == estimate


def test_of_several_experts_each_gives_one_sample_as_estimated() -> None:
    assert SelfConsistency().estimate(ASKED, experts=20) == Estimate(20, 20.0, 20, 1)


@pytest.mark.parametrize("stop", ["fixed", "asc", "esc"])
@pytest.mark.parametrize("cap", [1, 3, 9])
async def test_ladder(stop: str, cap: int) -> None:
    scripted = ScriptedExpert(lambda request: f"The answer is {request.sample_index}.")
    out = await asolve(
        "q?", kind="number", experts=[scripted.value], strategy=f"self_consistency(stop={stop})",
        budget=Budget(calls=cap),
    )  # fmt: skip
    assert (out.usage.calls, out.stopped_by) == (cap, "done")


def test_below_one_sample_there_is_no_rung() -> None:
    assert SelfConsistency().fit(0, ASKED, 1) is None
