"""What the pages say to type, typed; what they say is printed, compared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator import ConfigError
from tests.docs.blocks import PAGES, ROOT, Block, blocks_of
from tests.docs.conftest import REWRITE, Stage

_RUNNABLE = frozenset({"bash", "python"})


def _names(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent.name != "strategies"], ids=_names)
def test_every_block_of_a_page_runs(page: Path, stage: Callable[..., Stage]) -> None:
    here = stage(in_clone=page.name == "README.md" and page.parent == ROOT)
    for block in blocks_of(page):
        here.run(block)


@pytest.mark.parametrize("page", PAGES, ids=_names)
def test_a_block_says_what_it_is(page: Path) -> None:
    for block in blocks_of(page):
        assert block.language in {*_RUNNABLE, "toml", "json", "jsonl", "text"}, block.where
        if block.language == "toml":
            assert "file" in block.marks, f"{block.where}: name the file, so that a block below it can read it"


def test_a_command_that_no_test_can_run_is_found(stage: Callable[..., Stage]) -> None:
    with pytest.raises(AssertionError, match="mark what it needs"):
        stage().run(_block("ollama pull qwen3:8b"))


def test_an_option_that_is_not_there_is_found_though_the_block_needs_a_key(stage: Callable[..., Stage]) -> None:
    with pytest.raises(Exception, match="--budgett"):
        stage().run(_block("orchestrator solve 'Hello' -e openai/gpt-4o-mini --budgett usd=1", needs="key"))


def test_an_exit_code_that_is_not_told_is_found(stage: Callable[..., Stage]) -> None:
    with pytest.raises(AssertionError, match="ends with 2, not 0"):
        stage().run(_block("orchestrator bench no-such-set"))


def test_output_that_is_not_what_the_page_shows_is_found(
    stage: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(REWRITE, raising=False)
    here = stage()
    here.run(_block("orchestrator solve 'Use 4 7 8 8 to make 24'"))
    with pytest.raises(AssertionError, match="the command prints"):
        here.run(_block("42\n", output=""))


def test_a_pool_file_that_does_not_hold_is_found(stage: Callable[..., Stage]) -> None:
    pool = Block(ROOT / "README.md", 1, "toml", '[[expert]]\nname = "small"\n', {"file": "pool.toml"})
    with pytest.raises(ConfigError, match="unknown key 'name'"):
        stage().run(pool)


def _block(text: str, **marks: str) -> Block:
    return Block(ROOT / "README.md", 1, "bash", text, marks)
