from __future__ import annotations

import pytest

from orchestrator.evals.stub import prelude_of, program_of

STUB = (
    'from typing import List\n\ndef helper(x):\n    return x\n\n\ndef double(x: List[int]) -> int:\n    """Twice."""\n'
)


def test_what_a_stub_has_before_the_function_comes_with_an_answer_that_defines_it() -> None:
    program = program_of(STUB, "double", "def double(x):\n    return helper(x)\n")
    assert program.startswith("from typing import List\n\ndef helper(x):")
    assert program.endswith("def double(x):\n    return helper(x)\n")
    assert '"""Twice."""' not in program


def test_an_import_from_the_future_stays_first() -> None:
    answer = "from __future__ import annotations\ndef double(x): ..."
    assert program_of(STUB, "double", answer) == answer


def test_any_other_answer_is_the_function_s_body() -> None:
    assert program_of(STUB, "double", "    return 2 * x") == STUB + "    return 2 * x"


def test_a_prompt_in_words_adds_nothing() -> None:
    assert program_of("Write double(x).", "double", "    return 1") == "    return 1"


@pytest.mark.parametrize("answer", ["def double(x): ...", "double = sum", "class double: ..."])
def test_a_definition_is_seen(answer: str) -> None:
    assert program_of("def double(x):\n", "double", answer) == answer


def test_tests_see_what_stands_before_the_function_but_not_the_function() -> None:
    assert prelude_of(STUB, "double") == "from typing import List\n\ndef helper(x):\n    return x"
    assert prelude_of("def double(x):\n", "double") == ""


@pytest.mark.parametrize(("prompt", "entry"), [("Write double(x).", "double"), (STUB, None), ("def (:\ndef f():", "f")])
def test_without_a_stub_that_is_python_tests_see_nothing(prompt: str, entry: str | None) -> None:
    assert prelude_of(prompt, entry) == ""
