"""Which of a paper's models is closest to the experts that were asked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher

from .recipe import Model

_DATE = re.compile(r"[-@]?(?:20\d\d-?[01]\d-?[0-3]\d|[01]\d[0-3]\d)$|-latest$")
_SIGNS = re.compile(r"[^a-z0-9.]+")


def is_model(model: Model, asked: Iterable[str]) -> bool:
    """Whether the paper's model, or all of them where it asked several, was asked: whatever its provider and date."""
    names = {plain_name(name) for name in asked}
    return bool(model.ids) and {plain_name(name) for name in model.ids} == names


_ALIKE = 0.6
"""Share of letters that two names of a kin have in common at the least."""


def closest(models: Sequence[Model], asked: Iterable[str]) -> Model:
    """The model that was asked, else one whose successor was, else the one with the likest name, else the first.

    Args:
        models: one or more.
        asked: names of the models that were asked.
    """
    names = list(dict.fromkeys(map(plain_name, asked)))

    def likeness(model: Model) -> tuple[bool, bool, float]:
        heirs = {plain_name(name) for name in model.successors}
        own = [plain_name(name) for name in (model.name, *model.ids, *model.successors)]
        best = max((SequenceMatcher(None, a, b).ratio() for a in own for b in names), default=0.0)
        return is_model(model, names), bool(heirs & {*names}), best if best >= _ALIKE else 0.0

    return max(models, key=likeness)


def plain_name(name: str) -> str:
    """A model's name without its provider, its date and how it is spelt: `openai/gpt-4o-2024-08-06` is `gpt4o`."""
    last = name.rpartition("/")[2].casefold()
    return _SIGNS.sub("", _DATE.sub("", last))
