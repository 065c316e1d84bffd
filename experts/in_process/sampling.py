"""Choosing next tokens for all rows of a batch at once, on their device.

What is random is a hash of a row's seed, the place and the token, so that it depends neither on what else is in the
batch nor on when the row came into it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .libraries import Tensor, torch

_GOLDEN, _FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
"""Constants of splitmix64."""
_MURMUR = 0x85EBCA6B, 0xC2B2AE35
"""Constants of murmur3's last step."""
_LOW_31 = (1 << 31) - 1


@dataclass(frozen=True, slots=True)
class Draw:
    """How the tokens of one row are drawn."""

    temperature: float = 1.0
    """0: the likeliest token, always."""
    top_p: float = 1.0
    top_k: int = 0
    """0: all."""
    seed: int = 0
    """63 bits."""
    alternatives: int | None = None
    """Of how many of the likeliest tokens the log-probabilities are told; `None`: of none, nor of the token itself."""


class Sampler:
    """Draws for the rows of a batch; made anew when these change."""

    def __init__(self, draws: Sequence[Draw], device: str) -> None:
        def column(values: Sequence[float], dtype: object) -> Tensor:
            return torch.tensor(values, dtype=dtype, device=device)

        self._greedy = all(draw.temperature == 0 for draw in draws)
        self._cold = column([draw.temperature == 0 for draw in draws], torch.bool)
        self._temperature = column([max(draw.temperature, 1e-4) for draw in draws], torch.float32)[:, None]
        self._cut = any(draw.temperature and (draw.top_p < 1 or draw.top_k) for draw in draws)
        self._top_p = column([draw.top_p for draw in draws], torch.float32)[:, None]
        self._top_k = column([draw.top_k or 1 << 31 for draw in draws], torch.int64)[:, None]
        self._seed = column([draw.seed for draw in draws], torch.int64)
        told = [draw.alternatives for draw in draws if draw.alternatives is not None]
        self._told = max(1, *told) if told else 0

    def __call__(self, logits: Tensor, places: Tensor) -> tuple[Tensor, Tensor | None, Tensor | None, Tensor | None]:
        """Next tokens; and where anybody wants them the log-probabilities of these, and the likeliest tokens with
        theirs. `logits` is a row of floats for each, `places` says how manieth token of its row comes."""
        likeliest = logits.argmax(-1)
        chosen = likeliest if self._greedy else torch.where(self._cold, likeliest, self._drawn(logits, places))
        if not self._told:
            return chosen, None, None, None
        logprobs = logits.log_softmax(-1)
        best, which = logprobs.topk(min(self._told, logits.shape[-1]), -1)
        return chosen, logprobs.gather(-1, chosen[:, None])[:, 0], best, which

    def _drawn(self, logits: Tensor, places: Tensor) -> Tensor:
        """Each token races with a time drawn for it alone, and the first one wins.

        Unlike where one number picks a place among sums, what is off in the last digits hardly ever changes the winner.
        """
        scores = logits / self._temperature
        if self._cut:
            scores = scores.masked_fill(~self._kept(scores), float("-inf"))
        return (scores - _times(self._seed, places, logits.shape[-1]).log()).argmax(-1)

    def _kept(self, scores: Tensor) -> Tensor:
        """The likeliest `top_k`, and of these as few as come to `top_p`; equally likely ones all, or none."""
        probs = scores.softmax(-1)
        ranked = probs.sort(-1, descending=True).values
        before = ranked.cumsum(-1) - ranked
        ranks = torch.arange(ranked.shape[-1], device=ranked.device)
        inside = (before < self._top_p) & (ranks < self._top_k)
        return probs >= ranked.masked_fill(~inside, 2.0).amin(-1, keepdim=True)


def _times(seeds: Tensor, places: Tensor, tokens: int) -> Tensor:
    """By row and token a number drawn from the exponential distribution.

    Seed and place are hashed as by splitmix64; with two halves of that tokens are hashed as by murmur3, in 32 bits, for
    there are many.
    """
    rows = _mixed(seeds + (places + 1) * _signed(_GOLDEN))[:, None]
    first, second = ((part & _LOW_31).to(torch.int32) for part in (rows, _shifted(rows, 32)))
    x = torch.arange(1, tokens + 1, dtype=torch.int32, device=rows.device) * _signed_32(_GOLDEN >> 32) + first
    x = (x ^ ((x >> 16) & 0xFFFF)) * _signed_32(_MURMUR[0]) ^ second
    x = (x ^ ((x >> 13) & 0x7FFFF)) * _signed_32(_MURMUR[1])
    x = ((x ^ ((x >> 16) & 0xFFFF)) >> 1) & _LOW_31
    share = (x.to(torch.float32) + 0.5) * 2.0**-31
    return -torch.log1p(-share.clamp(max=1 - 2.0**-24))


def _mixed(x: Tensor) -> Tensor:
    x = (x ^ _shifted(x, 30)) * _signed(_FIRST)
    x = (x ^ _shifted(x, 27)) * _signed(_SECOND)
    return x ^ _shifted(x, 31)


def _signed_32(value: int) -> int:
    return value - (1 << 32) if value >> 31 else value


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _shifted(x: Tensor, bits: int) -> Tensor:
    """To the right, with zeros coming in, which signed numbers do not have."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)
