"""Memory of a whole `orchestrator bench`: many problems x 5 separate requests over HTTP, killed half way if wanted.

    python -m benchmarks.memory [--problems 20000] [--client direct|litellm] [--in-flight 64] [--kill-at 0.5]

The bench is a process of its own, as a user starts it; its memory is read from /proc while it runs. Answers have some
2 kB. With `--kill-at` the run is made twice: once in peace, and once killed with SIGKILL at that share of the problems
and resumed; no reply may be paid twice, and both must come to the same results. With `--base-url` another server is
asked, whose counters stand under /stats as `requests`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.engine import JournalView
from tests.double import DoubleProcess

from . import usage

_SAMPLES = 5
_EVERY = 0.1
"""Seconds between two looks at the process."""
_MOST = {"direct": 200.0, "litellm": 320.0}
"""MB that the process may take."""
_GROWTH = 4.0
"""MB that the second half of a run may add: what an allocator has not settled by then, whatever their number."""
_WORDS = ("account", "carry", "distance", "equal", "figure", "given", "measure", "number", "reason", "total", "value")
_COMMAND = (sys.executable, "-c", "from orchestrator.cli import main; main()")


@dataclass(frozen=True, slots=True)
class Look:
    """The process at one moment."""

    done: int
    """Result lines."""
    resident: float
    """MB."""
    descriptors: int
    threads: int


@dataclass(slots=True)
class Part:
    """One process: a run, or what of it lies before or after a kill."""

    seconds: float = 0.0
    cpu: float = 0.0
    peak: float = 0.0
    code: int = 0
    first_line: float = 0.0
    """Seconds until it had written a line of its own."""
    before: int = 0
    """Lines that there were when it began."""
    looks: list[Look] = field(default_factory=list)

    def at(self, share: float, problems: int) -> Look:
        """The first look at which so many problems were done."""
        wanted = share * problems
        return next((look for look in self.looks if look.done >= wanted), self.looks[-1])

    def slope(self, problems: int) -> float:
        """Bytes a problem by which memory grows in the second half, by least squares."""
        late = [look for look in self.looks if look.done >= (self.before + problems) / 2]
        n = len(late)
        if n < 2:
            return 0.0
        x = sum(look.done for look in late) / n
        y = sum(look.resident for look in late) / n
        spread = sum((look.done - x) ** 2 for look in late)
        return 2**20 * sum((look.done - x) * (look.resident - y) for look in late) / spread if spread else 0.0


# -- what is run --------------------------------------------------------------------------------


def write_set(path: Path, problems: int) -> None:
    """Problems of some 600 characters, none like another; for a server that reads it, the mark holds the answer."""
    rng = random.Random(5)
    with path.open("w", encoding="utf-8") as out:
        for number in range(problems):
            words = " ".join(rng.choices(_WORDS, k=80))
            answer = rng.randrange(5)
            question = f"Question {number}: {words}? [[gold:{answer}|{(answer + 1) % 5}|{(answer + 2) % 5}]]"
            row = {"id": f"p/{number}", "kind": "number", "question": question, "answer": str(answer)}
            out.write(json.dumps(row) + "\n")


def write_pool(path: Path, client: str, base_url: str, in_flight: int) -> None:
    """One expert whose samples have seeds of their own, so that none leave together."""
    model = "m" if client == "direct" else "openai/m"
    path.write_text(
        f'[[expert]]\nid = "m"\nmodel = "{model}"\nclient = "{client}"\napi_base = "{base_url}"\n'
        f"concurrency = {in_flight}\nsampling = {{ seed = 7 }}\n"
    )


def bench(folder: Path, run: Path) -> list[str]:
    """The command that begins a run."""
    strategy = f"self_consistency(samples={_SAMPLES})"
    command = [*_COMMAND, "bench", str(folder / "set.jsonl"), "-s", strategy]
    return [*command, "--pool", str(folder / "pool.toml"), "--run", str(run), "--yes", "--json"]


# -- watching -----------------------------------------------------------------------------------


class Lines:
    """Counts the lines of a file that grows."""

    def __init__(self, path: Path) -> None:
        self._path, self._at, self.count = path, 0, 0

    def look(self) -> int:
        if self._path.exists():
            with self._path.open("rb") as file:
                file.seek(self._at)
                while block := file.read(1 << 20):
                    self.count += block.count(b"\n")
                    self._at += len(block)
        return self.count


def watched(command: Sequence[str], run: Path, kill_at: int | None = None) -> Part:
    """Runs a command to its end, or until so many problems are done, and looks at it all the while."""
    lines = Lines(run / "results.jsonl")
    part = Part(before=lines.look())
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=Path(__file__).parents[1])
    heard = [threading.Thread(target=_drain, args=(pipe,)) for pipe in (process.stdout, process.stderr)]
    for one in heard:
        one.start()
    while True:
        pid, status, spent = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        done = lines.look()
        if done > part.before and not part.first_line:
            part.first_line = time.perf_counter() - start
        if (look := _look(process.pid, done)) is not None:
            part.looks.append(look)
        if kill_at is not None and done >= kill_at:
            process.send_signal(signal.SIGKILL)
        time.sleep(_EVERY)
    process.returncode = part.code = os.waitstatus_to_exitcode(status)
    for one in heard:
        one.join()
    part.seconds, part.cpu = time.perf_counter() - start, spent.ru_utime + spent.ru_stime
    part.peak = spent.ru_maxrss / 1024
    return part


def _drain(pipe: object) -> None:
    for line in pipe:  # type: ignore[attr-defined]
        if not line.startswith(b"{"):
            sys.stderr.buffer.write(line)
            sys.stderr.flush()


def _look(pid: int, done: int) -> Look | None:
    try:
        status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        descriptors = len(os.listdir(f"/proc/{pid}/fd"))
        return Look(done, int(status["VmRSS"].split()[0]) / 1024, descriptors, int(status["Threads"]))
    except (OSError, KeyError):  # it is at its end
        return None


# -- what came out ------------------------------------------------------------------------------


def digest(run: Path) -> str:
    """Of the results, whatever their order."""
    total = 0
    with (run / "results.jsonl").open("rb") as lines:
        for line in lines:
            total ^= int.from_bytes(hashlib.sha256(line).digest())
    return f"{total:064x}"


def requests(base_url: str) -> int:
    """That the server has answered so far."""
    with urllib.request.urlopen(base_url.removesuffix("/v1") + "/stats", timeout=60) as reply:
        return int(json.load(reply)["requests"])


def wrongs(run: Path, problems: int, client: str, parts: Sequence[Part]) -> Iterator[str]:
    """What a finished run has that it should not."""
    calls = problems * _SAMPLES
    if left := [name.name for name in run.glob("journal.sqlite-*")]:
        yield f"left beside the journal: {', '.join(left)}"
    view = JournalView(run / "journal.sqlite")
    open_ = view.open_calls()
    view.close()
    with closing(sqlite3.connect(f"{view.path.absolute().as_uri()}?mode=ro", uri=True)) as db:
        (replies,) = db.execute("SELECT count(*) FROM replies").fetchone()
    if replies != calls:
        yield f"{replies} replies in the journal, not {calls}"
    if open_:
        yield f"{open_} attempts without an end"
    if parts[-1].code:
        yield f"it ended with status {parts[-1].code}"
    for part in parts:
        if part.peak > _MOST[client]:
            yield f"a peak of {part.peak:.0f} MB, over {_MOST[client]:.0f}"


def show(name: str, part: Part, problems: int) -> None:
    """Memory and time of one process."""
    shares = (0.25, 0.5, 0.75, 1.0)
    marks = [part.at(share, problems) for share in shares]
    mb = " ".join(f"{look.resident:7.1f}" for look in marks)
    calls = max(1, (part.looks[-1].done - part.before) * _SAMPLES)
    late = [look.descriptors for look in part.looks[len(part.looks) // 2 :]]
    print(
        f"{name:9} {part.peak:7.1f} {mb} {part.slope(problems):9.1f} {max(late):5} {marks[-1].descriptors:5} "
        f"{marks[-1].threads:7} {part.cpu / calls * 1000:8.3f} {calls / part.seconds:8.0f} {part.first_line:8.1f} "
        f"{part.seconds:8.1f}",
        flush=True,
    )


def head() -> None:
    print(
        f"{'':9} {'peak MB':>7} {'25 %':>7} {'50 %':>7} {'75 %':>7} {'100 %':>7} {'B/problem':>9} {'fds':>5} "
        f"{'end':>5} {'threads':>7} {'CPU ms/c':>8} {'calls/s':>8} {'1st line':>8} {'seconds':>8}"
    )


def sizes(run: Path, problems: int) -> None:
    """Bytes a call and a problem of what a run leaves."""
    journal = (run / "journal.sqlite").stat().st_size / problems / _SAMPLES
    trace = (run / "trace.jsonl").stat().st_size / problems
    results = (run / "results.jsonl").stat().st_size / problems
    print(f"journal {journal:.0f} bytes a call; trace {trace:.0f} and results {results:.0f} bytes a problem")


def grown(part: Part, problems: int) -> float:
    """MB that the second half of a whole run adds."""
    late = [look.resident for look in part.looks if look.done >= problems / 2]
    middle = part.at(0.5, problems).resident
    return max(late, default=middle) - middle


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", type=int, default=20_000)
    parser.add_argument("--client", choices=tuple(_MOST), default="direct")
    parser.add_argument("--in-flight", type=int, default=64, help="requests of the expert")
    parser.add_argument("--kill-at", type=float, help="share of the problems at which a second run is killed")
    parser.add_argument("--base-url", help="a server that is there, such as http://127.0.0.1:8399/v1")
    parser.add_argument("--keep", type=Path, help="a folder for the runs, which stay there")
    asked = parser.parse_args()
    settings = {str(answer): 1.0 for answer in range(5)}
    own = DoubleProcess(words=(280, 320), answers=settings)
    place = nullcontext(str(asked.keep)) if asked.keep else tempfile.TemporaryDirectory()
    with nullcontext() if asked.base_url else own, place as name:
        folder = Path(name)
        folder.mkdir(exist_ok=True)
        sys.exit(_measured(folder, asked.base_url or own.base_url, asked))


def _measured(folder: Path, base_url: str, asked: argparse.Namespace) -> int:
    problems = asked.problems
    write_set(folder / "set.jsonl", problems)
    write_pool(folder / "pool.toml", asked.client, base_url, asked.in_flight)
    busy, begun = usage.machine_busy(), time.perf_counter()
    head()
    whole = watched(bench(folder, folder / "whole"), folder / "whole")
    show("whole", whole, problems)
    sizes(folder / "whole", problems)
    wrong = list(wrongs(folder / "whole", problems, asked.client, [whole]))
    if (growth := grown(whole, problems)) > _GROWTH:
        wrong.append(f"{growth:.1f} MB more in the second half")
    if asked.kill_at is not None:
        wrong += _killed(folder, base_url, asked)
    others = (usage.machine_busy() - busy - whole.cpu) / (time.perf_counter() - begun)
    print(f"server and other work took {others:.1f} cores meanwhile; load {usage.load():.1f}")
    print("\n".join(wrong) if wrong else "all as it should be")
    return 1 if wrong else 0


def _killed(folder: Path, base_url: str, asked: argparse.Namespace) -> Iterator[str]:
    """A run that is killed and resumed, and what is wrong with it."""
    problems, run = asked.problems, folder / "killed"
    before = requests(base_url)
    first = watched(bench(folder, run), run, int(asked.kill_at * problems))
    show("killed", first, problems)
    second = watched([*_COMMAND, "resume", str(run), "--json"], run)
    show("resumed", second, problems)
    sent = requests(base_url) - before
    lost = sent - problems * _SAMPLES
    print(f"{sent} requests, {lost} of them lost with the process that was killed")
    yield from wrongs(run, problems, asked.client, [first, second])
    if not 0 <= lost <= asked.in_flight:
        yield f"{lost} requests more than there are samples, of {asked.in_flight} in flight"
    if digest(run) != digest(folder / "whole"):
        yield "the results are not those of the run in peace"


if __name__ == "__main__":
    main()
