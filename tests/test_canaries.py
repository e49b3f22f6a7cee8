"""The controls inside a run contradict what is wrong, and nothing that is right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import golden_run
import msgspec
import numpy as np
import pytest

from harness import analyse, canaries
from harness.model import (
    BASELINE,
    PLANTED,
    STALL_EVERY_S,
    STALL_S,
    STALLED,
    TWIN,
    Sample,
)
from harness.report import controls, terminal, words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.summary import Canary, Summary

SAMPLES = golden_run.samples()
OPEN = golden_run.OPEN.name
CONTROLS = [  # echo with three contestants, and nothing that is measured once: quick to look at
    s
    for s in SAMPLES
    if s.workload == "echo"
    and s.implementation.partition("~")[0] in (BASELINE, "gevent", "reference")
    and (s.block >= 0 or STALLED in s.implementation)
]


def summarise(samples: Sequence[Sample]) -> Summary:
    """Return the summary of echo alone, without what is measured once: the controls' part."""
    plan = msgspec.structs.replace(golden_run.plan(), workloads=("echo",))
    verdicts = [v for v in golden_run.verdicts() if v.workload == "echo"]
    return analyse.summarise(plan, verdicts, samples)


def control(found: Summary, name: str, figure: str = "") -> Canary:
    """Return a control of echo; its first, or the one with the figure."""
    own = [c for c in found.workloads[0].canaries if c.name == name]
    return next(c for c in own if figure in ("", c.figure))


def changed(change: Callable[[Sample], Sample], alias: str = "", cell: str = "") -> Summary:
    """Return the summary with the samples of an alias in a cell changed."""
    return summarise(
        [change(s) if alias in s.implementation and cell in s.cell else s for s in CONTROLS]
    )


def costlier(factor: float) -> Callable[[Sample], Sample]:
    """Return a change of what a message costs."""
    return lambda s: msgspec.structs.replace(s, child_cpu_ns=int(s.child_cpu_ns * factor))


def is_withheld(found: Summary) -> bool:
    """Tell whether echo has no ranks because of a control, and every place that says so."""
    echo = found.workloads[0]
    if echo.withheld != "canary":
        return False
    assert not any(row.rank for row in echo.standings)
    assert not any(r.rank for c in echo.cells for r in c.results)
    failed = [c for c in echo.canaries if c.passed is False]
    said = list(words.warnings(found))
    assert [controls.failure(c) for c in failed] == said[: len(failed)]
    assert controls.TITLES[failed[0].name] in words.withheld(echo)
    assert terminal.text(found).startswith("! echo")
    return True


def test_a_quiet_run_passes_them_all() -> None:
    """Every control is there, passes, and stands in no table and no rank."""
    found = summarise(CONTROLS)
    echo = found.workloads[0]
    assert {c.name for c in echo.canaries} == set(controls.TITLES)
    assert all(c.passed for c in echo.canaries)
    assert not is_withheld(found)
    assert not any("~" in row.implementation for row in echo.standings)
    assert not any("~" in r.implementation for c in echo.cells for r in c.results)
    assert not any("~" in name for c in echo.cells for name in c.without)


@pytest.mark.parametrize(
    ("factor", "passed"),
    # of what the planted process takes already, which is 1.05 times the baseline's
    [(1.0, True), (1.02, True), (1.10, False), (0.94, False), (0.90, False)],
)
def test_a_planted_loss_is_seen_by_its_size_and_sign(factor: float, passed: bool) -> None:
    """About 5% pass; twice as much, nothing and the wrong sign fail."""
    found = changed(costlier(factor), PLANTED)
    assert control(found, "planted").passed is passed
    assert is_withheld(found) is not passed


def test_a_planted_loss_that_noise_hides_is_neither_passed_nor_failed() -> None:
    """An interval from below 1 to beyond 1.05 contradicts nothing, and shows nothing."""
    noise = [1 + 0.15 * (5 * b % 9 - 4) / 4 for b in range(golden_run.BLOCKS)]
    found = changed(lambda s: costlier(noise[s.block])(s), PLANTED)
    assert (control(found, "planted").passed, control(found, "planted").why) == (None, "apart")
    assert not is_withheld(found)


def test_few_blocks_judge_no_planted_loss() -> None:
    """Seven blocks are too few, whatever they say."""
    kept = [b for b in range(golden_run.BLOCKS) if b != golden_run.NOISY][:7]
    few = [costlier(2.0)(s) if PLANTED in s.implementation else s for s in CONTROLS]
    found = summarise([s for s in few if s.block in kept])
    assert (control(found, "planted").passed, control(found, "planted").why) == (None, "blocks")


