"""What servers are told when models come and go, and what becomes of their refusals."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from orchestrator.errors import ConfigError, LoadFailed
from orchestrator.experts.loaders import loader_of
from orchestrator.protocols import Loader
from orchestrator.serving import loader_of as served
from orchestrator.types import Expert, Sampling

Act = Callable[[Loader, Expert], Awaitable[None]]


class Server:
    """Notes what it is told, and answers by path."""

    def __init__(self, answers: dict[str, tuple[int, Any]]) -> None:
        self.answers = answers
        self.told: list[tuple[str, Any]] = []
        self.headers: list[dict[str, str]] = []

    async def __call__(self, request: web.BaseRequest) -> web.Response:
        text = await request.text()
        self.told.append((f"{request.method} {request.path_qs}", json.loads(text) if text else None))
        self.headers.append(dict(request.headers))
        status, body = self.answers.get(request.path, (404, {"detail": "Not Found"}))
        return web.Response(status=status, text=body if isinstance(body, str) else json.dumps(body))


def told(answers: dict[str, tuple[int, Any]], act: Act, **settings: Any) -> Server:
    server = Server(answers)

    async def main() -> None:
        runner = web.ServerRunner(web.Server(server))
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        base = f"http://{host}:{port}{settings.pop('path', '')}"
        expert = Expert("e", settings.pop("model", "m"), api_base=base, resident_group="g", **settings)
        loader = loader_of(expert)
        assert loader is not None
        try:
            await act(loader, expert)
        finally:
            await loader.aclose()
            await runner.cleanup()

    asyncio.run(main())
    return server


async def load(loader: Loader, expert: Expert) -> None:
    await loader.load(expert)


async def unload(loader: Loader, expert: Expert) -> None:
    await loader.unload(expert)


GOOD = {"/api/generate": (200, {"done": True}), "/api/embed": (200, {"embeddings": []})}


@pytest.mark.parametrize(
    ("model", "path", "name"),
    [
        ("ollama_chat/qwen3:8b", "", "qwen3:8b"),
        ("ollama/qwen3:8b", "/v1", "qwen3:8b"),
        ("openai/qwen3:8b", "/v1", "qwen3:8b"),
        ("qwen3:8b", "/v1", "qwen3:8b"),
    ],
    ids=["chat", "v1", "openai", "bare"],
)
def test_ollama_is_asked_without_a_prompt_to_load_and_with_keep_alive_to_unload(
    model: str, path: str, name: str
) -> None:
    async def both(loader: Loader, expert: Expert) -> None:
        await loader.load(expert)
        await loader.unload(expert)

    server = told(GOOD, both, model=model, path=path, loader="ollama")
    assert server.told == [
        ("POST /api/generate", {"model": name, "stream": False}),
        ("POST /api/generate", {"model": name, "stream": False, "keep_alive": 0}),
    ]


def test_ollama_loads_a_model_with_the_options_that_requests_will_have() -> None:
    sampling = Sampling(extra_body={"num_gpu": 20, "top_k": 3, "options": {"num_batch": 64, "mirostat": 1}})
    server = told(GOOD, load, loader="ollama", model="ollama/m", context=8192, sampling=sampling)
    (asked,) = server.told
    assert asked[1]["options"] == {"num_ctx": 8192, "num_gpu": 20, "num_batch": 64}


def test_ollama_loads_an_embedder_by_its_own_way_of_asking() -> None:
    refusal = (400, {"error": '"nomic" does not support generate'})
    server = told({**GOOD, "/api/generate": refusal}, load, loader="ollama", model="ollama/nomic")
    assert [path for path, _ in server.told] == ["POST /api/generate", "POST /api/embed"]


def test_a_model_that_ollama_does_not_have_is_told_in_one_line() -> None:
    answer = (404, {"error": "model 'm' not found\n\x1b[31mtry pulling it"})
    with pytest.raises(LoadFailed, match=r"^e: /api/generate: status 404: model 'm' not found$"):
        told({"/api/generate": answer}, load, loader="ollama", model="ollama/m")


@pytest.mark.parametrize(
    ("act", "asleep", "paths"),
    [
        (load, True, ["GET /is_sleeping", "POST /wake_up"]),
        (load, False, ["GET /is_sleeping"]),
        (unload, False, ["GET /is_sleeping", "POST /sleep?level=1"]),
        (unload, True, ["GET /is_sleeping"]),
    ],
    ids=["wakes", "is awake", "sleeps", "is asleep"],
)
def test_vllm_sleeps_and_wakes_only_where_it_does_not_already(act: Act, asleep: bool, paths: list[str]) -> None:
    answers = {"/is_sleeping": (200, {"is_sleeping": asleep}), "/wake_up": (200, ""), "/sleep": (200, "")}
    server = told(answers, act, loader="vllm", path="/v1", model="openai/m")
    assert [path for path, _ in server.told] == paths


def test_a_vllm_without_sleep_mode_is_told_how_to_get_it() -> None:
    with pytest.raises(LoadFailed, match="start vLLM with --enable-sleep-mode and VLLM_SERVER_DEV_MODE=1"):
        told({}, unload, loader="vllm", path="/v1")


def test_a_vllm_that_cannot_wake_up_is_told() -> None:
    answers = {"/is_sleeping": (200, {"is_sleeping": True}), "/wake_up": (500, "out of memory")}
    with pytest.raises(LoadFailed, match="/wake_up: status 500: out of memory"):
        told(answers, load, loader="vllm")


def test_a_server_that_is_not_there_is_told() -> None:
    async def main() -> None:
        expert = Expert("e", "ollama/m", api_base="http://127.0.0.1:9", loader="ollama", resident_group="g")
        loader = loader_of(expert)
        assert loader is not None
        with pytest.raises(LoadFailed, match="the server was not reached"):
            await loader.load(expert)
        await loader.aclose()

    asyncio.run(main())


def test_a_named_key_and_headers_go_along_and_no_other_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "sesame")
    monkeypatch.setenv("OPENAI_API_KEY", "not for you")
    server = told(GOOD, load, loader="ollama", model="ollama/m", key_env="MY_KEY", headers={"X-Team": "blue"})
    assert (server.headers[0]["Authorization"], server.headers[0]["X-Team"]) == ("Bearer sesame", "blue")
    assert "Authorization" not in told(GOOD, load, loader="ollama", model="ollama/m").headers[0]


def test_without_a_loader_nobody_is_told() -> None:
    assert loader_of(Expert("e", "m", resident_group="g")) is None
    assert served(Expert("e", "m", resident_group="g")) is None


def test_an_unknown_loader_is_refused() -> None:
    with pytest.raises(ConfigError, match="no loader is called 'magic'; there are none, ollama, vllm and local"):
        served(Expert("e", "m", resident_group="g", loader="magic"))
