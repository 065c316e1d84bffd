"""What becomes of the tests of one candidate."""

from __future__ import annotations

from .exam import told
from .failures import Gone
from .remote import Remote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_DETAIL = 500


class Sitting:
    """By test, whether it was passed; the first that was not, and why; what the processes took."""

    def __init__(self, total: int) -> None:
        self.outcomes: list[bool | None] = [None] * total
        self._first: tuple[int, str, str, str, int | None] | None = None
        self._cpu = self._wall = self._peak = 0.0
        self._printed = ""

    def note(self, number: int, verdict: str, detail: str, kind: str = "", line: int | None = None) -> None:
        """A test that was not passed."""
        if self.outcomes:
            self.outcomes[number] = False
        if self._first is None or number < self._first[0]:
            self._first = (number, verdict, detail, kind, line)

    def spend(self, usage: dict[str, Any]) -> None:
        """What a process took, once it has ended."""
        self._cpu += usage["cpu"]
        self._wall += usage["wall"]
        self._peak = max(self._peak, usage["peak"])
        self._printed = usage["printed"] or self._printed

    def fell(self, error: BaseException, usage: dict[str, Any], remote: Remote) -> str:
        """Notes what ended a candidate's process, at the first test that is open; returns the verdict."""
        return self.fell_at(next((i for i, one in enumerate(self.outcomes) if one is None), 0), error, usage, remote)

    def fell_at(self, number: int, error: BaseException, usage: dict[str, Any], remote: Remote) -> str:
        """The same, at a test that is named."""
        verdict, detail, kind, line = _fall(error, usage["ruling"], remote)
        self.note(number, verdict, detail, kind, line)
        return verdict

    def report(self) -> dict[str, Any]:
        passed = self.outcomes.count(True)
        number, verdict, detail, kind, line = self._first or (None, "passed", "", "", None)
        if verdict == "passed" and passed != len(self.outcomes):
            verdict, detail = "error", "not all tests were run"
        if verdict == "passed" and not self.outcomes:
            verdict, detail = "error", "there are no tests to pass"
        return {
            "verdict": verdict,
            "detail": " ".join(detail.split())[:_DETAIL],
            "passed": passed,
            "first": number,
            "outcomes": self.outcomes,
            "exception": kind,
            "line": line,
            "cpu": self._cpu,
            "wall": self._wall,
            "peak": self._peak,
            "printed": self._printed,
        }


def _fall(error: BaseException, kernel: tuple[str, str], remote: Remote) -> tuple[str, str, str, int | None]:
    if not isinstance(error, Gone):
        return told(error)
    if remote.too_large:
        return "output", "more than it may return or write", "", None
    if remote.broken and kernel[0] in ("crashed", "error"):  # by ourselves, or since nobody listens any more
        return "error", "the program broke into its own channel", "", None
    return (*kernel, "", None)
