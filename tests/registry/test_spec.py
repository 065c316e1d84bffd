from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import ConfigError
from orchestrator.registry import Spec, Value, parse
from orchestrator.registry.spec import Given, parse_value, render

WORDS = st.text(string.ascii_lowercase + "_", min_size=1, max_size=8).filter(
    lambda word: word.isidentifier() and render(word) == word
)
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20)
)
# A string of word form reads back as a bare word; `words` below makes both the same.
VALUES = st.recursive(
    SCALARS | WORDS.map(Spec),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
        | st.builds(Spec, WORDS, st.dictionaries(WORDS, inner, max_size=3))
    ),
    max_leaves=8,
)


def words(value: Value | Given) -> Value:
    match value:
        case Spec(args={**args}) if not args:
            return value.name
        case Spec():
            return Spec(value.name, {key: words(item) for key, item in value.args.items()})
        case list():
            return [words(item) for item in value]
        case dict():
            return {key: words(item) for key, item in value.items()}
    assert not isinstance(value, Given)
    return value


def test_every_form_of_value_is_read() -> None:
    spec = parse('plan(a=1, b=-2.5, c=true, d=none, e="x y", f=word, g=[1, "z"], h=cot(depth=1), i={k: 2}, j=(1,))')
    assert spec.name == "plan"
    assert dict(spec.args) == {
        "a": 1,
        "b": -2.5,
        "c": True,
        "d": None,
        "e": "x y",
        "f": Spec("word"),
        "g": [1, "z"],
        "h": Spec("cot", {"depth": 1}),
        "i": {"k": 2},
        "j": [1],
    }


@pytest.mark.parametrize("text", ["cot", " cot ", "cot()"])
def test_a_name_alone_has_no_settings(text: str) -> None:
    assert parse(text) == Spec("cot")
    assert str(parse(text)) == "cot"


def test_a_third_partys_name_may_have_dots_and_dashes() -> None:
    assert parse("my-idea.v2(depth=1)") == Spec("my-idea.v2", {"depth": 1})


@pytest.mark.parametrize(
    "word",
    [
        "profiles.json", "./profiles.json", "~/team/profiles.json", "/tmp/a-b/p.json", "../x", "openai/gpt-4o-mini",
        "ollama_chat/qwen3:8b", "my-idea", "a.b-c_d.toml", "2026-11/book.toml",
    ],
)  # fmt: skip
def test_a_path_or_an_id_needs_no_quotes(word: str) -> None:
    assert parse(f"x(file={word}, n=1)") == Spec("x", {"file": word, "n": 1})
    assert parse(f"x(inner=y(file={word}))") == Spec("x", {"inner": Spec("y", {"file": word})})
    assert parse_value(f"[{word}, '{word}']") == [word, word]


@pytest.mark.parametrize(
    ("text", "value"), [("-0.5", -0.5), ("1e-5", 1e-5), (".5", 0.5), ("2.", 2.0), ("cot", Spec("cot"))]
)
def test_a_number_or_a_name_is_no_text(text: str, value: Value) -> None:
    assert parse_value(text) == value


def test_quoted_text_stays_as_it_is() -> None:
    assert parse(r"""x(a="b/c, d='e/f'", g='h.j"k')""") == Spec("x", {"a": "b/c, d='e/f'", "g": 'h.j"k'})


@given(VALUES)
def test_a_rendered_value_reads_back(value: Value) -> None:
    assert words(parse_value(render(value))) == words(value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "(",
        "plan(",
        "plan(depth=1",
        "plan(depth=1))",
        "plan(depth=1) or cot",
        "plan(depth=1)(x=2)",
        "plan(depth=__import__('os').system('true'))",
        "plan(depth=1+1)",
        "plan(depth=lambda: 1)",
        "plan(depth=[x for x in y])",
        "plan(depth=f'{x}')",
        "plan(depth=b'x')",
        "plan(depth=1j)",
        "plan(depth=...)",
        "plan(class=1)",
        "plan(depth=" + "(" * 300 + ")" * 300 + ")",
        "plan(depth=" + "-" * 3000 + "1)",
        "plan(text='" + "x" * 5000 + "')",
        "plan(d={1: 2})",
        "plan(\0)",
        "a b",
    ],
)
def test_what_is_no_spec_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize("text", ["plan(1)", "plan(**x)", "plan(*x)"])
def test_settings_need_names(text: str) -> None:
    with pytest.raises(ConfigError, match="every setting needs its name"):
        parse(text)


def test_typed_text_reads_as_a_value_first_and_as_itself_second() -> None:
    assert Given("4").readings() == [4, "4"]
    assert Given("two words").readings() == ["two words"]
