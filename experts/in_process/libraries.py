"""The libraries of the extra `local`, which may not be there; only modules that run on a device import this one."""

from __future__ import annotations

from importlib import import_module
from typing import Any, TypeAlias

torch: Any = import_module("torch")
transformers: Any = import_module("transformers")

Tensor: TypeAlias = Any
"""A torch.Tensor, which type checkers do not know where the extra is not installed."""
