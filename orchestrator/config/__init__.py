"""Settings from the command line, the environment, the project's file and the user's, in this order of weight."""

from .edit import set_value, unset_value
from .load import DEFAULT_USD, Config, Leaf, Origin, load
from .settings import KEYS, Settings
from .show import Row, rows
from .sources import PROJECT_FILE, project_file, user_file
from .trust import revoke, trust, trusted

__all__ = [
    "DEFAULT_USD",
    "KEYS",
    "PROJECT_FILE",
    "Config",
    "Leaf",
    "Origin",
    "Row",
    "Settings",
    "load",
    "project_file",
    "revoke",
    "rows",
    "set_value",
    "trust",
    "trusted",
    "unset_value",
    "user_file",
]
