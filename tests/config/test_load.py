from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.budget import Budget
from orchestrator.config import trust
from orchestrator.errors import ConfigError, UnknownName

from .conftest import Place


def test_without_any_source_there_are_the_defaults(place: Place) -> None:
    config = place.load()
    assert (config.settings.seed, config.settings.concurrency, config.settings.experts) == (0, 64, ())
    assert (config.project, config.untrusted, config.notice) == (None, (), None)
    assert str(config.origin("seed")) == "default"


def test_each_source_wins_over_those_below_it(place: Place) -> None:
    place.user("seed = 1\nconcurrency = 1\nverifier = 'u'\naggregator = 'u'\nstrategy = 'u'")
    trust(place.project("concurrency = 2\nverifier = 'p'\naggregator = 'p'\nstrategy = 'p'"))
    environment = {"ORCHESTRATOR_VERIFIER": "e", "ORCHESTRATOR_AGGREGATOR": "e", "ORCHESTRATOR_STRATEGY": "e"}
    config = place.load(environment=environment, aggregator="c", strategy=["c", "d"], seed=None)
    found = config.settings
    assert (found.seed, found.concurrency, found.verifier, found.aggregator) == (1, 2, "e", "c")
    assert found.strategy == ("c", "d")
    assert [
        str(config.origin(key)) for key in ("seed", "concurrency", "verifier", "aggregator", "strategy", "pool")
    ] == [
        "user ~/.config/orchestrator/config.toml",
        "project ~/code/repo/orchestrator.toml",
        "environment ORCHESTRATOR_VERIFIER",
        "command line --aggregator",
        "command line -s",
        "default",
    ]


def test_tables_are_merged_by_entry_and_budgets_by_cap(place: Place) -> None:
    place.user("""
        budget = "usd=0.2,calls=40"
        roles = { judge = "a", tagger = "b" }
        [[expert]]
        id = "one"
        model = "m1"
        [[expert]]
        id = "two"
        model = "m2"
    """)
    trust(
        place.project("""
        budget = { usd = 0.9, tokens = "50k" }
        roles.judge = "c"
        [[expert]]
        id = "two"
        model = "m3"
    """)
    )
    config = place.load(budget="calls=7")
    assert config.settings.budget == Budget(calls=7, tokens=50_000, usd=0.9)
    assert config.settings.roles == {"judge": "c", "tagger": "b"}
    assert [(table["id"], table["model"]) for table in config.settings.expert] == [("one", "m1"), ("two", "m3")]
    assert config.origin("budget.calls").kind == "command line"
    assert config.origin("budget.usd").kind == "project"
    assert config.origin("roles.tagger").kind == "user"


def test_every_scalar_can_come_from_the_environment(place: Place) -> None:
    found = place.load(
        environment={
            "ORCHESTRATOR_EXPERTS": "a, b",
            "ORCHESTRATOR_POOL": "pool.toml",
            "ORCHESTRATOR_API_BASE": "http://localhost:1",
            "ORCHESTRATOR_KEY_ENV": "MY_KEY",
            "ORCHESTRATOR_ROLES": "judge=a,tagger=b",
            "ORCHESTRATOR_BUDGET": "usd=0.2",
            "ORCHESTRATOR_RUN_BUDGET": "usd=2",
            "ORCHESTRATOR_CONCURRENCY": "3",
            "ORCHESTRATOR_SEED": "5",
            "ORCHESTRATOR_MIN_ISOLATION": "3",
            "ORCHESTRATOR_VERIFIER": "",
        }
    ).settings
    assert (found.experts, found.pool, found.api_base) == (("a", "b"), Path("pool.toml"), "http://localhost:1")
    assert (found.key_env, found.roles, found.verifier) == ("MY_KEY", {"judge": "a", "tagger": "b"}, None)
    assert (found.budget, found.run_budget) == (Budget(usd=0.2), Budget(usd=2))
    assert (found.concurrency, found.seed, found.min_isolation) == (3, 5, 3)


