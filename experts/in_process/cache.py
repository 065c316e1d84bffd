"""Keys and values of a batch, a slot for each row: rows come and go while the others go on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .libraries import Cache, Tensor, torch, transformers

STEP = 256
"""Places are given out, and looked at, in multiples of this."""


GROUPED = "orchestrator_slots"
"""Name of the attention below."""


def grouped(
    module: object, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor, scaling: float | None = None,
    **others: Any,
) -> tuple[Tensor, None]:  # fmt: skip
    """Attention as models with `sdpa` have it, but for single tokens without copying keys and values for each head that
    shares them: the heads of a group stand where there would be tokens."""
    rows, heads, tokens, size = query.shape
    sharing = heads // key.shape[1]
    if tokens != 1 or sharing == 1 or attention_mask is None or attention_mask.shape[1] != 1:
        plain = transformers.modeling_utils.ALL_ATTENTION_FUNCTIONS["sdpa"]
        found: tuple[Tensor, None] = plain(module, query, key, value, attention_mask, scaling=scaling, **others)
        return found
    out = torch.nn.functional.scaled_dot_product_attention(
        query.reshape(rows, -1, sharing, size), key, value,
        attn_mask=attention_mask.expand(-1, -1, sharing, -1), scale=scaling,
    )  # fmt: skip
    return out.reshape(rows, 1, heads, size), None


transformers.AttentionInterface.register(GROUPED, grouped)


def rounded(places: int) -> int:
    """Up to a multiple of `STEP`."""
    return -(-places // STEP) * STEP


class SlotCache(Cache):
    """Of each layer a block of slots by heads by places.

    A prompt is written from the block's begin on, padded at its left to the length of those that come with it; the
    tokens of its reply follow. Which places of a slot hold anything is said by whoever asks the model, in its mask.
    """

    def __init__(self, layers: int, device: str) -> None:
        # Nothing of the base class is used: models want one, and ask it only what stands below.
        self.layers: list[object] = []
        self._blocks: list[tuple[Tensor, Tensor] | None] = [None] * layers
        self._device = device
        self.slots = self.places = 0
        self.span = 0
        """Places that are looked at when a reply goes on."""
        self.ends: Tensor = None
        """By slot, the place at which the next token goes in."""
        self._every: Tensor = None
        self._coming: tuple[Tensor, Tensor] | None = None

    def resize(self, slots: int, places: int, kept: Sequence[int]) -> None:
        """Makes room for so many slots and places; the kept slots are the first ones from now on."""
        which = torch.tensor(kept, dtype=torch.int64, device=self._device)
        both = min(places, self.places)
        for layer, block in enumerate(self._blocks):
            if block is not None:
                self._blocks[layer] = None
                self._blocks[layer] = tuple(_resized(part, slots, places, which, both) for part in block)
                del block
        self.slots, self.places = slots, places
        self._every = torch.arange(slots, device=self._device)

    def begin(self, slots: Sequence[int], rows: Sequence[int]) -> None:
        """What comes next are prompts: into each of these slots goes that row of them."""
        self._coming = (
            torch.tensor(slots, dtype=torch.int64, device=self._device),
            torch.tensor(rows, dtype=torch.int64, device=self._device),
        )

    def go_on(self) -> None:
        """What comes next is a token for every slot."""
        self._coming = None

    # -- what models call ---------------------------------------------------------------

    def update(self, keys: Tensor, values: Tensor, layer_idx: int, *_: object, **__: object) -> tuple[Tensor, Tensor]:
        block = self._blocks[layer_idx]
        if block is None:
            block = self._blocks[layer_idx] = (self._made(keys), self._made(values))
        if self._coming is not None:
            slots, rows = self._coming
            for part, new in zip(block, (keys, values), strict=True):
                part[slots, :, : new.shape[2]] = new[rows]
            return keys, values
        for part, new in zip(block, (keys, values), strict=True):
            part[self._every, :, self.ends] = new[:, :, 0]
        return block[0][:, :, : self.span], block[1][:, :, : self.span]

    def get_seq_length(self, layer_idx: int = 0) -> int:
        return 0

    def get_query_offset(self, layer_idx: int = 0) -> int:
        return 0

    def get_mask_sizes(self, query: object, layer_idx: int = 0) -> tuple[int, int]:
        """Of prompts without padding, which get no mask of ours; older versions give places instead of their number."""
        return (query if isinstance(query, int) else len(query)), 0  # type: ignore[arg-type]

    def __len__(self) -> int:
        return len(self._blocks)

    def _made(self, like: Tensor) -> Tensor:
        return torch.zeros(
            (self.slots, like.shape[1], self.places, like.shape[3]), dtype=like.dtype, device=like.device
        )


def _resized(block: Tensor, slots: int, places: int, kept: Tensor, both: int) -> Tensor:
    made = block.new_zeros((slots, block.shape[1], places, block.shape[3]))
    made[: len(kept), :, :both] = block[kept, :, :both]
    return made
