"""Which models a group has, and how their servers are told to bring one in and to put one out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from orchestrator.errors import LoadFailed
from orchestrator.protocols import Loader
from orchestrator.types import Expert


class Loading:
    """The models of one group.

    Args:
        experts: all of it.
        loader_of: has an expert's model brought in and put out; `None` where its server loads what it is asked.
        tell: told once of every way in which a loader failed, in one line; the run goes on, as many servers load what
            they are asked.

    Raises:
        ConfigError: an expert's loader cannot be made.
    """

    def __init__(
        self,
        experts: Iterable[Expert],
        loader_of: Callable[[Expert], Loader | None],
        tell: Callable[[str], None],
    ) -> None:
        self.experts: dict[str, Expert] = {}
        """By model; the first of those that share it."""
        self._loader_of, self._tell = loader_of, tell
        self._loaders: dict[str, Loader | None] = {}
        self._failures: set[str] = set()
        self._cleared = False
        for expert in experts:
            self.know(expert)

    def know(self, expert: Expert) -> str:
        """The model of an expert, which is of the group from now on."""
        model = model_of(expert)
        if model not in self.experts:
            self._loaders[model] = self._loader_of(expert)
            self.experts[model] = expert
        return model

    @property
    def told(self) -> bool:
        """Whether any server is to be told."""
        return any(loader is not None for loader in self._loaders.values())

    async def swap(self, load: str, evict: str | None, loaded: Collection[str]) -> None:
        """Has one model put out and the other brought in; before the first, all others are put out.

        Args:
            loaded: what is to be there after it.
        """
        going = [] if evict is None else [evict]
        if not self._cleared:
            self._cleared = True
            going = [model for model in self.experts if model not in loaded]
        for model in going:
            await self._tell_server(model, out=True)
        await self._tell_server(load, out=False)

    async def aclose(self) -> None:
        """Lets go of connections."""
        for loader in self._loaders.values():
            if loader is not None:
                await loader.aclose()

    async def _tell_server(self, model: str, *, out: bool) -> None:
        """Whether it understood shows when the model is asked."""
        expert, loader = self.experts[model], self._loaders[model]
        if loader is None:
            return
        try:
            await (loader.unload(expert) if out else loader.load(expert))
        except LoadFailed as error:
            if str(error) not in self._failures:
                self._failures.add(str(error))
                self._tell(str(error))


def model_of(expert: Expert) -> str:
    """What is loaded when an expert is asked: experts that differ in more than this share it."""
    return f"{expert.client} {expert.api_base or ''} {expert.model}"
