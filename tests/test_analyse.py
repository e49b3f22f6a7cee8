"""A run's samples and verdicts give the summary that arithmetic gives."""

from __future__ import annotations

import functools
import json
import math
import random
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import golden_run
import msgspec
import numpy as np
import pytest

from harness import analyse, files, stats, units
from harness.model import (
    BASELINE,
    STALLED,
    TWIN,
    CaseText,
    Plan,
    Sample,
    Trait,
    UsageError,
    Verdict,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

    from harness.summary import Result, Standing, Summary, WorkloadSummary

RUN = Path(__file__).resolve().parent / "golden" / "run"
PLAN, VERDICTS, SAMPLES = golden_run.plan(), golden_run.verdicts(), golden_run.samples()
TEXTS, TRAITS = golden_run.texts(), golden_run.traits()
OPEN = golden_run.OPEN.name


def summarise(
    samples: Sequence[Sample] = SAMPLES, verdicts: Sequence[Verdict] = VERDICTS, plan: Plan = PLAN
) -> Summary:
    """Return the summary of the golden run, or of a changed one."""
    return analyse.summarise(plan, verdicts, samples, TEXTS, TRAITS)


@functools.cache
def usual() -> Summary:
    """Return the summary of the golden run as it is."""
    return summarise()


def standing(found: Summary, workload: str, name: str) -> Standing:
    """Return a row of the answer."""
    answer = next(w for w in found.workloads if w.workload == workload)
    return next(row for row in answer.standings if row.implementation == name)


def result(found: WorkloadSummary, cell: str, name: str) -> Result:
    """Return a result in a cell."""
    where = next(c for c in found.cells if c.cell.name == cell)
    return next(r for r in where.results if r.implementation == name)


def change(fields: dict[str, object], **where: object) -> list[Sample]:
    """Return the golden samples, those that match `where` changed."""
    return [
        msgspec.structs.replace(s, **fields)
        if all(getattr(s, name) == value for name, value in where.items())
        else s
        for s in SAMPLES
    ]


def blocks(count: int) -> list[Sample]:
    """Return the golden samples of the first quiet blocks, and none that are measured once."""
    kept = [b for b in range(golden_run.BLOCKS) if b != golden_run.NOISY][:count]
    return [s for s in SAMPLES if s.block in kept]


def test_figures_of_the_summary_are_those_of_numpy() -> None:
    """Rates, CPU, efficiency, percentiles and widths, recomputed from the samples' file alone."""
    lines = [json.loads(line) for line in (RUN / "samples.jsonl").read_text().splitlines()]
    quiet = [s for s in lines if s["block"] not in (-1, golden_run.NOISY)]
    whole = [s for s in quiet if s.get("gauge_wait_ns", 0) < 0.05 * s["wall_ns"]]

    def by_block(name: str, cell: str, figure: Callable[[dict[str, float]], float]) -> FloatArray:
        own = [s for s in whole if (s["implementation"], s["cell"]) == (name, cell)]
        warm = [s for s in own if s.get("phase") != "cold" and s.get("late_p99_ns", 0) <= 2e5]
        blocks = sorted({s["block"] for s in warm})
        return np.array([np.median([figure(s) for s in warm if s["block"] == b]) for b in blocks])

    def rate(s: dict[str, float]) -> float:
        return s["messages"] * 1e9 / (s["wall_ns"] - s.get("child_wait_ns", 0))

    def answers(s: dict[str, Any]) -> FloatArray:
        values, counts = np.array(s["latencies"]).T
        each = np.repeat(values, counts).astype(np.float64)
        return np.asarray(np.minimum(each, s["max_ns"]) / 1e3, dtype=np.float64)

    def p99(s: dict[str, float]) -> float:
        return float(np.quantile(answers(s), 0.99, method="inverted_cdf"))

    echo, fetch = usual().workloads
    for name in ("gevent", "trio", "twisted"):
        found = result(echo, "100x1KiB", name)
        mine, theirs = (by_block(n, "100x1KiB", rate) for n in (name, BASELINE))
        assert found.ratio is not None
        assert found.rate_per_s.value == pytest.approx(np.exp(np.median(np.log(mine))), rel=1e-5)
        assert found.ratio.value == pytest.approx(
            np.exp(np.median(np.log(mine / theirs))), rel=1e-5
        )
        cpu = by_block(name, "100x1KiB", lambda s: s["child_cpu_ns"] / s["messages"] / 1e3)
        assert found.cpu_us.value == pytest.approx(np.exp(np.median(np.log(cpu))), rel=1e-5)
    open_loop = next(c for c in echo.cells if c.cell.rate_per_s)
    for r in open_loop.results:
        own = [s for s in whole if (s["implementation"], s["cell"]) == (r.implementation, OPEN)]
        own = [s for s in own if s["late_p99_ns"] <= 2e5]
        merged = np.concatenate([answers(s) for s in own])
        shown = r.latency
        assert shown is not None
        assert shown.messages == len(merged)
        wanted = np.quantile(merged, [0.5, 0.9, 0.99, 0.999], method="inverted_cdf")
        percentiles = (shown.merged.p50_us, shown.merged.p90_us, shown.merged.p99_us)
        assert (*percentiles, shown.merged.p999_us) == pytest.approx(wanted, rel=1e-5)
        assert shown.merged.max_us == pytest.approx(max(s["max_ns"] for s in own) / 1e3, rel=1e-5)
        middle = np.exp(np.median(np.log(by_block(r.implementation, OPEN, p99))))
        assert shown.p99_us.value == pytest.approx(middle, rel=1e-5)
    ideal = [c for c in fetch.cells if c.cell.delay_ms and c.cell.ranked]
    assert ideal[0].results[0].efficiency == pytest.approx(
        ideal[0].results[0].rate_per_s.value / (100 / 0.020), rel=1e-4
    )
    ratios = [r.ratio for r in echo.cells[0].results if r.implementation != "reference"]
    widths = [(r.high - r.low) / 2 / r.value for r in ratios if r and r.high and r.low]
    assert echo.cells[0].half_width == pytest.approx(max(widths), rel=1e-2)


def test_a_latency_cell_ranks_by_p99_and_is_part_of_no_rate() -> None:
    """The shortest p99 is first; the workload's answer is the same without the cell."""
    found = usual().workloads[0]
    cell = next(c for c in found.cells if c.cell.name == OPEN)
    assert [r.rank for r in cell.results] == ["", "1", "2-3", "2-3", "4"]
    p99s = [r.latency.p99_us.value for r in cell.results if r.latency]
    assert p99s == sorted(p99s)
    assert all(r.ratio is None and r.of_reference is None for r in cell.results)
    without = summarise([s for s in SAMPLES if s.cell != OPEN]).workloads[0]
    assert without.standings == found.standings


def test_who_does_not_reach_the_rate_has_no_latency_and_a_reason() -> None:
    """97.6% of the messages are not the same load; a gauge that is late says so of itself."""
    found = usual()
    cell = next(c for c in found.workloads[0].cells if c.cell.name == OPEN)
    assert cell.without == {"threads": "rate not reached"}
    assert found.thrown_out.slices["rate not reached"] == 8
    assert found.thrown_out.slices["gauge late"] == 1
    assert result(found.workloads[0], OPEN, "trio").units == 7


@pytest.mark.parametrize(
    ("messages", "late_ns", "why"),
    [
        (990, 200_000.0, ""),
        (989, 0.0, "rate not reached"),
        (1000, 200_001.0, "gauge late"),
        (900, 300_000.0, "gauge late"),  # a late gauge may be why the rate was not reached
    ],
)
def test_the_limits_of_a_latency_are_exact(messages: int, late_ns: float, why: str) -> None:
    """99% of the rate and 200 us of lateness still count."""
    sample = next(s for s in SAMPLES if s.cell == OPEN)
    changed = msgspec.structs.replace(sample, messages=messages, late_p99_ns=late_ns)
    assert units.void(changed, golden_run.OPEN) == why


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"backlog": 50}, ""),
        ({"backlog": 51}, "rate not reached"),  # all came in the end, long after the slice's
        ({"backlog": -51}, ""),
        ({"unanswered": 1}, "never answered"),  # it is in no percentile, and would be the worst
    ],
)
def test_who_falls_behind_has_no_latency(changes: dict[str, int], why: str) -> None:
    """Replies that came after the slice, or never, are not what the slice reached."""
    sample = next(s for s in SAMPLES if s.cell == OPEN)
    changed = msgspec.structs.replace(sample, due=1000, late_p99_ns=0.0, **changes)
    assert units.void(changed, golden_run.OPEN) == why


