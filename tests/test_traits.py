"""traits: medians and extremes of what counts, a line with its fit, a reason where none does."""

from __future__ import annotations

import golden_run
import msgspec
import pytest

from harness import traits
from harness.measure import scenarios
from harness.model import WHOLE, Trait, UsageError
from harness.report.traits import TABLES
from harness.summary import Estimate, TraitSummary

PLAN = golden_run.plan()


def piece(scenario: str, error: str = "", /, **figures: dict[float, float]) -> list[Trait]:
    """Return what trio gave in a scenario, whole."""

    def trait(figure: str, at: float, value: float, why: str = "") -> Trait:
        return Trait(
            implementation="trio",
            workload="fetch" if scenario == "start-and-end" else "echo",
            scenario=scenario,
            figure=figure,
            at=at,
            value=value,
            error=why,
        )

    found = [trait(f, at, value) for f, values in figures.items() for at, value in values.items()]
    if error:
        found.append(trait("", 0.0, 0.0, error))
    return [*found, trait(WHOLE, 0.0, 1.0)]


def slices(
    prefix: str, rates: dict[float, float], **changes: dict[float, float]
) -> dict[str, dict[float, float]]:
    """Return the figures of slices with these rates, on a gauge that had a core and some rest."""
    usual = {"p50_ns": 1e5, "p99_ns": 1e6, "max_ns": 2e6, "core": 1.0, "gauge_busy": 0.5}
    found = {name: dict.fromkeys(rates, value) for name, value in usual.items()}
    found |= {"rate_per_s": rates, "gauge_wait": dict.fromkeys(rates, 0.0), **changes}
    return {prefix + name: values for name, values in found.items()}


def summed(given: list[Trait]) -> dict[str, TraitSummary]:
    """Return the summaries by figure."""
    return {one.figure: one for one in traits.summaries(PLAN, given)}


def test_a_line_is_found_with_its_fit() -> None:
    """4 KiB a connection on 20 MB: the slope is 4096 and the line explains all."""
    line = {float(n): 2e7 + 4096.0 * n for n in range(0, 6000, 1000)}
    found = summed(piece("memory", pss_bytes=line))
    slope = found["pss_bytes_per_connection"]
    assert slope.estimate is not None
    assert slope.estimate.value == 4096.0
    assert slope.r2 == 1.0
    assert found["held"].estimate == Estimate(value=5000.0)


def test_a_bent_line_says_so() -> None:
    """Memory that jumps once fits no line: r squared is far from 1, and the interval is wide."""
    bent = {float(n): 2e7 + (4e7 if n == 5000 else 0) for n in range(0, 6000, 1000)}
    slope = summed(piece("memory", pss_bytes=bent))["pss_bytes_per_connection"]
    assert slope.estimate is not None
    assert slope.estimate.low is not None
    assert slope.estimate.low < 0
    assert slope.r2 is not None
    assert slope.r2 < 0.5


def test_two_points_are_no_line() -> None:
    """Any two points fit a line: there is no figure then, and a reason."""
    (one,) = traits.summaries(PLAN, piece("memory", pss_bytes={0.0: 1e7, 1000.0: 2e7}))
    assert one.estimate is None
    assert one.error


def test_repetitions_have_their_median_and_extremes() -> None:
    """The middle one is the figure, the others are its spread."""
    found = summed(piece("start", ready_ns={0.0: 9e7, 1.0: 8e7, 2.0: 2e8}))
    assert found["ready_ns"].estimate == Estimate(value=9e7, low=8e7, high=2e8)


def test_a_ratio_is_within_its_pair() -> None:
    """Slices of the same number are divided, whatever the others are."""
    alone, beside = {0.0: 100.0, 1.0: 200.0, 2.0: 400.0}, {0.0: 50.0, 1.0: 100.0, 2.0: 100.0}
    given = piece("flood", **slices("alone_", alone), **slices("beside_", beside))
    found = summed(given)["rate_ratio"].estimate
    assert found == Estimate(value=0.5, low=0.25, high=0.5)


def test_nothing_is_divided_by_a_slice_without_a_reply() -> None:
    """A guest that was paused for a whole slice leaves that pair without a ratio."""
    alone, beside = {0.0: 0.0, 1.0: 200.0}, {0.0: 50.0, 1.0: 100.0}
    given = piece("flood", **slices("alone_", alone), **slices("beside_", beside))
    assert summed(given)["rate_ratio"].estimate == Estimate(value=0.5)
    given = piece("flood", **slices("alone_", {0.0: 0.0}), **slices("beside_", {0.0: 50.0}))
    assert "rate_ratio" not in summed(given)


