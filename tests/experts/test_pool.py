from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from orchestrator.errors import ConfigError, UnknownName
from orchestrator.experts.litellm import backend
from orchestrator.experts.pool import experts_of, read_pool, to_toml
from orchestrator.masking import masked
from orchestrator.types import Expert, Price, PriceTier, Sampling

POOL = """
[[expert]]
id = "big"
model = "openai/gpt-x"
api_base = "https://api.example/v1"
key_env = "BIG_KEY"
persona = "You are terse."
mode = "chat"
stop = "END"
reasoning_effort = "low"
timeout = 90
context = 128000
rpm = 600
tpm = 2e5
concurrency = 8
skills = ["algebra", "code"]
resident_group = "gpu0"
fallback = "small"
prefix_cache = "off"
price = { prompt = 2.5, completion = 10, cached_prompt = 0.25, written_prompt = 3.125 }
capabilities = { n = false, max_tokens = "max_completion_tokens" }
[expert.sampling]
temperature = 0.3
max_tokens = 4000
[expert.extra_body]
top_k = 40
[expert.headers]
X-Team = "blue-and-secret"

[[expert]]
id = "small"
model = "ollama_chat/qwen3:8b"
"""


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    file = tmp_path / "pool.toml"
    file.write_text(POOL)
    return file


def test_a_pool_file_is_read_whole(pool: Path) -> None:
    big, small = read_pool(pool)
    assert big == Expert(
        id="big",
        model="openai/gpt-x",
        api_base="https://api.example/v1",
        key_env="BIG_KEY",
        persona="You are terse.",
        sampling=Sampling(
            temperature=0.3, max_tokens=4000, stop=("END",), reasoning_effort="low", extra_body={"top_k": 40}
        ),
        headers={"X-Team": "blue-and-secret"},
        timeout=90,
        context=128000,
        rpm=600,
        tpm=200000,
        concurrency=8,
        price=Price(2.5e-6, 10e-6, 0.25e-6, 3.125e-6),
        prefix_cache="off",
        skills=("algebra", "code"),
        resident_group="gpu0",
        fallback="small",
        capabilities={"n": False, "max_tokens": "max_completion_tokens"},
    )
    assert small == Expert("small", "ollama_chat/qwen3:8b")


def test_ids_mean_pool_entries_files_and_models(pool: Path) -> None:
    def ids(*names: str, with_pool: bool = True) -> list[str]:
        return [expert.id for expert in experts_of(names, pool=pool if with_pool else None)]

    assert ids() == ["big", "small"]
    assert ids("small") == ["small"]
    assert ids("small", "openai/gpt-4o-mini") == ["small", "openai/gpt-4o-mini"]
    assert ids(str(pool), with_pool=False) == ["big", "small"]
    assert ids(with_pool=False) == []


def test_a_base_and_a_key_go_to_models_as_typed_and_not_to_the_pool(pool: Path) -> None:
    experts = experts_of(["small", "openai/m"], pool=pool, api_base="http://127.0.0.1:1/v1", key_env="K")
    assert (experts[0].api_base, experts[0].key_env) == (None, None)
    assert (experts[1].api_base, experts[1].key_env) == ("http://127.0.0.1:1/v1", "K")
    assert experts[1].model == experts[1].id == "openai/m"


