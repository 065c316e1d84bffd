"""Messages as chat APIs exchange them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

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


@dataclass(frozen=True, slots=True)
class Message:
    role: Literal["system", "user", "assistant", "tool"]
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
        return replace(self, content=content)

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
