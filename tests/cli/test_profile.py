"""`profile`: skill profiles made from a set, shown, and added to."""

from __future__ import annotations

import json
from pathlib import Path

import networkx
import pytest

from orchestrator.cli import options
from orchestrator.engine import Engine
from orchestrator.skills import Aggregation, ExpertProfile, SkillProfiles, Tally, Trimming, parse_profiles, text_of

from .conftest import Command
from .test_bench import PRICED

TWO = """
[[rule]]
match = "Keywords:"
reply = "Keywords: sums, tens"
[[rule]]
match = "20 \\\\+ 2([{digits}])"
reply = "The answer is 4{{1}}."
[[rule]]
match = "."
reply = "The answer is 0."
"""


@pytest.fixture
def pool(home: Path) -> tuple[str, ...]:
    """Two experts: `some` adds 0 to 2 right, `none` nothing."""
    (home / "some.toml").write_text(TWO.format(digits="0-2"))
    (home / "none.toml").write_text(TWO.format(digits="x"))
    return ("-e", "scripted:some.toml", "-e", "scripted:none.toml")


def read(path: str = "p.json") -> SkillProfiles:
    return parse_profiles(Path(path).read_text(encoding="utf-8"), path)


def test_profiles_are_built_from_a_set_and_used(command: Command, pool: tuple[str, ...], sums: str) -> None:
    done = command("profile", "build", sums, "-o", "p.json", *pool)
    assert {name: (one.total, one.skills["sums"]) for name, one in read().experts.items()} == {
        "scripted:some.toml": (Tally(3, 1), Tally(3, 1)),
        "scripted:none.toml": (Tally(0, 4), Tally(0, 4)),
    }
    assert "p.json: symbolic_moe, from 4 problems of sums; 28 calls" in done.err
    assert "4 problems, 2 experts, 2 skills; scripted:some.toml writes (nobody was tried)" in done.err
    assert "use it with -s 'symbolic_moe(profiles=\"p.json\")'" in done.err
    solved = command("solve", "20 + 21?", "--kind", "number", "-s", 'symbolic_moe(profiles="p.json")', *pool, "--json")
    assert (solved.json["answer"], solved.json["usage"]["calls"]) == ("41", 9)


def test_settings_reach_the_strategy(command: Command, pool: tuple[str, ...], sums: str) -> None:
    done = command("profile", "build", sums, "-o", "p.json", *pool, "--set", "tagging=list", "--limit", "2", "--json")
    assert (done.json["usage"]["calls"], done.json["problems"], read().tagging.how) == (6, 2, "list")


def test_a_set_that_the_profiles_have_seen_is_not_measured_on(
    command: Command, pool: tuple[str, ...], sums: str
) -> None:
    command("profile", "build", sums, "-o", "p.json", *pool, "--limit", "2")
    bench = ("bench", sums, "-s", 'symbolic_moe(profiles="p.json")', *pool)
    assert "p.json" in command(*bench, code=2).err
    assert command(*bench, "--ids", "sum/2,sum/3", "--json").json["results"][0]["accuracy"] == 0.5


class TestUpdate:
    @pytest.fixture(autouse=True)
    def _built(self, command: Command, pool: tuple[str, ...], sums: str) -> None:
        command("profile", "build", sums, "-o", "p.json", *pool, "--limit", "1")

    def test_new_problems_are_added_in_the_files_place_by_its_own_experts(self, command: Command, sums: str) -> None:
        done = command("profile", "update", "p.json", sums, "--json")
        assert (done.json["usage"]["calls"], done.json["file"]) == (21, "p.json")
        assert (len(read().problems), read().experts["scripted:some.toml"].total) == (4, Tally(3, 1))

    def test_they_may_be_written_elsewhere(self, command: Command, sums: str) -> None:
        command("profile", "update", "p.json", sums, "-o", "q.json")
        assert (len(read().problems), len(read("q.json").problems)) == (1, 4)
        assert "is there already" in command("profile", "update", "p.json", sums, "-o", "q.json", code=2).err

    def test_nothing_new_is_said(self, command: Command, sums: str) -> None:
        before = Path("p.json").read_bytes()
        done = command("profile", "update", "p.json", sums, "--limit", "1", code=2)
        assert "all 1 problems are in the profiles already" in done.err
        assert Path("p.json").read_bytes() == before

    def test_other_experts_are_refused(self, command: Command, sums: str, echo: str) -> None:
        done = command("profile", "update", "p.json", sums, "-e", echo, code=2)
        assert "lacks scripted:none.toml, scripted:some.toml" in done.err


