"""All resident groups of an engine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Coroutine, Hashable, Iterable, Mapping

from orchestrator.protocols import Loader
from orchestrator.types import Expert, capacity_of

from .coming import Coming
from .flight import Flight
from .habits import Followed, Habits
from .loading import Loading, model_of
from .residents import Loaded, Residents


class Groups:
    """The gates of experts that share memory, each made when one of its group is first asked.

    Args:
        experts: everybody, by id.
        loader_of: has the models of a group loaded and unloaded, where a server is to be told.
        tell: told in one line of every loader that failed.

    Raises:
        ConfigError: experts of one group contradict each other, or a loader cannot be made.
    """

    def __init__(
        self, experts: Mapping[str, Expert], loader_of: Callable[[Expert], Loader | None], tell: Callable[[str], None]
    ) -> None:
        self.coming = Coming()
        """What strategies have declared."""
        self.habits = Habits()
        """What problems ask that nobody declared."""
        self._models: dict[str, str | None] = {}
        self._experts, self._loader_of, self._tell = experts, loader_of, tell
        self._gates: dict[str, Residents] = {}
        # All now: somebody should hear of what is wrong with one before anything is asked.
        names = dict.fromkeys(expert.resident_group for expert in experts.values() if expert.resident_group is not None)
        self._groups = {name: self._group(name) for name in names}

    def gate(
        self,
        name: str | None,
        flights: Callable[[], Iterable[Flight]],
        start: Callable[[Coroutine[object, object, None]], object],
    ) -> Residents | None:
        """The gate of a group; `None` of those that are in none."""
        if name is not None and name not in self._gates:
            if name not in self._groups:
                self._groups[name] = self._group(name)
            capacity, loading = self._groups[name]
            self._gates[name] = Residents(name, capacity, loading, flights, self.coming, self.habits, start)
        return None if name is None else self._gates[name]

    def model(self, expert: str) -> str | None:
        """The model of an expert that shares memory with others; `None` of all others."""
        if expert not in self._models:
            value = self._experts[expert]
            self._models[expert] = None if value.resident_group is None else model_of(value)
        return self._models[expert]

    def follow(self, kind: Hashable) -> Followed | None:
        """A problem begins, which will ask what others of its kind did; nobody is followed where there is no group."""
        return self.habits.follow(kind) if self._groups else None

    @property
    def loads(self) -> Counter[str]:
        """How often the model of each expert was loaded."""
        return sum((gate.loads for gate in self._gates.values()), Counter[str]())

    @property
    def history(self) -> list[Loaded]:
        """The last of these loads, group by group."""
        return [loaded for gate in self._gates.values() for loaded in gate.history]

    async def aclose(self) -> None:
        """Lets go of timers, and of the loaders' connections."""
        for gate in self._gates.values():
            gate.close()
        for _, loading in self._groups.values():
            await loading.aclose()

    def _group(self, name: str) -> tuple[int, Loading]:
        """How many models of a group are loaded at once, and all of them."""
        members = [expert for expert in self._experts.values() if expert.resident_group == name]
        return capacity_of(name, members), Loading(members, self._loader_of, self._tell)
