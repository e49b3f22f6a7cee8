"""tax: a price is a contestant's ratio to itself, within blocks; what misses the floor is told."""

from __future__ import annotations

import shutil
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from click.testing import CliRunner

from harness import files, machine, plan, stats, tax
from harness.check import certificates
from harness.commands import tax as command
from harness.measure import echo, paced
from harness.measure import tax as measuring
from harness.measure.job import Bench, Job
from harness.measure.serving import UnservedError
from harness.model import NAIVE, HarnessError, Implementation, Sample, UsageError
from harness.report import rendering, taxes

if TYPE_CHECKING:
    from collections.abc import Callable

GOLDEN = Path(__file__).parent / "golden" / "run" / "summary.json"
CPU_US = {"naive": 10, "plain": 12, "idle": 20, "limit": 12, "paced": 15, "tls": 30}


@pytest.fixture(autouse=True)
def _few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Intervals need not be fine here."""
    monkeypatch.setattr(stats, "RESAMPLES", 99)


def implementation(folder: Path, name: str, **changes: Any) -> Implementation:
    """Make one with a naive echo of one line."""
    (folder / name).mkdir()
    (folder / name / NAIVE).write_text("x = 1\n")
    fields: dict[str, Any] = {
        "name": name,
        "folder": str(folder / name),
        "title": name.capitalize(),
        "style": "x",
        "code_lines": {"echo.py": 40},
        **changes,
    }
    return Implementation(**fields)


def unit(
    block: int, name: str, variant: str, cell: str, cpu_us: float, **more: Any
) -> list[Sample]:
    """Make the slices of one process, whose rate is what its CPU allows."""
    return [
        Sample(
            block=block,
            implementation=tax.alias(name, variant),
            workload="echo",
            cell=cell,
            index=index,
            of=4,
            wall_ns=50_000_000,
            messages=round(50_000 / cpu_us),
            child_cpu_ns=50_000_000,
            **more,
        )
        for index in range(4)
    ]


def samples(name: str, blocks: int = 8, **cpu_us: float) -> list[Sample]:
    """Make a whole run of one contestant; a block's machine is slower than the one before."""
    found: list[Sample] = []
    for block in range(blocks):
        for variant in tax.VARIANTS:
            cost = {**CPU_US, **cpu_us}[variant.name] * (1 + block / 10)
            for cell in (paced.CELL,) if variant.paced else tax.CELLS:
                found += unit(block, name, variant.name, cell.name, cost)
    return found


def record(chosen: list[Implementation], measured: list[Sample]) -> tax.Tax:
    """Make the record of a run."""
    prices, thrown_out = tax.prices(chosen, measured, paced.CELL, 7)
    return tax.Tax(
        created="2026-01-01T00:00:00Z",
        evenloop="0",
        python="3.11.7",
        seed=7,
        blocks=8,
        wall_s=60.0,
        payers=tuple(tax.payer(one) for one in chosen),
        prices=prices,
        thrown_out=thrown_out,
    )


def test_prices(tmp_path: Path) -> None:
    """Each price is the ratio of its two variants, whatever a block did to the machine."""
    found = record([implementation(tmp_path, "one")], samples("one"))
    expected = {"contract": 10 / 12, "idle": 12 / 20, "limit": 1.0, "tls": 15 / 30}
    for what, ratio in expected.items():
        price = found.price("one", what)  # type: ignore[arg-type]
        assert price is not None
        assert price.blocks == 8
        assert not price.error
        assert price.cpu is not None
        assert price.cpu.value == pytest.approx(ratio, rel=0.01)
        if what == "tls":
            assert price.rate is None
        else:
            assert price.rate is not None
            assert price.rate.low is not None
            assert price.rate.value == pytest.approx(ratio, rel=0.01)
    assert found.price("one", "contract", "100x1KiB") is not None
    assert found.price("one", "idle", "100x1KiB") is None


def test_the_floor(tmp_path: Path) -> None:
    """Who keeps less than 0.93 of its naive rate misses; just above it nobody does."""
    chosen = [implementation(tmp_path, "dear"), implementation(tmp_path, "cheap")]
    measured = samples("dear", plain=11) + samples("cheap", plain=10.5)
    found = record(chosen, measured)
    assert [price.implementation for price in found.misses] == ["dear"]
    assert "Not shown to keep 93%" in taxes.verdict(found)
    assert "Dear" in taxes.verdict(found)
    assert "Cheap" not in taxes.verdict(found)
    assert "Each of the 1 priced" in taxes.verdict(record(chosen[1:], measured))


