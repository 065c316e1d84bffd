"""An expert that answers by script: for tests, and for examples that run without any model.

In code:

    expert = ScriptedExpert(lambda request: "The answer is 4")
    expert = ScriptedExpert([Rule("2 \\\\+ 2", "The answer is {i}"), Rule(".", "No idea.")])
    expert.value                    # the Expert to ask
    expert.batches                  # what left together, in order

as a file, for `-e scripted:FILE.toml`:

    latency = "exp:0.2"             # seconds: a number, exp:MEAN or uniform:LOW,HIGH; drawn by `seed`
    [[rule]]
    match = "2 \\\\+ 2"             # regular expression, searched in the whole conversation
    reply = "The answer is 4"       # or replies = [...], one a sample; {i} is the sample index, {1} the first group
"""

from __future__ import annotations

import asyncio
import inspect
import math
import random
import re
import tomllib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.errors import ConfigError, ExpertError, NotRecorded, UnknownName
from orchestrator.protocols import Backend
from orchestrator.types import Completion, Expert, FinishReason, Json, Price, Request, Response, Tokens

from .thoughts import split_thoughts

Answerer = Callable[[Request], "str | Completion | Awaitable[str | Completion]"]
"""Answers one request; may raise an `ExpertError`, which fails the attempt."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A reply to every conversation in which a pattern is found."""

    match: str
    """Regular expression; `.` matches newlines too."""
    reply: str | Sequence[str]
    """`{i}` stands for the sample index, `{1}` for the first group; of several replies sample i gets the i-th."""
    last: bool = False
    """Search the last message only."""
    purpose: str | None = None
    """Answer only requests with this purpose."""

    def answer(self, request: Request) -> str | None:
        """The reply to a request; `None` where the rule does not speak to it."""
        if self.purpose is not None and request.labels.purpose != self.purpose:
            return None
        messages = request.messages[-1:] if self.last else request.messages
        found = re.search(self.match, "\n".join(message.text for message in messages), re.DOTALL)
        if found is None:
            return None
        replies = (self.reply,) if isinstance(self.reply, str) else self.reply
        slots = {"i": str(request.sample_index), **{str(n): g or "" for n, g in enumerate(found.groups(), 1)}}
        return re.sub(
            r"\{(i|\d+)\}", lambda slot: slots.get(slot[1], slot[0]), replies[request.sample_index % len(replies)]
        )


class ScriptedExpert:
    """A backend that answers by a function or by rules, the first that matches.

    A token is a word between spaces, so that budgets can be counted on fingers; `max_tokens` cuts.

    Args:
        script: function of a request, or rules.
        id: the expert's id.
        latency: seconds an answer takes, on the event loop's clock: a number, `exp:MEAN` or `uniform:LOW,HIGH`.
        seed: seeds the latency.
        failures: number of a call (from 0) -> the error that it ends in.
        max_n: samples that one call may ask for.
        price: of a token; free by default.
    """

    journalled = True

    def __init__(
        self,
        script: Answerer | Sequence[Rule],
        *,
        id: str = "scripted",
        latency: float | str = 0.0,
        seed: int = 0,
        failures: Mapping[int, ExpertError] | None = None,
        max_n: int = 128,
        price: Price | None = None,
    ) -> None:
        self._script = script if callable(script) else _by_rules(tuple(script), id)
        self._latency, self._rng = _latency(latency, id), random.Random(seed)
        self._failures, self._max_n = dict(failures or {}), max_n
        self.batches: list[tuple[Request, ...]] = []
        self.value = Expert(id, id, client="scripted", price=price or Price(), options=_Held(self))

    @property
    def max_n(self) -> int:
        return self._max_n

    @property
    def requests(self) -> list[Request]:
        """All requests, in the order in which they left."""
        return [request for batch in self.batches for request in batch]

    async def complete(self, batch: Sequence[Request]) -> Response:
        number = len(self.batches)
        self.batches.append(tuple(batch))
        if (seconds := self._latency(self._rng)) > 0:
            await asyncio.sleep(seconds)
        if number in self._failures:
            raise self._failures[number]
        price = self.value.price or Price()
        completions = [await self._answer(request, price) for request in batch]
        prompt, completion = completions[0].tokens.prompt, sum(c.tokens.completion for c in completions)
        hidden = sum(c.tokens.reasoning for c in completions)
        return Response(tuple(completions), Tokens(prompt, completion, hidden, usd=price.of(prompt, completion)))

    async def aclose(self) -> None:
        """Nothing to let go of."""

    async def _answer(self, request: Request, price: Price) -> Completion:
        said = self._script(request)
        if inspect.isawaitable(said):
            said = await said
        if isinstance(said, Completion):
            return replace(said, expert=said.expert or self.value.id)
        cap = request.sampling.max_tokens
        text, thoughts = split_thoughts(said)
        thoughts, _ = _cut(thoughts, cap)
        hidden = len(thoughts.split())
        text, finish = _cut(text, None if cap is None else cap - hidden)
        prompt, words = sum(len(message.text.split()) for message in request.messages), hidden + len(text.split())
        tokens = Tokens(prompt, words, hidden, usd=price.of(prompt, words))
        return Completion(text, thoughts, finish, tokens, self.value.model, expert=self.value.id)


