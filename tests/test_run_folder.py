"""run_folder: a run that is gone on with, and for longer than was planned."""

from pathlib import Path

import pytest

from harness import files, plan, run_folder
from harness.model import Plan, UsageError


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
