"""Answers from recorded generations: how routing, voting and selection are measured without spending."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from orchestrator.errors import ConfigError, ExpertLost, NotRecorded, UnknownName
from orchestrator.protocols import Backend
from orchestrator.types import Completion, Expert, Price, Request, Response, Tokens

from .recorded import TESTS, ReplayFile, listed, opened
from .replies import estimated_tokens

_MOST = 128


def backend(expert: Expert) -> Backend:
    """The backend of one recorded expert; its `options` are `file`, `expert` and `style`.

    Raises:
        ConfigError: the options do not name a file.
    """
    return ReplayBackend(expert)


def experts_in(spec: str) -> tuple[Expert, ...]:
    """The experts of `FILE` in file order, or the one of `FILE#EXPERT/STYLE`.

    Raises:
        ConfigError: the file cannot be read or holds nothing.
        UnknownName: it has no such expert.
    """
    name, hash_sign, wanted = spec.partition("#")
    path = Path(name).expanduser()
    found = {f"{expert}/{style}": (expert, style) for expert, style in listed(path)}
    if hash_sign and wanted not in found:
        raise UnknownName("recorded expert", wanted, found, name)
    return tuple(
        Expert(
            id=f"replay:{name}#{key}",
            model=key,
            client="replay",
            price=Price(),
            options={"file": str(path.resolve()), "expert": expert, "style": style},
        )
        for key, (expert, style) in found.items()
        if not hash_sign or key == wanted
    )


class ReplayBackend:
    """One recorded expert: the text of (problem, purpose `answer` or `tests`, sample index), whatever was asked.

    Nothing is spent: the price is 0, the prompt counts no tokens, and completion tokens are an estimate (a fourth of
    the text's UTF-8 bytes, rounded up).
    """

    journalled = False

    def __init__(self, expert: Expert) -> None:
        self.expert = expert
        self._file: ReplayFile = opened(Path(_option(expert, "file")))
        self._who = _option(expert, "expert"), _option(expert, "style")

    @property
    def max_n(self) -> int:
        """Many where no sample is missing between others, so that what a batch lacks lies at its end; else 1."""
        return _MOST if self._file.gapless(*self._who) else 1

    async def complete(self, batch: Sequence[Request]) -> Response:
        """The recorded texts, up to the first that there is not.

        Raises:
            NotRecorded: not even the first is there.
            ExpertLost: the file cannot be read.
        """
        try:
            await self._file.ready()
        except ConfigError as error:
            raise ExpertLost(str(error), expert=self.expert.id) from error
        completions = tuple(self._found(batch))
        if not completions:
            first = batch[0]
            raise NotRecorded(
                f"no sample {first.sample_index} of problem '{first.labels.problem}' for {first.labels.purpose}",
                expert=self.expert.id,
            )
        return Response(completions, sum((c.tokens for c in completions), Tokens()))

    async def aclose(self) -> None:
        """Nothing to let go of: the file goes with its last backend."""

    def _found(self, batch: Sequence[Request]) -> Iterator[Completion]:
        expert, style = self._who
        for request in batch:
            purpose, problem = request.labels.purpose, request.labels.problem
            if purpose not in ("answer", "tests"):
                return
            text = self._file.text(expert, style if purpose == "answer" else TESTS, problem, request.sample_index)
            if text is None:
                return
            tokens = Tokens(completion=estimated_tokens((text,)))
            yield Completion(text, tokens=tokens, model=self.expert.model, expert=self.expert.id)


def _option(expert: Expert, name: str) -> str:
    value = expert.options.get(name)
    if isinstance(value, str):
        return value
    raise ConfigError(
        f"expert '{expert.id}': a replay expert needs options file, expert and style; '{name}' is missing"
    )