class TestBeforeAnybodyIsAsked:
    @pytest.fixture(autouse=True)
    def _silence(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Engine, "ask", lambda *_: pytest.fail("somebody was asked"))

    def test_a_dry_run_tells_the_calls(self, command: Command, pool: tuple[str, ...], sums: str) -> None:
        told = command("profile", "build", sums, "-o", "p.json", *pool, "--dry-run", "--json").json
        assert told["results"][0]["calls"] == {"least": 28, "expected": 28, "most": 28}
        assert not Path("p.json").exists()

    def test_money_is_not_spent_unasked(
        self, command: Command, echo: str, sums: str, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (home / "pool.toml").write_text(PRICED)
        monkeypatch.setattr(options, "somebody_there", lambda: False)
        done = command("profile", "build", sums, "-o", "p.json", "--pool", "pool.toml", code=2)
        assert "--yes" in done.err

    def test_a_file_that_holds_no_profiles_is_said(self, command: Command, sums: str) -> None:
        Path("p.json").write_text("{}")
        for words in (("show", "p.json"), ("update", "p.json", sums)):
            assert "p.json: no skill profiles" in command("profile", *words, code=2).err


KNOWN = SkillProfiles(
    {
        "a": ExpertProfile(Tally(5, 2), {"law": Tally(4, 0), "sums": Tally(1, 2)}, lost=1),
        "b": ExpertProfile(Tally(2, 6), {"law": Tally(1, 3), "sums": Tally(1, 3)}),
    },
    {"00": ("law",), "01": ()},
    aggregation=Aggregation({"a": Tally(1, 3), "b": Tally(3, 1)}, 4, 2),
    trimming=Trimming(0.05, 6, {"a": 6, "b": 0}, ("b",)),
)


class TestShow:
    @pytest.fixture(autouse=True)
    def _file(self, home: Path) -> None:
        (home / "p.json").write_text(text_of(KNOWN))

    def test_experts_and_skills_are_tables(self, command: Command) -> None:
        lines = command("profile", "show", "p.json").out.splitlines()
        assert lines[:3] == [
            "2 problems, 2 skills, tagged by passes",
            "the answer is written by: b",
            "seldom recruited and left out: b",
        ]
        rows = [line.split() for line in lines]
        assert ["a", "5", "2", "1", "+3", "100.0", "25.0", "law", "+4"] in rows
        assert ["law", "4", "a", "+4", "b", "-2"] in rows

    def test_one_expert_and_one_skill(self, command: Command) -> None:
        rows = [line.split() for line in command("profile", "show", "p.json", "-e", "b").out.splitlines()]
        assert ["sums", "4", "1", "3", "-2"] in rows
        shown = command("profile", "show", "p.json", "--skill", "law", "--json").json
        assert [set(expert["skills"]) for expert in shown["experts"]] == [{"law"}, {"law"}]

    def test_what_was_tried_too_seldom_is_left_out(self, command: Command) -> None:
        shown = command("profile", "show", "p.json", "--support", "4", "--json").json
        assert [set(expert["skills"]) for expert in shown["experts"]] == [{"law"}, {"law", "sums"}]

    def test_json_has_all_counts(self, command: Command) -> None:
        shown = command("profile", "show", "p.json", "--json").json
        assert (shown["schema"], shown["problems"], shown["aggregator"], shown["removed"]) == (
            "profiles/1",
            2,
            "b",
            ["b"],
        )
        assert shown["experts"][0] == {
            "expert": "a", "right": 5, "wrong": 2, "score": 3, "lost": 1, "strength": 3, "recruited": 1.0,
            "writing": {"right": 1, "wrong": 3, "score": -2},
            "skills": {"law": {"right": 4, "wrong": 0, "score": 4}, "sums": {"right": 1, "wrong": 2, "score": -1}},
        }  # fmt: skip

    def test_names_that_are_not_there_are_said_with_a_suggestion(self, command: Command) -> None:
        assert "law" in command("profile", "show", "p.json", "--skill", "laws", code=2).err
        assert "unknown expert 'c'" in command("profile", "show", "p.json", "-e", "c", code=2).err

    def test_the_graph_is_written_beside(self, command: Command) -> None:
        done = command("profile", "show", "p.json", "--graph", "g.json", "--json")
        assert "g.json: 4 edges" in done.err
        graph = networkx.node_link_graph(json.loads(Path("g.json").read_text()), edges="edges")
        assert graph.edges["expert:a", "skill:law"]["weight"] == 4

    def test_names_out_of_a_file_cannot_steer_a_terminal(self, command: Command, home: Path) -> None:
        evil = SkillProfiles({"\x1b[31ma": ExpertProfile(skills={"la\x1bw": Tally(1, 0)})})
        (home / "p.json").write_text(text_of(evil))
        assert "\x1b" not in command("profile", "show", "p.json").out


class TestRecorded:
    """Recorded replies: three experts of which two make the same mistakes in one subject."""

    @pytest.fixture(autouse=True)
    def _recorded(self, home: Path) -> None:
        law = "The buyer sued for breach of contract number {i}. What does the court award?"
        heat = "The ideal gas number {i} is compressed in an adiabatic process. What is its temperature?"
        problems, replies = [], []
        for i in range(16):
            part = "fit" if i < 8 else "eval"
            row = {"id": f"q/{i}", "kind": "number", "question": (law if i % 2 else heat).format(i=i), "answer": str(i)}
            problems.append({**row, "part": part})
            for name, good in (("one", i % 2 == 0), ("two", i % 2 == 0), ("three", i % 2 == 1)):
                text = f"The answer is {i if good else 900 + i}."
                reply = {"problem_id": f"q/{i}", "expert": name, "prompt_style": "cot", "sample_index": 0, "text": text}
                replies.append(reply)
        for name, rows in (("problems", problems), ("generations", replies)):
            (home / f"q.{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    def test_profiles_cost_nothing_and_routing_with_a_vote_beats_the_vote_of_all(self, command: Command) -> None:
        who = ("-e", "replay:q.generations.jsonl")
        done = command(
            "profile", "build", "q.problems.jsonl", "--part", "fit", *who, "--set", "tagging=text", "-o", "p.json"
        )  # fmt: skip
        assert "(nobody was tried)" in done.err
        routed = "symbolic_moe(profiles='p.json')"
        found = command(
            "bench", "q.problems.jsonl", "--part", "eval", *who, "--aggregator", "majority", "-s", routed, "-s",
            "self_consistency", "--json",
        ).json["results"]  # fmt: skip
        assert [row["accuracy"] for row in found] == [1.0, 0.5]
        assert [row["calls_per_problem"] for row in found] == [3, 3]
