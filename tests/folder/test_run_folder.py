from __future__ import annotations

import json
import os
import stat
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from orchestrator.errors import ConfigError
from orchestrator.folder import RunFolder, view
from orchestrator.types import Json

NOON = datetime(2026, 1, 2, 12, 0, 0, 345_000, UTC)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_run_goes_under_the_state_directory_with_an_id_that_sorts_by_time(state: Path) -> None:
    paths = []
    for seconds in (0, 0.001, 1, 3600 * 24):
        with RunFolder.create(None, {"set": "mini"}, NOON + timedelta(seconds=seconds)) as folder:
            paths.append(folder.path)
            assert folder.path.parent == state
            assert folder.id == folder.handle == folder.path.name
    assert paths[0].name.startswith("20260102-120000-345")
    assert sorted(paths) == paths


def test_times_are_utc() -> None:
    east = NOON.astimezone(timezone(timedelta(hours=9)))
    with RunFolder.create(None, {}, east) as folder:
        assert folder.manifest["created"] == "2026-01-02T12:00:00Z"
        assert folder.id.startswith("20260102-1200")


@pytest.mark.parametrize("umask", [0, 0o022, 0o077])
def test_files_are_the_owners_whatever_the_umask(umask: int) -> None:
    before = os.umask(umask)
    try:
        with RunFolder.create(None, {}) as folder:
            folder.append_result({"a": 1})
            folder.append_trace([{"a": 1}])
            folder.update_manifest({"b": 2})
            folder.keep_results(lambda row: True)
    finally:
        os.umask(before)
    for above in (folder.path, folder.path.parent, folder.path.parent.parent):
        assert mode(above) == 0o700
    files = {path.name: mode(path) for path in folder.path.iterdir()}
    assert files == dict.fromkeys(("journal.sqlite", "lock", "manifest.json", "results.jsonl", "trace.jsonl"), 0o600)


def test_what_was_written_is_there_when_it_is_opened_again(tmp_path: Path) -> None:
    manifest: dict[str, Json] = {"set": "ünïcode", "strategies": ["cot"], "seeds": [1, 2]}
    with RunFolder.create(tmp_path / "run", manifest) as folder:
        folder.append_result({"problem": "a", "answer": "né"})
        folder.append_result({"problem": "b", "answer": None})
        folder.append_trace([{"event": i} for i in range(3)])
        folder.append_trace([])
        folder.update_manifest({"set": "other"})
    with RunFolder.open(tmp_path / "run") as again:
        assert again.manifest == {**manifest, "set": "other", "id": folder.id, "created": folder.manifest["created"]}
        assert [row["answer"] for row in again.results()] == ["né", None]
        assert [row["event"] for row in again.trace()] == [0, 1, 2]
        again.append_result({"problem": "c"})
    assert [row["problem"] for row in view(tmp_path / "run").results()] == ["a", "b", "c"]
    assert (tmp_path / "run" / "results.jsonl").read_bytes().splitlines()[0] == '{"problem":"a","answer":"né"}'.encode()


def test_a_row_can_be_read_as_soon_as_it_was_appended(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path / "run", {}) as folder:
        for i in range(3):
            folder.append_result({"i": i})
            assert len(list(view(tmp_path / "run").results())) == i + 1


def test_text_without_a_utf_8_form_survives(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path / "run", {"note": "\ud800"}) as folder:
        folder.append_result({"answer": "\ud83d broken \u2028 line\n"})
    with RunFolder.open(tmp_path / "run") as again:
        assert list(again.results()) == [{"answer": "\ud83d broken \u2028 line\n"}]
        assert again.manifest["note"] == "\ud800"


@pytest.mark.parametrize("torn", [b'{"problem": "c", "ans', b"\0" * 70_000, b'{"problem": "c"}', b"x" * 200_000])
def test_a_torn_last_line_is_cut_off_when_it_is_opened(tmp_path: Path, torn: bytes) -> None:
    with RunFolder.create(tmp_path / "run", {}) as folder:
        folder.append_result({"problem": "a"})
        folder.append_result({"problem": "b"})
    for name in ("results.jsonl", "trace.jsonl"):
        with open(tmp_path / "run" / name, "ab") as file:
            file.write(torn)
    # To a reader the line is not there, and the file stays as it is: its writer may be at work on it.
    assert [row["problem"] for row in view(tmp_path / "run").results()] == ["a", "b"]
    assert (tmp_path / "run" / "results.jsonl").read_bytes().endswith(torn)
    with RunFolder.open(tmp_path / "run") as again:
        again.append_result({"problem": "c"})
        again.append_trace([{"event": 1}])
        assert [row["problem"] for row in again.results()] == ["a", "b", "c"]
        assert list(again.trace()) == [{"event": 1}]


