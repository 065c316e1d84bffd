"""The recorded pools, where they are at hand."""

from __future__ import annotations

import gzip
import json
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from orchestrator.evals.case import part_of, split_of
from orchestrator.evals.grading import grade
from orchestrator.evals.sets import CaseSet, open_set
from orchestrator.sandbox import Sandbox

COUNTS = {
    "blocksworld": 267,
    "blocksworld_3": 54,
    "crux_o": 397,
    "game24": 51,
    "gsm8k": 675,
    "humaneval": 80,
    "math_l5": 364,
    "mmlu_pro": 5305,
    "mystery_blocksworld": 255,
    "mystery_blocksworld_3": 40,
}


def pool(shared: Path, name: str) -> CaseSet:
    return open_set(str(shared / "replay" / f"{name}.problems.jsonl.gz"))


def rows(shared: Path, name: str) -> list[dict[str, Any]]:
    with gzip.open(shared / "replay" / f"{name}.problems.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@pytest.mark.parametrize("name", COUNTS)
def test_every_pool_opens_with_unique_ids_and_all_cases_gradable(shared: Path, name: str) -> None:
    cases = list(pool(shared, name))
    assert len(cases) == len({case.problem.id for case in cases}) == COUNTS[name]
    assert all(case.gradable for case in cases)


@pytest.mark.parametrize("name", COUNTS)
def test_parts_and_splits_follow_the_rule(shared: Path, name: str) -> None:
    for row, case in zip(rows(shared, name), pool(shared, name), strict=True):
        key = row["meta"].get("split_key") or row["id"]
        assert (case.part, case.split) == (row["part"], row["split"]) == (part_of(key), split_of(key))


@pytest.mark.parametrize("name", COUNTS)
def test_no_problem_holds_what_only_the_grader_may_see(shared: Path, name: str) -> None:
    for row, case in zip(rows(shared, name), pool(shared, name), strict=True):
        problem = case.problem
        texts = [message.text for message in problem.messages] + [str(value) for value in problem.meta.values()]
        assert problem.meta.keys() <= {"entry_point", "pddl_instance", "pddl_domain", "codet_prompt", "answer_format"}
        secrets = [row["meta"].get("rationale"), row.get("tests")]
        if problem.kind in ("code", "plan"):
            secrets.append(row["answer"].strip())
        assert not [secret for secret in secrets if secret and any(secret in text for text in texts)]
        assert row["question"].strip() in problem.prompt


async def test_canonical_programs_pass_the_hidden_tests(shared: Path, box: Sandbox) -> None:
    for case in pool(shared, "humaneval"):
        assert await grade(case, case.reference.answer, box) is True
        assert await grade(case, f"def {case.reference.entry_point}(*arguments):\n    return None\n", box) is False


@pytest.mark.parametrize("name", ["blocksworld", "mystery_blocksworld_3"])
async def test_reference_plans_are_valid_and_shorter_ones_are_not(shared: Path, name: str) -> None:
    for case in islice(pool(shared, name), 20):
        plan = (case.reference.answer or "").strip()
        assert await grade(case, plan) is True
        assert await grade(case, "\n".join(plan.splitlines()[:-1])) is False


@pytest.mark.parametrize("name", ["mmlu_pro", "gsm8k", "crux_o", "math_l5"])
async def test_every_reference_equals_itself(shared: Path, name: str) -> None:
    for case in islice(pool(shared, name), 200):
        assert await grade(case, case.reference.answer) is True
        assert await grade(case, None) is False


WRONG_ON_RECORD = """
    83 gpt-4 reflexion-ucs; 86 gpt-4 reflexion-ucs-v2; 115 gpt-4 reflexion-ucs; 120 gpt-4 reflexion-ucs-v2;
    121 gpt-4 reflexion-ucs; 121 gpt-4 reflexion-ucs-v2; 126 gpt-4 reflexion-ucs; 127 gpt-4 reflexion-ucs-v2;
    133 gpt-4 reflexion-ucs; 133 gpt-4 reflexion-ucs-v2; 133 gpt-4 simple-v2; 133 text-davinci-003 simple;
    143 text-davinci-003 simple; 150 text-davinci-003 simple; 155 gpt-4 reflexion-ucs; 163 gpt-4 reflexion-ucs-v2
"""
"""Programs on which Python itself, given the stub, the text and the official tests, contradicts the record."""


async def test_recorded_verdicts_on_programs_are_met(shared: Path, box: Sandbox) -> None:
    """Whole programs and bare bodies of functions, as models wrote them."""
    cases = {case.problem.id: case for case in pool(shared, "humaneval")}
    with gzip.open(shared / "replay" / "humaneval.generations.jsonl.gz", "rt", encoding="utf-8") as lines:
        generations = [g for g in map(json.loads, lines) if not g["expert"].startswith("codegen")]
    assert len(generations) == 560
    others = set()
    for generation in generations:
        key = f"{generation['problem_id'].partition('/')[2]} {generation['expert']} {generation['prompt_style']}"
        if await grade(cases[generation["problem_id"]], generation["text"], box) is not generation["correct"]:
            others.add(key)
    assert others == {key.strip() for key in WRONG_ON_RECORD.replace("\n", " ").split(";")}
