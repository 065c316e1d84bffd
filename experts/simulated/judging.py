"""What experts say of answers that others gave: scores, verdicts, choices, and an answer made of several."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from .asks import Wanted
from .closing import closing, filled
from .family import Worked
from .faults import Attempt

_OWN_VOTE = 1.5
"""What an expert's own result counts against the answers listed."""
_EASIER = 0.7
"""Checking is easier than solving, standard deviations."""


def score(attempt: Attempt, want: Wanted) -> str:
    """A number on the scale that the prompt names."""
    text = want.candidates[0][1] if want.candidates else attempt.instruction
    good = _holds(attempt, text)
    share = {True: 0.9, False: 0.2, None: 0.1}[good] + 0.15 * (attempt.chance("score") - 0.5)
    value = round(want.scale * min(1.0, max(0.0, share))) if want.scale > 1 else round(min(1.0, max(0.0, share)), 2)
    reason = (
        "The result agrees with mine." if good else "I get another result." if good is False else "No result is given."
    )
    if want.json:
        return f'{{"reason": "{reason}", "score": {value}}}'
    return str(value) if want.alone else f"{reason}\n{filled(attempt.instruction, str(value), 'Score: {}')}"


def verdict(attempt: Attempt, want: Wanted) -> str:
    """Right or wrong, in the words that the prompt offers."""
    text = want.candidates[0][1] if want.candidates else attempt.instruction
    good = _holds(attempt, text) is True
    lower = attempt.instruction.lower()
    words = ("Yes", "No") if "yes or no" in lower else ("Correct", "Incorrect")
    word = words[0] if good else words[1]
    word = f"[{word}]" if "[correct]" in lower else word
    return word if want.alone else f"{'My own result agrees.' if good else 'My own result is another one.'}\n{word}"


def pair(attempt: Attempt, want: Wanted) -> str:
    """The better one of two; where both seem alike, the first one a little more often."""
    labels = [label for label, _ in want.candidates]
    good = [_holds(attempt, text) is True for _, text in want.candidates]
    first = good[0] if good[0] != good[1] else attempt.chance("pair") < 0.6
    label = labels[0] if first else labels[1]
    if want.alone:
        return label
    reason = "Its result agrees with mine." if good[0] != good[1] else "Both are much alike; this one is clearer."
    return f"{reason}\n{filled(attempt.instruction, label, 'The better one is {}')}"


def likeness(attempt: Attempt, want: Wanted) -> str:
    """Whether two answers come from one line of thought; who errs about the problem takes them for alike."""
    known = attempt.known
    first, second = (known.recognised(text) for _, text in want.candidates)
    alike = attempt.mistake(ease=_EASIER) is not None or (first == second and first != -1)
    word = "Yes" if alike else "No"
    return word if want.alone else f"Both were read side by side.\n{word}"


def pick(attempt: Attempt, want: Wanted) -> str:
    """The first of the responses that most others agree with; where none agree, the first that looks sound."""
    answers = [attempt.known.answer_in(text) for _, text in want.candidates]
    counts = Counter(_folded(answer) for answer in answers if answer is not None)
    best = max(counts, key=counts.__getitem__) if counts else None
    place = next((i for i, answer in enumerate(answers) if answer is not None and _folded(answer) == best), 0)
    if best is None or counts[best] == 1:  # nobody agrees, as in plans
        hopes = [_hope(attempt, text) for _, text in want.candidates]
        place = hopes.index(max(hopes))
    if attempt.chance("pick") < 0.05:
        place = attempt.rng("slip").randrange(len(answers))
    label = want.candidates[place][0]
    if want.alone:
        return label
    agree = counts[best] if best is not None else 0
    said = f"{agree} of the {len(answers)} responses come to the same result."
    return f"{said}\n{filled(attempt.instruction, label, 'The most consistent response is Response {}')}"


def ranking(attempt: Attempt, want: Wanted) -> str:
    """All responses from the best to the worst."""
    order = sorted(want.candidates, key=lambda each: {True: 0, False: 1, None: 2}[_holds(attempt, each[1])])
    return " > ".join(f"[{label}]" for label, _ in order)


def _hope(attempt: Attempt, text: str) -> int:
    """What the expert thinks of a plan: 2 where it finds no mistake, 0 where it finds one, 1 of what is no plan."""
    which = replace(attempt, instruction=text).planned
    if which is None:
        return 1
    return 0 if which >= 0 and attempt.mistake(ease=_EASIER) is None else 2


def outlook(attempt: Attempt, want: Wanted) -> str:
    """Whether a beginning can still lead to the answer, or an answer is right."""
    if want.candidates:
        return {True: "sure", False: "impossible", None: "likely"}[_holds(attempt, want.candidates[0][1])]
    which = attempt.planned
    if which is not None and which >= 0 and attempt.mistake(ease=_EASIER) is None:
        return "impossible"
    return "sure" if which == -1 else "likely"


def synthesis(attempt: Attempt, want: Wanted) -> str:
    """An answer out of several: the one with most support, the expert's own result among the voices."""
    own = attempt.known.worked(attempt.mistake(ease=0.3))
    votes: Counter[str] = Counter()
    texts: dict[str, str] = {}
    for _, text in want.candidates:
        answer = attempt.known.answer_in(text)
        if answer is not None:
            votes[_folded(answer)] += 2
            texts.setdefault(_folded(answer), answer)
    mine = _folded(own.answer)
    votes[mine] += int(2 * _OWN_VOTE)
    texts.setdefault(mine, own.answer)
    best = max(votes, key=votes.__getitem__)
    return _synthesised(attempt, want, own, texts[best], best == mine)


def _synthesised(attempt: Attempt, want: Wanted, own: Worked, answer: str, mine: bool) -> str:
    kind = attempt.known.task.kind
    if mine:
        reason = "Working it through again:\n" + "\n".join(own.steps)
    else:
        reason = f"Most of the {len(want.candidates)} responses come to the same result, and their reasoning holds."
    return f"{reason}\n{closing(attempt.instruction, kind, answer)}"


def _holds(attempt: Attempt, text: str) -> bool | None:
    """Whether the expert takes an answer for right: it agrees with the solution, or with the expert's own mistake."""
    mistake = attempt.mistake(ease=_EASIER)
    if mistake is None:
        return attempt.known.right(text)
    answer = attempt.known.answer_in(text)
    return None if answer is None else _folded(answer) == _folded(attempt.known.worked(mistake).answer)


def _folded(answer: str) -> str:
    return " ".join(answer.casefold().split()).strip("() .")
