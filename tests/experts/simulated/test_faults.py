"""What makes simulated experts err, in numbers: prompts, experts, samples, plans."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import combinations, islice

from orchestrator.evals.builtin import rows
from orchestrator.experts.simulated.known import Known
from orchestrator.experts.simulated.mind import reply
from orchestrator.experts.simulated.people import PEOPLE
from orchestrator.experts.simulated.reading import read
from orchestrator.types import Message

ALIKE = ("Work it out.",) * 5
DIVERSE = ("Work it out.", "Please solve this.", "What is the result?", "Answer the question.", "Go ahead.")


@cache
def stories() -> tuple[str, ...]:
    return tuple(str(row["question"]) for row in islice(rows("word_problems", 41), 250))


def known(question: str) -> Known:
    found = read((Message("user", question),))
    assert found is not None
    return found.known


def said(who: str, question: str, prompt: str, sample: int = 0) -> str | None:
    text = reply(PEOPLE[who], (Message("user", f"{question}\n\n{prompt}"),), f"#{sample}")
    return known(question).answer_in(text)


def right(question: str, answer: str | None) -> bool:
    return answer is not None and known(question).task.right(answer)


def voted(answers: Iterable[str | None]) -> str | None:
    return Counter(answers).most_common(1)[0][0]


def share(hits: Sequence[bool]) -> float:
    return sum(hits) / len(hits)


def repeated(prompts: Sequence[str]) -> tuple[float, float]:
    """Of two wrong-first samples: how often the second is wrong too, and how often with the same mistake."""
    again, same = [], []
    for question in stories():
        answers = [said("flo", question, prompt, i) for i, prompt in enumerate(prompts)]
        for one, other in combinations(answers, 2):
            if not right(question, one):
                again.append(not right(question, other))
                same.append(one == other)
    return share(again), share(same)


def test_identical_prompts_repeat_a_mistake_more_often_than_diverse_ones() -> None:
    alike, diverse = repeated(ALIKE), repeated(DIVERSE)
    assert alike[0] > diverse[0] + 0.05  # wrong again
    assert alike[1] > diverse[1] + 0.1  # with the very same answer


def test_votes_help_some_diverse_prompts_and_experts_more_and_a_verifier_most() -> None:
    single, alike, diverse, several, verified = [], [], [], [], []
    for question in stories():
        same = [said("flo", question, prompt, i) for i, prompt in enumerate(ALIKE)]
        other = [said("flo", question, prompt, i) for i, prompt in enumerate(DIVERSE)]
        people = [said(who, question, DIVERSE[0]) for who in PEOPLE]
        single.append(right(question, same[0]))
        alike.append(right(question, voted(same)))
        diverse.append(right(question, voted(other)))
        several.append(right(question, voted(people)))
        verified.append(any(right(question, answer) for answer in other))
    assert share(single) < share(alike) < share(diverse) < share(several)
    assert share(diverse) > share(single) + 0.03
    assert share(verified) > share(diverse) + 0.1


def test_an_approach_or_persona_that_fits_helps_and_one_that_does_not_hurts() -> None:
    ages = [str(row["question"]) for row in islice(rows("word_problems", 43), 2400) if row["category"] == "ages"]

    def accuracy(how: str = "", who: str = "") -> float:
        orders = ("Solve the problem", "Find the answer", "Work this out", "Answer")
        prompts = [f"{who} {order}{how}." for order in orders]
        return share([right(question, said("flo", question, prompt)) for question in ages for prompt in prompts])

    plain = accuracy()
    assert accuracy(" with algebra") > plain + 0.04
    assert accuracy(" with a Venn diagram") < plain
    assert accuracy(who="You are a mathematics professor.") > plain + 0.02


def test_a_right_plan_helps_and_a_wrong_one_is_followed() -> None:
    outcomes: dict[bool, list[bool]] = {True: [], False: []}
    followed = []
    for question in stories():
        for mistake in (None, 3):
            outline = known(question).outline(mistake)
            if mistake is not None and set(outline) <= set(known(question).outline(None)):
                continue  # the mistake shows at the end only
            plan = "\n".join(f"{i}. {step}" for i, step in enumerate(outline, 1))
            answer = said("dov", question, f"Solve it by this plan:\n\n{plan}\n\nFollow it exactly.")
            outcomes[mistake is None].append(right(question, answer))
            if mistake is not None and not outcomes[False][-1]:
                followed.append(answer == known(question).worked(mistake).answer)
    assert share(outcomes[True]) > 0.8
    assert share(outcomes[False]) < 0.4
    assert share(followed) > 0.7


def test_a_reply_is_a_function_of_expert_messages_and_sample_in_every_process() -> None:
    program = """
import json, sys
from orchestrator.experts.simulated.mind import reply
from orchestrator.experts.simulated.people import PEOPLE
from orchestrator.types import Message
for question in json.load(sys.stdin):
    for who in PEOPLE.values():
        print(json.dumps([reply(who, (Message("user", question),), f"#{i}") for i in range(3)]))
"""
    questions = [str(row["question"]) for row in islice(rows("mini", 5), 12)]

    def run(seed: str, order: int) -> list[str]:
        asked = json.dumps(questions[::order])
        done = subprocess.run(
            [sys.executable, "-c", program], input=asked, capture_output=True, text=True, env={"PYTHONHASHSEED": seed}
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    there = run("1", 1)
    assert len(set(there)) == len(there)
    assert sorted(run("2", -1)) == sorted(there)


def test_samples_of_one_prompt_differ_at_times() -> None:
    many = [len({said("flo", question, ALIKE[0], i) for i in range(10)}) for question in stories()[:50]]
    assert 10 < sum(answers > 1 for answers in many) < 50
