"""The rows of the proof judge what they are given: figures that pass pass, others miss."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from harness import analyse, cost, files, proven
from harness.commands.proof import choose, text
from harness.measure import cells, echo
from harness.model import BASELINE, TWIN, HarnessError, Sample, UsageError
from harness.precision import half_width
from harness.proof import (
    blocks,
    contract,
    disturbance,
    hog,
    little,
    memory,
    recompute,
    reference,
    resume,
    row,
    runs,
    spread,
    stall,
    twin,
    width,
    wrk,
)
from harness.proof.disturbance import Reading
from harness.proof.table import ROWS
from harness.proven import Figure
from harness.summary import Estimate, Summary
from harness.tax import Price

GOLDEN = Path(__file__).resolve().parent / "golden" / "run"
SECOND_NS = 10**9
QUIET = Reading(time_s=0.0, load=0.0, avg10=0.0, stalled_s=0.0, busy_s=0.0, steal_s=0.0, own_s=0.0)


def sample(name: str, block: int, rate: float, **changes: object) -> Sample:
    """Return a slice of a tenth of a second, at a rate per second."""
    made = Sample(
        block=block,
        implementation=name,
        workload="echo",
        cell="10x1KiB",
        index=0,
        of=1,
        wall_ns=SECOND_NS // 10,
        messages=round(rate / 10),
        child_cpu_ns=SECOND_NS // 10,
    )
    return msgspec.structs.replace(made, **changes)


def passed(figures: tuple[Figure, ...]) -> list[bool]:
    """Return whether each figure that has a bound keeps it."""
    return [figure.passed for figure in figures if figure.bound]


def test_every_row_has_a_name_and_a_claim() -> None:
    """Rows are told apart by name, and asked for by it, in the table's order."""
    names = [one.name for one in ROWS]
    assert len(set(names)) == len(names) >= 12
    assert all(one.what and one.must for one in ROWS)
    assert [one.name for one in choose(ROWS, ["wrk", "reference"])] == ["reference", "wrk"]
    assert choose(ROWS, []) == list(ROWS)
    assert names == list(proven.ROWS)
    with pytest.raises(UsageError, match="no row is called 'swim'"):
        choose(ROWS, ["swim"])


@pytest.mark.parametrize(("ahead", "good"), [(1.2, True), (1.05, False)])
def test_reference_is_compared_with_the_fastest(ahead: float, *, good: bool) -> None:
    """The fastest of the others sets the measure, however slow the rest is."""
    rates = {"slow": 10_000.0, "fast": 50_000.0, "reference": 50_000.0 * ahead}
    samples = [
        sample(name, block, rate * (1 + block / 1000))
        for block in range(8)
        for name, rate in rates.items()
    ]
    where = blocks.by_cell(samples, [reference.CELLS[0]])
    (figure, some) = reference.figures(where, "reference", ["slow", "fast"], 1)
    assert some.passed
    assert figure.what == "10x1KiB: reference over fast"
    assert figure.value == pytest.approx(ahead, rel=1e-3)
    assert figure.low is not None
    assert figure.passed is good
    assert passed(reference.figures(where, "absent", ["slow"], 1)) == [False]
    assert reference.finalists(where, ["slow", "fast", "absent"], 1) == ["fast"]
    assert reference.finalists(where, ["slow", "fast", "absent"], 3) == ["slow", "fast"]


WRK = """Running 1s test @ http://127.0.0.1:8000/1
  1 threads and 10 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency    97.33us   36.37us   1.07ms   88.11%
    Req/Sec   101.02k     3.08k  104.21k    90.91%
  110513 requests in 1.10s, 116.88MB read
Requests/sec: 100466.36
Transfer/sec:    106.25MB
"""


def test_wrk_is_read_as_it_prints() -> None:
    """Requests and seconds come from its own lines; an error in them is no figure."""
    requests, wall_s = wrk.parse(WRK)
    assert requests == 110_513
    assert wall_s == pytest.approx(1.1, rel=1e-3)
    for wrong in (
        "  Socket errors: connect 0, read 3, write 0, timeout 0\n",
        "  Non-2xx or 3xx responses: 7\n",
    ):
        with pytest.raises(ValueError, match=wrong.strip()[:12]):
            wrk.parse(WRK.replace("Requests/sec", wrong + "Requests/sec"))
    with pytest.raises(ValueError, match="no rate"):
        wrk.parse("unable to connect to 127.0.0.1:8000 Connection refused")


