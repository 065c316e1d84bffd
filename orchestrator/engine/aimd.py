"""How many requests an expert may have in flight: additive increase, halved on 429."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Window:
    """Starts at `most` and never exceeds it.

    One burst of 429s halves it once: only a request that left after the last cut can cut again.
    """

    most: int
    size: float = field(init=False)
    generation: int = 0
    """Which cut a request left after; noted when it leaves, given back when it fails."""

    def __post_init__(self) -> None:
        self.size = float(self.most)

    def room(self, out: int) -> bool:
        return out < max(1, int(self.size))

    def succeeded(self) -> None:
        self.size = min(float(self.most), self.size + 1 / self.size)

    def limited(self, generation: int) -> bool:
        """A 429 came; returns whether it is the first of its burst, which is the one that cuts."""
        if generation != self.generation:
            return False
        self.generation += 1
        self.size = max(1.0, self.size / 2)
        return True
