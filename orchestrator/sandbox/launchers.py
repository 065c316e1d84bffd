"""Ways to start a worker: plainly, or with something more around it. Whichever it is, the worker still confines itself.

A worker is spoken to over its standard streams, so that whatever passes these on will do.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..errors import SandboxUnavailable, UnknownName
from ._cell.layers import SYSTEM

FLAGS = ("-S", "-s", "-P", "-B", "-X", "utf8")
"""Of Python: no packages, nothing of the user's, nothing written, text in UTF-8."""
_TRIAL_SECONDS = 20.0
_IMAGE = "python:3.12-slim"
_NOBODY = "65534"


class Launcher(Protocol):
    """Something that starts a worker."""

    @property
    def name(self) -> str: ...

    @property
    def given(self) -> Mapping[str, bool | int | str]:
        """What is in force around the worker with it, by the names of `Isolation.mechanisms`."""
        ...

    @property
    def shares_files(self) -> bool:
        """Whether the worker runs this machine's Python, and its packages can be shown to it."""
        ...

    def available(self) -> str | None:
        """Why it cannot be used here, in one line that says what to do; found by trying, which may take a while."""
        ...

    def command(
        self, python: str, script: str, scratch: str, readable: Sequence[str], environment: Mapping[str, str]
    ) -> list[str]:
        """What to start; arguments of the script are put behind it.

        Args:
            python: the interpreter.
            script: file of the worker; its folder is shown to it.
            scratch: an empty folder for what programs write; at the same path inside.
            readable: more paths that it may read, at the same paths inside.
            environment: all that the worker finds in its environment.
        """
        ...

    def environment(self, inside: Mapping[str, str]) -> dict[str, str]:
        """The environment in which the command is to be started, `inside` being the worker's own."""
        ...


@dataclass(frozen=True, slots=True)
class Local:
    """A process like any other, confined by itself alone."""

    name: str = "local"
    shares_files: bool = True

    @property
    def given(self) -> Mapping[str, bool | int | str]:
        return {}

    def available(self) -> str | None:
        if sys.platform == "win32":
            return "Windows has nothing to keep a program apart with; use WSL 2, or a container"
        return None

    def command(
        self, python: str, script: str, scratch: str, readable: Sequence[str], environment: Mapping[str, str]
    ) -> list[str]:
        return [python, *FLAGS, script]

    def environment(self, inside: Mapping[str, str]) -> dict[str, str]:
        return dict(inside)


@dataclass(frozen=True, slots=True)
class Bubblewrap:
    """Namespaces made by `bwrap`, which may have rights that this user has not."""

    scratch_mb: int = 64
    name: str = "bubblewrap"
    shares_files: bool = True

    @property
    def given(self) -> Mapping[str, bool | int | str]:
        return {"launcher": self.name, **dict.fromkeys(("pidns", "netns", "ipcns", "mountns"), True)}

    def available(self) -> str | None:
        if shutil.which("bwrap") is None:
            return "there is no bwrap; install the package bubblewrap"
        shown = ("--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev")
        said = _said(["bwrap", *_BWRAP, *shown, sys.executable, "-I", "-S", "-c", "pass"], dict(os.environ))
        return None if said is None else f"bwrap has no effect here: {said}"

    def command(
        self, python: str, script: str, scratch: str, readable: Sequence[str], environment: Mapping[str, str]
    ) -> list[str]:
        binary = os.path.realpath(python)
        beside = Path(binary).parent.parent / "pyvenv.cfg"  # a copied interpreter finds its library by it
        wanted = {*SYSTEM, *_library(), binary, str(beside), str(Path(script).parent), *readable}
        shown = [part for path in sorted(wanted) for part in ("--ro-bind-try", path, path)]
        room = ("--size", str(self.scratch_mb << 20), "--tmpfs", scratch, "--chdir", scratch)
        return ["bwrap", *_BWRAP, *shown, "--proc", "/proc", "--dev", "/dev", *room, binary, *FLAGS, script]

    def environment(self, inside: Mapping[str, str]) -> dict[str, str]:
        return {**inside, "PATH": os.environ.get("PATH", os.defpath)}


_BWRAP = (
    *("--unshare-all", "--uid", _NOBODY, "--gid", _NOBODY, "--cap-drop", "ALL"),
    *("--die-with-parent", "--new-session", "--unsetenv", "PATH"),
)


