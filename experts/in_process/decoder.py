"""Asks a model for the next token of every row of a batch."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Protocol

from orchestrator.errors import UnknownModel

from .cache import GROUPED, SlotCache, rounded
from .libraries import Tensor, torch, transformers

_WARM = 1
"""Steps of one shape that are taken one kernel at a time before they are recorded and played back as one."""


class Decoder(Protocol):
    """A batch as a model sees it; slots are numbered from 0."""

    joins: bool
    """Whether prompts may come while replies are under way."""

    def prefill(self, prompts: Sequence[Sequence[int]], slots: Sequence[int]) -> Tensor:
        """Reads prompts into slots; the logits of what follows each, in their order."""
        ...

    def step(self, tokens: Tensor) -> Tensor:
        """Goes on with a token for each slot, those of empty slots being of no account; logits by slot."""
        ...

    def resize(self, slots: int, places: int, kept: Sequence[int]) -> None:
        """Makes room for so many slots with so many places each; the kept ones are the first from now on."""
        ...

    def free(self, slot: int) -> None:
        """Its row has ended."""
        ...


class Slots:
    """For models all of whose layers look at everything that came before: rows come and go at any time.

    On a GPU the kernels of a step are recorded once a shape, and played back: launching them one by one takes longer
    than running them.
    """

    joins = True

    def __init__(self, model: Any, device: str) -> None:
        self._model, self._device = model, device
        config = model.config.get_text_config()
        self._cache = SlotCache(config.num_hidden_layers, device)
        self._arguments = _Arguments(model)
        self._lowest = torch.finfo(model.dtype).min
        self._starts: Tensor = None
        """By slot, where its prompt begins."""
        self._lengths: Tensor = None
        """How many tokens it holds."""
        self._moving: Tensor = None
        """1 where a row goes on."""
        self._tokens: Tensor = None
        self._ends: list[int] = []
        """By slot, the place of its next token; 0 for an empty one."""
        self._graphs = _Graphs() if device.startswith("cuda") else None

    def resize(self, slots: int, places: int, kept: Sequence[int]) -> None:
        places = rounded(places)
        self._cache.resize(slots, places, kept)
        which = torch.tensor(kept, dtype=torch.int64, device=self._device)

        def moved(old: Tensor) -> Tensor:
            new = torch.zeros(slots, dtype=torch.int64, device=self._device)
            if old is not None:
                new[: len(kept)] = old[which]
            return new

        self._starts, self._lengths, self._moving = map(moved, (self._starts, self._lengths, self._moving))
        self._cache.ends = moved(self._cache.ends)
        self._tokens = torch.zeros((slots, 1), dtype=torch.int64, device=self._device)
        self._ends = [self._ends[slot] for slot in kept] + [0] * (slots - len(kept))
        if self._graphs is not None:
            self._graphs = _Graphs()

    def prefill(self, prompts: Sequence[Sequence[int]], slots: Sequence[int]) -> Tensor:
        texts = list(dict.fromkeys(map(tuple, prompts)))  # samples of one prompt: it is read once
        rows = [texts.index(tuple(prompt)) for prompt in prompts]
        longest = max(map(len, texts))
        tokens, starts = _padded(texts, longest, self._device)
        places = torch.arange(longest, device=self._device)
        mask = None if all(len(text) == longest for text in texts) else self._mask(places, starts)
        self._cache.begin(slots, rows)
        out = self._model(
            input_ids=tokens,
            attention_mask=mask,
            position_ids=(places[None] - starts[:, None]).clamp(min=0),
            **self._arguments(self._cache, last_only=True),
        )
        self._cache.go_on()
        self._settle(slots, [longest - len(prompt) for prompt in prompts], longest)
        return out.logits[:, -1].float()[torch.tensor(rows, device=self._device)]

    def step(self, tokens: Tensor) -> Tensor:
        self._tokens.copy_(tokens[:, None])
        self._cache.span = min(self._cache.places, rounded(max(self._ends) + 1))
        self._ends = [end + 1 if end else 0 for end in self._ends]
        if self._graphs is None:
            return self._forward()
        return self._graphs(self._cache.span, self._forward)

    def free(self, slot: int) -> None:
        self._moving[slot] = 0
        self._ends[slot] = 0
        self._cache.ends[slot] = 0
        self._lengths[slot] = self._starts[slot] = 0

    def _mask(self, places: Tensor, starts: Tensor) -> Tensor:
        seen = (places[None, None, :] <= places[None, :, None]) & (places[None, None, :] >= starts[:, None, None])
        mask = torch.zeros(seen.shape, dtype=self._model.dtype, device=self._device)
        return mask.masked_fill_(~seen, self._lowest)[:, None]

    def _settle(self, slots: Sequence[int], starts: Sequence[int], end: int) -> None:
        which = torch.tensor(slots, dtype=torch.int64, device=self._device)
        begun = torch.tensor(starts, dtype=torch.int64, device=self._device)
        self._starts[which], self._lengths[which] = begun, end - begun
        self._cache.ends[which], self._moving[which] = end, 1
        for slot in slots:
            self._ends[slot] = end

    def _forward(self) -> Tensor:
        """All of a step that its device does; nothing in it looks at a value from outside."""
        cache = self._cache
        places = torch.arange(cache.span, device=self._device)
        seen = (places <= cache.ends[:, None]) & (places >= self._starts[:, None])
        mask = torch.zeros(seen.shape, dtype=self._model.dtype, device=self._device)
        mask = mask.masked_fill_(~seen, self._lowest)[:, None, None]
        out = self._model(
            input_ids=self._tokens,
            attention_mask=mask,
            position_ids=self._lengths[:, None],
            **self._arguments(cache),
        )
        cache.ends.add_(self._moving)
        self._lengths.add_(self._moving)
        return out.logits[:, -1].float()


class Plain:
    """For all other models, such as those with sliding windows or states: a batch ends before the next begins."""

    joins = False

    def __init__(self, model: Any, device: str) -> None:
        self._model, self._device = model, device
        self._arguments = _Arguments(model)
        self._cache: Any = None
        self._mask: Tensor = None
        self._lengths: Tensor = None

    def resize(self, slots: int, places: int, kept: Sequence[int]) -> None:
        """Nothing: room is made as tokens come, and rows that have ended stay where they are."""

    def free(self, slot: int) -> None:
        """Nothing: its row goes on unheard until the batch ends."""

    def prefill(self, prompts: Sequence[Sequence[int]], slots: Sequence[int]) -> Tensor:
        """`slots` are 0, 1, 2, ..."""
        longest = max(map(len, prompts))
        tokens, starts = _padded(prompts, longest, self._device)
        places = torch.arange(longest, device=self._device)
        self._mask = (places[None] >= starts[:, None]).to(torch.int64)
        self._lengths = longest - starts
        self._cache = transformers.DynamicCache(config=self._model.config.get_text_config())
        positions = (places[None] - starts[:, None]).clamp(min=0)
        return self._ask(tokens, positions, last_only=True)

    def step(self, tokens: Tensor) -> Tensor:
        tokens = tokens[: len(self._mask)]
        self._mask = torch.cat([self._mask, torch.ones_like(tokens)[:, None]], -1)
        positions = self._lengths[:, None]
        self._lengths = self._lengths + 1
        return self._ask(tokens[:, None], positions)

    def _ask(self, tokens: Tensor, positions: Tensor, last_only: bool = False) -> Tensor:
        out = self._model(
            input_ids=tokens,
            attention_mask=self._mask,
            position_ids=positions,
            **self._arguments(self._cache, last_only),
        )
        return out.logits[:, -1].float()


class _Arguments:
    """The names that a model's own version gives to what it is told."""

    def __init__(self, model: Any) -> None:
        known = inspect.signature(model.forward).parameters
        self._cache = "past_key_values" if "past_key_values" in known or "cache" not in known else "cache"
        self._last: Mapping[str, int] = {"logits_to_keep": 1} if "logits_to_keep" in known else {}

    def __call__(self, cache: object, last_only: bool = False) -> dict[str, Any]:
        return {self._cache: cache, "use_cache": True, **(self._last if last_only else {})}


