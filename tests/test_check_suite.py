"""The suite plays what it is told, adds up, believes no exception, and leaves no process behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
from mutants.programs import named

from harness import launch, plan, witness
from harness.check import cases, player, suite
from harness.check.case import CLAUSES, Case, Failure, Inconclusive, Late, Unsupported, collect
from harness.check.stage import Stage
from harness.model import HarnessError, Implementation, UsageError, Verdict

FAKES = Path(__file__).resolve().parent / "fakes"
GOOD = plan.read(FAKES / "echo_good")
TRIES = 3  # while the machine is too busy to tell

PLAY = """
import sys
from pathlib import Path
from harness import plan
from harness.check import cases, suite
try:
    suite.run(
        [plan.read(Path(sys.argv[1]))],
        suite.select(cases.ALL, ["E10", "E12"]),
        on_verdict=lambda verdict: None,
    )
except KeyboardInterrupt:
    sys.exit(130)
"""


def play(
    implementation: Implementation, *patterns: str, earlier: list[Verdict] | None = None
) -> list[Verdict]:
    """Return the verdicts in the order in which they came."""
    found: list[Verdict] = []
    picked = suite.select(cases.ALL, patterns)
    suite.run([implementation], picked, on_verdict=found.append, workers=3, earlier=earlier or [])
    return found


def kinds(verdicts: list[Verdict]) -> dict[str, str]:
    """Return the kinds of verdicts by case."""
    return {verdict.case: verdict.verdict for verdict in verdicts}


def conclude(raised: BaseException | None, lateness: float = 1.0) -> player.Played:
    """Play a case that ends like this on a machine this late."""

    def end(_stage: Stage) -> None:
        if raised is not None:
            raise raised

    return player.play(Case("E01.99", "", "", end), Stage(GOOD, lambda: lateness))


@pytest.mark.parametrize(
    ("raised", "verdict"),
    [
        (None, "PASS"),
        (Failure("this", "that"), "FAIL"),
        (Late("this", "nothing"), "FAIL"),
        (Inconclusive("the order never came"), "INCONCLUSIVE"),
        (Unsupported("no such thing here"), "UNSUPPORTED"),
        (ValueError("a slip in the case"), "HARNESS-ERROR"),
        (HarnessError("a slip of the harness"), "HARNESS-ERROR"),
        (AssertionError(), "HARNESS-ERROR"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_how_a_case_ends_is_its_verdict(raised: BaseException | None, verdict: str) -> None:
    """A conclusion becomes its verdict, and any other exception is the harness's own fault."""
    assert conclude(raised).verdict == verdict


def test_a_harness_error_shows_where() -> None:
    """The traceback is the evidence, its last line the reason."""
    played = conclude(ValueError("a slip in the case"))
    assert played.reason == "ValueError: a slip in the case"
    assert any("test_check_suite.py" in line for line in played.evidence)


def test_a_late_answer_of_a_slow_machine_says_nothing() -> None:
    """Past five times the usual lateness a missed bound is no failure; another fault is."""
    assert conclude(Late("this", "nothing"), 5.1).verdict == "INCONCLUSIVE"
    assert conclude(Failure("this", "that"), 5.1).verdict == "FAIL"
    assert conclude(None, 5.1).verdict == "PASS"


def test_a_machine_that_becomes_slow_meanwhile_says_nothing() -> None:
    """A bound that was stretched for a fast machine is not held against a slow one."""
    lateness = iter([1.0, 3.0, 3.0, 3.0])

    def wait(stage: Stage) -> None:
        stage.within(1)
        raise Late("this", "nothing")

    played = player.play(Case("E01.99", "", "", wait), Stage(GOOD, lambda: next(lateness)))
    assert played.verdict == "INCONCLUSIVE"


def test_a_case_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """No case holds the suite up for ever."""
    monkeypatch.setattr(player, "LIMIT_S", 1)
    played = player.play(Case("E01.99", "", "", lambda _: time.sleep(30)), Stage(GOOD))
    assert played.verdict == "HARNESS-ERROR"
    assert played.wall_s < 5


def test_verdicts_come_with_their_sums() -> None:
    """After the last case of a workload come the sums of what all of them left and said."""
    found = kinds(play(GOOD, "E02", "E04.2"))
    assert list(found)[-2:] == ["E14.0", "E15.0"]
    assert set(found) == {"E02.1", "E02.2", "E02.3", "E04.2", "E14.0", "E15.0"}
    assert set(found.values()) == {"PASS"}


