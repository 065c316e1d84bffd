"""Where settings come from: files, environment, command line."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..errors import ConfigError, UnknownName
from .settings import IN_ENVIRONMENT, Settings, checked

PROJECT_FILE = "orchestrator.toml"
PREFIX = "ORCHESTRATOR_"

Kind = Literal["default", "user", "project", "environment", "command line"]

_OPTIONS = {"experts": "-e", "strategy": "-s", "roles": "--role"}
_REPOSITORIES = (".git", ".hg", ".svn", ".jj")


@dataclass(frozen=True, slots=True)
class Layer:
    """Settings of one source."""

    kind: Kind
    where: Mapping[str, str] | str
    """The file; for other sources what set each key."""
    folder: Path | None
    """What relative paths in it are relative to; `None`: the working directory."""
    settings: Settings

    def source(self, key: str) -> str:
        return self.where if isinstance(self.where, str) else self.where.get(key, self.kind)


def user_folder() -> Path:
    """The folder of the user's own config, by the platform's conventions."""
    from platformdirs import user_config_path

    return user_config_path("orchestrator", appauthor=False)


def user_file() -> Path:
    return user_folder() / "config.toml"


def project_file(start: Path) -> Path | None:
    """The nearest `orchestrator.toml` from `start` upwards; the search ends at a repository's root or at home."""
    home = Path.home()
    for folder in (start.absolute(), *start.absolute().parents):
        if (folder / PROJECT_FILE).is_file():
            return folder / PROJECT_FILE
        if folder == home or any((folder / name).exists() for name in _REPOSITORIES):
            return None
    return None


def file_layer(kind: Kind, path: Path) -> Layer:
    """The settings of a file.

    Raises:
        ConfigError: it cannot be read, or holds an unknown key or a value that does not fit.
    """
    where = shown(path)
    return Layer(kind, where, path.parent, checked(read_toml(path), where))


def environment_layer(environment: Mapping[str, str]) -> Layer:
    """The settings in `ORCHESTRATOR_*` variables; empty ones count as not set.

    A variable that is almost one of ours is an error; any other is left alone (container platforms make such names).
    """
    ours = {f"{PREFIX}{key.upper()}": key for key in IN_ENVIRONMENT}
    data: dict[str, object] = {}
    for name, value in environment.items():
        if name in ours and value.strip():
            checked({ours[name]: value}, name)
            data[ours[name]] = value
        elif name.startswith(PREFIX) and name not in ours and difflib.get_close_matches(name, ours, cutoff=0.9):
            raise UnknownName("environment variable", name, ours)
    return Layer("environment", {key: name for name, key in ours.items()}, None, checked(data, "environment"))


def option_layer(options: Mapping[str, object]) -> Layer:
    """The settings given on the command line; `None` and empty ones count as not given."""
    data = {key: value for key, value in options.items() if value is not None and value != () and value != []}
    for key, value in data.items():
        checked({key: value}, option(key))
    return Layer("command line", {key: option(key) for key in data}, None, checked(data, "command line"))


def option(key: str) -> str:
    return _OPTIONS.get(key, f"--{key.replace('_', '-')}")


def read_toml(path: Path) -> dict[str, object]:
    """The tables of a TOML file.

    Raises:
        ConfigError: it cannot be read, or is not TOML.
    """
    try:
        return tomllib.loads(path.read_bytes().decode())
    except OSError as error:
        raise ConfigError(f"{shown(path)} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{shown(path)} is not TOML: {error}") from error


def shown(path: Path) -> str:
    """The path for people: `~` for home."""
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) and path != home else str(path)
