from __future__ import annotations

import hashlib
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import BenchmarkError, ConfigError, UnknownName
from orchestrator.evals.sets import BUILT_IN, open_set, parse_spec

from .conftest import Write

HUMANEVAL = {"task_id": "HumanEval/0", "prompt": "def f():\n", "entry_point": "f", "test": "def check(f): f()"}
MBPP = {"task_id": 1, "text": "Write f.", "code": "def f(): ...", "test_list": ["assert f() is None"]}
GSM8K = {"question": "How many?", "answer": "#### 3"}


@pytest.mark.parametrize(
    ("spec", "path", "options"),
    [
        ("sample", "sample", {}),
        ("a.jsonl:format=gsm8k", "a.jsonl", {"format": "gsm8k"}),
        ("a.jsonl:part=fit,limit=3", "a.jsonl", {"part": "fit", "limit": "3"}),
        ("a:b/c.jsonl", "a:b/c.jsonl", {}),
        ("a:b/c.jsonl:part=fit", "a:b/c.jsonl", {"part": "fit"}),
        ("a.jsonl:category=x:y", "a.jsonl", {"category": "x:y"}),
        ("a.jsonl:category=computer science", "a.jsonl", {"category": "computer science"}),
        ("a.jsonl:", "a.jsonl:", {}),
        ("a=b.jsonl", "a=b.jsonl", {}),
        (":part=fit", ":part=fit", {}),
    ],
)
def test_only_a_tail_of_options_is_cut_off_a_path(spec: str, path: str, options: dict[str, str]) -> None:
    assert parse_spec(spec) == (path, options)


def test_a_file_whose_name_looks_like_options_is_a_file(write: Write, number_row: Any) -> None:
    path = write(number_row(), name="a:part=fit")
    assert open_set(str(path)).count == 1


@pytest.mark.parametrize(
    ("row", "name"), [(HUMANEVAL, "humaneval"), (MBPP, "mbpp"), (GSM8K, "gsm8k")], ids=["humaneval", "mbpp", "gsm8k"]
)
def test_the_format_is_told_by_the_first_row(write: Write, row: dict[str, Any], name: str) -> None:
    cases = open_set(str(write(row)))
    assert cases.format == name
    assert cases.gradable


def test_the_problem_format_is_told_by_the_first_row(write: Write, number_row: Any) -> None:
    assert open_set(str(write(number_row()))).format == "problems"


def test_a_format_can_be_forced(write: Write) -> None:
    assert open_set(f"{write(GSM8K)}:format=gsm8k").format == "gsm8k"
    with pytest.raises(BenchmarkError, match="field 'id': Field required"):
        list(open_set(f"{write(GSM8K)}:format=problems"))
    with pytest.raises(UnknownName, match=r"unknown set format 'gsm8'; did you mean 'gsm8k'\?"):
        open_set(f"{write(GSM8K)}:format=gsm8")


def test_an_unknown_format_names_the_fields_and_how_to_force_one(write: Write) -> None:
    with pytest.raises(BenchmarkError, match=r"set\.jsonl:1: .*these fields: q, a; .*:format=problems\|humaneval"):
        open_set(str(write({"q": "?", "a": "!"})))


def test_recorded_generations_are_no_problems(write: Write) -> None:
    row = {"problem_id": "p", "expert": "e", "sample_index": 0, "text": "..."}
    with pytest.raises(BenchmarkError, match="give the file of their problems"):
        open_set(str(write(row)))


def test_a_set_can_be_read_again(write: Write, number_row: Any) -> None:
    cases = open_set(str(write(number_row("a"), number_row("b"))))
    assert [c.problem.id for c in cases] == [c.problem.id for c in cases] == ["a", "b"]
    assert cases.count == 2


def test_kinds_are_those_read_so_far(write: Write, number_row: Any) -> None:
    cases = open_set(str(write(number_row("a"), {"id": "b", "kind": "text", "question": "?", "answer": "x"})))
    assert cases.kinds == set()
    next(iter(cases))
    assert cases.kinds == {"number"}
    list(cases)
    assert cases.kinds == {"number", "text"}


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("toy.problems.jsonl.gz", "toy"),
        ("toy.jsonl", "toy"),
        ("toy.json", "toy"),
        ("toy.v2.jsonl", "toy.v2"),
        ("t", "t"),
    ],
)
def test_the_name_is_the_file_s_without_its_endings(write: Write, number_row: Any, file: str, name: str) -> None:
    cases = open_set(str(write(number_row(), name=file)))
    assert cases.name == name
    assert cases.path.endswith(file)


