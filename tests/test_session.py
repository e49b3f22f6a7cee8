"""session: the order of jobs is the seed's, nothing is lost, nothing is done twice."""

import gc
import math
import os
import random
import time
from pathlib import Path
from types import FunctionType, ModuleType

import msgspec
import pytest

from harness import files, stages
from harness.cost import Book
from harness.measure import cells, echo, fetch, scenarios, session
from harness.measure.fetch import Service, Stamp, expected, urls
from harness.measure.gate import Gate
from harness.measure.job import Bench, Job
from harness.measure.schedule import (
    baselines,
    block_jobs,
    compared,
    contestants,
)
from harness.measure.session import Ended, Session, done
from harness.model import (
    BLOCKS_LEAST,
    ONCE,
    PLANTED,
    STALLED,
    TWIN,
    WORKLOADS,
    HarnessError,
    Implementation,
    Kind,
    Plan,
    Sample,
    UsageError,
)
from harness.precision import BLOCKS_ENOUGH, HALF_WIDTH, Width


@pytest.fixture(autouse=True)
def no_scenario(monkeypatch: pytest.MonkeyPatch) -> None:
    """Play none: they start real processes."""
    monkeypatch.setattr(scenarios, "run", lambda *_: None)


def implementation(name: str, kind: Kind = "framework", cannot_run: str = "") -> Implementation:
    """Make one that is never started."""
    return Implementation(
        name=name, folder="/nowhere", title=name, style="x", kind=kind, cannot_run=cannot_run
    )


def plan(**changes: object) -> Plan:
    """Make a plan of four, one of which cannot run."""
    fields: dict[str, object] = {
        "created": "2026-01-01T00:00:00Z",
        "evenloop": "0",
        "seed": 7,
        "workloads": ("echo", "fetch"),
        "quick": False,
        "budget_s": 600.0,
        "python": "3.11.7",
        "server_core": 1,
        "gauge_core": 0,
        "implementations": (
            implementation("asyncio"),
            implementation("trio"),
            implementation("lost", cannot_run="no such thing"),
            implementation("reference", kind="reference"),
        ),
    }
    return Plan(**{**fields, **changes})  # type: ignore[arg-type]


def test_who_takes_part() -> None:
    """Who cannot run or failed a MUST is left out of that workload; the baseline comes again."""
    models = contestants(plan(), [("trio", "fetch")])
    controls = ["asyncio" + alias for alias in (TWIN, PLANTED, STALLED)]
    assert [job.alias for job in models["echo"]] == ["asyncio", "trio", "reference", *controls]
    assert [job.alias for job in models["fetch"]] == ["asyncio", "reference", "asyncio" + TWIN]


def names(block: int, of: Plan) -> dict[str, set[str]]:
    """Return the cells of each contestant in a block."""
    found: dict[str, set[str]] = {}
    for job in block_jobs(of, block, contestants(of, [])):
        found.setdefault(job.alias, set()).update(cell.name for cell in job.cells)
    return found


def test_what_the_controls_are_measured_in() -> None:
    """The loss in one cell of every block, the stall once in an open loop, the twin in blocks."""
    blocks, once = names(0, plan()), names(ONCE, plan())
    assert blocks["asyncio" + TWIN] == blocks["asyncio"]
    assert blocks["asyncio" + PLANTED] == {"10x1KiB"}
    assert once["asyncio" + STALLED] == {"256x1KiB@2000"}
    assert "asyncio" + STALLED not in blocks
    assert not {"asyncio" + TWIN, "asyncio" + PLANTED} & once.keys()
    assert "256x1KiB@2000" not in once["asyncio"]


def test_a_quick_plan_has_no_open_loop() -> None:
    """Neither for contestants nor for a control; the planted loss stays."""
    quick = plan(quick=True)
    assert names(0, quick)["asyncio"] == {"10x1KiB", "10@0ms"}
    assert names(0, quick)["asyncio" + PLANTED] == {"10x1KiB"}
    assert names(ONCE, quick) == {}


def test_a_burden_needs_the_shared_launcher(tmp_path: Path) -> None:
    """A baseline with a command of its own has a twin and no burdens."""
    own = msgspec.structs.replace(implementation("asyncio"), run=("prog",))
    models = contestants(plan(implementations=(own,)), [])
    assert [job.alias for job in models["echo"]] == ["asyncio", "asyncio" + TWIN]
    job = msgspec.structs.replace(models["echo"][0], burden=("--burn", "1"), cells=cells.PLANTED)
    (sample,) = echo.run(job, Bench(server_core=0, gauge_core=0, folder=tmp_path))
    assert "launcher" in sample.error


