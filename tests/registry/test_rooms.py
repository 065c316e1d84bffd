from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import get_args

import pytest

from orchestrator.errors import ConfigError, UnknownName
from orchestrator.registry import Group, describe, load, names

from .conftest import DEMO, FIRST, PLANNER, Write

Install = Callable[..., None]


@pytest.mark.parametrize("group", get_args(Group))
def test_every_built_in_name_loads(group: Group) -> None:
    for name in names(group):
        assert callable(load(group, name))
        assert describe(group, name).summary


@pytest.mark.usefixtures("rooms")
def test_names_are_listed_without_importing_their_modules() -> None:
    assert {"demo_planner", "demo_nesting"} <= set(names("strategies"))
    assert "demo_formatted" in names("verifiers")
    assert "demo_first" in names("aggregators")
    assert "demo_client" in names("clients")
    assert not [name for name in sys.modules if "demo_" in name]


def test_private_modules_packages_and_modules_without_the_mark_are_no_names(write: Write) -> None:
    write("strategies", "_hidden", PLANNER)
    write("strategies", "demo_shared", "def upto(items): ...\n")
    write("clients", "demo_pool", "def experts_of(ids): ...\n")
    assert not {"_hidden", "demo_shared", "verifiers", "aggregators", "prompts"} & set(names("strategies"))
    assert "demo_pool" not in names("clients")
    for name in ("_hidden", "demo_shared", "verifiers", "os.path", "../x"):
        with pytest.raises(UnknownName):
            load("strategies", name)


@pytest.mark.usefixtures("rooms")
def test_each_group_gives_its_own_object() -> None:
    assert load("strategies", "demo_planner").__name__ == "Planner"
    assert load("verifiers", "demo_formatted").__name__ == "Formatted"
    assert load("aggregators", "demo_first").__name__ == "First"
    assert load("clients", "demo_client").__name__ == "backend"


@pytest.mark.usefixtures("rooms")
def test_an_unknown_name_gets_a_suggestion() -> None:
    with pytest.raises(UnknownName, match="unknown strategy 'demo_plannr'; did you mean 'demo_planner'"):
        load("strategies", "demo_plannr")


def test_two_marked_classes_in_one_module_are_an_error(write: Write) -> None:
    write("strategies", "demo_two", PLANNER + PLANNER.removeprefix(DEMO).replace("Planner", "Other"))
    with pytest.raises(ConfigError, match=r"demo_two should hold one strategy; it holds Other and Planner"):
        load("strategies", "demo_two")


def test_a_marked_class_that_is_only_imported_does_not_count(write: Write) -> None:
    write("strategies", "demo_planner", PLANNER)
    own = PLANNER.replace("Planner", "Mine")
    write("strategies", "demo_mine", f"{own}\nfrom orchestrator.strategies.demo_planner import Planner\n")
    assert load("strategies", "demo_mine").__name__ == "Mine"


def test_a_class_does_not_inherit_the_mark(write: Write) -> None:
    write("strategies", "demo_base", f"{PLANNER}\n\nclass Base(Planner): ...\n")
    assert load("strategies", "demo_base").__name__ == "Planner"


def test_a_module_that_lacks_a_package_says_so(write: Write) -> None:
    write("strategies", "demo_needy", f"{PLANNER}\nimport no_such_package_here\n")
    with pytest.raises(ConfigError, match=r"strategy 'demo_needy' cannot be loaded: .*no_such_package_here"):
        load("strategies", "demo_needy")


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        (PLANNER.replace("@dataclass(frozen=True, slots=True)", "@dataclass"), "frozen dataclass"),
        (PLANNER.replace("@dataclass(frozen=True, slots=True)", ""), "frozen dataclass"),
        (PLANNER.replace("async def __call__", "def __call__"), "async def __call__"),
        (PLANNER.replace("async def __call__", "async def act"), "async def __call__"),
    ],
)
def test_the_mark_checks_what_it_stands_on(write: Write, source: str, fault: str) -> None:
    write("strategies", "demo_faulty", source)
    with pytest.raises(ConfigError, match=fault):
        load("strategies", "demo_faulty")


def test_a_third_partys_strategy_is_found_by_its_entry_point(install: Install) -> None:
    install("demo-ideas", "demo_ideas", PLANNER, "[orchestrator.strategies]\nmy-idea = demo_ideas:Planner\n")
    assert "my-idea" in names("strategies")
    assert "demo_ideas" not in sys.modules
    assert load("strategies", "my-idea").__name__ == "Planner"
    assert describe("strategies", "my-idea").origin == "package demo-ideas"


def test_an_entry_point_may_name_a_module(install: Install) -> None:
    points = "[orchestrator.aggregators]\ndemo_theirs = demo_votes\n"
    install("demo-votes", "demo_votes", FIRST, points)
    assert load("aggregators", "demo_theirs").__name__ == "First"


def test_our_own_names_win_over_a_third_partys(write: Write, install: Install) -> None:
    write("strategies", "demo_planner", PLANNER)
    other = PLANNER.replace("Planner", "Impostor")
    install("demo-evil", "demo_evil", other, "[orchestrator.strategies]\ndemo_planner = demo_evil:Impostor\n")
    assert load("strategies", "demo_planner").__name__ == "Planner"
    assert names("strategies").count("demo_planner") == 1


def test_two_packages_with_one_name_are_an_error_that_names_both(install: Install) -> None:
    install("demo-one", "demo_one", PLANNER, "[orchestrator.strategies]\ndemo_twice = demo_one:Planner\n")
    install("demo-two", "demo_two", PLANNER, "[orchestrator.strategies]\ndemo_twice = demo_two:Planner\n")
    with pytest.raises(ConfigError, match="package demo-one and package demo-two both install a strategy 'demo_twice'"):
        load("strategies", "demo_twice")


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("raise RuntimeError('broken inside')", "cannot be loaded: RuntimeError: broken inside"),
        ("Planner = 7", "is not a strategy"),
        ("class Planner: ...", "is not a strategy"),
    ],
)
def test_a_broken_plugin_is_named(install: Install, source: str, fault: str) -> None:
    install("demo-broken", "demo_broken", source, "[orchestrator.strategies]\ndemo_bad = demo_broken:Planner\n")
    with pytest.raises(ConfigError, match=f"strategy 'demo_bad' of package demo-broken {fault}"):
        load("strategies", "demo_bad")


def test_the_registry_leaves_heavy_libraries_alone() -> None:
    program = (
        "import sys, orchestrator.registry as r; [r.names(g) for g in r.ROOMS]; r.parse('a(b=1)');"
        "print([m for m in ('pydantic', 'networkx', 'numpy', 'litellm', 'rich', 'typer') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
