"""Records come back as they were written, and a damaged file is named with its line."""

from __future__ import annotations

import lzma
from typing import TYPE_CHECKING

import pytest

from harness import files
from harness.model import Plan, Sample, UsageError, Verdict

if TYPE_CHECKING:
    from pathlib import Path

VERDICTS = [
    Verdict(implementation="trio", case=f"E01.{i}", level="MUST", verdict="PASS") for i in range(3)
]


def test_what_is_appended_is_read_back(tmp_path: Path) -> None:
    """Two appends give one list, in order; so does the packed file."""
    path = tmp_path / "verdicts.jsonl"
    files.append_jsonl(path, VERDICTS[:1])
    files.append_jsonl(path, VERDICTS[1:])
    assert files.read_jsonl(path, Verdict) == VERDICTS
    packed = tmp_path / "verdicts.jsonl.xz"
    packed.write_bytes(lzma.compress(path.read_bytes()))
    assert files.read_jsonl(packed, Verdict) == VERDICTS


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b'{"implementation":"trio"}', "missing required field `case`"),
        (b'{"implementation":"trio","case":"E01.1","level":"MUST","verdict":"FINE"}', "FINE"),
        (b'{"case":1}', "case"),
        (b"", "input data was truncated"),
        (b"[1]", "expected an object"),
        (b'{"casse":"E01.1"}', "unknown key `casse`"),
        (b"\xff\xfe", ""),
    ],
)
def test_an_edited_line_is_named(tmp_path: Path, line: bytes, says: str) -> None:
    """A wrong line is refused with its number and what is wrong with it."""
    path = tmp_path / "verdicts.jsonl"
    files.append_jsonl(path, VERDICTS)
    rows = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([rows[0], line, *rows[2:]]))
    with pytest.raises(UsageError, match=r"verdicts\.jsonl, line 2: .*edited") as caught:
        files.read_jsonl(path, Verdict)
    assert says.lower() in str(caught.value).lower()


@pytest.mark.parametrize("cut", [1, 10, 60])
def test_a_torn_last_line_is_told_apart_and_mended(tmp_path: Path, cut: int) -> None:
    """A file cut anywhere in its last line says so; mending drops that line and no other."""
    path = tmp_path / "verdicts.jsonl"
    files.append_jsonl(path, VERDICTS)
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(UsageError, match=r"line 3: the last line is cut short.*--resume"):
        files.read_jsonl(path, Verdict)
    assert files.mend(path) > 0
    assert files.read_jsonl(path, Verdict) == VERDICTS[:2]
    assert files.mend(path) == 0


def test_what_is_no_run_folder_is_called_so(tmp_path: Path) -> None:
    """A missing plan, a plan of another format, a plan that is no object: one sentence each."""
    with pytest.raises(UsageError, match=r"is no run folder: it has no plan\.json"):
        files.read_json(tmp_path / "plan.json", Plan)
    (tmp_path / "plan.json").write_text('{"format": 99}')
    with pytest.raises(UsageError, match="`format` is 99, expected 1"):
        files.read_json(tmp_path / "plan.json", Plan)
    (tmp_path / "plan.json").write_text("[]")
    with pytest.raises(UsageError, match="expected an object"):
        files.read_json(tmp_path / "plan.json", Plan)


def test_a_default_stands_for_what_a_sample_leaves_out(tmp_path: Path) -> None:
    """Samples are written without their defaults, and read back equal."""
    path = tmp_path / "samples.jsonl"
    one = Sample(
        block=0, implementation="trio", workload="echo", cell="10x1KiB", index=0, of=1, messages=9
    )
    files.append_jsonl(path, [one])
    assert files.read_jsonl(path, Sample) == [one]
