"""Who has one workload alone takes part in that one, in every stage, and nothing is missed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import golden_run
import msgspec
import pytest

from harness import analyse, plan
from harness.check import cases, suite
from harness.measure.schedule import contestants
from harness.model import Implementation, Sample, UsageError, Verdict
from harness.report import answer, behaviour, idioms, terminal

if TYPE_CHECKING:
    from harness.summary import Summary

GOOD = plan.read(Path(__file__).resolve().parent / "fakes" / "echo_good")
CLIENT = "threads"  # of the golden run: made an HTTP client of an ecosystem's own here


def native(one: Implementation) -> Implementation:
    """Return the client as it is here; anyone else as it was."""
    if one.name != CLIENT:
        return one
    known = {"F17": "it cannot be ended"}
    return msgspec.structs.replace(one, kind="native", workloads=("fetch",), known=known)


PLAN = golden_run.plan()
PLAN = msgspec.structs.replace(PLAN, implementations=tuple(map(native, PLAN.implementations)))


@pytest.fixture(scope="module")
def summary() -> Summary:
    """Return the golden run's summary, one of whose implementations is a native client."""

    def its(one: Verdict | Sample) -> bool:
        return one.implementation != CLIENT or one.workload == "fetch"

    verdicts = [one for one in golden_run.verdicts() if its(one)]
    samples = [one for one in golden_run.samples() if its(one)]
    return analyse.summarise(PLAN, verdicts, samples, golden_run.texts())


def test_only_its_own_cases_are_played() -> None:
    """It has no verdict in the other workload; where nothing is left at all, that is said."""
    found: list[Verdict] = []
    one = msgspec.structs.replace(GOOD, workloads=("echo",))
    picked = suite.select(cases.ALL, ["E02.1", "F16.3"])
    suite.run([one], picked, on_verdict=found.append, workers=1)
    assert {verdict.workload for verdict in found} == {"echo"}
    assert "E02.1" in {verdict.case for verdict in found}
    only = suite.select(cases.ALL, ["F16.3"])
    with pytest.raises(UsageError, match=f"{one.name} has no fetch"):
        suite.run([one], only, on_verdict=found.append, workers=1)


def test_it_is_measured_in_its_own_workload() -> None:
    """It is a contestant of fetch, and of echo not."""
    models = contestants(PLAN, ())
    names = {w: {job.alias for job in jobs} for w, jobs in models.items()}
    assert CLIENT in names["fetch"]
    assert CLIENT not in names["echo"]


def test_it_is_ranked_among_its_kind(summary: Summary) -> None:
    """A native client is first of one, whatever it declares, and takes no framework's place."""
    echo, fetch = summary.workloads
    assert CLIENT not in {row.implementation for row in echo.standings}
    rows = {row.implementation: row for row in fetch.standings}
    assert (rows[CLIENT].status, rows[CLIENT].rank) == ("ok", "1")
    assert rows[CLIENT].clauses == ("F17",)
    usual = golden_run.plan()
    before = analyse.summarise(usual, golden_run.verdicts(), golden_run.samples())
    places = {row.implementation: row.rank for row in before.workloads[1].standings if row.rank}
    assert places
    assert {name: rows[name].rank for name in places if name != CLIENT} == {
        name: rank for name, rank in places.items() if name != CLIENT
    }


def test_the_report_shows_what_it_has(summary: Summary) -> None:
    """It has a table of its own kind, without echo; its differences stand apart, too."""
    assert "| threads" not in answer.answer(summary)
    heads, _, line = answer.natives(summary).splitlines()
    assert "echo" not in heads
    assert "p99" not in heads, "it was never sent messages at a rate"
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[:2] == ["threads", "🔶 F17"]
    assert cells[2] == "**native 1**"
    assert cells[-1].startswith("[")
    assert "threads" not in behaviour.declared(summary)
    assert "F17" in behaviour.declared(summary, "native")
    assert "it cannot be ended" in behaviour.declared(summary, "native")
    assert "F17" in behaviour.differences(summary, "native")
    assert "threads" not in behaviour.differences(summary)
    assert not [part for part in idioms.idioms(summary) if "threads" in part]


def test_the_terminal_shows_what_it_has(summary: Summary) -> None:
    """Its row stands below, with its kind before its rank, and it leads nobody."""
    shown = terminal.text(summary)
    line = next(row for row in shown.splitlines() if row.startswith("threads"))
    assert "native 1" in line
    assert "no figures" not in line
    assert "threads is first" not in shown
