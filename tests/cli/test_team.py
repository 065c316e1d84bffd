"""Who is asked: the strongest source that names experts decides."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.cli.team import team_of
from orchestrator.config import load, trust, user_file
from orchestrator.errors import ConfigError

FILES = {
    "a.toml": '[[expert]]\nid = "ann"\nmodel = "ollama/a"\n\n[[expert]]\nid = "art"\nmodel = "ollama/a"\n',
    "b.toml": '[[expert]]\nid = "bob"\nmodel = "ollama/b"\n',
}


@pytest.fixture(autouse=True)
def pools(home: Path) -> None:
    for name, text in FILES.items():
        (home / name).write_text(text)


def user(text: str) -> None:
    user_file().parent.mkdir(parents=True, exist_ok=True)
    user_file().write_text(text)


def project(text: str) -> None:
    Path("orchestrator.toml").write_text(text)
    trust(Path("orchestrator.toml"))


def ids(**options: object) -> list[str]:
    return [expert.id for expert in team_of(load(options=options), reachable=False).experts]


def test_without_ids_a_pool_is_meant_whole() -> None:
    assert ids(pool=Path("a.toml")) == ["ann", "art"]


def test_ids_pick_out_of_a_pool_of_the_same_or_a_weaker_source() -> None:
    assert ids(pool=Path("a.toml"), experts=["art"]) == ["art"]
    project('pool = "a.toml"')
    assert ids(experts=["art", "ollama/c"]) == ["art", "ollama/c"]


def test_a_pool_of_a_stronger_source_is_meant_whole() -> None:
    project('experts = ["ollama/c"]')
    assert ids() == ["ollama/c"]
    assert ids(pool=Path("b.toml")) == ["bob"]


def test_tables_of_a_config_file_are_meant_where_nothing_stronger_is() -> None:
    user('experts = ["ollama/c"]\n[[expert]]\nid = "una"\nmodel = "ollama/u"\n')
    assert ids() == ["ollama/c"]
    project('[[expert]]\nid = "pia"\nmodel = "ollama/p"\n')
    assert ids() == ["pia"]
    assert ids(experts=["una", "pia"]) == ["una", "pia"]
    assert ids(pool=Path("b.toml")) == ["bob"]


def test_a_pool_file_among_the_ids_is_all_its_experts() -> None:
    team = team_of(load(options={"experts": ["a.toml", "ollama/c"]}), reachable=False)
    assert [expert.id for expert in team.experts] == ["ann", "art", "ollama/c"]
    assert set(team.sources) == {"ann", "art"}
    assert team.sources["ann"].file == Path("a.toml").absolute()


def test_sources_of_a_project_say_so() -> None:
    project('pool = "a.toml"')
    team = team_of(load(), reachable=False)
    assert team.sources["ann"].project == Path("orchestrator.toml").absolute()
    assert team_of(load(options={"pool": Path("a.toml")}), reachable=False).sources["ann"].project is None


def test_roles_come_out_of_the_same_sources() -> None:
    project('pool = "a.toml"\nroles.judge = "art"')
    team = team_of(load(options={"experts": ["ann"], "roles": {"tagger": "ollama/t"}}), reachable=False)
    assert {role: expert.id for role, expert in team.roles.items()} == {"judge": "art", "tagger": "ollama/t"}
    assert [expert.id for expert in team.everybody] == ["ann", "art", "ollama/t"]


def test_a_role_is_one_expert() -> None:
    with pytest.raises(ConfigError, match="stands for 2 experts"):
        team_of(load(options={"experts": ["ollama/c"], "roles": {"judge": "a.toml"}}), reachable=False)


def test_where_nobody_is_named_the_simulated_pool_stands_in_whatever_keys_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GROQ_API_KEY", "x")
    team = team_of(load(), reachable=False)
    assert [expert.client for expert in team.experts] == ["sim"] * 6
    assert team.by_default
    assert team.simulated
    assert not team_of(load(options={"experts": ["sim:ada"]}), reachable=False).by_default


def test_an_address_of_nobody_is_not_for_the_simulated_pool() -> None:
    with pytest.raises(ConfigError, match=r"api_base \(command line --api-base\) says how to reach an expert"):
        ids(api_base="http://127.0.0.1:1/v1")


def test_the_fallback_of_a_chosen_expert_is_a_reserve_and_so_is_its_own() -> None:
    chain = '[[expert]]\nid = "{0}"\nmodel = "ollama/{0}"\nfallback = "{1}"\n'
    last = '[[expert]]\nid = "small"\nmodel = "ollama/small"\n'
    Path("c.toml").write_text(chain.format("big", "middle") + chain.format("middle", "small") + last)
    team = team_of(load(options={"pool": Path("c.toml"), "experts": ["big"]}), reachable=False)
    assert [expert.id for expert in team.experts] == ["big"]
    assert [expert.id for expert in team.reserves] == ["middle", "small"]
    whole = team_of(load(options={"pool": Path("c.toml")}), reachable=False)
    assert whole.reserves == ()
    judged = team_of(
        load(options={"pool": Path("c.toml"), "experts": ["small"], "roles": {"judge": "middle"}}), reachable=False
    )
    assert judged.reserves == ()


def test_experts_of_roles_have_reserves_too() -> None:
    pair = '[[expert]]\nid = "j"\nmodel = "ollama/j"\nfallback = "k"\n\n[[expert]]\nid = "k"\nmodel = "ollama/k"\n'
    Path("c.toml").write_text(pair)
    options = {"pool": Path("c.toml"), "experts": ["ollama/x"], "roles": {"judge": "j"}}
    team = team_of(load(options=options), reachable=False)
    assert [expert.id for expert in team.everybody] == ["ollama/x", "j", "k"]


@pytest.mark.parametrize(
    ("model", "base", "price", "costs"),
    [
        ("ollama/a", None, "", False),
        ("openai/m", "http://127.0.0.1:1/v1", "", False),
        ("openai/m", "https://models.example/v1", "", False),
        ("openai/m", "https://models.example/v1", "price = { prompt = 1, completion = 1 }", True),
        ("openai/gpt-4o-mini", None, "", True),
        ("openai/unheard-of", None, "", True),
    ],
)
def test_what_may_cost_money(model: str, base: str | None, price: str, costs: bool) -> None:
    address = "" if base is None else f'api_base = "{base}"\n'
    Path("p.toml").write_text(f'[[expert]]\nid = "x"\nmodel = "{model}"\n{address}{price}\n')
    assert team_of(load(options={"pool": Path("p.toml")}), reachable=False).costs is costs
