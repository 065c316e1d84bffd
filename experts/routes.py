"""Where an expert's calls go and which key they carry.

A provider's key goes only to the provider's own hosts: with an `api_base` a key is sent only if `key_env` names it,
else a placeholder is passed, so that no client library fills the gap from the environment.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit, urlunsplit

from orchestrator.errors import ConfigError, UnknownName
from orchestrator.types import Expert

from .clients import COMPATIBLE, OLLAMA, PREFIXES, client_of
from .prices import bare_models, provider_of_bare_model

PLACEHOLDER = "none"
"""Sent as the key to hosts for which no key was named."""

KEYS: dict[str, tuple[str, ...]] = {
    "openai": ("OPENAI_API_KEY",),
    "anthropic": ("ANTHROPIC_API_KEY",),
    "cerebras": ("CEREBRAS_API_KEY",),
    "cohere": ("COHERE_API_KEY", "CO_API_KEY"),
    "cohere_chat": ("COHERE_API_KEY", "CO_API_KEY"),
    "deepinfra": ("DEEPINFRA_API_KEY",),
    "deepseek": ("DEEPSEEK_API_KEY",),
    "fireworks_ai": ("FIREWORKS_API_KEY", "FIREWORKS_AI_API_KEY", "FIREWORKSAI_API_KEY", "FIREWORKS_AI_TOKEN"),
    "gemini": ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    "groq": ("GROQ_API_KEY",),
    "mistral": ("MISTRAL_API_KEY", "MISTRAL_AZURE_API_KEY"),
    "openrouter": ("OPENROUTER_API_KEY", "OR_API_KEY"),
    "perplexity": ("PERPLEXITYAI_API_KEY", "PERPLEXITY_API_KEY"),
    "sambanova": ("SAMBANOVA_API_KEY",),
    "together_ai": ("TOGETHERAI_API_KEY", "TOGETHER_API_KEY", "TOGETHER_AI_API_KEY", "TOGETHER_AI_TOKEN"),
    "xai": ("XAI_API_KEY",),
}
"""Variables in which a provider's key is looked for, the usual one first; the others are asked of litellm."""

LOCAL = frozenset({"ollama", "ollama_chat", "hosted_vllm", "llamafile", "lm_studio", "xinference"})
"""Providers that run on one's own machines and need no key."""

_OLLAMA_AT = "http://127.0.0.1:11434"


@dataclass(frozen=True, slots=True)
class Route:
    """Where calls go."""

    provider: str | None
    """litellm's name of the provider; `None`: litellm finds it by the model's name."""
    model: str
    """For a compatible server the server's own name of the model, else as litellm takes it."""
    compatible: bool
    """Whether it is a server at an `api_base` that speaks OpenAI's protocol."""
    api_base: str | None
    """Without credentials."""
    key: str | None
    """`None`: the provider's own variable."""
    basic: str | None = None
    """Value of an Authorization header made from credentials in the URL."""

    def key_from(self, expert: Expert) -> str:
        """What a user whose key was refused should look at."""
        if expert.key_env:
            return f"check the key in {expert.key_env}"
        if self.api_base:
            return "no key was sent: name its variable with key_env or --key-env"
        return f"check the key in {KEYS[self.provider][0]}" if self.provider in KEYS else ""

    def secrets(self, expert: Expert) -> tuple[str, ...]:
        """What must never be shown."""
        headers = [*expert.headers.values(), self.basic or ""]
        found = [self.key, *headers, *(part for value in headers for part in value.split(" ")[1:])]
        if expert.api_base:
            url = urlsplit(expert.api_base)
            found += [url.password, url.password and unquote(url.password)]
        variables = (expert.key_env, *KEYS.get(self.provider or "openai", ()))
        found += [os.environ.get(name) for name in variables if name]
        return tuple(sorted({s for s in found if s and s != PLACEHOLDER and len(s) > 3}, key=len, reverse=True))


def route(expert: Expert, providers: Collection[str]) -> Route:
    """The route of an expert's calls.

    Args:
        providers: litellm's names of providers.

    Raises:
        ConfigError: the variable named by `key_env` is not set, or `api_base` is no URL.
    """
    prefix, slash, rest = expert.model.partition("/")
    api_base, basic = split_credentials(expert.api_base) if expert.api_base else (None, None)
    key = _named_key(expert) if expert.key_env else PLACEHOLDER if api_base else None
    known = bool(slash) and prefix in providers
    if api_base and known and prefix in COMPATIBLE:
        return Route("openai", rest, True, api_base, key, basic)
    if api_base and not known:
        return Route("openai", expert.model, True, api_base, key, basic)
    provider = prefix if known else provider_of_bare_model(expert.model)
    return Route(provider, expert.model, False, api_base, key, basic)


