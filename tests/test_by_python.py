"""By Python version: each program against itself, and a name for everything that is not there."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from harness import analyse, files, recorded, run_folder
from harness.diff import difference
from harness.model import BASELINE, Interpreter, Plan
from harness.report import behaviour, by_python, page, siblings, terminal, words
from harness.report.exports import pyperf
from harness.report.html import figures
from harness.report.html.sources import sources
from harness.report.picture import label
from harness.summary import Summary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.model import Implementation, Sample

GOLDEN = Path(__file__).resolve().parent / "golden" / "run"
FIRST, SECOND = "3.13", "3.12"
KEPT = {"asyncio", "curio", "gevent", "reference", "tornado", "trio"}  # of the golden run
SPEED = {"asyncio": 0.88, "curio": 1.0, "trio": 0.94}
"""What the second Python makes of each one's rates."""
WITHOUT = "gevent>=24.10.1 not installed for Python 3.12.1"


def rows(one: Implementation) -> Iterator[Implementation]:
    """Yield an implementation's rows on both Pythons; the ceiling has one."""
    if one.kind == "reference":
        yield one
        return
    for at, behind in ((FIRST, ""), (SECOND, f"@{SECOND}")):
        cannot = {"curio": one.cannot_run, f"gevent@{SECOND}": WITHOUT}.get(one.name + behind, "")
        yield msgspec.structs.replace(
            one,
            name=one.name + behind,
            title=f"{one.title}, {at}",
            cannot_run=cannot,
            interpreter=f"/somewhere/python{at}",
            on=at,
            same_as=one.name if behind else "",
        )


def alike(name: str) -> tuple[str, ...]:
    """Return who does on the second Python as this one does: Curio runs on that one alone."""
    return ("trio", "curio") if name == "trio" else (name,)


def again(sample: Sample) -> Iterator[Sample]:
    """Yield a sample and, of who has a row there, its like on the second Python."""
    yield sample
    name = sample.implementation
    for own in alike(name):
        if own in SPEED:
            noise = math.exp(0.004 * ((sample.block * 7 + 3) % 5 - 2))
            many = int(sample.messages * SPEED[own] * noise)
            yield msgspec.structs.replace(sample, implementation=f"{own}@{SECOND}", messages=many)


def interpreter(at: str, version: str, build: str) -> Interpreter:
    """Return one that takes part."""
    return Interpreter(asked=at, path=f"/somewhere/python{at}", version=version, build=build)


def planned(plan: Plan) -> Plan:
    """Return the golden run's plan with every contestant on two Pythons, and a third missing."""
    return msgspec.structs.replace(
        plan,
        arguments=(f"--python={FIRST},{SECOND},3.14t",),
        implementations=tuple(
            row for one in plan.implementations if one.name in KEPT for row in rows(one)
        ),
        interpreters=(
            interpreter(FIRST, "3.13.0", "GCC 12.2.0, PGO, LTO"),
            interpreter(SECOND, "3.12.1", "GCC 12.2.0, no PGO, no LTO"),
            Interpreter(asked="3.14t", missing="not on this machine"),
        ),
    )


@pytest.fixture(scope="module")
def run() -> recorded.Recorded:
    """Return what such a run recorded."""
    was = recorded.read(GOLDEN)
    verdicts = [one for one in was.verdicts if one.implementation in KEPT]
    verdicts += [
        msgspec.structs.replace(one, implementation=f"{name}@{SECOND}")
        for one in verdicts
        for name in alike(one.implementation)
        if name not in {"reference", "gevent"}
    ]
    here = [one for one in was.samples if one.implementation.partition("~")[0] in KEPT]
    return was._replace(
        plan=planned(was.plan),
        verdicts=verdicts,
        samples=[made for sample in here for made in again(sample)],
        traits=[one for one in was.traits if one.implementation in KEPT],
    )


@pytest.fixture(scope="module")
def summary(run: recorded.Recorded) -> Summary:
    """Return its summary."""
    return analyse.summarise(*run)


def test_the_section(summary: Summary, golden: Callable[[str, str], None]) -> None:
    """It is, byte for byte, the one that was looked at and kept."""
    golden("by_python.md", by_python.section(summary) + "\n")


