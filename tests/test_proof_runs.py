"""What the rows of the proof run does what they say, in the smallest size there is."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from harness import files, launch, machine, plan, witness
from harness.commands.proof import _put_aside
from harness.model import Cell, HarnessError, Sample, Verdict
from harness.proof import blocks, memory, runs, stall, wrk
from harness.proof.row import Setting

if TYPE_CHECKING:
    from pathlib import Path

    from harness.measure.job import Bench, Job

CELL = Cell(workload="echo", concurrency=2, size=64, ranked=True)
needs_two_cores = pytest.mark.skipif(
    len(os.sched_getaffinity(0)) < 2, reason="measuring needs two cores"
)


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    """Return a setting of two blocks in a folder of the test."""
    server_core, gauge_core = machine.cores()
    able = tuple(one for one in plan.discover() if not one.cannot_run)
    return Setting(
        implementations=able,
        everyone=able,
        server_core=server_core,
        gauge_core=gauge_core,
        folder=tmp_path,
        seed=7,
        blocks=2,
        campaigns=1,
        campaign_s=0.1,
        kills=1,
        memory_s=1.0,
        say=lambda _: None,
        full_run=lambda _: tmp_path,
    )


def test_blocks_are_random_and_alike(setting: Setting) -> None:
    """Every contestant once a block, in an order that differs, with one order of slices."""
    models = [blocks.contestant(setting.reference, [CELL], alias=name) for name in "abcdef"]
    done: list[Job] = []

    def do(job: Job, _bench: Bench) -> list[Sample]:
        assert os.sched_getaffinity(0) == {setting.gauge_core}
        done.append(job)
        return job.void("nothing was done")

    allowed = os.sched_getaffinity(0)
    samples = blocks.interleaved(models, setting, what="test", do=do)
    assert os.sched_getaffinity(0) == allowed
    first, second = done[:6], done[6:]
    assert sorted(job.alias for job in first) == sorted(job.alias for job in second) == [*"abcdef"]
    assert [job.alias for job in first] != [job.alias for job in second]
    assert len({job.order for job in first}) == 1
    assert {job.block for job in second} == {1}
    assert blocks.by_cell(samples, [CELL])[CELL.name].rates == {}
    assert "a failed: nothing was done" in blocks.losses(samples, [CELL])


@needs_two_cores
def test_a_burden_reaches_the_launcher(setting: Setting) -> None:
    """What the launcher does not know voids the job; a program of its own has no launcher."""
    wrong = ["--no-such-burden"]
    models = [
        blocks.contestant(setting.baseline, [CELL], burden=wrong),
        blocks.contestant(setting.reference, [CELL], burden=wrong),
    ]
    said = {one.implementation: one.error for one in blocks.block(models, 0, setting)}
    assert "no-such-burden" in said[setting.baseline.name]
    assert said[setting.reference.name] == "it has its own launcher"


@needs_two_cores
def test_both_clients_load_the_origin(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each says how many requests it made and how long it took; its CPU is above nothing."""
    monkeypatch.setattr(wrk, "REQUESTS", 3000)
    if not shutil.which("wrk"):
        with pytest.raises(HarnessError, match="apt-get install wrk"):
            wrk._Clients(setting)
        return
    clients = wrk._Clients(setting)
    for client in ("gauge", "wrk"):
        turn = wrk._turn(setting, clients, (0, "origin", 2, client), "")
        assert turn.client == client
        assert turn.requests == 3000 if client == "gauge" else turn.requests > 0
        assert turn.wall_s > 0
        assert turn.kernel_s < turn.wall_s  # of so few requests less than its start's may differ
        assert turn.server_busy is not None
        assert 0 < turn.server_busy <= 1


def test_a_server_is_stopped_and_goes_on(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many stops as asked for, each as long as asked for, and it runs in the end."""
    monkeypatch.setattr(stall, "FIRST_S", 0.0)
    monkeypatch.setattr(stall, "STALL_S", 0.02)
    monkeypatch.setattr(stall, "EVERY_S", 0.05)
    words = [sys.executable, "-c", "import time; time.sleep(60)"]
    with launch.start(words, stderr=setting.folder / "stderr") as child:
        stops = stall.stop_and_go(child)
        assert witness.state(child.pid) != "T"
        child.signal(signal.SIGTERM)
        child.wait(10)
    assert len(stops) == stall.STALLS
    assert all(end - begin >= 20_000_000 for begin, end in stops)
    assert all(after[0] > before[1] for before, after in pairwise(stops))


WRITER = """
import sys, time
for block in range(3):
    with open(sys.argv[1], "a") as file:
        file.write('{"block": %d}\\n' % block)
    print(block, flush=True)
    sys.stdin.readline()
"""


def test_memory_is_read_at_every_block(setting: Setting) -> None:
    """A point for each block that was written, until the process is gone."""
    file = setting.folder / "samples.jsonl"
    reader, writer = os.pipe()
    words = [sys.executable, "-c", WRITER, str(file)]
    with (
        os.fdopen(reader) as stdin,
        launch.start(words, stderr=setting.folder / "stderr", stdin=stdin.fileno()) as child,
    ):
        child.line(20)
        until = time.monotonic() + 20
        points = memory.watch(setting.folder, child.pid, until, lambda: _step(child, writer))
    os.close(writer)
    assert [point.block for point in points] == [0, 1, 2]
    assert all(point.anonymous_bytes > 1_000_000 for point in points)


def _step(child: launch.Child, writer: int) -> None:
    """Let the writer write its next block, and wait until it has, or has ended."""
    os.write(writer, b"\n")
    if child.line(20) is None:
        child.wait(20)


def test_a_small_plan_lacks_its_measuring_alone(setting: Setting) -> None:
    """Plan and verdicts are there: everyone passed, so that everyone is measured."""
    folder = setting.folder / "run"
    chosen = [setting.baseline, setting.reference]
    runs.small_plan(chosen, folder, workloads=("echo",), budget_s=1.0, seed=3)
    verdicts = files.read_jsonl(folder / "verdicts.jsonl", Verdict)
    assert [(one.implementation, one.verdict) for one in verdicts] == [
        (one.name, "PASS") for one in chosen
    ]
    assert not (folder / "samples.jsonl").exists()


def test_a_failed_command_says_why(setting: Setting) -> None:
    """The last line that a run wrote on stderr is the reason."""
    nowhere = setting.folder / "nowhere"
    with (
        runs.command(["measure", str(nowhere)], setting.folder / "stderr") as child,
        pytest.raises(HarnessError, match="is no run folder"),
    ):
        runs.finish(child, 60)


def test_full_runs_are_measured_once(setting: Setting) -> None:
    """A folder that was given is taken, one that is there from before as well."""
    home = setting.folder / "proof"
    (home / "run-2").mkdir(parents=True)
    (home / "run-2" / "summary.json").write_text("{}")
    given = setting.folder / "given"
    full = runs.FullRuns(home=home, say=lambda _: None, given=[given])
    assert full(0) == given
    assert full(1) == home / "run-2"
    _put_aside(home)
    assert not home.exists()
    assert len(list(setting.folder.glob("proof-*/run-2"))) == 1
    _put_aside(home)
