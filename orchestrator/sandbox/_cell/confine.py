"""Runs one command of the user's, confined, and leaves nothing of it running.

In: a line of JSON on standard input, which stays open after it; once it closes, everything is killed. Out: JSON on
the descriptor named in it. The processes: this supervisor, which only watches; where namespaces work, an entrance that
makes them and the first process of the pid namespace; then the command.
"""

from __future__ import annotations

import ctypes  # noqa: F401 - here, since later the file system is another
import fcntl
import json
import os
import resource
import select
import signal
import socket
import struct
import time

from . import command_rules, libc, limits, tree, view

_SUBREAPER, _PARENT_DEATH, _DUMPABLE = 36, 1, 4
_USER, _MOUNT, _PID, _NET, _IPC, _UTS = 1 << 28, 1 << 17, 1 << 29, 1 << 30, 1 << 27, 1 << 26
_UNPRIVILEGED = 1000
"""The user inside where the one outside is root: nobody special, so that starting a program drops every right."""
_LOOK = 0.2
"""Seconds between looks at what the tree takes."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    Facts = dict[str, Any]


def main() -> None:
    job = _job()
    libc.prctl(_SUBREAPER, 1)
    waking = _waking()
    report: Facts = {}
    started = time.monotonic()
    try:
        child, ended = _start(job, report)
        if child:
            _watch(job, child, ended, waking, report, started)
    finally:
        tree.end()
        os.write(job["report"], json.dumps(report).encode())


def _job() -> Facts:
    text = b""
    while not text.endswith(b"\n"):
        chunk = os.read(0, 65536)
        if not chunk:
            raise SystemExit(1)
        text += chunk
    job: Facts = json.loads(text)
    os.set_inheritable(job["report"], False)
    return job


def _waking() -> int:
    """A pipe that can be read once a child has ended."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return reading


# -- starting it ----------------------------------------------------------------------------


def _start(job: Facts, report: Facts) -> tuple[int, int]:
    """The first process of the command, kept apart as well as this machine can, and a pipe for its status.

    Both are 0 where there is none; `report` then says why.
    """
    said = ""
    for inside in (True, False):
        told, tell = os.pipe()
        ended, end = os.pipe()
        child = os.fork()
        if child == 0:
            _become(job, inside, tell, end)
        os.close(tell)
        os.close(end)
        layers, newline, failure = _all_of(told).decode().partition("\n")
        if newline:
            report.update(json.loads(layers))
            report["reasons"] |= {} if inside else {"namespaces": said}
            if not failure:
                return child, ended
            said = failure
            break
        said = layers or "the first process ended without a word"
        tree.end()
    report["failed"] = said
    return 0, 0


def _all_of(pipe: int) -> bytes:
    text = b""
    while chunk := os.read(pipe, 65536):
        text += chunk
    os.close(pipe)
    return text


def _become(job: Facts, inside: bool, tell: int, end: int) -> NoReturn:
    """What happens in the first child."""
    try:
        libc.prctl(_PARENT_DEATH, signal.SIGKILL)
        os.umask(0o022)
        plan: Facts = job["inside" if inside else "beside"]
        parts = _enter(job, plan, tell, end) if inside else _link(plan)
        _run(job, plan, inside, parts, tell)
    except BaseException as error:
        os.write(tell, " ".join((str(error) or type(error).__name__).split()).encode("utf-8", "replace"))
    finally:
        os._exit(127)


def _enter(job: Facts, plan: Facts, tell: int, end: int) -> Facts:
    """Goes into new namespaces; comes back in the process that is to be the command."""
    user, group = os.getuid(), os.getgid()
    libc.syscall(libc.number(272, 97), _USER | _PID | _IPC | _UTS | (0 if job["network"] else _NET))
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{user or _UNPRIVILEGED} {user} 1")
    _write("/proc/self/gid_map", f"{group or _UNPRIVILEGED} {group} 1")
    first = os.fork()
    if first:
        os.close(tell)
        os.close(end)
        _wait_for(first)
        os.kill(os.getpid(), signal.SIGKILL)  # what counts is the status that the first process has told
    libc.prctl(_PARENT_DEATH, signal.SIGKILL)
    libc.syscall(libc.number(272, 97), _MOUNT)
    parts: Facts = dict.fromkeys(("pidns", "ipcns", "mountns"), True)
    parts |= view.build(job["base"], plan["binds"], job["memory_mb"])
    parts |= {} if job["network"] else {"netns": True, "loopback": _loopback()}
    command = os.fork()
    if command:
        os.close(tell)
        libc.prctl(_DUMPABLE, 0)
        os.write(end, str(_wait_for(command)).encode())
        os._exit(0)
    return parts


