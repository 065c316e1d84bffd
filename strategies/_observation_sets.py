"""Sets of observations: which there are, what grows out of each, and how many plans that may bring."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations, islice
from math import comb

from orchestrator.types import Reply

from ._lists import distinct, gist

_PORTION = 3
"""Plans that a set should bring at the least where its observing is to pay: two observations, and both together."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What one conversation brought."""

    observations: tuple[str, ...] = ()
    replies: tuple[Reply, ...] = ()


@dataclass(frozen=True, slots=True)
class Node:
    """One set of observations: plans are made from it, and further observations derived from it."""

    observations: tuple[str, ...] = ()
    room: int = 0
    """How many plans may come of what grows out of it."""
    layer: int = 0
    """Layers of observations that it stands on."""
    known: frozenset[str] = frozenset()
    """Gist of all that was observed on the way here, whether or not it is in the set."""
    unused: tuple[str, ...] = ()
    """For the empty set: the observations of the layer above."""
    lineage: tuple[Reply, ...] = ()
    """The replies that it was read from."""

    @property
    def key(self) -> frozenset[str]:
        """Equal for sets that say the same."""
        return frozenset(map(gist, self.observations))


@dataclass(frozen=True, slots=True)
class Shape:
    """How the sets grow.

    Args:
        keep: observations used of each conversation, at the most.
        subset_size: size of the largest subset of them.
        depth: layers of observations.
        inherit: whether a set holds the observations of the one that it grew out of.
        first: observations of the first conversation, where it brought fewer than are kept.
    """

    keep: int
    subset_size: int
    depth: int
    inherit: bool = True
    first: int | None = None

    # -- growing ------------------------------------------------------------------------

    def grown(self, node: Node, seen: Seen) -> list[Node]:
        """The sets that grow out of one, smallest first.

        What was observed before is not new. So no two sets of a tree are equal: where their branches parted, each holds
        another subset of the same observations, and none of these can come back later.
        """
        fresh = self.fresh(node, seen)
        known = node.known | frozenset(map(gist, seen.observations))
        chosen = _first(list(islice(self._subsets(fresh, node), node.room + 1)), node.room)
        shares = self.shares(node.room, node.layer)
        return [self._child(node, seen, s, share, known) for s, share in zip(chosen, shares, strict=False)]

    def fresh(self, node: Node, seen: Seen) -> list[str]:
        """The observations that are used of a conversation."""
        return [one for one in distinct(seen.observations) if gist(one) not in node.known][: self.keep]

    def _subsets(self, fresh: Sequence[str], node: Node) -> Iterator[tuple[str, ...]]:
        # Without further observations a set below the root is the one that it grew out of.
        smallest = 0 if node.layer == 0 else 1
        for size in range(smallest, self.subset_size + 1):
            yield from combinations(fresh, size)

    def _child(self, node: Node, seen: Seen, subset: tuple[str, ...], share: int, known: frozenset[str]) -> Node:
        if not subset:
            return Node((), share - 1, node.layer + 1, known, seen.observations, seen.replies)
        observations = (*node.observations, *subset) if self.inherit else subset
        return Node(observations, share - 1, node.layer + 1, known, (), (*node.lineage, *seen.replies))

    def merged(self, nodes: Iterable[Node]) -> list[Node]:
        """Of equal sets the first; what any of them knows is known to all."""
        nodes = list(nodes)
        known = frozenset[str]().union(*(node.known for node in nodes))
        first: dict[frozenset[str], Node] = {}
        for node in nodes:
            first.setdefault(node.key, node)
        return [replace(node, known=known) for node in first.values()]

    # -- counting -----------------------------------------------------------------------

    @property
    def plans(self) -> int:
        """Plans, where every conversation brings as many observations as are used."""
        return self._width(0) * self._most(1)

    def shares(self, plans: int, layer: int) -> tuple[int, ...]:
        """How many plans each set that grows out of one may bring, itself included, where all may bring `plans`.

        Every set gets one before any gets more; of the rest as many have a part as get a portion worth observing for.
        """
        most = self._most(layer + 1)
        sets = min(self._width(layer), plans)
        rest = min(plans, sets * most) - sets
        if rest <= 0:
            return (1,) * sets
        parts = min(sets, max(rest // _PORTION, -(-rest // (most - 1))))
        each, over = divmod(rest, parts)
        return tuple(1 + (i < parts) * each + (i < over) for i in range(sets))

    def conversations(self, plans: int, layer: int = 0) -> int:
        """How often somebody is asked to observe, at the most, to bring `plans` plans out of a set of this layer."""
        shares = Counter(self.shares(plans, layer))
        return 1 + sum(n * self.conversations(share - 1, layer + 1) for share, n in shares.items() if share > 1)

    def layers(self, plans: int, layer: int = 0) -> int:
        """Layers of observations that a plan stands on, at the most."""
        shares = set(self.shares(plans, layer))
        return 1 + max((self.layers(share - 1, layer + 1) for share in shares if share > 1), default=0)

    def _width(self, layer: int) -> int:
        """Sets that grow out of one of this layer, at the most."""
        observations = self.keep if layer or self.first is None else self.first
        return _subsets_of(observations, self.subset_size) - (layer > 0)

    def _most(self, layer: int) -> int:
        """Plans that come of one set of this layer, itself included, at the most."""
        return 1 + (self._width(layer) * self._most(layer + 1) if layer < self.depth else 0)


@cache
def _subsets_of(n: int, largest: int) -> int:
    return sum(comb(n, size) for size in range(min(n, largest) + 1))


def _first(subsets: list[tuple[str, ...]], room: int) -> list[tuple[str, ...]]:
    """As many as there is room for; a single one rather holds an observation than none."""
    if room == 1 and len(subsets) > 1 and not subsets[0]:
        return subsets[1:2]
    return subsets[:room]