def test_the_golden_run_is_what_its_script_writes() -> None:
    """The files in tests/golden/run are those that golden_run.py makes."""
    assert files.read_json(RUN / "plan.json", Plan) == PLAN
    assert files.read_jsonl(RUN / "cases.jsonl", CaseText) == TEXTS
    assert files.read_jsonl(RUN / "verdicts.jsonl", Verdict) == VERDICTS
    assert files.read_jsonl(RUN / "samples.jsonl", Sample) == SAMPLES
    assert files.read_jsonl(RUN / "traits.jsonl", Trait) == TRAITS
    assert sum(f.stat().st_size for f in RUN.iterdir() if f.name != "summary.json") < 450_000


def test_the_summary_of_the_golden_run(golden: Callable[[str, str], None], tmp_path: Path) -> None:
    """The summary is, byte for byte, the one that was looked at and kept."""
    for name in ("plan.json", "cases.jsonl", "verdicts.jsonl", "samples.jsonl", "traits.jsonl"):
        shutil.copy(RUN / name, tmp_path)
    analyse.run(tmp_path)
    golden("run/summary.json", (tmp_path / "summary.json").read_text("utf-8"))


def test_the_order_of_the_samples_does_not_matter() -> None:
    """Shuffled lines give the same summary."""
    shuffled = list(SAMPLES)
    random.Random(1).shuffle(shuffled)
    assert summarise(shuffled) == usual()


