"""A model's criticism of a candidate, and what becomes of it when its own test is run."""

from __future__ import annotations

import pytest

from orchestrator import asolve
from orchestrator.errors import VerifierError
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.sandbox import Sandbox
from orchestrator.strategies.verifiers.critic import Critic, verdict_in
from orchestrator.types import Candidate, Estimate, Message, Problem, Verdict
from tests.strategies.golden import calls
from tests.strategies.judging import ASKED, answered, judged, last_words, named, running, saying

GOOD = "It counts four pairs. It might have counted feelers, but it did not.\n[Correct]"
BAD = "It forgets a pair of legs.\n[Incorrect]"


def criticised(*replies: str, rules: Critic | None = None) -> Verdict:
    played = judged(lambda run: (rules or Critic())(ASKED, answered(0, "8"), run), [saying(*replies)])
    assert played.result is not None, played.error
    return played.result


def test_a_verdict_is_an_opinion() -> None:
    assert criticised(GOOD) == Verdict(
        1.0, None, "It counts four pairs. It might have counted feelers, but it did not.", "critic"
    )
    assert criticised(BAD) == Verdict(0.0, None, "It forgets a pair of legs.", "critic")


def test_the_score_is_the_share_of_criticisms_that_end_well_and_the_reason_the_first_that_does_not() -> None:
    expert = ScriptedExpert(lambda request: (GOOD, BAD, GOOD, GOOD)[request.sample_index])
    played = judged(lambda run: Critic(votes=4)(ASKED, answered(0, "8"), run), [expert])
    assert played.result == Verdict(0.75, None, "It forgets a pair of legs.", "critic")
    assert [[r.sample_index for r in batch] for batch in expert.batches] == [[0, 1, 2, 3]]


def test_a_criticism_without_a_verdict_is_asked_for_one() -> None:
    expert = saying("There is much to be said.", "[Incorrect]")
    played = judged(lambda run: Critic()(ASKED, answered(0, "8"), run), [expert])
    assert played.result == Verdict(0.0, None, "There is much to be said.", "critic")
    assert last_words(expert.requests[1]).endswith("[Correct] or [Incorrect].")


def test_without_any_verdict_the_candidate_is_unchecked() -> None:
    played = judged(lambda run: Critic()(ASKED, answered(0, "8"), run), [saying("Hm.")])
    assert isinstance(played.error, VerifierError)
    assert "gave candidate 0 no readable verdict" in str(played.error)


def test_no_answer_fails_without_a_call() -> None:
    expert = saying(BAD)
    played = judged(lambda run: Critic()(ASKED, answered(0, None), run), [expert])
    assert played.result == Verdict(0.0, False, "there is no answer in the reply", "critic")
    assert expert.requests == []


def test_another_expert_than_the_author_criticises() -> None:
    pool = [saying(GOOD), saying(GOOD)]
    values = [named(expert, f"e{i}") for i, expert in enumerate(pool)]
    judged(lambda run: Critic()(ASKED, answered(0, "8", expert="e0"), run), values)
    assert [len(expert.requests) for expert in pool] == [0, 1]


@pytest.mark.parametrize(
    ("text", "correct"),
    [
        ("So it is.\n[Correct]", True),
        ("[Incorrect]", False),
        ("**[INCORRECT]**", False),
        ("At first sight [Correct], but no: [Incorrect]", False),
        ("I was asked for [Correct] or [Incorrect]. It is [Correct]", True),
        ("Verdict: correct", True),
        ("**Verdict:** Incorrect.", False),
        ("The verdict is incorrect", False),
        ("It holds.\nCorrect", True),
        ("It fails.\n**Incorrect**", False),
        ("The answer is correct in spirit.", None),
        ("", None),
    ],
)
def test_verdicts_as_models_write_them(text: str, correct: bool | None) -> None:
    assert verdict_in(text) is correct


