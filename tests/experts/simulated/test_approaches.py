"""What simulated experts make of prompts about approaches and personas."""

from __future__ import annotations

import pytest

from orchestrator import Orchestrator, Problem, asolve
from orchestrator.evals.lesson import lessons_of
from orchestrator.evals.sets import open_set
from orchestrator.experts.simulated.asks import Ask, wanted
from orchestrator.prompts import load_prompts
from orchestrator.strategies._approaches import parse_book
from orchestrator.types import Message

PROMPTS = {name: load_prompts("orchestrator.strategies", name) for name in ("div_se", "idiv_se")}
GUIDES = {
    "plain": PROMPTS["div_se"]["plain"].render({})[0],
    "approach": PROMPTS["div_se"]["approach"].render({"approach": "working backwards"})[0],
    "persona": PROMPTS["div_se"]["persona"].render({"persona": "an accountant"})[0],
    "examples": "Example 1.\nWhat is 3 x 4?\n\nApproach 1: Adding\n3 x 4 = 12. The answer is 12",
    "approaches": PROMPTS["idiv_se"]["approaches"].render(
        {"count": "2", "approaches": "Approach 1: Algebra\nApproach 2: Working backwards, as a cook would"}
    )[0],
    "choose": PROMPTS["idiv_se"]["choose"].render({"count": "3"})[0],
}


@pytest.mark.parametrize("kind", ["number", "choice", "text", "code", "plan", "game24", "json", "expression"])
@pytest.mark.parametrize(
    ("file", "template", "guide", "ask"),
    [
        ("div_se", "solve", "plain", "answer"),
        ("div_se", "solve", "approach", "answer"),
        ("div_se", "solve", "persona", "answer"),
        ("div_se", "approaches", "", "approaches"),
        ("div_se", "personas", "", "personas"),
        ("div_se", "rewrite", "approach", "answer"),
        ("idiv_se", "solve", "approaches", "sections"),
        ("idiv_se", "solve", "choose", "sections"),
    ],
)
def test_every_prompt_is_understood(file: str, template: str, guide: str, ask: Ask, kind: str) -> None:
    problem = Problem("p", (Message("user", ""),), kind)  # type: ignore[arg-type]
    slots = {
        "problem": "",
        "format": problem.format,
        "guide": GUIDES.get(guide, ""),
        "count": "3",
        "others": "",
        "known": PROMPTS["div_se"]["known"].render({"answer": "24"})[0],
    }
    assert wanted(PROMPTS[file][template].render(slots)[0], False).ask == ask


@pytest.mark.parametrize("name", ["word_problems", "logic_grid", "choice", "blocksworld", "game24", "code"])
async def test_a_book_is_prepared_and_used_on_every_family(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    cases = list(open_set(f"{name}:limit=8"))
    path = tmp_path_factory.mktemp("books") / "book.toml"
    async with Orchestrator(experts=["sim:ada"]) as orchestrator:
        lessons = list(lessons_of(cases[:6], orchestrator.sandbox))
        spec = "div_se(size=2, elicitations=3, approaches=2, personas=1, validation=3, examples=1)"
        path.write_text(await orchestrator.prepare(spec, lessons), encoding="utf-8")
    book = parse_book(path.read_text(encoding="utf-8"), str(path))
    assert (len(book.approaches), len(book.personas), len(book.pairs)) == (2, 1, 2)
    assert any(pair.right for pair in (*book.pairs, *book.spares))
    for strategy in ("div_se", "idiv_se"):
        out = await asolve(cases[7].problem, experts=["sim:ada"], strategy=f"{strategy}(book='{path}')")
        assert [scored.candidate.key is not None for scored in out.candidates] == [True, True]
