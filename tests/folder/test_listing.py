from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orchestrator.errors import ConfigError, UnknownName
from orchestrator.folder import RunFolder, find, remove, runs
from orchestrator.types import Json

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def make(days: int, rows: int = 0, **manifest: Json) -> Path:
    with RunFolder.create(None, manifest, NOON + timedelta(days=days)) as folder:
        for i in range(rows):
            folder.append_result({"i": i})
        return folder.path


def test_runs_are_listed_oldest_first_with_their_progress() -> None:
    second = make(1, 3, set="gsm8k", strategies=["cot", "spp"], problems=2, seeds=[1])
    first = make(0, 4, set="mini", strategies=["cot"], problems=2, seeds=[1, 2])
    third = make(2, 1)
    found = runs()
    assert [summary.path for summary in found] == [first, second, third]
    assert [(s.set, s.strategies, s.done, s.total, s.state) for s in found] == [
        ("mini", ("cot",), 4, 4, "done"),
        ("gsm8k", ("cot", "spp"), 3, 4, "unfinished"),
        ("", (), 1, None, "unfinished"),
    ]
    assert found[0].created == "2026-01-02T12:00:00Z"


def test_no_runs_are_an_empty_list() -> None:
    assert runs() == []
    with pytest.raises(ConfigError, match="there is no run yet"):
        find("last")


def test_a_run_whose_manifest_is_broken_is_listed_as_such() -> None:
    path = make(0)
    (path / "manifest.json").write_text("{")
    assert [(s.id, s.state) for s in runs()] == [(path.name, "unreadable")]


def test_a_run_is_found_by_path_id_prefix_or_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    older, newer = make(0), make(1)
    with RunFolder.create(tmp_path / "mine", {}) as folder:
        assert folder.handle == str(tmp_path / "mine")
    monkeypatch.chdir(tmp_path)
    for name in ("last", "20260102"):
        (tmp_path / name).mkdir()
    assert find("last") == newer
    assert find(older.name) == older
    assert find("20260102") == older
    assert find(tmp_path / "mine") == find(str(tmp_path / "mine")) == tmp_path / "mine"
    with RunFolder.open("20260103") as opened:
        assert opened.path == newer


def test_a_run_that_is_not_there_gets_a_line_that_helps(tmp_path: Path) -> None:
    path = make(0)
    make(1)
    with pytest.raises(ConfigError, match="run '2026' could be 2 runs"):
        find("2026")
    with pytest.raises(UnknownName, match=f"unknown run .*; did you mean '{path.name}'"):
        find(f"x{path.name}")
    with pytest.raises(ConfigError, match="run '' could be 2 runs"):
        find("")
    with pytest.raises(ConfigError, match=r"is not a run folder: it has no manifest\.json"):
        find(tmp_path)
    with pytest.raises(ConfigError, match="is not a run folder"):
        find("../nowhere")


def test_a_removed_run_is_gone() -> None:
    path = make(0, 1)
    (path / "notes.txt").write_text("")
    assert remove(path.name[:12]) == path
    assert not path.exists()
    assert runs() == []


def test_removing_a_run_elsewhere_spares_files_that_are_not_a_runs(tmp_path: Path) -> None:
    for extra in ("", "thesis.tex"):
        path = tmp_path / f"run{extra}"
        RunFolder.create(path, {}).close()
        if extra:
            (path / extra).write_text("mine")
        remove(path)
    assert not (tmp_path / "run").exists()
    assert [file.name for file in (tmp_path / "runthesis.tex").iterdir()] == ["thesis.tex"]
