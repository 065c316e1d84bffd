"""What a program needs to read to run: its own installation, its interpreter's, and the system's libraries."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

SYSTEM = (
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/nix/store", "/gnu/store",
    "/sys/devices/system/cpu", "/sys/fs/cgroup",
    *(f"/etc/{name}" for name in (
        "alternatives", "ca-certificates", "ca-certificates.conf", "environment.d", "fonts", "gai.conf", "group",
        "host.conf", "hosts", "java", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "locale.alias", "locale.conf",
        "localtime", "magic", "mime.types", "nsswitch.conf", "os-release", "passwd", "pki", "protocols", "python3",
        "resolv.conf", "services", "shells", "ssl", "terminfo", "timezone",
    )),
)  # fmt: skip
"""Folders and files of the system that programs expect, none of which holds a secret."""

_BINARIES = ("bin", "sbin")
_SHARED = ("/", "/usr", "/usr/local")
_HOPS = 40


def path() -> str:
    """Where programs are looked for."""
    return os.environ.get("PATH", os.defpath)


def found(program: str, folder: Path, path: str) -> Path | None:
    """The program's file: a name is looked up in `path`, what has a slash from `folder`."""
    where = str(folder / program) if "/" in program else program
    file = shutil.which(where, path=path)
    return None if file is None else Path(os.path.abspath(file))


def needed(argv: Sequence[str], folder: Path, path: str) -> tuple[Path, ...]:
    """The folders that a command is run from: of each program that it names, its interpreter, its environment.

    Python is always among them, as it is what programs such as `make` and `env` start most.
    """
    folders: dict[Path, None] = {}
    for word in dict.fromkeys((*argv, "python", "python3")):
        for file in _hops(found(word, folder, path), path):
            folders.update(dict.fromkeys(_installation(file.parent)))
    return tuple(folder for folder in folders if not _of_system(folder))


def _hops(program: Path | None, path: str) -> Iterator[Path]:
    """The program, what it links to step by step, the interpreter of a script, and so on."""
    file = program
    for _ in range(_HOPS):
        if file is None:
            return
        yield file
        file = (
            Path(os.path.normpath(file.parent / os.readlink(file))) if file.is_symlink() else _interpreter(file, path)
        )


def _interpreter(file: Path, path: str) -> Path | None:
    try:
        with file.open("rb") as opened:
            line = opened.readline(512)
    except OSError:
        return None
    words = line[2:].decode(errors="replace").split() if line.startswith(b"#!") else []
    if words and Path(words[0]).name == "env":
        name = next((word for word in words[1:] if not word.startswith("-") and "=" not in word), "")
        words = [shutil.which(name, path=path) or ""] if name else []
    return Path(words[0]) if words and words[0].startswith("/") else None


def _installation(folder: Path) -> Iterator[Path]:
    """The folder of a program, and what is installed with it."""
    above = folder.parent
    settings = above / "pyvenv.cfg"
    if settings.is_file():
        yield above
        for line in settings.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition("=")
            if key.strip() == "home" and value.strip().startswith("/"):
                yield from _installation(Path(value.strip()))
    elif folder.name == "shims":
        # Of pyenv and the like: scripts that look the program up.
        yield above
    elif above in (Path.home() / ".local", Path.home()):
        yield folder
        yield above / "lib"
    else:
        # Other folders have programs beside things that are nobody's business, as ~/.cargo has keys.
        yield above if folder.name in _BINARIES and (above / "lib").is_dir() else folder


def _of_system(folder: Path) -> bool:
    return str(folder) in _SHARED or any(folder.is_relative_to(place) for place in SYSTEM)
