"""Whole programs that read their input and print."""

from __future__ import annotations

import pytest

from orchestrator.sandbox import Limits, Sandbox, Stdio, Stream

LIMITS = Limits(5.0, wall=30.0, memory_mb=256, output_mb=2)
SUM = Stdio((Stream("1 2\n", "3\n"), Stream("10 -4\n", "6\n")))

READING = {
    "input": "a, b = map(int, input().split())",
    "stdin": "import sys\na, b = map(int, sys.stdin.read().split())",
    "lines": "import sys\na, b = map(int, next(iter(sys.stdin)).split())",
    "readlines": "import sys\na, b = map(int, sys.stdin.readlines()[0].split())",
    "buffer": "import sys\na, b = map(int, sys.stdin.buffer.read().split())",
    "descriptor": "import os\na, b = map(int, os.read(0, 100).split())",
    "open": "a, b = map(int, open(0).read().split())",
    "device": "a, b = map(int, open('/dev/stdin').read().split())",
    "fileinput": "import fileinput\na, b = map(int, ''.join(fileinput.input()).split())",
    "to its end": "import sys\na, b = map(int, input().split())\nassert sys.stdin.readline() == ''",
}
PRINTING = {
    "print": "print(a + b)",
    "no newline": "print(a + b, end='')",
    "blanks": "print(f'  {a + b}  \\n\\n')",
    "buffer": "import sys\nsys.stdout.buffer.write(b'%d\\n' % (a + b))",
    "write": "import sys\nsys.stdout.write(str(a + b))",
    "descriptor": "import os\nos.write(1, str(a + b).encode())",
    "another thread": "import threading\nthreading.Thread(target=lambda: print(a + b)).start()",
    "at exit": "import atexit\natexit.register(print, a + b)",
    "main": "def main():\n    print(a + b)\nif __name__ == '__main__':\n    main()",
    "exit": "print(a + b)\nexit()",
    "quit": "print(a + b)\nquit(0)",
    "sys.exit": "import sys\nprint(a + b)\nsys.exit()",
    "os._exit": "import os\nprint(a + b, flush=True)\nos._exit(0)",
    "errors too": "import sys\nprint('noise', file=sys.stderr)\nprint(a + b)",
    "closed": "import os\nprint(a + b, flush=True)\nos.close(1)\nos.open('/dev/null', os.O_WRONLY)",
    "annotations": "from dataclasses import dataclass\n@dataclass\nclass P:\n    x: 'int'\nprint(P(a + b).x)",
}


@pytest.mark.parametrize("reading", READING)
async def test_input_is_read_in_any_way(box: Sandbox, reading: str) -> None:
    if reading == "device" and not (await box.isolate()).mechanisms["pidns"]:
        pytest.skip("there is no /dev/stdin without a /proc of its own")
    done = await box.verify(f"{READING[reading]}\nprint(a + b)\n", SUM, LIMITS)
    assert (done.verdict, done.outcomes) == ("passed", (True, True)), done


@pytest.mark.parametrize("printing", PRINTING)
async def test_output_is_printed_in_any_way(box: Sandbox, printing: str) -> None:
    done = await box.verify(f"a, b = map(int, input().split())\n{PRINTING[printing]}\n", SUM, LIMITS)
    assert (done.verdict, done.passed, done.first_failed) == ("passed", 2, None), done


ENDINGS = {
    "wrong": ("print(4)", "failed", "run 0: wrong output", "", None),
    "nothing": ("", "failed", "run 0: wrong output", "", None),
    "one line more": ("print(3)\nprint(3)", "failed", "wrong output", "", None),
    "status": ("print(3)\nimport sys\nsys.exit(2)", "error", "ended itself with status 2", "", None),
    "text as status": ("print(3)\nraise SystemExit('no')", "error", "ended itself with status 1", "", None),
    "exception": ("print(3)\n1 / 0", "error", "ZeroDivisionError: division by zero", "ZeroDivisionError", 2),
    "exception in a function": ("def f():\n    return [][1]\nf()", "error", "IndexError", "IndexError", 2),
    "own exception": ("class Odd(KeyError): pass\nraise Odd('x')", "error", "Odd: 'x'", "KeyError", 2),
    "no Python": ("print(3", "error", "SyntaxError: '(' was never closed", "SyntaxError", 1),
    "null byte": ("print(3)\x00", "error", "null bytes", "SyntaxError", None),
    "end of input": ("input(), input()", "error", "EOFError", "EOFError", 1),
    "surrogate": ("print('\\ud800')", "error", "surrogates not allowed", "UnicodeEncodeError", 1),
    "stdout closed": ("import sys\nprint(3)\nsys.stdout.close()", "error", "closed file", "ValueError", None),
    "hard exit": ("import os\nprint(3, flush=True)\nos._exit(9)", "error", "status 9", "", None),
    "interrupt": ("print(3)\nraise KeyboardInterrupt", "error", "KeyboardInterrupt", "KeyboardInterrupt", 2),
    "memory": ("x = [0] * 10**11", "memory", "MemoryError", "MemoryError", 1),
    "endless output": ("while True: print('x' * 1000)", "output", "more than 2 MiB of output", "", None),
    "large file": ("open('f', 'w').write('x' * 10**7)", "output", "more than", "", None),
    "busy": ("print(3)\nwhile True: pass", "timeout", "", "", None),
    "asleep": ("import time\nprint(3, flush=True)\ntime.sleep(1000)", "timeout", "not done after", "", None),
    "asleep with stdout closed": ("import os, time\nos.close(1)\ntime.sleep(1000)", "timeout", "not done", "", None),
    "thread without end": (
        "import threading, time\nthreading.Thread(target=time.sleep, args=(99,)).start()\nprint(3)",
        "timeout",
        "not done",
        "",
        None,
    ),
    "segmentation fault": ("import ctypes\nctypes.string_at(0)", "crashed", "SIGSEGV", "", None),
    "abort": ("import os\nos.abort()", "crashed", "SIGABRT", "", None),
    "kill": ("import os\nos.kill(os.getpid(), 9)", "crashed", "SIGKILL", "", None),
    "denied call": ("import ctypes\nctypes.CDLL(None).ptrace(0, 0, 0, 0)", "violation", "denied", "", None),
}


