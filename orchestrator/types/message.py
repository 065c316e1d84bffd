"""Messages as chat APIs exchange them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
JsonObject: TypeAlias = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class TextPart:
    text: str

    def to_json(self) -> dict[str, Json]:
        return {"type": "text", "text": self.text}


@dataclass(frozen=True, slots=True)
class ImagePart:
    url: str
    """An http(s) or data URL."""
    detail: str | None = None

    def to_json(self) -> dict[str, Json]:
        image: dict[str, Json] = {"url": self.url}
        if self.detail is not None:
            image["detail"] = self.detail
        return {"type": "image_url", "image_url": image}


Part: TypeAlias = TextPart | ImagePart


Role = Literal["system", "user", "assistant", "tool"]
_ROLES: tuple[Role, ...] = get_args(Role)


@dataclass(frozen=True, slots=True)
class Message:
    role: Role
    content: str | tuple[Part, ...]
    tool_call_id: str | None = None
    """Set on a `tool` message: the call that it answers."""
    tool_calls: tuple[ToolCall, ...] = ()
    """Set on an `assistant` message that called tools."""

    @property
    def text(self) -> str:
        """The text of the message without its images."""
        if isinstance(self.content, str):
            return self.content
        return "\n".join(part.text for part in self.content if isinstance(part, TextPart))

    @property
    def images(self) -> tuple[ImagePart, ...]:
        if isinstance(self.content, str):
            return ()
        return tuple(part for part in self.content if isinstance(part, ImagePart))

    def with_text(self, text: str) -> Message:
        """The same message with other text; images stay."""
        content: str | tuple[Part, ...] = (TextPart(text), *self.images) if self.images else text
        return Message(self.role, content, self.tool_call_id, self.tool_calls)

    @classmethod
    def of(cls, value: Message | JsonObject) -> Message:
        """The message itself, or one as chat APIs take it; `developer` is read as `system`.

        Raises:
            ValueError: says what is wrong with it.
        """
        if isinstance(value, Message):
            return value
        if not isinstance(value, Mapping):
            raise ValueError(f"a message is an object with role and content, not {type(value).__name__}")
        role = "system" if value.get("role") == "developer" else value.get("role")
        if role not in _ROLES:
            raise ValueError(f"role should be one of {', '.join(_ROLES)}, not {role!r}")
        if role != "assistant" and value.get("content") is None:
            raise ValueError(f"a message with role {role} needs a content")
        called = value.get("tool_call_id")
        calls = value.get("tool_calls") or []
        if not isinstance(calls, list):
            raise ValueError(f"tool_calls should be a list, not {type(calls).__name__}")
        return cls(
            role,
            _content(value.get("content")),
            None if called is None else str(called),
            tuple(map(_tool_call, calls)),
        )

    def to_json(self) -> dict[str, Json]:
        """The message as chat APIs take it."""
        content: Json = self.content if isinstance(self.content, str) else [p.to_json() for p in self.content]
        out: dict[str, Json] = {"role": self.role, "content": content}
        if self.tool_call_id is not None:
            out["tool_call_id"] = self.tool_call_id
        if self.tool_calls:
            out["tool_calls"] = [call.to_json() for call in self.tool_calls]
        return out


@dataclass(frozen=True, slots=True)
class ToolCall:
    id: str
    name: str
    arguments: str
    """JSON as the model wrote it, unchecked."""

    def to_json(self) -> dict[str, Json]:
        return {"id": self.id, "type": "function", "function": {"name": self.name, "arguments": self.arguments}}


def _content(value: Json) -> str | tuple[Part, ...]:
    if value is None or isinstance(value, str):
        return value or ""
    if not isinstance(value, list):
        raise ValueError(f"content should be a text or a list of parts, not {type(value).__name__}")
    return tuple(map(_part, value))


def _part(value: Json) -> Part:
    match value:
        case {"type": "text", "text": str(text)}:
            return TextPart(text)
        case {"type": "image_url", "image_url": {"url": str(url), **rest}}:
            detail = rest.get("detail")
            return ImagePart(url, None if detail is None else str(detail))
        case {"type": "image_url", "image_url": str(url)}:
            return ImagePart(url)
        case {"type": "text"}:
            raise ValueError("a part of type 'text' needs a text")
        case {"type": "image_url"}:
            raise ValueError("a part of type 'image_url' needs image_url.url")
        case {"type": kind}:
            raise ValueError(f"a part of type {kind!r} is not supported; there are text and image_url")
    raise ValueError("a part of a content is an object with type text or image_url")


def _tool_call(value: Json) -> ToolCall:
    match value:
        case {"id": str(id), "function": {"name": str(name), "arguments": str(arguments)}}:
            return ToolCall(id, name, arguments)
    raise ValueError("a tool call is an object with id and function.name and function.arguments")
