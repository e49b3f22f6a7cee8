"""doctor: every check can see what it is there for, and the sum of them is the exit status."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from rich.console import Console

from harness import files
from harness.commands import doctor as command
from harness.doctor import business, control, hardware, limits, probes, spin, visit
from harness.doctor.finding import Diagnosis, Finding
from harness.doctor.place import Place
from harness.doctor.probes import CpuClock, Spin, Timer
from harness.model import BASELINE, TWIN, HarnessError, Sample, UsageError
from harness.precision import half_width
from harness.summary import Estimate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CPU = "sys/devices/system/cpu"
CLOCK = "sys/devices/system/clocksource/clocksource0/current_clocksource"
IPV4 = "proc/sys/net/ipv4"
FINE = Timer(resolution_ns=1, reading_ns=60, late_ns=60_000)


def governors(*names: str) -> dict[str, str]:
    """Return the files of cores 1, 0, ... with these governors."""
    return {
        f"{CPU}/cpu{core}/cpufreq/scaling_governor": name
        for core, name in zip((1, 0), names, strict=True)
    }


def place(root: Path, texts: dict[str, str], **probed: Any) -> Place:
    """Make a machine of two cores of these files, where each probe finds nothing wrong."""
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text + "\n")
    answers = {
        "affinity": {0, 1},
        "open_files": (1_024, 20_000),
        "timer": FINE,
        "cpu_clock": CpuClock(exact=True, step_ns=4_000_000),
        "perf_events": "",
        "namespaces": "",
        **probed,
    }
    calls: dict[str, Any] = {name: lambda value=value: value for name, value in answers.items()}
    return Place(
        root=root,
        page_bytes=4096,
        spin=lambda cores, _for_s: [whirl(core=core) for core in cores],
        **calls,
    )


def whirl(**changes: int) -> Spin:
    """Make what an undisturbed core shows in a second."""
    fields = {"core": 0, "wall_ns": 10**9, "readings": 10**7, "gaps": 3, "lost_ns": 10**5}
    return Spin(**{**fields, "longest_ns": 50_000, **changes})


SIBLINGS = {f"{CPU}/cpu{core}/topology/thread_siblings_list": "0-1" for core in (0, 1)}
ROWS: list[tuple[Callable[[Place], Finding], dict[str, str], dict[str, Any], str, str]] = [
    (hardware.cores, {}, {"affinity": {0, 1, 2}}, "good", "3 usable"),
    (hardware.cores, {}, {}, "fair", "2 usable"),
    (hardware.cores, {}, {"affinity": {3}}, "bad", "1 usable"),
    (hardware.cores, SIBLINGS, {}, "bad", "1 usable (2 threads)"),
    (hardware.governor, governors("performance", "performance"), {}, "good", "performance"),
    (hardware.governor, governors("powersave", "powersave"), {}, "fair", "powersave"),
    (hardware.governor, {}, {}, "fair", "not visible"),
    (hardware.governor, governors("performance", "powersave"), {}, "bad", "and"),
    (hardware.turbo, {f"{CPU}/intel_pstate/no_turbo": "1"}, {}, "good", "off"),
    (hardware.turbo, {f"{CPU}/cpufreq/boost": "0"}, {}, "good", "off"),
    (hardware.turbo, {f"{CPU}/intel_pstate/no_turbo": "0"}, {}, "fair", "on"),
    (hardware.turbo, {f"{CPU}/cpufreq/boost": "1"}, {}, "fair", "on"),
    (hardware.turbo, {}, {}, "fair", "not visible"),
    (
        hardware.turbo,
        {f"{CPU}/cpu0/thermal_throttle/core_throttle_count": "7"},
        {},
        "bad",
        "throttled 7 times",
    ),
    (hardware.timer, {}, {}, "good", "60 us"),
    (hardware.timer, {}, {"timer": Timer(resolution_ns=1, reading_ns=60, late_ns=3e5)}, "fair", ""),
    (hardware.timer, {}, {"timer": Timer(resolution_ns=1, reading_ns=60, late_ns=3e6)}, "bad", ""),
    (hardware.timer, {}, {"timer": Timer(resolution_ns=4e6, reading_ns=60, late_ns=9)}, "bad", ""),
    (hardware.clock_source, {CLOCK: "tsc"}, {}, "good", "tsc, 60 ns"),
    (
        hardware.clock_source,
        {CLOCK: "hpet"},
        {"timer": Timer(resolution_ns=1, reading_ns=2_000, late_ns=9)},
        "bad",
        "hpet",
    ),
    (
        hardware.clock_source,
        {CLOCK: "xen"},
        {"timer": Timer(resolution_ns=1, reading_ns=300, late_ns=9)},
        "fair",
        "xen",
    ),
    (hardware.cpu_clock, {}, {}, "good", "exact"),
    (hardware.cpu_clock, {}, {"cpu_clock": CpuClock(exact=False, step_ns=900)}, "good", "900 ns"),
    (
        hardware.cpu_clock,
        {},
        {"cpu_clock": CpuClock(exact=False, step_ns=10_000_000)},
        "bad",
        "in ticks of 10",
    ),
    (
        hardware.cpu_clock,
        {},
        {"cpu_clock": CpuClock(exact=False, step_ns=0)},
        "bad",
        "does not move",
    ),
    (hardware.perf_events, {"proc/sys/kernel/perf_event_paranoid": "1"}, {}, "good", "paranoid 1"),
    (hardware.perf_events, {}, {"perf_events": "Permission denied"}, "fair", "Permission denied"),
    (business.load, {"proc/loadavg": "0.20 3 3 1/2 3"}, {}, "good", "0.20"),
    (business.load, {"proc/loadavg": "1.00 3 3 1/2 3"}, {}, "fair", "1.00"),
    (business.load, {"proc/loadavg": "1.60 0 0 1/2 3"}, {}, "bad", "1.60"),
    (business.load, {}, {}, "fair", "not visible"),
    (business.pressure, {"proc/pressure/cpu": "some avg10=0.50 avg60=9"}, {}, "good", "cpu 0.5%"),
    (business.pressure, {"proc/pressure/cpu": "some avg10=5.00 avg60=0"}, {}, "fair", "cpu 5.0%"),
    (
        business.pressure,
        {"proc/pressure/cpu": "some avg10=0.0", "proc/pressure/memory": "some avg10=31.0"},
        {},
        "bad",
        "memory 31.0%",
    ),
    (business.pressure, {}, {}, "fair", "not visible"),
    (limits.open_files, {}, {}, "good", "hard 20,000"),
    (limits.open_files, {}, {"open_files": (1_024, -1)}, "good", "hard none"),
    (limits.open_files, {}, {"open_files": (1_024, 4_096)}, "fair", "hard 4,096"),
    (limits.open_files, {}, {"open_files": (1_024, 1_024)}, "bad", "hard 1,024"),
    (
        limits.ports,
        {f"{IPV4}/ip_local_port_range": "32768\t60999", f"{IPV4}/tcp_tw_reuse": "2"},
        {},
        "good",
        "28,232",
    ),
    (
        limits.ports,
        {f"{IPV4}/ip_local_port_range": "32768 60999", f"{IPV4}/tcp_tw_reuse": "0"},
        {},
        "fair",
        "not reused",
    ),
    (limits.ports, {f"{IPV4}/ip_local_port_range": "50000 60000"}, {}, "fair", "10,001"),
    (limits.ports, {f"{IPV4}/ip_local_port_range": "60000 60999"}, {}, "bad", "1,000"),
    (limits.ports, {}, {}, "fair", "not visible"),
    (limits.tcp_memory, {f"{IPV4}/tcp_mem": "1 131072 2"}, {}, "good", "512 MiB"),
    (limits.tcp_memory, {f"{IPV4}/tcp_mem": "1 32768 2"}, {}, "fair", "128 MiB"),
    (limits.tcp_memory, {f"{IPV4}/tcp_mem": "1 4096 2"}, {}, "bad", "16 MiB"),
    (limits.tcp_memory, {}, {}, "fair", "not visible"),
    (limits.queue, {"proc/sys/net/core/somaxconn": "4096"}, {}, "good", "4,096"),
    (limits.queue, {"proc/sys/net/core/somaxconn": "512"}, {}, "fair", "512"),
    (limits.queue, {"proc/sys/net/core/somaxconn": "16"}, {}, "bad", "16"),
    (limits.queue, {}, {}, "fair", "not visible"),
    (limits.congestion, {f"{IPV4}/tcp_congestion_control": "cubic"}, {}, "good", "cubic"),
    (limits.congestion, {f"{IPV4}/tcp_congestion_control": "bbr"}, {}, "fair", "bbr"),
    (limits.congestion, {}, {}, "fair", "not visible"),
    (limits.namespaces, {}, {}, "good", "files of its own"),
    (limits.namespaces, {}, {"namespaces": "unshare: no"}, "fair", "unshare: no"),
]


@pytest.mark.parametrize(("check", "texts", "probed", "mark", "figure"), ROWS)
def test_each_mark_of_each_check(
    tmp_path: Path,
    check: Callable[[Place], Finding],
    texts: dict[str, str],
    probed: dict[str, Any],
    mark: str,
    figure: str,
) -> None:
    """A check gives the mark that the machine deserves, and advice for all but a good one."""
    found = check(place(tmp_path, texts, **probed))
    assert found.mark == mark
    assert figure in found.figure
    assert bool(found.advice) == (mark != "good")


def test_every_reading_check_can_fail() -> None:
    """No check of the list is left out above, and each has a machine on which it is not good."""
    seen = {(row[0], row[3]) for row in ROWS}
    for check in visit.READING:
        assert (check, "fair") in seen or (check, "bad") in seen


@pytest.mark.parametrize(
    ("stolen", "passed", "mark"), [(0, 200, "good"), (2, 200, "fair"), (30, 200, "bad")]
)
def test_steal(stolen: int, passed: int, mark: str) -> None:
    """What the host took is a share of what passed."""
    before = [100, 0, 50, 1_000, 0, 0, 0, 5]
    after = [100 + passed - stolen, 0, 50, 1_000, 0, 0, 0, 5 + stolen]
    assert business.steal(before, after).mark == mark


def test_steal_that_is_hidden_is_fair(tmp_path: Path) -> None:
    """A machine without /proc/stat says nothing of its host; one with it is read by column."""
    assert business.steal([], []).mark == "fair"
    there = place(tmp_path, {"proc/stat": "cpu  1 2 3 4 5 6 7 8 9 10\ncpu0 0 0 0 0 0 0 0 0 0 0"})
    assert business.ticks(there) == [1, 2, 3, 4, 5, 6, 7, 8]


@pytest.mark.parametrize(
    ("changes", "marks"),
    [
        ({}, ["good", "good"]),
        ({"lost_ns": 10_000_000}, ["fair", "good"]),
        ({"longest_ns": 3_000_000}, ["fair", "good"]),
        ({"lost_ns": 50_000_000}, ["bad", "good"]),
        ({"longest_ns": 20_000_000}, ["bad", "good"]),
        ({"readings": 9_000_000}, ["good", "fair"]),
        ({"readings": 6_000_000}, ["good", "bad"]),
    ],
)
def test_spinning(changes: dict[str, int], marks: list[str]) -> None:
    """Lost time, one long gap, and two threads of one core are each seen."""
    alone = [whirl(core=0), whirl(core=1)]
    together = [whirl(core=0, **changes), whirl(core=1, **changes)]
    assert [one.mark for one in hardware.interruptions(alone, together)] == marks


def test_one_disturbed_core_is_enough() -> None:
    """The worse of the two cores decides."""
    alone = [whirl(core=0), whirl(core=1)]
    found = hardware.interruptions(alone, [whirl(core=0), whirl(core=1, lost_ns=5 * 10**7)])
    assert found[0].mark == "bad"


def slices(block: int, alias: str, rate: int, error: str = "") -> list[Sample]:
    """Make what a process of one rate (messages in 50 ms) gives in a block."""
    return [
        Sample(
            block=block,
            implementation=alias,
            workload="echo",
            cell=control.CELL.name,
            index=index,
            of=6,
            wall_ns=50_000_000,
            messages=rate,
            child_cpu_ns=49_000_000,
            error=error,
        )
        for index in range(6)
    ]


def twins(*differences: float) -> list[Sample]:
    """Make a control in whose blocks the twin was faster by these shares."""
    found: list[Sample] = []
    for block, difference in enumerate(differences):
        found += slices(block, BASELINE, 10_000)
        found += slices(block, BASELINE + TWIN, round(10_000 * (1 + difference)))
    return found


@pytest.mark.parametrize(
    ("samples", "mark", "figure"),
    [
        (twins(*[0.001, -0.001] * 4), "good", "in 8 blocks"),
        (twins(*[0.02, -0.02] * 4), "fair", "± 2.0%"),
        (twins(*[0.01] * 8), "fair", "1.010"),
        (twins(*[0.1, -0.1] * 4), "bad", "± 10"),
        (twins(*[0.05] * 8), "bad", "1.050"),
        (twins(0.0, 0.0), "bad", "no interval: too few blocks"),
        (slices(0, BASELINE, 1, "it said nothing"), "bad", "it said nothing"),
    ],
)
def test_the_control(samples: list[Sample], mark: str, figure: str) -> None:
    """A wide interval, one beside 1, and none at all are each told; the ratio is handed on."""
    found, ratio = control.judge(samples)
    assert found.mark == mark
    assert figure in found.figure
    assert (half_width(ratio) is None) == ("no interval" in found.figure)


def test_a_visit_has_every_check(tmp_path: Path) -> None:
    """All checks are made, each once, the control last."""
    asked: list[tuple[int, int]] = []

    def measured(cores: tuple[int, int]) -> list[Sample]:
        asked.append(cores)
        return twins(*[0.001, -0.001] * 4)

    found, ratio = visit.examine(place(tmp_path, {}), measured, lambda _said: None)
    names = [one.check for one in found]
    assert len(set(names)) == len(names) == len(visit.READING) + 4
    assert names[-1] == "control"
    assert asked == [(1, 0)]
    assert ratio is not None


def test_one_core_has_no_control(tmp_path: Path) -> None:
    """With one core nothing is measured, and the machine is unfit."""
    there = place(tmp_path, {}, affinity={0})
    found, ratio = visit.examine(there, lambda _cores: pytest.fail("measured"), lambda _said: None)
    assert ratio is None
    assert {one.check for one in found if one.mark == "bad"} == {"cores", "control"}


def diagnosis(*marks: str, control: Estimate | None = None) -> Diagnosis:
    """Make a diagnosis with findings of these marks."""
    found = tuple(
        Finding(check=f"check {mark}", mark=mark, figure="[red]7", advice="do" if mark else "")  # type: ignore[arg-type]
        for mark in marks
    )
    return Diagnosis(created="", evenloop="0", machine={}, findings=found, control=control)


def test_the_sentence() -> None:
    """It names what is bad; else it says how small a ratio can be told, and what would help."""
    reached = Estimate(value=1.0, low=0.99, high=1.014)
    assert diagnosis("good", "bad", control=reached).sentence == "Unfit to measure: check bad."
    assert "down to about 1.2%" in diagnosis("good", control=reached).sentence
    assert "Better with: check fair." in diagnosis("fair", control=reached).sentence
    assert "not measured" in diagnosis("good").sentence


@pytest.mark.parametrize(("marks", "status"), [(("good", "fair"), 0), (("good", "bad"), 1)])
def test_the_command(
    marks: tuple[str, ...], status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 0 fit, 1 unfit; a line a check, the sentence last; --json holds the same."""
    made = diagnosis(*marks, control=Estimate(value=1.0, low=0.99, high=1.01))
    monkeypatch.setattr(visit, "diagnose", lambda _place, _say: made)
    file = tmp_path / "doctor.json"
    done = CliRunner().invoke(command.doctor, ["--json", str(file)])
    assert done.exit_code == status
    assert done.stdout.rstrip().endswith(made.sentence)
    assert all(f"check {mark}" in done.stdout for mark in marks)
    assert "[red]7" in done.stdout
    assert files.read_json(file, Diagnosis) == made


