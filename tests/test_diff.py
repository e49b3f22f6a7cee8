"""Two runs against each other: a change is seen, noise and the machine's drift are not."""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest
from command_line import run

from harness import alike, diff, files, recorded, stats

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.diff import CellChange
    from harness.recorded import Recorded

GOLDEN = Path(__file__).resolve().parent / "golden" / "run"
CELLS = {"10x1KiB", "256x1KiB@2000", "10@0ms"}
NAMES = {"asyncio", "trio", "reference"}


@pytest.fixture(scope="module")
def golden_run() -> Recorded:
    """Return a part of the golden run: three cells, and whom the tests speak of."""
    whole = recorded.read_measured(GOLDEN)
    samples = [s for s in whole.samples if s.cell in CELLS and s.implementation in NAMES]
    return whole._replace(samples=samples)


def slowed(before: Recorded, factors: dict[str, float]) -> Recorded:
    """Return the run with the messages of some implementations (or of `all`) multiplied."""
    samples = [
        msgspec.structs.replace(
            s,
            messages=round(
                s.messages * factors.get("all", 1.0) * factors.get(s.implementation, 1.0)
            ),
        )
        if "@2000" not in s.cell
        else s
        for s in before.samples
    ]
    return before._replace(samples=samples)


def changes(found: diff.Difference, outcome: str) -> list[CellChange]:
    """Return the changes with an outcome, the ceiling's own left out."""
    return [c for c in found.changes if c.outcome == outcome and c.p is not None]


def test_a_run_is_like_itself(golden_run: Recorded) -> None:
    """Every ratio is 1, nothing is better or worse, and no verdict changed."""
    found = diff.difference(golden_run, golden_run)
    assert found.changes
    assert {c.ratio.value for c in found.changes} == {1.0}
    assert not changes(found, "better") + changes(found, "worse")
    assert (found.conditions, found.versions, found.verdicts, found.only_before) == ((),) * 4
    assert found == diff.difference(golden_run, golden_run), "the same two give the same"


def test_what_got_slower_is_seen_and_nobody_else(golden_run: Recorded) -> None:
    """A tenth less in every cell: worse, with an interval around 0.9; the others are as before."""
    found = diff.difference(golden_run, slowed(golden_run, {"trio": 0.9}))
    worse = changes(found, "worse")
    assert {c.implementation for c in worse} == {"trio"}
    for change in worse:
        assert change.ratio.low is not None
        assert change.ratio.high is not None
        assert change.ratio.low < 0.9 < change.ratio.high
    better = diff.difference(slowed(golden_run, {"trio": 0.9}), golden_run)
    assert {c.implementation for c in changes(better, "better")} == {"trio"}


def test_what_the_machine_did_falls_out(golden_run: Recorded) -> None:
    """Everyone a fifth slower, the ceiling as well: no change, and the ceiling's row tells."""
    found = diff.difference(golden_run, slowed(golden_run, {"all": 0.8}))
    assert not changes(found, "worse")
    closed = [c for c in found.changes if c.figure == "rate_per_s" and c.p is None]
    assert closed
    assert all(c.ratio.value == pytest.approx(0.8, abs=0.01) for c in closed)


def test_less_than_a_tie_is_no_change(golden_run: Recorded) -> None:
    """Two per cent, however narrow the interval."""
    found = diff.difference(golden_run, slowed(golden_run, {"trio": 0.98}))
    assert not changes(found, "worse")


def test_without_a_ceiling_figures_stand_as_they_are(golden_run: Recorded) -> None:
    """The machine's part is then in the ratios, and no change claims to be over anything."""
    alone = golden_run._replace(
        samples=[s for s in golden_run.samples if s.implementation != "reference"]
    )
    found = diff.difference(alone, slowed(alone, {"all": 0.8}))
    assert {c.against for c in found.changes} == {""}
    assert len(changes(found, "worse")) == sum(c.figure == "rate_per_s" for c in found.changes)


def test_only_a_whole_interval_beyond_the_share_fails(golden_run: Recorded) -> None:
    """10% less is more than 5%; 5% less is not, as its interval reaches over it."""
    tenth = diff.difference(golden_run, slowed(golden_run, {"trio": 0.9}))
    assert any("trio echo 10x1KiB" in said for said in diff.too_much(tenth, 0.05))
    twentieth = diff.difference(golden_run, slowed(golden_run, {"trio": 0.95}))
    assert changes(twentieth, "worse")
    assert diff.too_much(twentieth, 0.05) == []
    faster = diff.difference(slowed(golden_run, {"trio": 0.5}), golden_run)
    assert diff.too_much(faster, 0.05) == []