class _Graphs:
    """Steps recorded by the number of places that they look at; those of other slots or places are gone."""

    _stream: ClassVar[Tensor] = None
    """On which all are recorded: libraries take memory for every stream that they see."""

    def __init__(self) -> None:
        self._seen: dict[int, int] = {}
        self._recorded: dict[int, tuple[Any, Tensor]] = {}
        self._pool = torch.cuda.graph_pool_handle()
        self._refused = False
        if _Graphs._stream is None:
            _Graphs._stream = torch.cuda.Stream()

    def __call__(self, span: int, forward: Callable[[], Tensor]) -> Tensor:
        if span in self._recorded:
            graph, logits = self._recorded[span]
            graph.replay()
            return logits
        self._seen[span] = self._seen.get(span, 0) + 1
        if self._seen[span] <= _WARM:
            return forward()
        if self._refused:
            return forward()
        try:
            self._recorded[span] = self._record(forward)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError:  # a model that looks at values while it runs; recording has run nothing
            self._refused = True
            return forward()
        return self(span, forward)

    def _record(self, forward: Callable[[], Tensor]) -> tuple[Any, Tensor]:
        graph, stream, main = torch.cuda.CUDAGraph(), _Graphs._stream, torch.cuda.current_stream()
        stream.wait_stream(main)
        with torch.cuda.stream(stream):
            graph.capture_begin(pool=self._pool, capture_error_mode="thread_local")
            try:
                logits = forward()
            finally:
                graph.capture_end()
        main.wait_stream(stream)
        return graph, logits


