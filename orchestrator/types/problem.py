"""Problems, and the prompts built from them."""

from __future__ import annotations

import string
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from typing import Literal, get_args

from .message import Json, JsonObject, Message
from .request import Completion, Reply, canonical

Kind = Literal["choice", "number", "expression", "text", "json", "code", "plan", "game24"]
KINDS: tuple[Kind, ...] = get_args(Kind)
LETTERS = string.ascii_uppercase


@dataclass(frozen=True, slots=True)
class Template:
    """A prompt with `$placeholders`; a data file holds it (see `orchestrator.prompts`)."""

    name: str
    text: str
    system: str = ""
    """Put before the conversation, joined to a system message that is already there."""

    def render(self, slots: Mapping[str, str]) -> str:
        return string.Template(self.text).substitute(slots)


@dataclass(frozen=True, slots=True)
class Prompt:
    """A conversation to be continued by an expert."""

    messages: tuple[Message, ...]

    def then(self, reply: Reply | Completion | str, instruction: str) -> Prompt:
        """The conversation after `reply` and the next instruction."""
        text = reply if isinstance(reply, str) else reply.text
        return Prompt((*self.messages, Message("assistant", text), Message("user", instruction)))


@dataclass(frozen=True, slots=True)
class Problem:
    """What a solver may see. The reference answer is not in it (see `evals.Case`)."""

    id: str
    messages: tuple[Message, ...]
    kind: Kind = "text"
    options: tuple[str, ...] = ()
    """Choices, letter A first; only for `choice`."""
    schema: JsonObject | None = None
    """JSON schema of the answer; only for `json`."""
    public_tests: tuple[str, ...] = ()
    """Assert statements that anyone may see; only for `code`."""
    meta: Mapping[str, Json] = field(default_factory=dict)

    @property
    def prompt(self) -> str:
        """The text of the last user message."""
        for message in reversed(self.messages):
            if message.role == "user":
                return message.text
        return ""

    @property
    def question(self) -> str:
        """The prompt with its options, schema and public tests, as a solver should read it."""
        parts = [self.prompt]
        if self.options:
            parts.append("\n".join(f"({LETTERS[i]}) {option}" for i, option in enumerate(self.options)))
        if self.schema is not None:
            parts.append(f"JSON schema of the answer:\n{canonical(dict(self.schema)).decode()}")
        if self.public_tests:
            parts.append("It must pass these tests:\n" + "\n".join(self.public_tests))
        return "\n\n".join(parts)

    @property
    def format(self) -> str:
        """How a reply should end so that its answer can be read; `meta["answer_format"]` names a form of the answer."""
        form = self.meta.get("answer_format")
        return _formats()[self.kind] + (f" Write the answer as a {form}." if form else "")

    def ask(self, template: Template, **slots: str) -> Prompt:
        """The whole conversation with the last user message put into `template`.

        The template sees `$problem` (the question with its options, schema and tests), `$format` (how the reply should
        end) and the given slots. System messages, earlier turns and images stay as they are.
        """
        text = template.render({"problem": self.question, "format": self.format, **slots})
        last = max((i for i, m in enumerate(self.messages) if m.role == "user"), default=None)
        messages = list(self.messages)
        if last is None:
            messages.append(Message("user", text))
        else:
            messages[last] = messages[last].with_text(text)
        if template.system:
            messages = _with_system(messages, template.system)
        return Prompt(tuple(messages))


@cache
def _formats() -> Mapping[str, str]:
    return tomllib.loads(files("orchestrator.types").joinpath("formats.toml").read_text(encoding="utf-8"))


def _with_system(messages: list[Message], text: str) -> list[Message]:
    if messages and messages[0].role == "system":
        first = messages[0]
        return [replace(first, content=f"{first.text}\n\n{text}"), *messages[1:]]
    return [Message("system", text), *messages]