def test_the_digest_is_that_of_the_file(write: Write, number_row: Any) -> None:
    path = write(number_row(), name="toy.jsonl.gz")
    assert open_set(str(path)).digest == hashlib.sha256(path.read_bytes()).hexdigest()


def test_options_choose_cases(write: Write, number_row: Any) -> None:
    path = write(*(number_row(f"toy/{i}", part="fit" if i % 2 else "eval", category="ab"[i % 2]) for i in range(6)))
    assert [c.problem.id for c in open_set(f"{path}:part=fit,limit=2")] == ["toy/1", "toy/3"]
    assert open_set(f"{path}:category=a").count == 3
    with pytest.raises(BenchmarkError, match=r"set\.jsonl: no problem of the set is left with category=c"):
        list(open_set(f"{path}:category=c"))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            "formt=gsm8k",
            UnknownName,
            r"unknown set option 'formt' in .* format problems; did you mean 'format'\?",
        ),
        ("public=all", UnknownName, "unknown set option 'public' in a set of format problems"),
        ("limit=0", ConfigError, "limit=0: write a whole number from 1 up"),
        ("limit=x", ConfigError, "limit=x: write a whole number"),
        ("part=fitt", UnknownName, r"unknown part 'fitt'; did you mean 'fit'\?"),
    ],
)
def test_an_option_that_does_not_fit_is_refused(
    write: Write, number_row: Any, options: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        open_set(f"{write(number_row())}:{options}")


class TestMissing:
    def test_a_near_name_in_the_folder_is_suggested(self, write: Write, number_row: Any) -> None:
        path = write(number_row(), name="gsm8k.problems.jsonl.gz")
        with pytest.raises(BenchmarkError, match=r"did you mean '.*gsm8k\.problems\.jsonl\.gz'\?"):
            open_set(str(path.with_name("gsm8k.problem.jsonl.gz")))

    def test_a_near_name_of_a_built_in_set_is_suggested(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        with pytest.raises(BenchmarkError, match=r"there is no set 'smaple'; did you mean 'sample'\?"):
            open_set("smaple")

    def test_else_the_built_in_sets_are_named(self, tmp_path: Path) -> None:
        with pytest.raises(BenchmarkError, match="a built-in set: sample"):
            open_set(str(tmp_path / "nowhere" / "x.jsonl"))

    def test_a_folder_is_no_set(self, tmp_path: Path) -> None:
        with pytest.raises(BenchmarkError, match="is a folder; give a file"):
            open_set(str(tmp_path))

    @pytest.mark.parametrize("content", [b"", b"\n \n"])
    def test_an_empty_file_is_no_set(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "empty.jsonl"
        path.write_bytes(content)
        with pytest.raises(BenchmarkError, match=r"empty\.jsonl: the set is empty"):
            open_set(str(path))


def test_a_built_in_name_comes_before_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number_row: Any) -> None:
    monkeypatch.chdir(tmp_path)
    Path("sample").write_text(json.dumps(number_row()))
    assert open_set("sample").count > 1
    assert open_set("./sample").count == 1


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_built_in_set_opens(name: str) -> None:
    cases = open_set(name)
    assert cases.name == name
    assert cases.gradable


def test_a_long_set_is_never_in_memory(tmp_path: Path, number_row: Any) -> None:
    path = tmp_path / "long.jsonl"
    with path.open("w") as out:
        for i in range(5_000):
            out.write(json.dumps(number_row(f"toy/{i}", meta={"rationale": "x" * 1_000})) + "\n")
    cases = open_set(str(path))
    next(iter(cases))
    tracemalloc.start()
    try:
        assert cases.count == 5_000
        assert len(cases.digest) == 64
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_first_row_or_an_option_value_that_does_not_fit_shows_when_the_set_is_opened(
    write: Write, number_row: Any
) -> None:
    with pytest.raises(BenchmarkError, match="field 'kind'"):
        open_set(str(write(number_row(kind="riddle"))))
    with pytest.raises(ConfigError, match="plus=some"):
        open_set(f"{write(HUMANEVAL)}:plus=some")
