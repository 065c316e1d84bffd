"""Installed packages that programs may import beside the standard library: those, and nothing that lies beside them."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.machinery import ModuleSpec
    from typing import Any


class Finder:
    """Finds top-level packages by the folder that each lies in."""

    def __init__(self, folders: Mapping[str, str]) -> None:
        self._folders = folders

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name not in self._folders:
            return None
        from importlib.util import spec_from_file_location

        folder = self._folders[name]
        return spec_from_file_location(name, os.path.join(folder, "__init__.py"), submodule_search_locations=[folder])


def install(folders: Mapping[str, str]) -> None:
    """Lets this process, and what it forks, import the packages."""
    if folders:
        sys.meta_path.append(Finder(folders))
