"""Files that only their owner may read, and that are there whole or not at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator.files import open_private, private_folder, replacing, write_private


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=["open", "usual", "private"])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.usefixtures("umask")
class TestModes:
    def test_a_folder_and_the_parents_that_were_missing_are_0700(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o755)
        private_folder(tmp_path / "a" / "b" / "c")
        assert [mode(tmp_path / part) for part in ("a", "a/b", "a/b/c")] == [0o700] * 3
        assert mode(tmp_path) == 0o755

    def test_a_folder_that_exists_keeps_its_mode(self, tmp_path: Path) -> None:
        (tmp_path / "a").mkdir()
        (tmp_path / "a").chmod(0o750)
        private_folder(tmp_path / "a")
        assert mode(tmp_path / "a") == 0o750

    def test_a_file_that_is_opened_anew_is_0600(self, tmp_path: Path) -> None:
        os.close(open_private(tmp_path / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND))
        assert mode(tmp_path / "log") == 0o600

    def test_a_file_that_is_written_is_0600_whatever_it_was(self, tmp_path: Path) -> None:
        file = tmp_path / "manifest.json"
        write_private(file, b"one")
        assert (mode(file), file.read_bytes()) == (0o600, b"one")
        file.chmod(0o644)
        write_private(file, b"two")
        assert (mode(file), file.read_bytes()) == (0o600, b"two")

    def test_what_is_not_yet_whole_is_nobody_else_s_either(self, tmp_path: Path) -> None:
        with replacing(tmp_path / "file"):
            (half,) = tmp_path.iterdir()
            assert mode(half) == 0o600


class TestReplacing:
    def test_the_old_file_is_there_until_the_new_one_is(self, tmp_path: Path) -> None:
        file = tmp_path / "file"
        file.write_bytes(b"old")
        with replacing(file) as out:
            out.write(b"ne")
            assert file.read_bytes() == b"old"
            out.write(b"w")
        assert file.read_bytes() == b"new"
        assert names(tmp_path) == ["file"]

    @pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt], ids=["error", "interrupt"])
    @pytest.mark.parametrize("there", [True, False], ids=["replacing", "making"])
    def test_a_failure_leaves_everything_as_it_was(
        self, tmp_path: Path, failure: type[BaseException], there: bool
    ) -> None:
        file = tmp_path / "file"
        if there:
            file.write_bytes(b"old")
        before = names(tmp_path)

        def write() -> None:
            with replacing(file) as out:
                out.write(b"half of the ne")
                raise failure

        with pytest.raises(failure):
            write()
        assert names(tmp_path) == before
        assert not there or file.read_bytes() == b"old"

    def test_it_is_on_the_disk_before_it_takes_the_name(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        done: list[str] = []

        def noted(name: str, real: Callable[..., None]) -> Callable[..., None]:
            def call(*arguments: object) -> None:
                done.append(name)
                real(*arguments)

            return call

        for name in ("fsync", "replace"):
            monkeypatch.setattr(os, name, noted(name, getattr(os, name)))
        write_private(tmp_path / "file", b"text")
        assert done == ["fsync", "replace", "fsync"], "the file, the name, the folder that holds the name"

    def test_a_disk_that_is_full_leaves_the_old_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        file = tmp_path / "file"
        file.write_bytes(b"old")

        def full(descriptor: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            write_private(file, b"new")
        assert (names(tmp_path), file.read_bytes()) == (["file"], b"old")

    def test_a_link_stays_a_link(self, tmp_path: Path) -> None:
        (tmp_path / "dotfiles").mkdir()
        real, link = tmp_path / "dotfiles" / "config.toml", tmp_path / "config.toml"
        real.write_bytes(b"old")
        link.symlink_to(real)
        write_private(link, b"new")
        assert link.is_symlink()
        assert real.read_bytes() == b"new"
        assert names(tmp_path / "dotfiles") == ["config.toml"]

    def test_a_folder_in_its_place_is_an_error(self, tmp_path: Path) -> None:
        (tmp_path / "file").mkdir()
        with pytest.raises(OSError):
            write_private(tmp_path / "file", b"text")
        assert names(tmp_path) == ["file"]
