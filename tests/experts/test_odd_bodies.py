"""Bodies with status 200 that are odd in one place: a reply or an error of ours, no crash."""

from __future__ import annotations

import json
import warnings
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from copy import deepcopy
from typing import Any

import pytest

from orchestrator.errors import BadCompletion
from orchestrator.experts.network import NetworkBackend
from orchestrator.types import Response
from tests.experts.serving import Canned, completion, request

ODD = [None, True, -1, 1.5, "", "x", [], {}, [None], [{}], 10**30]
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
OTHER = {"token": "b", "logprob": -2.0, "bytes": [2]}
WAYS: dict[str, dict[str, Any]] = {"chat": {}, "tools": {"tools": (TOOL,)}, "completion": {"mode": "completion"}}
WHOLE = completion(
    {
        "content": "good",
        "reasoning_content": "thought",
        "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        "logprobs": {"content": [{"token": "a", "logprob": -1.0, "bytes": [1], "top_logprobs": [OTHER]}]},
    },
    usage={
        "prompt_tokens": 3,
        "completion_tokens": 4,
        "total_tokens": 7,
        "completion_tokens_details": {"reasoning_tokens": 1},
        "prompt_tokens_details": {"cached_tokens": 1},
    },
    system_fingerprint="f",
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inside:
        yield from places(item, (*path, key))


def with_odd(path: tuple[Any, ...], odd: Any, mode: str) -> Any:
    whole: Any = [deepcopy(WHOLE)]
    if mode == "completion":
        whole[0]["choices"][0]["text"] = "good"
    holder = whole
    for key in (0, *path)[:-1]:
        holder = holder[key]
    holder[(0, *path)[-1]] = odd
    return whole[0]


@pytest.mark.parametrize("way", WAYS)
async def test_a_body_that_is_odd_in_one_place_is_a_reply_or_a_bad_completion(
    way: str,
    canned: Callable[..., Awaitable[Canned]],
    served: Callable[..., NetworkBackend],
) -> None:
    server = await canned(200, {})
    backend, replies = served(server.base_url), 0
    for path in places(WHOLE):
        for odd in ODD:
            server.body = json.dumps(with_odd(path, odd, way))
            with suppress(BadCompletion):
                check(await backend.complete([request(**WAYS[way])]))
                replies += 1
    assert replies > 100
    assert len(server.bodies) == sum(len(ODD) for _ in places(WHOLE)), "something was sent twice"


def check(response: Response) -> None:
    """All is of the type that it should be, and the bill is no less than nothing."""
    bill = response.bill
    assert min(bill.prompt, bill.completion, bill.reasoning, bill.cached_prompt) >= 0
    for reply in response.completions:
        said = [reply.text, reply.reasoning, reply.model, reply.fingerprint]
        said += [part for call in reply.tool_calls for part in (call.id, call.name, call.arguments)]
        assert all(isinstance(part, str) for part in said)
        assert all(isinstance(value, float) for value in (*reply.logprobs, *reply.confidences))
        assert all(isinstance(token, str) and isinstance(value, float) for token, value in reply.alternatives)


async def test_odd_bodies_put_no_remarks_on_the_terminal(
    canned: Callable[..., Awaitable[Canned]], served: Callable[..., NetworkBackend]
) -> None:
    server = await canned(200, with_odd(("choices", 0, "logprobs"), "x", "completion"))
    with warnings.catch_warnings(record=True) as remarks:
        warnings.simplefilter("always")
        backend = served(server.base_url)
        await backend.complete([request(mode="completion")])
    assert [str(remark.message) for remark in remarks if "Pydantic" in str(remark.message)] == []
