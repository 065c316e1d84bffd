from __future__ import annotations

from collections.abc import Callable
from textwrap import dedent
from typing import Any

import pytest

from orchestrator.answers import code
from orchestrator.types import Message, Problem

STUB = dedent("""\
    from typing import List


    def double(xs: List[int]) -> List[int]:
        '''Twice each.
        >>> double([1])
        [2]
        '''
    """)
ASKED = Problem("p", (Message("user", "Write f."),), "code", meta={"entry_point": "f"})
STUBBED = Problem("p", (Message("user", STUB),), "code", meta={"entry_point": "double"})
FREE = Problem("p", (Message("user", "Write a program."),), "code")


def program(problem: Problem, text: str) -> str | None:
    found = code.read(problem, text)
    return found.value if found else None


def fence(body: str, mark: str = "```") -> str:
    return f"\n{mark}python\n{body}\n{mark}\n"


def doubles(found: str | None) -> bool:
    assert found is not None
    names: dict[str, Any] = {}
    exec(found, names)  # a program of this file, not of a model
    return names["double"]([1, 2]) == [2, 4]


def test_the_longest_block_that_defines_the_entry_point() -> None:
    long = "def f(x):\n    y = x + 1\n    return y"
    tests = "def g(): return f(1) + f(2) + f(3) + f(4)"
    text = f"{fence('def f(x): return x')} better: {fence(long)} tests: {fence(tests)}"
    assert program(ASKED, text) == long + "\n"


def test_a_block_that_does_not_compile_is_passed_over() -> None:
    assert (
        program(ASKED, fence("def f(x):\n    return x +\n    # a long broken one") + fence("def f(x): return x"))
        == "def f(x): return x\n"
    )
    assert program(ASKED, fence("def f(x) return x")) is None


def test_a_function_without_a_body_is_no_program() -> None:
    assert program(ASKED, fence('def f(x):\n    """Only words."""')) is None


@pytest.mark.parametrize("body", ["class f:\n    pass", "f = lambda x: x", "f: int = 3", "async def f(): return 1"])
def test_whatever_binds_the_entry_point_defines_it(body: str) -> None:
    assert program(ASKED, fence(body)) is not None


def test_without_an_entry_point_the_last_block_that_compiles() -> None:
    assert program(FREE, fence("a = 1") + fence("b = 2") + fence("not python here")) == "b = 2\n"


@pytest.mark.parametrize("mark", ["```", "~~~", "````"])
def test_fences_of_any_kind_and_depth(mark: str) -> None:
    assert (
        program(FREE, f"1. Do this:\n\n   {mark}py\n   x = 1\n   if x:\n       y = 2\n   {mark}\n")
        == "x = 1\nif x:\n    y = 2\n"
    )


def test_an_open_fence_runs_to_the_end() -> None:
    assert program(ASKED, "```python\ndef f(x): return x\n") == "def f(x): return x\n"


def test_text_without_a_fence_counts_only_if_it_compiles() -> None:
    assert program(ASKED, "def f(x):\n    return x") == "def f(x):\n    return x\n"
    assert program(ASKED, "Here it is:\ndef f(x):\n    return x") is None
    assert program(FREE, "Sorry") is None
    assert program(FREE, "I cannot do that.") is None


@pytest.mark.parametrize(
    "reply",
    [
        "    return [2 * x for x in xs]\n",
        "    return [2 * x for x in xs]\n\n\nprint(double([1]))\nthis runs on",
        "    return [2 * x for x in xs]\n# some tests\ndef check(",
        fence("    return [2 * x for x in xs]"),
        fence("return [2 * x for x in xs]"),
        fence("out = []\nfor x in xs:\n    out.append(2 * x)\nreturn out"),
        fence("def double(xs: List[int]) -> List[int]:\n    return [2 * x for x in xs]"),
        STUB + "    return [2 * x for x in xs]\n",
    ],
)
def test_what_continues_a_stub_is_joined_to_it(reply: str) -> None:
    assert doubles(program(STUBBED, reply))


def test_what_the_stub_has_before_its_function_is_put_before_a_program_that_lacks_it() -> None:
    body = "def double(xs: List[int]) -> List[int]:\n    return [2 * x for x in xs]"
    bare, full = code.read(STUBBED, fence(body)), code.read(STUBBED, fence("from typing import List\n" + body))
    assert bare is not None
    assert full is not None
    assert bare.value.startswith("from typing import List\n")
    assert bare.key == full.key


def test_words_after_a_stub_are_no_body() -> None:
    assert program(STUBBED, "Sorry") is None
    assert program(STUBBED, "") is None


def test_a_stub_inside_instructions_is_found() -> None:
    asked = Problem(
        "p", (Message("user", f"Complete this:\n```python\n{STUB}```\n"),), "code", meta={"entry_point": "double"}
    )
    assert doubles(program(asked, "    return [2 * x for x in xs]\n"))


def test_layout_comments_and_docstrings_do_not_change_the_key() -> None:
    plain = "def f(x):\n    return x + 1"
    dressed = 'def f(x):  # adds\n    """Adds."""\n\n    return (x\n            + 1)\n'
    keys = {found.key for text in (plain, dressed) if (found := code.read(ASKED, fence(text)))}
    assert len(keys) == 1
    assert code.same(ASKED, plain, dressed)
    assert not code.same(ASKED, plain, plain.replace("1", "2"))


@pytest.mark.parametrize(
    "hostile",
    [
        "(" * 9000,
        "x = " + "(" * 9000 + ")" * 9000,
        "x = " + "-" * 9000 + "1",
        "x = " + "not " * 9000 + "1",
        "x" + ".y" * 30000,
        "x = 1" + " + 1" * 20000,
        "x = " + "lambda: " * 9000 + "1",
        "x = '\ud800'",
        "\x00",
        "if x:\n pass\n" + "elif x:\n pass\n" * 3000,
        "x = " + "9" * 9000,
        "y\n" * 60000,
    ],
)
def test_no_source_harms_the_process_that_compiles_it(hostile: str) -> None:
    found = code.read(FREE, fence(hostile))
    assert found is None or found.key


def test_a_sum_of_many_terms_still_has_a_key() -> None:
    assert code.read(FREE, fence("x = 1" + " + 1" * 400)) is not None


def test_a_sum_of_many_terms_may_stand_under_a_stub() -> None:
    found = code.read(STUBBED, fence(f"def double(xs):\n    return [2 * x for x in xs] or {'+'.join(['1'] * 2000)}"))
    assert found is not None
    assert found.value.startswith("from typing import List\n")


def test_every_recorded_solution_that_passed_is_read(recorded: Callable[..., Any]) -> None:
    unread = total = 0
    for row, generation in recorded("humaneval", 40):
        asked = Problem(
            row["id"], (Message("user", row["question"]),), "code", meta={"entry_point": row["entry_point"]}
        )
        if generation["correct"]:
            total += 1
            unread += code.read(asked, generation["text"]) is None
    assert total > 50
    assert unread == 0


def test_fenced_keeps_blocks_apart() -> None:
    text = dedent("""
        ````markdown
        ```python
        inner = 1
        ```
        ````
        ```
        second
        ```
        """)
    assert code.fenced(text) == ["```python\ninner = 1\n```\n", "second\n"]