def test_a_ratio_is_the_median_over_blocks_of_the_ratio_within() -> None:
    """Trio's ratio in 10x1KiB, worked out by hand from the samples."""

    def rate(block: int, name: str) -> float:
        return stats.median(
            [
                s.messages / (s.wall_ns - s.child_wait_ns) * 1e9
                for s in SAMPLES
                if (s.block, s.implementation, s.cell, s.phase) == (block, name, "10x1KiB", "warm")
                and s.gauge_wait_ns < 0.05 * s.wall_ns
            ]
        )

    counted = [b for b in range(golden_run.BLOCKS) if b != golden_run.NOISY]
    logs = [math.log(rate(b, "trio") / rate(b, BASELINE)) for b in counted]
    found = result(usual().workloads[0], "10x1KiB", "trio")
    assert found.ratio is not None
    assert found.ratio.value == pytest.approx(math.exp(stats.median(logs)), rel=1e-5)
    assert found.units == len(counted)


def test_a_noisy_block_is_thrown_out_whoever_is_in_it() -> None:
    """The rule reads no name: with all names changed about, the same block goes."""
    names = sorted({s.implementation for s in SAMPLES} - {BASELINE + STALLED})
    other = dict(zip(names, reversed(names), strict=True))
    other[BASELINE + STALLED] = BASELINE + STALLED  # in no block
    swapped = [msgspec.structs.replace(s, implementation=other[s.implementation]) for s in SAMPLES]
    assert summarise(swapped).thrown_out == usual().thrown_out
    assert usual().thrown_out.blocks == {str(golden_run.NOISY): "contestants waited"}