@pytest.mark.parametrize(
    ("rate", "cpu", "good"),
    [(1.3, 0.8, [True, True]), (1.2, 0.8, [False, True]), (1.3, 0.9, [True, False])],
)
def test_the_gauge_is_put_against_wrk(rate: float, cpu: float, good: list[bool]) -> None:
    """Rate and CPU per request are ratios within blocks, one each for server and concurrency."""
    turns = [
        wrk.Turn(
            block, "origin", 10, client, 10_000, wall_s * (1 + block / 99), cpu_s, cpu_s / 2, 0.5
        )
        for block in range(8)
        for client, wall_s, cpu_s in (("wrk", 1.0, 1.0), ("gauge", 1 / rate, cpu))
    ]
    made = wrk.figures(turns, 1)
    assert passed(made) == good
    assert [figure.value for figure in made] == pytest.approx([rate, cpu], rel=1e-3)
    assert any(
        "gauge reached" in cause
        and f"a request cost it {100 * cpu:.2f} us of CPU, {50 * cpu:.2f} in the kernel" in cause
        for cause in wrk.causes(turns)
    )


@pytest.mark.parametrize(
    ("cpu_s", "busy", "limit"),
    [
        (0.95, 0.5, "the limit was client"),
        (0.5, 0.95, "the limit was server"),
        (0.95, 0.95, "the limit was client and server"),
        (0.5, 0.5, "nobody alone"),
    ],
)
def test_who_limits_a_rate_is_told(cpu_s: float, busy: float, limit: str) -> None:
    """Who had no rest; what a request cost the server is its busy time over the requests."""
    turns = [
        wrk.Turn(block, "nginx", 10, "wrk", 100_000, 1.0, cpu_s, 0.1, busy) for block in range(3)
    ]
    (text,) = wrk.causes(turns)
    assert limit in text
    assert f"cost it {cpu_s * 10:.2f} us" in text
    assert f"the server {busy * 10:.2f} us, {busy:.0%}" in text


def slice_of(**latencies: float) -> echo.Slice:
    """Return what the gauge says of 20 s from second 100 on."""
    fields: dict[str, object] = {
        field.name: 0 for field in msgspec.structs.fields(echo.Slice) if field.required
    }
    fields |= {"started_ns": 100 * SECOND_NS, "wall_ns": 20 * SECOND_NS, "error": None}
    return msgspec.convert(fields | latencies, echo.Slice)


STOPS = [((102 + 5 * n) * SECOND_NS, (103 + 5 * n) * SECOND_NS) for n in range(4)]


def test_the_arithmetic_of_a_stall() -> None:
    """1 s in every 5 s: a tenth waits for more than 0.5 s, a hundredth for more than 0.95 s."""
    found = stall.arithmetic(STOPS, 100 * SECOND_NS, 20 * SECOND_NS)
    assert found["p90"] == pytest.approx(500, abs=1)
    assert found["p99"] == pytest.approx(950, abs=1)
    assert found["p99.9"] == pytest.approx(995, abs=1)


@pytest.mark.parametrize(
    ("p90_ms", "good"), [(500.0, True), (504.0, True), (506.0, False), (0.1, False)]
)
def test_a_stall_is_judged_by_its_quantiles(p90_ms: float, *, good: bool) -> None:
    """Off by 1% is on time; a gauge that counts from the sending would say nearly nothing."""
    said = slice_of(p90_ns=p90_ms * 1e6, p99_ns=950e6, p999_ns=995e6)
    assert passed(stall.figures(said, STOPS)) == [good, True, True]


def test_a_stall_outside_the_window_proves_nothing() -> None:
    """A void slice or a stop that the window does not hold is an error, not a figure."""
    with pytest.raises(HarnessError, match="outside the window"):
        stall.figures(slice_of(), [(99 * SECOND_NS, 101 * SECOND_NS)])
    with pytest.raises(HarnessError, match="7 messages never came back"):
        stall.figures(slice_of(unanswered=7), STOPS)


