"""The way to one expert through litellm: where calls go, over which connections, with nothing done unasked."""

from __future__ import annotations

import importlib
import logging
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from orchestrator.errors import ExpertError
from orchestrator.types import Expert, Request

from .capabilities import Capabilities, Refusal
from .collecting import uncollected
from .embedding import texts_of
from .failures import Teller
from .loading import Library
from .routes import Route, route
from .streaming import streamable, streamed
from .wire import Call

_OVER_HTTP = frozenset(
    {
        "anthropic",
        "cometapi",
        "compactifai",
        "databricks",
        "deepseek",
        "fireworks_ai",
        "gemini",
        "groq",
        "huggingface",
        "lemonade",
        "minimax",
        "mistral",
        "nadir",
        "ollama",
        "ollama_chat",
        "openrouter",
        "ovhcloud",
        "snowflake",
        "together_ai",
        "xai",
    }
)
"""Providers that litellm serves only with its own HTTP handler, so that ours can be put in its place."""

_OVER_SDK = frozenset(
    {
        "baseten",
        "cerebras",
        "dashscope",
        "deepinfra",
        "featherless_ai",
        "friendliai",
        "github",
        "hyperbolic",
        "lambda_ai",
        "llamafile",
        "lm_studio",
        "meta_llama",
        "moonshot",
        "nebius",
        "novita",
        "nvidia_nim",
        "perplexity",
        "sambanova",
        "volcengine",
        "xinference",
    }
)
"""Providers that litellm serves only with OpenAI's SDK; likewise."""


class LiteLLMChannel:
    """The way to one expert, once litellm is there.

    Raises:
        ConfigError: the variable named by `key_env` is not set, or `api_base` is no URL.
    """

    def __init__(self, expert: Expert) -> None:
        # These need litellm's HTTP libraries, which must not be loaded with this module.
        from . import provider_errors, transport

        self.expert, self._errors, self._litellm = expert, provider_errors, library()
        self.route: Route = route(expert, _providers(self._litellm))
        self._tell = Teller(expert.id, self.route.secrets(expert), self.route.key_from(expert))
        over = {"authorization": self.route.basic} if self.route.basic else {}
        over |= {name: value for name, value in expert.headers.items() if name.lower() == "authorization"}
        openai = self.route.provider == "openai" and not self.route.api_base
        self._clients = transport.Clients(expert.timeout, over, openai)

    def look_up(self, capabilities: Capabilities) -> None:
        """Takes over what litellm knows of a real provider's request fields; of other hosts nothing is known."""
        if self.route.compatible:
            return
        known = self._litellm.get_supported_openai_params(
            model=self.route.model, custom_llm_provider=self.route.provider
        )
        if known:
            capabilities.look_up(known)

    def sdk(self) -> Any:
        """OpenAI's SDK over connections of ours, for an expert that is served by it."""
        return self._client(by_http=False, embedding=False)[1]

    def classify(self, error: Exception) -> ExpertError:
        """What went wrong, as an error of our tree without anything secret."""
        if isinstance(error, ExpertError):
            return error
        return self._errors.classify(error, self._tell)

    def refusal_of(self, error: Exception) -> Refusal | None:
        """The words of a 400, where it was one."""
        return self._errors.refusal_of(error)

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._clients.aclose()

    async def send(self, request: Request, call: Call, began: Callable[[], None] | None = None) -> Any:
        """litellm's answer to one call; with `began`, which is called with its first token, it is streamed."""
        ask = self._litellm.acompletion if request.sampling.mode == "chat" else self._litellm.atext_completion
        arguments = self._arguments(request, call)
        with undisturbed():
            if began is not None:
                return await streamed(self._litellm, arguments, began, self.expert.id)
            return await ask(**arguments)

    def rehearse(self, request: Request, call: Call, client: Any) -> Any:
        """litellm's answer to one call, made as `send` makes it, but by a client of `over`."""
        ask = self._litellm.completion if request.sampling.mode == "chat" else self._litellm.text_completion
        arguments = self._arguments(request, call) | {"client": client}
        with undisturbed():
            return ask(**arguments)

    def over(self, transport: Any) -> Any:
        """A client for rehearsals, over a transport that reaches nobody."""
        return self._clients.over(transport)

    def dress(self, request: Any) -> None:
        """Puts on an HTTP request the headers that it would leave with."""
        self._clients.dress(request)

    def _arguments(self, request: Request, call: Call) -> dict[str, Any]:
        # Without this litellm imports its MCP gateway, which needs packages that are not there.
        unhandled = {"_skip_mcp_handler": True} if request.tools else {}
        by_http = request.sampling.mode == "chat" and not request.tools
        return {**call.arguments, **self._common(by_http=by_http), **unhandled}

    def streams(self, batch: Sequence[Request]) -> bool:
        """Whether nothing is lost of the answer to these if it comes as it is written."""
        return streamable(batch)

    async def send_texts(self, request: Request) -> Any:
        """litellm's answer to a request for embeddings."""
        arguments = texts_of(request)
        if extra := sorted(request.sampling.extra_body):
            arguments["allowed_openai_params"] = extra  # of models that it does not know it takes fields only when told
        with undisturbed():
            return await self._litellm.aembedding(**self._common(by_http=False, embedding=True) | arguments)

    def _common(self, *, by_http: bool, embedding: bool = False) -> dict[str, Any]:
        """What every call has: where to, with which key and client, and no retries."""
        where = self.route
        provider, client = self._client(by_http, embedding)
        allowed = ["reasoning_effort"] if where.compatible else []
        if provider in _OVER_SDK:
            allowed.append("max_retries")  # else litellm loses it on the way and the SDK sends thrice
        common: dict[str, Any] = {
            "model": f"{provider}/{where.model}" if where.compatible else where.model,
            "api_base": where.api_base,
            "api_key": where.key,
            "timeout": float(self.expert.timeout) + 5,  # ours ends it first
            "max_retries": 0,
            "num_retries": 0,
            "client": client,
            "extra_headers": dict(self.expert.headers) or None,
            "allowed_openai_params": allowed or None,
        }
        return {name: value for name, value in common.items() if value is not None}

    def _client(self, by_http: bool, embedding: bool) -> tuple[str | None, object]:
        """The provider's prefix, and a client of ours where litellm lets us put one in its place."""
        where, clients = self.route, self._clients
        if where.compatible:
            # Through `hosted_vllm/` requests and errors are those of `openai/`, for a fourth less CPU; but litellm
            # takes `strict` out of tools there.
            return ("hosted_vllm", clients.http()) if by_http else ("openai", clients.openai(where.api_base, where.key))
        if where.provider == "openai":
            base = where.api_base or os.environ.get("OPENAI_BASE_URL") or os.environ.get("OPENAI_API_BASE")
            return "openai", clients.openai(base, where.key or os.environ.get("OPENAI_API_KEY"))
        if where.provider in _OVER_SDK:
            found = self._litellm.get_llm_provider(where.model, api_base=where.api_base, api_key=where.key)
            return where.provider, clients.openai(found[3], where.key or found[2])
        return where.provider, clients.http() if where.provider in _OVER_HTTP and not embedding else None


