"""An echo job: what the gauge is asked for, and what becomes of its answers."""

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from harness import launch
from harness.measure import cells, echo
from harness.measure.job import Bench, Job, gauge_line, tell
from harness.model import Cell, HarnessError, Implementation, Sample

ONE = Implementation(name="asyncio", folder="/nowhere", title="asyncio", style="x")
LINE = {
    "connections": 10,
    "size": 1024,
    "started_ns": 5_000_000_000,
    "wall_ns": 500_000_000,
    "messages": 990,
    "server_cpu_ns": 1,
    "server_wait_ns": 2,
    "server_faults": 3,
    "gauge_cpu_ns": 4,
    "gauge_wait_ns": 5,
    "busy": 0.5,
    "jain": 1.0,
    "mean_latency_ns": 6.0,
    "p50_ns": 7,
    "p90_ns": 8,
    "p99_ns": 9,
    "p999_ns": 10,
    "max_ns": 11,
    "overflow": 0,
    "unanswered": 10,
    "due": 1000,
    "late_p50_ns": 100,
    "late_p99_ns": 200,
    "flooded_bytes": 0,
    "errors": 0,
    "error": None,
    "latencies": [[7, 500], [9, 490]],
}


class Gauge:
    """Says the same of every slice."""

    def __init__(self, **changes: object) -> None:
        """Change some of what it says."""
        self.text = json.dumps({**LINE, **changes})

    def line(self, _timeout_s: float) -> str:
        """Return a slice's line."""
        return self.text


def job(*chosen: Cell) -> Job:
    """Return a job for these cells."""
    return Job(block=0, implementation=ONE, alias="asyncio", workload="echo", cells=chosen, order=7)


def loaded(one: Job, gauge: Gauge, folder: Path) -> tuple[list[Sample], Bench]:
    """Return the samples that come of what a gauge says, and where the time was booked."""
    bench = Bench(server_core=0, gauge_core=1, folder=folder)
    slices = echo.script(one)
    found = echo._load(one, bench, gauge, slices, 4_000_000_000)  # type: ignore[arg-type]
    return list(found), bench


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (cells.RANKED[0], ["10x1024/0/50", *["10x1024/20/50"] * 6]),
        (cells.LATENCY, ["256x1024@2000/0/130", "256x1024@2000/130/500"]),
        (cells.STALLED[0], ["256x1024@2000/0/130", "256x1024@2000/130/2000"]),
        (cells.ONCE[0], ["1x64/0/50", *["1x64/20/50"] * 3]),
    ],
)
def test_what_the_gauge_is_asked_for(cell: Cell, words: list[str]) -> None:
    """Priming first, all of it window; then so many slices, each with its warm-up."""
    assert echo._text(echo.script(job(cell))).split(",") == words


def test_an_open_loop_keeps_its_latencies(tmp_path: Path) -> None:
    """What was due, how late the gauge was, the histogram; who is not answered is no error."""
    (sample,) = (s for s in loaded(job(cells.LATENCY), Gauge(), tmp_path)[0] if s.phase == "warm")
    assert (sample.due, sample.late_p50_ns, sample.late_p99_ns) == (1000, 100, 200)
    assert sample.latencies == ((7, 500), (9, 490))
    assert (sample.unanswered, sample.error) == (10, "")
    assert msgspec.json.decode(msgspec.json.encode(sample), type=Sample) == sample


def test_a_closed_loop_must_close(tmp_path: Path) -> None:
    """There, a message that never came back voids the slice."""
    found, _ = loaded(job(cells.RANKED[0]), Gauge(), tmp_path)
    assert {sample.error for sample in found} == {"10 messages never came back"}


def test_only_the_first_priming_is_a_sample(tmp_path: Path) -> None:
    """Of a process that has served nothing: cold. All others are warm, or thrown away."""
    found, _ = loaded(job(*cells.RANKED[:3]), Gauge(unanswered=0), tmp_path)
    assert [sample.phase for sample in found].count("cold") == 1
    assert len(found) == 1 + 6 + 6 + 1
    assert all(sample.index < sample.of for sample in found)


def test_the_time_is_booked(tmp_path: Path) -> None:
    """From the start to the first window, priming, and slices with their warm-ups."""
    _, bench = loaded(job(cells.LATENCY), Gauge(), tmp_path)
    cost = bench.ledger.close("blocks")
    assert (cost.starts_s, cost.priming_s, cost.slices_s) == (1.0, 0.5, 0.63)


@pytest.mark.parametrize("read", ["line", "ready"])
def test_a_gauge_that_cannot_run_says_why(tmp_path: Path, read: str) -> None:
    """It ends before it was told anything: the sentence is its own, not that of a broken pipe."""
    words = [sys.executable, "-c", "import sys; sys.exit('gauge: it is not built')"]
    with launch.start(words, stderr=tmp_path / "e", stdin=subprocess.PIPE) as gauge:
        gauge.wait(20)
        tell(gauge, "load --port 1")
        with pytest.raises(HarnessError, match="it is not built"):
            gauge_line(gauge, echo.Slice) if read == "line" else gauge.ready()