def test_an_id_given_twice_is_an_error(pool: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expert 'small' is there twice"):
        experts_of(["small", "small"], pool=pool)
    with pytest.raises(ConfigError, match="expert 'big' is there twice"):
        experts_of([str(pool), "big"], pool=pool)
    file = tmp_path / "twice.toml"
    file.write_text('[[expert]]\nid = "a"\n[[expert]]\nid = "a"\n')
    with pytest.raises(ConfigError, match=r"twice.toml: expert 'a' is there twice"):
        read_pool(file)


def test_a_slip_in_a_name_of_the_pool_gets_a_suggestion(pool: Path) -> None:
    with pytest.raises(UnknownName, match="unknown expert 'smal'; did you mean 'small'"):
        experts_of(["smal"], pool=pool)
    assert experts_of(["gpt-4o-mini"], pool=pool)[0].model == "gpt-4o-mini"


@pytest.mark.parametrize("name", ["sim:nobody", "", " "])
def test_what_there_is_not_is_said(name: str) -> None:
    with pytest.raises(ConfigError):
        experts_of([name])


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", r"no \[\[expert\]\] in it"),
        ("[expert]\nid = 'a'", r"no \[\[expert\]\] in it"),
        ("[[expert]]\nmodel = 'm'", r"\[\[expert\]\] 1: id: field required"),
        ("[[expert]]\nid = 'a'\nmodell = 'm'", r"unknown key 'modell' in .*\]\] 1 \('a'\); did you mean 'model'"),
        ("[[expert]]\nid = 'a'\n[expert.sampling]\ntemprature = 1", "did you mean 'sampling.temperature'"),
        ("[[expert]]\nid = 'a'\nprice = {promt = 1, completion = 1}", "did you mean 'price.prompt'"),
        ("[[expert]]\nid = 'a'\nprice = {prompt = 1}", r"'a'\): price.completion: field required"),
        ("[[expert]]\nid = 'a'\nprice = {prompt = -1, completion = 1}", "price.prompt: input should be greater"),
        ("[[expert]]\nid = 'a'\ntimeout = 'long'", "timeout: input should be a valid number"),
        ("[[expert]]\nid = 'a'\nmode = 'chatty'", "mode: input should be 'chat', 'completion' or 'batch'"),
        ("[[expert]]\nid = 'a'\nclient = 'litelm'", "unknown client 'litelm' in .*'a'; did you mean 'litellm'"),
        ("[[expert]]\nid = 'a'\nfallback = 'b'", "unknown fallback 'b' in .*'a'"),
        ("[[expert]]\nid = 'a'\ncapabilities = {sede = false}", "unknown capability 'sede' in .*did you mean 'seed'"),
        ("[[expert]]\nid = 'a'\ncapabilities = {max_tokens = false}", "'a': capabilities.max_tokens: a cap is always"),
        ("[[expert]]\nid = 'a'\ncapabilities = {stop = 'no'}", "'a': capabilities.stop: write true or false"),
        ("[[expert]]\nid = 'a'\napi_base = 'localhost:1'", "api_base 'localhost:1' is not a URL"),
        ("[[experts]]\nid = 'a'", r"no \[\[expert\]\] in it"),
        ("[[expert]]\nid = 'a'\n[settings]\nx = 1", "unknown key 'settings'"),
        ("[[expert]]\nid = 'a'\nextra_body = {when = 2026-01-01}", "extra_body"),
        ("[[expert", "pool.toml"),
    ],
)
def test_a_pool_file_that_does_not_hold_is_said_in_one_line(content: str, complaint: str, tmp_path: Path) -> None:
    file = tmp_path / "pool.toml"
    file.write_text(content)
    with pytest.raises(ConfigError, match=complaint) as caught:
        read_pool(file)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_pool_file_that_is_not_there() -> None:
    with pytest.raises(ConfigError, match=r"nosuch.toml: No such file"):
        experts_of([], pool=Path("nosuch.toml"))