class TestPrograms:
    """A test that a critic names is run: execution before opinion."""

    PROBLEM = Problem("p", (Message("user", "Write double(x)."),), "code", meta={"entry_point": "double"})
    RIGHT, WRONG = "def double(x):\n    return 2 * x\n", "def double(x):\n    return x + 2\n"

    OBJECTION = "It adds.\nFailing test: `assert double(3) == 6`\n[Incorrect]"

    async def verdict(self, sandbox: Sandbox, program: str, reply: str, rules: Critic | None = None) -> Verdict:
        candidate = Candidate("0", "p", f"```python\n{program}```", program, "k", "e", "s", (0,))
        async with running(sandbox, self.PROBLEM, saying(reply)) as run:
            return await (rules or Critic())(self.PROBLEM, candidate, run)

    async def test_a_test_that_the_program_fails_stands(self, sandbox: Sandbox) -> None:
        found = await self.verdict(sandbox, self.WRONG, self.OBJECTION)
        assert (found.score, found.passed) == (0.0, None)
        assert found.reason.startswith("assert double(3) == 6 (failed): It adds.")

    async def test_a_test_that_the_program_passes_refutes_the_criticism(self, sandbox: Sandbox) -> None:
        assert (await self.verdict(sandbox, self.RIGHT, self.OBJECTION)).score == 1.0

    async def test_unless_it_is_not_to_be_run(self, sandbox: Sandbox) -> None:
        assert (await self.verdict(sandbox, self.RIGHT, self.OBJECTION, Critic(check=False))).score == 0.0

    async def test_a_wrong_expectation_is_still_an_opinion(self, sandbox: Sandbox) -> None:
        found = await self.verdict(sandbox, self.RIGHT, "Failing test: assert double(3) == 7\n[Incorrect]")
        assert (found.score, found.passed) == (0.0, None)

    @pytest.mark.parametrize(
        "named_test",
        ["assert double(3) ==", "none", "assert quadruple(3) == 12", "assert double(3) == 6 and (", "call it with 3"],
    )
    async def test_what_is_no_test_of_the_program_refutes_nothing(self, sandbox: Sandbox, named_test: str) -> None:
        reply = f"It is wrong.\nFailing test: {named_test}\n[Incorrect]"
        assert (await self.verdict(sandbox, self.RIGHT, reply)).score == 0.0

    async def test_a_test_beside_a_good_verdict_is_not_run(self, sandbox: Sandbox) -> None:
        reply = "Failing test: assert double(3) == 6\n[Correct]"
        assert (await self.verdict(sandbox, self.WRONG, reply)).score == 1.0

    async def test_a_test_without_end_is_a_failure(self, sandbox: Sandbox) -> None:
        found = await self.verdict(
            sandbox, "def double(x):\n    while x: pass\n    return 0\n", self.OBJECTION, Critic(timeout=0.2)
        )
        assert (found.score, "(timeout)" in found.reason) == (0.0, True)


async def test_golden_trace() -> None:
    """The one that is not found fault with is chosen, unlike by a vote."""
    solver = ScriptedExpert(lambda request: f"The answer is {(6, 8, 6)[request.sample_index]}.")
    critic = ScriptedExpert(lambda r: GOOD if "answer is 8" in last_words(r) else BAD, id="critic")
    out = await asolve(
        ASKED,
        experts=[solver.value],
        roles={"judge": critic.value},
        strategy="best_of_n(samples=3)",
        verifier="critic",
    )
    assert (out.answer, out.chosen_by, out.stopped_by) == ("8", "score", "done")
    assert calls(out)[:3] == [((0, i), "answer") for i in range(3)]
    assert sorted(calls(out)[3:]) == [((0, i, 0, 0), "critic") for i in range(3)]


def test_estimate() -> None:
    assert Critic().estimate(ASKED, 3) == Estimate(0, 1.0, 2, 1)
    assert Critic(votes=3, tries=1).estimate_over(ASKED, 1, 10) == Estimate(0, 30.0, 30, 1)


@pytest.mark.parametrize("fields", [{"votes": 0}, {"tries": 0}, {"longest": 5}])
def test_fields_out_of_range_are_refused(fields: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least"):
        Critic(**fields)  # type: ignore[arg-type]
