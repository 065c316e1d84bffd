"""Frames and values between processes: what is packed comes back the same, and hostile frames are refused."""

from __future__ import annotations

import datetime
import json
import math
import os
import threading
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.sandbox._cell import values, wire

atoms = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(1 << 300), 1 << 300)
    | st.floats(allow_nan=False)
    | st.text(st.characters())
    | st.binary()
    | st.binary().map(bytearray)
    | st.complex_numbers(allow_nan=False)
    | st.decimals(allow_nan=False)
    | st.fractions()
    | st.dates()
    | st.datetimes().map(lambda moment: moment.replace(fold=0))
    | st.times().map(lambda moment: moment.replace(fold=0))
    | st.timedeltas()
    | st.builds(range, st.integers(-99, 99), st.integers(-99, 99), st.integers(1, 9))
)
keys = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary(),
    lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3),
    max_leaves=5,
)
anything = st.recursive(
    atoms,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.lists(inner, max_size=5).map(tuple)
        | st.lists(inner, max_size=5).map(deque)
        | st.dictionaries(keys, inner, max_size=5)
        | st.sets(keys, max_size=5)
        | st.frozensets(keys, max_size=5)
    ),
    max_leaves=20,
)


def exactly(value: object) -> object:
    """The value with the types of all that is in it, so that `1`, `True` and `1.0` differ."""
    if isinstance(value, list | tuple | deque):
        return (type(value), [exactly(item) for item in value])
    if isinstance(value, dict):
        return (type(value), [(exactly(k), exactly(v)) for k, v in value.items()])
    if isinstance(value, set | frozenset):
        return (type(value), sorted(repr(exactly(item)) for item in value))
    return (type(value), repr(value))


@settings(deadline=None, max_examples=50)
@given(anything)
def test_plain_data_comes_back_the_same(value: object) -> None:
    text = wire.encoded(values.pack(value))
    back = values.unpack(wire.decoded(text))
    assert exactly(back) == exactly(value)
    assert back == value


EDGES = [math.inf, -math.inf, -0.0, 1e-320, 1 << 63, -(1 << 63), (1 << 63) - 1, 1 << 100_000]


@pytest.mark.parametrize("value", EDGES, ids=range(len(EDGES)))
def test_numbers_at_the_edge_come_back_the_same(value: float) -> None:
    back = values.unpack(wire.decoded(wire.encoded(values.pack(value))))
    assert type(back) is type(value)
    assert back == value
    assert not isinstance(value, float) or str(back) == str(value)


def test_not_a_number_stays_one() -> None:
    assert math.isnan(values.unpack(wire.decoded(wire.encoded(values.pack(math.nan)))))


class Colour(IntEnum):
    RED = 1


class Point(NamedTuple):
    x: int
    y: list[int]


class Twice(int):
    pass


class Words(list):  # type: ignore[type-arg]
    pass


class Liar(int):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = int.__hash__


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (Colour.RED, 1),
        (Twice(3), 3),
        (Words([Twice(1), "a"]), [1, "a"]),
        (Counter("aab"), {"a": 2, "b": 1}),
        (OrderedDict(a=1), {"a": 1}),
        (defaultdict(list, a=[1]), {"a": [1]}),
        (Point(1, [2]), (1, [2])),
        ({Twice(1): Words()}, {1: []}),
    ],
    ids=["enum", "int", "list", "counter", "ordered", "default", "named tuple", "within"],
)
def test_what_is_derived_from_plain_data_is_sent_as_such(value: object, plain: object) -> None:
    assert exactly(values.unpack(wire.decoded(wire.encoded(values.pack(value))))) == exactly(plain)


STRANGERS = [Liar(3), object(), print, Liar, [Liar(3)], (1, {2: object()}), (x for x in "a")]


@pytest.mark.parametrize("value", STRANGERS, ids=range(len(STRANGERS)))
def test_what_could_compare_in_its_own_way_is_no_plain_data(value: object) -> None:
    with pytest.raises(TypeError, match="no plain data"):
        values.pack(value)
    handles: list[object] = []

    def opaque(one: object) -> object:
        handles.append(one)
        return {"h": [len(handles) - 1, "", False]}

    packed = wire.decoded(wire.encoded(values.pack(value, opaque)))
    assert len(handles) == 1
    assert "object at" in repr(values.unpack(packed, lambda tag, body: object()))


def test_numpy_values_are_sent_as_pythons_own() -> None:
    numpy = pytest.importorskip("numpy")
    for value, plain in ((numpy.int64(3), 3), (numpy.float32(0.5), 0.5), (numpy.array([[1, 2]]), [[1, 2]])):
        assert exactly(values.unpack(values.pack(value))) == exactly(plain)


def test_what_is_nested_too_deeply_is_too_large() -> None:
    value: list[Any] = []
    for _ in range(values.DEEPEST):
        value = [value]
    assert values.unpack(values.pack(value)) == value
    for _ in range(3 * values.DEEPEST):
        value = [value]
    with pytest.raises(wire.TooLarge):
        values.pack(value)
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(wire.TooLarge):
        values.pack(loop)


