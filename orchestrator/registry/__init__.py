"""Names to objects, lazily: strategies, verifiers, aggregators and the clients that serve experts."""

from .build import build, resolve, spec_of
from .checking import CHECKED, checker_of, verdict_of
from .describe import Description, Setting, describe
from .mark import strategy
from .rooms import ROOMS, load, names
from .settings import guarded, with_defaults, with_settings
from .spec import Group, Spec, Value, parse

__all__ = [
    "CHECKED",
    "ROOMS",
    "Description",
    "Group",
    "Setting",
    "Spec",
    "Value",
    "build",
    "checker_of",
    "describe",
    "guarded",
    "load",
    "names",
    "parse",
    "resolve",
    "spec_of",
    "strategy",
    "verdict_of",
    "with_defaults",
    "with_settings",
]