def test_a_price_that_should_be_there_and_is_not_misses(tmp_path: Path) -> None:
    """A contestant whose naive echo failed is no contestant that keeps the floor."""
    measured = [
        msgspec.structs.replace(s, error="no such loop") if "naive" in s.implementation else s
        for s in samples("one")
    ]
    found = record([implementation(tmp_path, "one")], measured)
    assert len(found.misses) == 1
    assert "no such loop" in " ".join(taxes.reasons(found))
    assert found.price("one", "idle").error == ""  # type: ignore[union-attr]


def test_who_has_no_price(tmp_path: Path) -> None:
    """Without naive.py, with a launcher of its own, or unable to run: no row, and the reason."""
    bare = implementation(tmp_path, "bare")
    (Path(bare.folder) / NAIVE).unlink()
    own = implementation(tmp_path, "own", run=("x",))
    lost = implementation(tmp_path, "lost", cannot_run="no such thing")
    chosen = [bare, own, lost, implementation(tmp_path, "one")]
    jobs = measuring.jobs(chosen, 0, 7, tmp_path)
    assert {job.implementation.name for job in jobs} == {"one"}
    found = record(chosen, samples("one", plain=10))
    assert not found.misses
    said = taxes.reasons(found)
    assert "Bare has no prices: it has no naive.py." in said
    assert "Own has no prices: it has its own launcher." in said
    assert "Lost has no prices: it cannot run here: no such thing." in said
    assert "Bare" not in taxes.taxes(found).partition("Rates under")[0]


def test_a_block_that_was_too_noisy_says_so(tmp_path: Path) -> None:
    """Where the rules for what counts leave no block, the rule stands in place of the figure."""
    measured = [
        msgspec.structs.replace(s, gauge_wait_ns=10_000_000) for s in samples("one", blocks=2)
    ]
    found = record([implementation(tmp_path, "one")], measured)
    assert "no block counts: gauge waited" in " ".join(taxes.reasons(found))


def test_jobs_are_in_random_order(tmp_path: Path) -> None:
    """Every variant of everyone once a block, with its words; the seed decides the order."""
    chosen = [implementation(tmp_path, name) for name in ("one", "other")]
    first, again, second = (measuring.jobs(chosen, block, 7, tmp_path) for block in (0, 0, 1))
    assert first == again
    assert [job.alias for job in first] != [job.alias for job in second]
    assert sorted(job.alias for job in first) == sorted(
        tax.alias(one.name, variant.name) for one in chosen for variant in tax.VARIANTS
    )
    words = {tax.variant_of(job.alias): job.burden for job in first}
    assert words["plain"] == words["paced"] == ()
    assert words["naive"] == ("--naive",)
    assert words["idle"] == ("--idle-s", "30")
    assert words["tls"] == (
        "--tls-cert", f"{tmp_path}/chain.pem", "--tls-key", f"{tmp_path}/key.pem"
    )  # fmt: skip
    assert len({job.order for job in first}) == 1


def test_one_core_is_refused(tmp_path: Path) -> None:
    """The load must not share the contestant's core."""
    with pytest.raises(HarnessError, match="two cores"):
        next(measuring.run([], (1, 1), seed=7, blocks=1, progress=lambda _said: None))


def test_a_burden_needs_the_launcher(tmp_path: Path) -> None:
    """A contestant with its own launcher cannot be given words: a void sample says why."""
    own = implementation(tmp_path, "own", run=("x",))
    job = Job(
        block=0, implementation=own, alias="own", workload="echo", cells=tax.CELLS, order=0,
        burden=("--naive",),
    )  # fmt: skip
    bench = Bench(server_core=0, gauge_core=0, folder=tmp_path)
    assert {s.error for s in echo.run(job, bench)} == {"it has its own launcher"}