def _link(plan: Facts) -> Facts:
    """Puts links where what lies in the folder, but not in its copy, would be mounted."""
    for source, link in plan["links"]:
        if os.path.isdir(link) and not os.listdir(link):
            os.rmdir(link)
        if not os.path.lexists(link):
            os.symlink(source, link)
    return {}


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def _wait_for(wanted: int) -> int:
    """The status of that child; buries everybody else who ends before it."""
    while True:
        pid, status = os.wait()
        if pid == wanted:
            return status


def _loopback() -> bool:
    """Brings up the loopback device, so that tests can talk to servers that they start."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            fcntl.ioctl(probe, 0x8914, struct.pack("16sH14x", b"lo", 0x1 | 0x40))  # SIOCSIFFLAGS, up and running
    except OSError:
        return False
    return True


def _run(job: Facts, plan: Facts, inside: bool, parts: Facts, tell: int) -> None:
    """Becomes the command; comes back only by raising."""
    os.setsid()
    os.dup2(os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC), 0)
    _first_to_go()
    lacking = list(limits.limit_self(4 * job["memory_mb"], job["cpu_seconds"], job["file_mb"], job["open_files"]))
    os.chdir(plan["cwd"])
    reasons: dict[str, str] = {}
    mechanisms: Facts = {"rlimits": True, **parts, **_rules(job, plan, inside, reasons)}
    lacking += _open(job, inside, mechanisms)
    level = _level(mechanisms)
    said: Facts = {"level": level, "mechanisms": mechanisms, "lacking": lacking, "reasons": reasons}
    os.write(tell, json.dumps(said).encode() + b"\n")
    if level < job["min_level"]:
        raise OSError(f"only level {level} of isolation can be had here, and {job['min_level']} is wanted")
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    os.execve(plan["argv"][0], plan["argv"], plan["env"])


def _first_to_go() -> None:
    """When the machine runs out of memory, this is what the kernel should take first."""
    try:
        _write("/proc/self/oom_score_adj", "1000")
    except OSError:  # no /proc of its own: the supervisor still watches
        return


def _rules(job: Facts, plan: Facts, inside: bool, reasons: dict[str, str]) -> Facts:
    found: Facts = {"landlock_abi": 0, "seccomp": False}
    try:
        paths = (plan[kind] for kind in ("listed", "readable", "writable", "written"))
        found["landlock_abi"] = command_rules.restrict_files(*paths)
    except OSError as error:
        reasons["landlock"] = str(error.strerror)
    try:
        # A socket with a path reaches other programs of the user's where paths are not one's own.
        command_rules.restrict_calls(sockets=inside or job["network"])
        found["seccomp"] = True
    except (OSError, ImportError) as error:
        reasons["seccomp"] = str(error)
    return found


def _open(job: Facts, inside: bool, mechanisms: Facts) -> list[str]:
    """What nothing stops."""
    found = ["disk"]
    if inside:
        return found
    if mechanisms["landlock_abi"] < 6:
        found.append("signals")
    if job["network"]:
        found.append("local_sockets")
    elif not mechanisms["seccomp"]:
        found.append("network")
    return [*found, "file_modes", *([] if mechanisms["landlock_abi"] else ["files"])]


def _level(mechanisms: Facts) -> int:
    """As `Isolation.level` has it."""
    apart, calls = "mountns" in mechanisms, bool(mechanisms["seccomp"])
    files = apart or bool(mechanisms["landlock_abi"])
    return 1 + files + calls + (apart and calls)


# -- watching it ----------------------------------------------------------------------------


def _watch(job: Facts, child: int, ended: int, waking: int, report: Facts, started: float) -> None:
    """Until the command ends, its host wants it to, or it takes more than it may."""
    _let_go()
    peak, most, stopped = 0.0, 0, ""
    while not stopped:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            report["status"] = os.waitstatus_to_exitcode(int(os.read(ended, 32) or status))
            break
        count, memory = tree.taken()
        peak, most = max(peak, memory), max(most, count)
        if memory > job["memory_mb"]:
            stopped = "memory"
        elif count > job["processes"]:
            stopped = "processes"
        elif 0 in select.select([0, waking], [], [], _LOOK)[0]:
            stopped = "told"
        _empty(waking)
    report.update(stopped=stopped, seconds=time.monotonic() - started, peak_mb=peak, processes=most)
    tree.end()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    report["cpu_seconds"] = used.ru_utime + used.ru_stime


def _let_go() -> None:
    """What the command prints on is its own: nobody waits for a supervisor that prints nothing."""
    null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
    os.dup2(null, 1)
    os.dup2(null, 2)


def _empty(waking: int) -> None:
    if select.select([waking], [], [], 0)[0]:
        os.read(waking, 4096)