def test_recorded_and_scripted_experts_in_a_pool_are_found_beside_it(tmp_path: Path) -> None:
    row = {"problem_id": "p", "expert": "a", "prompt_style": "cot", "sample_index": 0, "text": "x"}
    lines = [row, {**row, "expert": "b"}]
    (tmp_path / "x.generations.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (tmp_path / "demo.toml").write_text("[[rule]]\nreply = 'hi'")
    file = tmp_path / "pool.toml"
    file.write_text(
        '[[expert]]\nid = "old"\nclient = "replay"\nmodel = "x.generations.jsonl#b/cot"\n'
        '[[expert]]\nid = "demo"\nclient = "scripted"\nmodel = "demo.toml"\nprice = {prompt = 1, completion = 1}\n'
    )
    old, demo = read_pool(file)
    assert old.options == {"file": str(tmp_path / "x.generations.jsonl"), "expert": "b", "style": "cot"}
    assert (old.id, old.price) == ("old", Price())
    assert demo.options == {"file": str(tmp_path / "demo.toml")}
    assert demo.price == Price(1e-6, 1e-6)
    file.write_text('[[expert]]\nid = "old"\nclient = "replay"\nmodel = "x.generations.jsonl"\n')
    with pytest.raises(ConfigError, match="the file holds several"):
        read_pool(file)


def test_recorded_and_scripted_experts_as_typed(tmp_path: Path) -> None:
    row = {"problem_id": "p", "expert": "a", "prompt_style": "cot", "sample_index": 0, "text": "x"}
    recorded = tmp_path / "x.generations.jsonl"
    recorded.write_text(json.dumps(row))
    script = tmp_path / "demo.toml"
    script.write_text("[[rule]]\nreply = 'hi'")
    experts = experts_of([f"replay:{recorded}", f"scripted:{script}"])
    assert [(expert.id, expert.client) for expert in experts] == [
        (f"replay:{recorded}#a/cot", "replay"),
        (f"scripted:{script}", "scripted"),
    ]
    with pytest.raises(ConfigError, match=r"nosuch.toml: no such file"):
        experts_of(["scripted:nosuch.toml"])
    with pytest.raises(ConfigError, match=r"nosuch.jsonl: .*No such file"):
        experts_of(["replay:nosuch.jsonl"])


def test_an_expert_written_as_an_entry_reads_back_the_same(pool: Path, tmp_path: Path) -> None:
    big, small = read_pool(pool)
    bare = [replace(big, headers={}, fallback=None), small, Expert("openai/m", "openai/m", price=Price())]
    file = tmp_path / "again.toml"
    file.write_text("\n".join(to_toml(expert) for expert in bare))
    assert list(read_pool(file)) == bare
    assert "timeout" not in to_toml(small)


TIERED = """
[[expert]]
id = "long"
price = { prompt = 1, completion = 10, cached_prompt = 0.25, request = 0.005, tiers = [
    { above = 200_000, prompt = 2, completion = 15, cached_prompt = 0.5, written_prompt = 2.5 },
    { above = 500_000, prompt = 4, completion = 30 },
] }
"""


def test_prices_of_long_prompts_are_read_and_written(tmp_path: Path) -> None:
    file = tmp_path / "pool.toml"
    file.write_text(TIERED)
    (expert,) = read_pool(file)
    assert expert.price == Price(
        1e-6, 10e-6, 0.25e-6, request=0.005,
        tiers=(PriceTier(2e-6, 15e-6, 0.5e-6, 2.5e-6, above=200_000), PriceTier(4e-6, 30e-6, above=500_000)),
    )  # fmt: skip
    file.write_text(to_toml(expert))
    assert read_pool(file) == (expert,)


@pytest.mark.parametrize(
    ("tier", "said"),
    [
        ("{ above = 200_000, prompt = 1, completion = 2 }", "two tiers are above 200000 tokens"),
        ("{ prompt = 1, completion = 2 }", r"price\.tiers\.1\.above"),
        ("{ above = -1, prompt = 1, completion = 2 }", r"price\.tiers\.1\.above"),
        (
            "{ above = 1, prompt = 1, completion = 2, writen_prompt = 3 }",
            r"did you mean 'price\.tiers\.1\.written_prompt'",
        ),
    ],
)
def test_a_slip_in_the_prices_of_long_prompts_is_told(tmp_path: Path, tier: str, said: str) -> None:
    file = tmp_path / "pool.toml"
    file.write_text(
        f'[[expert]]\nid = "a"\nprice = {{ prompt = 1, completion = 2, tiers = ['
        f"{{ above = 200_000, prompt = 1, completion = 2 }}, {tier}] }}\n"
    )
    with pytest.raises(ConfigError, match=said):
        read_pool(file)


def test_headers_and_credentials_are_never_shown(tmp_path: Path) -> None:
    file = tmp_path / "pool.toml"
    file.write_text(
        '[[expert]]\nid = "a"\napi_base = "http://me:hush-hush@host:1/v1"\nheaders = {X-Token = "hush-hush"}\n'
    )
    (expert,) = read_pool(file)
    assert expert.api_base == "http://host:1/v1"
    assert dict(expert.headers) == {"Authorization": "Basic bWU6aHVzaC1odXNo", "X-Token": "hush-hush"}
    shown = [repr(expert), to_toml(expert), json.dumps(masked(asdict(expert))), repr(backend(expert))]
    assert not any(secret in text for text in shown for secret in ("hush", "bWU6"))
    assert "X-Token" in to_toml(expert)


def test_credentials_typed_with_a_base_are_taken_out_of_it() -> None:
    (expert,) = experts_of(["openai/m"], api_base="http://me:hush@host/v1")
    assert expert.api_base == "http://host/v1"
    assert "hush" not in repr(expert)
    with pytest.raises(ConfigError, match="is not a URL"):
        experts_of(["openai/m"], api_base="host:1")


def test_a_simulated_expert_stands_in_a_pool_file_and_in_the_entry_that_is_printed(tmp_path: Path) -> None:
    file = tmp_path / "pool.toml"
    file.write_text('[[expert]]\nid = "solver"\nmodel = "sim:ada"\nclient = "sim"\n')
    (expert,) = experts_of([], pool=file)
    assert (expert.id, expert.model, expert.client, expert.price) == ("solver", "sim:ada", "sim", Price())
    file.write_text(to_toml(experts_of(["sim:flo"])[0]))
    assert experts_of([], pool=file) == experts_of(["sim:flo"])


GROUP = '[[expert]]\nid = "{id}"\nmodel = "ollama/{id}"\nresident_group = "gpu0"\n'


def test_a_group_of_models_that_share_memory(tmp_path: Path) -> None:
    file = tmp_path / "pool.toml"
    file.write_text(GROUP.format(id="a") + 'resident_capacity = 2\nloader = "ollama"\n' + GROUP.format(id="b"))
    a, b = read_pool(file)
    assert (a.resident_group, a.resident_capacity, a.loader) == ("gpu0", 2, "ollama")
    assert (b.resident_group, b.resident_capacity, b.loader) == ("gpu0", None, "none")
    assert 'resident_capacity = 2\nloader = "ollama"' in to_toml(a)
    assert "loader" not in to_toml(b)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            GROUP.format(id="a") + "resident_capacity = 2\n" + GROUP.format(id="b") + "resident_capacity = 1\n",
            "pool.toml: resident_group 'gpu0': its experts give resident_capacity 1 and 2; say it once",
        ),
        (GROUP.format(id="a") + "resident_capacity = 0\n", "resident_capacity: input should be greater than 0"),
        (GROUP.format(id="a") + 'loader = "magic"\n', "loader: input should be 'none', 'ollama', 'vllm' or 'local'"),
        ('[[expert]]\nid = "a"\nloader = "vllm"\n', "expert 'a': loader says how a resident_group is served"),
        (GROUP.format(id="sim:ada") + 'client = "sim"\nloader = "vllm"\n', 'loader = "vllm" tells a server'),
        ('[[expert]]\nid = "openai/gpt-4o"\nresident_group = "g"\nloader = "ollama"\n', "give its api_base"),
        ('[[expert]]\nid = "a"\nbatch_window = "1 day"\n', "batch_window: write a number and m, h or d"),
        ('[[expert]]\nid = "a"\nresident_capacity = 3\n', "expert 'a': resident_capacity says how a resident_group"),
    ],
    ids=[
        "two capacities",
        "no capacity",
        "unknown loader",
        "loader alone",
        "loader of a program",
        "loader of a provider",
        "window of batches",
        "capacity alone",
    ],
)
def test_groups_and_batches_that_do_not_hold_are_refused(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "pool.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_pool(file)
    assert words in str(caught.value)
