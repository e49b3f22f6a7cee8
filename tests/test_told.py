"""What a check tells: on the terminal in a screenful, to other programs in JSON and JUnit XML."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from harness import files
from harness.check import cases, suite, told
from harness.check.case import CLAUSES
from harness.checked import Checked, Contestant
from harness.launch import ROOT
from harness.model import CaseText, Verdict, VerdictKind
from harness.report.failures import failures, shortened
from harness.report.junit import junit

FAKES = Path(__file__).resolve().parent / "fakes"
TEXT = CaseText(
    case="E04.1", title="half-close", does="sends and half-closes", expects="all of it, then FIN"
)


def verdict(kind: VerdictKind, case: str = "E04.1", reason: str = "expected a; got b") -> Verdict:
    """Return a verdict of `mine`."""
    return Verdict(
        implementation="mine",
        case=case,
        level="MUST",
        verdict=kind,
        reason="" if kind == "PASS" else reason,
        evidence=() if kind == "PASS" else ("  0.0100 peer: sent FIN", "nox -s check -- mine"),
        wall_s=0.25,
    )


def checked(*verdicts: Verdict, name: str = "mine", cannot_run: str = "") -> Checked:
    """Return the outcome of a check of one implementation."""
    one = Contestant(
        name=name,
        title=name,
        style="thread",
        kind="framework",
        versions={name: "1.0"},
        cannot_run=cannot_run,
    )
    return Checked(
        created="2026-01-02T03:04:05Z",
        evenloop="0.1.0",
        python="3.11.7",
        implementations=(one,),
        cases=(TEXT,),
        verdicts=verdicts,
    )


def harness(*words: str) -> subprocess.CompletedProcess[str]:
    """Run `check` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "harness", "check", *words],
        cwd=ROOT, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip


def test_every_verdict_has_words() -> None:
    """Whatever the suite can say, sums and declarations too, is told with its clause's name."""
    texts = {text.case: text for text in told.texts(cases.ALL)}
    expected = {case.id for case in cases.ALL}
    expected |= {f"{clause}.0" for clause in suite.SUMS}
    expected |= {f"{clause}.declared" for clause in CLAUSES}
    assert texts.keys() == expected
    for text in texts.values():
        assert text.title == CLAUSES[text.case.partition(".")[0]].title
        assert text.does
        assert text.expects


def test_junit_by_kind() -> None:
    """Each verdict becomes what CI services know: failure, error, skipped, or a pass."""
    wanted: dict[VerdictKind, str | None] = {
        "PASS": None,
        "FAIL": "failure",
        "HARNESS-ERROR": "error",
        "UNSUPPORTED": "skipped",
        "INCONCLUSIVE": "skipped",
        "DECLARED": "system-out",
        "INFO": "system-out",
    }
    found = checked(*(verdict(kind, f"E04.{at}") for at, kind in enumerate(wanted)))
    root = ET.fromstring(junit(found).encode())
    (own,) = root.findall("testsuite")
    assert own.attrib.items() >= {
        ("name", "mine"), ("tests", "7"), ("failures", "1"), ("errors", "1"), ("skipped", "2"),
        ("time", "1.750"), ("timestamp", "2026-01-02T03:04:05"),
    }  # fmt: skip
    for (kind, tag), testcase in zip(wanted.items(), own.iter("testcase"), strict=True):
        assert testcase.get("classname") == "mine.E04"
        assert testcase.get("time") == "0.250"
        assert [child.tag for child in testcase] == ([tag] if tag else [])
        if tag:
            assert f"{kind}: expected a; got b" in (testcase[0].text or "")
            assert "sent FIN" in (testcase[0].text or "")
        if tag in {"failure", "error", "skipped"}:
            assert testcase[0].get("message") == "expected a; got b"


def test_junit_names_who_cannot_run() -> None:
    """An implementation without verdicts is one skipped testcase with its reason."""
    root = ET.fromstring(junit(checked(cannot_run="needs a newer Python")))
    (skipped,) = root.iter("skipped")
    assert skipped.get("message") == "needs a newer Python"
    assert root.get("skipped") == "1"


