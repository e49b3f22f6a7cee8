"""session: the order of jobs is the seed's, nothing is lost, nothing is done twice."""

from pathlib import Path

import msgspec
import pytest

from harness import files, stages
from harness.measure import cells, echo
from harness.measure.fetch import expected, urls
from harness.measure.session import Session, block_jobs, contestants, done
from harness.model import TWIN, HarnessError, Implementation, Kind, Plan, Sample, UsageError


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
    """Who cannot run or failed a MUST is left out of that workload; the baseline comes twice."""
    models = contestants(plan(), [("trio", "fetch")])
    assert [job.alias for job in models["echo"]] == [
        "asyncio",
        "trio",
        "reference",
        "asyncio" + TWIN,
    ]
    assert [job.alias for job in models["fetch"]] == ["asyncio", "reference", "asyncio" + TWIN]


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
            if job.workload == "echo"
        }
        for block in (0, 1)
    }
    assert len(scripts[0]) == len(scripts[1]) == 1
    assert scripts[0] != scripts[1]


def test_the_twin_is_not_measured_once() -> None:
    """Cells that are measured once need no canary."""
    models = contestants(plan(), [])
    assert not [job for job in block_jobs(plan(), -1, models) if job.alias.endswith(TWIN)]


def test_a_budget_too_small_is_told_before_it_starts() -> None:
    """Under six blocks there is no interval: one sentence with the figures, and what would do."""
    with pytest.raises(UsageError, match=r"6 blocks about \d+ s; give --budget \d+s"):
        stages.fit_budget(plan(budget_s=10.0), given=True)
    assert stages.fit_budget(plan(budget_s=10.0), given=False).budget_s > 10.0
    assert stages.fit_budget(plan(budget_s=6000.0), given=True).budget_s == 6000.0


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


def test_a_resumed_session_drops_what_is_not_whole(tmp_path: Path) -> None:
    """A torn line and a unit without all its samples go; whole units stay as they were."""
    file = tmp_path / "samples.jsonl"
    files.append_jsonl(file, [*samples(3, 3), *samples(2, 3, "100x1KiB")])
    whole = file.read_bytes()
    file.write_bytes(whole + whole.splitlines()[-1][:20])
    Session(plan(), tmp_path, [])
    assert files.read_jsonl(file, Sample) == samples(3, 3)


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


def test_cells_have_names_of_their_own() -> None:
    """A cell's name is unique within its workload, apart from those measured both ways."""
    for chosen in (cells.RANKED, cells.ONCE):
        names = [(cell.workload, cell.name) for cell in chosen]
        assert len(names) == len(set(names))


def test_samples_round_trip() -> None:
    """A sample survives its file."""
    one = samples(1, 1)[0]
    assert msgspec.json.decode(msgspec.json.encode(one), type=Sample) == one
