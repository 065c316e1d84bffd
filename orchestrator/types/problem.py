"""Problems, and the prompts built from them."""

from __future__ import annotations

import string
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from importlib.resources import files
from typing import Literal, get_args

from orchestrator.errors import BadPrompt, ConfigError, UnknownName

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
    """Put before the conversation, joined to a system message that is already there; may have placeholders too."""

    def render(self, slots: Mapping[str, str]) -> tuple[str, str]:
        """Text and system message with the placeholders filled in.

        Raises:
            BadPrompt: a placeholder that `slots` does not fill, or a stray `$`.
        """
        return self._filled(self.text, slots), self._filled(self.system, slots)

    def _filled(self, text: str, slots: Mapping[str, str]) -> str:
        try:
            return "".join([part if fixed else str(slots[part]) for part, fixed in _parts(text)])
        except KeyError as error:
            given = ", ".join(f"${name}" for name in sorted(slots))
            raise BadPrompt(f"template '{self.name}' has ${error.args[0]}, but is given {given}") from None
        except ValueError:
            raise BadPrompt(f"template '{self.name}' has a stray '$'; write '$$' for the sign itself") from None


@lru_cache(maxsize=1024)
def _parts(text: str) -> tuple[tuple[str, bool], ...]:
    """What a template is made of: texts, and (`False`) names of placeholders. Prompts are filled in for every call.

    Raises:
        ValueError: a stray `$`.
    """
    found, end = list[tuple[str, bool]](), 0
    for match in string.Template.pattern.finditer(text):
        name = match["named"] or match["braced"]
        if name is None and match["escaped"] is None:
            raise ValueError(text)
        found += [(text[end : match.start()], True), (name, False) if name is not None else ("$", True)]
        end = match.end()
    return tuple(part for part in (*found, (text[end:], True)) if part[0])


@dataclass(frozen=True, slots=True)
class Prompt:
    """A conversation to be continued by an expert."""

    messages: tuple[Message, ...]

    def then(self, reply: Reply | Completion | str, instruction: str) -> Prompt:
        """The conversation after `reply` and the next instruction."""
        text = reply if isinstance(reply, str) else reply.text
        return Prompt((*self.messages, Message("assistant", text), Message("user", instruction)))

    def with_system(self, text: str, *, first: bool = False) -> Prompt:
        """The conversation under a system message, joined to one that is already there, as many servers take but one.

        Args:
            first: put it before what is there, not behind.
        """
        there, *rest = self.messages or (Message("system", ""),)
        if there.role != "system":
            return Prompt((Message("system", text), *self.messages))
        parts = (text, there.text) if first else (there.text, text)
        return Prompt((replace(there, content="\n\n".join(filter(None, parts))), *rest))


@dataclass(frozen=True, slots=True)
class Example:
    """What a program is given and what it should make of it, for anyone to see."""

    input: str
    """What stands on standard input; for a function its arguments, each a line of JSON."""
    output: str
    """What is printed; of a function the value returned, as JSON."""
    entry: str | None = None
    """Name of the function, or of a method of the program's class `Solution`; `None` for a whole program."""
    told: bool = False
    """Whether the prompt tells it, so that it is not told again."""

    def shown(self) -> str:
        """The example as a solver should read it."""
        if self.entry is None:
            return f"Input:\n{self.input.strip()}\nOutput:\n{self.output.strip()}"
        return f"{self.entry}({', '.join(self.input.splitlines())}) returns {self.output.strip()}"


@dataclass(frozen=True, slots=True)
class Problem:
    """What a solver may see. The reference answer is not in it (see `evals.Case`).

    Raises:
        ConfigError: a kind that there is not, or more options than letters.
    """

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
    examples: tuple[Example, ...] = ()
    """Tests of a program's or function's output that anyone may see; only for `code`."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UnknownName("kind", str(self.kind), KINDS, f"problem '{self.id}'")
        if len(self.options) > len(LETTERS):
            raise ConfigError(f"problem '{self.id}' has {len(self.options)} options; letters go up to {len(LETTERS)}")

    @property
    def prompt(self) -> str:
        """The text of the last user message."""
        for message in reversed(self.messages):
            if message.role == "user":
                return message.text
        return ""

    @property
    def question(self) -> str:
        """The prompt with its options, schema, public tests and examples, as a solver should read it."""
        parts = [self.prompt]
        if self.options:
            parts.append("\n".join(f"({LETTERS[i]}) {option}" for i, option in enumerate(self.options)))
        if self.schema is not None:
            parts.append(f"JSON schema of the answer:\n{canonical(dict(self.schema)).decode()}")
        if self.public_tests:
            parts.append("It must pass these tests:\n" + "\n".join(self.public_tests))
        untold = [example.shown() for example in self.examples if not example.told]
        if untold:
            parts.append("\n\n".join(("It must do as in these examples:", *untold)))
        return "\n\n".join(parts)

    @property
    def format(self) -> str:
        """How a reply should end so that its answer can be read.

        `meta["answer_format"]` names a form of the answer, `passage` being a text of any length.
        """
        form = self.meta.get("answer_format")
        if form == "passage":
            return _formats()["passage"]
        return _formats()[self.kind] + (f" Write the answer as a {form}." if form else "")

    def ask(self, template: Template, **slots: str) -> Prompt:
        """The whole conversation with the last user message put into `template`.

        The template sees `$problem` (the question with its options, schema and tests), `$format` (how the reply should
        end) and the given slots. System messages, earlier turns and images stay as they are.
        """
        text, system = template.render({"problem": self.question, "format": self.format, **slots})
        last = max((i for i, m in enumerate(self.messages) if m.role == "user"), default=None)
        messages = list(self.messages)
        if last is None:
            messages.append(Message("user", text))
        else:
            messages[last] = messages[last].with_text(text)
        prompt = Prompt(tuple(messages))
        return prompt.with_system(system) if system else prompt


@cache
def _formats() -> Mapping[str, str]:
    return tomllib.loads(files("orchestrator.types").joinpath("formats.toml").read_text(encoding="utf-8"))
