"""LiveCodeBench's test cases: plain JSON, or JSON in a pickle in zlib in base64, which only a sandbox unpacks.

A pickle is a program. It is never loaded here: a few lines in the sandbox do it, and refuse all but plain data.
"""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from orchestrator.sandbox import Comparison, Limits
from orchestrator.sandbox.examples import suites_of
from orchestrator.types import Example, Json

from .rows import Line

if TYPE_CHECKING:
    from orchestrator.sandbox import Sandbox, Suite

FIELD = "private_test_cases"
LARGEST = 256 << 20
"""Characters of all tests of a problem, unpacked."""
_PART = 4 << 20
"""Characters that come out of the sandbox, and go into it, at once."""
_LIMITS = Limits(seconds=60.0, memory_mb=4096, output_mb=LARGEST >> 20)

_UNPACKER = f"""
import base64, io, json, pickle, zlib


class Plain(pickle.Unpickler):
    def find_class(self, module, name):
        raise ValueError(f"the pickle wants {{module}}.{{name}}, which is no data")


text = ""


def unpack(packed, part):
    global text
    if packed:
        stream = zlib.decompressobj()
        raw = stream.decompress(base64.b64decode(packed, validate=True), {LARGEST})
        if stream.unconsumed_tail:
            raise ValueError("more than {LARGEST >> 20} MiB")
        if not stream.eof:
            raise ValueError("broken off")
        value = Plain(io.BytesIO(raw)).load()
        text = value if isinstance(value, str) else json.dumps(value)
        return len(text)
    return text[part * {_PART} : (part + 1) * {_PART}]
"""


class _Kept:
    """Suites that were opened last, up to so many characters in all, and the last of them in any case."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._suites: OrderedDict[SealedTests, tuple[int, tuple[Suite, ...]]] = OrderedDict()

    def get(self, tests: SealedTests) -> tuple[Suite, ...] | None:
        if tests not in self._suites:
            return None
        self._suites.move_to_end(tests)
        return self._suites[tests][1]

    def put(self, tests: SealedTests, suites: tuple[Suite, ...], size: int) -> None:
        self._suites[tests] = size, suites
        while len(self._suites) > 1 and sum(size for size, _ in self._suites.values()) > self.most:
            self._suites.popitem(last=False)


_KEPT = _Kept(64 << 20)


class Test(BaseModel):
    """One test case, as the files have it."""

    model_config = ConfigDict(frozen=True)

    input: str
    output: str
    testtype: Literal["stdin", "functional"] | None = None


_TESTS: TypeAdapter[tuple[Test, ...]] = TypeAdapter(tuple[Test, ...])


class SealedTests:
    """All tests of a problem, public ones first; the private ones are looked into when first needed.

    They are large, and a set has thousands: of a file that can be read anywhere they are read when needed, and only so
    much of what was opened is kept.

    Args:
        public: the examples that everybody may see.
        private: the field as the row has it.
        entry: name of the function that functional tests call.
        line: where the row stands.
    """

    def __init__(
        self, public: tuple[Example, ...], private: Json, entry: str | None, compare: Comparison, line: Line
    ) -> None:
        if not isinstance(private, str | list | None):
            raise line.error(f"field '{FIELD}': a {type(private).__name__} is no list of tests, packed or not")
        self._public, self._entry = public, entry
        self._compare: Comparison = compare
        self._size = len(private or "")
        self._private = private if line.offset is None else None
        self._line = replace(line, row={})
        self._turns: tuple[asyncio.AbstractEventLoop, asyncio.Lock] | None = None

    def __bool__(self) -> bool:
        return bool(self._public) or self._size > 0

    async def opened(self, box: Sandbox) -> tuple[Suite, ...]:
        """The tests, in suites that the sandbox takes at once.

        Raises:
            BenchmarkError: they cannot be read.
            SandboxUnavailable: nothing can be run.
        """
        async with self._turn():
            suites = _KEPT.get(self)
            if suites is None:
                hidden = examples_of(await self._unpacked(box), self._entry, self._line, FIELD)
                examples = (*self._public, *hidden)
                suites = tuple(self._in_suites(examples))
                _KEPT.put(self, suites, sum(len(one.input) + len(one.output) for one in examples))
        return suites

    def _turn(self) -> asyncio.Lock:
        """Whoever wants the tests while they are opened waits for that."""
        loop = asyncio.get_running_loop()
        if self._turns is None or self._turns[0] is not loop:
            self._turns = loop, asyncio.Lock()
        return self._turns[1]

    def _field(self) -> Json:
        if self._private is not None or self._size == 0:
            return self._private
        value = self._line.again().get(FIELD)
        if not isinstance(value, str | list) or len(value) != self._size:
            raise self._line.error("the file is not what it was when its problems were read")
        return value

    def _in_suites(self, examples: Sequence[Example]) -> Iterator[Suite]:
        try:
            for portion in _portions(examples):
                yield from suites_of(portion, self._compare)
        except ValueError as error:
            raise self._line.error(f"field '{FIELD}': a test of a function is no JSON: {error}") from None

    async def _unpacked(self, box: Sandbox) -> Json:
        packed = self._field()
        if not isinstance(packed, str) or packed.lstrip()[:1] in ("[", ""):
            return packed
        length, *parts = await box.outputs(
            _UNPACKER, "unpack", [(packed, 0), *(("", i) for i in range(LARGEST // _PART))], _LIMITS
        )
        wrong = next((part for part in (length, *parts) if part.verdict != "passed"), None)
        if wrong is not None:
            raise self._line.error(f"field '{FIELD}': it cannot be unpacked: {wrong.detail or wrong.verdict}")
        text = "".join(str(part.value) for part in parts)
        if len(text) != length.value:
            raise self._line.error(f"field '{FIELD}': {length.value} characters were unpacked, {len(text)} came")
        return text


def examples_of(value: Json, entry: str | None, line: Line, field: str) -> tuple[Example, ...]:
    """Test cases as examples that the prompt tells.

    Raises:
        BenchmarkError: they are no test cases.
    """
    try:
        tests = _TESTS.validate_python((json.loads(value) if isinstance(value, str) else value) or ())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise line.error(f"field '{field}.{'.'.join(map(str, first['loc']))}': {first['msg']}") from None
    except (ValueError, RecursionError) as error:
        raise line.error(f"field '{field}': not JSON: {error}") from None
    if entry is None and any(test.testtype == "functional" for test in tests):
        raise line.error(f"field '{field}': its tests call a function, but metadata has no func_name")
    return tuple(Example(test.input, test.output, entry, told=True) for test in tests)


def _portions(examples: Sequence[Example]) -> Iterator[list[Example]]:
    """Runs of examples, none much larger than what goes into the sandbox at once."""
    portion: list[Example] = []
    room = _PART
    for example in examples:
        taken = len(example.input) + len(example.output)
        if portion and taken > room:
            yield portion
            portion, room = [], _PART
        portion.append(example)
        room -= taken
    if portion:
        yield portion
