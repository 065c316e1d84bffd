"""Stop rules, order of calls, and the answer that a vote gives."""

import pytest

from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.solve import asolve
from orchestrator.strategies.self_consistency import mode_probability


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


async def test_best_of_n_takes_the_candidate_that_the_checker_passes() -> None:
    replies = ["Answer: 4 + 7 + 8 + 8 = 24", "Answer: (7 - 8 / 8) * 4 = 24", "Answer: 4 * 7 = 24"]
    scripted = ScriptedExpert(lambda request: replies[request.sample_index % 3])
    out = await asolve(
        "Use each number once to make 24.\n4 7 8 8", kind="game24", experts=[scripted.value], strategy="best_of_n"
    )
    assert out.answer is not None
    assert out.chosen_by == "verified"
    assert out.stopped_by == "verifier"
