"""What other programs are given is what their formats say, and the same figures as the report's."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import jsonschema
import msgspec
import pytest
from command_line import run

from harness import analyse, files, recorded
from harness.report.exports import bencher, pyperf, schema, table
from harness.summary import Summary

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.recorded import Recorded

GOLDEN = Path(__file__).resolve().parent / "golden" / "run"


@pytest.fixture(scope="module")
def summary() -> Summary:
    """Return the golden run's summary."""
    return files.read_json(GOLDEN / "summary.json", Summary)


@pytest.fixture(scope="module")
def small() -> Recorded:
    """Return a part of the golden run, which is quick to analyse."""
    whole = recorded.read_measured(GOLDEN)
    cells = {"10x1KiB", "10@0ms", "256x1KiB@2000"}
    names = {"asyncio", "trio", "reference"}
    samples = [s for s in whole.samples if s.cell in cells and s.implementation in names]
    return whole._replace(samples=samples)


def test_csv_has_every_result_once(summary: Summary) -> None:
    """A line for each, its figures to the last digit; what is not there is empty, never 0."""
    rows = list(csv.DictReader(table.text(summary).splitlines()))
    results = [(w, c, r) for w in summary.workloads for c in w.cells for r in c.results]
    assert len(rows) == len(results) > 50
    for row, (workload, each, result) in zip(rows, results, strict=True):
        assert (row["workload"], row["cell"]) == (workload.workload, each.cell.name)
        assert row["implementation"] == result.implementation
        assert float(row["rate_per_s"]) == result.rate_per_s.value
        assert row["ratio"] == (str(result.ratio.value) if result.ratio else "")
        assert row["rank"] == result.rank
    latencies = [row for row in rows if row["cell"] == "256x1KiB@2000"]
    assert all(float(row["p99_us"]) > 0 for row in latencies)
    assert not any(row["p99_us"] for row in rows if row not in latencies)


def test_the_schema_is_published_as_the_records_are(
    golden: Callable[[str, str], None], summary: Summary
) -> None:
    """The published schema is made from the records; the summary obeys it, others do not."""
    golden(f"../../{schema.PUBLISHED}", schema.text())
    checker = jsonschema.Draft202012Validator(schema.schema())
    checker.check_schema(schema.schema())
    document: dict[str, Any] = json.loads(files.pretty(summary))
    checker.validate(document)
    for wrong in ({"seed": "seven"}, {"workloads": [{"workload": "swim"}]}, {"thrown_out": None}):
        assert not checker.is_valid(document | wrong)


def test_the_published_summary_obeys_the_schema() -> None:
    """The repository's own report as well."""
    document = json.loads((GOLDEN.parents[2] / "report" / "summary.json").read_text("utf-8"))
    jsonschema.Draft202012Validator(schema.schema()).validate(document)


def test_bencher_gets_a_value_within_its_bounds(summary: Summary) -> None:
    """Benchmark -> measure -> value, lower_value, upper_value, all of them numbers."""
    found = json.loads(bencher.text(summary))
    assert "echo/10x1KiB/trio" in found
    for measures in found.values():
        assert measures
        for metric in measures.values():
            assert {"value"} <= metric.keys() <= {"value", "lower_value", "upper_value"}
            low, high = metric.get("lower_value"), metric.get("upper_value")
            assert low is None or low <= metric["value"] <= high
    latency = found["echo/256x1KiB@2000/trio"]
    assert "throughput" not in latency
    assert latency["latency"]["value"] == pytest.approx(
        1e3
        * next(
            r.latency.p99_us.value
            for c in summary.workloads[0].cells
            for r in c.results
            if r.latency and r.implementation == "trio"
        )
    )


def test_pyperf_itself_compares_two_runs(small: Recorded, tmp_path: Path) -> None:
    """`pyperf compare_to` reads both, and finds the one that was made slower."""
    slower = small._replace(
        samples=[
            msgspec.structs.replace(s, messages=s.messages // 2)
            if s.implementation == "trio" and "@2000" not in s.cell
            else s
            for s in small.samples
        ]
    )
    may = {(w, n) for w in ("echo", "fetch") for n in ("asyncio", "trio", "reference")}
    for name, one in (("before", small), ("after", slower)):
        cells, _ = analyse.measured(one.plan, one.samples)
        (tmp_path / f"{name}.json").write_text(pyperf.text(one.plan, cells, may))
    words = ["-m", "pyperf", "compare_to", "before.json", "after.json"]
    done = subprocess.run(
        [sys.executable, *words], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    told = [line for line in done.stdout.splitlines() if "x slower" in line]
    assert [line.partition(":")[0] for line in told[:2]] == [
        "echo 10x1KiB trio",
        "fetch 10@0ms trio",
    ]
    assert "2.00x slower" in told[0]
    assert "10x1KiB asyncio" in done.stdout.partition("hidden because not significant")[2]


@pytest.fixture
def folder(small: Recorded, tmp_path: Path) -> Path:
    """Return a run folder of few samples."""
    made = tmp_path / "run"
    shutil.copytree(GOLDEN, made)
    files.write_jsonl(made / "samples.jsonl", small.samples)
    return made


def test_the_command_writes_what_was_asked_for_and_nothing_else(
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Three files, one on stdout; the run folder is as it was."""
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    junit, bmf = tmp_path / "junit.xml", tmp_path / "bmf.json"
    words = ["--csv", "-", "--junit", junit, "--bencher", bmf]
    done = run(capsys, monkeypatch, "export", folder, *words)
    assert done.status == 0, done.stderr
    assert done.stdout.startswith("workload,cell,")
    assert json.loads(bmf.read_text())
    root = ET.fromstring(junit.read_text())
    assert root.get("tests") == str(len(list(root.iter("testcase"))))
    assert root.get("failures") == str(len(list(root.iter("failure")))) != "0"
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


def test_mistakes_are_one_sentence(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing asked, two on stdout, no place to write, no run, no samples: status 2 each."""
    (folder / "samples.jsonl").unlink()
    for words, said in (
        ([folder], "say what to write: --csv FILE"),
        ([folder, "--csv", "-", "--json", "-"], "only one of the files can be stdout"),
        ([folder, "--csv", "/no/such/folder/f.csv"], "there is no folder /no/such/folder"),
        (["nowhere", "--csv", "-"], "nowhere is no run folder"),
        ([folder, "--csv", "-"], "has no samples"),
    ):
        done = run(capsys, monkeypatch, "export", *words)
        assert (done.status, len(done.stderr.splitlines())) == (2, 1)
        assert said in done.stderr
