"""Which project files the user vouches for, by hash: entering a repository must not send a key or run a command."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

from ..errors import ConfigError
from ..files import private_folder, write_private
from .sources import read_toml, shown, user_folder


def trusted(project: Path) -> bool:
    """Whether the file, and every pool or prompt file that it names, is as it was when the user vouched for it."""
    return _records().get(str(project.resolve())) == fingerprint(project)


def trust(project: Path) -> tuple[Path, ...]:
    """Vouches for a project's file as it is now; returns the files that were hashed.

    Raises:
        ConfigError: the file cannot be read.
    """
    hashes = fingerprint(project)
    _write({**_records(), str(project.resolve()): hashes})
    return tuple(project.parent / name for name in hashes)


def revoke(project: Path) -> bool:
    """Takes the user's word back; `False` when it was never given."""
    records = _records()
    known = records.pop(str(project.resolve()), None) is not None
    if known:
        _write(records)
    return known


def fingerprint(project: Path) -> dict[str, str]:
    """SHA-256 of the file and of what it names that also has to be vouched for: pool files, which can send keys, and
    prompts. Empty for a missing one."""
    data = read_toml(project)
    named = [project.name, *_pools(data), *filter(None, [_prompts(data)])]
    return {name: _digest(project.parent / Path(name).expanduser()) for name in named}


def _pools(data: dict[str, object]) -> list[str]:
    experts = data.get("experts")
    listed = experts.split(",") if isinstance(experts, str) else experts if isinstance(experts, list) else []
    named = [data.get("pool"), *listed]
    # `scripted:FILE.toml` and the like name no pool and can send nothing.
    return sorted({n.strip() for n in named if isinstance(n, str) and n.strip().endswith(".toml") and ":" not in n})


def _prompts(data: dict[str, object]) -> str | None:
    named = data.get("prompts")
    return named if isinstance(named, str) else None


def _digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def _file() -> Path:
    return user_folder() / "trusted.json"


def _records() -> dict[str, dict[str, str]]:
    path = _file()
    if not path.exists():
        return {}
    try:
        records = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(f"{shown(path)} cannot be read: {error}; delete it to trust nothing") from error
    if not isinstance(records, dict):
        raise ConfigError(f"{shown(path)} is not a JSON object; delete it to trust nothing")
    return records


def _write(records: dict[str, dict[str, str]]) -> None:
    private_folder(user_folder())
    write_private(_file(), json.dumps(records, indent=1).encode())
