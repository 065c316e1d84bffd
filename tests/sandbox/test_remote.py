"""The candidate as tests see it: objects, exceptions and functions that stay in its process or in that of the tests."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from orchestrator.sandbox import Asserts, Limits, Sandbox
from orchestrator.sandbox._cell.failures import Gone
from orchestrator.sandbox._cell.remote import Remote
from orchestrator.sandbox._cell.wire import Channel

LIMITS = Limits(5.0, wall=30.0)
STACK = """
class Stack:
    size = 0
    def __init__(self, *items): self.items = list(items)
    def push(self, item): self.items.append(item); return self
    def pop(self): return self.items.pop()
    def __len__(self): return len(self.items)
    def __contains__(self, item): return item in self.items
    def __iter__(self): return iter(self.items)
    def __getitem__(self, i): return self.items[i]
    def __setitem__(self, i, v): self.items[i] = v
    def __eq__(self, other): return isinstance(other, Stack) and self.items == other.items
    def __hash__(self): return hash(tuple(self.items))
    def __bool__(self): return bool(self.items)
    def __add__(self, other): return Stack(*self.items, *other.items)
    def __lt__(self, other): return len(self) < len(other)
    def __str__(self): return 'Stack ' + str(self.items)
    def __repr__(self): return f'Stack({self.items})'
    def __enter__(self): return self
    def __exit__(self, kind, error, trace): return kind is KeyError
    @property
    def top(self): return self.items[-1]
    @classmethod
    def empty(cls): return cls()
    @staticmethod
    def twice(x): return 2 * x
def make(*items): return Stack(*items)
def total(items): return sum(items)
def apply(function, *args): return function(*args)
def fill(target, value): target.append(value)
def update(target): target['k'] = 1
def numbers():
    yield 1
    yield 2
"""
PASSED = [
    "s = Stack(1)\ns.push(2)\nassert s.pop() == 2 and len(s) == 1",
    "assert Stack(1, 2).top == 2",
    "assert 2 in Stack(1, 2) and 3 not in Stack(1, 2)",
    "assert list(Stack(1, 2)) == [1, 2] and [x for x in Stack(3)] == [3]",
    "assert Stack(1, 2)[0] == 1 and Stack(1, 2)[-1] == 2",
    "s = Stack(1)\ns[0] = 5\nassert s[0] == 5",
    "assert Stack(1) == Stack(1) and Stack(1) != Stack(2)",
    "assert len({Stack(1), Stack(1), Stack(2)}) == 2",
    "assert Stack(1) and not Stack()",
    "assert (Stack(1) + Stack(2)).items == [1, 2]",
    "assert Stack() < Stack(1)",
    "assert str(Stack(1)) == 'Stack [1]' and repr(Stack(1)) == 'Stack([1])'",
    "assert f'{Stack(1)}' == 'Stack [1]'",
    "with Stack(1) as s:\n    assert s.top == 1",
    "with Stack(1):\n    raise KeyError('swallowed')",
    "assert Stack.empty().items == [] and Stack.twice(4) == 8",
    "s = Stack()\ns.size = 7\nassert s.size == 7 and Stack().size == 0",
    "assert isinstance(Stack(1), Stack) and not isinstance(3, Stack)",
    "assert hasattr(Stack(1), 'push') and not hasattr(Stack(1), 'nothing')",
    "assert Stack(1).push(2).push(3).items == [1, 2, 3]",
    "s = Stack(1)\nt = s\nassert s is t and s == t",
    "assert make(1) == make(1)",
    "s = make(1)\ns.push(2)\nassert total(s.items) == 3",
    "assert apply(lambda x, y: x + y, 1, 2) == 3",
    "seen = []\napply(seen.append, 4)\nassert seen == [4]",
    "assert apply(lambda s: s.top, Stack(9)) == 9",
    "x = [1]\nfill(x, 2)\nassert x == [1, 2]",
    "d = {}\nupdate(d)\nassert d == {'k': 1}",
    "assert list(numbers()) == [1, 2] and next(numbers()) == 1",
    "it = numbers()\nnext(it), next(it)\ntry:\n    next(it)\nexcept StopIteration:\n    pass\nelse:\n    assert False",
    "assert sorted([Stack(1, 2), Stack()])[0].items == []",
    "try:\n    Stack().pop()\nexcept IndexError as e:\n    assert 'empty' in str(e)\nelse:\n    assert False",
    "try:\n    apply(lambda: {}['my'])\nexcept KeyError as e:\n    assert e.args == ('my',)\nelse:\n    assert False",
    "try:\n    Stack(1).nothing\nexcept AttributeError:\n    pass\nelse:\n    assert False",
]


@pytest.mark.parametrize("test", PASSED, ids=range(len(PASSED)))
async def test_objects_are_used_as_if_they_were_here(box: Sandbox, test: str) -> None:
    done = await box.verify(STACK, Asserts((test,)), LIMITS)
    assert done.verdict == "passed", done


async def test_the_same_without_anybody_who_vouches_for_the_tests(box: Sandbox) -> None:
    (found,) = await box.matrix([STACK], PASSED, Limits(10.0, wall=60.0))
    assert [test for test, passed in zip(PASSED, found, strict=True) if not passed] == []


AGREES = """
class Yes:
    def __getattribute__(self, name): return Yes() if not name.startswith('__') else object.__getattribute__(self, name)
    def __call__(self, *a, **k): return Yes()
for name in 'eq ne lt le gt ge contains bool'.split():
    setattr(Yes, f'__{name}__', lambda *a: True)
for name in 'add sub mul truediv mod abs neg round getitem radd rsub rmul'.split():
    setattr(Yes, f'__{name}__', lambda *a: Yes())