@pytest.mark.parametrize(("alias", "cell"), [(TWIN, "10x1KiB"), (TWIN, OPEN)])
def test_a_twin_that_is_not_equal_to_itself_fails(alias: str, cell: str) -> None:
    """Of rates and of latencies alike."""

    def slower(s: Sample) -> Sample:
        if s.latencies:
            later = tuple((3 * ns // 2, n) for ns, n in s.latencies)
            return msgspec.structs.replace(s, latencies=later, max_ns=s.max_ns * 1.5)
        return msgspec.structs.replace(s, messages=int(s.messages * 0.9))

    found = changed(slower, alias, cell)
    failed = [c for c in found.workloads[0].canaries if c.passed is False]
    assert [(c.name, c.cell) for c in failed] == [("twin", cell)]
    assert is_withheld(found)


def test_a_twin_that_noise_hides_is_neither_passed_nor_failed() -> None:
    """An interval wider than a tie reaches the tie whatever the twin does."""
    noise = [1 + 0.15 * (5 * b % 9 - 4) / 4 for b in range(golden_run.BLOCKS)]

    def noisy(s: Sample) -> Sample:
        return msgspec.structs.replace(s, messages=int(s.messages * noise[s.block]))

    found = changed(noisy, TWIN, "10x1KiB")
    twin = next(c for c in found.workloads[0].canaries if c.name == "twin" and c.figure == "rate")
    assert (twin.passed, twin.why) == (None, "wide")
    assert not is_withheld(found)


def stalled(for_s: float, every_s: float, *, skip: bool = False, wall_s: float = 2.0) -> Sample:
    """Return what a gauge sees of such stalls; `skip`: one that waits for a reply before it sends.

    That one has a single message on its way, and sends none while the server sleeps.
    """
    rate, service_ns, free_s = golden_run.OPEN.rate_per_s, 90_000, 0.0
    waits = []
    for number in range(int(wall_s * rate)):
        due_s = number / rate
        if skip and due_s < free_s:
            continue
        wait_ns = int(max(0.0, for_s - due_s % every_s) * 1e9) + service_ns
        free_s = due_s + wait_ns / 1e9
        waits.append(wait_ns)
    values, counts = np.unique(waits, return_counts=True)
    return Sample(
        block=-1,
        implementation=BASELINE + STALLED,
        workload="echo",
        cell=OPEN,
        index=0,
        of=1,
        wall_ns=int(wall_s * 1e9),
        messages=int(wall_s * rate),
        child_cpu_ns=int(wall_s * rate) * 20_000,
        max_ns=float(max(waits)),
        latencies=tuple(zip(values.tolist(), counts.tolist(), strict=True)),
    )


@pytest.mark.parametrize(
    ("sample", "passed"),
    [
        (stalled(STALL_S, STALL_EVERY_S), [True, True, True]),
        (stalled(STALL_S, STALL_EVERY_S, wall_s=0.5), [True, True, True]),
        (stalled(STALL_S, STALL_EVERY_S, skip=True), [False, False, True]),
        (stalled(STALL_S * 1.2, STALL_EVERY_S), [False, False, False]),
        (stalled(STALL_S, STALL_EVERY_S * 2), [False, False, True]),
    ],
    ids=["as planted", "half a second", "coordinated omission", "longer", "half of them missed"],
)
def test_a_planted_stall_is_seen_in_full(sample: Sample, passed: list[bool]) -> None:
    """Waits that a gauge leaves out, or that are longer than planted, fail."""
    found = summarise([s for s in CONTROLS if STALLED not in s.implementation] + [sample])
    seen = [c for c in found.workloads[0].canaries if c.name == "stall"]
    assert [(c.figure, c.passed) for c in seen] == list(
        zip(["p90_us", "p99_us", "p999_us"], passed, strict=True)
    )
    assert is_withheld(found) is not all(passed)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"error": "closed early"}, "void"),
        ({"late_p99_ns": 1e6}, "void"),
        ({"wall_ns": 200_000_000, "messages": 400}, "short"),
    ],
)
def test_a_stall_that_nobody_measured_is_said_to_be_unjudged(
    fields: dict[str, object], why: str
) -> None:
    """A void or short sample neither passes nor disappears."""
    sample = msgspec.structs.replace(stalled(STALL_S, STALL_EVERY_S), **fields)
    found = summarise([s for s in CONTROLS if STALLED not in s.implementation] + [sample])
    assert (control(found, "stall").passed, control(found, "stall").why) == (None, why)


def test_a_stall_that_a_busy_core_prolonged_is_neither_passed_nor_failed() -> None:
    """Ten milliseconds too late with twenty without a core: no pass; with none: a failure."""
    late = stalled(STALL_S * 1.2, STALL_EVERY_S)
    calm = [s for s in CONTROLS if STALLED not in s.implementation]
    for wait_ns, passed in ((20_000_000, None), (1_000_000, False)):
        sample = msgspec.structs.replace(late, child_wait_ns=wait_ns)
        seen = [c for c in summarise([*calm, sample]).workloads[0].canaries if c.name == "stall"]
        assert [c.passed for c in seen if c.figure != "p90_us"] == [passed, passed]


