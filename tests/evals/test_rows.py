from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from orchestrator.errors import BenchmarkError, ConfigError
from orchestrator.evals.rows import Line, flag, read_lines, text_of


def file(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "set.jsonl"
    path.write_bytes(content)
    return path


def test_rows_come_with_their_line_numbers_and_blank_lines_are_skipped(tmp_path: Path) -> None:
    lines = list(read_lines(file(tmp_path, b'{"a": 1}\n\n  \n{"a": 2}')))
    assert [(line.number, line.row) for line in lines] == [(1, {"a": 1}), (4, {"a": 2})]


def test_gzip_is_noticed_whatever_the_name(tmp_path: Path) -> None:
    lines = list(read_lines(file(tmp_path, gzip.compress(b'{"a": 1}\n'))))
    assert [line.row for line in lines] == [{"a": 1}]


def test_a_byte_order_mark_is_no_part_of_the_first_row(tmp_path: Path) -> None:
    assert next(read_lines(file(tmp_path, b'\xef\xbb\xbf{"a": 1}'))).row == {"a": 1}


def test_rows_are_read_one_at_a_time(tmp_path: Path) -> None:
    lines = read_lines(file(tmp_path, b'{"a": 1}\nbroken\n'))
    assert isinstance(lines, Iterator)
    assert next(lines).row == {"a": 1}
    with pytest.raises(BenchmarkError):
        next(lines)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": 1}\n{"a": \n', "set.jsonl:2: not JSON: Expecting value at column 7"),
        (b'{"a": 1}\n{"a": "\xff"}\n', "set.jsonl:2: not UTF-8: invalid start byte at byte 7"),
        (b'{"a": 1}\n[1, 2]\n', "set.jsonl:2: expected a JSON object, found a list"),
        (b'{"a": 1}\n' + b'{"a":' * 100_000 + b"\n", "set.jsonl:2: not JSON: maximum recursion depth"),
        (b'{"a": ' + b"9" * 5000 + b"}\n", "set.jsonl:1: not JSON: Exceeds the limit"),
        (b'[{"a": 1},\n {"a": 2}]\n', "jq -c"),
        (b'[{"a": 1}]\n', "one JSON object a line"),
        (gzip.compress(b'{"a": 1}\n' * 100, mtime=0)[:-12], "cannot be read"),
    ],
)
def test_what_cannot_be_read_names_file_and_line(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(BenchmarkError) as caught:
        list(read_lines(file(tmp_path, content)))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.path.endswith("set.jsonl")
    assert caught.value.line is not None


def test_a_folder_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="Is a directory"):
        list(read_lines(tmp_path))


def test_a_line_of_a_plain_file_can_be_read_again(tmp_path: Path) -> None:
    plain = list(read_lines(file(tmp_path, b'\xef\xbb\xbf{"a": "\xc3\xa9"}\r\n\n  \n{"a": 2}\n{"a": 3}')))
    assert [line.again() for line in plain] == [line.row for line in plain] == [{"a": "é"}, {"a": 2}, {"a": 3}]
    packed = list(read_lines(file(tmp_path, gzip.compress(b'{"a": 1}\n'))))
    assert [line.offset for line in packed] == [None]


def test_a_line_that_is_gone_says_so(tmp_path: Path) -> None:
    path = file(tmp_path, b'{"a": 1}\n{"a": 2}\n')
    _, line = read_lines(path)
    path.write_bytes(b'{"a": 1}\n')
    with pytest.raises(BenchmarkError, match=r"set\.jsonl:2: not JSON"):
        line.again()
    path.unlink()
    with pytest.raises(BenchmarkError, match=r"set\.jsonl:2: cannot be read once more: No such file"):
        line.again()


class Toy(BaseModel):
    id: str
    size: int = 0


def test_a_field_of_the_wrong_type_names_itself() -> None:
    line = Line({"id": "a", "size": "large"}, 7, Path("set.jsonl"))
    with pytest.raises(BenchmarkError, match=r"^set\.jsonl:7: field 'size': Input should be a valid integer"):
        line.parse(Toy)


def test_a_missing_field_names_itself() -> None:
    with pytest.raises(BenchmarkError, match="field 'id': Field required"):
        Line({}, 1, Path("set.jsonl")).parse(Toy)


@pytest.mark.parametrize(
    ("value", "text"), [("x", "x"), (None, None), (3, "3"), (0.5, "0.5"), (True, "true"), ({"a": [1]}, '{"a": [1]}')]
)
def test_reference_answers_become_text(value: object, text: str | None) -> None:
    assert text_of(value) == text


def test_a_flag_is_true_or_false() -> None:
    assert flag({"plus": "TRUE"}, "plus", False)
    assert not flag({"plus": "false"}, "plus", True)
    assert flag({}, "plus", True)
    with pytest.raises(ConfigError, match="plus=maybe: write plus=true or plus=false"):
        flag({"plus": "maybe"}, "plus", True)