@given(st.text(), st.lists(st.text(), max_size=4), st.binary())
def test_junit_is_well_formed_whatever_was_written(
    reason: str, lines: list[str], raw: bytes
) -> None:
    """Control characters, lone surrogates, markup and any bytes: a parser reads what was meant."""
    wild = (*lines, raw.decode("utf-8", "surrogateescape"), "]]>", "\x00\x1b\ufffe")
    name = reason or "x"
    one = msgspec.structs.replace(
        verdict("FAIL", reason=reason), evidence=wild, implementation=name
    )
    text = junit(checked(one, name=name))
    root = ET.fromstring(text.encode("utf-8"))
    assert len(list(root.iter("failure"))) == 1
    assert "\\u001b\\ufffe" in (next(root.iter("failure")).text or "")


def test_a_failure_fits_a_screen() -> None:
    """However long the log: at most 24 lines, the last of the log as they were, the command."""
    log = [f"{at / 9:8.4f} peer {at}: sent {at} bytes" for at in range(300)]
    again = "nox -s check -- mine --case E04.1"
    one = msgspec.structs.replace(verdict("FAIL"), evidence=(*log, again))
    lines = failures([one], {"E04.1": TEXT})
    assert len(lines) <= 24
    assert lines[1] == "FAIL mine E04.1 half-close (MUST)"
    said = "\n".join(lines)
    for part in ("sends and half-closes", "all of it, then FIN", "--json FILE", again):
        assert part in said
    assert all(f"    {line}" in lines for line in log[-5:])
    assert re.search(r"peer 0: sent 0 bytes  \(and 294 more alike\)", said)


def test_many_failures_of_a_clause_are_folded() -> None:
    """The first is told whole, three in a line each, the rest counted."""
    many = [verdict("FAIL", f"E04.{at}") for at in range(1, 41)]
    lines = failures(many, {"E04.1": TEXT})
    assert len([line for line in lines if line.startswith("FAIL ")]) == 4
    assert lines[-1] == "... and 36 more cases of mine E04: --json FILE has them all."
    assert failures([verdict("PASS"), verdict("INCONCLUSIVE"), verdict("DECLARED")], {}) == []


def test_a_failure_holds_no_control_sequence() -> None:
    """What an implementation wrote is spelt out."""
    one = msgspec.structs.replace(verdict("FAIL", reason="\x1b[31m\u202e"), evidence=("\x1b[2J",))
    said = "\n".join(failures([one], {}))
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert "\\u001b[2J" in said


def test_unlike_lines_are_not_folded() -> None:
    """A short log stays as it is; in a long one each kind of line is there, or is counted."""
    assert shortened(["a", "b"] * 5) == ["a", "b"] * 5
    kinds = [chr(65 + at) * 3 for at in range(40)]
    found = shortened(kinds)
    assert len(found) == 14
    assert found[-5:] == kinds[-5:]
    assert "27 kinds of lines left out" in found[8]


def test_a_planted_fault_is_told_everywhere(tmp_path: Path) -> None:
    """A server that drops the tail: status 1, the terminal, the JSON and the JUnit file agree."""
    out, xml = tmp_path / "out.json", tmp_path / "out.xml"
    words = ["echo_drops_tail", "--from", str(FAKES), "--case", "E04.3"]
    done = harness(*words, "--json", str(out), "--junit", str(xml))
    assert done.returncode == 1, done.stderr
    for part in ("FAIL echo_drops_tail E04.3 half-close (MUST)", "does  ", "got  ", "again  "):
        assert part in done.stdout
    found = files.read_json(out, Checked)
    (failed,) = [one for one in found.verdicts if one.verdict == "FAIL"]
    assert failed.case == "E04.3"
    assert {text.case for text in found.cases} == {one.case for one in found.verdicts}
    assert json.loads(out.read_text())["format"] == 1
    (failure,) = ET.parse(xml).getroot().iter("failure")
    assert failure.get("message") == failed.reason


def test_a_file_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    """It is said before anything is played."""
    for option in ("--json", "--junit"):
        done = harness("asyncio", option, str(tmp_path / "no" / "such" / "file"))
        assert done.returncode == 2
        assert done.stderr.startswith("evenloop: cannot write ")
        assert len(done.stderr.splitlines()) == 1
    assert "is a folder" in harness("asyncio", "--json", str(tmp_path)).stderr