def test_the_stalled_baseline_changes_no_figure() -> None:
    """With it or without it: the same cells, the same ranks, the same slices thrown out."""
    whole = summarise(CONTROLS)
    without = summarise([s for s in CONTROLS if STALLED not in s.implementation])
    assert whole.workloads[0].cells == without.workloads[0].cells
    assert whole.thrown_out == without.thrown_out


@pytest.mark.parametrize(("off", "passed"), [(0.02, True), (-0.02, True), (0.05, False)])
def test_littles_law_is_broken_by_a_gauge_that_counts_wrongly(off: float, passed: bool) -> None:
    """Latencies of one contestant in one cell that do not fit its rate by over 3%."""

    def change(s: Sample) -> Sample:
        exact = 100 * s.wall_ns / s.messages
        return msgspec.structs.replace(s, mean_latency_ns=exact * (1 + off))

    found = changed(change, "gevent", "100x1KiB")
    little = control(found, "little")
    assert (little.implementation, little.cell, little.passed) == ("gevent", "100x1KiB", passed)
    assert little.estimate.value == pytest.approx(100 * (1 + off), rel=1e-3)
    assert is_withheld(found) is not passed


def test_littles_law_is_not_asked_of_slices_that_cannot_show_it() -> None:
    """Two rounds, a long answer, waits for a core, starved connections: and it is said."""
    for fields in (
        {"mean_latency_ns": 25e6},
        {"max_ns": 34e6},
        {"child_wait_ns": 6_000_000, "child_cpu_ns": 40_000_000},
        {"jain": 0.5},
    ):
        found = summarise(
            [s if s.latencies else msgspec.structs.replace(s, **fields) for s in CONTROLS]
        )
        assert (control(found, "little").passed, control(found, "little").why) == (None, "short")


@pytest.mark.parametrize(("told", "passed"), [(1.0, True), (1.05, False)])
def test_what_the_edges_cut_is_accounted_for(told: float, passed: bool) -> None:
    """Half of the connections get nothing in any slice: the law is asked all the same, and 5% seen.

    The gauge says how long what is on its way at each edge has been so.
    """

    def starve(s: Sample) -> Sample:
        if s.latencies:
            return s
        connections = int(s.cell.partition("x")[0])
        waited = connections // 2 * s.wall_ns
        exact = (connections * s.wall_ns - waited) / s.messages
        return msgspec.structs.replace(
            s, jain=0.5, mean_latency_ns=exact * told, before_ns=9, after_ns=9 + waited
        )

    little = control(changed(starve), "little")
    assert (little.passed, little.why) == (passed, "")
    assert little.estimate.value == pytest.approx(little.expected * told, rel=1e-3)


@pytest.mark.parametrize(("factor", "passed"), [(1.0, True), (2.4, True), (2.8, False)])
def test_a_contestant_near_the_ceiling_fails_the_headroom(factor: float, passed: bool) -> None:
    """The ceiling is 2.8 times the fastest; where that falls to 1, the gauge may be the limit."""

    def faster(s: Sample) -> Sample:
        return msgspec.structs.replace(s, messages=int(s.messages * factor), mean_latency_ns=0.0)

    found = changed(faster, "gevent", "100x1KiB")
    near = next(
        c
        for c in found.workloads[0].canaries
        if (c.name, c.cell)[1] == "100x1KiB" and c.name == "headroom"
    )
    assert (near.implementation, near.passed) == ("gevent", passed)
    assert is_withheld(found) is not passed


def test_a_fastest_that_the_gauge_limits_fails_the_headroom() -> None:
    """However far below the ceiling it is."""

    def limited(s: Sample) -> Sample:
        return msgspec.structs.replace(s, gauge_busy=0.97, child_cpu_ns=s.child_cpu_ns // 2)

    found = changed(limited, "gevent", "10x1KiB")
    near = control(found, "headroom")
    assert (near.estimate.bound, near.passed) == ("~", False)
    assert near.estimate.value > canaries.HEADROOM


def test_every_failure_says_what_to_change() -> None:
    """Each control's warning has figures, a cause and something to do."""
    for c in summarise(CONTROLS).workloads[0].canaries:
        for value in (0.5 * (c.least or 0), 2 * c.expected + (c.most or 0)):
            seen = msgspec.structs.replace(c.estimate, value=value)
            text = controls.failure(msgspec.structs.replace(c, estimate=seen, passed=False))
            assert c.cell in text
            assert "expected" in text
            assert "measure again" in text or "report it" in text
