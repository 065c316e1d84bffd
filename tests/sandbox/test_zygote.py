"""The processes that programs run in: what ends them, what they may take, and what the next one finds of them."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from orchestrator.sandbox import Asserts, Call, Calls, Limits, Sandbox, Stdio, Stream, Suite

GOOD = "def f(x):\n    return x + 1\n"
TEXTS = ("assert f(1) == 2", "assert f(2) == 3")
CHECK = "def check(candidate):\n    assert candidate(1) == 2\n    assert candidate(2) == 3\n"
LIMITS = Limits(5.0, wall=30.0, memory_mb=256, output_mb=4)
FORMS: dict[str, Suite] = {
    "calls": Calls("f", (Call((1,), 2), Call((2,), 3))),
    "asserts": Asserts(TEXTS),
    "check": Asserts((CHECK,), "f"),
    "untrusted": Asserts(TEXTS, trusted=False),
    "untrusted-check": Asserts((CHECK,), "f", trusted=False),
}
ENDINGS = {
    "good": (GOOD, "passed", "", ""),
    "wrong": ("def f(x): return x", "failed", "", ""),
    "exception": ("def f(x): return y", "error", "NameError: name 'y' is not defined", "NameError"),
    "assertion of its own": ("def f(x): assert False, 'no'", "error", "AssertionError: no", "AssertionError"),
    "own class of exceptions": (
        "class Odd(ValueError): pass\ndef f(x): raise Odd('n')",
        "error",
        "Odd: n",
        "ValueError",
    ),
    "no Python": ("def f(x", "error", "SyntaxError: '(' was never closed", "SyntaxError"),
    "null byte": (f"{GOOD}\x00", "error", "null bytes", "SyntaxError"),
    "lone surrogate": (f"{GOOD}s = '\ud800'", "error", "surrogates not allowed", "SyntaxError"),
    "many brackets": ("(" * 20_000, "error", "too ", "SyntaxError"),
    "nothing": ("", "error", "'f'", "NameError"),
    "early exit": (f"{GOOD}import sys; sys.exit(0)", "error", "SystemExit: 0", "SystemExit"),
    "hard exit": (f"{GOOD}import os; os._exit(0)", "error", "ended itself with status 0", ""),
    "exit in the call": ("def f(x): raise SystemExit", "error", "SystemExit", "SystemExit"),
    "hard exit in the call": ("import os\ndef f(x): os._exit(3)", "error", "ended itself with status 3", ""),
    "interrupt": (f"{GOOD}raise KeyboardInterrupt", "error", "KeyboardInterrupt", "KeyboardInterrupt"),
    "end of iteration": ("def f(x): raise StopIteration", "error", "StopIteration", "StopIteration"),
    "recursion": ("def f(x): return f(x)", "error", "RecursionError", "RecursionError"),
    "input": (f"{GOOD}input()", "error", "EOFError", "EOFError"),
    "memory": (f"{GOOD}x = [0] * 10**11", "memory", "MemoryError", "MemoryError"),
    "memory in the call": ("def f(x): return bytearray(10**9)", "memory", "MemoryError", "MemoryError"),
    "endless output": (f"{GOOD}while True: print('x' * 10_000)", "output", "more than", ""),
    "large file": (f"{GOOD}open('big', 'wb').write(bytes(10**7))", "output", "more than", ""),
    "large value": ("def f(x): return 'x' * (33 << 20)", "output", "more than", ""),
    "segmentation fault": (f"{GOOD}import ctypes; ctypes.string_at(0)", "crashed", "SIGSEGV", ""),
    "abort": (f"{GOOD}import os; os.abort()", "crashed", "SIGABRT", ""),
    "kill": (f"{GOOD}import os; os.kill(os.getpid(), 9)", "crashed", "SIGKILL", ""),
    "fork": (f"import os\n{GOOD}os.fork()", "error", "PermissionError", "PermissionError"),
    "socket": (f"import socket\n{GOOD}socket.socket()", "error", "PermissionError", "PermissionError"),
    "denied call": (f"import ctypes\n{GOOD}ctypes.CDLL(None).ptrace(0, 0, 0, 0)", "violation", "denied", ""),
    "frame that is none": (f"import os\n{GOOD}os.write(3, bytes(4) + b'{{}}')", "error", "its own channel", ""),
    "frame that is too large": (f"import os\n{GOOD}os.write(3, b'\\xff' * 8)", "error", "its own channel", ""),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("ending", ENDINGS)
async def test_verdicts(box: Sandbox, ending: str, form: str) -> None:
    program, verdict, says, exception = ENDINGS[ending]
    if (await box.isolate()).level < 3 and ending in ("fork", "socket", "denied call"):
        pytest.skip("nothing denies it here")
    done = await box.verify(program, FORMS[form], LIMITS)
    assert done.verdict == verdict, done
    assert says in done.detail
    assert "\n" not in done.detail
    assert done.exception == exception or verdict == "failed"
    assert (done.passed, done.first_failed) == ((done.total, None) if verdict == "passed" else (0, 0))
    assert done.outcomes[0] is (verdict == "passed")
    assert not done.rerun


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("body", ["while True: pass", "import time; time.sleep(1000)"], ids=["busy", "asleep"])
@pytest.mark.parametrize("place", ["load", "call"])
async def test_a_program_without_end_is_stopped(box: Sandbox, form: str, body: str, place: str) -> None:
    program = f"{GOOD}{body}" if place == "load" else f"def f(x):\n    {body}"
    done = await box.verify(program, FORMS[form], Limits(0.1, wall=0.4))
    assert done.verdict == "timeout", done
    assert done.detail.startswith(("more than 0.1 s of CPU time", "not done after 0."))
    assert done.first_failed == 0


HONEST = {
    "dataclass": "from __future__ import annotations\nimport dataclasses\n@dataclasses.dataclass\nclass P:\n    x: int",
    "thread": "import threading, time\nthreading.Thread(target=time.sleep, args=(1000,)).start()",
    "large thread stacks": "import threading\nthreading.stack_size(64 << 20)\nthreading.Thread(target=int).start()",
    "prints": "import sys\nprint('noise')\nprint('more', file=sys.stderr)",
    "not the main program": "if __name__ == '__main__':\n    raise SystemExit",
    "writes a file": "open('scratch', 'w').write('x')\nassert open('scratch').read() == 'x'",
    "temporary file": "import tempfile\ntempfile.TemporaryFile().write(b'x')",
    "asyncio": "import asyncio\nasyncio.run(asyncio.sleep(0))",
    "other alphabets": "s = 'é \\ud800 \U0001f600'",
    "exception groups": "try:\n    raise ExceptionGroup('g', [ValueError()])\nexcept* ValueError:\n    pass",
    "deep recursion": "import sys\nsys.setrecursionlimit(10**5)\ndef d(n): return n and d(n - 1)\nd(5000)",
    "standard modules": "import json, decimal, fractions, statistics, zlib, hashlib, random, uuid, enum, abc",
    "module by name": "import sys, candidate\nassert candidate is sys.modules[__name__]",
    "stdout replaced": "import io, sys\nsys.stdout = io.StringIO()\nprint('x')",
    "stdout closed": "import sys\nsys.stdout.close()",
}


@pytest.mark.parametrize("body", HONEST)
@pytest.mark.parametrize("form", ["calls", "check"])
async def test_honest_programs_pass(box: Sandbox, body: str, form: str) -> None:
    done = await box.verify(f"{HONEST[body]}\n{GOOD}", FORMS[form], LIMITS)
    assert done.verdict == "passed", done


async def test_what_a_program_takes_is_told(box: Sandbox) -> None:
    body = "import time\nkept = bytearray(100 << 20)\nwhile time.process_time() < 0.1: pass\n"
    done = await box.verify(body + GOOD, FORMS["calls"], LIMITS)
    assert done.verdict == "passed"
    assert 100 <= done.peak_mb < 256
    assert 0.1 <= done.cpu_seconds < 5
    assert done.cpu_seconds <= done.seconds + 0.05
    assert done.isolation == box.isolation


@pytest.mark.parametrize("form", ["calls", "asserts", "untrusted"])
async def test_what_a_program_prints_is_kept_and_cut(box: Sandbox, form: str) -> None:
    body = "import sys\nprint('a line')\ndef f(x):\n    print('x' * 10**5)\n    return x + 1\n"
    done = await box.verify(body, FORMS[form], LIMITS)
    assert done.output.startswith("a line\nxxx")
    assert 1000 < len(done.output) < 20_000
    shown = await box.verify("import sys\ndef f(x): sys.stderr.write(str(x))", FORMS[form], LIMITS)
    assert shown.output.startswith("1")


async def test_what_a_program_prints_is_not_shown_for_the_next(box: Sandbox) -> None:
    for mark in ("first", "second"):
        done = await box.verify(f"print({mark!r})\n{GOOD}", FORMS["calls"], LIMITS)
        assert done.output == f"{mark}\n"
    assert (await box.verify(f"{GOOD}# says nothing", FORMS["calls"], LIMITS)).output == ""


LITTER = {
    "files and folders": "os.makedirs('a/b/c')\nfor n in ('x', 'a/y', 'a/b/z'): open(n, 'w').write('z')",
    "links": "os.symlink('/', 'root')\nos.symlink('.', 'loop')\nos.mkfifo('pipe')",
    "no rights": "os.makedirs('a/b')\nopen('a/b/f', 'w')\nos.chmod('a/b', 0)\nos.chmod('a', 0o500)",
    "depth": "for _ in range(300):\n    os.mkdir('d')\n    os.chdir('d')",
    "odd names": "open(b'\\xff\\n', 'w')\nopen('-rf', 'w')",
    "current folder": "os.mkdir('d')\nos.chdir('d')",
}


@pytest.mark.parametrize("litter", LITTER)
async def test_a_program_finds_nothing_of_the_one_before(litter: str) -> None:
    async with Sandbox(workers=1) as box:
        await box.verify(f"import os\n{LITTER[litter]}\n{GOOD}", FORMS["calls"], LIMITS)
        looks = f"import os\nassert os.listdir() == [], os.listdir()\n{GOOD}"
        done = await box.verify(looks, FORMS["calls"], LIMITS)
    assert done.verdict == "passed", done


async def test_a_program_sees_nothing_of_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "secret")
    seen = "import os, sys\ndef f(): return [sorted(os.environ), os.getcwd(), sys.argv, open_files()]\n"
    files = """
