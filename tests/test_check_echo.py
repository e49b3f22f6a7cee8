"""The echo cases see what they are there for: each planted fault fails the clause it breaks."""

from __future__ import annotations

import resource
import runpy
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness import plan
from harness.check import cases, suite
from harness.check.case import CLAUSES, Failure
from harness.check.stage import Stage

if TYPE_CHECKING:
    from harness.model import Implementation, Verdict

FAKES = Path(__file__).resolve().parent / "fakes"
sys.path.insert(0, str(FAKES))  # the programs there import one another
FAULTS = runpy.run_path(str(FAKES / "echo_base.py"))["FAULTS"]
BY_ID = {case.id: case for case in cases.ALL}

CAUGHT = {
    "accepts_in_drain": "E12.1",
    "all_in_one_breath": "E02.1",
    "blocks_all": "E06.1",
    "cuts_early": "E12.1",
    "dies_on_reset": "E07.1",
    "doubles_a_chunk": "E01.2",
    "drops_byte": "E01.2",
    "drops_tail": "E04.3",
    "early_fin": "E04.2",
    "ends_after_32_mib": "E03.1",
    "exit_status": "E12.2",
    "fd_leak_on_reset": "E07.2",
    "flood_stderr": "E15.1",
    "hangs_in_drain": "E12.2",
    "idle_early": "E10.1",
    "idle_late": "E10.1",
    "idle_never": "E10.1",
    "idle_never_renewed": "E10.2",
    "idle_while_blocked": "E10.3",
    "idle_while_waiting": "E10.4",
    "kills_neighbour": "E08.1",
    "late_handler": "E16.1",
    "leaves_child": "E14.1",
    "leaves_thread": "E14.1",
    "limit_closes": "E11.1",
    "limit_off_by_one": "E11.1",
    "line_buffered": "E02.1",
    "memory_kept": "E05.4",
    "nagles_replies": "E17.1",
    "never_ready": "E01.4",
    "no_handler_reset": "E12.4",
    "noisy_reset": "E15.1",
    "not_at_grace": "E12.3",
    "one_at_a_time": "E09.1",
    "partial_send_ignored": "E03.2",
    "port_busy_traceback": "E16.8",
    "ready_early": "E16.1",
    "reset_instead_of_fin": "E04.2",
    "slot_lost_on_reset": "E11.2",
    "spins_when_exhausted": "E13q.1",
    "stops_at_exhaustion": "E13.1",
    "stops_at_900": "E09.1",
    "text": "E01.5",
    "unbounded": "E05.1",
    "waits_for_grace": "E12.2",
    "delays_last_segment": "E17.2",
    "evicts_when_exhausted": "E13q.2",
    "name_of_two_parts": "E18.6",
    "nameless_kills": "E19.6",
    "tls_1_3_alone": "E20.35",
    "tls_loses_at_notice": "E20.14",
    "tls_no_notice": "E20.31",
    "tls_notice_unheard": "E20.31",
    "tls_plain_kills": "E20.36",
    "tls_leaks_half_shaken": "E20.38",
    "tls_stall_blocks": "E20.37",
    "urgent_ends": "E21.1",
}
"""Fault -> a case that must see it."""

SLOW = {"never_ready"}


@pytest.fixture(autouse=True)
def _many_files() -> None:
    """Allow the 1,000 connections of E09."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = 20_000 if hard == resource.RLIM_INFINITY else min(20_000, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def fake(name: str) -> Implementation:
    """Return the implementation with this fault."""
    return plan.read(FAKES / f"echo_{name}")


def failure(implementation: Implementation, case: str) -> Failure | None:
    """Play one case and return how it failed."""
    try:
        with Stage(implementation) as stage:
            BY_ID[case].play(stage)
    except Failure as failed:
        return failed
    return None


def verdicts(implementation: Implementation, *, quick: bool) -> dict[str, Verdict]:
    """Return the verdicts of the echo cases by their ids."""
    found: dict[str, Verdict] = {}
    picked = suite.select(cases.ALL, workloads=("echo",), quick=quick)
    suite.run([implementation], picked, on_verdict=lambda one: found.update({one.case: one}))
    return found


@pytest.mark.parametrize(
    "fault",
    [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in CAUGHT],
)
def test_each_fault_is_caught(fault: str) -> None:
    """The named case fails for the server with this fault."""
    assert failure(fake(fault), CAUGHT[fault]) is not None


def test_every_fault_has_its_case() -> None:
    """No fault is planted without a claim about who sees it, and the other way round."""
    assert set(CAUGHT) == set(FAULTS)
    assert {folder.name for folder in FAKES.glob("echo_*/")} == {
        "echo_good",
        *(f"echo_{fault}" for fault in CAUGHT),
    }


def test_every_must_clause_catches_a_fault() -> None:
    """There is no MUST clause of echo that no planted fault makes fail."""
    must = {c.id for c in CLAUSES.values() if c.workload == "echo" and c.level == "MUST"}
    assert must <= {case.partition(".")[0] for case in CAUGHT.values()}


def test_one_quick_case_a_must_clause() -> None:
    """`--quick` plays exactly one case of each MUST clause of echo."""
    quick = [case.clause.id for case in cases.ALL if case.quick and case.clause.workload == "echo"]
    must = [c.id for c in CLAUSES.values() if c.workload == "echo" and c.level == "MUST"]
    assert sorted(quick) == sorted(must)


def test_the_good_one_passes_the_quick_cases() -> None:
    """A server without a fault passes one case of every clause: no false alarm."""
    found = verdicts(fake("good"), quick=True)
    assert {one.verdict for one in found.values()} == {"PASS"}, found


@pytest.mark.slow
def test_the_good_one_passes_every_case() -> None:
    """A server without a fault passes every case of echo."""
    found = verdicts(fake("good"), quick=False)
    assert {one.verdict for one in found.values()} == {"PASS", "INFO"}, found
    assert {one.clause for one in found.values() if one.verdict == "INFO"} == {"E21"}