def direct_route(expert: Expert) -> Route:
    """The route of an expert that is asked without litellm; `compatible` is false where it is Ollama's own protocol.

    Raises:
        ConfigError: there is no `api_base`, it is no URL, or the variable named by `key_env` is not set.
    """
    prefix, slash, rest = expert.model.partition("/")
    base = expert.api_base
    key = _named_key(expert) if expert.key_env else None
    if slash and prefix in OLLAMA:
        base, basic = split_credentials(base or os.environ.get("OLLAMA_API_BASE") or _OLLAMA_AT)
        base = base.rstrip("/")
        for ending in ("/chat", "/generate", "/api", "/v1"):  # what people copy along
            base = base.removesuffix(ending)
        return Route("ollama", rest, False, base, key, basic)
    if base is None:
        raise ConfigError(
            f"expert '{expert.id}': client = \"direct\" needs to know the server: give api_base, such as "
            "http://127.0.0.1:8000/v1"
        )
    base, basic = split_credentials(base)
    return Route("openai", rest if slash and prefix in PREFIXES else expert.model, True, base.rstrip("/"), key, basic)


def split_credentials(url: str) -> tuple[str, str | None]:
    """A base URL without its user name and password, and the header value that says the same.

    Raises:
        ConfigError: not an http(s) URL with a host.
    """
    parts = urlsplit(url)
    try:
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        sound = False
    if not sound:
        shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}" if "@" in url else url
        raise ConfigError(f"api_base '{shown}' is not a URL; write http://HOST:PORT/v1")
    userinfo, at, host = parts.netloc.rpartition("@")
    if not at:
        return url, None
    plain = ":".join(unquote(part) for part in userinfo.split(":", 1))
    return urlunsplit(parts._replace(netloc=host)), "Basic " + base64.b64encode(plain.encode()).decode()


def check(expert: Expert) -> None:
    """Finds what would make every call of an expert fail, before the first one.

    Imports litellm only for providers that `KEYS` does not hold.

    Raises:
        ConfigError: no key, no URL, or a model whose provider is unknown. One line, with what to do.
    """
    if expert.client == "local":
        from .local import check as check_local

        check_local(expert)
    if not expert.networked:
        return
    if client_of(expert) == "direct":
        direct_route(expert)
        return
    if expert.api_base:
        split_credentials(expert.api_base)
    if expert.key_env:
        _named_key(expert)
        return
    if expert.api_base:
        return
    prefix, slash, _ = expert.model.partition("/")
    provider = prefix if slash and (prefix in KEYS or prefix in LOCAL) else provider_of_bare_model(expert.model)
    if provider in LOCAL:
        return
    if provider in KEYS:
        if not any(os.environ.get(name) for name in KEYS[provider]):
            raise _no_key(expert, KEYS[provider][:1])
        return
    _ask_litellm(expert)


def _named_key(expert: Expert) -> str:
    assert expert.key_env is not None
    if key := os.environ.get(expert.key_env):
        if set(key) & set("\r\n\0"):
            raise ConfigError(f"expert '{expert.id}': the key in {expert.key_env} has a line break in it")
        return key
    raise ConfigError(
        f"expert '{expert.id}': the environment variable {expert.key_env} is not set; set it, or name another"
    )


def _unknown(expert: Expert) -> ConfigError:
    prefix, slash, _ = expert.model.partition("/")
    what, name, known = ("provider", prefix, (*KEYS, *LOCAL)) if slash else ("model", expert.model, bare_models())
    error = UnknownName(what, name, known, f"expert '{expert.id}'")
    if error.suggestion:
        return error
    return ConfigError(
        f"expert '{expert.id}': litellm knows no provider of '{expert.model}'; write PROVIDER/MODEL, "
        "or give the server with --api-base"
    )


def _no_key(expert: Expert, variables: Collection[str]) -> ConfigError:
    return ConfigError(
        f"expert '{expert.id}': no key: set {' and '.join(variables)}, name another variable with --key-env, "
        "or give the server with --api-base"
    )


def _ask_litellm(expert: Expert) -> None:
    from .channel import library  # which imports this module

    litellm = library()
    try:
        litellm.get_llm_provider(model=expert.model)
    except Exception:  # whatever litellm says of a name that it does not know
        raise _unknown(expert) from None
    missing = litellm.validate_environment(model=expert.model)["missing_keys"]
    if missing:
        raise _no_key(expert, missing)