def test_what_is_left_fails_the_sum_alone() -> None:
    """A case whose own subject held passes, though the implementation left something behind."""
    for _ in range(TRIES):
        found = play(named("echo-coroutine-leaves_thread"), "E02.1", "E02.3")
        (left,) = [verdict for verdict in found if verdict.case == "E14.0"]
        assert left.verdict in {"FAIL", "INCONCLUSIVE"}, "never a pass by default"
        if "E02.1, E02.3" in left.reason:
            break
    assert kinds(found) == {"E02.1": "PASS", "E02.3": "PASS", "E14.0": "FAIL", "E15.0": "PASS"}
    assert "E02.1, E02.3" in left.reason


def test_what_is_left_on_a_late_machine_says_nothing() -> None:
    """It may be going: the case did not come as far as to see whether it stays."""

    def leave(stage: Stage) -> None:
        stage.looked, stage.left = True, "1 thread"

    case = Case("E01.99", "", "", leave)
    late = player.play(case, Stage(GOOD, lambda: 99.0))
    in_time = player.play(case, Stage(GOOD, lambda: 1.0))
    assert (late.looked, late.left) == (False, "")
    assert (in_time.looked, in_time.left) == (True, "1 thread")


def test_what_is_said_fails_the_sum_alone() -> None:
    """What is on stderr is the subject of E15, whichever case provoked it."""
    found = kinds(play(named("echo-coroutine-noisy_reset"), "E07.4"))
    assert found == {"E07.4": "PASS", "E14.0": "PASS", "E15.0": "FAIL"}


def test_no_pass_by_default() -> None:
    """Where no case came as far as to look for leftovers, nothing is said about them."""
    found = kinds(play(named("echo-coroutine-dies_on_reset"), "E07.1"))
    assert found["E14.0"] == "INCONCLUSIVE"


def test_a_failure_ends_with_the_command_that_repeats_it() -> None:
    """The last line of a failure's evidence plays the case again."""
    (failed, *_) = play(plan.read(FAKES / "echo_text"), "E01.5")
    assert failed.verdict == "FAIL"
    assert failed.evidence[-1] == f"nox -s check -- echo_text --from {FAKES} --case E01.5"


def test_an_earlier_run_is_gone_on_with() -> None:
    """What an interrupted run has played is not played again, and counts in its sums."""
    noisy = named("echo-coroutine-noisy_reset")
    first = [one for one in play(noisy, "E07.4") if one.case == "E07.4"]
    found = kinds(play(noisy, "E07.4", "E02.1", earlier=first))
    assert found == {"E02.1": "PASS", "E14.0": "PASS", "E15.0": "FAIL"}
    whole = play(GOOD, "E02.1")
    assert play(GOOD, "E02.1", earlier=whole) == []
    assert set(kinds(play(GOOD, "E02.1", earlier=whole[:1]))) == {"E14.0", "E15.0"}


def declared(name: str, clause: str, kind: str = "framework") -> Implementation:
    """Return a fake that declares a difference."""
    one = named(f"echo-coroutine-{name}" if name else "echo-coroutine")
    return msgspec.structs.replace(one, known={clause: "by its nature"}, kind=kind)


def test_a_declared_difference_is_no_failure() -> None:
    """What meta.toml admits, where it may, is DECLARED; a MUST of another kind stays a FAIL."""
    assert kinds(play(declared("limit_closes", "E11"), "E11.1"))["E11.1"] == "DECLARED"
    assert kinds(play(declared("nagles_replies", "E17"), "E17.1"))["E17.1"] == "DECLARED"
    assert kinds(play(declared("text", "E01"), "E01.5"))["E01.5"] == "FAIL"
    assert kinds(play(declared("text", "E01", "reference"), "E01.5"))["E01.5"] == "DECLARED"


def test_a_declared_difference_that_is_not_there_fails() -> None:
    """A declaration is proven by its clause, played whole."""
    assert kinds(play(declared("", "E17"), "E17"))["E17.declared"] == "FAIL"
    assert "E01.declared" not in kinds(play(declared("", "E01"), "E01.1"))
    assert "E17.declared" not in kinds(play(declared("", "E17", "reference"), "E17"))
    racy = msgspec.structs.replace(declared("", "E17"), races=("E17",))
    assert "E17.declared" not in kinds(play(racy, "E17"))


def test_what_cannot_run_is_unsupported() -> None:
    """An implementation that cannot run here has its reason as verdict, and none is started."""
    absent = msgspec.structs.replace(GOOD, cannot_run="needs a newer interpreter")
    found = play(absent, "E02")
    assert {one.verdict for one in found} == {"UNSUPPORTED"}
    assert found[0].reason == "needs a newer interpreter"


@pytest.mark.slow
def test_who_never_becomes_ready_is_not_waited_for_again() -> None:
    """One silent start is enough: the other cases fail with its reason."""
    begin = time.monotonic()
    found = play(named("echo-coroutine-never_ready"), "E01", "E02", "E04", "E10")
    assert {one.verdict for one in found if one.clause in {"E01", "E02", "E04"}} == {"FAIL"}
    assert time.monotonic() - begin < 90


