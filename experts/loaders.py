"""How servers are told which models to load: Ollama, and vLLM with its sleep mode. llama-swap needs no telling.

Models in this process have a loader of their own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from orchestrator.errors import ConfigError, LoadFailed
from orchestrator.protocols import Loader
from orchestrator.types import Expert, Json

from .routes import direct_route

if TYPE_CHECKING:
    import aiohttp

_RUNNER = ("num_ctx", "num_gpu", "num_batch", "num_thread", "main_gpu", "use_mmap")
"""Options of Ollama that a model is loaded with: with others a request would have it loaded again."""


def loader_of(expert: Expert) -> Loader | None:
    """The loader that an expert's entry names; `None` where its server loads what it is asked."""
    match expert.loader:
        case "none":
            return None
        case "ollama":
            return OllamaLoader(expert)
        case "vllm":
            return VllmLoader(expert)
        case "local":
            from .local import LocalLoader

            return LocalLoader()
    known = "none, ollama, vllm and local"
    raise ConfigError(f"expert '{expert.id}': no loader is called '{expert.loader}'; there are {known}")


class _Server:
    """The server of one expert, beside its answers. The expert given to a call has the server of the first."""

    def __init__(self, expert: Expert) -> None:
        route = direct_route(expert)
        self._root, self._name = (route.api_base or "").removesuffix("/v1"), route.model
        self._headers = dict(expert.headers)
        if route.basic or route.key:
            self._headers.setdefault("Authorization", route.basic or f"Bearer {route.key}")
        self._session: aiohttp.ClientSession | None = None

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _call(self, expert: Expert, method: str, path: str, body: Mapping[str, Json] | None = None) -> _Said:
        import aiohttp

        if self._session is None:
            self._session = aiohttp.ClientSession(headers=self._headers, cookie_jar=aiohttp.DummyCookieJar())
        limit = aiohttp.ClientTimeout(expert.timeout)
        try:
            async with self._session.request(
                method, self._root + path, json=body, allow_redirects=False, timeout=limit
            ) as reply:
                return _Said(reply.status, (await reply.read()).decode("utf-8", "replace"))
        except TimeoutError:
            raise LoadFailed(f"{path}: no answer in {expert.timeout:g} s", expert=expert.id) from None
        except (aiohttp.ClientError, OSError) as error:
            words = f"{path}: the server was not reached ({type(error).__name__}); its model is asked all the same"
            raise LoadFailed(words, expert=expert.id) from None


class _Said:
    """A server's answer."""

    def __init__(self, status: int, text: str) -> None:
        self.status, self._text = status, text

    @property
    def body(self) -> dict[str, Any]:
        try:
            found = json.loads(self._text)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def failure(self, path: str, advice: str = "") -> str:
        """In one line."""
        text = "".join(sign if sign.isprintable() else "\n" for sign in str(self.body.get("error") or self._text))
        said = text.strip().splitlines()
        return f"{path}: status {self.status}" + (f": {said[0][:200]}" if said else "") + advice


class OllamaLoader(_Server):
    """Preloads a model by a request without a prompt, and puts it out with `keep_alive` 0."""

    async def load(self, expert: Expert) -> None:
        await self._ask(expert, {"options": self._options(expert)} if self._options(expert) else {})

    async def unload(self, expert: Expert) -> None:
        await self._ask(expert, {"keep_alive": 0})

    async def _ask(self, expert: Expert, fields: Mapping[str, Json]) -> None:
        path, body = "/api/generate", {"model": self._name, "stream": False, **fields}
        said = await self._call(expert, "POST", path, body)
        if said.status == 400 and "does not support generate" in str(said.body.get("error")):
            path = "/api/embed"
            said = await self._call(expert, "POST", path, {"model": self._name, "input": [], **fields})
        if said.status != 200:
            raise LoadFailed(said.failure(path), expert=expert.id)

    def _options(self, expert: Expert) -> dict[str, Json]:
        extra = expert.sampling.extra_body
        inner = extra.get("options")
        given = {**extra, **(inner if isinstance(inner, Mapping) else {})}
        found: dict[str, Json] = {"num_ctx": expert.context} if expert.context is not None else {}
        return found | {name: given[name] for name in _RUNNER if name in given}


class VllmLoader(_Server):
    """Has a vLLM server sleep, its weights in the computer's own memory, and wakes it up.

    Each model has a server of its own, started with `--enable-sleep-mode` and VLLM_SERVER_DEV_MODE=1.
    """

    async def load(self, expert: Expert) -> None:
        if await self._sleeping(expert):
            await self._post(expert, "/wake_up")

    async def unload(self, expert: Expert) -> None:
        if not await self._sleeping(expert):
            await self._post(expert, "/sleep?level=1")

    async def _sleeping(self, expert: Expert) -> bool:
        said = await self._call(expert, "GET", "/is_sleeping")
        asleep = said.body.get("is_sleeping")
        if said.status != 200 or not isinstance(asleep, bool):
            advice = "; start vLLM with --enable-sleep-mode and VLLM_SERVER_DEV_MODE=1 in its environment"
            raise LoadFailed(said.failure("/is_sleeping", advice), expert=expert.id)
        return asleep

    async def _post(self, expert: Expert, path: str) -> None:
        said = await self._call(expert, "POST", path)
        if said.status != 200:
            raise LoadFailed(said.failure(path), expert=expert.id)
