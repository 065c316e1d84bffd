"""Lines of a batch's file as OpenAI has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .batch_rehearsed import Rehearsed


class OpenAIForm:
    """Of an endpoint whose requests and answers nobody has to translate."""

    words: Rehearsed | None = None

    def written(self, key: str, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a file says of one request."""
        return {"custom_id": key, "method": "POST", "url": path, "body": body}