@pytest.mark.parametrize(
    ("half", "false", "good"),
    [
        (0.005, 5, [True, True, True]),
        (0.007, 0, [True, False, True]),
        (0.005, 6, [True, True, False]),
    ],
)
def test_twins_are_judged_over_campaigns(half: float, false: int, good: list[bool]) -> None:
    """Wide intervals miss, and so do six of forty that do not hold 1."""
    calm = Estimate(value=1.0, low=math.exp(-half), high=math.exp(half))
    wrong = Estimate(value=1.01, low=1.01 * math.exp(-half), high=1.01 * math.exp(half))
    campaigns = [wrong] * false + [calm] * (40 - false)
    assert passed(twin.twin_figures(campaigns)) == good
    assert passed(twin.twin_figures([None, Estimate(value=1.0)])) == [False]
    assert passed(twin.twin_figures([*campaigns, None])) == [False, *good[1:]]


def campaign(slower: float) -> dict[str, dict[int, float]]:
    """Return the logarithms of ten blocks, the second contestant slower by a factor."""
    return {
        BASELINE: {block: math.log(50_000 + 10 * block) for block in range(10)},
        f"{BASELINE}+5%": {block: math.log((50_000 - 9 * block) / slower) for block in range(10)},
    }


def test_planted_burdens_are_told_by_the_ranks() -> None:
    """5% is told apart, nothing is not, and a gain is the wrong sign."""
    assert twin.tell(campaign(1.05), "+5%", 1).apart
    assert twin.tell({}, "+5%", 1) == twin.Told("+5%", apart=False, wrong=False, ratio=None)
    nothing = twin.tell(campaign(1.0), "+5%", 1)
    assert not nothing.apart
    assert not nothing.wrong
    gain = twin.tell(campaign(0.95), "+5%", 1)
    assert gain.wrong
    assert not gain.apart


@pytest.mark.parametrize(
    ("five", "ten", "wrong", "good"),
    [
        (39, 40, 0, [True, True, True, True]),
        (38, 40, 0, [True, True, False, True]),
        (37, 40, 0, [False, True, False, True]),
        (40, 39, 0, [True, False, True, True]),
        (40, 40, 1, [True, True, True, False]),
    ],
)
def test_power_is_a_share_of_campaigns(five: int, ten: int, wrong: int, good: list[bool]) -> None:
    """38 of 40 are power 0.95, and too few to show it; for 10% every one counts, and each sign."""
    told = [twin.Told("+5%", n < five, n < wrong, 0.95) for n in range(40)]
    told += [twin.Told("+10%", n < ten, wrong=False, ratio=0.91) for n in range(40)]
    assert passed(twin.planted_figures(told)) == good


def campaigns_of(apart: int, not_apart: int) -> list[twin.Told]:
    """Return what so many campaigns said of the small burden."""
    many = range(apart + not_apart)
    return [twin.Told(twin.HARD, n < apart, wrong=False, ratio=0.95) for n in many]


@pytest.mark.parametrize(
    ("apart", "not_apart", "decided"),
    [(19, 0, 0), (20, 0, 1), (37, 1, 0), (38, 1, 1), (3, 2, -1), (38, 2, 0)],
)
def test_when_power_is_decided(apart: int, not_apart: int, decided: int) -> None:
    """20 of 20 or 38 of 39 show it, two misses of five never will, between them it goes on."""
    told = campaigns_of(apart, not_apart)
    told += [twin.Told("+10%", apart=False, wrong=False, ratio=0.91)] * 9
    seen = twin.evidence(told)
    assert (seen >= twin.ENOUGH) - (seen <= twin.HOPELESS) == decided


@pytest.mark.parametrize(("power", "shown"), [(0.85, 0.045), (0.95, 0.501), (0.99, 0.954)])
def test_what_is_decided_by_40_campaigns(power: float, shown: float) -> None:
    """How often each power is shown, counted over all ways that campaigns can go.

    38 of 40 would be 0.049, 0.677, 0.993.
    """
    going: dict[tuple[int, int], float] = {(0, 0): 1.0}
    yes = 0.0
    for _ in range(40):
        step: dict[tuple[int, int], float] = {}
        for (told, missed), chance in going.items():
            for after, share in (((told + 1, missed), power), ((told, missed + 1), 1 - power)):
                seen = twin.evidence(campaigns_of(*after))
                yes += chance * share * (seen >= twin.ENOUGH)
                if twin.HOPELESS < seen < twin.ENOUGH:
                    step[after] = step.get(after, 0.0) + chance * share
        going = step
    assert yes == pytest.approx(shown, abs=0.0006)