def library() -> Any:
    """litellm, imported without network and made quiet."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    # In its default mode litellm reads the .env of the folder one stands in: a foreign repository could name a host
    # there, to which the user's own key would go.
    os.environ.setdefault("LITELLM_MODE", "PRODUCTION")
    # A lane bounds the requests in flight. A pool with a bound of its own would let the rest wait inside an attempt,
    # whose time for a connection runs.
    for name in ("AIOHTTP_CONNECTOR_LIMIT", "AIOHTTP_CONNECTOR_LIMIT_PER_HOST"):
        os.environ.setdefault(name, str(1_000_000))
    _quiet()
    with uncollected():
        litellm: Any = importlib.import_module("litellm")
    litellm.suppress_debug_info = True
    litellm.disable_hf_tokenizer_download = True  # it counts streamed tokens that no server told
    if "LITELLM_LOG" not in os.environ:
        for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
    return litellm


LITELLM = Library("litellm", library)


def _quiet() -> None:
    """Keeps pydantic's remarks on litellm's own types, and on odd bodies that litellm takes, off the terminal."""
    for words in ("Pydantic serializer warnings", "Items? .* on TypedDict class"):
        warnings.filterwarnings("ignore", words, UserWarning, r"pydantic\.")


def _providers(litellm: Any) -> frozenset[str]:
    return frozenset(str(getattr(name, "value", name)) for name in litellm.provider_list)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Keeps litellm's callbacks and their background tasks away from the call made inside."""
    flag = _internal_flag()
    if flag is None:
        yield
        return
    token = flag.set(True)
    try:
        yield
    finally:
        flag.reset(token)


def _internal_flag() -> ContextVar[bool] | None:
    """litellm's own mark of a call that is not logged; versions without it only do more work."""
    try:
        found = importlib.import_module("litellm._internal_context").is_internal_call
    except (ImportError, AttributeError):
        return None
    return found if isinstance(found, ContextVar) else None
