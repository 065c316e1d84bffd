"""Reading a told collaboration: its cast, and what it comes to."""

from __future__ import annotations

import pytest

from orchestrator.strategies._personas import conclusion, participants


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Participants: AI Assistant (you); Poet; Ten-year-old child", ("AI Assistant", "Poet", "Ten-year-old child")),
        ("**Participants:** AI Assistant (you), Poet, Editor.\n\nStart", ("AI Assistant", "Poet", "Editor")),
        ("### Participants\n- Poet", ()),
        ("Participants:\n- AI Assistant (you)\n- **Poet**: writes verse\n\nPoet: Hello", ("AI Assistant", "Poet")),
        ("Participants:\n1. Poet\n2. Editor - reads it", ("Poet", "Editor")),
        ("Participants: Poet and Editor", ("Poet", "Editor")),
        ("Participants: Poet; poet; POET", ("Poet",)),
        ("Fine.\nParticipants: Poet\nParticipants: Editor", ("Poet",)),
        ("Participant: Poet", ("Poet",)),
        ("The participants are gone.", ()),
        ("Participants:", ()),
        ("Participants: " + "x" * 100, ()),
        ("", ()),
    ],
)  # fmt: skip
def test_participants(text: str, names: tuple[str, ...]) -> None:
    assert participants(text) == names


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Finish collaboration!\n\nFinal answer: 42", "42"),
        ("final answer: 42", "42"),
        ("**Final Answer:** 42", "42"),
        ("Final solution:\n\nOne line\nand another\n", "One line\nand another"),
        pytest.param("Final answer: 1\nNo, wait.\nFinal answer: 2", "2", id="the last marker counts"),
        pytest.param('It follows "Final answer:".\nPoet: Go!\nFinal answer: 7', "7", id="the instruction said again"),
        pytest.param("Final answer: 7\n(Final answer:)", "7\n(Final answer:)", id="a marker without words behind it"),
        pytest.param("Poet: Yes.\nFinish collaboration!\nThe answer is (B)", "The answer is (B)", id="only the end"),
        pytest.param("Poet: I agree.\nFinish collaboration!\n", None, id="nothing behind the end"),
        pytest.param("Poet: Yes.\n\nSo the answer is (B).", "So the answer is (B).", id="a last line that says so"),
        pytest.param("So the answer is (B).\nPoet: I disagree.", None, id="a line before the last"),
        pytest.param("Poet: done\n\\boxed{3}", "\\boxed{3}", id="a box in the last line"),
        pytest.param("Participants: AI Assistant; Poet", None, id="only the cast"),
        pytest.param("Participants: AI Assistant; Poet\n\nFinal answer:\n\n", None, id="an empty answer"),
        ("", None),
    ],
)  # fmt: skip
def test_conclusion(text: str, told: str | None) -> None:
    assert conclusion(text) == told
