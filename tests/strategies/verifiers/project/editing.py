"""A small project, edits of it in several forms, and what comes of them."""

from __future__ import annotations

from pathlib import Path

from orchestrator.strategies.verifiers.project.draft import Draft
from orchestrator.strategies.verifiers.project.reply import changes

CALC = """\
import math


def add(a, b):
    return a - b


def area(r):
    return math.pi * r
"""
ADDED = CALC.replace("a - b", "a + b")
FILES = {"src/calc.py": CALC, "notes.md": "# Notes\n", "Makefile": "all:\n\ttrue\n", "crlf.txt": "one\r\ntwo\r\n"}


def edited(copy: Path, reply: str) -> dict[str, str]:
    """What the files hold that are not what they were; `gone` for those that are no more."""
    draft = Draft(copy)
    for change in changes(reply, FILES):
        change.make(draft)
    draft.save()
    found = {p.relative_to(copy).as_posix(): p.read_bytes().decode() for p in copy.rglob("*") if p.is_file()}
    return {path: found.get(path, "gone") for path in {*found, *FILES} if found.get(path) != FILES.get(path)}


SEARCH = """\
<<<<<<< SEARCH
    return a - b
=======
    return a + b
>>>>>>> REPLACE
"""
DIFF = """\
--- a/src/calc.py
+++ b/src/calc.py
@@ -4,3 +4,3 @@
 def add(a, b):
-    return a - b
+    return a + b
 
"""