def test_a_ratio_is_to_itself_in_the_same_block(summary: Summary) -> None:
    """What the second Python made of its rates comes back, within its interval."""
    echo = summary.workloads[0]
    found = {row.implementation: row for row in echo.pythons}
    for name in ("asyncio", "trio"):
        row = found[f"{name}@{SECOND}"]
        assert row.to == name
        assert row.ratio is not None
        assert row.ratio.low is not None
        assert row.ratio.high is not None
        assert row.ratio.low <= SPEED[name] * 1.01
        assert row.ratio.high >= SPEED[name] * 0.99
        first = found[name].ratio
        assert first is not None
        assert first.value == 1.0
    assert found["curio"].ratio is None  # it cannot run on the first: the second is its own first
    assert found[f"curio@{SECOND}"].to == f"curio@{SECOND}"
    assert "reference" not in found


def test_every_row_has_figures_or_a_reason(summary: Summary) -> None:
    """No row, and no Python, is left out in silence."""
    lines = by_python.missing(summary)
    assert "**Python 3.14t**: not on this machine." in lines
    assert f"gevent, 3.12, echo: takes no part: {WITHOUT}".replace(">", "\\>") in lines
    assert "curio, 3.13, fetch: takes no part: needs Python below 3.12" in lines
    assert "Tornado, 3.12, echo: not measured: fails E04" in lines
    for found in summary.workloads:
        rated = {row.implementation for row in found.pythons if row.ratio}
        planned = {one.name for one in summary.implementations if one.on}
        assert {row.implementation for row in found.pythons} == planned
        known = {one.name: one.title for one in summary.implementations}
        for name in planned - rated:
            assert f"- {known[name]}, {found.workload}: " in lines


def test_how_they_were_built_is_told(summary: Summary) -> None:
    """Builds that differ are said to be part of what is seen; equal ones are not."""
    assert "which was not alike" in by_python.builds(summary)
    same = [msgspec.structs.replace(one, build="x") for one in summary.interpreters]
    equal = msgspec.structs.replace(summary, interpreters=tuple(same))
    assert "not alike" not in by_python.builds(equal)
    assert by_python.with_gil(summary) == ""
    gil = [msgspec.structs.replace(one, gil=one.name == "trio") for one in summary.implementations]
    said = by_python.with_gil(msgspec.structs.replace(summary, implementations=tuple(gil)))
    assert said.endswith(": Trio, 3.13.")


def test_bold_is_who_was_told_apart(summary: Summary) -> None:
    """The mark comes from the ranks' own test, whichever of the two is ahead."""
    echo = summary.workloads[0]
    row = next(one for one in echo.pythons if one.implementation == f"trio@{SECOND}")
    standings = {one.implementation: one for one in echo.standings}
    ahead = msgspec.structs.replace(standings["trio"], ahead_of=(f"trio@{SECOND}",))
    behind = msgspec.structs.replace(standings[f"trio@{SECOND}"], ahead_of=("trio",))
    plain = {name: msgspec.structs.replace(one, ahead_of=()) for name, one in standings.items()}
    assert not by_python.apart(row, plain)
    assert by_python.apart(row, {**plain, "trio": ahead})
    assert by_python.apart(row, {**plain, f"trio@{SECOND}": behind})


def test_the_page_says_which_pythons(summary: Summary) -> None:
    """All versions at the top, the missing one as a warning, the command without paths."""
    text = page.page(summary, {})
    assert "Python 3.13.0 and 3.12.1, one process" in text
    assert "> Python 3.14t was asked for and takes no part: not on this machine." in text
    assert "\n## By Python version\n" in text
    assert f"--python={FIRST},{SECOND},3.14t" in text
    assert "/somewhere/python" not in text
    assert "/somewhere/python" not in msgspec.json.encode(summary).decode()
    assert "or the same on another Python" in text
    read = text.partition("## The same program in every framework")[2].partition("## ")[0]
    assert f"| Trio, {FIRST} |" in read
    assert SECOND not in read  # one text, shown once


