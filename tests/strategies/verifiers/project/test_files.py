"""A project's files: which there are, copies of them, and folders that a hostile program has been in."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from orchestrator.errors import VerifierError
from orchestrator.strategies.verifiers.project import files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "project"
    place.mkdir()
    for path, text in {
        "a.py": "1",
        "sub/b.sh": "2",
        "gone.py": "3",
        "secret": "4",
        ".gitignore": "*.log\nsecret\n",
    }.items():
        (place / path).parent.mkdir(exist_ok=True)
        (place / path).write_text(text)
    (place / "sub" / "b.sh").chmod(0o755)
    (place / "link").symlink_to("../outside")
    subprocess.run(["git", "init", "-q"], cwd=place, check=True)
    subprocess.run(["git", "add", "."], cwd=place, check=True)
    (place / "gone.py").unlink()
    (place / "new.py").write_text("5")
    return place


def test_tracked_files_that_are_there_are_the_project(folder: Path, tmp_path: Path) -> None:
    state = files.state_of(folder, ())
    assert state.files == (".gitignore", "a.py", "link", "sub/b.sh")
    files.copy(state, tmp_path / "copy")
    copied = tmp_path / "copy"
    assert sorted(files.below(copied)) == list(state.files)
    assert (copied / "sub" / "b.sh").stat().st_mode & 0o777 == 0o755
    assert os.readlink(copied / "link") == "../outside"


def test_more_is_copied_where_it_is_named(folder: Path) -> None:
    assert {"new.py", "secret"} <= {*files.state_of(folder, ("new.*", "secret")).files}


def test_a_folder_of_a_repository_is_a_project(folder: Path) -> None:
    assert files.state_of(folder / "sub", ()).files == ("b.sh",)


def test_a_submodule_s_files_belong_to_it(folder: Path, tmp_path: Path) -> None:
    module = tmp_path / "module"
    module.mkdir()
    (module / "m.py").write_text("6")
    who = ("-c", "user.name=x", "-c", "user.email=x@y")
    for words in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "x"]):
        subprocess.run(["git", *words], cwd=module, check=True)
    add = ["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(module), "module"]
    subprocess.run(["git", *add], cwd=folder, check=True, capture_output=True)
    assert "module/m.py" in files.state_of(folder, ()).files


def test_the_state_is_another_after_a_change(folder: Path) -> None:
    before = files.state_of(folder, ())
    assert files.state_of(folder, ()) == before
    (folder / "new.py").write_text("untracked")
    assert files.state_of(folder, ()) == before
    (folder / "a.py").write_text("changed")
    assert files.state_of(folder, ()) != before


def test_no_setting_of_the_repository_starts_a_program(folder: Path, tmp_path: Path) -> None:
    monitor = tmp_path / "monitor"
    monitor.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    monitor.chmod(0o755)
    subprocess.run(["git", "config", "core.fsmonitor", str(monitor)], cwd=folder, check=True)
    files.state_of(folder, ("*",))
    assert not (tmp_path / "started").exists()


def test_what_cannot_be_read_is_told(folder: Path, tmp_path: Path) -> None:
    state = files.state_of(folder, ())
    (folder / "a.py").unlink()
    with pytest.raises(VerifierError, match=r"a.py cannot be copied"):
        files.copy(state, tmp_path / "copy")


def test_without_git_there_is_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(VerifierError, match="needs git"):
        files.state_of(folder, ())


def test_contents_follow_no_links_and_wait_for_no_pipe(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    (tmp_path / "b").symlink_to("a")
    os.mkfifo(tmp_path / "c")
    found = files.contents(tmp_path, ["a", "b", "c", "d"])
    assert found.keys() == {"a", "b", "d"}
    assert (found["b"], found["d"]) == ("-> a", "cannot be read: No such file or directory")


def test_below_a_hostile_folder(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(".")
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(1200):
        os.mkdir("d", dir_fd=here)
        here, above = os.open("d", os.O_RDONLY, dir_fd=here), here
        os.close(above)
    os.close(here)
    (tmp_path / "d" / "file").write_text("x")
    assert sorted(files.below(tmp_path)) == ["d/file", "loop"]
    from orchestrator.sandbox.command import remove

    remove(tmp_path / "d")