def test_select() -> None:
    """A clause picks all of its cases, a case itself, quick one a clause."""
    assert {one.clause.id for one in suite.select(cases.ALL, ["E04", "E10.2"])} == {"E04", "E10"}
    assert [one.id for one in suite.select(cases.ALL, ["E04.3"])] == ["E04.3"]
    assert [one.id for one in suite.select(cases.ALL, ["E04"], quick=True)] == ["E04.1"]
    assert [one.id for one in suite.select(cases.ALL, ["E04.3"], quick=True)] == ["E04.3"]
    assert {one.clause.level for one in suite.select(cases.ALL, levels=["SHOULD"])} == {"SHOULD"}
    echo = suite.select(cases.ALL, workloads=["echo"])
    assert {one.clause.workload for one in echo} == {"echo"}
    assert suite.select(cases.ALL, ["E14.0"]) == echo


@pytest.mark.parametrize("pattern", ["E4", "E04.77", "X01", "e04.1"])
def test_select_names_the_nearest(pattern: str) -> None:
    """A name that does not exist is the user's slip, and the nearest ones are named."""
    with pytest.raises(UsageError, match=f"no case or clause '{pattern}'"):
        suite.select(cases.ALL, [pattern])
    with pytest.raises(UsageError, match=r"did you mean .*E04"):
        suite.select(cases.ALL, ["E4"])


def test_every_must_clause_has_a_quick_case() -> None:
    """No MUST clause is without a case, not even with `--quick`."""
    must = {clause.id for clause in CLAUSES.values() if clause.level == "MUST"}
    assert must == {case.clause.id for case in cases.ALL if case.quick}


def test_an_id_stands_once() -> None:
    """Two cases of one name are refused."""
    twice = [
        type("module", (), {"a": Case("E01.1", "", "", print), "b": Case("E01.1", "", "", print)})
    ]
    with pytest.raises(HarnessError, match=r"E01\.1"):
        collect(*twice)


def _harness() -> tuple[subprocess.Popen[bytes], list[int]]:
    """Start a suite of its own; return it and its processes once a case is being played."""
    process = subprocess.Popen(
        [sys.executable, "-c", PLAY, str(FAKES / "echo_good")],
        cwd=launch.ROOT,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = witness.tree(process.pid)
        if sum(b"echo_base.py" in _command(pid) for pid in found) >= 2:
            return process, found
        time.sleep(0.02)
    process.kill()
    pytest.fail("the suite started nothing")


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _gone(pids: list[int]) -> bool:
    """Wait until none of the processes runs."""
    deadline = time.monotonic() + 15
    while any(witness.state(pid) not in {"", "Z", "X"} for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_no_process_outlives_a_killed_harness() -> None:
    """After kill -9 of the harness its workers, its control and all implementations are gone."""
    process, pids = _harness()
    process.kill()
    process.communicate()
    assert len(pids) > 4
    assert _gone(pids)


def test_ctrl_c_ends_quietly() -> None:
    """SIGINT to the whole group, as a terminal sends it: no traceback, no process left."""
    process, pids = _harness()
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert (process.returncode, said) == (130, b"")
    assert _gone(pids)


def test_a_late_answer_of_who_had_no_core_says_nothing() -> None:
    """What waited for a core for much of its time is not held to a bound, but to all else."""

    def concluded(raised: BaseException, share: float, waited_s: float) -> str:
        def end(stage: Stage) -> None:
            stage.within(0.2)
            stage.starved, stage.waited_s = share, waited_s
            raise raised

        return player.play(Case("E01.99", "", "", end), Stage(GOOD)).verdict

    late, failure = Late("this", "nothing"), Failure("this", "that")
    assert concluded(late, 0.5, 0.1) == "INCONCLUSIVE"
    assert concluded(late, 0.1, 0.3) == "INCONCLUSIVE"  # for longer than the bound itself
    assert concluded(late, 0.1, 0.1) == "FAIL"
    assert concluded(failure, 0.5, 0.3) == "FAIL"


def test_waiting_for_a_core_is_seen() -> None:
    """Two busy processes on one core wait for it half of the time, and a sleeping one does not."""
    core = min(os.sched_getaffinity(0))
    spin = f"import os, time; os.sched_setaffinity(0, [{core}])\nwhile True: pass"
    words = [(sys.executable, "-c", spin)] * 2 + [("sleep", "60")]
    processes = [subprocess.Popen(one) for one in words]
    try:
        deadline = time.monotonic() + 30
        while witness.waited_s(processes[0].pid) < 0.2 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert witness.waited_s(processes[0].pid) >= 0.2
        assert witness.waited_s(processes[2].pid) < witness.waited_s(processes[0].pid)
    finally:
        for one in processes:
            one.kill()
            one.wait()
