"""The models of one device: which are in the computer's memory, and which of them on the device."""

from __future__ import annotations

import os
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from orchestrator.errors import ConfigError

from .libraries import torch
from .model import Model, Source

_SHARE_OF_RAM, _SHARE_OF_GPU, _SHARE_FOR_CACHE = 0.6, 0.8, 0.25
"""Of this computer's memory models may take, of what a GPU has left keys and values may, and of it on a processor."""


@dataclass(slots=True)
class Counts:
    """What a device has done."""

    loads: Counter[str] = field(default_factory=Counter)
    """Models brought onto the device, by name."""
    reads: Counter[str] = field(default_factory=Counter)
    """Of these, from disk."""
    load_seconds: float = 0.0
    prefills: int = 0
    """Times that prompts were read, several together where they met."""
    steps: int = 0
    tokens: int = 0
    """Of replies."""
    halved: int = 0
    """Batches that did not fit."""


class Shelf:
    """Models, the longest unused first. One thread asks it."""

    def __init__(self, device: str, counts: Counts) -> None:
        self.models: OrderedDict[Source, Model] = OrderedDict()
        """Those in the computer's memory."""
        self._device, self._counts = device, counts
        self._at_once = 1
        self._memory = int(_SHARE_OF_RAM * _ram())

    def allow(self, models: int, memory: int | None) -> None:
        """So many models on the device at once, if no more are allowed yet, and so many bytes for all, if not fewer."""
        self._at_once = max(self._at_once, models)
        self._memory = self._memory if memory is None else min(self._memory, memory)

    def bring(self, source: Source, leaving: Callable[[Source], None]) -> Model:
        """The model, on the device; what has been there longest unused goes first where there is no room.

        Args:
            leaving: told of every model that goes, before it does.

        Raises:
            UnknownModel: it cannot be read.
        """
        model = self.models.get(source) or Model(source, self._device)
        if not model.here:
            start = time.perf_counter()
            self._make_room(leaving)
            self._read(model)
            model.bring()
            self._counts.loads[source.name] += 1
            self._counts.load_seconds += time.perf_counter() - start
        self.models[source] = model
        self.models.move_to_end(source)
        self._forget_down_to(self._memory)
        return model

    def put_out(self, source: Source) -> None:
        """Takes a model off the device, if it is there; its memory there is kept for the one that comes."""
        if (model := self.models.get(source)) is not None:
            model.put_out()

    def clear(self) -> None:
        """Forgets all of them."""
        for model in self.models.values():
            model.forget()
        self.models.clear()
        self.emptied()

    def emptied(self) -> None:
        """Gives back what the device keeps of memory that nobody uses."""
        if self._device.startswith("cuda"):
            torch.cuda.empty_cache()

    def _make_room(self, leaving: Callable[[Source], None]) -> None:
        there = [source for source, model in self.models.items() if model.here]
        for source in there[: max(0, len(there) + 1 - self._at_once)]:
            leaving(source)
            self.put_out(source)

    def _read(self, model: Model) -> None:
        if model.module is None:
            self._forget_down_to(self._memory - model.size)
            model.read()
            self._counts.reads[model.source.name] += 1

    def _forget_down_to(self, size: int) -> None:
        """Forgets models that are not on the device, the longest unused first, until the others take no more."""
        for source, model in tuple(self.models.items()):
            if sum(each.size for each in self.models.values()) <= size:
                return
            if not model.here:
                del self.models[source]
                model.forget()


def device_called(name: str) -> str:
    """The device that a user's word stands for.

    Raises:
        ConfigError: there is none such here.
    """
    if name == "auto":
        return "cuda:0" if torch.cuda.is_available() else "cpu"
    name = "cuda:0" if name == "cuda" else name
    kind, _, number = name.partition(":")
    if name == "cpu" or (kind == "cuda" and number.isdigit() and int(number) < torch.cuda.device_count()):
        return name
    raise ConfigError(
        f"there is no device '{name}' here; write auto, cpu, or cuda:N with N below {torch.cuda.device_count()}"
    )


def free_for_cache(device: str) -> int:
    """Bytes that keys and values may take: on a GPU of what is free now, else of what the computer has."""
    if device == "cpu":
        return int(_SHARE_FOR_CACHE * _ram())
    held = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return int(_SHARE_OF_GPU * (torch.cuda.mem_get_info(device)[0] + held))


def bytes_a_token(model: Model) -> int:
    """Of keys and values."""
    config = model.module.config.get_text_config()
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return int(2 * config.num_hidden_layers * heads * size * model.module.dtype.itemsize)


def _ram() -> int:
    """Bytes of memory that this computer has."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
