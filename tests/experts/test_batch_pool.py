"""Pool entries of experts that are asked by batch."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.errors import ConfigError
from orchestrator.experts.pool import read_pool, to_toml
from orchestrator.types import BatchTerms


def test_an_expert_that_is_asked_by_batch_and_back(tmp_path: Path) -> None:
    found = tmp_path / "pool.toml"
    found.write_text('[[expert]]\nid = "openai/gpt-4o-mini"\nmode = "batch"\nbatch_window = "12h"\nbatch_price = 0.4\n')
    (expert,) = read_pool(found)
    assert expert.batch == BatchTerms("12h", 0.4)
    assert expert.sampling.mode == "chat"
    found.write_text(to_toml(expert))
    assert read_pool(found) == (expert,)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ('id = "bedrock/anthropic.claude-3-haiku-20240307-v1:0"', "batches of bedrock are not .*a bucket of files"),
        ('id = "ollama_chat/qwen3:8b"', "Ollama takes no batches"),
        ('id = "a"\nclient = "sim"', "no model behind a server"),
    ],
    ids=["bedrock", "ollama", "sim"],
)
def test_an_expert_that_cannot_be_asked_by_batch_is_refused(tmp_path: Path, entry: str, said: str) -> None:
    file = tmp_path / "pool.toml"
    file.write_text(f'[[expert]]\n{entry}\nmode = "batch"\n')
    with pytest.raises(ConfigError, match=said):
        read_pool(file)
