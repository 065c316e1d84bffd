"""Fixtures that several rooms share, and what holds for every test: no network, no keys, no files of the user's."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.clock import route_time
from tests.double import Double, DoubleProcess

# A shell has what it starts in the background ignore Ctrl-C, and so would every program that a test starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parent.parent
REQUIRE_SHARED = "ORCHESTRATOR_REQUIRE_SHARED"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The optional folder of recorded data beside the checkout; users do not have it."""
    return shared_beside(ROOT, required=bool(os.environ.get(REQUIRE_SHARED)))


def shared_beside(root: Path, required: bool) -> Path:
    folder = root.parent / "shared"
    if not (folder / "replay").is_dir():
        reason = "the folder of recorded data (../shared) is not here"
        if required:
            pytest.fail(f"{reason}, and {REQUIRE_SHARED} is set")
        pytest.skip(reason)
    return folder


@pytest.fixture
async def double() -> AsyncIterator[Callable[..., Awaitable[Double]]]:
    """Starts doubles on the test's loop: `server = await double(answers={"42": 1})`."""
    async with AsyncExitStack() as stack:

        async def start(**settings: Any) -> Double:
            return await stack.enter_async_context(Double(**settings))

        yield start


@pytest.fixture
def double_process() -> Iterator[Callable[..., DoubleProcess]]:
    """Starts doubles as processes: `server = double_process(answers={"42": 1})`."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(DoubleProcess(**settings))


@pytest.fixture
def virtual_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Routes `time.monotonic` of the libraries that wait by it to the running loop; for use with `run_virtual`."""
    route_time(monkeypatch)


@pytest.fixture(scope="session", autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The user's configuration, runs and keys stay out of every test, and of the processes that tests start."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in [n for n in os.environ if n.endswith(("_API_KEY", "_API_BASE")) or n.startswith("ORCHESTRATOR_")]:
            if name != REQUIRE_SHARED:
                patch.delenv(name)
        for name in ("CONFIG", "STATE", "DATA", "CACHE"):
            patch.setenv(f"XDG_{name}_HOME", str(home / name.lower()))
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_network() -> Iterator[None]:
    """A test that would leave this machine fails instead."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex"):
            patch.setattr(socket.socket, name, _loopback_only(getattr(socket.socket, name)))
        yield


def _loopback_only(connect: Callable[[socket.socket, Any], Any]) -> Callable[[socket.socket, Any], Any]:
    def guarded(self: socket.socket, address: Any) -> Any:
        if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"a test tried to reach {address[0]}; tests stay on this machine")
        return connect(self, address)

    return guarded