def test_a_gauge_without_a_core_does_not_count() -> None:
    """A repetition in which the gauge waited is left out with its partner; the limit itself is."""
    waits = {0.0: 0.05, 1.0: 0.049}
    rates = {0.0: 1.0, 1.0: 100.0}
    alone = slices("alone_", rates, gauge_wait=waits)
    given = piece("busy-thread", **alone, **slices("beside_", {0.0: 50.0, 1.0: 50.0}))
    found = summed(given)
    assert found["rate_ratio"].estimate == Estimate(value=0.5)
    assert found["beside_p99_ns"].estimate == Estimate(value=1e6, low=1e6, high=1e6)


def test_none_that_counts_is_said() -> None:
    """Where the gauge never had a core there are no figures, and a reason in their place."""
    waits = {0.0: 0.5}
    given = piece("churn", opened_per_s={0.0: 9.0}, gauge_wait=waits)
    (one,) = traits.summaries(PLAN, given)
    assert one.estimate is None
    assert "too few" in one.error


def test_a_late_gauge_does_not_count() -> None:
    """Latencies of an open loop whose sends were late are the gauge's own."""
    late = {0.0: 300.0, 1.0: 200_001.0}
    p99 = {0.0: 45e6, 1.0: 90e6}
    beside = slices("beside_", {0.0: 2000.0, 1.0: 2000.0}, late_p99_ns=late, p99_ns=p99)
    found = summed(piece("stalled-main", **slices("alone_", {0.0: 2000.0}), **beside))
    assert found["beside_p99_ns"].estimate == Estimate(value=45e6)
    assert "rate_ratio" not in found


@pytest.mark.parametrize(
    ("core", "busy", "bound"), [(0.8, 0.95, ">="), (0.95, 0.95, ""), (0.8, 0.5, "")]
)
def test_the_gauges_own_limit_is_told(core: float, busy: float, bound: str) -> None:
    """Where the gauge had no rest and the contestant had, the figure is at least so much."""
    figures = slices("", {0.0: 1.0}, core={0.0: core}, gauge_busy={0.0: busy})
    found = summed(piece("churn", opened_per_s={0.0: 9.0}, cpu_ns={0.0: 5.0}, **figures))
    assert found["opened_per_s"].estimate == Estimate(value=9.0, bound=bound)  # type: ignore[arg-type]


def test_an_error_stands_alone() -> None:
    """Who failed in a scenario has no figures of it, not even those from before."""
    given = piece("memory", "it held 2 of 3", pss_bytes=dict.fromkeys((0.0, 1.0, 2.0), 1e7))
    (one,) = traits.summaries(PLAN, given)
    assert one.estimate is None
    assert one.error == "it held 2 of 3"


def test_what_was_cut_short_does_not_count() -> None:
    """A piece without its last figure is as if it were not there."""
    whole = piece("start", ready_ns={0.0: 9e7})
    assert summed(whole)
    assert not summed(whole[:-1])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"implementation": "nobody"}, "line 1: implementation 'nobody' is not in the plan"),
        ({"scenario": "picnic"}, "line 1: there is no scenario 'picnic'"),
        ({}, "line 2: ready_ns of trio in start stands twice"),
    ],
)
def test_an_edited_line_is_told(change: dict[str, str], says: str) -> None:
    """A trait that cannot be this run's is refused with its line."""
    first, *rest = piece("start", ready_ns={0.0: 9e7})
    with pytest.raises(UsageError, match=says):
        traits.summaries(PLAN, [msgspec.structs.replace(first, **change), first, *rest])


def test_every_scenario_has_its_summary() -> None:
    """What is measured is summed up: the two tables have the same names."""
    assert {scenario.name for scenario in scenarios.TABLE} == traits.SCENARIOS.keys()


def test_every_column_has_a_source() -> None:
    """Each column of the report stands for a figure that the golden run has."""
    there = {
        (one.workload, one.scenario, one.figure)
        for one in traits.summaries(PLAN, golden_run.traits())
    }
    for table in TABLES:
        for column in table.columns:
            assert (table.workload, column.scenario, column.figure) in there


def test_the_order_is_the_tables() -> None:
    """Shuffled pieces give the same summaries."""
    start, churn = piece("start", ready_ns={0.0: 1.0}), piece("size", distributions={0.0: 1.0})
    assert traits.summaries(PLAN, [*start, *churn]) == traits.summaries(PLAN, [*churn, *start])