@pytest.mark.parametrize("ending", ENDINGS)
async def test_a_run_must_print_the_right_thing_and_end_well(box: Sandbox, ending: str) -> None:
    program, verdict, says, exception, line = ENDINGS[ending]
    if verdict == "violation" and (await box.isolate()).level < 3:
        pytest.skip("nothing denies it here")
    limits = Limits(0.1, wall=0.4) if verdict == "timeout" else LIMITS
    done = await box.verify(program, SUM, limits)
    assert done.verdict == verdict, done
    assert says in done.detail
    assert "\n" not in done.detail
    assert (done.exception, done.line) == (exception, line)
    assert (done.passed, done.first_failed, done.outcomes) == (0, 0, (False, None))


async def test_what_a_program_says_of_itself_on_its_channel_is_no_pass(box: Sandbox) -> None:
    forged = b'\x00\x00\x00\x08["v",[]]'
    done = await box.verify(f"import os\nos.write(3, {forged!r})\nraise SystemExit(1)", SUM, LIMITS)
    assert done.verdict == "error"


async def test_each_run_has_limits_of_its_own(box: Sandbox) -> None:
    busy = "import time\nwhile time.process_time() < 0.15: pass\nprint(sum(map(int, input().split())))\n"
    suite = Stdio(tuple(Stream(f"{i} 1\n", f"{i + 1}\n") for i in range(3)))
    done = await box.verify(busy, suite, Limits(0.3, wall=20.0))
    assert done.verdict == "passed", done
    assert done.cpu_seconds >= 0.45


async def test_all_runs_are_made_where_that_is_asked_for(box: Sandbox) -> None:
    suite = Stdio(tuple(Stream(f"{i}\n", f"{i}\n") for i in range(4)))
    program = "i = int(input())\nif i == 1: raise ValueError('one')\nprint(i if i != 2 else 7)\n"
    first = await box.verify(program, suite, LIMITS)
    assert first.outcomes == (True, False, None, None)
    every = await box.verify(program, suite, Limits(5.0, wall=30.0, fail_fast=False))
    assert every.outcomes == (True, False, False, True)
    assert (every.verdict, every.first_failed, every.passed, every.total) == ("error", 1, 2, 4)
    assert every.detail == "ValueError: one"


@pytest.mark.parametrize(
    ("compare", "printed", "verdict"),
    [
        ("exact", "1.0\n", "passed"),
        ("exact", "1.0", "failed"),
        ("lcb", "1", "passed"),
        ("lcb", "1.0000001", "failed"),
        ("lcb+tol", "1.0000001", "passed"),
        ("lcb+tol", "1.1", "failed"),
    ],
)
async def test_outputs_are_compared_as_the_suite_says(box: Sandbox, compare: str, printed: str, verdict: str) -> None:
    suite = Stdio((Stream("", "1.0\n"),), compare)  # type: ignore[arg-type]
    done = await box.verify(f"import sys\nsys.stdout.write({printed!r})", suite, LIMITS)
    assert done.verdict == verdict


@pytest.mark.parametrize(
    "text",
    ["", "é \U0001f600\n", "\udc80", "\ud800\n", "a\x00b\r\n\n", "x" * 3_000_000],
    ids=["nothing", "letters", "a byte", "no byte", "control characters", "long"],
)
async def test_any_text_can_be_the_input(box: Sandbox, text: str) -> None:
    size = len(text.encode("utf-8", "surrogatepass")) if "\udc80" not in text else 1
    suite = Stdio((Stream(text, f"{size}\n"),))
    done = await box.verify("import sys\nprint(len(sys.stdin.buffer.read()))", suite, LIMITS)
    assert done.verdict == "passed", done


async def test_a_program_that_does_not_read_its_input_is_no_less_right(box: Sandbox) -> None:
    done = await box.verify("print(3)", Stdio((Stream("x" * 10**6, "3\n"),)), LIMITS)
    assert done.verdict == "passed"


async def test_what_is_no_text_is_no_output_that_was_expected(box: Sandbox) -> None:
    done = await box.verify("import sys\nsys.stdout.buffer.write(b'\\xff3')", SUM, LIMITS)
    assert done.verdict == "failed"


async def test_errors_that_are_printed_are_kept_and_cut(box: Sandbox) -> None:
    program = "import sys\nprint('e' * 10**5, file=sys.stderr)\nprint(sum(map(int, input().split())))\n"
    done = await box.verify(program, SUM, LIMITS)
    assert done.verdict == "passed"
    assert done.output == "e" * len(done.output)
    assert 1000 < len(done.output) < 20_000


async def test_a_long_program_is_run(box: Sandbox) -> None:
    program = "x = 0\n" + "x += 1\n" * 20_000 + "print(sum(map(int, input().split())))\n"
    assert (await box.verify(program, SUM, LIMITS)).verdict == "passed"
