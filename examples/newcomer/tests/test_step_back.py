"""How a strategy is tested: a scripted expert, and no model."""

from step_back import StepBack

from orchestrator import Budget, Request, solve
from orchestrator.experts.scripted import ScriptedExpert


def answering(request: Request) -> str:
    if request.labels.purpose == "principles":
        return "1. Speed is distance over time.\n2. Units must agree."
    return "3 hours at 20 km/h are 60 km. The answer is 60."


def test_every_answer_is_written_from_principles() -> None:
    expert = ScriptedExpert(answering)
    out = solve("How far in 3 h at 20 km/h?", kind="number", strategy=StepBack(lines=2), experts=[expert.value])
    assert out.answer == "60"
    assert out.usage.calls == 4
    written = [request for request in expert.requests if request.labels.purpose == "answer"]
    assert all("Units must agree" in message.text for request in written for message in request.messages)


def test_under_a_cap_there_are_fewer_lines() -> None:
    expert = ScriptedExpert(answering)
    out = solve(
        "How far in 3 h at 20 km/h?", kind="number", strategy="step_back(lines=5)", experts=[expert.value],
        budget=Budget(calls=4),
    )  # fmt: skip
    assert (out.stopped_by, out.usage.calls, len(out.candidates)) == ("done", 4, 2)
