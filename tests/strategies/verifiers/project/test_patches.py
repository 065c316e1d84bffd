"""Patches as models write them: diffs, and the form of apply_patch."""

from __future__ import annotations

from pathlib import Path

import pytest

from .editing import ADDED, CALC, FILES, edited


def test_a_diff_of_several_parts_and_files(copy: Path) -> None:
    reply = """\
```diff
diff --git a/src/calc.py b/src/calc.py
--- a/src/calc.py
+++ b/src/calc.py
@@ -1,3 +1,4 @@
 import math
+import os
 
 
@@ -8,2 +9,2 @@ def add(a, b):
 def area(r):
-    return math.pi * r
+    return math.pi * r * r
diff --git a/notes.md b/notes.md
deleted file mode 100644
--- a/notes.md
+++ /dev/null
@@ -1 +0,0 @@
-# Notes
diff --git a/Makefile b/tools/Makefile
similarity index 100%
rename from Makefile
rename to tools/Makefile
diff --git a/run.sh b/run.sh
new file mode 100755
--- /dev/null
+++ b/run.sh
@@ -0,0 +1,2 @@
+#!/bin/sh
+true
```
"""
    assert edited(copy, reply) == {
        "src/calc.py": CALC.replace("math\n", "math\nimport os\n", 1).replace("pi * r", "pi * r * r"),
        "notes.md": "gone",
        "Makefile": "gone",
        "tools/Makefile": FILES["Makefile"],
        "run.sh": "#!/bin/sh\ntrue\n",
    }
    assert (copy / "run.sh").stat().st_mode & 0o111


def test_a_removed_line_that_looks_like_a_header_is_a_line(copy: Path) -> None:
    (copy / "notes.md").write_text("a\n-- one\n++ two\nb\n")
    reply = "```diff\n--- a/notes.md\n+++ b/notes.md\n@@ -1,4 +1,4 @@\n a\n--- one\n+++ 1\n ++ two\n b\n```"
    assert edited(copy, reply) == {"notes.md": "a\n++ 1\n++ two\nb\n"}


@pytest.mark.parametrize(("mark", "text"), [("\\ No newline at end of file\n", "# N"), ("", "# N\n")])
def test_the_end_of_the_last_line_is_as_the_diff_says(copy: Path, mark: str, text: str) -> None:
    reply = f"```diff\n--- a/notes.md\n+++ b/notes.md\n@@ -1 +1 @@\n-# Notes\n+# N\n{mark}```"
    assert edited(copy, reply) == {"notes.md": text}


def test_of_equal_places_the_nearest_to_the_line_counts(copy: Path) -> None:
    (copy / "notes.md").write_text("x\n" * 9)
    reply = "```diff\n--- a/notes.md\n+++ b/notes.md\n@@ -5,1 +5,1 @@\n-x\n+y\n@@ -7,1 +7,2 @@\n-x\n+z\n+z\n```"
    assert edited(copy, reply) == {"notes.md": "x\nx\nx\nx\ny\nx\nz\nz\nx\nx\n"}


def test_an_insertion_comes_after_its_line(copy: Path) -> None:
    (copy / "notes.md").write_text("1\n2\n3\n")
    reply = "```diff\n--- a/notes.md\n+++ b/notes.md\n@@ -2,0 +3,1 @@\n+2.5\n```"
    assert edited(copy, reply) == {"notes.md": "1\n2\n2.5\n3\n"}


def test_a_patch_adds_deletes_and_moves(copy: Path) -> None:
    reply = """\
*** Begin Patch
*** Add File: src/new.py
+x = 1
+y = 2
*** Delete File: notes.md
*** Update File: src/calc.py
*** Move to: src/sums.py
@@
-    return a - b
+    return a + b
*** End Patch
"""
    assert edited(copy, reply) == {
        "src/new.py": "x = 1\ny = 2\n",
        "notes.md": "gone",
        "src/calc.py": "gone",
        "src/sums.py": ADDED,
    }
