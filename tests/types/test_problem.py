"""Problems, and the prompts that are built from them."""

from __future__ import annotations

import tomllib
from importlib.resources import files

import pytest

from orchestrator.errors import BadPrompt, ConfigError, UnknownName
from orchestrator.types import (
    KINDS,
    Completion,
    Example,
    ImagePart,
    Message,
    Problem,
    Prompt,
    Reply,
    Template,
    TextPart,
)

PICTURE = ImagePart("https://example.org/a.png")
PLAIN = Template("plain", "$problem")


def one(text: str, **fields: object) -> Problem:
    return Problem("p", (Message("user", text),), **fields)  # type: ignore[arg-type]


def asked(problem: Problem, template: Template = PLAIN, **slots: str) -> str:
    """The last message of the prompt."""
    return problem.ask(template, **slots).messages[-1].text


class TestAsk:
    def test_the_last_user_message_is_put_into_the_template(self) -> None:
        template = Template("t", "Solve: $problem\nUse $hint.")
        assert one("1 + 1?").ask(template, hint="fingers").messages == (Message("user", "Solve: 1 + 1?\nUse fingers."),)

    def test_earlier_turns_system_and_images_stay(self) -> None:
        talk = (
            Message("system", "Be brief."),
            Message("user", (TextPart("What is this?"), PICTURE)),
            Message("assistant", "A cat."),
            Message("user", (PICTURE, TextPart("And this?"))),
        )
        assert Problem("p", talk).ask(Template("t", "[$problem]")).messages == (
            *talk[:3],
            Message("user", (TextPart("[And this?]"), PICTURE)),
        )

    def test_what_follows_the_last_user_message_stays_behind_it(self) -> None:
        talk = (Message("user", "Write it."), Message("assistant", "```python\n"))
        assert Problem("p", talk).ask(Template("t", "$problem!")).messages == (
            Message("user", "Write it.!"),
            Message("assistant", "```python\n"),
        )

    def test_without_a_user_message_the_text_is_put_behind(self) -> None:
        talk = (Message("system", "Tell a joke."),)
        assert Problem("p", talk).ask(Template("t", "Begin.$problem")).messages == (*talk, Message("user", "Begin."))

    def test_a_system_text_joins_the_system_message_that_is_there(self) -> None:
        template = Template("t", "$problem", "You are $who.")
        there = Problem("p", (Message("system", "Be brief."), Message("user", "Hi")))
        assert there.ask(template, who="a poet").messages == (
            Message("system", "Be brief.\n\nYou are a poet."),
            Message("user", "Hi"),
        )
        assert one("Hi").ask(template, who="a poet").messages == (
            Message("system", "You are a poet."),
            Message("user", "Hi"),
        )

    def test_signs_in_the_problem_and_the_slots_are_left_alone(self) -> None:
        assert asked(one("It costs $5, not $hint"), Template("t", "$problem $hint $$"), hint="$problem") == (
            "It costs $5, not $hint $problem $"
        )

    def test_a_slot_that_nobody_fills_is_named(self) -> None:
        with pytest.raises(BadPrompt, match=r"template 'plan' has \$idea, but is given \$format, \$known, \$problem"):
            one("q").ask(Template("plan", "$problem $idea"), known="x")
        with pytest.raises(BadPrompt, match=r"'plan' has \$idea"):
            one("q").ask(Template("plan", "$problem", "$idea"))
        with pytest.raises(BadPrompt, match="stray"):
            one("q").ask(Template("plan", "costs $5"))


class TestQuestion:
    def test_options_are_lettered(self) -> None:
        problem = one("Which?", kind="choice", options=("red", "blue"))
        assert problem.question == "Which?\n\n(A) red\n(B) blue"
        assert asked(problem) == problem.question

    def test_a_schema_and_public_tests_are_shown(self) -> None:
        assert '{"type":"object"}' in one("q", kind="json", schema={"type": "object"}).question
        tests = ("assert f(1) == 2", "assert f(2) == 3")
        assert one("q", kind="code", public_tests=tests).question.endswith("\n".join(tests))

    def test_examples_are_shown_unless_the_prompt_tells_them(self) -> None:
        program = Example("2\n3 4\n", "7\n")
        function = Example('[1, 2]\n"a"', "[2]", "find")
        shown = one("q", kind="code", examples=(program, function, Example("8", "9", told=True))).question
        assert shown == (
            'q\n\nIt must do as in these examples:\n\nInput:\n2\n3 4\nOutput:\n7\n\nfind([1, 2], "a") returns [2]'
        )
        assert one("q", kind="code", examples=(Example("8", "9", told=True),)).question == "q"

    def test_meta_is_not(self) -> None:
        assert "secret" not in asked(one("q", meta={"pddl_instance": "secret"}), Template("t", "$problem $format"))

    def test_the_prompt_is_the_text_of_the_last_user_message(self) -> None:
        talk = (Message("user", "one"), Message("assistant", "two"), Message("user", (TextPart("three"), PICTURE)))
        assert Problem("p", talk).prompt == "three"
        assert Problem("p", (Message("system", "x"),)).prompt == ""


class TestFormat:
    @pytest.mark.parametrize("kind", KINDS)
    def test_each_kind_says_how_a_reply_should_end(self, kind: str) -> None:
        formats = tomllib.loads(files("orchestrator.types").joinpath("formats.toml").read_text(encoding="utf-8"))
        assert one("q", kind=kind).format == formats[kind]
        assert asked(one("q", kind=kind), Template("t", "$problem|$format")).endswith(f"|{formats[kind]}")

    def test_a_form_of_the_answer_is_asked_for(self) -> None:
        told = one("q", kind="number", meta={"answer_format": "decimal with two places"}).format
        assert told.endswith("Write the answer as a decimal with two places.")

    def test_a_passage_is_no_line(self) -> None:
        told = one("q", kind="text", meta={"answer_format": "passage"}).format
        assert "below it, the whole text" in told
        assert "of the form" not in told


class TestWhatAProblemIs:
    def test_a_kind_that_there_is_not_is_named(self) -> None:
        with pytest.raises(UnknownName, match="unknown kind 'numbr' in problem 'p'; did you mean 'number'"):
            one("q", kind="numbr")

    def test_options_end_where_letters_do(self) -> None:
        options = tuple(str(i) for i in range(26))
        assert one("q", kind="choice", options=options).question.endswith("(Z) 25")
        with pytest.raises(ConfigError, match="has 27 options"):
            one("q", kind="choice", options=(*options, "more"))


class TestPrompt:
    def test_then_goes_on_after_a_reply(self) -> None:
        first = one("q").ask(PLAIN)
        goes_on = (*first.messages, Message("assistant", "reply"), Message("user", "And now?"))
        completion = Completion("reply", reasoning="hidden")
        for reply in ("reply", completion, Reply((completion, Completion("another")))):
            assert first.then(reply, "And now?").messages == goes_on
        assert len(first.messages) == 1

    def test_a_system_message_is_joined_before_or_behind(self) -> None:
        there = Prompt((Message("system", "there"), Message("user", "q")))
        assert there.with_system("new").messages[0] == Message("system", "there\n\nnew")
        assert there.with_system("new", first=True).messages[0] == Message("system", "new\n\nthere")
        empty = Prompt((Message("system", ""), Message("user", "q")))
        assert empty.with_system("new").messages == (Message("system", "new"), Message("user", "q"))
        assert Prompt(()).with_system("new").messages == (Message("system", "new"),)
