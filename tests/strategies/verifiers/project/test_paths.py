"""Edits stay inside the project."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.strategies.verifiers.project.draft import Rejected, inside

from .editing import edited


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/etc/passwd", "outside"),
        ("../calc.py", "outside"),
        ("src/../../x.py", "outside"),
        ("~/x.py", "outside"),
        ("C:/x.py", "outside"),
        ("src\\x.py", "write /"),
        (".git/config", "lies in .git"),
        ("sub/.GIT/hooks/x.py", "lies in .git"),
        (".git./x.py", "lies in .git"),
        ("a\0.py", "is not a path"),
        ("a\n.py", "is not a path"),
        ("", "is not a path"),
        ("src/", "is a folder"),
        (".", "is a folder"),
        ("a" * 2000, "is not a path"),
    ],
)
def test_paths_stay_inside(path: str, says: str) -> None:
    with pytest.raises(Rejected, match=says):
        inside(path)


def test_paths_have_one_form() -> None:
    assert inside("./src//./calc.py") == "src/calc.py"
    assert inside("a..b/..c") == "a..b/..c"
    assert inside(".github/x.yml") == ".github/x.yml"


@pytest.mark.parametrize("name", ["../x.py", "/tmp/x.py", ".git/config.py"])
@pytest.mark.parametrize(
    "reply",
    [
        "NAME\n```python\nx = 1\n```",
        "NAME\n<<<<<<< SEARCH\n=======\nx\n>>>>>>> REPLACE",
        "```diff\n--- /dev/null\n+++ NAME\n@@ -0,0 +1 @@\n+x\n```",
        "```diff\n--- a/notes.md\n+++ b/NAME\n@@ -1 +1 @@\n-# Notes\n+x\n```",
        "*** Begin Patch\n*** Add File: NAME\n+x\n*** End Patch",
        "*** Begin Patch\n*** Delete File: NAME\n*** End Patch",
    ],
    ids=["whole", "search", "diff", "diff-moves", "patch", "patch-deletes"],
)
def test_edits_outside_are_rejected_in_every_form(copy: Path, reply: str, name: str) -> None:
    before = sorted(copy.parent.rglob("*"))
    with pytest.raises(Rejected, match=r"outside|lies in .git"):
        edited(copy, reply.replace("NAME", name))
    assert sorted(copy.parent.rglob("*")) == before


class TestLinks:
    @pytest.fixture(autouse=True)
    def links(self, copy: Path) -> None:
        outside = copy.parent / "outside"
        outside.mkdir()
        (outside / "x.py").write_text("secret\n")
        (copy / "folder").symlink_to(outside)
        (copy / "file.py").symlink_to(outside / "x.py")
        (copy / "dangling.py").symlink_to(outside / "new.py")

    @pytest.mark.parametrize("path", ["folder/x.py", "folder/new.py", "file.py", "dangling.py"])
    def test_edits_through_links_are_rejected(self, copy: Path, path: str) -> None:
        with pytest.raises(Rejected, match="leads through the link"):
            edited(copy, f"{path}\n```python\nx = 1\n```")
        with pytest.raises(Rejected, match="leads through the link"):
            edited(copy, f"{path}\n<<<<<<< SEARCH\nsecret\n=======\nx\n>>>>>>> REPLACE")
        with pytest.raises(Rejected, match="leads through the link"):
            edited(copy, f"*** Begin Patch\n*** Delete File: {path}\n*** End Patch")
        assert [p.read_text() for p in (copy.parent / "outside").iterdir()] == ["secret\n"]