def test_variables_that_a_container_platform_makes_are_left_alone(place: Place) -> None:
    place.load(environment={"ORCHESTRATOR_SERVICE_HOST": "10.0.0.1", "ORCHESTRATOR_PORT_8080_TCP": "tcp://x"})


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"ORCHESTRATOR_BUDGETS": "usd=1"}, "variable 'ORCHESTRATOR_BUDGETS'; did you mean 'ORCHESTRATOR_BUDGET'"),
        ({"ORCHESTRATOR_SEED": "many"}, "^ORCHESTRATOR_SEED: seed should be a valid integer"),
        ({"ORCHESTRATOR_BUDGET": "usd=free"}, "^ORCHESTRATOR_BUDGET: budget: usd=free is not a number"),
        ({"ORCHESTRATOR_ROLES": "judge"}, "^ORCHESTRATOR_ROLES: roles should read ROLE=EXPERT"),
    ],
)
def test_a_faulty_variable_is_named(place: Place, environment: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        place.load(environment=environment)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stratgy = 'cot'", "unknown key 'stratgy' in ~/code/repo/orchestrator.toml; did you mean 'strategy'"),
        ("concurrency = 'x'", "^~/code/repo/orchestrator.toml: concurrency should be a valid integer"),
        ("concurrency = 0", "concurrency should be greater than 0"),
        ("min_isolation = 6", "min_isolation should be less than or equal to 5"),
        ("min_isolation = -1", "min_isolation should be greater than or equal to 0"),
        ("experts = [1]", r"experts\.0 should be a valid string"),
        ("budget = 'calls=x'", "orchestrator.toml: budget: calls=x is not a number"),
        ("budget = 'cals=1'", "unknown cap 'cals' in ~/code/repo/orchestrator.toml: budget; did you mean 'calls'"),
        ("budget = 3", "budget should be text as after --budget"),
        ("seed = = 1", r"~/code/repo/orchestrator.toml is not TOML: .*line 1"),
        ("seed = 1\nseed = 2", "is not TOML"),
        ("[strategies.nothing_such]\nx = 1", r"\[strategies.nothing_such\]: unknown strategy 'nothing_such'"),
        ("[strategies.demo_planner]\ndept = 1", r"\[strategies.demo_planner\]: unknown setting 'dept'.*'depth'"),
        ("[strategies.demo_planner]\ndepth = 'x'", r"\[strategies.demo_planner\]: .*depth=x does not fit"),
        ("strategy = 'demo_planner(dept=1)'", "orchestrator.toml: unknown setting 'dept'"),
    ],
)
@pytest.mark.usefixtures("planner")
def test_a_faulty_file_gets_one_line_that_names_it(place: Place, text: str, message: str) -> None:
    place.project(text)
    with pytest.raises(ConfigError, match=message) as caught:
        place.load()
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_utf_8_is_named(place: Place) -> None:
    place.project("").write_bytes(b"seed = '\xff'")
    with pytest.raises(ConfigError, match=r"orchestrator.toml is not TOML"):
        place.load()


def test_a_pasted_key_is_refused_and_never_printed(place: Place) -> None:
    place.user("key_env = 'sk-Secret123'")
    with pytest.raises(ConfigError, match="key_env should be the name of an environment variable") as caught:
        place.load()
    assert "Secret" not in str(caught.value)


def test_an_option_of_the_wrong_kind_names_the_option(place: Place) -> None:
    with pytest.raises(ConfigError, match=r"^--concurrency: concurrency should be greater"):
        place.load(concurrency=-1)
    with pytest.raises(UnknownName, match="unknown key 'stratgy' in --stratgy"):
        place.load(stratgy="cot")


def test_the_nearest_project_file_counts_up_to_the_repository(place: Place) -> None:
    outer = place.repo.parent / "orchestrator.toml"
    outer.write_text("sets.outer = 'x'")
    deep = place.repo / "a" / "b"
    deep.mkdir(parents=True)
    assert place.load(cwd=deep).project is None
    found = place.project("sets.inner = 'x'")
    assert place.load(cwd=deep).project == found
    (place.repo / "a" / "orchestrator.toml").write_text("sets.nearest = 'x'")
    assert "nearest" in place.load(cwd=deep).settings.sets


def test_the_search_ends_at_home(place: Place) -> None:
    (place.home.parent / "orchestrator.toml").write_text("sets.foreign = 'x'")
    folder = place.home / "notes"
    folder.mkdir()
    assert place.load(cwd=folder).project is None


def test_paths_in_a_file_are_relative_to_it(place: Place) -> None:
    (place.repo / "data").mkdir()
    (place.repo / "plain").write_text("")
    trust(
        place.project("""
        pool = "pools/mine.toml"
        experts = ["replay:data/a.jsonl.gz#x/y", "scripted:s.toml", "pools/other.toml", "openai/gpt-5-mini", "sim:all"]
        [sets]
        mine = "data/set.jsonl:limit=3"
        same = "plain"
        known = "gsm8k:limit=3"
        far = "/tmp/far.jsonl"
    """)
    )
    deep = place.repo / "deep"
    deep.mkdir()
    found = place.load(cwd=deep).settings
    assert found.pool == place.repo / "pools/mine.toml"
    assert found.experts == (
        f"replay:{place.repo}/data/a.jsonl.gz#x/y",
        f"scripted:{place.repo}/s.toml",
        f"{place.repo}/pools/other.toml",
        "openai/gpt-5-mini",
        "sim:all",
    )
    assert found.sets == {
        "mine": f"{place.repo}/data/set.jsonl:limit=3",
        "same": f"{place.repo}/plain",
        "known": "gsm8k:limit=3",
        "far": "/tmp/far.jsonl",
    }
    assert place.load().settings.experts[0] == "replay:data/a.jsonl.gz#x/y"


@pytest.mark.usefixtures("planner")
def test_settings_of_strategies_are_merged_by_field(place: Place) -> None:
    place.user("[strategies.demo_planner]\ndepth = 3\nshell = 'ls'")
    place.project("[strategies.demo_planner]\ndepth = 4")
    assert place.load().settings.strategies == {"demo_planner": {"depth": 4, "shell": "ls"}}


def test_loading_imports_no_heavy_library(place: Place) -> None:
    program = (
        "import sys; from orchestrator.config import load; load();"
        "print([m for m in ('networkx', 'numpy', 'litellm', 'rich', 'typer', 'tomlkit') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=place.repo)
    assert done.stdout.strip() == "[]"