@pytest.mark.parametrize(
    ("corrected", "wait", "good"),
    [(1.0, 0.5, [True, True]), (0.96, 0.5, [False, True]), (1.0, 0.05, [True, False])],
)
def test_a_hog_halves_the_raw_rate_alone(corrected: float, wait: float, good: list[bool]) -> None:
    """Corrected within 2%, raw about half: a hog that took nothing has proven nothing."""
    samples = []
    for block in range(8):
        rate = 50_000.0 + 10 * block
        samples.append(sample("a", block, rate))
        wall = SECOND_NS // 10
        hogged = {"child_wait_ns": round(wait * wall), "child_cpu_ns": round((1 - wait) * wall)}
        samples.append(sample("a" + hog.HOGGED, block, rate * corrected * (1 - wait), **hogged))
    where = blocks.by_cell(samples, [hog.CELL])[hog.CELL.name]
    assert passed(hog.figures(where, hog.raw(samples), "a", 1)) == good
    assert any("50.0%" in cause or "5.0%" in cause for cause in hog.causes(samples))


def test_little_holds_or_not() -> None:
    """10 connections, 50,000/s: 200 us each; an open loop or a void slice is not looked at."""
    cell = cells.RANKED[0]

    def said(name: str, latency_us: float, **changes: object) -> Sample:
        return sample(name, 0, 50_000, mean_latency_ns=latency_us * 1e3, **changes)

    samples = [said("good", 199), said("off", 180), said("void", 1, error="reset")]
    samples += [said("other", 1, cell="256x1KiB@2000")]
    found = little.deviations(samples, {cell.name: cell})
    assert found == {cell.name: {"good": pytest.approx(0.005), "off": pytest.approx(0.1)}}
    (_, figure) = little.figures(found, 2)
    assert "(off)" in figure.what
    assert not figure.passed
    assert passed(little.figures({cell.name: {"good": 0.005}}, 1)) == [True, True]
    assert passed(little.figures({cell.name: {"good": 0.005}}, 2)) == [False, True]


@pytest.mark.parametrize(("told", "good"), [(1.0, True), (1.05, False), (0.95, False)])
def test_a_starving_server_keeps_the_law_and_a_wrong_clock_does_not(
    told: float, *, good: bool
) -> None:
    """Seven of ten connections wait for the whole slice and are named; 5% too long is a miss."""
    cell = cells.RANKED[0]
    wall_ns = SECOND_NS // 10
    one = sample(
        "starves",
        0,
        50_000,
        mean_latency_ns=3 * wall_ns / 5000 * told,
        max_ns=70e3,
        jain=0.3,
        before_ns=7 * wall_ns // 2,
        after_ns=7 * wall_ns * 3 // 2,
        oldest_ns=wall_ns * 3 // 2,
        child_wait_ns=5_000_000,
        child_cpu_ns=wall_ns - 5_000_000,
    )
    found = little.deviations([one], {cell.name: cell})
    assert found == {cell.name: {"starves": pytest.approx(abs(told - 1), abs=1e-9)}}
    assert passed(little.figures(found, 1)) == [True, good]
    (text,) = little.starved([one], {cell.name: cell})
    assert f"{1 - 0.3 * told:.1%} is missing from the latencies" in text
    assert "Jain's index 0.30 at the median, the longest wait 150.0 ms of a slice of 100 ms" in text
    assert "no core for 5.0 ms at the most" in text
    even = sample("even", 0, 50_000, mean_latency_ns=199e3)
    assert little.starved([even], {cell.name: cell}) == ()


