"""One device and its thread: models come and go on it, and calls of one model go on together."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import ClassVar

from orchestrator.errors import ConfigError, OutOfMemory

from .batch import Batch, Room
from .decoder import decoder_of, may_join
from .libraries import torch
from .model import Model, Source
from .row import Job, Row
from .shelf import Counts, Shelf, bytes_a_token, device_called, free_for_cache

_MOMENT, _MOMENTS = 0.005, 10
"""Seconds, and how many of them, for which a batch waits at the most for calls that are being prepared."""
_PROMPTS_ON_GPU, _PROMPTS_ON_CPU = 16384, 2048


@dataclass(frozen=True, slots=True)
class Limits:
    """What the user allows a model; `None` leaves it to the device."""

    rows: int | None = None
    """Replies that go on together."""
    places: int | None = None
    """Tokens of prompts and replies of all of these, each counted as long as it may become."""


@dataclass(slots=True)
class _Order:
    """A model is to come or to go."""

    source: Source
    come: bool
    done: Future[None] = field(default_factory=Future)


@dataclass(slots=True)
class _Waiting:
    """A call, and those of its rows that are in no batch yet."""

    source: Source
    limits: Limits
    job: Job
    rows: deque[Row]


class Device:
    """Calls are begun in the order in which they come: one whose model is not there has it brought in, once the batch
    before it has ended. Whoever knows what is to come asks for models beforehand.

    Everything that touches the device is done by one thread.
    """

    _all: ClassVar[dict[str, Device]] = {}
    """Those in use, by name."""
    _guard: ClassVar[threading.Lock] = threading.Lock()

    @classmethod
    def taken(cls, name: str, models: int = 1, memory: int | None = None) -> Device:
        """The device of that name; to be given back with `release`.

        Args:
            models: on the device at once; of all who take it, the most counts.
            memory: bytes that models take of the computer's own memory, the longest unused being forgotten first; of
                all who say so, the least counts. By default six tenths of what there is.

        Raises:
            ConfigError: there is no such device here.
        """
        name = device_called(name)
        with cls._guard:
            device = cls._all.get(name)
            if device is None:
                device = cls._all[name] = cls(name)
            device._users += 1
            device._shelf.allow(models, memory)
            return device

    def __init__(self, name: str) -> None:
        self.name, self.counts = name, Counts()
        self._users = 0
        self._shelf = Shelf(name, self.counts)
        self._orders: deque[_Order] = deque()
        self._calls: deque[_Waiting] = deque()
        self._preparing: Counter[Source] = Counter()
        """Calls on their way to being calls, by model."""
        self._changed = threading.Condition()
        self._closing = False
        self._current: Model | None = None
        """Whose rows are in the batch."""
        self._batch: Batch | None = None
        self._most: dict[Source, int] = {}
        """Rows that a batch of a model may have, where more did not fit."""
        self._limits = Limits()
        self._thread = threading.Thread(target=self._run, name=f"local models on {name}", daemon=True)
        self._thread.start()

    async def release(self) -> None:
        """Gives it back; when nobody has it any more, all models are forgotten."""
        with Device._guard:
            self._users -= 1
            if self._users:
                return
            Device._all.pop(self.name, None)
        with self._changed:
            self._closing = True
            self._changed.notify()
        await asyncio.to_thread(self._thread.join)

    # -- what others ask, from their own threads ----------------------------------------

    async def load(self, source: Source) -> None:
        """Returns when the model is on the device.

        Raises:
            UnknownModel: it cannot be read.
            OutOfMemory: it does not fit.
        """
        await self._ordered(_Order(source, come=True))

    async def unload(self, source: Source) -> None:
        """Returns when the model is on the device no more."""
        await self._ordered(_Order(source, come=False))

    async def answered(self, source: Source, limits: Limits, rows: tuple[Row, ...]) -> tuple[Row, ...]:
        """The rows once they have ended; who stops waiting ends them at their next tokens.

        Raises:
            UnknownModel: the model cannot be read.
            OutOfMemory: a row does not even fit alone.
        """
        job = Job(rows)
        with self._changed:
            self._calls.append(_Waiting(source, limits, job, deque(rows)))
            self._changed.notify()
        return await asyncio.wrap_future(job.done)

    @contextmanager
    def prepared(self, source: Source) -> Iterator[None]:
        """Around what makes rows of requests: a batch does not begin with few rows while more of them are made."""
        with self._changed:
            self._preparing[source] += 1
        try:
            yield
        finally:
            with self._changed:
                self._preparing[source] -= 1
                self._changed.notify()

    async def _ordered(self, order: _Order) -> None:
        with self._changed:
            self._orders.append(order)
            self._changed.notify()
        await asyncio.wrap_future(order.done)

    # -- the thread ---------------------------------------------------------------------

    def _run(self) -> None:
        with torch.inference_mode():
            while self._something():
                self._turn()
        self._drop_all()

    def _something(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._closing or self._orders or self._calls or self._busy)
            return not self._closing

    @property
    def _busy(self) -> bool:
        return self._batch is not None and not self._batch.empty

    def _turn(self) -> None:
        """Does what was ordered, lets in who waits, and goes on by a token."""
        for order in self._due():
            self._obey(order)
        try:
            self._admit()
            if self._batch is not None and not self._batch.empty:
                self._batch.step()
                self.counts.steps += 1
        except torch.OutOfMemoryError:
            self._halve()
        except Exception as error:  # whatever it is, those who wait are to know
            self._end_batch(error)

    def _due(self) -> list[_Order]:
        """A model whose replies are under way goes when they have ended."""
        with self._changed:
            held = self._current.source if self._current is not None and self._busy else None
            due = [order for order in self._orders if order.come or order.source != held]
            self._orders = deque(order for order in self._orders if order not in due)
            return due

    def _obey(self, order: _Order) -> None:
        if not order.done.set_running_or_notify_cancel():
            return
        try:
            if order.come:
                self._shelf.bring(order.source, self._close)
            else:
                self._close(order.source)
                self._shelf.put_out(order.source)
        except Exception as error:
            order.done.set_exception(self._told(error, order.source))
        else:
            order.done.set_result(None)

    # -- calls --------------------------------------------------------------------------

    def _admit(self) -> None:
        """Lets in whoever stands at the head, for as long as they ask the model whose turn it is."""
        first = self._head()
        if first is None:
            return
        if not self._busy and (self._current is None or first.source != self._current.source):
            self._begin(first)
        if self._batch is not None and not self._busy:
            self._gather(first.source, self._batch.room.rows)
        if self._batch is None or self._batch.patient(self._waiting(self._batch.room.rows)):
            return
        while coming := self._coming():
            self._batch.join(coming)
            self.counts.prefills += 1

    def _waiting(self, most: int) -> int:
        """Rows at the head of the queue that ask the model whose turn it is."""
        found = 0
        with self._changed:
            for call in self._calls:
                if found >= most or self._current is None or call.source != self._current.source:
                    break
                found += 0 if call.job.unwanted else len(call.rows)
        return found

    def _begin(self, first: _Waiting) -> None:
        """A batch of the model that whoever stands at the head asks."""
        self._limits = first.limits
        self._batch = self._current = None
        try:
            model = self._shelf.bring(first.source, self._close)
            if model.joins is None:
                model.joins = may_join(model.module, self.name)
            decoder = decoder_of(model.module, self.name, model.joins)
        except Exception as error:  # whatever it is, those who wait are to know
            self._refuse(first.source, self._told(error, first.source))
            return
        self._current, self._batch = model, Batch(decoder, self._room(model), self.name, self._ended)

    def _close(self, source: Source) -> None:
        """Ends the batch of a model, which is empty."""
        if self._current is not None and self._current.source == source:
            self._batch = self._current = None

    def _gather(self, source: Source, most: int) -> None:
        """Waits for calls that are being prepared, which takes a moment; not for any that may yet come."""
        for _ in range(_MOMENTS):
            if self._waiting(most) >= most or self._preparing[source] <= 0:
                return
            with self._changed:
                self._changed.wait(_MOMENT)

    def _head(self) -> _Waiting | None:
        with self._changed:
            while self._calls and (self._calls[0].job.unwanted or not self._calls[0].rows):
                self._calls.popleft()
            return self._calls[0] if self._calls else None

    def _coming(self) -> list[tuple[Row, Job]]:
        """Rows of the head of the queue that may join now."""
        coming: list[tuple[Row, Job]] = []
        while (first := self._head()) is not None and self._batch is not None and self._current is not None:
            beside = [row for row, _ in coming]
            if first.source != self._current.source or not self._batch.takes(first.rows[0], beside):
                break
            coming.append((first.rows.popleft(), first.job))
        return coming

    def _ended(self, row: Row, job: Job) -> None:
        self.counts.tokens += len(row.tokens)
        job.settle()

    def _refuse(self, source: Source, error: BaseException) -> None:
        """Nobody who waits for a model gets anything of it."""
        with self._changed:
            refused = [call for call in self._calls if call.source == source]
            self._calls = deque(call for call in self._calls if call.source != source)
        for call in refused:
            call.job.fail(error)

    def _end_batch(self, error: BaseException) -> None:
        """What went wrong in a batch is told to all of it, and to whom it was about to take in."""
        batch, self._batch, self._current = self._batch, None, None
        for _, job in batch.unfinished if batch is not None else ():
            job.fail(error)

    def _halve(self) -> None:
        """What did not fit begins again with half as many rows at once; what its rows have said already stays said."""
        batch, model = self._batch, self._current
        assert batch is not None
        assert model is not None
        rows = [held for held in batch.unfinished if not held[1].unwanted]
        self._batch = self._current = None
        del batch
        self._shelf.emptied()
        self.counts.halved += 1
        if len(rows) <= 1:
            for _, job in rows:
                job.fail(OutOfMemory(f"not even one reply of {model.source.name} fits into the memory of {self.name}"))
        else:
            self._most[model.source] = max(1, len(rows) // 2)
            with self._changed:
                for row, job in reversed(rows):
                    self._calls.appendleft(_Waiting(model.source, self._limits, job, deque([row])))

    def _room(self, model: Model) -> Room:
        on_gpu = model.on_gpu
        rows = self._limits.rows or (64 if on_gpu else 16)
        rows = min(rows, self._most.get(model.source, rows))
        places = self._limits.places or free_for_cache(self.name) // bytes_a_token(model)
        return Room(rows, places, _PROMPTS_ON_GPU if on_gpu else _PROMPTS_ON_CPU)

    def _drop_all(self) -> None:
        error = ConfigError("the local models were closed")
        self._end_batch(error)
        for call in self._calls:
            call.job.fail(error)
        for order in self._orders:
            order.done.cancel()
        self._shelf.clear()

    def _told(self, error: BaseException, source: Source | None) -> BaseException:
        if isinstance(error, torch.OutOfMemoryError):
            name = "" if source is None else source.name
            return OutOfMemory(f"the model {name} does not fit into the memory of {self.name}")
        return error
