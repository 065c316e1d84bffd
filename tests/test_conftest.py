"""What holds for every test."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import platformdirs
import pytest

from tests.conftest import shared_beside


def test_the_network_is_out_of_reach() -> None:
    with socket.socket() as sock, pytest.raises(AssertionError, match=r"tried to reach 192\.0\.2\.1"):
        sock.connect(("192.0.2.1", 80))


def test_the_user_s_keys_and_folders_are_out_of_reach() -> None:
    assert not [name for name in os.environ if name.endswith("_API_KEY")]
    assert not Path(platformdirs.user_config_dir("orchestrator")).is_relative_to(Path.home())
    assert not Path(platformdirs.user_state_dir("orchestrator")).is_relative_to(Path.home())


def test_recorded_data_may_be_absent_unless_it_is_required(tmp_path: Path) -> None:
    with pytest.raises(pytest.skip.Exception, match=r"\.\./shared"):
        shared_beside(tmp_path / "checkout", required=False)
    with pytest.raises(pytest.fail.Exception, match="REQUIRE_SHARED is set"):
        shared_beside(tmp_path / "checkout", required=True)
    (tmp_path / "shared" / "replay").mkdir(parents=True)
    assert shared_beside(tmp_path / "checkout", required=True) == tmp_path / "shared"
