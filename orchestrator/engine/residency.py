"""Which models of a group stay loaded, and which is loaded next: the policy alone, without clock, loop or server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

PATIENCE = 1.5
"""A model that was passed over in more swaps than this times the number of those that waited goes first."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What there is to do for one model."""

    queued: int
    """Calls that could leave at once if it were loaded."""
    completing: float = 0
    """Of these, those of problems that wait for nothing else: their replies let these problems go on. One whose problem
    may as well be at its end counts for the chance that it is not."""
    declared: int = 0
    """Calls that strategies say will come, or that history makes likely: a model is better loaded once, when they are
    there."""
    following: int = 0
    """Of the declared ones, those that its own replies bring: of problems that wait for nothing else."""
    unsure: float = 0
    """Calls that may come as well, as many as there are on average: too little to wait for."""

    @property
    def rank(self) -> tuple[bool, float]:
        """The higher, the sooner it is loaded. First come models that need not be loaded again for all that is known.

        Of them, and of the others, those come first that are worth most: a call that is there or that follows counts
        1, what lets a problem go on a half more, and each call that would come too late takes a half, one that may
        come in proportion.
        """
        late = self.declared - self.following
        worth = 2 * (self.queued + self.following) + self.completing - late - self.unsure
        return late <= 0, round(worth, 6)  # in which order parts were summed makes no difference


@dataclass(frozen=True, slots=True)
class Swap:
    """One model comes, and where there is no room another goes."""

    load: str
    evict: str | None = None


@dataclass(slots=True)
class Residency:
    """The models of one group, of which `capacity` are loaded at once.

    A loaded model is served until it is dry. Then the model is loaded whose calls weigh most; nobody waits for more to
    come, as with one model loaded little can come while it idles. What was passed over too often goes first; this is
    counted in swaps, since once there is more to do than time, every model has waited too long by any number of
    seconds.
    """

    capacity: int = 1
    loaded: list[str] = field(default_factory=list)
    """The longest unused first."""
    passed: dict[str, int] = field(default_factory=dict)
    """Of those that wait, in how many swaps each was passed over."""
    crowd: dict[str, int] = field(default_factory=dict)
    """Of those that wait, how many waited at the most meanwhile: in turn, each would be passed over so often."""
    loads: Counter[str] = field(default_factory=Counter)

    def next(self, demand: Mapping[str, Demand], busy: Collection[str]) -> Swap | None:
        """The swap to be made now, if one is; it counts as made.

        Args:
            demand: of the models of the group, those that have waited longest first.
            busy: loaded models that are not dry.
        """
        waiting = {model: of for model, of in demand.items() if model not in self.loaded and of.queued}
        room = len(self.loaded) < self.capacity
        dry = [model for model in self.loaded if model not in busy]
        if not waiting or not (room or dry):
            return None
        evicted = None if room else min(dry, key=lambda model: demand[model].declared if model in demand else 0)
        self.crowd = {model: max(self.crowd.get(model, 0), len(waiting)) for model in waiting}
        chosen = self._first(waiting)
        self.passed = {model: self.passed.get(model, 0) + 1 for model in waiting if model != chosen}
        del self.crowd[chosen]
        if evicted is not None:
            self.loaded.remove(evicted)
        self.loaded.append(chosen)
        self.loads[chosen] += 1
        return Swap(chosen, evicted)

    def used(self, model: str) -> None:
        """A loaded model was asked just now."""
        if self.loaded[-1:] != [model] and model in self.loaded:
            self.loaded.remove(model)
            self.loaded.append(model)

    def _first(self, waiting: Mapping[str, Demand]) -> str:
        late = [model for model in waiting if self.passed.get(model, 0) > PATIENCE * self.crowd[model]]
        if late:
            return max(late, key=lambda model: self.passed[model])
        return max(waiting, key=lambda model: waiting[model].rank)
