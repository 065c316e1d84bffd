"""`doctor`: what this machine has for us, and what is in the way. It looks at this machine only."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from orchestrator.errors import ConfigError, OrchestratorError, SandboxUnavailable

from . import options as o
from .failures import leave
from .isolation import ABOUT, PROTECTS, advice
from .local_servers import find
from .printing import note, out_folded, out_json, visible

if TYPE_CHECKING:
    from orchestrator.sandbox import Isolation

_PACKAGES = (
    "litellm", "asyncio-throttle", "networkx", "pydantic", "tenacity", "pytest", "typer", "rich", "numpy", "scipy",
    "math-verify", "aiohttp", "httpx", "jsonschema", "platformdirs", "tomlkit",
)  # fmt: skip
_STRANGER = "orchestrator"
"""An unrelated distribution, whose modules take the place of ours."""


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(doctor)


def doctor(as_json: o.AsJson = False) -> None:
    """Show versions, keys, local model servers and what is in the way.

    Of keys it says whether they are there, never what they are. It looks at this machine only.
    """
    found = findings()
    if as_json:
        out_json("doctor/1", found)
    else:
        _print(found)
    if found["problems"]:
        leave(2)


def findings() -> dict[str, Any]:
    """Everything that `doctor` tells; `problems` keep something from working, `warnings` only may."""
    packages = {name: _version(name) for name in ("diverse-orchestrator", *_PACKAGES)}
    sandbox, broken = _sandbox()
    folder, unwritable = _runs_folder()
    settings, unreadable = _config()
    missing = [f"the package {name} is not installed: pip install {name}" for name, v in packages.items() if v is None]
    return {
        "python": platform.python_version(),
        "platform": platform.platform(terse=True),
        "packages": packages,
        "keys": _keys(),
        "servers": [asdict(server) | {"use": server.use, "client": server.client} for server in find()],
        "sandbox": sandbox,
        "runs": folder,
        "config": settings,
        "warnings": _strangers(),
        "problems": [*missing, *broken, *unwritable, *unreadable],
    }


def _version(name: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _keys() -> dict[str, bool]:
    """By variable, whether a key is there: the usual one of each provider, and others that are set."""
    from orchestrator.experts.routes import KEYS

    usual = {names[0] for names in KEYS.values()}
    every = {name for names in KEYS.values() for name in names}
    return {name: bool(os.environ.get(name)) for name in sorted(every) if name in usual or os.environ.get(name)}


def _sandbox() -> tuple[dict[str, Any], list[str]]:
    """How far programs are kept apart here, and whether one does run."""
    import asyncio

    isolation, problem = asyncio.run(_tried())
    level = None if isolation is None else isolation.level
    found = {
        "works": problem is None,
        "level": level,
        "protects": level is not None and level >= PROTECTS,
        "about": "" if level is None else ABOUT[level],
        "mechanisms": {} if isolation is None else dict(isolation.mechanisms),
        "not_enforced": [] if isolation is None else list(isolation.not_enforced),
        "reasons": {} if isolation is None else dict(isolation.reasons),
        "advice": [] if isolation is None else list(advice(isolation)),
    }
    return found, [] if problem is None else [f"programs cannot be run here: {problem}"]


async def _tried() -> tuple[Isolation | None, str | None]:
    """Runs a program; how far it was kept apart, and what went wrong."""
    from orchestrator.sandbox import Asserts, Sandbox

    async with Sandbox(workers=1) as box:
        try:
            execution = await box.verify("answer = 42", Asserts(("assert answer == 42",)))
        except SandboxUnavailable as error:
            return box.isolation, str(error)
        return box.isolation, None if execution.verdict == "passed" else execution.detail or execution.verdict


def _runs_folder() -> tuple[dict[str, Any], list[str]]:
    """Where runs go, and whether one can be kept there; makes the folder as a run would."""
    import shutil
    import tempfile

    from orchestrator.files import private_folder
    from orchestrator.folder import RunFolder, runs_folder

    folder = runs_folder()
    try:
        private_folder(folder)
        with tempfile.TemporaryDirectory(prefix=".doctor-", dir=folder) as trial:
            RunFolder.create(trial, {}).close()
        free = shutil.disk_usage(folder).free
    except (OSError, ConfigError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        words = f"runs cannot be kept in {folder}: {reason}; name another folder with --run"
        return {"path": str(folder), "writable": False, "free_bytes": None}, [words]
    return {"path": str(folder), "writable": True, "free_bytes": free}, []


def _config() -> tuple[dict[str, Any], list[str]]:
    from orchestrator.config import load, project_file, user_file

    user, project = user_file(), project_file(Path.cwd())
    shown: dict[str, Any] = {
        "user": str(user) if user.is_file() else None,
        "project": str(project) if project else None,
    }
    try:
        config = load()
    except OrchestratorError as error:
        return {**shown, "ignored": []}, [str(error)]
    return {**shown, "ignored": list(config.untrusted)}, []


def _strangers() -> list[str]:
    version = _version(_STRANGER)
    if version is None:
        return []
    return [
        f"the unrelated package '{_STRANGER}' {version} is installed and its modules may replace ours: "
        f"pip uninstall {_STRANGER} && pip install --force-reinstall --no-deps diverse-orchestrator"
    ]


# -- showing ------------------------------------------------------------------------------


def _print(found: Mapping[str, Any]) -> None:
    out_folded(f"diverse-orchestrator {found['packages']['diverse-orchestrator'] or '(not installed)'}")
    out_folded(f"Python {found['python']} at {sys.executable}, {found['platform']}")
    packages = [f"{name} {version}" for name, version in found["packages"].items() if version][1:]
    out_folded(f"packages: {', '.join(packages)}")
    held = [name for name, there in found["keys"].items() if there]
    out_folded(f"keys that are set: {', '.join(held) or 'none'}")
    out_folded(f"keys that are not: {', '.join(name for name, there in found['keys'].items() if not there)}")
    for server in found["servers"]:
        _print_server(server)
    _print_sandbox(found["sandbox"])
    runs = found["runs"]
    out_folded(f"runs: {runs['path']}" + (f", {runs['free_bytes'] / 1e9:.1f} GB free" if runs["writable"] else ""))
    config = found["config"]
    out_folded(f"config: {config['user'] or 'no file of the user'}; {config['project'] or 'none of a project'}")
    if config["ignored"]:
        out_folded(f"ignored until `orchestrator config trust`: {', '.join(config['ignored'])}")
    for line in found["warnings"]:
        note(f"warning: {line}")
    for line in found["problems"]:
        note(f"problem: {line}")


def _print_sandbox(found: Mapping[str, Any]) -> None:
    if found["level"] is None:
        return out_folded("sandbox: does not work")
    works = "" if found["works"] else "does not work; "
    out_folded(f"sandbox: {works}isolation level {found['level']} of 5: {found['about']}")
    there = [name if value is True else f"{name} {value}" for name, value in found["mechanisms"].items() if value]
    out_folded(f"  in force: {', '.join(there) or 'nothing'}")
    if found["not_enforced"]:
        out_folded(f"  not enforced: {', '.join(found['not_enforced'])}")
    for line in found["advice"]:
        out_folded(f"  {line}")


def _print_server(server: Mapping[str, Any]) -> None:
    if not server["found"]:
        return out_folded(f"{server['name']}: not at {server['url']}")
    models = visible(", ".join(server["models"][:5]) or "no model", keep="")
    way = " (asked directly, without litellm)" if server["client"] == "direct" else ""
    use = f"; use: {visible(server['use'], keep='')}{way}" if server["use"] else ""
    out_folded(f"{server['name']}: at {server['url']} with {models}{use}")
