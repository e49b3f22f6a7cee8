"""History: every run is listed once, and no line joins two that were not alike."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest
from command_line import run

from harness import files, history, run_folder
from harness.model import Plan, UsageError
from harness.report import over_time

GOLDEN = Path(__file__).resolve().parent / "golden" / "run"
CELL = history.cell("echo:10x1KiB")


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Return a folder of four runs: two alike, one under another kernel, one alike again."""
    plan = files.read_json(GOLDEN / "plan.json", Plan)
    for day, kernel in (("03", "6.12.0"), ("04", "6.12.0"), ("05", "7.0.0"), ("06", "6.12.0")):
        folder = tmp_path / "runs" / day
        folder.mkdir(parents=True)
        shutil.copyfile(GOLDEN / "summary.json", folder / "summary.json")
        shutil.copyfile(GOLDEN / "verdicts.jsonl", folder / "verdicts.jsonl")
        changed = msgspec.structs.replace(
            plan,
            created=f"2026-01-{day}T03:04:05Z",
            machine={**plan.machine, "kernel": f"Linux {kernel}"},
        )
        files.write_json(folder / "plan.json", changed)
    return tmp_path / "runs"


def test_runs_come_in_their_order_with_their_state(runs: Path) -> None:
    """By date; a run that says how it ended is believed, one that was killed is cut short."""
    for day, state in (("03", "complete"), ("04", "interrupted"), ("05", "begun")):
        spent = run_folder.Spent(spent_s=1.0, state=state)  # type: ignore[arg-type]
        files.write_json(runs / day / run_folder.SPENT, spent)
    (runs / "explore").mkdir()
    found, broken = history.runs([runs, runs / "03"])
    assert [run.folder.name for run in found] == ["03", "04", "05", "06"]
    assert [run.state for run in found] == ["complete", "interrupted", "cut short", "not told"]
    assert broken == []


def test_a_damaged_run_stops_nobody(runs: Path) -> None:
    """It is named; the others are listed."""
    (runs / "04" / "plan.json").write_text("{")
    (runs / "05" / "summary.json").write_text('{"format": 0}')
    found, broken = history.runs([runs])
    assert [run.folder.name for run in found] == ["03", "05", "06"]
    assert "04/plan.json" in broken[0]
    points, unread = history.series(found, CELL)
    assert {point.run.folder.name for point in points["trio"]} == {"03", "06"}
    assert "05/summary.json" in unread[0]


def test_unlike_runs_are_not_of_one_group(runs: Path) -> None:
    """Another kernel is another letter; the one before it comes back to its own."""
    found, _ = history.runs([runs])
    points, _ = history.series(found, CELL, ["trio"])
    assert [point.group for point in points["trio"]] == ["A", "A", "B", "A"]
    assert list(points) == ["trio"]


def test_the_drawn_line_stays_within_a_group(runs: Path) -> None:
    """Lines and colours go by the letter: the specification says so, and the picture has three."""
    found, _ = history.runs([runs])
    points, _ = history.series(found, CELL, ["trio"])
    spec = over_time.specification(CELL, points, {"trio": "Trio"})
    line = next(layer for layer in spec["spec"]["layer"] if layer["mark"]["type"] == "line")
    assert line["encoding"]["detail"]["field"] == "group"
    drawn = over_time.drawing(CELL, points, {"trio": "Trio<script>"})
    lines = re.findall(r'<path d="([^"]*)" stroke="[^"]*" stroke-width="2"/>', drawn)
    assert sorted(line.count("L") for line in lines) == [0, 2], "three of one group, one alone"
    assert "<script" not in drawn
    assert drawn == over_time.drawing(CELL, points, {"trio": "Trio<script>"})


def test_the_chart_fits_a_terminal(runs: Path) -> None:
    """80 columns; every point on its line with its interval; a break between what is not alike."""
    found, _ = history.runs([runs])
    for name in ("echo:10x1KiB", "echo:256x1KiB@2000", "fetch:100@20ms"):
        where = history.cell(name)
        points, _ = history.series(found, where)
        drawn = list(over_time.lines(where, points, {"trio": "Tr\x1b[31mio"}))
        assert max(map(len, drawn)) <= 80
        assert "\x1b" not in "".join(drawn)
        assert sum("●" in line for line in drawn) == sum(map(len, points.values()))
        assert sum("┄" in line for line in drawn) == 2 * len(points)


def test_a_given_rate_shows_answer_times(runs: Path) -> None:
    """There the rate says nothing."""
    found, _ = history.runs([runs])
    points, _ = history.series(found, history.cell("echo:256x1KiB@2000"))
    assert {point.figure for own in points.values() for point in own} == {"p99_us"}


@pytest.mark.parametrize("name", ["swim:1x1KiB", "echo", "echo:swim", "10x1KiB"])
def test_what_is_no_cell_is_told(name: str) -> None:
    """With two that are."""
    with pytest.raises(UsageError, match="echo:100x1KiB or fetch:10@20ms"):
        history.cell(name)


def test_the_command_lists_and_draws(
    runs: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A line a run with its commit; a chart; a file; and mistakes are one sentence."""
    listed = run(capsys, monkeypatch, "history", runs)
    assert listed.status == 0, listed.stderr
    assert listed.stdout.count("0123456789") == 4
    assert "\x1b" not in listed.stdout
    drawn = run(capsys, monkeypatch, "history", runs, "--cell", "echo:10x1KiB", "--only", "trio")
    assert drawn.stdout.count("●") == 4
    assert "B: Example CPU @ 2.50GHz, Linux 7.0.0" in drawn.stdout
    file = tmp_path / "trio.svg"
    words = ["--cell", "echo:10x1KiB", "--svg", file]
    assert run(capsys, monkeypatch, "history", runs, *words).status == 0
    ET.fromstring(file.read_text())
    for wrong in (["nowhere"], [runs, "--svg", file], [runs, "--cell", "echo:7x1KiB"]):
        done = run(capsys, monkeypatch, "history", *wrong)
        assert (done.status, len(done.stderr.splitlines())) == (2, 1)


def test_a_version_that_all_runs_share_is_listed_once(
    runs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Below the runs; beside them stands what is not the same in all."""
    monkeypatch.chdir(runs.parent)  # a long path would leave the last column no room
    alike = run(capsys, monkeypatch, "history", "runs").stdout
    assert "versions" not in alike.splitlines()[0]
    assert alike.count("trio 0.35.0") == 1
    plan = files.read_json(runs / "04" / "plan.json", Plan)
    changed = tuple(
        msgspec.structs.replace(one, versions={"trio": "0.36.0"}) if one.name == "trio" else one
        for one in plan.implementations
    )
    files.write_json(
        runs / "04" / "plan.json", msgspec.structs.replace(plan, implementations=changed)
    )
    told = run(capsys, monkeypatch, "history", "runs").stdout
    assert "versions" in told.splitlines()[0]
    assert (told.count("trio 0.35.0"), told.count("trio 0.36.0")) == (3, 1)
    assert "trio" not in told.rpartition("The same in every run")[2]
