"""Prompts are files, and what is wrong with one is said when it is loaded."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from importlib.resources import files

import pytest

from orchestrator.errors import BadPrompt
from orchestrator.prompts import Prompts, load_prompts, parse_prompts
from orchestrator.types import Template

GOOD = """
[answer]
text = '''

$problem

Think of $idea. $format
'''
system = " You are $who. "
slots = ["idea", "who"]

[plain]
text = "It costs $$5: ${problem}"
"""


def test_templates_are_had_by_name_and_as_attributes() -> None:
    prompts = parse_prompts(GOOD, "mine.toml")
    assert (
        prompts.answer
        == prompts["answer"]
        == Template("answer", "$problem\n\nThink of $idea. $format", "You are $who.")
    )
    assert (list(prompts), len(prompts), prompts.source) == (["answer", "plain"], 2, "mine.toml")
    assert prompts.plain.render({"problem": "q", "format": "f"}) == ("It costs $5: q", "")


def test_a_template_that_is_not_there_is_named_with_its_file() -> None:
    prompts = parse_prompts(GOOD, "mine.toml")
    with pytest.raises(BadPrompt, match=r"mine\.toml has no template 'sketch'"):
        _ = prompts.sketch
    with pytest.raises(KeyError):
        _ = prompts["sketch"]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("[a", "mine.toml: "),
        ("a = 3", r"mine.toml: [a] needs a text"),
        ("[a]\nslots = []", "mine.toml: [a] needs a text"),
        ("[a]\ntext = 3", "mine.toml: [a] needs a text"),
        ("[a]\ntext = 'x'\ntitle = 'y'", "mine.toml: [a] has an unknown key 'title'; there are: slots, system, text"),
        ("[a]\ntext = 'x'\nsystem = 3", "mine.toml: [a] system must be a text"),
        ("[a]\ntext = '$x'\nslots = 'x'", "mine.toml: [a] slots must be a list of names"),
        ("[a]\ntext = '$x'\nslots = [3]", "mine.toml: [a] slots must be a list of names"),
        ("[a]\ntext = 'costs $5'", "mine.toml: [a] has a stray '$'; write '$$' for the sign itself"),
        ("[a]\ntext = 'x'\nsystem = 'costs $5'", "mine.toml: [a] has a stray '$'"),
        ("[a]\ntext = '$x'", "mine.toml: [a] uses ['x'] but declares slots []"),
        ("[a]\ntext = 'x'\nslots = ['x']", "mine.toml: [a] uses [] but declares slots ['x']"),
        ("[a]\ntext = 'x'\nsystem = '$x'", "mine.toml: [a] uses ['x'] but declares slots []"),
        ("[a]\ntext = 'x'\n[b]\ntext = '$y'", "mine.toml: [b] uses ['y']"),
    ],
    ids=range(14),
)
def test_what_is_wrong_is_said_with_file_and_table(content: str, complaint: str) -> None:
    with pytest.raises(BadPrompt) as caught:
        parse_prompts(content, "mine.toml")
    assert str(caught.value).startswith(complaint)
    assert "\n" not in str(caught.value)


def test_a_shipped_file_that_is_not_there_is_named() -> None:
    with pytest.raises(BadPrompt, match=r"prompts/nosuch\.toml: No such file"):
        load_prompts("orchestrator.strategies", "nosuch")


def ours() -> Iterator[str]:
    for resource in files("orchestrator.strategies").joinpath("prompts").iterdir():
        if resource.name.endswith(".toml"):
            yield resource.name.removesuffix(".toml")


@pytest.mark.parametrize("name", sorted(ours()))
def test_all_of_ours_hold(name: str) -> None:
    prompts = load_prompts("orchestrator.strategies", name)
    assert prompts
    assert load_prompts("orchestrator.strategies", name) is prompts


class TestHash:
    """A manifest hashes these bytes."""

    @staticmethod
    def of(text: str, source: str = "mine.toml") -> bytes:
        return parse_prompts(text, source).canonical()

    def test_it_changes_with_every_word_that_is_sent(self) -> None:
        changed = [
            GOOD.replace("Think of", "Think about"),
            GOOD.replace("You are", "Be"),
            GOOD.replace("[plain]", "[b]"),
        ]
        assert len({self.of(text) for text in (GOOD, *changed)}) == 4

    def test_it_does_not_with_what_is_not(self) -> None:
        answer, plain = GOOD.split("\n[plain]")
        assert self.of(f"[plain]{plain}\n# a remark\n{answer}") == self.of(GOOD) == self.of(GOOD, "other.toml")


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))], ids=range(3))
def test_they_can_be_copied(way: object) -> None:
    prompts = parse_prompts(GOOD, "mine.toml")
    other = way(prompts)  # type: ignore[operator]
    assert isinstance(other, Prompts)
    assert (dict(other), other.source) == (dict(prompts), "mine.toml")
