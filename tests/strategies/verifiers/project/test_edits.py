"""Edits as models write them, read out of replies and made on files."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.strategies.verifiers.project.draft import Draft, Rejected
from orchestrator.strategies.verifiers.project.reply import changes

from .editing import ADDED, CALC, DIFF, FILES, SEARCH, edited


@pytest.mark.parametrize(
    "reply",
    [
        f"I mend it.\n\nsrc/calc.py\n```python\n{SEARCH}```\nDone.",
        f"**src/calc.py**\n\n```\n{SEARCH}```",
        f"```python\nsrc/calc.py\n{SEARCH}```",
        f"```python src/calc.py\n{SEARCH}```",
        f"src/calc.py\n{SEARCH}",
        f"### `src/calc.py`:\n{SEARCH.replace('<<<<<<< SEARCH', '------- SEARCH').replace('>>>>>>>', '+++++++')}",
        f"File: ./src/calc.py\n```\n{SEARCH}```",
        f"src/calc.py\n```python\n{SEARCH}```".replace("\n", "\r\n"),
        f"src/calc.py\n```\n{SEARCH.replace('    return', 'return')}```",
        f"src/calc.py\n```\n{SEARCH.replace('a - b', 'a - b  ')}```",
        f"```diff\n{DIFF}```",
        f"```diff\ndiff --git a/src/calc.py b/src/calc.py\nindex 1234567..89abcde 100644\n{DIFF}```",
        f"Here is a patch:\n\n{DIFF}",
        f"```diff\n{DIFF.replace('a/src', 'src').replace('b/src', 'src')}```",
        f"```diff\n{DIFF.replace('-4,3 +4,3', '-40,9 +40,9')}```",
        f"```diff\n{DIFF.replace('@@ -4,3 +4,3 @@', '@@ ... @@')}```",
        f"```diff\n{DIFF.replace('@@ -4,3 +4,3 @@', '@@')}\n\n```",
        f"```diff\n{DIFF.replace(' def add(a, b):', ' def add(a, b): ')}```",
        f"```\n{DIFF}```",
        f"src/calc.py\n```python\n{ADDED}```",
        f"The file `src/calc.py`\n\n`src/calc.py`\n```python\n{ADDED}```",
        f"```src/calc.py\n{ADDED}```",
        f"```python:src/calc.py\n{ADDED}```",
        f'```python title="src/calc.py"\n{ADDED}```',
        f"```python\n# src/calc.py\n{ADDED}```",
        f"````python src/calc.py\n{ADDED}````",
        f"  src/calc.py\n  ```python\n{''.join(f'  {line}' for line in ADDED.splitlines(True))}  ```",
        "*** Begin Patch\n*** Update File: src/calc.py\n@@ def add(a, b):\n-    return a - b\n+    return a + b\n"
        "*** End Patch",
    ],
    ids=[
        "search", "search-bold", "search-path-inside", "search-path-in-fence", "search-bare", "search-cline",
        "search-label", "search-crlf", "search-indented-otherwise", "search-spaces-at-end", "diff", "diff-git",
        "diff-bare", "diff-without-prefix", "diff-wrong-lines", "diff-dots", "diff-without-lines",
        "diff-spaces-at-end", "diff-no-language", "whole", "whole-quoted", "whole-in-fence", "whole-colon",
        "whole-title", "whole-comment", "whole-four-ticks", "whole-indented", "apply-patch",
    ],
)  # fmt: skip
def test_one_edit_in_every_form(copy: Path, reply: str) -> None:
    found = edited(copy, reply)
    assert found.keys() == {"src/calc.py"}
    assert found["src/calc.py"].removeprefix("# src/calc.py\n") == ADDED


@pytest.mark.parametrize(
    "reply",
    [
        "Nothing to do.",
        "```python\nprint(add(1, 2))\n```",
        "Run this:\n```bash\npytest -q\n```",
        "In src/calc.py the function is wrong:\n```python\nreturn a + b\n```",
        "```\n$ cat src/calc.py\n```",
        "Output:\n```text\n3.11\n```",
        "see https://example.com/calc.py\n\n```python\nprint()\n```",
        "",
    ],
    ids=["prose", "example", "command", "sentence", "shell", "output", "link", "empty"],
)
def test_a_reply_without_edits_has_none(reply: str) -> None:
    assert changes(reply, FILES) == []


def test_a_reply_without_end_is_rejected() -> None:
    with pytest.raises(Rejected, match="longer than 500,000"):
        changes("x" * 500_001, FILES)


def test_edits_are_made_in_order_also_of_one_file(copy: Path) -> None:
    second = "<<<<<<< SEARCH\n    return a + b\n=======\n    return b + a\n>>>>>>> REPLACE\n"
    found = edited(copy, f"src/calc.py\n```\n{SEARCH}{second}```\n\nnotes.md\n```\n# More\n```\n{DIFF_NEW}")
    assert found == {
        "src/calc.py": CALC.replace("a - b", "b + a"),
        "notes.md": "# More\n",
        "src/new.py": "x = 1\n",
    }


DIFF_NEW = "```diff\n--- /dev/null\n+++ b/src/new.py\n@@ -0,0 +1 @@\n+x = 1\n```"


def test_of_a_file_that_is_edited_in_part_a_block_only_shows_what_is_there(copy: Path) -> None:
    shown = "src/calc.py\n```python\ndef add(a, b):\n    return a - b\n```\nis wrong.\n"
    assert edited(copy, f"{shown}\nsrc/calc.py\n{SEARCH}") == {"src/calc.py": ADDED}
    (copy / "src/calc.py").write_text(CALC)
    assert edited(copy, f"{shown}\n```diff\n{DIFF}```") == {"src/calc.py": ADDED}


def test_a_search_block_goes_on_with_the_file_before(copy: Path) -> None:
    other = "<<<<<<< SEARCH\n    return math.pi * r\n=======\n    return math.pi * r * r\n>>>>>>> REPLACE\n"
    found = edited(copy, f"src/calc.py\n```\n{SEARCH}```\nand\n```\n{other}```")
    assert found == {"src/calc.py": ADDED.replace("pi * r", "pi * r * r")}


def test_an_empty_search_makes_a_file_or_adds_to_it(copy: Path) -> None:
    block = "<<<<<<< SEARCH\n=======\nlast\n>>>>>>> REPLACE\n"
    assert edited(copy, f"notes.md\n{block}\nsrc/fresh.py\n{block}") == {
        "notes.md": "# Notes\nlast\n",
        "src/fresh.py": "last\n",
    }


def test_a_search_block_may_hold_fences(copy: Path) -> None:
    block = "<<<<<<< SEARCH\n# Notes\n=======\n# Notes\n```\ncode\n```\n>>>>>>> REPLACE\n"
    assert edited(copy, f"notes.md\n```\n{block}```") == {"notes.md": "# Notes\n```\ncode\n```\n"}


def test_lines_are_indented_as_the_file_has_them(copy: Path) -> None:
    block = "<<<<<<< SEARCH\nreturn a - b\n=======\nif a:\n    return a + b\n>>>>>>> REPLACE\n"
    assert edited(copy, f"src/calc.py\n{block}") == {
        "src/calc.py": CALC.replace("    return a - b\n", "    if a:\n        return a + b\n")
    }


def test_a_file_keeps_its_line_ends(copy: Path) -> None:
    block = "<<<<<<< SEARCH\ntwo\n=======\n2\n3\n>>>>>>> REPLACE\n"
    assert edited(copy, f"crlf.txt\n{block}") == {"crlf.txt": "one\r\n2\r\n3\r\n"}
    assert edited(copy, "crlf.txt\n```\na\nb\n```") == {"crlf.txt": "a\r\nb\r\n"}


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (f"src/calc.py\n{SEARCH.replace('a - b', 'a * b')}", "the lines to replace in src/calc.py are not there"),
        (f"src/none.py\n{SEARCH}", "there is no such file"),
        (SEARCH, "names no file"),
        ("src/calc.py\n<<<<<<< SEARCH\nx\n", "no '======='"),
        (f"```diff\n{DIFF.replace('a - b', 'a * b')}```", "part 1 of the diff of src/calc.py"),
        (f"```diff\n{DIFF.replace('calc', 'none')}```", "there is no such file"),
        ("```diff\n-a\n+b\n```", "names no file"),
        ("diff --git a/x b/x\nnew file mode 120000\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+/etc", "a link"),
        ("```diff\ndiff --git a/x b/x\nGIT binary patch\n```", "a binary file"),
        ("```diff\n--- a/notes.md\n+++ /dev/null\n--- a/notes.md\n+++ /dev/null\n```", "there is no such file"),
        ("src\n\nsrc/calc.py/x.py\n```\nx\n```", "which is a file"),
    ],
    ids=[
        "search-not-there", "search-no-file", "search-no-path", "search-torn", "hunk-not-there", "diff-no-file",
        "diff-no-path", "link", "binary", "deleted-twice", "below-a-file",
    ],
)  # fmt: skip
def test_what_does_not_fit_is_rejected(copy: Path, reply: str, says: str) -> None:
    with pytest.raises(Rejected, match=says):
        edited(copy, reply)


def test_nothing_is_written_before_all_of_it_fits(copy: Path) -> None:
    with pytest.raises(Rejected):
        edited(copy, f"notes.md\n```\nx\n```\nsrc/calc.py\n{SEARCH.replace('a - b', 'none')}")
    assert (copy / "notes.md").read_text() == FILES["notes.md"]


def test_a_file_may_give_way_to_a_folder(copy: Path) -> None:
    reply = "*** Begin Patch\n*** Delete File: notes.md\n*** Add File: notes.md/one.md\n+x\n*** End Patch"
    assert edited(copy, reply) == {"notes.md": "gone", "notes.md/one.md": "x\n"}


def test_a_file_that_is_no_text_is_not_edited_but_may_be_replaced(copy: Path) -> None:
    (copy / "notes.md").write_bytes(b"\xff\xfe")
    with pytest.raises(Rejected, match="not UTF-8"):
        edited(copy, "notes.md\n<<<<<<< SEARCH\nx\n=======\ny\n>>>>>>> REPLACE")
    draft = Draft(copy)
    draft.put("notes.md", "x\n")
    assert draft.alters()
    draft.save()
    assert (copy / "notes.md").read_text() == "x\n"
    assert not draft.alters()


PIECES = """\
```|```diff|```python src/calc.py|~~~|src/calc.py|notes.md:|../x.py|text|
<<<<<<< SEARCH|=======|>>>>>>> REPLACE|-# Notes|+# More| # Notes|+|-|\\ No newline
--- a/notes.md|+++ b/notes.md|--- /dev/null|+++ /dev/null|@@ -1 +1 @@|@@ -0,0 +1,9 @@|@@ ... @@|@@
diff --git a/notes.md b/notes.md|new file mode 100644|deleted file mode 100644
rename from notes.md|rename to n.md|copy to c.md
*** Begin Patch|*** Update File: notes.md|*** Add File: new.md|*** Delete File: notes.md|*** Move to: n.md|*** End Patch
""".replace("\n", "|").split("|")


@given(lines=st.lists(st.sampled_from(PIECES), max_size=12))
def test_no_reply_does_more_than_edit_or_be_rejected(
    lines: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("copy")
    (folder / "notes.md").write_text("# Notes\n")
    draft = Draft(folder)
    try:
        for change in changes("\n".join(lines), {"notes.md"}):
            assert change.paths
            change.make(draft)
        draft.save()
    except Rejected as rejected:
        said = str(rejected)
    else:
        said = ""
    assert "\n" not in said
    assert not (folder.parent / "x.py").exists()
