"""The options of a multiple-choice question, as prompts list them."""

from __future__ import annotations

import re
import string

_OPTION = re.compile(r"^[ \t]*(?:\(([A-Z])\)|([A-Z])[).:])[ \t]*(\S.*?)[ \t]*$", re.MULTILINE)


def options(text: str) -> dict[str, str]:
    """Letter -> text of the first list of options that begins with (A) and counts on without a gap."""
    found: dict[str, str] = {}
    for match in _OPTION.finditer(text):
        letter = match[1] or match[2]
        if letter == string.ascii_uppercase[len(found)]:
            found[letter] = match[3]
        elif len(found) > 1:
            break
        else:
            found = {letter: match[3]} if letter == "A" else {}
    return found if len(found) > 1 else {}
