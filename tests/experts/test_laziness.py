"""What importing and using litellm must not do, each in an interpreter of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.double import DoubleProcess

NO_SOCKETS = """
import socket, sys
tried = []
def blocked(*args, **kwargs):
    tried.append(args)
    raise OSError("the network was reached for")
socket.getaddrinfo = socket.create_connection = socket.gethostbyname = blocked
socket.socket.connect = socket.socket.connect_ex = socket.socket.sendto = blocked
"""


def run(script: str, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "default", "-W", "ignore::DeprecationWarning", "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=cwd,
        env={**{k: v for k, v in os.environ.items() if not k.startswith("LITELLM")}, **environment},
    )


@pytest.mark.parametrize("module", ["litellm", "direct", "replay", "scripted", "pool", "prices", "routes", "embedding"])
def test_importing_a_client_imports_no_library_of_its_own(module: str) -> None:
    done = run(f"""
        import sys
        import orchestrator.experts.{module}
        heavy = ["litellm", "openai", "httpx", "aiohttp", "pydantic", "numpy", "networkx", "tomlkit"]
        print(sorted(set(heavy) & set(sys.modules)))
    """)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_names_prices_and_keys_are_looked_up_without_litellm() -> None:
    done = run(
        """
        import sys
        from orchestrator.experts.litellm import check, priced
        from orchestrator.experts.pool import experts_of
        (expert,) = experts_of(["openai/gpt-4o-mini"])
        check(expert)
        assert priced(expert).price.prompt > 0
        print("litellm" in sys.modules, "pydantic" in sys.modules)
        """,
        OPENAI_API_KEY="sk-x",
    )
    assert (done.stdout.strip(), done.stderr) == ("False False", "")


def test_litellm_is_imported_without_network_and_without_a_word() -> None:
    done = run(
        NO_SOCKETS
        + textwrap.dedent("""
        import asyncio
        from orchestrator.experts.litellm import LIBRARY
        asyncio.run(LIBRARY.ready())
        assert "litellm" in sys.modules
        print(tried)
        """)
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_a_folders_env_file_neither_moves_a_host_nor_brings_a_key(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("OPENAI_BASE_URL=http://elsewhere.example/v1\nOPENAI_API_KEY=sk-theirs\n")
    done = run(
        """
        import os
        from orchestrator.experts.channel import library
        library()
        print(os.environ.get("OPENAI_BASE_URL"), os.environ.get("OPENAI_API_KEY"))
        """,
        cwd=tmp_path,
    )
    assert (done.stdout.strip(), done.stderr) == ("None None", "")


@pytest.mark.parametrize("client", ["litellm", "direct"])
def test_calls_and_failures_print_nothing_and_leave_nothing_behind(
    client: str,
    double_process: Callable[..., DoubleProcess],
) -> None:
    models = {"bad": {"faults": {"500": 1.0}}, "garbled": {"faults": {"invalid_json": 1.0}}}
    server = double_process(answers={"42": 1}, models=models)
    done = run(f"""
        import asyncio
        from orchestrator.errors import ExpertError
        from orchestrator.experts.{client} import backend
        from orchestrator.types import Expert, Message, Request, Sampling

        async def ask(model, **fields):
            served = backend(Expert("e", f"openai/{{model}}", api_base="{server.base_url}"))
            try:
                request = Request("e", model, (Message("user", "q"),), Sampling(max_tokens=99), **fields)
                return len((await served.complete([request])).completions)
            except ExpertError as error:
                return type(error).__name__
            finally:
                await served.aclose()

        async def main():
            tool = {{"type": "function", "function": {{"name": "f", "parameters": {{"type": "object"}}}}}}
            answers = [await ask("m"), await ask("m", tools=(tool,)), await ask("bad"), await ask("garbled")]
            others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            print(answers, others)

        asyncio.run(main())
    """)
    assert (done.stdout.strip(), done.stderr) == ("[1, 1, 'ServerBusy', 'BadCompletion'] []", "")


def test_a_server_that_is_asked_directly_needs_neither_litellm_nor_what_it_brings(
    double_process: Callable[..., DoubleProcess],
) -> None:
    server = double_process(answers={"42": 1})
    done = run(f"""
        import sys
        from orchestrator import Expert, solve
        expert = Expert("e", "openai/m", client="direct", api_base="{server.base_url}")
        out = solve("What is 6 x 7?", kind="number", experts=[expert], strategy="self_consistency(samples=3)")
        heavy = ["litellm", "openai", "httpx", "tiktoken", "tokenizers", "numpy", "networkx"]
        print(out.answer, sorted(set(heavy) & set(sys.modules)))
    """)
    assert (done.stdout.strip(), done.stderr) == ("42 []", "")


def test_the_pool_of_connections_does_not_bound_what_a_lane_allows() -> None:
    done = run(
        """
        from orchestrator.experts.channel import library
        constants = library().constants
        print(constants.AIOHTTP_CONNECTOR_LIMIT > 10_000, constants.AIOHTTP_CONNECTOR_LIMIT_PER_HOST > 10_000)
        """
    )
    assert done.stdout.split() == ["True", "True"], done.stderr
