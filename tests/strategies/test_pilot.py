"""The gate: experts that a pilot finds better off alone think alone."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from orchestrator import ConfigError, ContentFiltered, Lesson, Message, Orchestrator, Problem, Request, asolve
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.protocols import Prepared, Prepares
from orchestrator.strategies.spp import SPP
from orchestrator.strategies.spp_profile import SPPProfile
from orchestrator.types import Completion, Expert

from .planning import wide

TASKS = tuple(Problem(f"p{i}", (Message("user", f"What is twice {i}?"),), "number") for i in range(4))
LESSONS = tuple(Lesson(task, str(2 * i)) for i, task in enumerate(TASKS))
CAST = "Participants: AI Assistant (you); Accountant"


def expert(name: str, together: str, alone: str) -> Expert:
    """One that is `right`, `wrong` or stops early (`stops`), `fails`, in each of the two forms."""

    def reply(request: Request) -> str | Completion:
        text = request.messages[-1].text
        how = alone if "step by step" in text else together
        if how == "fails":
            raise ContentFiltered("no")
        if how == "stops" or request.labels.purpose == "continue":
            return CAST
        number = int(text.partition("twice ")[2].partition("?")[0])
        return f"Final answer: {2 * number + (how == 'wrong')}"

    return wide(ScriptedExpert(reply, max_n=1), name)


STRONG, WEAK, LOST = (
    expert("strong", "right", "wrong"),
    expert("maker/weak-1", "stops", "right"),
    expert("lost", "fails", "right"),
)


async def pilot(*experts: Expert, spec: str = "spp") -> str:
    async with Orchestrator(experts=list(experts)) as orchestrator:
        return await orchestrator.prepare(spec, LESSONS)


async def test_every_expert_is_tried_in_both_forms_and_gated_where_it_loses() -> None:
    table = tomllib.loads(await pilot(STRONG, WEAK, LOST))
    assert table["experts"] == {
        "strong": {"use": True, "right": 4, "ended": 4, "right_alone": 0, "problems": 4},
        "maker/weak-1": {"use": False, "right": 0, "ended": 0, "right_alone": 4, "problems": 4},
        "lost": {"use": False, "right": 0, "ended": 0, "right_alone": 4, "problems": 4},
    }
    assert table["seen"] == sorted(lesson.mark for lesson in LESSONS)


async def test_where_both_do_equally_well_they_collaborate() -> None:
    table = tomllib.loads(await pilot(expert("even", "right", "right")))
    assert table["experts"]["even"]["use"] is True


async def test_the_gate_sends_weak_experts_to_a_chain_of_thought_at_one_call(tmp_path: Path) -> None:
    path = tmp_path / "pilot.toml"
    path.write_text(await pilot(STRONG, WEAK))
    spec = f'spp(samples=2, gate="{path}")'
    out = await asolve(TASKS[3], experts=[STRONG, WEAK], strategy=spec)
    assert [scored.candidate.expert for scored in out.candidates] == ["strong", "maker/weak-1"]
    assert [scored.candidate.answer for scored in out.candidates] == ["6", "6"]
    assert out.usage.calls == 2
    assert [dict(event.facts) for event in out.trace if event.kind == "gated"] == [{"expert": "maker/weak-1"}]
    assert not [event for event in out.trace if event.kind == "fell back"]


async def test_an_expert_that_the_pilot_does_not_know_collaborates(tmp_path: Path) -> None:
    path = tmp_path / "pilot.toml"
    path.write_text(await pilot(WEAK))
    out = await asolve(TASKS[3], experts=[STRONG], strategy=f'spp(gate="{path}")')
    assert (out.answer, out.usage.calls) == ("6", 1)


async def test_what_a_user_writes_into_the_file_counts(tmp_path: Path) -> None:
    path = tmp_path / "pilot.toml"
    path.write_text('[experts."maker/weak-1"]\nuse = true\n')
    out = await asolve(TASKS[3], experts=[WEAK], strategy=f'spp(gate="{path}", fallback=none)')
    assert out.answer is None


async def test_the_form_that_is_tried_is_the_one_that_was_set() -> None:
    asked: list[str] = []

    def reply(request: Request) -> str:
        asked.append(request.messages[-1].text)
        return "Final answer: 1"

    await pilot(wide(ScriptedExpert(reply, max_n=1), "one"), spec="spp_profile(demonstrations=0)")
    together = [text for text in asked if "participants" in text]
    assert len(together) == len(LESSONS)
    assert all("profile of each" in text and "CODE" not in text for text in together)


def test_calls_of_a_pilot() -> None:
    told = SPP().preparation(20, 3)
    assert (told.least, told.expected, told.most, told.depth) == (120, 120.0, 180, 2)


async def test_it_has_the_marks_of_what_it_has_seen(tmp_path: Path) -> None:
    path = tmp_path / "pilot.toml"
    path.write_text(await pilot(WEAK))
    gated = SPPProfile(gate=path)
    assert isinstance(gated, Prepares)
    assert isinstance(gated, Prepared)
    assert set(gated.seen) == {lesson.mark for lesson in LESSONS}
    assert set(SPP().seen) == set()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"gate .*pilot\.toml: No such file"),
        ("use = ", r"gate .*pilot\.toml: Invalid value"),
        ("seen = []", r"it has no \[experts\.ID\] tables; `orchestrator prepare`"),
        ("[experts.a]\nuse = 1", r'\[experts\."a"\] needs use = true or use = false'),
    ],
    ids=["missing", "no TOML", "no experts", "no verdict"],
)
async def test_a_file_that_is_no_pilot_is_told_before_anybody_is_asked(
    tmp_path: Path, text: str | None, message: str
) -> None:
    path = tmp_path / "pilot.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        await asolve(TASKS[3], experts=[WEAK], strategy=f'spp(gate="{path}")')
