"""Two small models on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tiny_models import save


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("models") / "one", seed=1, ends=False, max_position_embeddings=8192)


@pytest.fixture(scope="session")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(
        tmp_path_factory.mktemp("models") / "other", seed=2, kind="llama", ends=False, max_position_embeddings=8192
    )