@pytest.fixture(scope="module")
def golden_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of the golden run, analysed and not yet rendered."""
    folder = tmp_path_factory.mktemp("run") / "golden"
    shutil.copytree(GOLDEN, folder)
    analyse.run(folder)
    return folder


def test_a_run_is_recomputed_both_ways(golden_run: Path, tmp_path: Path) -> None:
    """The same bytes, and the same rates and ratios by numpy alone."""
    summary = files.read_json(golden_run / "summary.json", Summary)
    lines = (golden_run / "samples.jsonl").read_text().splitlines()
    off = recompute.deviations(summary, recompute.rates(lines, summary.thrown_out.blocks))
    assert len(off) > 150
    same = recompute.again(golden_run, tmp_path)
    assert {"summary.json", "REPORT.md"} < set(same)
    assert same["summary.json"]
    assert not same["REPORT.md"], "it was never rendered"
    same = dict.fromkeys(same, True)
    assert passed(recompute.figures(same, off)) == [True, True, True]
    assert passed(recompute.figures({**same, "REPORT.md": False}, off)) == [False, True, True]
    assert passed(recompute.figures(same, [])) == [True, False, True]


def test_an_edited_sample_is_seen(golden_run: Path) -> None:
    """One unit that is twice as fast in the samples than in the summary deviates; so does none."""
    summary = files.read_json(golden_run / "summary.json", Summary)
    lines = (GOLDEN / "samples.jsonl").read_text().splitlines()
    samples = [msgspec.json.decode(line, type=Sample) for line in lines]
    edited = [
        msgspec.structs.replace(one, messages=2 * one.messages)
        if (one.implementation, one.cell) == ("trio", "1000x64B")
        else one
        for one in samples
    ]
    again = [msgspec.json.encode(one).decode() for one in edited]
    off = recompute.deviations(summary, recompute.rates(again, summary.thrown_out.blocks))
    assert max(off) == pytest.approx(1.0, abs=0.01)
    assert passed(recompute.figures({"summary.json": True}, off)) == [True, True, False]
    without = [line for line in lines if '"1000x64B"' not in line]
    off = recompute.deviations(summary, recompute.rates(without, summary.thrown_out.blocks))
    assert max(off) == recompute.MISSING


def lines_of(*names: tuple[int, str, int]) -> bytes:
    """Return lines of a samples file: (block, name, index), units of two."""
    return b"".join(
        msgspec.json.encode(sample(name, block, 1e4, index=index, of=2)) + b"\n"
        for block, name, index in names
    )


def test_lost_and_doubled_samples_are_counted() -> None:
    """A unit that was whole must stay; half of one and a torn line may be measured again."""
    whole = lines_of((0, "a", 0), (0, "a", 1))
    half = lines_of((0, "b", 0))
    torn = lines_of((0, "c", 0))[:-5]
    rest = lines_of((0, "b", 0), (0, "b", 1))
    assert resume.lost(whole + half + torn, whole + rest) == 0
    assert resume.lost(whole + half, rest) == 2
    assert resume.doubled(whole + rest) == 0
    assert resume.doubled(whole + whole) == 2
    assert len(resume.keys(whole + torn)) == 2
    assert resume.complete(whole + half) == set(whole.splitlines())


@pytest.mark.parametrize(
    ("counts", "good"),
    [
        ((100, 0, 0, 0), [True] * 4),
        ((99, 0, 0, 0), [False, True, True, True]),
        ((100, 1, 0, 0), [True, False, True, True]),
        ((100, 0, 1, 0), [True, True, False, True]),
        ((100, 0, 0, 1), [True, True, True, False]),
    ],
)
def test_a_kill_may_cost_nothing(counts: tuple[int, int, int, int], good: list[bool]) -> None:
    """Each loss misses by itself, and so do fewer kills than were asked for."""
    assert passed(resume.figures(*counts, 100)) == good


@pytest.mark.parametrize(("kept", "good"), [(0.93, True), (0.92, False)])
def test_the_contract_may_cost_seven_per_cent(kept: float, *, good: bool) -> None:
    """The price over all cells counts; a framework that should have one and has none misses."""
    price = Price(implementation="trio", what="contract", rate=Estimate(value=kept))
    other = [
        msgspec.structs.replace(price, cell="10x1KiB", rate=Estimate(value=0.1)),
        msgspec.structs.replace(price, what="idle", rate=Estimate(value=0.1)),
    ]
    assert passed(contract.figures([price, *other], 1)) == [good, True]
    assert passed(contract.figures([price], 2)) == [good, False]
    assert passed(contract.figures([], 0)) == [False]


def test_width_looks_at_ranked_cells_of_contestants() -> None:
    """The widest ratio of each cell at 10 and 100 connections, and the time of the run."""
    summary = files.read_json(GOLDEN / "summary.json", Summary)
    made = width.width_figures(summary, 590.0)
    assert [figure.what.partition(":")[0] for figure in made[:-3]] == [
        "echo 10x1KiB",
        "echo 100x1KiB",
        "fetch 10@0ms",
        "fetch 100@0ms",
        "fetch 100@20ms",
    ]
    assert all("(reference)" not in figure.what for figure in made)
    assert passed(made[-3:]) == [True, True, True]
    assert not width.width_figures(summary, 601.0)[-1].passed
    (widest,) = (f for f in made if f.what.startswith("echo 10x1KiB"))
    results = summary.workloads[0].cells[0].results
    halves = [
        half
        for one in results
        if one.implementation != "reference" and one.ratio and (half := half_width(one.ratio))
    ]
    assert widest.value == pytest.approx(max(halves), rel=1e-2)
    assert widest.passed is (max(halves) <= width.HALF_WIDTH_MOST)


def drawn(
    seed: int, slices: float, processes: float, common: float
) -> list[dict[int, list[float]]]:
    """Return two contestants' logarithms: 2000 blocks of six slices, normal in all three."""
    rng = np.random.default_rng(seed)
    blocks = rng.normal(0, common, 2000)
    return [
        {
            number: list(block + rng.normal(0, processes) + rng.normal(0, slices, 6))
            for number, block in enumerate(blocks)
        }
        for _ in range(2)
    ]


