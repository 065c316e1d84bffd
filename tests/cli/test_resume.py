"""`resume`: a run knows everything it needs, and nothing secret."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.double import DoubleProcess, unused_url

from .conftest import SCRIPT, Command


def manifest() -> str:
    return Path("r", "manifest.json").read_text()


def lines() -> list[str]:
    return sorted(Path("r", "results.jsonl").read_text().splitlines())


def cut(keep: int) -> None:
    """Leaves so many result lines, and half a one."""
    rows = Path("r", "results.jsonl").read_text().splitlines(keepends=True)
    Path("r", "results.jsonl").write_text("".join(rows[:keep]) + rows[keep][:20])


@pytest.fixture
def begun(command: Command, echo: str, sums: str) -> str:
    """A run with two strategies of which three of eight lines are left."""
    command("bench", sums, "-e", echo, "-s", "cot", "-s", "self_consistency(samples=2)", "--run", "r")
    whole = json.dumps(lines())
    cut(3)
    return whole


def test_only_what_has_no_line_runs_and_the_results_are_the_same(command: Command, begun: str) -> None:
    before = Path("r", "results.jsonl").read_text().splitlines()[:3]
    command("resume", "r")
    assert json.dumps(lines()) == begun
    assert Path("r", "results.jsonl").read_text().splitlines()[:3] == before


def test_it_depends_on_no_config_and_no_folder(
    command: Command, begun: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "orchestrator.toml").write_text('strategy = "best_of_n"\nseed = 7\nbudget = "calls=1"\n')
    command("config", "trust")
    command("resume", "r")
    assert json.dumps(lines()) == begun
    cut(3)
    monkeypatch.chdir(tmp_path)
    command("resume", str(home / "r"))
    monkeypatch.chdir(home)
    assert json.dumps(lines()) == begun


def test_the_last_run_and_the_beginning_of_an_id_are_found(command: Command, echo: str, sums: str) -> None:
    run = Path(command("bench", sums, "-e", echo, "-s", "cot", "--json").json["run"])
    assert command("resume", "last", "--json").json["run"] == str(run)
    assert command("resume", run.name[:12], "--json").json["run"] == str(run)


def test_a_set_that_has_changed_is_refused(command: Command, begun: str, sums: str) -> None:
    Path(sums).write_text(Path(sums).read_text().replace("20 +", "21 +"))
    assert "sums.jsonl has changed since the run began" in command("resume", "r", code=2).err


def test_failed_problems_run_again_when_that_is_wanted(command: Command, home: Path, sums: str) -> None:
    script = home / "e.toml"
    script.write_text('[[rule]]\nmatch = "20 . 2[012]"\nreply = "The answer is 40."\n')
    words = ("bench", sums, "-e", "scripted:e.toml", "-s", "cot", "--run", "r", "--json")
    assert command(*words).json["results"][0]["errors"] == 1
    script.write_text('[[rule]]\nmatch = "."\nreply = "The answer is 43."\n')
    assert command("resume", "r", "--json").json["results"][0]["errors"] == 1
    done = command("resume", "r", "--failed", "--json")
    row = done.json["results"][0]
    assert (row["errors"], row["answered"], row["solved"]) == (0, 4, 2)
    assert "1 result was an error; what failed runs again" in done.err


def test_a_run_of_another_version_is_refused_in_one_line(command: Command, begun: str) -> None:
    Path("r", "manifest.json").write_text('{"set": "sample"}')
    done = command("resume", "r", code=2)
    assert "lacks strategies, experts, set_file" in done.err
    assert len(done.lines) == 1


def test_changed_prompts_are_told(command: Command, begun: str) -> None:
    Path("r", "manifest.json").write_text(manifest().replace(json.loads(manifest())["prompts"]["cot"], "0" * 16))
    assert "prompts of cot have changed" in command("resume", "r").err


class TestExpertsOfAFile:
    POOL = """
    [[expert]]
    id = "ann"
    client = "scripted"
    model = "echo.toml"
    persona = "You are Ann."
    key_env = "ANNS_KEY"
    rpm = 60000
    headers = { X-Team = "very-secret" }
    """

    @pytest.fixture(autouse=True)
    def begun(self, command: Command, home: Path, echo: str, sums: str) -> None:
        (home / "pool.toml").write_text(self.POOL)
        command("bench", sums, "--pool", "pool.toml", "-s", "cot", "--run", "r")
        cut(2)

    def test_nothing_secret_is_in_the_run(self) -> None:
        assert "X-Team" in manifest()
        for file in Path("r").iterdir():
            assert b"very-secret" not in file.read_bytes()

    def test_they_are_read_again_so_that_what_was_mended_counts(self, command: Command, home: Path) -> None:
        (home / "pool.toml").write_text(self.POOL.replace("60000", "90000").replace("ANNS_KEY", "OTHER_KEY"))
        assert command("resume", "r", "--json").json["results"][0]["answered"] == 4

    def test_a_setting_that_there_was_none_of_when_the_run_began_is_no_change(self, command: Command) -> None:
        path = Path("r", "manifest.json")
        told = json.loads(path.read_text())
        for row in told["experts"]:
            del row["sampling"]["top_logprobs"]
        path.write_text(json.dumps(told))
        assert command("resume", "r", "--json").json["results"][0]["answered"] == 4

    @pytest.mark.parametrize(
        ("old", "new", "named"),
        [("You are Ann.", "You are Bob.", "persona"), ('"echo.toml"', '"other.toml"', "options")],
    )
    def test_one_that_became_another_is_refused(
        self, command: Command, home: Path, old: str, new: str, named: str
    ) -> None:
        (home / "other.toml").write_text((home / "echo.toml").read_text())
        (home / "pool.toml").write_text(self.POOL.replace(old, new))
        done = command("resume", "r", code=2)
        assert "pool.toml: expert 'ann' has another" in done.err
        assert named in done.err or "model" in done.err

    def test_a_secret_that_is_gone_is_missed_in_one_line(self, command: Command, home: Path) -> None:
        (home / "pool.toml").unlink()
        done = command("resume", "r", code=2)
        assert "needs what only" in done.err
        assert len(done.lines) == 1

    def test_without_secrets_the_run_itself_knows_enough(self, command: Command, home: Path, sums: str) -> None:
        (home / "pool.toml").write_text(self.POOL.replace('headers = { X-Team = "very-secret" }', ""))
        command("bench", sums, "--pool", "pool.toml", "-s", "cot", "--run", "r2")
        (home / "pool.toml").unlink()
        Path("r2", "results.jsonl").write_text("")
        done = command("resume", "r2", "--json")
        assert done.json["results"][0]["answered"] == 4
        assert "going on with expert 'ann' as it was" in done.err


class TestExpertsOfAProject:
    @pytest.fixture(autouse=True)
    def begun(self, command: Command, home: Path, echo: str, sums: str) -> None:
        table = '[[expert]]\nid = "ann"\nclient = "scripted"\nmodel = "echo.toml"\nrpm = 60000\n'
        (home / "orchestrator.toml").write_text(table)
        command("config", "trust")
        command("bench", sums, "-s", "cot", "--run", "r")
        cut(2)

    def test_they_count_while_the_project_is_trusted(self, command: Command) -> None:
        assert "trusted" not in command("resume", "r").err

    def test_of_one_that_has_changed_since_only_what_the_run_knows_counts(self, command: Command, home: Path) -> None:
        file = home / "orchestrator.toml"
        file.write_text(file.read_text().replace("echo.toml", "evil.toml"))
        done = command("resume", "r", "--json")
        assert "is not trusted any more" in done.err
        assert done.json["results"][0]["answered"] == 4


class TestServers:
    def test_credentials_in_a_url_are_not_kept_and_asked_for_again(
        self, command: Command, sums: str, double_process: Callable[..., DoubleProcess]
    ) -> None:
        double = double_process(answers={"40": 1})
        base = double.base_url.replace("http://", "http://me:very-secret@")
        command("bench", sums, "-e", "openai/m", "--api-base", base, "-s", "cot", "--run", "r")
        assert "very-secret" not in manifest()
        assert "bWU6dmVyeS1zZWNyZXQ=" not in manifest()
        cut(2)
        assert "--api-base URL again" in command("resume", "r", code=2).err
        assert command("resume", "r", "--api-base", base, "--json").json["results"][0]["answered"] == 4

    def test_a_server_may_have_moved(
        self, command: Command, sums: str, double_process: Callable[..., DoubleProcess]
    ) -> None:
        first, second = double_process(answers={"40": 1}), double_process(answers={"40": 1})
        command("bench", sums, "-e", "openai/m", "--api-base", first.base_url, "-s", "cot", "--run", "r")
        first.__exit__(None, None, None)
        Path("r", "results.jsonl").write_text("")
        done = command("resume", "r", code=5)
        assert first.base_url in done.err
        shown = command("resume", "r", "--api-base", second.base_url, "--json").json
        assert shown["results"][0]["answered"] == 4
        assert second.stats()["requests"] == 0

    @pytest.mark.parametrize("before", ["litellm", None])
    def test_by_which_way_a_server_is_asked_may_change(
        self, before: str | None, command: Command, home: Path, sums: str, double_process: Callable[..., DoubleProcess]
    ) -> None:
        server = double_process(answers={"40": 1})
        entry = f'[[expert]]\nid = "e"\nmodel = "openai/m"\napi_base = "{server.base_url}"\n'
        pool = home / "pool.toml"
        pool.write_text(entry + (f'client = "{before}"\n' if before else ""))
        command("bench", sums, "--pool", "pool.toml", "-s", "cot", "--run", "r")
        Path("r", "results.jsonl").write_text("")
        pool.write_text(entry + 'client = "direct"\n')
        assert command("resume", "r", "--json").json["results"][0]["answered"] == 4
        assert server.stats()["requests"] == 4
        pool.write_text(entry.replace("openai/m", "openai/other"))
        assert "has another model" in command("resume", "r", code=2).err

    def test_a_run_without_one_takes_no_address(self, command: Command, echo: str, sums: str) -> None:
        command("bench", sums, "-e", echo, "-s", "cot", "--run", "r")
        assert "had no --api-base" in command("resume", "r", "--api-base", unused_url(), code=2).err


def test_a_run_in_use_is_refused(command: Command, begun: str) -> None:
    from orchestrator.folder import RunFolder

    with RunFolder.open("r"):
        assert "in use by another process" in command("resume", "r", code=2).err


def test_the_sample_of_the_package_can_be_resumed(command: Command) -> None:
    command("bench", "sample", "-e", SCRIPT, "-s", "cot", "--limit", "3", "--run", "r")
    cut(1)
    assert command("resume", "r", "--json").json["results"][0]["answered"] == 3
