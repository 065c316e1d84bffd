"""A fallback that was not chosen: asked when the chosen expert is lost, and only then."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.double.process import DoubleProcess

from .conftest import Command

SMALL = '\n[[expert]]\nid = "small"\nclient = "scripted"\nmodel = "echo.toml"\n'


@pytest.fixture(scope="module")
def double() -> Iterator[DoubleProcess]:
    with DoubleProcess(models={"big": {}}, answers={"40": 1}, strict=True) as double:
        yield double


def pool(home: Path, double: DoubleProcess, model: str) -> str:
    big = f'[[expert]]\nid = "big"\nmodel = "openai/{model}"\napi_base = "{double.base_url}"\nfallback = "small"\n'
    (home / "p.toml").write_text(big + SMALL)
    return "p.toml"


def who(run: str) -> set[str]:
    rows = map(json.loads, (Path(run) / "results.jsonl").read_text().splitlines())
    return {candidate["expert"] for row in rows for candidate in row["candidates"]}


@pytest.mark.usefixtures("echo")
def test_the_reserve_is_not_dealt_to(command: Command, home: Path, sums: str, double: DoubleProcess) -> None:
    words = ("bench", sums, "-e", "big", "--pool", pool(home, double, "big"), "-s", "cot", "--json")
    assert who(command(*words).json["run"]) == {"big"}


@pytest.mark.usefixtures("echo")
def test_the_reserve_answers_for_who_is_lost_also_after_a_resume(
    command: Command, home: Path, sums: str, double: DoubleProcess
) -> None:
    words = ("bench", sums, "-e", "big", "--pool", pool(home, double, "gone"), "-s", "cot", "--json")
    found = command(*words).json
    assert found["results"][0]["answered"] == 4
    assert who(found["run"]) == {"small"}
    results = Path(found["run"]) / "results.jsonl"
    results.write_text("")
    assert command("resume", found["run"], "--json").json["results"][0]["answered"] == 4
    assert who(found["run"]) == {"small"}


@pytest.mark.usefixtures("echo")
def test_solve_has_the_reserve_too(command: Command, home: Path, double: DoubleProcess) -> None:
    words = ("solve", "20 + 20?", "--kind", "number", "-e", "big", "--pool", pool(home, double, "gone"), "-s", "cot")
    assert command(*words, "--json").json["candidates"][0]["expert"] == "small"


@pytest.mark.usefixtures("echo")
def test_a_reserve_is_listed_as_one(command: Command, home: Path, double: DoubleProcess) -> None:
    rows = command("experts", "-e", "big", "--pool", pool(home, double, "big"), "--json").json["experts"]
    assert [(row["id"], row["reserve"]) for row in rows] == [("big", False), ("small", True)]
