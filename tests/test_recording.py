"""Recorded completions behind their prompts."""

from __future__ import annotations

import pytest

from orchestrator.recording import Joining

CUT = 'completion of meta.stub, cut at the first of "\\nclass" "\\ndef" "\\nprint" before running'


def test_a_completion_ends_before_the_first_stop() -> None:
    joining = Joining.of(CUT)
    assert joining == Joining("stub", ("\nclass", "\ndef", "\nprint"))
    assert joining.joined("def f():\n", "    return 1\n\nprint(f())\ndef g(): ...") == "def f():\n    return 1\n"


def test_without_a_stop_in_it_it_is_whole() -> None:
    joining = Joining.of("completion of meta.stub")
    assert joining is not None
    assert joining.joined("a", "b\ndef c(): ...") == "ab\ndef c(): ..."


@pytest.mark.parametrize("note", ["", "whole program", "the completion of meta.stub"])
def test_other_notes_say_nothing_of_a_prompt(note: str) -> None:
    assert Joining.of(note) is None
