"""A user's own prompts in the place of shipped ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator import BadPrompt, ConfigError, UnknownName, asolve
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.own_prompts import SHIPPED, PromptSource, prompt_files, read_own_prompts
from orchestrator.prompts import load_prompts

MINE = """
[cot.answer]
text = "Speak like a pirate. $problem"
system = "Arr."
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "mine.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_template_stands_in_for_the_shipped_one_and_the_others_stay(tmp_path: Path) -> None:
    source = read_own_prompts(written(tmp_path, '[judge.rate]\ntext = "Rate $answer for $problem"'))
    mine, shipped = source("judge"), load_prompts("orchestrator.strategies", "judge")
    assert mine.rate.text == "Rate $answer for $problem"
    assert {name: mine[name] for name in mine if name != "rate"} == {n: shipped[n] for n in shipped if n != "rate"}
    assert source("judge") is mine
    assert source("cot") is SHIPPED("cot") is load_prompts("orchestrator.strategies", "cot")


async def test_the_expert_is_asked_in_the_user_s_words(tmp_path: Path) -> None:
    expert = ScriptedExpert(lambda request: "The answer is 4.")
    await asolve("2 + 2?", kind="number", experts=[expert.value], strategy="cot", prompts=written(tmp_path, MINE))
    (request,) = expert.requests
    assert [(m.role, m.text) for m in request.messages] == [("system", "Arr."), ("user", "Speak like a pirate. 2 + 2?")]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[", "mine.toml: "),
        ("cot = 3", "mine.toml: [cot] should hold tables [cot.TEMPLATE], each with a text"),
        ("[cot]\ntext = 'x'", "mine.toml: [cot] should hold tables [cot.TEMPLATE]"),
        ("[cot.answer]\nsystem = 'x'", "mine.toml: [cot.answer] needs a text"),
        ("[cot.answer]\ntext = 'x'\nspeed = 3", "mine.toml: [cot.answer] has an unknown key 'speed'"),
        ("[cot.answer]\ntext = 'x'\nsystem = 3", "mine.toml: [cot.answer] system must be a text"),
        ("[cot.answer]\ntext = 'costs $5'", "mine.toml: [cot.answer] has a stray '$'"),
        ("[cot.answer]\ntext = '$plan'", "mine.toml: [cot.answer] uses $plan, which is not filled in here; there is $"),
    ],
    ids=range(8),
)
def test_what_is_wrong_is_said_with_file_and_table(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(BadPrompt) as caught:
        read_own_prompts(written(tmp_path, text))
    assert str(caught.value).startswith(f"{tmp_path}/{complaint}")
    assert "\n" not in str(caught.value)


def test_unknown_names_get_a_suggestion(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match=r"'plansaerch'.*'plansearch'"):
        read_own_prompts(written(tmp_path, "[plansaerch.answer]\ntext = 'x'"))
    with pytest.raises(UnknownName, match=r"'anwser'.*answer"):
        read_own_prompts(written(tmp_path, "[cot.anwser]\ntext = 'x'"))


def test_prompts_of_an_installed_strategy_are_taken_on_trust_until_they_are_used(tmp_path: Path) -> None:
    source = read_own_prompts(written(tmp_path, "[theirs.ask]\ntext = 'x'"), ("theirs",))
    assert source.own["theirs"]["ask"].text == "x"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nosuch\.toml: No such file"):
        read_own_prompts(tmp_path / "nosuch.toml")
    (tmp_path / "latin.toml").write_bytes("[cot.answer]\ntext = 'Gr\u00f6\u00dfe'".encode("latin-1"))
    with pytest.raises(BadPrompt, match=r"latin\.toml: not UTF-8 text"):
        read_own_prompts(tmp_path / "latin.toml")


def test_a_manifest_holds_them_whole(tmp_path: Path) -> None:
    source = read_own_prompts(written(tmp_path, MINE))
    assert PromptSource.recalled(source.to_json(), source.source).own == source.own


def test_every_shipped_file_is_named() -> None:
    assert {"cot", "judge", "plansearch"} <= set(prompt_files())
