from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import answers
from orchestrator.answers.math import MathPool
from orchestrator.types import KINDS, Message, Problem

DOMAIN = "(define (domain d) (:action stack :parameters (?x ?y) :precondition (holding ?x) :effect (on ?x ?y)))"
INSTANCE = "(define (problem p) (:objects a b) (:init (holding a)) (:goal (on a b)))"
META: dict[str, Any] = {"entry_point": "f", "pddl_domain": DOMAIN, "pddl_instance": INSTANCE}


def asked(kind: str) -> Problem:
    options = ("one", "two") if kind == "choice" else ()
    prompt = "def f(x):\n    '''doc'''\n" if kind == "code" else "3 3 8 8"
    return Problem("p", (Message("user", prompt),), kind, options=options, meta=META)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", KINDS)
@given(text=st.text(max_size=200))
def test_every_kind_reads_any_text_and_is_a_pure_function(kind: str, text: str) -> None:
    first = answers.read_now(asked(kind), text)
    assert first == answers.read_now(asked(kind), text)
    assert first is None or first.key


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("choice", "The answer is (B)."),
        ("number", "The answer is 1,200."),
        ("expression", r"\boxed{\frac{1}{2}}"),
        ("text", "Final answer: Paris"),
        ("json", '```json\n{"b": 1, "a": [2.0]}\n```'),
        ("code", "```python\ndef f(x):\n    return x  # x\n```"),
        ("plan", "1. Stack the red block on top of the blue block."),
        ("game24", "Answer: 8/(3-8/3) = 24"),
    ],
)
async def test_the_value_read_is_the_same_answer_as_itself_and_reads_as_itself(kind: str, text: str) -> None:
    problem = asked(kind)
    reading = await answers.read(problem, text)
    assert reading is not None
    assert await answers.same(problem, reading.value, reading.value)
    again = answers.read_now(problem, reading.value)
    assert again is not None
    assert again.key == reading.key


@given(st.lists(st.sampled_from("abcd"), max_size=12))
async def test_classes_are_numbered_by_first_appearance(keys: list[str]) -> None:
    found = await answers.classes(asked("text"), keys)
    assert [sorted(set(keys), key=keys.index)[number] for number in found] == keys


async def test_rational_numbers_need_no_mathematics(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(self: MathPool, keys: Any) -> list[int]:
        raise AssertionError("the pool was asked")

    monkeypatch.setattr(MathPool, "classes", never)
    keys = [r"\frac{1}{2}", "3", "-3", "3"]
    assert await answers.classes(asked("expression"), keys) == [0, 1, 2, 1]
    assert await answers.classes(asked("number"), ["1/2", "3", "1/2"]) == [0, 1, 0]


async def test_very_long_keys_are_not_compared_by_mathematics(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    async def recorded(self: MathPool, keys: Any) -> list[int]:
        seen.extend(keys)
        return [0] * len(keys)

    monkeypatch.setattr(MathPool, "classes", recorded)
    found = await answers.classes(asked("expression"), ["x+1", "y" * 1000, "1+x", "x+1"])
    assert seen == ["x+1", "1+x"]
    assert found == [0, 1, 0, 0]


async def test_long_programs_are_read_off_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = []
    read_now = answers.read_now

    def noted(problem: Problem, text: str) -> Any:
        threads.append(threading.current_thread())
        return read_now(problem, text)

    monkeypatch.setattr(answers, "read_now", noted)
    short, long = "```python\ndef f(x): return x\n```", "```python\ndef f(x): return x\n" + "y = 1\n" * 3000 + "```"
    await answers.read(asked("code"), short)
    await answers.read(asked("code"), long)
    assert threads[0] is threading.main_thread()
    assert threads[1] is not threading.main_thread()


NASTY = (
    "the answer is ",
    "\\boxed{",
    '"answer": {',
    "```\n",
    "#### ",
    "(",
    "[",
    "1,",
    "- ",
    "answer: (",
    "$",
    "a ",
    "\n1. ",
    "not ",
)


@pytest.mark.parametrize("unit", NASTY)
@pytest.mark.parametrize("kind", KINDS)
def test_no_text_takes_long_to_read(kind: str, unit: str) -> None:
    text = unit * (40_000 // len(unit))
    started = time.process_time()
    answers.read_now(asked(kind), text)
    assert time.process_time() - started < 2


def test_seventy_thousand_choices_are_read_in_seconds(recorded: Callable[..., Any]) -> None:
    texts = [generation["text"] for _, generation in recorded("mmlu_pro", first=2000)]
    problem = Problem("p", (Message("user", "?"),), "choice", options=tuple(f"unlikely text {i}" for i in range(10)))
    started = time.process_time()
    for text in texts:
        answers.read_now(problem, text)
    assert (time.process_time() - started) / len(texts) * 74_000 < 30  # about 4 s; the rest is for busy machines