def test_who_is_compared_with_whom() -> None:
    """All but the ceiling and the controls with the baseline, or without it with the reference."""
    assert compared(contestants(plan(), [("trio", "fetch")])) == {"echo": {"trio"}, "fetch": set()}
    assert set(baselines(contestants(plan(), [])).values()) == {"asyncio"}
    failed = contestants(plan(), [("asyncio", "echo"), ("asyncio", "fetch")])
    assert set(baselines(failed).values()) == {"reference"}


def test_the_order_is_the_seeds() -> None:
    """The same seed gives the same order, another block another; nobody is left out."""
    models = contestants(plan(), [])
    first, again, other = (block_jobs(plan(), block, models) for block in (0, 0, 1))
    assert first == again
    assert [job.alias for job in first] != [job.alias for job in other]
    assert sorted((j.alias, j.workload, str(j.cells)) for j in first) == sorted(
        (j.alias, j.workload, str(j.cells)) for j in other
    )


def test_all_of_a_block_get_the_same_slices() -> None:
    """Order of cells and slices is the same for all contestants of a block, and not of the next."""
    models = contestants(plan(), [])
    scripts = {
        block: {
            tuple((cell.name, prime) for cell, prime in echo.script(job))
            for job in block_jobs(plan(), block, models)
            if job.workload == "echo" and not job.burden
        }
        for block in (0, 1)
    }
    assert len(scripts[0]) == len(scripts[1]) == 1
    assert scripts[0] != scripts[1]


def test_an_open_loop_is_primed_last() -> None:
    """The cold sample, of the first cell that is primed, is of a closed loop in every order."""
    for block in range(8):
        for job in block_jobs(plan(), block, contestants(plan(), [])):
            if job.alias == "trio" and job.workload == "echo":
                primed = [cell.rate_per_s for cell, prime in echo.script(job) if prime]
                assert primed == [0, 0, 2000]


def test_a_budget_too_small_is_told_before_it_starts() -> None:
    """Under six blocks there is no interval: one sentence with the figures, and what would do."""
    with pytest.raises(UsageError, match=r"6 blocks about \d+ s; give --budget \d+s"):
        stages.fit_budget(plan(budget_s=10.0), given=True)
    assert stages.fit_budget(plan(budget_s=10.0), given=False).budget_s > 10.0
    assert stages.fit_budget(plan(budget_s=6000.0), given=True).budget_s == 6000.0


def test_scenarios_come_last_in_the_time_set_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the blocks are over, what was set aside for scenarios is left, and no more."""
    core = min(os.sched_getaffinity(0))
    here = plan(server_core=core + 1, gauge_core=core)
    told: list[tuple[Path, float]] = []
    monkeypatch.setattr(session, "block_jobs", lambda *_: [])
    monkeypatch.setattr(
        scenarios,
        "run",
        lambda _plan, _models, _bench, folder, _progress, left_s: told.append((folder, left_s)),
    )
    one = Session(here, tmp_path, [])
    one.run(time.monotonic() + 1e6, lambda _job, _text: None)
    ((folder, left_s),) = told
    assert folder == tmp_path
    assert 1e6 - 600 < left_s < 1e6
    assert scenarios.cost_s(here, one.models) > 10


def test_one_core_is_refused(tmp_path: Path) -> None:
    """The gauge must not share the contestant's core."""
    with pytest.raises(HarnessError, match="two cores"):
        Session(plan(gauge_core=1), tmp_path, [])


def samples(count: int, of: int, cell: str = "10x1KiB") -> list[Sample]:
    """Make the first `count` samples of a unit of `of`."""
    return [
        Sample(block=0, implementation="trio", workload="echo", cell=cell, index=i, of=of)
        for i in range(count)
    ]


def test_whole_units_are_known() -> None:
    """A unit counts when all its samples are there."""
    kept, units = done([*samples(3, 3), *samples(2, 3, "100x1KiB")])
    assert len(kept) == 3
    assert units == {(0, "trio", "echo", "10x1KiB")}


class Fake:
    """Does jobs by arithmetic: rates that are as noisy as they are told to be."""

    def __init__(self, noise: float, *, dies_at: int = -1) -> None:
        """`noise`: of a unit's rate; `dies_at`: the number of the job that kills the process."""
        self.noise = noise
        self.dies_at = dies_at
        self.jobs: list[tuple[int, str, str]] = []

    def __call__(self, job: Job, _bench: Bench) -> list[Sample]:
        """Return the samples of a job."""
        if len(self.jobs) == self.dies_at:
            raise KeyboardInterrupt
        self.jobs.append((job.block, job.alias, str([cell.name for cell in job.cells])))
        return [
            Sample(
                block=job.block,
                implementation=job.alias,
                workload=job.workload,
                cell=cell.name,
                index=index,
                of=2,
                wall_ns=50_000_000,
                messages=self._messages(job),
            )
            for cell in job.cells
            for index in range(2)
        ]

    def _messages(self, job: Job) -> int:
        off = random.Random(f"{job.block}/{job.alias}/{job.cells}").gauss(0, self.noise)
        return int(1_000_000 * math.exp(off))