def open_files():
    found = []
    for fd in range(256):
        try:
            os.fstat(fd)
        except OSError:
            continue
        found.append(fd)
    return found
"""
    async with Sandbox(workers=1) as box:
        (found,) = await box.outputs(seen + files, "f", [()])
    assert isinstance(found.value, list)
    variables, folder, arguments, descriptors = found.value
    assert "SOME_API_KEY" not in variables
    assert not {"HOME", "PATH", "PWD"} & set(variables)
    assert os.path.basename(folder).startswith("orchestrator-sandbox-")
    assert arguments == ["program"]
    assert descriptors == [0, 1, 2, 3], "its streams and its channel to the judge"


async def test_random_numbers_are_the_same_in_every_run(box: Sandbox) -> None:
    program = "import random\ndef f(): return [random.random(), hash('text'), list({'a', 'b', 'c'})]"
    first, second = [(await box.outputs(f"{program}  # {i}", "f", [()]))[0].value for i in range(2)]
    assert first == second


async def test_limits_above_the_systems_own_are_no_error() -> None:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 200), hard))
    try:
        async with Sandbox(workers=1) as box:
            done = await box.verify(GOOD, FORMS["calls"], Limits(5.0, memory_mb=10**7, output_mb=10**5))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert done.verdict == "passed", done


NUMPY: dict[str, Callable[[], Suite]] = {
    "scalar": lambda: Calls("f", (Call(([1, 2],), 6),)),
    "tests that compute": lambda: Asserts(("import numpy\nassert f(numpy.array([1, 2])) == 6",)),
    "whole program": lambda: Stdio((Stream("1 2\n", "6\n"),)),
}


@pytest.mark.parametrize("suite", NUMPY)
async def test_programs_may_use_numpy(box: Sandbox, suite: str) -> None:
    pytest.importorskip("numpy")
    body = "import numpy as np\ndef f(x): return np.array(x).sum() * 2\n"
    whole = "print(f([int(word) for word in input().split()]))\n"
    done = await box.verify(body + whole * (suite == "whole program"), NUMPY[suite](), LIMITS)
    assert done.verdict == "passed", done


async def test_other_installed_packages_are_not_to_be_had(box: Sandbox) -> None:
    done = await box.verify(f"import pydantic\n{GOOD}", FORMS["calls"], LIMITS)
    assert (done.verdict, done.exception) == ("error", "ModuleNotFoundError")
    assert done.line == 1