def test_a_spread_is_taken_apart() -> None:
    """Slices, processes and blocks come out as they were put in; a ratio is rid of the blocks."""
    found = spread.of(*drawn(1, 0.06, 0.02, 0.04))
    assert found is not None
    assert (found.blocks, found.slices_each) == (2000, 6)
    assert [found.one, found.other] == pytest.approx([0.06, 0.06], rel=0.03)
    assert found.of_slices == pytest.approx(math.sqrt(2 / 6) * 0.06, rel=0.03)
    assert found.of_processes == pytest.approx(math.sqrt(2) * 0.02, rel=0.1)
    assert found.of_blocks == pytest.approx(0.04, rel=0.1)
    assert found.ratio == pytest.approx(math.hypot(found.of_slices, found.of_processes))
    alone = spread.of(*drawn(2, 0.06, 0.0, 0.0))
    assert alone is not None
    assert alone.of_processes < 0.012
    assert spread.of({0: [1.0]}, {0: [1.0]}) is None
    assert spread.blocks_for(0.03, 0.015, 12) == 48


def test_what_is_too_wide_says_why(golden_run: Path) -> None:
    """Of the slices that the run counted: the cell, both names, and how long the aim would take."""
    summary = files.read_json(golden_run / "summary.json", Summary)
    wide = [f.what.partition(":")[0] for f in width.width_figures(summary, 1.0) if not f.passed]
    found = list(width.spread_causes(golden_run, summary, 600.0, []))
    assert wide
    assert [text.partition(":")[0] for text in found] == wide
    assert all("over asyncio" in text and "8 blocks" in text for text in found)
    costs = [cost.Cost(part="blocks", wall_s=400.0), cost.Cost(part="once", wall_s=100.0)]
    assert width._minutes(costs, 600.0, 8, 16) == pytest.approx(1000 / 60)
    assert width._minutes([], 600.0, 8, 16) == pytest.approx(20)


@pytest.mark.parametrize(("own", "good"), [(0.20, True), (0.21, False)])
def test_the_harness_has_its_own_share(own: float, *, good: bool) -> None:
    """At most 15% besides the waits; a run without a ledger has no figure."""
    shares = cost.Shares(
        jobs=9, noisy=0, wall_s=1.0, slices=0.5, priming=0.1, starts=0.2, waits=0.05, own=own
    )
    assert passed(width.cost_figures(shares)) == [good]
    assert width.cost_figures(None) == ()


def test_two_runs_may_not_contradict_each_other() -> None:
    """Opposite order counts where both are sure of it; where one is not, it does not."""
    first = {"echo": {("a", "b"): 1, ("a", "c"): 0, ("b", "c"): -1}}
    agree = {"echo": {("a", "b"): 1, ("a", "c"): -1, ("b", "c"): 0}}
    contrary = {"echo": {("a", "b"): -1, ("a", "c"): 1, ("b", "c"): -1}}
    assert passed(width.order_figures(first, agree)) == [True, True]
    (figure, _, alike) = width.order_figures(first, contrary)
    assert (figure.value, figure.passed, alike.value) == (1.0, False, 1.0)
    assert "a, b" in figure.what
    assert passed(width.order_figures(first, {})) == [True, False]


def test_who_is_faster_comes_from_a_run_folder(golden_run: Path) -> None:
    """Pairs of frameworks in every ranked cell and over each workload; a run agrees with itself."""
    found = width.standings(golden_run)
    assert {"echo", "fetch", "echo/10x1KiB"} <= set(found)
    assert found["echo"]["gevent", "trio"] == 1
    assert found["echo"]["asyncio", "gevent"] == -1
    assert passed(width.order_figures(found, found)) == [True, True]
    _, wheres = runs.wheres(golden_run)
    assert any("threads" in where.rates for where in wheres)