def _padded(prompts: Sequence[Sequence[int]], longest: int, device: str) -> tuple[Tensor, Tensor]:
    """Tokens with zeros at their left, and where each prompt begins."""
    tokens = torch.tensor([[0] * (longest - len(prompt)) + list(prompt) for prompt in prompts], device=device)
    return tokens, torch.tensor([longest - len(prompt) for prompt in prompts], device=device)


def decoder_of(model: Any, device: str, joins: bool) -> Decoder:
    """A new batch for a model."""
    return Slots(model, device) if joins else Plain(model, device)


def may_join(model: Any, device: str) -> bool:
    """Whether rows of a model may come and go: `Slots` gives what the model gives by itself.

    It is tried, on two prompts of unequal length and a step of each; with models that have windows it is not, as what
    is shorter than a window does not tell.

    Raises:
        UnknownModel: no batch of it can be had at all.
    """
    config = model.config.get_text_config()
    kinds = set(getattr(config, "layer_types", None) or ("full_attention",))
    window = getattr(config, "sliding_window", None) if getattr(config, "use_sliding_window", True) else None
    own = config._attn_implementation
    if kinds == {"full_attention"} and not window:
        for attention in (GROUPED, own) if own == "sdpa" else (own,) if own == "eager" else ():
            config._attn_implementation = attention
            if _right(Slots(model, device), model, device):
                return True
        config._attn_implementation = own
    if _right(Plain(model, device), model, device):
        return False
    raise UnknownModel(f"models of the kind {config.model_type} cannot be asked in batches; serve it in another way")


def _right(decoder: Decoder, model: Any, device: str) -> bool:
    """Whether a decoder gives what the model gives alone."""
    vocabulary = int(model.config.get_text_config().vocab_size)
    texts = [[(7 * i + 3) % vocabulary for i in range(5)], [(5 * i + 1) % vocabulary for i in range(9)]]
    try:
        decoder.resize(len(texts), max(map(len, texts)), [])
        decoder.prefill([text[:-1] for text in texts], range(len(texts)))
        found = decoder.step(torch.tensor([text[-1] for text in texts], device=device))
    except torch.OutOfMemoryError:
        raise
    except (TypeError, ValueError, AttributeError, RuntimeError, IndexError, KeyError):
        return False  # its code is made otherwise
    right = [model(input_ids=torch.tensor([text], device=device)).logits[0, -1].float() for text in texts]
    bound = 1e-3 if model.dtype == torch.float32 else 0.05
    return all(bool((a - b).norm() <= bound * b.norm()) for a, b in zip(found, right, strict=True))
