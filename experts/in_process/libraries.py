"""The libraries of the extra `local`, which may not be there; only modules that run on a device import this one."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias

torch: Any = import_module("torch")
transformers: Any = import_module("transformers")

Tensor: TypeAlias = Any
"""A torch.Tensor, which type checkers do not know where the extra is not installed."""

if TYPE_CHECKING:

    class Cache:
        """What models of transformers want as a cache: its type is not known where the extra is not installed."""

else:
    Cache = transformers.Cache