def test_a_file_that_cannot_be_written_is_told_first(tmp_path: Path) -> None:
    """Nothing is looked at when the record would have no place."""
    done = CliRunner().invoke(command.doctor, ["--json", str(tmp_path / "none" / "x.json")])
    assert isinstance(done.exception, UsageError)


def test_the_rows_fit_a_terminal() -> None:
    """A line a check, on eighty columns as well."""
    console = Console(width=80, record=True)
    console.print(command.rows(diagnosis("good", "fair")))
    assert console.export_text().count("check ") == 3


# The probes, on this machine: that they answer, and what must hold of any answer.


def test_the_real_clocks_answer() -> None:
    """Time is told in nanoseconds, a reading takes some, and the CPU clock of a child moves."""
    found = probes.timer()
    assert 0 < found.resolution_ns <= 1e9
    assert found.reading_ns > 0
    assert found.late_ns >= 0
    assert probes.cpu_clock().step_ns > 0


def test_a_real_spin_on_one_core() -> None:
    """A spinning process says what it saw: no more was lost than passed."""
    core = hardware.physical(Place())[0]
    (seen,) = probes.spin((core,), 0.05)
    assert seen.core == core
    assert seen.wall_ns >= 50_000_000
    assert seen.readings > 0
    assert 0 <= seen.lost_ns <= seen.wall_ns
    assert seen.longest_ns <= seen.lost_ns


def test_a_gap_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of readings 1 us apart but for one gap of 5 ms, that one is counted."""
    times = iter([*range(0, 100_000, 1_000), *range(5_100_000, 9_000_000, 1_000)])
    monkeypatch.setattr(spin, "perf_counter_ns", lambda: next(times))
    found = spin.watch(0.008)
    assert found["gaps"] == 1
    assert found["longest_ns"] == found["lost_ns"] == 5_100_000 - 99_000
    assert json.dumps(found)


def test_a_spin_that_fails_is_the_harnesss_own_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A spinning process that ends early is told by its core."""

    class Silent:
        def line(self, _timeout_s: float) -> None:
            return None

    with pytest.raises(HarnessError, match="core 7 ended early"):
        probes._said(Silent(), 7, 1.0)  # type: ignore[arg-type]
