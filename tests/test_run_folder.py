"""run_folder: what is published of a run is a run; and a run may be gone on with for longer."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from harness import analyse, files, plan, run_folder
from harness.commands.steps import report
from harness.model import Plan, UsageError

GOLDEN = Path(__file__).resolve().parent / "golden" / "run"
HERE = "/somewhere/implementations"


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """Return what is published of the golden run, which lay somewhere on a machine."""
    folder, out = tmp_path / "run", tmp_path / "report"
    shutil.copytree(GOLDEN, folder)
    made = files.read_json(folder / "plan.json", Plan)
    ones = tuple(
        msgspec.structs.replace(
            one, folder="/elsewhere/trio" if one.name == "trio" else f"{HERE}/{one.name}"
        )
        for one in made.implementations
    )
    files.write_json(folder / "plan.json", msgspec.structs.replace(made, implementations=ones))
    analyse.run(folder)
    run_folder.publish(folder, out)
    run_folder.pack(folder, out)
    return out


def test_a_published_run_gives_its_summary_again(published: Path, tmp_path: Path) -> None:
    """From the packed samples, with the places in this repository and no others."""
    again = analyse.run(published, tmp_path / "again")
    first = (published / "summary.json").read_bytes()
    assert (tmp_path / "again" / "summary.json").read_bytes() == first
    homes = {one.name: one.folder for one in again.implementations}
    assert homes["asyncio"] == "implementations/asyncio"
    assert homes["trio"] == ""
    assert HERE not in (published / "plan.json").read_text("utf-8")


def test_a_report_with_out_leaves_the_run_as_it_was(published: Path, tmp_path: Path) -> None:
    """What the page says gives the numbers again; nothing is written into the folder itself."""
    before = {file.name: file.read_bytes() for file in published.iterdir()}
    done = CliRunner().invoke(report, [str(published), "--out", str(tmp_path / "again")])
    assert done.exit_code == 0, done.output
    assert {file.name: file.read_bytes() for file in published.iterdir()} == before
    assert (tmp_path / "again" / "REPORT.md").is_file()
    assert (tmp_path / "again" / "summary.json").read_bytes() == before["summary.json"]


def begun(folder: Path) -> Plan:
    """Return the plan of a run that has begun in this folder."""
    words = ["--only=asyncio", "--budget=100s"]
    made = plan.make([], workloads=("echo",), quick=False, budget_s=100.0, seed=7, arguments=words)
    run_folder.create(folder, made)
    return made


def test_a_run_goes_on_for_longer(tmp_path: Path) -> None:
    """The larger budget stands in its plan, and in the command that the report shows."""
    made = begun(tmp_path / "run")
    longer = run_folder.prolong(tmp_path / "run", made, 250.0)
    assert (longer.budget_s, longer.arguments) == (250.0, ("--only=asyncio", "--budget=250s"))
    assert files.read_json(tmp_path / "run" / "plan.json", Plan) == longer


@pytest.mark.parametrize("budget_s", [100.0, 60.0])
def test_less_than_was_planned_is_no_longer(tmp_path: Path, budget_s: float) -> None:
    """The sentence says what the budget was, and the plan stays as it is."""
    made = begun(tmp_path / "run")
    with pytest.raises(UsageError, match="a budget of 100s"):
        run_folder.prolong(tmp_path / "run", made, budget_s)
    assert files.read_json(tmp_path / "run" / "plan.json", Plan) == made
