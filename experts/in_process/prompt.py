"""From a request to what a model is asked: its tokens, and how the reply is drawn."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.errors import BadRequest, ContextTooLong
from orchestrator.types import Expert, Message, Request

from ..wire import folded, provider_seed
from .libraries import transformers
from .model import Source, unreadable
from .row import Ask, Row
from .sampling import Draw

_UNCAPPED = 2048
"""Tokens of a reply where nobody sets a cap."""
_OPEN = "<think>"
_NOT_THINKING = frozenset({"none", "off"})


class Prompter:
    """A model's tokenizer, template and defaults; reads them when it is made, which takes a while.

    Raises:
        UnknownModel: there are none, or they cannot be read.
    """

    def __init__(self, source: Source, expert: Expert) -> None:
        self._expert = expert
        try:
            config = transformers.AutoConfig.from_pretrained(source.name, **source.arguments)
            self._encoder = transformers.AutoTokenizer.from_pretrained(source.name, **source.arguments)
            self._decoder = transformers.AutoTokenizer.from_pretrained(source.name, **source.arguments)
        except (OSError, ValueError, ImportError, KeyError) as error:
            raise unreadable(source, error) from None
        self._defaults = _generation(source)
        self.window: int | None = expert.context or getattr(config.get_text_config(), "max_position_embeddings", None)
        """Tokens of prompt and reply together; `None`: it has no limit."""
        self.fingerprint = str(getattr(config, "_commit_hash", None) or "")
        self._ends = _ends(self._defaults, self._encoder)
        self._spelled: dict[int, str] = {}
        self._one_by_one = threading.Lock()

    def row(self, request: Request, tries: int = 0) -> tuple[Row, tuple[str, ...]]:
        """What a request asks for, and the names of the settings that are left out.

        Args:
            request: not one for embeddings.
            tries: how often the same was asked, and gave nothing: the reply is then to be another.

        Raises:
            BadRequest: it has in it what a local model does not take.
            ContextTooLong: the prompt leaves no room for a reply.
        """
        self._check(request)
        dropped: list[str] = []
        text, special = self._text(request, dropped)
        with self._one_by_one:
            prompt = tuple(self._encoder(text, add_special_tokens=special)["input_ids"])
        cap = request.sampling.max_tokens or _UNCAPPED
        if self.window is not None:
            if len(prompt) >= self.window:
                raise ContextTooLong(
                    f"the prompt has {len(prompt)} tokens, the context window {self.window}", expert=self._expert.id
                )
            cap = min(cap, self.window - len(prompt))
        opened = _OPEN if special is False and text.rstrip().endswith(_OPEN) else ""
        draw = self._draw(request, tries, dropped)
        stops = tuple(stop for stop in request.sampling.stop if stop)
        return Row(Ask(prompt, cap, draw, self._ends, stops, opened), self.decode), tuple(dropped)

    def decode(self, tokens: Sequence[int]) -> str:
        """Tokens as text, without the special ones. Only one thread may call this."""
        return str(self._decoder.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False))

    def spelled(self, token: int) -> str:
        """One token as text; for other threads than the one that decodes."""
        if token not in self._spelled:
            self._spelled[token] = str(self._encoder.decode([token], clean_up_tokenization_spaces=False))
        return self._spelled[token]

    # -- parts --------------------------------------------------------------------------

    def _check(self, request: Request) -> None:
        if request.sampling.mode == "embedding":
            raise BadRequest("local models give no embeddings; name another expert as embedder", expert=self._expert.id)
        if request.tools:
            raise BadRequest("local models are given no tools", expert=self._expert.id)
        if any(message.images for message in request.messages):
            raise BadRequest("local models are shown no images", expert=self._expert.id)

    def _text(self, request: Request, dropped: list[str]) -> tuple[str, bool]:
        """The prompt, and whether the tokenizer's own special tokens belong to it."""
        if request.response_format is not None:
            dropped.append("json_schema")
        if request.sampling.mode == "completion":
            return "\n\n".join(message.text for message in request.messages), True
        if not getattr(self._encoder, "chat_template", None):
            raise BadRequest('the model has no chat template; set mode = "completion"', expert=self._expert.id)
        try:
            return self._rendered(request, request.messages), False
        except _template_error() as error:
            if not any(message.role == "system" for message in request.messages):
                raise self._refused(error) from None
        dropped.append("system")
        try:
            return self._rendered(request, folded(request.messages)), False
        except _template_error() as error:
            raise self._refused(error) from None

    def _refused(self, error: Exception) -> BadRequest:
        return BadRequest(f"the model's chat template refuses the messages: {error}", expert=self._expert.id)

    def _rendered(self, request: Request, messages: Sequence[Message]) -> str:
        told: dict[str, Any] = {}
        if (effort := request.sampling.reasoning_effort) is not None:
            told |= {"reasoning_effort": effort, "enable_thinking": effort.lower() not in _NOT_THINKING}
        own = request.sampling.extra_body.get("chat_template_kwargs")
        told |= own if isinstance(own, Mapping) else {}
        plain = [{"role": message.role, "content": message.text} for message in messages]
        # What ends with an assistant's turn is to be gone on with.
        goes_on = messages[-1].role == "assistant"
        end: dict[str, Any] = {"continue_final_message": True} if goes_on else {"add_generation_prompt": True}
        return str(self._encoder.apply_chat_template(plain, tokenize=False, **end, **told))

    def _draw(self, request: Request, tries: int, dropped: list[str]) -> Draw:
        asked, extra = request.sampling, dict(request.sampling.extra_body)
        own = self._defaults if getattr(self._defaults, "do_sample", False) else None

        def setting(name: str, given: Any, usual: Any) -> Any:
            return next((value for value in (given, getattr(own, name, None)) if value is not None), usual)

        top_k = extra.pop("top_k", None)
        extra.pop("chat_template_kwargs", None)
        dropped += extra
        return Draw(
            temperature=float(setting("temperature", asked.temperature, 1.0)),
            top_p=float(setting("top_p", asked.top_p, 1.0)),
            top_k=max(0, int(setting("top_k", top_k, 0))),
            seed=_seed(request, tries),
            alternatives=asked.top_logprobs,
        )


def _seed(request: Request, tries: int) -> int:
    """The user's seed as any provider would get it, else of all that the request is: the same again is the same."""
    given = provider_seed(request)
    seed = int.from_bytes(request.key[:8], "big") if given is None else given
    return (seed + tries * 0x9E3779B97F4A7C15) & ((1 << 63) - 1)


def _generation(source: Source) -> Any:
    """The model's own defaults, where it has any."""
    try:
        return transformers.GenerationConfig.from_pretrained(source.name, **source.arguments)
    except OSError:
        return None


def _ends(defaults: Any, tokenizer: Any) -> frozenset[int]:
    named = getattr(defaults, "eos_token_id", None)
    ends = {named} if isinstance(named, int) else set(named or ())
    return frozenset(ends | ({tokenizer.eos_token_id} - {None}))


def _template_error() -> type[Exception]:
    from jinja2 import TemplateError

    return TemplateError