@dataclass(frozen=True, slots=True)
class Container:
    """A container for each worker, made by docker or podman from an image that has Python and is there already."""

    engine: str = "docker"
    image: str = _IMAGE
    memory_mb: int = 4096
    """Memory of all that runs in a container, MiB."""
    processes: int = 1024
    """Processes and threads in a container."""
    scratch_mb: int = 64
    shares_files: bool = False

    @property
    def name(self) -> str:
        return self.engine

    @property
    def given(self) -> Mapping[str, bool | int | str]:
        namespaces = dict.fromkeys(("pidns", "netns", "ipcns", "mountns"), True)
        return {"launcher": self.engine, **namespaces, "memory_limit": self.memory_mb, "pids_limit": self.processes}

    def available(self) -> str | None:
        if shutil.which(self.engine) is None:
            return f"there is no {self.engine}; install it, or use another launcher"
        said = _said([self.engine, "version"], self.environment({}))
        if said is not None:
            return f"{self.engine} does not answer: {said}"
        if _said([self.engine, "image", "inspect", self.image], self.environment({})) is not None:
            return f"{self.engine} has no image {self.image}; fetch it with `{self.engine} pull {self.image}`"
        return None

    def command(
        self, python: str, script: str, scratch: str, readable: Sequence[str], environment: Mapping[str, str]
    ) -> list[str]:
        # What is readable here is of another Python, and the image's own is found by its name.
        folder = str(Path(script).parent)
        room = f"{scratch}:rw,noexec,nosuid,nodev,size={self.scratch_mb}m,nr_inodes=4096,mode=1777"
        limits = ("--memory", f"{self.memory_mb}m", "--memory-swap", f"{self.memory_mb}m")
        return [
            *(self.engine, "run", "--interactive", "--rm", "--pull", "never", "--network", "none", "--read-only"),
            *("--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--user", f"{_NOBODY}:{_NOBODY}"),
            *("--pids-limit", str(self.processes), *limits, "--ipc", "private", "--log-driver", "none"),
            *("--mount", f"type=bind,source={folder},target={folder},readonly", "--tmpfs", room),
            *(part for name, value in environment.items() for part in ("--env", f"{name}={value}")),
            *("--workdir", scratch, "--entrypoint", "python3", self.image, *FLAGS, script),
        ]

    def environment(self, inside: Mapping[str, str]) -> dict[str, str]:
        """That of this process: the client finds its engine by it. The container gets none of it."""
        return dict(os.environ)


@dataclass(frozen=True, slots=True)
class Seatbelt:
    """`sandbox-exec` of macOS: no network, no files written outside, none of the user's read, nothing else started."""

    name: str = "seatbelt"
    shares_files: bool = True

    @property
    def given(self) -> Mapping[str, bool | int | str]:
        return {"launcher": self.name, "seatbelt": True}

    def available(self) -> str | None:
        if sys.platform != "darwin":
            return "only macOS has sandbox-exec"
        said = _said([_SANDBOX_EXEC, "-p", "(version 1)(allow default)", "/usr/bin/true"], {})
        return None if said is None else f"sandbox-exec has no effect here: {said}"

    def command(
        self, python: str, script: str, scratch: str, readable: Sequence[str], environment: Mapping[str, str]
    ) -> list[str]:
        binary = os.path.realpath(python)
        prefix = os.path.realpath(sys.base_prefix)
        shown = (*readable, *_library(), prefix, binary, str(Path(script).parent), scratch)
        profile = _PROFILE.format(
            shown=" ".join(_subpath(path) for path in shown),
            run=f"{_subpath(prefix)} (literal {_quoted(binary)})",
            scratch=_subpath(scratch),
        )
        return [_SANDBOX_EXEC, "-p", profile, python, *FLAGS, script]

    def environment(self, inside: Mapping[str, str]) -> dict[str, str]:
        return dict(inside)


_SANDBOX_EXEC = "/usr/bin/sandbox-exec"
# Of two rules that fit, the later one counts. A framework build starts itself once more, from below its prefix.
_PROFILE = """(version 1)
(allow default)
(deny network*)
(deny mach-lookup)
(deny appleevent-send)
(deny iokit-open)
(deny ipc-posix*)
(deny sysctl-write)
(deny signal)
(allow signal (target same-sandbox))
(deny process-exec*)
(allow process-exec* {run})
(deny file-write*)
(allow file-write* {scratch} (literal "/dev/null"))
(deny file-read-data (subpath "/Users") (subpath "/Volumes") (subpath "/private") (subpath "/Library/Keychains"))
(allow file-read* {shown} (literal "/private/etc/localtime") (subpath "/private/var/db/timezone"))
"""


def _subpath(path: str) -> str:
    return f"(subpath {_quoted(os.path.realpath(path))})"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _library() -> tuple[str, ...]:
    """Where this Python's standard library lies."""
    paths = sysconfig.get_paths()
    return (paths["stdlib"], paths["platstdlib"], os.path.join(sys.base_prefix, "lib"))


def _said(command: list[str], environment: dict[str, str]) -> str | None:
    """What a command that fails says last; None if it succeeds."""
    try:
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=_TRIAL_SECONDS
        )
    except OSError as error:
        return error.strerror or str(error)
    except subprocess.TimeoutExpired:
        return f"no answer in {_TRIAL_SECONDS:g} s"
    if done.returncode == 0:
        return None
    lines = done.stderr.decode(errors="replace").split("\n")
    said = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return said[:200] or f"it ends with status {done.returncode}"


NAMES = ("auto", "local", "bubblewrap", "docker", "podman", "seatbelt")


def launcher(name: str = "auto") -> Launcher:
    """The launcher of that name; `auto` is the one that costs least for what it gives on this system.

    Raises:
        SandboxUnavailable: it does not work here; says why, and what to do.
        UnknownName: there is none.
    """
    if name not in NAMES:
        raise UnknownName("launcher", name, NAMES)
    if name == "auto":
        seatbelt = Seatbelt()
        chosen: Launcher = seatbelt if sys.platform == "darwin" and seatbelt.available() is None else Local()
    else:
        chosen = _named(name)
    reason = chosen.available()
    if reason is not None:
        raise SandboxUnavailable(f"programs cannot be run with launcher '{chosen.name}': {reason}")
    return chosen


def _named(name: str) -> Launcher:
    if name in ("docker", "podman"):
        return Container(name)
    found: dict[str, Launcher] = {"local": Local(), "bubblewrap": Bubblewrap(), "seatbelt": Seatbelt()}
    return found[name]
