"""A verdict that changes is seen, one that claims nothing told apart, nothing played is lost."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from harness import files, repeat
from harness.check.hogs import hogs
from harness.launch import ROOT
from harness.model import Verdict, VerdictKind

if TYPE_CHECKING:
    from pathlib import Path


def verdicts(**kinds: VerdictKind) -> list[Verdict]:
    """Return trio's verdicts: `E01_1="PASS"` is case E01.1."""
    return [
        Verdict(
            implementation="trio",
            case=case.replace("_", "."),
            level="MUST",
            verdict=kind,
            reason=kind.lower(),
        )
        for case, kind in kinds.items()
    ]


def test_nothing_changed() -> None:
    """The same verdicts in another order are the same."""
    first = verdicts(E01_1="PASS", E01_2="FAIL")
    found = repeat.compare([first, first[::-1], first])
    assert found.changes == ()
    assert found.wrong == 0
    assert found.steady == {"PASS": 1, "FAIL": 1}
    assert found.verdicts == 6


def test_one_changed_verdict_is_found() -> None:
    """One FAIL among passes: its case, the counts, the repetition and its own reason."""
    steady, odd = verdicts(E01_1="PASS", E01_2="PASS"), verdicts(E01_1="PASS", E01_2="FAIL")
    found = repeat.compare([steady, steady, odd, steady])
    (change,) = found.changes
    assert (change.case, change.counts, change.repetition) == ("E01.2", {"PASS": 3, "FAIL": 1}, 3)
    assert change.first.reason == "fail"
    assert change.wrong
    assert found.wrong == 1
    assert found.steady == {"PASS": 1}


@pytest.mark.parametrize(
    ("kinds", "wrong"),
    [
        (["PASS", "INCONCLUSIVE"], False),
        (["FAIL", "INCONCLUSIVE", "FAIL"], False),
        (["PASS", "INCONCLUSIVE", "FAIL"], True),
        (["PASS", "HARNESS-ERROR"], True),
        (["DECLARED", "PASS"], True),
        (["UNSUPPORTED", "PASS"], True),
    ],
)
def test_inconclusive_claims_nothing(kinds: list[VerdictKind], *, wrong: bool) -> None:
    """A change to or from INCONCLUSIVE is shown and is not wrong; any other is."""
    found = repeat.compare([verdicts(E01_1=kind) for kind in kinds])
    (change,) = found.changes
    assert change.wrong is wrong
    assert found.inconclusive == kinds.count("INCONCLUSIVE")


def test_a_repetition_that_was_cut_short_is_compared_as_far_as_it_goes() -> None:
    """A case without a verdict in one repetition is no change."""
    found = repeat.compare([verdicts(E01_1="PASS", E14_0="PASS"), verdicts(E01_1="PASS"), []])
    assert found.changes == ()
    assert found.steady == {"PASS": 2}


def test_implementations_are_not_mixed_up() -> None:
    """The same case of two implementations is two cases."""
    other = Verdict(implementation="curio", case="E01.1", level="MUST", verdict="FAIL")
    found = repeat.compare([[*verdicts(E01_1="PASS"), other]] * 2)
    assert found.changes == ()
    assert found.steady == {"PASS": 1, "FAIL": 1}


def test_hogs_keep_every_core_busy_and_end() -> None:
    """One process a core, bound to it, using it; none is left after the block."""
    with hogs() as pids:
        assert len(pids) == len(os.sched_getaffinity(0))
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            affinities = sorted(core for pid in pids for core in psutil.Process(pid).cpu_affinity())
            used = [psutil.Process(pid).cpu_times().user for pid in pids]
            if affinities == sorted(os.sched_getaffinity(0)) and min(used) > 0.2:
                break
            time.sleep(0.05)
        assert affinities == sorted(os.sched_getaffinity(0))
        assert min(used) > 0.2
    assert not any(psutil.pid_exists(pid) for pid in pids)


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    """Start the command."""
    return subprocess.Popen(
        [sys.executable, "-m", "harness", "repeat", *words, "--out", str(folder)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_two_repetitions_of_a_case(tmp_path: Path) -> None:
    """The verdicts of each stand in a file of its own; status 0 where none changed."""
    process = start(tmp_path / "r", "2", "asyncio", "--case", "E02.1", "--seed", "3")
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    assert re.search(r"2 whole repetitions in .* seed 3\.", out)
    assert "Changed: 0 of claim, 0 to or from INCONCLUSIVE alone" in out
    kept = [files.read_jsonl(tmp_path / "r" / f"verdicts-{n}.jsonl", Verdict) for n in (1, 2)]
    assert [[v.case for v in own] for own in kept] == [["E02.1", "E14.0", "E15.0"]] * 2
    assert files.read_jsonl(tmp_path / "r" / "changes.jsonl", repeat.Change) == []


def test_what_was_played_outlives_an_interrupt(tmp_path: Path) -> None:
    """Ctrl-C in mid-run: the table so far, the verdicts kept, status 130, no hog left."""
    folder = tmp_path / "r"
    process = start(folder, "500", "asyncio", "--case", "E02.1", "--hog")
    deadline = time.monotonic() + 120
    while not (folder / "verdicts-2.jsonl").exists() and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.02)
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) > len(os.sched_getaffinity(0))
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "whole repetitions in" in out
    assert files.read_jsonl(folder / "verdicts-1.jsonl", Verdict)
    _, left = psutil.wait_procs(children, timeout=10)
    assert not left
