"""What simulated experts think of plans, and of answers that are called sure or impossible."""

from __future__ import annotations

from collections import Counter

from orchestrator.experts.simulated.known import Known
from orchestrator.experts.simulated.mind import reply
from orchestrator.experts.simulated.people import PEOPLE
from orchestrator.experts.simulated.reading import read
from orchestrator.types import Message

STORY = (
    "Nora buys 3 pens at $2 each and 4 books at $5 each. She pays with $50. How many dollars of change does she get?"
)
LABELS = "Close with one word: sure, likely or impossible."


def known() -> Known:
    found = read((Message("user", STORY),))
    assert found is not None
    return found.known


def said(text: str) -> Counter[str]:
    """What all of them say, in several samples."""
    message = (Message("user", f"{STORY}\n\n{text}"),)
    return Counter(reply(person, message, f"#{i}") for person in PEOPLE.values() for i in range(10))


def plan(mistake: int | None) -> str:
    return "\n".join(f"{i}. {step}" for i, step in enumerate(known().outline(mistake), 1))


def wrong() -> int:
    right = known().outline(None)
    return next(i for i in range(12) if known().outline(i) != right)


def test_an_answer_is_called_sure_or_impossible() -> None:
    right = said(f"Candidate 1:\nThe answer is 24.\n\nIs it right? {LABELS}")
    false = said(f"Candidate 1:\nThe answer is 25.\n\nIs it right? {LABELS}")
    assert right.most_common(1)[0][0] == "sure"
    assert false.most_common(1)[0][0] == "impossible"


def test_of_two_plans_the_one_without_a_mistake_is_named_wherever_it_stands() -> None:
    for place, order in enumerate(([None, wrong()], [wrong(), None])):
        texts = "\n\n".join(f"Candidate {i}:\n{plan(which)}" for i, which in enumerate(order, 1))
        votes = said(f'{texts}\n\nWhich one of these plans is the best? Close with "The best choice is N".')
        named = Counter(text.rpartition("The best choice is ")[2][:1] for text in votes.elements())
        assert named.most_common(1)[0][0] == str(place + 1)
