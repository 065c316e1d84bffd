"""The rows of one model that go on together, a token at a time; others join as soon as there is room."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .cache import rounded
from .decoder import Decoder
from .libraries import Tensor, torch
from .row import Job, Row
from .sampling import Draw, Sampler

_IDLE = Draw(temperature=0.0)
_SHRINK, _LASTING = 4, 64
"""On a GPU, where a new shape costs, a batch is made smaller when its rows fit so many times into it, and may go on for
so many tokens."""
_READING_ON_GPU, _READING_ON_CPU = 4, 1
"""Steps that take as long as to read a few prompts."""
_SPARE = 512
"""On a GPU places are made in multiples of this, so that rows that come later seldom need more."""


@dataclass(frozen=True, slots=True)
class Room:
    """How much goes into one batch."""

    rows: int
    places: int
    """Of all rows together, each as long as the longest may become."""
    prompts: int
    """Tokens that are read in one go, padding included."""


@dataclass(slots=True)
class _Launched:
    """Tokens that a device is at work on, and whose they will be."""

    rows: list[tuple[int, Row, Job]]
    """With the places of their tokens in what comes."""
    parts: list[Tensor]
    """Tokens; log-probabilities, the likeliest ones' and these."""
    event: Any


class Batch:
    """Rows in slots. On a GPU the next step is under way while the tokens of the last one are looked at.

    Args:
        decoder: an empty one.
        room: how much there is of it at the most.
        device: where it runs.
        ended: told of every row that has ended, with its job.
    """

    def __init__(self, decoder: Decoder, room: Room, device: str, ended: Callable[[Row, Job], None]) -> None:
        self.room = room
        self._decoder, self._device, self._ended = decoder, device, ended
        self._slots: list[tuple[Row, Job] | None] = []
        self._places = 0
        self._next: Tensor = None
        """By slot, the last token."""
        self._sampler: Sampler | None = None
        self._counts: Tensor = None
        """By slot, tokens of its reply."""
        self._ahead = device.startswith("cuda")
        self._launched: _Launched | None = None
        self._coming: list[tuple[Row, Job]] = []
        self._missed = 0

    @property
    def rows(self) -> list[tuple[Row, Job]]:
        """Those that go on."""
        return [held for held in self._slots if held is not None and not (held[0].finish or held[1].unwanted)]

    @property
    def unfinished(self) -> list[tuple[Row, Job]]:
        """Those that go on, and those that were about to join when something failed."""
        return [*self.rows, *self._coming]

    @property
    def empty(self) -> bool:
        return not any(self._slots) and self._launched is None

    def takes(self, row: Row, beside: Sequence[Row]) -> bool:
        """Whether there is room for a row with those that are in and others that come along. One alone always fits."""
        there = [held for held, _ in self.rows]
        if not there and not beside:
            return True
        if not self._decoder.joins and (there or self._launched):
            return False
        everybody = [*there, *beside, row]
        return len(everybody) <= self.room.rows and self._fits(everybody, [*beside, row])

    def _fits(self, everybody: Sequence[Row], coming: Sequence[Row]) -> bool:
        longest = max(row.length for row in coming)
        if longest * len(coming) > self.room.prompts and len(coming) > 1:
            return False
        places = max(self._needs(longest, coming), self._places if self.rows else 0)
        return self._slots_for(len(everybody)) * rounded(places) <= self.room.places

    def _needs(self, longest: int, coming: Sequence[Row]) -> int:
        """Places: each row begins where the longest of those that come with it does, and a step may be one too many."""
        return max(longest + row.longest - row.length for row in coming) + 1

    def patient(self, waiting: int) -> bool:
        """Whether rows that wait had better wait for more to come along; to be asked once a step.

        To read prompts holds up all that goes on, whether for one row or for many. So it is put off until as many
        tokens were missed in empty slots as reading costs.
        """
        going = len(self.rows)
        self._missed += min(waiting, self.room.rows - going)
        if self._missed < going * (_READING_ON_GPU if self._ahead else _READING_ON_CPU):
            return True
        self._missed = 0
        return False

    def join(self, coming: Sequence[tuple[Row, Job]]) -> None:
        """Takes rows in, and draws their first tokens."""
        self._coming = list(coming)
        rows = [row for row, _ in coming]
        contexts = [row.context for row in rows]
        places = self._needs(max(map(len, contexts)), rows)
        self._make_room(len(rows), places)
        free = [slot for slot, held in enumerate(self._slots) if held is None][: len(rows)]
        logits = self._decoder.prefill(contexts, free)
        sampler = Sampler([row.ask.draw for row in rows], self._device)
        counts = torch.tensor([len(row.tokens) for row in rows], dtype=torch.int64, device=self._device)
        tokens, *told = sampler(logits, counts)
        which = torch.tensor(free, dtype=torch.int64, device=self._device)
        self._next[which], self._counts[which] = tokens, counts + 1
        for slot, held in zip(free, coming, strict=True):
            self._slots[slot] = held
        self._coming, self._sampler = [], None
        self._absorb(self._launched)
        self._launched = None
        self._absorb(self._launch([(i, *held) for i, held in enumerate(coming)], [tokens, *told]))

    def step(self) -> None:
        """One token more for every row."""
        self._leave()
        if not any(self._slots):
            self._absorb(self._launched)
            self._launched = None
            return
        self._shrink()
        if self._sampler is None:
            draws = [_IDLE if held is None else held[0].ask.draw for held in self._slots]
            self._sampler = Sampler(draws, self._device)
        logits = self._decoder.step(self._next)
        tokens, *told = self._sampler(logits[: len(self._slots)], self._counts)
        self._next, self._counts = tokens, self._counts + 1
        rows = [(slot, *held) for slot, held in enumerate(self._slots) if held is not None]
        launched = self._launch(rows, [tokens, *told])
        if self._ahead:
            last, self._launched = self._launched, launched
            self._absorb(last)
        else:
            self._absorb(launched)

    # -- tokens on their way ------------------------------------------------------------

    def _launch(self, rows: list[tuple[int, Row, Job]], parts: list[Tensor]) -> _Launched:
        if not self._ahead:
            return _Launched(rows, parts, None)
        there = [None if part is None else part.to("cpu", non_blocking=True) for part in parts]
        event = torch.cuda.Event()
        event.record()
        return _Launched(rows, there, event)

    def _absorb(self, launched: _Launched | None) -> None:
        """Gives rows their tokens; what came for those that have ended meanwhile is of no use."""
        if launched is None:
            return
        if launched.event is not None:
            launched.event.synchronize()
        told: list[Any] = [part if part is None else part.tolist() for part in launched.parts]
        tokens, logprobs, best, which = told
        for place, row, job in launched.rows:
            if row.finish or job.unwanted:
                continue
            if (wanted := row.ask.draw.alternatives) is not None:
                row.logprobs.append(logprobs[place])
                row.others.append(list(zip(which[place], best[place], strict=True))[:wanted])
            row.take(tokens[place])
            if row.finish:
                self._ended(row, job)

    # -- slots --------------------------------------------------------------------------

    def _leave(self) -> None:
        for slot, held in enumerate(self._slots):
            if held is not None and (held[0].finish or held[1].unwanted):
                self._slots[slot] = None
                self._decoder.free(slot)

    def _make_room(self, coming: int, places: int) -> None:
        self._leave()
        kept = [slot for slot, held in enumerate(self._slots) if held is not None]
        have, needed = len(self._slots), self._slots_for(len(kept) + coming)
        if self._ahead:
            spare = -(-places // _SPARE) * _SPARE
            places = max(places, min(spare, self.room.places // needed))
        if not kept:
            if (
                self._decoder.joins
                and needed <= have <= _SHRINK * needed
                and places <= self._places <= _SHRINK * places
            ):
                return
            have = self._places = 0
        if needed > have or places > self._places:
            self._resize(max(needed, have), max(places, self._places), kept)

    def _shrink(self) -> None:
        kept = [slot for slot, held in enumerate(self._slots) if held is not None]
        if not self._decoder.joins or self._slots_for(len(kept)) * (_SHRINK if self._ahead else 2) > len(self._slots):
            return
        if not self._ahead or max((row.longest - row.length for row, _ in self.rows), default=0) >= _LASTING:
            self._resize(self._slots_for(len(kept)), self._places, kept)

    def _resize(self, slots: int, places: int, kept: Sequence[int]) -> None:
        self._absorb(self._launched)  # whose slots are numbered as before
        self._launched = None
        self._decoder.resize(slots, places, kept)
        which = torch.tensor(kept, dtype=torch.int64, device=self._device)
        moved = [torch.zeros(slots, dtype=torch.int64, device=self._device) for _ in range(2)]
        for new, old in zip(moved, (self._next, self._counts), strict=True):
            if kept:
                new[: len(kept)] = old[which]
        self._next, self._counts = moved
        self._slots = [self._slots[slot] for slot in kept] + [None] * (slots - len(kept))
        self._places, self._sampler = rounded(places), None

    def _slots_for(self, rows: int) -> int:
        """A power of two, so that shapes are few, where rows come and go."""
        return 1 << max(0, rows - 1).bit_length() if self._decoder.joins else rows