def test_a_failed_must_leaves_no_number() -> None:
    """Tornado fails E04: no ratio and no result in echo, though it has samples; fetch stands."""
    extra = [
        msgspec.structs.replace(s, implementation="tornado")
        for s in SAMPLES
        if s.implementation == "trio" and s.workload == "echo"
    ]
    found = summarise([*SAMPLES, *extra])
    row = standing(found, "echo", "tornado")
    assert (row.status, row.clauses, row.ratio, row.rank) == ("fail", ("E04",), None, "")
    echo = found.workloads[0]
    assert not any(r.implementation == "tornado" for c in echo.cells for r in c.results)
    assert standing(found, "fetch", "tornado").rank == "3-4"


def test_declared_and_unproven_are_measured_without_rank() -> None:
    """Threads declare F17 and Trio's F10 is open: figures, no rank, and nobody ranked by them."""
    found = usual()
    for name, status in (("threads", "declared"), ("trio", "unproven")):
        row = standing(found, "fetch", name)
        assert (row.status, row.rank) == (status, "")
        assert row.ratio is not None
    ranked = [r.rank for r in found.workloads[1].standings if r.rank]
    assert ranked == ["1", "2", "3-4", "3-4"]


def test_verdicts_of_one_that_cannot_run_count_for_nothing() -> None:
    """Its one reason stands in its row, and not once more for every case."""
    (curio,) = (one for one in PLAN.implementations if one.name == "curio")
    model = VERDICTS[0]
    never = [
        msgspec.structs.replace(v, implementation="curio", verdict="UNSUPPORTED", reason="no")
        for v in VERDICTS
        if v.implementation == model.implementation
    ]
    assert curio.cannot_run
    assert never
    assert summarise(verdicts=[*VERDICTS, *never]) == usual()


def test_the_reference_is_never_ranked_and_bounds_are_kept() -> None:
    """The gauge is echo's limit for the reference: its rate is at least, shares of it at most."""
    found = usual()
    row = standing(found, "echo", "reference")
    assert row.rank == ""
    assert row.ratio is not None
    assert row.ratio.bound == ">="
    share = standing(found, "echo", "trio").of_reference
    assert share is not None
    assert share.bound == "<="


@pytest.mark.parametrize(
    ("count", "interval", "withheld"), [(5, False, "blocks"), (6, True, ""), (8, True, "")]
)
def test_few_blocks_give_no_interval_and_no_rank(count: int, interval: bool, withheld: str) -> None:
    """Under 6 blocks neither interval nor rank; the order stays."""
    found = summarise(blocks(count))
    row = standing(found, "echo", "gevent")
    assert row.ratio is not None
    assert (row.ratio.low is not None) == interval
    assert found.workloads[0].withheld == withheld
    assert bool(row.rank) == (not withheld)
    assert found.workloads[0].standings[0].implementation == "gevent"


def test_threads_that_wait_for_each_other_are_not_thrown_out() -> None:
    """A hundred threads on one core wait a hundred times as long as the clock runs: no loss."""
    crowded = [
        msgspec.structs.replace(
            s, child_wait_ns=100 * s.wall_ns, child_cpu_ns=s.wall_ns - s.wall_ns // 50
        )
        if s.implementation == "gevent" and s.workload == "echo"
        else s
        for s in SAMPLES
    ]
    before, after = (standing(summarise(of), "echo", "gevent") for of in (SAMPLES, crowded))
    assert before.ratio is not None
    assert after.ratio is not None
    assert 1.0 < after.ratio.value / before.ratio.value < 1.03  # the 2% may have been others'


def test_a_failed_twin_withholds_the_ranking() -> None:
    """A twin that is 8% slower than its equal takes the ranks of its workload, not the figures."""
    slow = [
        msgspec.structs.replace(s, messages=int(s.messages * 0.92))
        if s.implementation == BASELINE + TWIN and s.workload == "fetch"
        else s
        for s in SAMPLES
    ]
    found = summarise(slow)
    assert [w.withheld for w in found.workloads] == ["", "canary"]
    assert not any(row.rank for row in found.workloads[1].standings)
    assert not any(r.rank for c in found.workloads[1].cells for r in c.results)
    assert standing(found, "fetch", "gevent").ratio is not None