def test_slower_answers_are_worse(golden_run: Recorded) -> None:
    """At a given rate the less the better."""
    samples = [
        msgspec.structs.replace(
            s, max_ns=s.max_ns * 3, latencies=tuple((at * 3, n) for at, n in s.latencies)
        )
        if s.implementation == "trio"
        else s
        for s in golden_run.samples
    ]
    found = diff.difference(golden_run, golden_run._replace(samples=samples))
    (worse,) = changes(found, "worse")
    assert (worse.implementation, worse.figure) == ("trio", "p99_us")
    assert worse.ratio.value == pytest.approx(3.0, rel=0.01)
    assert diff.too_much(found, 1.0)


def test_a_must_that_fails_now_is_worse_than_any_share(golden_run: Recorded) -> None:
    """Its figures are gone, and both are told."""
    verdicts = [
        msgspec.structs.replace(v, verdict="FAIL", reason="expected FIN; got RST")
        if (v.implementation, v.case) == ("trio", "E04.2")
        else v
        for v in golden_run.verdicts
    ]
    found = diff.difference(golden_run, golden_run._replace(verdicts=verdicts))
    (change,) = found.verdicts
    assert (change.case, change.before, change.after) == ("E04.2", "PASS", "FAIL")
    assert "trio echo 10x1KiB" in found.only_before
    assert not any(c.implementation == "trio" and c.cell.workload == "echo" for c in found.changes)
    assert "trio E04.2: PASS, now FAIL" in diff.too_much(found, 0.99)


def test_runs_that_are_not_alike_are_told_apart(golden_run: Recorded) -> None:
    """Machine, interpreter and settings; not what a comparison is about."""
    plan = golden_run.plan
    other = msgspec.structs.replace(
        plan, machine={**plan.machine, "kernel": "Linux 7.0"}, python="3.14.0", quick=True
    )
    assert {c.what for c in alike.conditions(plan, other)} == {"kernel", "python", "quick"}
    same = msgspec.structs.replace(plan, seed=9, budget_s=60.0, created="2027-01-01T00:00:00Z")
    assert alike.conditions(plan, same) == ()


@pytest.mark.parametrize("blocks", [6, 9])
def test_the_interval_of_a_shift_covers_the_truth(blocks: int) -> None:
    """Of 100 pairs of runs with a known ratio, 90% or more have it in their 95% interval."""
    rng = np.random.default_rng(blocks)
    covered = 0
    for campaign in range(100):
        before, after = rng.normal(0.4, 0.015, blocks), rng.normal(0.35, 0.015, blocks)
        low, high = stats.bootstrap_shift(list(before), list(after), (7, campaign))
        covered += low <= -0.05 <= high
    assert covered / 100 >= 0.90


def test_two_runs_of_the_same_seldom_differ() -> None:
    """Of 200 pairs with nothing between them, the test finds something in 5% at about most."""
    rng = np.random.default_rng(1)
    found = [
        stats.mann_whitney_p(list(rng.normal(0, 1, 9)), list(rng.normal(0, 1, 9))) < 0.05
        for _ in range(200)
    ]
    assert sum(found) <= 20
    assert stats.mann_whitney_p([1.0, 2.0, 3.0], [4.0, 5.0, 6.0]) == pytest.approx(0.1)


@pytest.fixture
def folders(tmp_path: Path, golden_run: Recorded) -> Callable[..., tuple[Path, Path]]:
    """Return what makes two run folders, the second with some implementations slowed."""

    def make(factors: dict[str, float], **changed: object) -> tuple[Path, Path]:
        before, after = tmp_path / "before", tmp_path / "after"
        shutil.copytree(GOLDEN, before)
        shutil.copytree(GOLDEN, after)
        files.write_jsonl(before / "samples.jsonl", golden_run.samples)
        files.write_jsonl(after / "samples.jsonl", slowed(golden_run, factors).samples)
        plan = msgspec.structs.replace(golden_run.plan, **changed)
        files.write_json(after / "plan.json", plan)
        return before, after

    return make


