"""Work that is done once for each key, however many wait for it; may be used from several event loops."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")


@dataclass(slots=True)
class Once(Generic[T]):
    """What was made for the last `most` keys."""

    most: int = 512
    _made: OrderedDict[Hashable, T] = field(default_factory=OrderedDict)
    _locks: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Hashable, asyncio.Lock]] = field(
        default_factory=WeakKeyDictionary
    )

    async def get(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        """What is there for the key, or what `make` makes. When it fails or is cancelled, the next in line makes it."""
        locks = self._locks.setdefault(asyncio.get_running_loop(), {})
        async with locks.setdefault(key, asyncio.Lock()):
            if key not in self._made:
                self._made[key] = await make()
                while len(self._made) > self.most:
                    old, _ = self._made.popitem(last=False)
                    locks.pop(old, None)
            return self._made[key]
