"""Serves models in this process, with transformers: `local:FOLDER` or `local:ORG/NAME` on the Hub.

Behind the name, settings may follow: `local:ORG/NAME,dtype=bfloat16,device=cuda:1`; in a pool file they are `options`.

| setting | says |
|---|---|
| `dtype` | `auto` (as the weights are), `bfloat16`, `float16` or `float32` |
| `device` | `auto` (the first GPU, else the processor), `cpu`, `cuda:N` |
| `batch` | replies that go on together; 64 on a GPU, 16 on a processor |
| `batch_tokens` | tokens of their prompts and replies, each as long as it may become; as memory allows |
| `revision` | of a model on the Hub |
| `ram_gb` | what models may take of the computer's own memory; six tenths of it |

Nothing of the extra `local` is imported before the first call.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.errors import (
    BadCompletion,
    ConfigError,
    ContextTruncated,
    ExpertError,
    ExpertTimeout,
    LoadFailed,
    UnknownName,
)
from orchestrator.protocols import Backend
from orchestrator.types import Completion, Expert, Json, Price, Request, Response, Tokens

from .compatible import ended_by_window
from .in_process.taking import Taking
from .replies import response_of

if TYPE_CHECKING:
    from .in_process.device import Device
    from .in_process.model import Source
    from .in_process.prompt import Prompter
    from .in_process.row import Row

GROUP = "local"
"""The `resident_group` of local models that name none: on one device they are asked in turn."""

_EXTRA = ("torch", "transformers")
_INSTALL = 'pip install "diverse-orchestrator[local]"'
_DTYPES = ("auto", "bfloat16", "float16", "float32")
_WHOLE, _TEXTS, _NUMBERS = ("batch", "batch_tokens"), ("dtype", "device", "revision"), ("ram_gb",)
_SETTINGS = (*_TEXTS, *_WHOLE, *_NUMBERS)
_GIGABYTE = 1 << 30


def backend(expert: Expert) -> Backend:
    """The backend of one expert; costs nothing until it is first asked.

    Raises:
        ConfigError: the extra is not installed, there is no such folder, or a setting does not hold.
    """
    check(expert)
    return LocalBackend(expert)


def check(expert: Expert) -> None:
    """Finds what would make every call fail, importing nothing heavy.

    Raises:
        ConfigError: see `backend`.
    """
    missing = [name for name in _EXTRA if find_spec(name) is None]
    if missing:
        raise ConfigError(f"expert '{expert.id}' runs in this process and needs {' and '.join(missing)}: {_INSTALL}")
    _check_settings(expert)
    name = _name(expert)
    folder = Path(name)
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise ConfigError(f"expert '{expert.id}': there is no config.json in {name}, so it holds no model")
    elif _is_path(name) or name.count("/") > 1:
        raise ConfigError(f"expert '{expert.id}': there is no folder {name}")


def experts_in(text: str) -> tuple[Expert, ...]:
    """The expert of `local:...`, the prefix taken off.

    Raises:
        ConfigError: it names no model, or a setting does not hold.
    """
    name, _, rest = text.partition(",")
    options: dict[str, Json] = {}
    for part in rest.split(",") if rest else ():
        key, equals, value = part.partition("=")
        if key.strip() not in _SETTINGS or not equals:
            raise UnknownName("setting", key.strip(), _SETTINGS, f"local:{text}")
        options[key.strip()] = _read(key.strip(), value.strip(), text)
    return (resolved(Expert(f"local:{text}", name, client="local", options=options), Path()),)


def resolved(expert: Expert, folder: Path) -> Expert:
    """A local expert as it is asked: paths made absolute, and one of a group, which one device is for.

    Args:
        folder: to which paths are relative.

    Raises:
        ConfigError: it names no model, or a setting does not hold.
    """
    name = expert.model.removeprefix("local:").strip()
    if not name:
        raise ConfigError(f"expert '{expert.id}': name a model, such as local:./my-model or local:Qwen/Qwen3-0.6B")
    place = folder / Path(name).expanduser()
    if _is_path(name) or place.is_dir():
        name = str(place.resolve())
    device = expert.options.get("device")
    group = expert.resident_group or (GROUP if device in (None, "auto") else f"{GROUP} {device}")
    found = replace(
        expert, model=f"local:{name}", client="local", price=expert.price or Price(), resident_group=group,
        loader="local",
    )  # fmt: skip
    _check_settings(found)
    return found


async def warm() -> None:
    """Imports the libraries in a thread; worth doing beside other preparations."""
    await asyncio.to_thread(import_module, f"{__package__}.in_process.device")


class LocalBackend:
    """One model in this process. Each sample is a call of its own: those that meet on the device go on together."""

    journalled = True
    max_n = 1

    def __init__(self, expert: Expert) -> None:
        self.expert = expert
        self._prompter: Prompter | None = None
        self._device: Device | None = None
        self._taking = Taking(partial(_device, expert))
        self._opening = asyncio.Lock()
        self._empty: Counter[bytes] = Counter()
        """By key, how often a reply came without any text."""

    async def complete(self, batch: Sequence[Request]) -> Response:
        """The replies to all samples, drawn together.

        Raises:
            ContextTooLong: a prompt leaves no room in the context window.
            ContextTruncated: the window ended a reply.
            BadCompletion: a reply without any text.
            BadRequest, UnknownModel, OutOfMemory, ExpertTimeout: likewise, of all.
        """
        try:
            async with asyncio.timeout(self.expert.timeout):
                return await self._answered(batch)
        except TimeoutError:
            raise ExpertTimeout(f"no answer in {self.expert.timeout:g} s", expert=self.expert.id) from None

    async def aclose(self) -> None:
        """Gives the device back; its last user has its models forgotten."""
        self._device = self._prompter = None
        await self._taking.release()

    async def _answered(self, batch: Sequence[Request]) -> Response:
        prompter, device = await self._ready()
        source = _source(self.expert)
        with device.prepared(source):
            rows, dropped = await asyncio.to_thread(self._rows, prompter, batch)
        try:
            await device.answered(source, _limits(self.expert), rows)
        except ExpertError as error:
            raise type(error)(error.message, expert=self.expert.id) from None
        replies = [self._reply(prompter, *pair, dropped) for pair in zip(batch, rows, strict=True)]
        return _together(replies, dropped)

    def _rows(self, prompter: Prompter, batch: Sequence[Request]) -> tuple[tuple[Row, ...], tuple[str, ...]]:
        found = [prompter.row(request, self._empty[request.key]) for request in batch]
        return tuple(row for row, _ in found), found[0][1]

    def _reply(self, prompter: Prompter, request: Request, row: Row, dropped: tuple[str, ...]) -> Response:
        prompt, completion = len(row.ask.prompt), len(row.tokens)
        if row.finish == "length" and row.ask.cap < (request.sampling.max_tokens or 0):
            raise ContextTruncated(ended_by_window(prompter.window, prompt, completion), expert=self.expert.id)
        raw = {
            "model": _name(self.expert),
            "system_fingerprint": prompter.fingerprint,
            "usage": {"prompt_tokens": prompt, "completion_tokens": completion},
            "choices": [_choice(row, prompter)],
        }
        try:
            return response_of(raw, self.expert, [request], dropped)[0]
        except BadCompletion:
            self._empty[request.key] += 1
            raise

    async def _ready(self) -> tuple[Prompter, Device]:
        async with self._opening:
            if self._device is None:
                self._device = await self._taking.taken()
            if self._prompter is None:
                self._prompter = await asyncio.to_thread(_prompter, self.expert)
        return self._prompter, self._device


class LocalLoader:
    """Has a device bring models in and put them out."""

    def __init__(self) -> None:
        self._taking: Taking | None = None

    async def load(self, expert: Expert) -> None:
        device = await self._taken(expert)
        try:
            await device.load(_source(expert))
        except ExpertError as error:
            raise LoadFailed(error.message, expert=expert.id) from None

    async def unload(self, expert: Expert) -> None:
        device = await self._taken(expert)
        await device.unload(_source(expert))

    async def aclose(self) -> None:
        if self._taking is not None:
            await self._taking.release()

    async def _taken(self, expert: Expert) -> Device:
        if self._taking is None:
            self._taking = Taking(partial(_device, expert))
        return await self._taking.taken()


# -- what an expert says --------------------------------------------------------------------


def _name(expert: Expert) -> str:
    return expert.model.removeprefix("local:")


def _source(expert: Expert) -> Source:
    from .in_process.model import Source

    revision = expert.options.get("revision")
    return Source(_name(expert), None if revision is None else str(revision), str(expert.options.get("dtype", "auto")))


def _limits(expert: Expert) -> Any:
    from .in_process.device import Limits

    return Limits(expert.options.get("batch"), expert.options.get("batch_tokens"))  # type: ignore[arg-type]


def _device(expert: Expert) -> Device:
    from .in_process.device import Device

    ram = expert.options.get("ram_gb")
    memory = int(ram * _GIGABYTE) if isinstance(ram, int | float) else None
    return Device.taken(str(expert.options.get("device", "auto")), expert.resident_capacity or 1, memory)


def _prompter(expert: Expert) -> Prompter:
    from .in_process.prompt import Prompter

    return Prompter(_source(expert), expert)


def _is_path(name: str) -> bool:
    return name.startswith((".", "/", "~"))


def _read(key: str, value: str, text: str) -> Json:
    if key in _TEXTS:
        return value
    try:
        return int(value) if key in _WHOLE else float(value)
    except ValueError:
        raise ConfigError(f"local:{text}: {key} is a number, not '{value}'") from None


def _check_settings(expert: Expert) -> None:
    for key, value in expert.options.items():
        where = f"expert '{expert.id}': options.{key}"
        if key not in _SETTINGS:
            raise UnknownName("option", key, _SETTINGS, f"expert '{expert.id}'")
        if key in _TEXTS and not isinstance(value, str):
            raise ConfigError(f"{where}: {value!r} is no text")
        if key in _WHOLE and not (type(value) is int and value > 0):
            raise ConfigError(f"{where}: {value!r} is no whole number from 1 on")
        if key in _NUMBERS and not (type(value) in (int, float) and value > 0):  # type: ignore[operator]
            raise ConfigError(f"{where}: {value!r} is no number above 0")
    if (dtype := expert.options.get("dtype", "auto")) not in _DTYPES:
        raise UnknownName("dtype", str(dtype), _DTYPES, f"expert '{expert.id}'")


# -- replies --------------------------------------------------------------------------------


def _choice(row: Row, prompter: Prompter) -> Mapping[str, object]:
    """A reply as OpenAI's servers write one, which is read as theirs are."""
    told = None
    if row.logprobs:
        spelled = prompter.spelled
        told = [
            {
                "token": spelled(token),
                "logprob": logprob,
                "top_logprobs": [{"token": spelled(other), "logprob": value} for other, value in others],
            }
            for token, logprob, others in zip(row.tokens, row.logprobs, row.others, strict=True)
        ]
    return {"message": {"content": row.text}, "finish_reason": row.finish, "logprobs": {"content": told or ()}}


def _together(replies: Sequence[Response], dropped: tuple[str, ...]) -> Response:
    """The replies to samples of one prompt, which was read once."""
    completions: tuple[Completion, ...] = tuple(each for reply in replies for each in reply.completions)
    first = replies[0].bill
    completion = sum(reply.bill.completion for reply in replies)
    usd = sum(reply.bill.usd for reply in replies)
    return Response(completions, Tokens(first.prompt, completion, usd=usd), dropped)