def test_the_command_tells_and_judges(
    folders: Callable[..., tuple[Path, Path]],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """0 where nothing is asked; 1 where more was lost than allowed, and by whom; 80 columns."""
    before, after = folders({"trio": 0.9})
    told = run(capsys, monkeypatch, "diff", before, after)
    assert told.status == 0, told.stderr
    assert "worse: Trio, echo 10x1KiB: 0.9" in told.stdout
    assert max(map(len, told.stdout.splitlines())) <= 80
    assert "\x1b" not in told.stdout
    assert run(capsys, monkeypatch, "diff", before, after, "--fail-over", "20%").status == 0
    judged = run(capsys, monkeypatch, "diff", before, after, "--fail-over", "5%")
    assert judged.status == 1
    assert "over 5%: trio echo 10x1KiB" in judged.stdout
    wrong = run(capsys, monkeypatch, "diff", before, after, "--fail-over", "much")
    assert (wrong.status, len(wrong.stderr.splitlines())) == (2, 1)


def test_unlike_runs_are_refused_unless_told_to(
    folders: Callable[..., tuple[Path, Path]],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And what differs is said either way."""
    before, after = folders({}, python="3.14.0")
    refused = run(capsys, monkeypatch, "diff", before, after)
    assert refused.status == 2
    assert "python (3.13.0 | 3.14.0)" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    told = run(capsys, monkeypatch, "diff", before, after, "--anyway")
    assert told.status == 0
    assert "not alike in: python (3.13.0 | 3.14.0)" in told.stdout.replace("\n", " ")


def test_what_is_no_run_is_one_sentence(
    folders: Callable[..., tuple[Path, Path]],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No folder, damaged samples, no samples: each its own, status 2."""
    before, after = folders({})
    samples = after / "samples.jsonl"
    whole = samples.read_bytes()
    wrongs = {
        "line 2: not a Sample": b"".join([*whole.splitlines(keepends=True)[:1], b"\xff\x00{]\n"]),
        "cut short": whole[:-9],
        "has no samples": None,
    }
    for said, content in wrongs.items():
        samples.write_bytes(content) if content else samples.unlink()
        done = run(capsys, monkeypatch, "diff", before, after)
        assert (done.status, len(done.stderr.splitlines())) == (2, 1)
        assert said in done.stderr
    done = run(capsys, monkeypatch, "diff", "nowhere", "also")
    assert (done.status, done.stderr) == (
        2,
        "evenloop: nowhere is no run folder: it has no plan.json.\n",
    )


def test_a_run_of_few_blocks_is_no_ground_to_judge(
    folders: Callable[..., tuple[Path, Path]],
    golden_run: Recorded,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without an interval --fail-over says so, and neither passes nor fails."""
    before, after = folders({})
    few = [s for s in golden_run.samples if s.block < 3]
    files.write_jsonl(after / "samples.jsonl", few)
    done = run(capsys, monkeypatch, "diff", before, after, "--fail-over", "5%")
    assert done.status == 2
    assert "six blocks" in done.stderr
    assert "too few blocks" in done.stdout


def test_logarithms_are_of_the_blocks(golden_run: Recorded) -> None:
    """The ratio is that of the medians of each run's own within-block ratios, computed apart."""
    after = slowed(golden_run, {"trio": 0.9})
    found = diff.difference(golden_run, after)
    (change,) = [
        c
        for c in found.changes
        if (c.implementation, c.cell.workload, c.cell.name) == ("trio", "fetch", "10@0ms")
    ]
    medians = []
    for one in (golden_run, after):
        by: dict[str, dict[int, list[float]]] = {"trio": {}, "reference": {}}
        for s in one.samples:
            if s.workload == "fetch" and s.cell == "10@0ms" and s.implementation in by:
                rate = s.messages / (s.wall_ns - s.child_wait_ns)
                if s.block not in {-1, 3} and not s.error and s.gauge_wait_ns < 0.05 * s.wall_ns:
                    by[s.implementation].setdefault(s.block, []).append(rate)
        ratios = [
            math.log(float(np.median(by["trio"][b])) / float(np.median(by["reference"][b])))
            for b in by["trio"]
            if b in by["reference"]
        ]
        medians.append(float(np.median(ratios)))
    assert change.ratio.value == pytest.approx(math.exp(medians[1] - medians[0]), rel=1e-4)
