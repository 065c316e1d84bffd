"""Names to objects, lazily: strategies, verifiers, aggregators and the clients that serve experts."""

from .build import build, resolve, spec_of
from .describe import Description, Setting, describe
from .mark import strategy
from .rooms import ROOMS, load, names
from .settings import guarded, with_defaults, with_settings
from .spec import Group, Spec, Value, parse

__all__ = [
    "ROOMS",
    "Description",
    "Group",
    "Setting",
    "Spec",
    "Value",
    "build",
    "describe",
    "guarded",
    "load",
    "names",
    "parse",
    "resolve",
    "spec_of",
    "strategy",
    "with_defaults",
    "with_settings",
]