@pytest.mark.parametrize(("grows", "good"), [(0, True), (40_000, False)])
def test_memory_is_flat_or_not(grows: int, *, good: bool) -> None:
    """40 kB a block of ten seconds come to 29 MB in two hours; the first blocks do not count."""
    points = [
        memory.Point(10.0 * block, block, 80_000_000 + grows * block + block % 2 * 4096)
        for block in range(20)
    ]
    points[0] = replace(points[0], anonymous_bytes=20_000_000)
    made = memory.figures(points)
    assert passed(made) == [good]
    assert made[0].high == made[1].value
    assert memory.figures(points[:5]) == ()


def test_the_last_whole_line_tells_the_block(tmp_path: Path) -> None:
    """A torn line is not looked at; a missing or empty file has no block."""
    file = tmp_path / "samples.jsonl"
    assert memory.last_block(file) is None
    file.write_bytes(b"")
    assert memory.last_block(file) is None
    file.write_bytes(lines_of((0, "a", 0), (4, "a", 1)) + b'{"block": 5')
    assert memory.last_block(file) == 4


def test_a_disturbed_machine_is_told_from_a_quiet_one() -> None:
    """Steal, other processes and pressure come from counters between two readings."""
    busy = replace(QUIET, time_s=10.0, stalled_s=2.0, busy_s=9.0, steal_s=1.0, own_s=4.0)
    found = disturbance.between(QUIET, busy, cores=2)
    assert (found.pressure, found.steal, found.others) == (0.2, 0.05, 0.5)
    assert len(disturbance.causes(found)) == 3
    calm = disturbance.between(QUIET, replace(QUIET, time_s=10.0, busy_s=4.0, own_s=4.0), cores=2)
    assert disturbance.causes(calm) == [
        "the machine was quiet: no steal, no other process worth mentioning"
    ]


def test_the_kernels_own_words_are_read() -> None:
    """The first line of /proc/stat and the line `some` of the pressure file."""
    some = "some avg10=12.50 avg60=3.00 avg300=1.00 total=2500000\nfull avg10=0.00 total=0\n"
    assert disturbance.parse_pressure(some) == (0.125, 2.5)
    assert disturbance.parse_pressure("") == (0.0, 0.0)
    busy_s, steal_s = disturbance.parse_stat("cpu  100 0 200 1000 50 0 50 300 0 0\ncpu0 1\n")
    assert (busy_s, steal_s) == (350 / disturbance._TICKS, 300 / disturbance._TICKS)


def test_a_reading_is_of_this_machine() -> None:
    """Two readings of the real files give shares between nothing and all."""
    found = disturbance.between(disturbance.read(), disturbance.read())
    assert found.steal >= 0
    assert "load" in found.text


def row_of(figure: Figure | None) -> row.Row:
    """Return a row that gives this figure, or cannot run."""

    def run(_setting: row.Setting) -> row.Reached:
        if figure is None:
            raise HarnessError("wrk is not on the PATH; install it: apt-get install wrk")
        return row.Reached(figures=(figure,), causes=("the origin was the limit",))

    return row.Row(name="one", what="a thing", must="hold", run=run)


def test_a_row_becomes_a_record() -> None:
    """Reached: no reason; missed: what was measured of it; unable to run: what to do."""
    setting = row.Setting(
        implementations=(),
        everyone=(),
        server_core=1,
        gauge_core=0,
        folder=Path(),
        seed=1,
        blocks=6,
        campaigns=1,
        campaign_s=1.0,
        kills=1,
        memory_s=1.0,
        say=lambda _: None,
        full_run=lambda _: Path(),
    )
    good = row.prove(row_of(Figure(what="x", value=2.0, least=1.0)), setting)
    assert good.passed
    assert good.reasons == ()
    bad = row.prove(row_of(Figure(what="x", value=0.5, least=1.0, best=0.9)), setting)
    assert bad.reasons[0] == "the origin was the limit"
    assert "MISS x: 0.5, at least 1; best reached 0.9" in text(bad)
    unable = row.prove(row_of(None), setting)
    assert not unable.passed
    assert unable.reasons == ("wrk is not on the PATH; install it: apt-get install wrk",)
    for missing in ("baseline", "reference"):
        with pytest.raises(HarnessError, match="cannot run here"):
            getattr(setting, missing)
    assert TWIN not in text(good)