def test_one_python_has_no_section(summary: Summary) -> None:
    """A run that was asked for one Python, or for none, says no word of versions."""
    alone = msgspec.structs.replace(summary, interpreters=summary.interpreters[:1])
    assert by_python.section(alone) == ""
    none = files.read_json(GOLDEN / "summary.json", Summary)
    assert by_python.section(none) == ""
    assert words.pythons(none) == none.python
    assert "By Python version" not in page.page(none, {})


def test_names_keep_their_python() -> None:
    """However long a title is: in a chart and on a terminal two rows never have one name."""
    plan = planned(recorded.read(GOLDEN).plan)
    long = [
        msgspec.structs.replace(one, title=f"Somebody's framework, in callbacks, {one.on}")
        for one in plan.implementations
        if one.on
    ]
    assert {label(one) for one in long} == {
        f"Somebody's framew…, {FIRST}",
        f"Somebody's framew…, {SECOND}",
    }
    assert all(len(words.short(one, 18)) == 18 for one in long)
    plain = msgspec.structs.replace(long[0], on="", title="x" * 30)
    assert words.short(plain, 18) == "x" * 17 + "…"


def test_rows_stand_below_their_first(summary: Summary) -> None:
    """The same on another Python stands where a variant would; its text is shown once."""
    known = {one.name: one for one in summary.implementations}
    order = [name for name, _ in siblings.grouped(list(known), known)]
    at = order.index(BASELINE)
    assert order[at + 1] == f"{BASELINE}@{SECOND}"
    assert all(not known[one.implementation].same_as for one in sources(summary, GOLDEN))


def test_the_html_table(summary: Summary) -> None:
    """A row for each program on each Python, its reason where there is no figure."""
    table = figures.pythons(summary)
    cells = {(row[0].text, row[1].text, row[2].text): row for row in table.rows}
    assert cells["echo", "asyncio", FIRST][3].text == "1.00"
    assert 0.85 < float(cells["echo", "asyncio", SECOND][3].text) < 0.91
    assert "not installed" in cells["echo", "gevent", SECOND][3].more
    assert cells["echo", "Trio", SECOND][5].text == FIRST


def test_the_terminal_names_what_is_missing(summary: Summary) -> None:
    """One line of the screen that ends a run."""
    said = terminal.text(summary)
    assert "! Python 3.14t was asked for and takes no part" in said
    assert len(said.splitlines()) <= terminal.LINES + 1


def test_a_framework_counts_once(summary: Summary) -> None:
    """Whoever breaks a MUST on one Python, or does not run there, does not keep it on every."""
    said = behaviour.kept(summary)  # asyncio; Trio and Curio are unproven, gevent has one alone
    assert said == "1 of 5 frameworks keep every clause that they must, on every Python"


def test_rows_of_two_runs_meet(run: recorded.Recorded) -> None:
    """Diff knows a row by its name, the Python included."""
    found = difference(run, run)
    assert {f"trio@{SECOND}", "trio"} <= {change.implementation for change in found.changes}
    assert {change.ratio.value for change in found.changes} == {1.0}
    assert found.conditions == ()


def test_pyperf_is_told_the_python(run: recorded.Recorded) -> None:
    """Each benchmark of a further Python says which it was."""
    cells, _ = analyse.measured(run.plan, run.samples)
    made = json.loads(pyperf.text(run.plan, cells, {("echo", "trio"), ("echo", f"trio@{SECOND}")}))
    told = {b["metadata"]["name"].rpartition(" ")[2]: b["metadata"] for b in made["benchmarks"]}
    assert told[f"trio@{SECOND}"]["python_version"] == "3.12.1"
    assert told["trio"]["python_version"] == "3.13.0"


def test_what_is_published_has_no_path(run: recorded.Recorded, tmp_path: Path) -> None:
    """The plan keeps the versions, and no place of this machine."""
    folder = run_folder.create(tmp_path / "run", run.plan)
    for name in ("summary.json", "cases.jsonl", "verdicts.jsonl", "samples.jsonl"):
        (folder / name).write_text("")
    run_folder.publish(folder, tmp_path / "out")
    text = (tmp_path / "out" / "plan.json").read_text()
    assert "/somewhere" not in text
    assert '"3.12.1"' in text
