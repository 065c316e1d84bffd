"""Models in this process, as a user names them: what can be told before anything heavy is imported."""

from __future__ import annotations

from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from orchestrator.cli.team import team_of
from orchestrator.config import load, trust
from orchestrator.errors import ConfigError, UnknownName
from orchestrator.experts import local
from orchestrator.experts.pool import experts_of, read_pool
from orchestrator.serving import backend_of
from tests.cli.conftest import Command


@pytest.fixture
def model(home: Path) -> Path:
    (home / "mine").mkdir()
    (home / "mine" / "config.json").write_text("{}")
    return home / "mine"


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "find_spec", lambda name: ModuleSpec(name, None))


@pytest.fixture
def missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "find_spec", lambda name: None)


@pytest.mark.usefixtures("missing")
def test_without_the_extra_one_line_names_it(command: Command, model: Path) -> None:
    done = command("solve", "hi", "-e", "local:mine", code=2)
    assert done.lines[-1].endswith(
        "expert 'local:mine' runs in this process and needs torch and transformers: "
        'pip install "diverse-orchestrator[local]"'
    )
    with pytest.raises(ConfigError, match=r"diverse-orchestrator\[local\]"):
        backend_of(experts_of(["local:mine"])[0])


def test_a_folder_becomes_a_whole_path_and_a_name_of_the_hub_stays(model: Path) -> None:
    here, dotted, hub = experts_of(["local:mine", "local:./mine", "local:Qwen/Qwen3-0.6B,revision=main"])
    assert here.model == dotted.model == f"local:{model}"
    assert (hub.model, dict(hub.options)) == ("local:Qwen/Qwen3-0.6B", {"revision": "main"})
    assert hub.id == "local:Qwen/Qwen3-0.6B,revision=main"
    assert (here.client, here.loader, here.resident_group) == ("local", "local", "local")
    assert here.price is not None
    assert here.price.of(1000, 1000) == 0


def test_models_of_one_device_share_it() -> None:
    names = ["local:a/a,device=cuda:1", "local:a/b,device=cuda:1", "local:a/c"]
    assert [expert.resident_group for expert in experts_of(names)] == ["local cuda:1", "local cuda:1", "local"]


def test_settings_behind_a_name_are_read() -> None:
    (expert,) = experts_of(["local:a/b,dtype=bfloat16,batch=8,batch_tokens=4096,ram_gb=1.5"])
    assert dict(expert.options) == {"dtype": "bfloat16", "batch": 8, "batch_tokens": 4096, "ram_gb": 1.5}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("local:", "name a model, such as local:./my-model"),
        ("local:a/b,dtyp=float16", "unknown setting 'dtyp' in local:a/b,dtyp=float16; did you mean 'dtype'?"),
        ("local:a/b,dtype=float", "unknown dtype 'float'"),
        ("local:a/b,batch=many", "batch is a number, not 'many'"),
        ("local:a/b,batch=0", "options.batch: 0 is no whole number from 1 on"),
        ("local:a/b,ram_gb=-1", "options.ram_gb: -1.0 is no number above 0"),
    ],
    ids=["no name", "unknown", "dtype", "no number", "zero", "negative"],
)
def test_what_does_not_hold_is_told(name: str, words: str) -> None:
    with pytest.raises((ConfigError, UnknownName)) as caught:
        experts_of([name])
    assert words in str(caught.value)


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("local:./nowhere", "there is no folder"),
        ("local:no/such/folder", "there is no folder no/such/folder"),
        ("local:empty", "there is no config.json in"),
    ],
    ids=["path", "deep", "empty"],
)
def test_a_folder_without_a_model_is_found_out_at_once(command: Command, home: Path, name: str, words: str) -> None:
    (home / "empty").mkdir()
    done = command("solve", "hi", "-e", name, code=2)
    assert words in done.lines[-1]


@pytest.mark.usefixtures("installed")
def test_a_pool_file_has_options_and_paths_beside_it(home: Path, model: Path) -> None:
    (home / "pools").mkdir()
    pool = home / "pools" / "pool.toml"
    pool.write_text(
        '[[expert]]\nid = "a"\nmodel = "local:../mine"\noptions = { batch = 4 }\nresident_capacity = 2\n'
        'resident_group = "card"\n\n[[expert]]\nid = "b"\nclient = "local"\nmodel = "org/name"\n'
    )
    a, b = read_pool(pool)
    assert (a.model, a.resident_group, a.resident_capacity, a.loader) == (f"local:{model}", "card", 2, "local")
    assert (b.model, b.client, b.resident_group) == ("local:org/name", "local", "local")
    pool.write_text('[[expert]]\nid = "a"\nmodel = "local:../mine"\noptions = { batc = 4 }\n')
    with pytest.raises(UnknownName, match="did you mean 'batch'"):
        read_pool(pool)


@pytest.mark.usefixtures("installed")
def test_a_config_file_names_folders_beside_it(home: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("orchestrator.toml").write_text('experts = ["local:mine,batch=2", "local:org/name"]\n')
    trust(Path("orchestrator.toml"))
    (home / "below").mkdir()
    monkeypatch.chdir(home / "below")
    mine, hub = team_of(load()).experts
    assert (mine.model, hub.model) == (f"local:{model}", "local:org/name")
    assert mine.options["batch"] == 2
