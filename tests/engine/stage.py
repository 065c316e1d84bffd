"""A model server on the loop's clock: slow, partial and faulty as a test says, and it counts what it generates."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from orchestrator.errors import ExpertError
from orchestrator.types import Completion, Expert, Message, Price, Request, Response, Sampling, Tokens

PRICE = Price(1e-6, 4e-6)

Pace = Callable[[random.Random], float]
"""Seconds that a reply takes."""

PACES: dict[str, Pace] = {
    "at once": lambda rng: 0.0,
    "constant": lambda rng: 1.0,
    "uniform": lambda rng: rng.uniform(0.1, 2.0),
    "long tail": lambda rng: min(60.0, rng.paretovariate(1.1) - 0.9),
}


@dataclass(eq=False)
class Stage:
    """Answers `reply` tokens at a `pace`; `fault` may end an attempt in an error instead.

    What the same request takes, costs and ends in is drawn from `seed` and the request, never from who came first.
    """

    pace: Pace = PACES["constant"]
    fault: Callable[[random.Random], ExpertError | None] = lambda rng: None
    tokens: Callable[[Request, random.Random], int] = lambda request, rng: 10
    most: int = 128
    """Choices that it returns at the most, however many are asked for."""
    max_n: int = 128
    seed: int = 0
    journalled = True
    batches: list[tuple[Request, ...]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    out: int = 0
    cancelled: int = 0
    billed: Tokens = Tokens()
    """What it generated, faulty and abandoned attempts included."""
    samples: int = 0
    """Choices that it billed."""
    answered: dict[bytes, int] = field(default_factory=dict)
    """How often each request was answered."""
    _tries: dict[bytes, int] = field(default_factory=dict)

    async def complete(self, batch: Sequence[Request]) -> Response:
        self.batches.append(tuple(batch))
        self.times.append(asyncio.get_running_loop().time())
        rng = self._fortune(batch[0])
        seconds, error = self.pace(rng), self.fault(rng)
        self.out += 1
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            self.cancelled += 1
            self._bill(batch, [r.sampling.max_tokens or 0 for r in batch])
            raise
        finally:
            self.out -= 1
        if error is not None:
            if not error.refunded:
                self._bill(batch, [self._size(r) for r in batch])
            raise error
        return self._answer(batch[: self.most])

    async def aclose(self) -> None:
        return None

    def _answer(self, served: Sequence[Request]) -> Response:
        sizes = [self._size(request) for request in served]
        for request in served:
            self.answered[request.key] = self.answered.get(request.key, 0) + 1
        texts = [reply_to(r, s) for r, s in zip(served, sizes, strict=True)]
        return Response(tuple(texts), self._bill(served, sizes))

    def _bill(self, batch: Sequence[Request], sizes: list[int]) -> Tokens:
        prompt = prompt_tokens(batch[0])
        bill = Tokens(prompt, sum(sizes), usd=PRICE.of(prompt, sum(sizes)))
        self.billed += bill
        self.samples += len(batch)
        return bill

    def _size(self, request: Request) -> int:
        rng = random.Random(f"{self.seed} size {request.key.hex()}")
        return min(self.tokens(request, rng), request.sampling.max_tokens or 10**9)

    def _fortune(self, request: Request) -> random.Random:
        number = self._tries[request.key] = self._tries.get(request.key, 0) + 1
        return random.Random(f"{self.seed} try {number} {request.key.hex()}")


def prompt_tokens(request: Request) -> int:
    return request.size // 4 + 4


def reply_to(request: Request, tokens: int) -> Completion:
    """The one reply that this server ever gives to a request."""
    prompt = prompt_tokens(request)
    text = f"{request.messages[-1].text} #{request.sample_index} {request.salt}"
    return Completion(text, tokens=Tokens(prompt, tokens, usd=PRICE.of(prompt, tokens)))


def expert(**settings: object) -> Expert:
    return Expert("e", "m", price=PRICE, **settings)  # type: ignore[arg-type]


def request(text: str = "question", sample: int = 0, *, max_tokens: int = 100, **settings: object) -> Request:
    return Request("e", "m", (Message("user", text),), Sampling(max_tokens=max_tokens, **settings), sample)  # type: ignore[arg-type]


def sometimes(share: float, make: Callable[[], ExpertError]) -> Callable[[random.Random], ExpertError | None]:
    """A fault that ends this share of all attempts."""
    return lambda rng: make() if rng.random() < share else None