def quiet() -> Gate:
    """Return a gate that stands open."""
    return Gate((0, 1), probe=lambda _cores: 0.0)


def measure(folder: Path, fake: Fake, left_s: float = 3600.0, **changes: object) -> Ended:
    """Run a session on this thread's own core, with a fake that does its jobs."""
    folder.mkdir(exist_ok=True)
    of = plan(gauge_core=min(os.sched_getaffinity(0)), server_core=-1, **changes)
    running = Session(of, folder, [], gate=quiet(), do=fake)
    return running.run(time.monotonic() + left_s, lambda _job, _text: None)


def test_it_stops_when_the_intervals_are_narrow(tmp_path: Path) -> None:
    """After BLOCKS_ENOUGH blocks where rates hardly differ, and it says how narrow they are."""
    ended = measure(tmp_path, Fake(0.002))
    assert (ended.blocks, ended.why) == (BLOCKS_ENOUGH, "narrow")
    assert ended.widest is not None
    assert 0 < ended.widest.share <= HALF_WIDTH


def test_wide_intervals_go_on(tmp_path: Path) -> None:
    """Where rates differ more from block to block, it takes more of them."""
    ended = measure(tmp_path, Fake(0.015))
    assert ended.blocks > BLOCKS_ENOUGH
    assert ended.why == "narrow"


def test_a_spent_budget_ends_it(tmp_path: Path) -> None:
    """With no time left there are BLOCKS_LEAST blocks, and nothing is measured once."""
    fake = Fake(0.1)
    ended = measure(tmp_path, fake, left_s=0.0)
    assert (ended.blocks, ended.why, ended.left_out) == (BLOCKS_LEAST, "budget", True)
    assert {block for block, _, _ in fake.jobs} == set(range(BLOCKS_LEAST))


def test_with_nobody_left_it_ends(tmp_path: Path) -> None:
    """Everyone failed the check: there is no block, however much time there is."""
    failed = [(one.name, workload) for one in plan().implementations for workload in WORKLOADS]
    of = plan(gauge_core=min(os.sched_getaffinity(0)), server_core=-1)
    running = Session(of, tmp_path, failed, gate=quiet(), do=Fake(0.0))
    ended = running.run(time.monotonic() + 3600, lambda _job, _text: None)
    assert (ended.blocks, ended.why, ended.widest) == (0, "nobody", None)


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        (Ended(blocks=13, why="narrow", widest=None, left_out=False), ["13 blocks", "narrow"]),
        (Ended(blocks=6, why="budget", widest=None, left_out=True), ["spent", "no time was left"]),
        (
            Ended(
                blocks=12,
                why="budget",
                widest=Width(workload="fetch", cell="10@0ms", implementation="trio", share=0.02),
                left_out=False,
            ),
            ["2.00%", "trio, fetch 10@0ms"],
        ),
        (
            Ended(
                blocks=5,
                why="budget",
                widest=Width(workload="echo", cell="x", implementation="trio", share=math.inf),
                left_out=False,
            ),
            ["too few"],
        ),
    ],
)
def test_how_it_ended_is_told(ended: Ended, words: list[str]) -> None:
    """How many blocks, why no more of them, and how wide the widest interval is."""
    said = stages.ending(ended)
    assert all(word in said for word in words)
    assert "inf" not in said


@pytest.mark.parametrize("quick", [True, False])
def test_a_killed_session_goes_on_where_it_was(tmp_path: Path, *, quick: bool) -> None:
    """Killed at any job, torn in any line, it ends with the same samples, and none twice."""
    whole = Fake(0.004)
    wanted_end = measure(tmp_path / "whole", whole, quick=quick)
    wanted = sorted((tmp_path / "whole" / "samples.jsonl").read_bytes().splitlines())
    for dies_at in (0, 1, 7, len(whole.jobs) - 1):
        folder = tmp_path / str(dies_at)
        with pytest.raises(KeyboardInterrupt):
            measure(folder, Fake(0.004, dies_at=dies_at), quick=quick)
        file = folder / "samples.jsonl"
        if dies_at:
            data = file.read_bytes()
            file.write_bytes(data[: len(data) - 20])
            costs = folder / "costs.jsonl"
            costs.write_bytes(costs.read_bytes()[:-5])
        again = Fake(0.004)
        assert measure(folder, again, quick=quick) == wanted_end
        assert len(again.jobs) == len(whole.jobs) - max(0, dies_at - 1)
        assert sorted(file.read_bytes().splitlines()) == wanted
        assert len(Book(folder).read()) == len(whole.jobs)


