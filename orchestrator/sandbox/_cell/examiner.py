"""The process of one test that nobody vouches for: it knows that test and the candidate, and nothing else."""

from __future__ import annotations

import os

from .exam import Exam, told
from .remote import Remote
from .wire import LARGEST, Broken, Channel, Ended

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

_CANDIDATE = 4


def examine(judge: Channel) -> NoReturn:
    """Runs the test that the judge sends, and says what became of it."""
    try:
        test, entry, prelude, described = judge.receive()
        judge.send(["v", list(_examined(test, entry, prelude, described))])
    except (Ended, Broken):
        os._exit(1)
    os._exit(0)


def _examined(test: str, entry: str | None, prelude: str, described: object) -> tuple[bool, str, list[object]]:
    """Whether the test is passed, what became of the candidate's process if it is gone, and what is to be noted."""
    remote = Remote(Channel(_CANDIDATE, takes=LARGEST))
    try:
        exam = Exam([test], entry, prelude, foresee=False)
        exam.run(0, exam.start(remote, described))
    except SyntaxError as error:
        return False, "", ["error", f"the test is no Python: {error}"[:200], "", None]
    except BaseException as error:
        return False, remote.fallen, list(told(error))
    return not remote.fallen, remote.fallen, ["error", "the program ended", "", None]