def test_an_efficiency_is_the_share_of_what_the_delay_allows() -> None:
    """100 at once with 20 ms: 5,000 a second are the ideal."""
    found = result(usual().workloads[1], "100@20ms", "gevent")
    assert found.efficiency == pytest.approx(found.rate_per_s.value / 5000, rel=1e-4)


def test_void_slices_are_counted_by_cause() -> None:
    """A wrong byte in every slice of Trio's takes its figures and is reported."""
    found = summarise(change({"error": "wrong byte at 7"}, implementation="trio", workload="echo"))
    assert found.thrown_out.slices["error"] > 0
    assert standing(found, "echo", "trio").ratio is None


def test_a_unit_that_was_cut_short_does_not_count() -> None:
    """Without its last slice a unit is left out, and nothing else is."""
    own = [s for s in SAMPLES if (s.block, s.implementation) == (0, "trio") and s.of > 1]
    last = own[-1]
    found = summarise([s for s in SAMPLES if s is not last])
    assert found.thrown_out.slices["cut short"] == last.of - 1


def test_a_cell_in_blocks_is_not_mixed_with_its_single_measurement() -> None:
    """The same cell measured once besides changes no figure."""
    once = [
        msgspec.structs.replace(s, block=-1, messages=1)
        for s in SAMPLES
        if s.block == 0 and s.cell == "10x1KiB"
    ]
    assert summarise([*SAMPLES, *once]).workloads == usual().workloads


def test_without_the_baseline_the_ratios_are_to_the_ceiling() -> None:
    """When asyncio fails, the reference takes its place and the summary names it."""
    broken = [
        msgspec.structs.replace(v, verdict="FAIL", reason="lost a byte")
        if (v.implementation, v.case) == (BASELINE, "E01.1")
        else v
        for v in VERDICTS
    ]
    found = summarise(verdicts=broken).workloads[0]
    assert found.baseline == "reference"
    assert not {c.name for c in found.canaries} & {"twin", "planted"}
    assert any(row.rank for row in found.standings)


def test_a_run_without_samples_has_a_summary() -> None:
    """Verdicts alone, or nothing at all, are no error."""
    assert not summarise([]).workloads[0].baseline
    assert standing(summarise([], []), "echo", "trio").status == "unproven"


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"implementation": "nobody"}, "'nobody' is not in the plan"),
        ({"cell": "10x1MB"}, "'10x1MB' is no cell of"),
        ({"index": 99}, "index 99 of"),
        ({"index": -1}, "index -1 of"),
    ],
)
def test_a_sample_that_does_not_belong_is_named_with_its_line(
    fields: dict[str, object], says: str
) -> None:
    """The first wrong line is named."""
    samples = list(SAMPLES)
    samples[4] = msgspec.structs.replace(samples[4], **fields)
    with pytest.raises(UsageError, match="line 5") as caught:
        summarise(samples)
    assert says in str(caught.value)


def test_a_line_that_stands_there_twice_is_named() -> None:
    """A doubled sample is refused, never averaged."""
    with pytest.raises(UsageError, match=rf"line {len(SAMPLES) + 1}: .*twice"):
        summarise([*SAMPLES, SAMPLES[0]])


def test_no_path_of_the_machine_is_in_the_summary() -> None:
    """Folders, commands and arguments lose their paths; the seed is there."""
    arguments = ("--from", "/home/me/mine", "--out=/tmp/x", "--budget", "90s", "--seed", "3")
    found = summarise(plan=msgspec.structs.replace(PLAN, arguments=arguments))
    text = json.dumps(msgspec.to_builtins(found))
    assert "/somewhere" not in text
    assert "/home" not in text
    assert found.arguments == ("--from", "mine", "--budget", "90s", "--seed", "7")