@pytest.mark.parametrize("tls", [False, True])
def test_a_paced_load(tls: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against a real server, with and without TLS: every message is answered and CPU is told."""
    monkeypatch.setattr(paced, "SLICES", 2)
    monkeypatch.setattr(paced, "LENGTH_S", 0.05)
    monkeypatch.setattr(paced, "PRIMING_ROUNDS", 2)
    monkeypatch.setattr(paced, "PACE_KEPT", 0.0)  # a busy machine is no failure of this test
    chain, key = certificates.write(tmp_path)
    one = plan.choose(plan.discover(), ["asyncio"])[0]
    job = Job(
        block=3,
        implementation=one,
        alias="asyncio~tls",
        workload="echo",
        cells=(paced.CELL,),
        order=0,
        burden=("--tls-cert", str(chain), "--tls-key", str(key)) if tls else (),
    )
    bench = Bench(server_core=machine.cores()[0], gauge_core=machine.cores()[1], folder=tmp_path)
    found = paced.run(job, bench, certificates.trusting() if tls else None)
    assert [s.error for s in found] == ["", ""]
    for number, sample in enumerate(found):
        assert (sample.block, sample.index, sample.of) == (3, number, 2)
        assert sample.messages == 100
        assert sample.wall_ns >= 50_000_000
        assert 0 < sample.child_cpu_ns < sample.wall_ns


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda data: data[:-1] + b"?", "not what was sent"),
        (lambda data: data[:-1], "FIN after 1023 bytes"),
    ],
)
def test_a_reply_that_is_wrong_is_seen(change: Callable[[bytes], bytes], said: str) -> None:
    """A changed byte or a missing one ends the job with its reason."""
    mine, theirs = socket.socketpair()
    mine.settimeout(10)

    def lie() -> None:
        with theirs:
            theirs.sendall(change(theirs.recv(65536)))

    liar = threading.Thread(target=lie)
    liar.start()
    with mine, pytest.raises(UnservedError, match=said):
        paced.Rounds([mine]).play()
    liar.join()


def test_the_table_in_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tax.json beside the summary becomes a section with a row a framework; none, no section."""
    monkeypatch.setattr(rendering, "pictures", lambda _summary: {})  # drawing takes its time
    chosen = [implementation(tmp_path, "one", title="<b>One</b>")]
    shutil.copyfile(GOLDEN, tmp_path / "summary.json")
    without = rendering.run(tmp_path, tmp_path / "a").read_text("utf-8")
    assert "What the contract costs" not in without
    files.write_json(tmp_path / tax.FILE, record(chosen, samples("one")))
    text = rendering.run(tmp_path, tmp_path / "b").read_text("utf-8")
    section = text.partition("What the contract costs, in full")[2].partition("</details>")[0]
    row = next(line for line in section.splitlines() if "One" in line and line.startswith("|"))
    assert "<b>" not in section
    assert f"0.83 {taxes.MISS}" in row
    assert "1 → 40" in row
    assert "Python 3.11.7" in section


@pytest.mark.parametrize(("plain", "status"), [(10.2, 0), (12, 1)])
def test_the_command(
    plain: float, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It writes the record, prints a row, and exits 1 when a price misses the floor."""
    chosen = [implementation(tmp_path, "one")]
    asked: dict[str, Any] = {}

    def run(whom: list[Implementation], _cores: object, **options: Any) -> list[list[Sample]]:
        asked.update(options, whom=whom)
        return [samples("one", plain=plain)]

    monkeypatch.setattr(plan, "discover", lambda _outside: chosen)
    monkeypatch.setattr(measuring, "run", run)
    file = tmp_path / "out.json"
    words = ["--json", str(file), "--blocks", "8", "--seed", "7"]
    done = CliRunner().invoke(command.tax, words)
    assert done.exit_code == status, done.output
    assert (asked["blocks"], asked["seed"], asked["whom"]) == (8, 7, chosen)
    assert "One" in done.stdout
    found = files.read_json(file, tax.Tax)
    assert len(found.misses) == status
    kept = files.read_jsonl(tmp_path / "out.samples.jsonl", Sample)
    assert tax.prices(chosen, kept, paced.CELL, 7)[0] == found.prices, "not what the samples give"


def test_a_record_without_a_place_is_refused_first(tmp_path: Path) -> None:
    """Nothing is measured for a file that could not be written."""
    done = CliRunner().invoke(command.tax, ["--json", str(tmp_path / "none" / "x.json")])
    assert isinstance(done.exception, UsageError)
