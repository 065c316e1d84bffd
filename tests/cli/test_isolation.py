"""What would keep programs further apart, by what is missing and why."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.cli.isolation import ABOUT, PROTECTS, advice, isolation_json, level_of
from orchestrator.sandbox import Isolation

ALL: dict[str, bool | int | str] = {
    "rlimits": True, "landlock_abi": 7, "seccomp": True, "pidns": True, "netns": True, "mountns": True,
}  # fmt: skip

Machine = Callable[..., Path]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A root with some files of the kernel's: `machine({"proc/sys/kernel/x": "1"})`."""

    def made(files: dict[str, str]) -> Path:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{text}\n")
        return tmp_path

    return made


def lacking(*names: str) -> Isolation:
    return Isolation(3, {**ALL, **dict.fromkeys(names, False)})


def test_where_everything_is_in_force_there_is_nothing_to_do(machine: Machine) -> None:
    assert advice(Isolation(4, ALL), machine({}), "linux") == ()


@pytest.mark.parametrize(
    ("file", "value", "remedy"),
    [
        (
            "kernel/apparmor_restrict_unprivileged_userns",
            "1",
            "sysctl kernel.apparmor_restrict_unprivileged_userns=0",
        ),
        ("kernel/unprivileged_userns_clone", "0", "sysctl kernel.unprivileged_userns_clone=1"),
        ("user/max_user_namespaces", "0", "sysctl user.max_user_namespaces="),
    ],
)
def test_a_setting_that_forbids_namespaces_is_named_with_its_remedy(
    machine: Machine, file: str, value: str, remedy: str
) -> None:
    (line,) = advice(lacking("pidns", "netns", "mountns"), machine({f"proc/sys/{file}": value}), "linux")
    assert line.startswith("no namespaces: ")
    assert remedy in line


def test_the_interpreter_that_needs_a_profile_is_named(machine: Machine) -> None:
    root = machine({"proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1"})
    assert sys.executable in advice(lacking("pidns"), root, "linux")[0]


@pytest.mark.parametrize("mark", [".dockerenv", "run/.containerenv"])
def test_a_container_is_told_which_options_allow_namespaces(machine: Machine, mark: str) -> None:
    (line,) = advice(lacking("netns"), machine({mark: ""}), "linux")
    assert "--security-opt seccomp=unconfined" in line
    assert "level 3 holds without" in line


def test_settings_that_allow_namespaces_are_not_blamed(machine: Machine) -> None:
    root = machine({"proc/sys/kernel/unprivileged_userns_clone": "1", "proc/sys/user/max_user_namespaces": "1000"})
    (line,) = advice(lacking("mountns"), root, "linux")
    assert "sysctl" not in line


def test_a_kernel_that_has_landlock_switched_off_is_told_its_new_command_line(machine: Machine) -> None:
    root = machine({"sys/kernel/security/lsm": "capability,yama,apparmor"})
    (line,) = advice(lacking("landlock_abi"), root, "linux")
    assert "lsm=landlock,capability,yama,apparmor" in line


def test_each_missing_layer_has_its_line(machine: Machine) -> None:
    lines = advice(Isolation(1, {"rlimits": True}), machine({}), "linux")
    assert [line.partition(":")[0] for line in lines] == ["no Landlock", "no seccomp filters", "no namespaces"]


def test_the_reason_that_was_found_by_trying_is_told(machine: Machine) -> None:
    reasons = {"namespaces": "unshare: Operation not permitted"}
    (line,) = advice(Isolation(3, {**ALL, "pidns": False}, reasons=reasons), machine({}), "linux")
    assert line.startswith("no namespaces (unshare: Operation not permitted): ")


@pytest.mark.parametrize(("platform", "word"), [("darwin", "Linux container"), ("win32", "WSL 2")])
def test_other_systems_are_sent_to_linux(machine: Machine, platform: str, word: str) -> None:
    (line,) = advice(Isolation(0), machine({}), platform)
    assert word in line


def test_results_hold_isolation_as_plain_data() -> None:
    held = isolation_json(Isolation(3, ALL, ("tree_memory",)))
    assert held is not None
    assert held == {"level": 3, "mechanisms": ALL, "not_enforced": ["tree_memory"]}
    assert (level_of(held), level_of({})) == (3, 0)
    assert isolation_json(None) is None


def test_every_level_is_described() -> None:
    assert sorted(ABOUT) == [0, 1, 2, 3, 4, 5]
    assert all("hostile" in ABOUT[level] for level in range(PROTECTS))