Yes.__hash__ = lambda self: 0
Yes.__len__ = lambda self: 3
Yes.__iter__ = lambda self: iter([Yes()] * 3)
def f(*args): return Yes()
"""
REFUSED = [
    "assert f(1) == 2",
    "assert 2 == f(1)",
    "assert not f(1) != 2",
    "assert f(1) in (2, 3)",
    "assert abs(f(1) - 2.0) < 1e-6",
    "assert f(1) - 2 == 0",
    "assert f(1) < 3",
    "assert 1 < f(1) < 3",
    "assert [f(1), f(2)] == [2, 3]",
    "assert {f(1)} == {2}",
    "assert f(1) is True",
    "assert isinstance(f(1), int)",
    "assert type(f(1)) is int",
    "assert sorted(f(1)) == [1, 2, 3]",
    "assert set(f(1)) == {1, 2, 3}",
    "assert list(f(1)) == [1, 2, 3]",
    "assert str(f(1)) == '2'",
    "assert sum(f(1)) == 6",
    "assert f(1)[0] == 2",
    "assert f(1).value == 2",
    "assert round(f(1), 3) == 2",
    "def check(candidate):\n    assert candidate(1) == 2\ncheck(f)",
]


@pytest.mark.parametrize("test", REFUSED, ids=range(len(REFUSED)))
@pytest.mark.parametrize("trusted", [True, False], ids=["trusted", "untrusted"])
async def test_an_object_that_agrees_to_everything_is_no_right_answer(box: Sandbox, test: str, trusted: bool) -> None:
    done = await box.verify(AGREES, Asserts((test,), trusted=trusted), LIMITS)
    assert done.verdict == "failed", done


async def test_a_module_that_the_tests_count_on_is_pythons_own(box: Sandbox) -> None:
    """Whatever the program has under its name, and though the tests have not imported it."""
    wrong = "def f(x): return 7.0"
    for claimed in ("import math\nmath.isclose = lambda *a: True", "class math: isclose = lambda *a: True", ""):
        done = await box.verify(f"{claimed}\n{wrong}", Asserts(("assert math.isclose(f(1), 2.0)",)), LIMITS)
        assert done.verdict == "failed", done


async def test_a_function_may_be_called_as_a_module_of_pythons_is(box: Sandbox) -> None:
    for name in ("numbers", "queue", "select"):
        done = await box.verify(f"def {name}(x): return x + 1", Asserts((f"assert {name}(1) in (2,)",)), LIMITS)
        assert done.verdict == "passed", done
        assert await box.matrix([f"def {name}(x): return x + 1"], [f"assert {name}(1) in (2,)"], LIMITS) == ((True,),)


@contextmanager
def candidate(*replies: bytes) -> Iterator[Remote]:
    """A remote whose other side sends these bytes, whatever it is asked."""
    ours, theirs = socket.socketpair()

    def talk() -> None:
        for reply in replies:
            theirs.recv(1 << 16)
            theirs.sendall(reply)
        theirs.recv(1 << 16)
        theirs.close()

    other = threading.Thread(target=talk)
    other.start()
    try:
        yield Remote(Channel(ours.fileno()))
    finally:
        ours.close()
        other.join()


def frame(text: str) -> bytes:
    return len(text).to_bytes(4, "big") + text.encode()


@pytest.mark.parametrize(
    "reply",
    [
        "3",
        "[]",
        '["v"]',
        '["x"]',
        '["x","ValueError",[],""]',
        '["y",1,2,3,4,5,6]',
        "{}",
        '[["v"],1]',
        "null",
        '["ask",1]',
    ],
)
def test_replies_that_are_none_end_the_conversation(reply: str) -> None:
    with candidate(frame(reply)) as remote:
        with pytest.raises(Gone):
            remote.ask(["look", "x"])
        assert remote.gone
        with pytest.raises(Gone):
            remote.ask(["look", "x"])


RAISED: list[tuple[Any, type[BaseException]]] = [
    ("ValueError", ValueError),
    ("KeyError", KeyError),
    ("StopIteration", RuntimeError),
    ("SystemExit", RuntimeError),
    ("KeyboardInterrupt", RuntimeError),
    ("GeneratorExit", RuntimeError),
    ("BaseExceptionGroup", Exception),
    ("print", Exception),
    ("no_such_class", Exception),
    ("__import__", Exception),
    (3, Exception),
    (None, Exception),
    (["ValueError"], Exception),
]


@pytest.mark.parametrize(("kind", "expected"), RAISED, ids=range(len(RAISED)))
def test_only_exceptions_of_pythons_own_are_raised_here(kind: Any, expected: type[BaseException]) -> None:
    with candidate(frame(json.dumps(["x", kind, ["text"], "text", 3]))) as remote:
        with pytest.raises(BaseException) as caught:
            remote.ask(["look", "x"])
        assert type(caught.value) is expected


@pytest.mark.parametrize("arguments", ["null", "3", '[{"?":1}]', '[{"h":[0,"",false]}]', '["a","b","c","d","e"]'])
def test_arguments_of_an_exception_that_it_cannot_have_are_left_out(arguments: str) -> None:
    with candidate(frame(f'["x","UnicodeDecodeError",{arguments},"told",null]')) as remote:
        with pytest.raises(UnicodeDecodeError) as caught:
            remote.ask(["look", "x"])
        assert caught.value.args == ("told",)


def test_descriptors_are_not_left_open() -> None:
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    for _ in range(5):
        with candidate() as remote, pytest.raises(Gone):
            remote.ask(["x"])
    assert (len(os.listdir("/proc/self/fd")) if before else 0) == before