def test_a_job_that_is_torn_anywhere_is_done_again(tmp_path: Path) -> None:
    """A full disk ends the file in the middle of a job: no cell of it is there twice afterwards."""
    measure(tmp_path / "whole", Fake(0.004))
    lines = (tmp_path / "whole" / "samples.jsonl").read_bytes().splitlines(keepends=True)
    for number in range(1, 14):
        folder = tmp_path / str(number)
        folder.mkdir()
        file = folder / "samples.jsonl"
        file.write_bytes(b"".join(lines[:number]))
        measure(folder, Fake(0.004))
        assert sorted(file.read_bytes().splitlines(keepends=True)) == sorted(lines)


def reached(one: object) -> set[type]:
    """Return the types of all that an object holds, however deep; of code only that it is there."""
    seen: dict[int, object] = {}
    waiting = [one]
    while waiting:
        this = waiting.pop()
        if id(this) not in seen:
            seen[id(this)] = this
            if not isinstance(this, type | ModuleType | FunctionType):
                waiting += gc.get_referents(this)
    return {type(this) for this in seen.values()}


def test_a_session_forgets_its_samples(tmp_path: Path) -> None:
    """What was measured is in the file, what was taken over is let go: nothing grows with a run."""
    of = plan(gauge_core=min(os.sched_getaffinity(0)), server_core=-1, quick=True)
    until = time.monotonic() + 3600
    Session(of, tmp_path, [], gate=quiet(), do=Fake(0.004)).run(until, lambda _job, _text: None)
    running = Session(of, tmp_path, [], gate=quiet(), do=Fake(0.004))
    assert Sample in reached(running)
    running.run(until, lambda _job, _text: None)
    assert Sample not in reached(running)


def test_a_resumed_session_drops_what_is_not_whole(tmp_path: Path) -> None:
    """A torn line, a unit without all its samples, and what is left of a job: all of them go."""
    file = tmp_path / "samples.jsonl"
    files.append_jsonl(file, [*samples(3, 3), *samples(2, 3, "100x1KiB")])
    whole = file.read_bytes()
    file.write_bytes(whole + whole.splitlines()[-1][:20])
    Session(plan(quick=True), tmp_path, [])
    assert files.read_jsonl(file, Sample) == samples(3, 3)
    Session(plan(), tmp_path, [])  # there a job has more cells, which are measured together
    assert files.read_jsonl(file, Sample) == []


def test_an_edited_line_is_told(tmp_path: Path) -> None:
    """A line that was changed by hand is refused with its number."""
    file = tmp_path / "samples.jsonl"
    files.append_jsonl(file, samples(3, 3))
    lines = file.read_text().splitlines()
    lines[1] = lines[1].replace('"block":0', '"block":"x"')
    file.write_text("\n".join(lines) + "\n")
    with pytest.raises(UsageError, match="line 2"):
        Session(plan(), tmp_path, [])


def test_expected_sums_wrap() -> None:
    """The crc32s of the bodies are added modulo 2**64, and bodies repeat modulo 256."""
    one, two = expected(256, 16), expected(512, 16)
    assert two.crc32 == 2 * one.crc32 % 2**64
    assert two.bytes == 512 * 16


def test_urls_for_a_cell() -> None:
    """Half a second of the ideal client, never under 25."""
    by_name = {cell.name: urls(cell, quick=False) for cell in (*cells.RANKED, *cells.ONCE)}
    assert by_name["100@20ms"] == 2500
    assert by_name["1@20ms"] == 25
    assert by_name["10@0ms"] == 5000


def test_the_first_and_the_last_tenth_of_a_fetch_do_not_count() -> None:
    """The origin's first stamp is the first request's: connecting and a cold client come before."""
    stamps = [
        Stamp(requests, requests * 1000, 0, 0, 0, 0, 0, 0.5)
        for requests in (1, *range(500, 5001, 500))
    ]
    job = Job(
        block=0,
        implementation=implementation("trio"),
        alias="trio",
        workload="fetch",
        cells=(cells.RANKED[-1],),
        order=0,
    )
    made = fetch._samples(job, job.cells[0], Service(5000, 0, 10, stamps))
    assert [one.messages for one in made] == [500] * 8
    assert made[0].started_ns == 500_000


def test_cells_have_names_of_their_own() -> None:
    """A cell's name is unique within its workload, apart from those measured both ways."""
    for chosen in (cells.RANKED, cells.ONCE):
        names = [(cell.workload, cell.name) for cell in chosen]
        assert len(names) == len(set(names))


def test_samples_round_trip() -> None:
    """A sample survives its file."""
    one = samples(1, 1)[0]
    assert msgspec.json.decode(msgspec.json.encode(one), type=Sample) == one
