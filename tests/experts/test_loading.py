"""Libraries that take seconds to import: by a thread, once, for nobody who does not need them."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.errors import ConfigError
from orchestrator.experts.loading import Library
from tests.double import DoubleProcess

ASKING = """
import asyncio, sys
from orchestrator import Expert, Orchestrator, Price

async def main():
    expert = Expert("e", "openai/m", client="{client}", api_base="{base_url}", price=Price())
    async with Orchestrator(experts=[{experts}], strategy="cot") as orchestrator:
        {inside}

asyncio.run(main())
print(*sorted({{"litellm", "aiohttp"}} & set(sys.modules)))
"""
HANGING = "import time\nprint('importing', flush=True)\ntime.sleep(600)\n"
"""In the place of a library: it takes ten minutes to import."""


def run(program: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, **({"PYTHONPATH": str(path)} if path else {})}
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=env, timeout=120)


def asking(base_url: str, client: str = "direct", experts: str = "expert", inside: str = "") -> str:
    told = inside or "print((await orchestrator.solve('What is 6 times 7?', kind='number')).answer)"
    return textwrap.dedent(ASKING).format(client=client, base_url=base_url, experts=experts, inside=told)


async def test_whoever_comes_while_it_is_imported_waits_for_the_same_import() -> None:
    imports, going = list[str](), threading.Event()

    def load() -> None:
        imports.append(threading.current_thread().name)
        going.wait(30)

    library = Library("heavy", load)
    library.begin()
    async with asyncio.TaskGroup() as group:
        waiting = [group.create_task(library.ready()) for _ in range(3)]
        await asyncio.sleep(0)
        assert not any(task.done() for task in waiting)
        going.set()
    await library.ready()
    assert imports == ["import heavy"]


async def test_one_that_leaves_does_not_end_it_for_the_others() -> None:
    going = threading.Event()
    library = Library("heavy", lambda: going.wait(30))
    first = asyncio.ensure_future(library.ready())
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    going.set()
    await library.ready()


async def test_what_cannot_be_imported_is_told_in_one_line_and_tried_again() -> None:
    tries = list[int]()

    def load() -> None:
        tries.append(1)
        if len(tries) < 3:
            raise ImportError("no module named 'tiktoken'\nand more")

    library = Library("heavy", load)
    with pytest.raises(
        ConfigError, match=r"^heavy cannot be imported \(ImportError: no module named 'tiktoken'\); install"
    ):
        await library.ready()
    with pytest.raises(ConfigError):
        await library.ready()
    await library.ready()


def test_experts_that_are_asked_directly_need_no_litellm(double_process: Callable[..., DoubleProcess]) -> None:
    done = run(asking(double_process(answers={"42": 1}).base_url))
    assert done.stdout.split() == ["42", "aiohttp"], done.stderr


@pytest.mark.parametrize("experts", ["", "Expert('sim:ada', 'sim:ada', client='sim', price=Price())"])
def test_simulated_experts_need_no_library_at_all(experts: str) -> None:
    inside = "print((await orchestrator.solve('What is 6 times 7?', kind='number')).strategy)"
    done = run(asking("http://127.0.0.1:9", experts=experts, inside=inside))
    assert done.stdout.split() == ["cot"], done.stderr


def test_litellm_is_imported_beside_what_is_done_before_the_first_problem(
    double_process: Callable[..., DoubleProcess],
) -> None:
    inside = """
        import threading
        print(*{thread.name for thread in threading.enumerate()} & {"import litellm"}, sep="", end=";")
        print((await orchestrator.solve("What is 6 times 7?", kind="number")).answer)
    """
    base = double_process(answers={"42": 1}).base_url
    done = run(asking(base, "litellm", inside=textwrap.dedent(inside).strip().replace("\n", "\n" + " " * 8)))
    assert done.stdout.splitlines()[0] == "import litellm;42", done.stderr
    assert done.stdout.splitlines()[1].split() == ["aiohttp", "litellm"]


def test_a_role_of_one_step_is_loaded_before_its_calls(double_process: Callable[..., DoubleProcess]) -> None:
    base = double_process(answers={"42": 1}).base_url
    judge = f"Expert('j', 'openai/j', client='litellm', api_base='{base}', price=Price())"
    inside = (
        f"""print((await orchestrator.solve('What is 6 times 7?', kind='number', roles={{'judge': {judge}}})).answer)"""
    )
    done = run(asking(base, inside=inside))
    assert done.stdout.split() == ["42", "aiohttp", "litellm"], done.stderr


def test_a_litellm_that_is_broken_is_told_and_not_asked_through(tmp_path: Path) -> None:
    (tmp_path / "litellm.py").write_text("raise RuntimeError('half installed')")
    done = run(asking("http://127.0.0.1:9", "litellm"), tmp_path)
    last = done.stderr.strip().splitlines()[-1]
    assert "ConfigError: litellm cannot be imported (RuntimeError: half installed); install it again" in last


def test_ctrl_c_does_not_wait_for_an_import(tmp_path: Path) -> None:
    (tmp_path / "litellm.py").write_text(HANGING)
    env = {**os.environ, "PYTHONPATH": str(tmp_path), "OPENAI_API_KEY": "sk-x", "HOME": str(tmp_path)}
    arguments = ["orchestrator", "solve", "2 + 2?", "-e", "openai/gpt-4o-mini", "--budget", "calls=1"]
    command = [sys.executable, "-c", f"import sys; sys.argv = {arguments}; from orchestrator.cli import main; main()"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=env, cwd=tmp_path, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "importing\n"
        process.send_signal(signal.SIGINT)
        try:
            _, told = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, "interrupted" in told) == (130, True), told


async def test_collecting_garbage_goes_on_after_an_import() -> None:
    from orchestrator.experts.litellm import LIBRARY

    await LIBRARY.ready()
    assert gc.isenabled()