class _Held(dict[str, Json]):
    """The options of a scripted expert's value: empty, and the way back to what answers for it."""

    def __init__(self, scripted: ScriptedExpert | None = None) -> None:
        super().__init__()
        self.scripted = scripted


def backend(expert: Expert) -> Backend:
    """What answers for a scripted expert: the object made in code, or the file named by its option `file`.

    Raises:
        ConfigError: neither is there, or the file does not hold.
    """
    options = expert.options
    if isinstance(options, _Held) and options.scripted is not None:
        return options.scripted
    file = options.get("file")
    if not isinstance(file, str):
        raise ConfigError(f"expert '{expert.id}': a scripted expert needs the option file")
    return from_file(Path(file), expert.id, expert.price)


def from_file(path: Path, id: str, price: Price | None = None) -> ScriptedExpert:
    """The expert that a TOML file describes.

    Raises:
        ConfigError: no such file, not TOML, or a rule that does not hold; with the path.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from None
    if extra := set(table) - {"rule", "latency", "seed", "max_n"}:
        raise UnknownName("key", min(extra), ("rule", "latency", "seed", "max_n"), str(path))
    rules = table.get("rule")
    if not isinstance(rules, list) or not rules:
        raise ConfigError(f"{path}: no [[rule]] in it")
    return ScriptedExpert(
        [_rule(rule, f"{path}: [[rule]] {number}") for number, rule in enumerate(rules, 1)],
        id=id,
        latency=table.get("latency", 0.0),
        seed=_whole(table, "seed", 0, path),
        max_n=_whole(table, "max_n", 128, path),
        price=price,
    )


def _rule(table: object, where: str) -> Rule:
    known = ("match", "reply", "replies", "last", "purpose")
    if not isinstance(table, dict):
        raise ConfigError(f"{where}: must be a table")
    if extra := set(table) - set(known):
        raise UnknownName("key", min(extra), known, where)
    replies = table.get("replies", table.get("reply"))
    texts = [replies] if isinstance(replies, str) else replies
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise ConfigError(f"{where}: needs a reply, or a list of replies")
    match = table.get("match", "")
    try:
        re.compile(match)
    except (re.error, TypeError) as error:
        raise ConfigError(f"{where}: match {match!r} is no regular expression: {error}") from None
    return Rule(match, tuple(texts), bool(table.get("last", False)), table.get("purpose"))


def _whole(table: Mapping[str, object], name: str, default: int, path: Path) -> int:
    value = table.get(name, default)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ConfigError(f"{path}: {name} must be a whole number, not {value!r}")


def _by_rules(rules: Sequence[Rule], id: str) -> Answerer:
    def answer(request: Request) -> str:
        for rule in rules:
            if (reply := rule.answer(request)) is not None:
                return reply
        raise NotRecorded(f"no rule for '{request.messages[-1].text[:60]}'", expert=id)

    return answer


def _latency(spec: float | str, where: str) -> Callable[[random.Random], float]:
    kind, _, numbers = str(spec).partition(":")
    try:
        match kind, [float(number) for number in (numbers or kind).split(",")]:
            case "exp", [mean]:
                return lambda rng: -mean * math.log(1.0 - rng.random())
            case "uniform", [low, high]:
                return lambda rng: rng.uniform(low, high)
            case _, [seconds] if not numbers:
                return lambda rng: seconds
    except ValueError:
        pass
    raise ConfigError(f"{where}: latency {spec!r} is not a number, exp:MEAN or uniform:LOW,HIGH")


def _cut(text: str, cap: int | None) -> tuple[str, FinishReason]:
    words = list(re.finditer(r"\S+", text))
    if cap is None or len(words) <= cap:
        return text, "stop"
    return text[: words[cap - 1].end()] if cap else "", "length"
