"""Changes to the user's file; its comments and order stay."""

from __future__ import annotations

import tomllib
from collections.abc import MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ..errors import ConfigError, UnknownName
from ..files import private_folder, write_private
from .load import check_strategies
from .settings import KEYS, checked
from .sources import read_toml, shown, user_file

if TYPE_CHECKING:
    from tomlkit import TOMLDocument


def set_value(key: str, text: str) -> Path:
    """Sets a dotted key in the user's file, which is made if it is missing.

    Args:
        text: a TOML value if it reads as one that fits, else plain text.

    Raises:
        ConfigError: an unknown key, or a value that does not fit.
    """
    path = user_file()
    first: ConfigError | None = None
    for value in _readings(text):
        document = _document(path)
        parts, table = _place(document, key, path, make=True)
        table[parts[-1]] = value
        try:
            check_strategies(checked(document.unwrap(), shown(path)), shown(path))
        except ConfigError as error:
            first = first or error
            continue
        _write(path, document)
        return path
    raise first or ConfigError(f"{key} needs a value")


def unset_value(key: str) -> Path:
    """Removes a dotted key from the user's file.

    Raises:
        ConfigError: it is not there.
    """
    path = user_file()
    document = _document(path)
    parts, table = _place(document, key, path, make=False)
    if parts[-1] not in table:
        raise ConfigError(f"{shown(path)} does not set {key}")
    del table[parts[-1]]
    _write(path, document)
    return path


def _readings(text: str) -> list[object]:
    """The text as a TOML value, then as it stands."""
    try:
        data = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return [text]
    return [data["value"], text] if len(data) == 1 else [text]


def _document(path: Path) -> TOMLDocument:
    import tomlkit

    if not path.is_file():
        return tomlkit.document()
    read_toml(path)  # its messages are the better ones
    return tomlkit.parse(path.read_bytes().decode())


def _place(document: TOMLDocument, key: str, path: Path, make: bool) -> tuple[list[str], MutableMapping[str, object]]:
    import tomlkit

    parts = key.split(".")
    if parts[0] not in KEYS:
        raise UnknownName("key", parts[0], KEYS)
    if parts[0] == "expert":
        raise ConfigError(f"[[expert]] tables are edited by hand, in {shown(path)}")
    table = cast(MutableMapping[str, object], document)
    for part in parts[:-1]:
        if part not in table and make:
            table[part] = tomlkit.table()
        inner = table.get(part, {})
        if not isinstance(inner, MutableMapping):
            raise ConfigError(
                f"{part} is one value in {shown(path)}; set it whole: `orchestrator config set {part} ...`"
            )
        table = inner
    return parts, table


def _write(path: Path, document: TOMLDocument) -> None:
    import tomlkit

    private_folder(path.parent)
    write_private(path, tomlkit.dumps(document).encode())