HOSTILE: list[Any] = [
    {},
    {"a": 1, "b": 2},
    {"?": 1},
    {"i": "zz"},
    {"i": 3},
    {"i": None},
    {"i": "0x" + "f" * (5 << 20)},
    {"t": 1},
    {"t": None},
    {"d": [1]},
    {"d": [[[], 1]]},
    {"d": [[{"d": []}, 1]]},
    {"d": None},
    {"s": [[1]]},
    {"f": {"a": 1}},
    {"b": "\u1234"},
    {"b": 3},
    {"c": ["a", "b"]},
    {"c": [1, 2, 3]},
    {"r": [1, 2, 0]},
    {"r": [1.5]},
    {"D": "not a number"},
    {"D": []},
    {"F": [1, 0]},
    {"F": ["a", "b"]},
    {"F": [{"i": "0x1" + "0" * 20_000}, 3]},
    {"T": ["date", "nonsense"]},
    {"T": ["__class__", "x"]},
    {"T": ["timedelta", ["a"]]},
    {"T": 1},
    {"q": 3},
    {"n": []},
    {"h": [1]},
    {"h": "x"},
    [1, [2, {"t": [{"i": []}]}]],
]


@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
def test_values_that_nobody_packs_are_refused(value: object) -> None:
    with pytest.raises(wire.Broken):
        values.unpack(value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("itdsfbBcrDFTqnhNm?"), inner, max_size=2)
    ),
    max_leaves=12,
)


@settings(deadline=None, max_examples=100)
@given(json_values)
def test_whatever_is_sent_is_plain_data_or_refused(value: object) -> None:
    try:
        back = values.unpack(value)
    except wire.Broken:
        return
    values.pack(back)


@contextmanager
def channels(**limits: int) -> Iterator[tuple[int, wire.Channel]]:
    """Where to write bytes, and the channel that reads them."""
    reading, writing = os.pipe()
    channel = wire.Channel(reading, **limits)
    try:
        yield writing, channel
    finally:
        os.close(reading)


def framed(body: bytes, size: int | None = None) -> bytes:
    return (len(body) if size is None else size).to_bytes(4, "big") + body


@pytest.mark.parametrize(
    "sent",
    [
        framed(b""),
        framed(b"{"),
        framed(b"nul"),
        framed(b"\xff\xfe"),
        framed(b"[1] [2]"),
        framed(b'{"a":'),
        framed(b"[" * 100_000),
        framed(b"x" * 10),
        framed(b"[]", 0xFFFFFFFF),
    ],
    ids=range(9),
)
def test_frames_that_are_none_are_refused(sent: bytes) -> None:
    with channels() as (writing, channel):

        def write() -> None:
            os.write(writing, sent)
            os.close(writing)

        writer = threading.Thread(target=write)
        writer.start()
        with pytest.raises(wire.Broken):
            channel.receive()
        writer.join()


@pytest.mark.parametrize("sent", [b"", b"\0", framed(b"[]")[:-1], framed(b"[1]", 100)], ids=range(4))
def test_a_frame_that_breaks_off_is_the_end(sent: bytes) -> None:
    with channels() as (writing, channel):
        os.write(writing, sent)
        os.close(writing)
        with pytest.raises(wire.Ended):
            channel.receive()


def test_messages_come_one_by_one_however_they_are_cut() -> None:
    messages = [["a", 1], {"b": [None, True]}, "c" * 100_000, []]
    text = b"".join(framed(json.dumps(message).encode()) for message in messages)
    with channels() as (writing, channel):

        def write() -> None:
            for start in range(0, len(text), 4099):
                os.write(writing, text[start : start + 4099])
            os.close(writing)

        writer = threading.Thread(target=write)
        writer.start()
        assert [channel.receive() for _ in messages] == messages
        writer.join()
        with pytest.raises(wire.Ended):
            channel.receive()


def test_what_is_sent_is_what_is_received() -> None:
    reading, writing = os.pipe()
    ours, theirs = wire.Channel(reading), wire.Channel(reading, writing)
    message = ["job", {"text": "\ud800 \U0001f600", "number": 1 << 80, "real": math.inf}]
    theirs.send(message)
    assert ours.receive() == message
    os.close(reading)
    with pytest.raises(wire.Ended):
        theirs.send(message)
    os.close(writing)


def test_before_each_read_that_may_block_there_is_a_look() -> None:
    looks: list[int] = []
    with channels() as (writing, channel):
        os.write(writing, framed(b"[1]") + framed(b"[2]"))
        assert channel.receive(lambda: looks.append(1)) == [1]
        assert channel.receive(lambda: looks.append(2)) == [2]
        os.close(writing)
    assert looks == [1], "the second was there already"


def test_dates_and_numbers_of_the_library_are_themselves() -> None:
    for value in (Decimal("1.10"), Fraction(1, 3), datetime.date(2024, 2, 29), datetime.timedelta(-1, 5)):
        assert exactly(values.unpack(values.pack(value))) == exactly(value)
    aware = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)  # noqa: UP017
    with pytest.raises(TypeError):
        values.pack(aware)
