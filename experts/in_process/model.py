"""One model: on disk, in the computer's memory, on a device."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.errors import UnknownModel

from .libraries import Tensor, torch, transformers

_ALIGNED = 256
"""Bytes to multiples of which weights are laid out."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a model comes from, and in which form."""

    name: str
    """A folder, or a name on the Hub."""
    revision: str | None = None
    dtype: str = "auto"

    @property
    def arguments(self) -> dict[str, Any]:
        """What everything that reads it is told; code that comes with a model is never run."""
        return {"revision": self.revision, "trust_remote_code": False}

    @property
    def size(self) -> int:
        """Bytes of its weights as they lie in its folder; 0 where that is not known before."""
        folder = Path(self.name)
        return sum(file.stat().st_size for file in folder.glob("*.safetensors")) if folder.is_dir() else 0


class Model:
    """A model's weights, which a computation does not change: they are copied to a GPU, and forgotten there.

    For a GPU they lie in one piece of page-locked memory, so that one copy at the full speed of the bus brings them in.
    """

    def __init__(self, source: Source, device: str) -> None:
        self.source, self.device = source, device
        self.module: Any = None
        """`None` unless it is in the computer's memory."""
        self.here = False
        """Whether it is on its device."""
        self.joins: bool | None = None
        """Whether rows may come and go; `None` before it was tried."""
        self.size = source.size
        """Bytes of its weights."""
        self._host: Tensor = None
        self._views: list[tuple[Tensor, Tensor, int, int]] = []
        """Weights, where they lie in the computer's memory, and from which to which byte."""
        self._locked = False

    @property
    def on_gpu(self) -> bool:
        return self.device.startswith("cuda")

    def read(self) -> None:
        """Brings it from disk into the computer's memory.

        Raises:
            UnknownModel: there is none, or it cannot be read.
        """
        try:
            with _without_bars():
                module = transformers.AutoModelForCausalLM.from_pretrained(
                    self.source.name, dtype=self._dtype(), use_safetensors=True, **self.source.arguments
                )
        except (OSError, ValueError, ImportError, KeyError, RuntimeError) as error:
            raise unreadable(self.source, error) from None
        module.eval().requires_grad_(False)
        self.module = module
        if self.on_gpu:
            self._gather()
        else:
            self.size = sum(weight.nbytes for weight in _weights(module))

    def bring(self) -> None:
        """Brings it onto its device, from the computer's memory."""
        if self.on_gpu:
            there = torch.empty(self._host.numel(), dtype=torch.uint8, device=self.device)
            there.copy_(self._host, non_blocking=True)
            for weight, host, start, end in self._views:
                weight.data = there[start:end].view(host.dtype).view(host.shape)
            torch.cuda.synchronize(self.device)
        self.here = True

    def put_out(self) -> None:
        """Takes it off its device; it stays in the computer's memory."""
        for weight, host, _, _ in self._views:
            weight.data = host
        self.here = False

    def forget(self) -> None:
        """Takes it out of the computer's memory, too."""
        self.put_out()
        self.module = None
        self._views.clear()
        if self._locked:
            torch.cuda.cudart().cudaHostUnregister(self._host.data_ptr())
        self._host, self._locked = None, False

    def _dtype(self) -> Any:
        if self.source.dtype != "auto":
            return getattr(torch, self.source.dtype)
        if self.on_gpu:
            return "auto"
        config = transformers.AutoConfig.from_pretrained(self.source.name, **self.source.arguments)
        given = getattr(config.get_text_config(), "dtype", None)
        return torch.float32 if given in (torch.float16, "float16") else "auto"  # which processors are slow at

    def _gather(self) -> None:
        weights = list(_weights(self.module))
        places, end = [], 0
        for weight in weights:
            places.append(end)
            end += -(-weight.nbytes // _ALIGNED) * _ALIGNED
        self._host, self.size = torch.empty(end, dtype=torch.uint8), end
        for weight, start in zip(weights, places, strict=True):
            there = self._host[start : start + weight.nbytes].view(weight.dtype).view(weight.shape)
            there.copy_(weight.data)
            weight.data = there
            self._views.append((weight, there, start, start + weight.nbytes))
        # Without the lock everything goes as well, only slower.
        self._locked = int(torch.cuda.cudart().cudaHostRegister(self._host.data_ptr(), end, 0)) == 0


@contextmanager
def _without_bars() -> Iterator[None]:
    """Bars of progress would stand among what a command prints."""
    bars = transformers.utils.logging
    shown = bars.is_progress_bar_enabled()
    bars.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            bars.enable_progress_bar()


def _weights(module: Any) -> Iterator[Tensor]:
    """Each once, also where two layers share it."""
    seen: set[int] = set()
    for weight in (*module.parameters(), *module.buffers()):
        if id(weight) not in seen and weight.numel():
            seen.add(id(weight))
            yield weight


def unreadable(source: Source, error: Exception) -> UnknownModel:
    """What to tell of a model that cannot be read: one line."""
    said = " ".join(str(error).split())[:300]
    return UnknownModel(f"the model {source.name} cannot be read: {said or type(error).__name__}")