@pytest.mark.parametrize("inner", [b"{broken\n", b"[1]\n", b"\n", b"\xff\n"])
def test_a_malformed_line_inside_is_named(tmp_path: Path, inner: bytes) -> None:
    RunFolder.create(tmp_path / "run", {}).close()
    path = tmp_path / "run" / "results.jsonl"
    path.write_bytes(b'{"a":1}\n' + inner + b'{"a":2}\n')
    with RunFolder.open(tmp_path / "run") as folder:
        rows = folder.results()
        assert next(rows) == {"a": 1}
        with pytest.raises(ConfigError, match=r"results\.jsonl:2: not .*JSON"):
            next(rows)
        with pytest.raises(ConfigError, match=r"results\.jsonl:2"):
            folder.keep_results(lambda row: True)
        folder.append_result({"a": 3})
    assert path.read_bytes() == b'{"a":1}\n' + inner + b'{"a":2}\n{"a":3}\n'
    assert not list(path.parent.glob("*.tmp"))
    assert not list(path.parent.glob(".*.tmp"))


def test_lines_of_a_trace_that_are_passed_over_are_not_read(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path / "run", {}) as run:
        run.append_trace([{"kind": "a"}, {"kind": "b"}, {"kind": "a"}])
        assert list(run.trace(lambda line: b'"b"' not in line)) == [{"kind": "b"}]


def test_results_can_be_thinned_and_added_to_again(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path / "run", {}) as folder:
        for i in range(5):
            folder.append_result({"i": i, "error": i % 2 == 1})
        assert folder.keep_results(lambda row: not row["error"]) == 2
        folder.append_result({"i": 9, "error": False})
        assert [row["i"] for row in folder.results()] == [0, 2, 4, 9]
    assert [row["i"] for row in view(tmp_path / "run").results()] == [0, 2, 4, 9]


def test_a_write_that_fails_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with RunFolder.create(tmp_path / "run", {}) as folder:
        folder.append_result({"i": 0})
        write = os.write

        def full(fd: int, data: bytes) -> int:
            if len(data) < 10:
                raise OSError(28, "No space left on device")
            return write(fd, data[:5])

        with monkeypatch.context() as patch:
            patch.setattr(os, "write", full)
            with pytest.raises(OSError, match="No space left"):
                folder.append_result({"i": 1, "text": "long"})
        folder.append_result({"i": 2})
    assert [row["i"] for row in view(tmp_path / "run").results()] == [0, 2]


def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    with RunFolder.create(tmp_path / "run", {}) as folder, monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda fd, data: write(fd, data[:3]))
        folder.append_trace([{"i": 0}, {"i": 1}])
    assert list(view(tmp_path / "run").trace()) == [{"i": 0}, {"i": 1}]


def test_a_folder_that_holds_a_run_or_other_files_is_not_taken(tmp_path: Path) -> None:
    RunFolder.create(tmp_path / "run", {}).close()
    with pytest.raises(ConfigError, match="holds a run already; continue it with `orchestrator resume"):
        RunFolder.create(tmp_path / "run", {})
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.tex").write_text("")
    with pytest.raises(ConfigError, match=r"holds other files \(thesis.tex\)"):
        RunFolder.create(tmp_path / "home", {})
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be made"):
        RunFolder.create(tmp_path / "file", {})
    with pytest.raises(ConfigError, match="cannot be made: Not a directory"):
        RunFolder.create(tmp_path / "file" / "run", {})


def test_an_empty_folder_and_a_run_killed_at_birth_are_taken_over(tmp_path: Path) -> None:
    for leftovers in ((), ("lock",), ("lock", "journal.sqlite")):
        path = tmp_path / str(len(leftovers))
        path.mkdir()
        for name in leftovers:
            (path / name).write_text("")
        with RunFolder.create(path, {"set": "x"}) as folder:
            assert folder.manifest["set"] == "x"


def test_a_manifest_is_replaced_in_one_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with RunFolder.create(tmp_path / "run", {"n": 1}) as folder:
        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", lambda a, b: (_ for _ in ()).throw(OSError(5, "killed here")))
            with pytest.raises(OSError, match="killed here"):
                folder.update_manifest({"n": 2})
        assert json.loads((tmp_path / "run" / "manifest.json").read_text())["n"] == 1
        assert not [path for path in (tmp_path / "run").iterdir() if path.suffix == ".tmp"]


@pytest.mark.parametrize("text", ["", "{", "[]", "\xff"])
def test_a_broken_manifest_is_named_and_the_run_let_go(tmp_path: Path, text: str) -> None:
    RunFolder.create(tmp_path / "run", {}).close()
    path = tmp_path / "run" / "manifest.json"
    good = path.read_bytes()
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError, match=r"manifest\.json"):
        RunFolder.open(tmp_path / "run")
    path.write_bytes(good)
    RunFolder.open(tmp_path / "run").close()
