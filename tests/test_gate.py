"""gate: a quiet machine costs nothing, a noisy one a bounded time, and all of it is counted."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from harness.measure import gate
from harness.measure.gate import AGAIN_S, SHARE_MOST, START_MOST_S, Gate


class Clock:
    """Goes on only while somebody sleeps."""

    def __init__(self) -> None:
        """Begin at an arbitrary time."""
        self.now_s = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now_s += seconds


def made(clock: Clock, noise: Callable[[], float]) -> Gate:
    """Return a gate on this clock, on a machine of this noise, an hour after its run began."""

    def probe(_cores: Sequence[int]) -> float:
        return noise()

    one = Gate((0, 1), probe=probe, sleep=clock.sleep, clock=clock)
    clock.sleep(3600)
    return one


def test_a_quiet_machine_is_let_pass_at_once() -> None:
    """One probe, no sleep."""
    clock = Clock()
    assert made(clock, lambda: gate.NOISY).wait() == (0.0, False)
    assert clock.now_s == 4600


def test_a_noisy_start_is_tried_again() -> None:
    """It waits until a probe is quiet, and says for how long."""
    clock = Clock()
    noises = iter((1.0, 1.0, 1.0, 0.0))
    waited = made(clock, lambda: next(noises)).wait()
    assert waited.wait_s == pytest.approx(3 * AGAIN_S)
    assert not waited.noisy


def test_one_start_waits_a_bounded_time() -> None:
    """A machine that is never quiet is measured all the same, and the start is called noisy."""
    waited = made(Clock(), lambda: 1.0).wait()
    assert START_MOST_S - AGAIN_S <= waited.wait_s <= START_MOST_S
    assert waited.noisy


def test_all_starts_together_wait_a_bounded_share() -> None:
    """On a machine that is never quiet, waiting is a bounded share of the run."""
    clock = Clock()
    one = made(clock, lambda: 1.0)
    waited_s = 0.0
    for _ in range(2000):
        waited_s += one.wait().wait_s
        clock.sleep(1.0)
    spent_s = clock.now_s - 1000.0
    assert 0.9 * SHARE_MOST * spent_s <= waited_s <= SHARE_MOST * spent_s


def test_a_stolen_millisecond_is_seen() -> None:
    """A gap between two reads of the clock counts, many small steps do not."""
    core = min(os.sched_getaffinity(0))
    steps = [0, 10_000, *range(110_000, 610_000, 100), 1_110_000, 1_110_001]
    allowed = os.sched_getaffinity(0)
    assert gate.lost(core, iter(steps).__next__) == pytest.approx(0.01 + 0.1 + 0.5, abs=1e-3)
    assert os.sched_getaffinity(0) == allowed


def test_pressure_is_read_where_there_is_any(tmp_path: Path) -> None:
    """The total of the line `some`, in microseconds; None without it, or a strange one."""
    file = tmp_path / "cpu"
    assert gate.pressure_us(file) is None
    file.write_text("some avg10=1.00 avg60=0.50 avg300=0.10 total=12345\nfull avg10=0 total=7\n")
    assert gate.pressure_us(file) == 12345
    file.write_text("")
    assert gate.pressure_us(file) is None
    file.write_text("none\n")
    assert gate.pressure_us(file) is None


def test_the_worst_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of both cores and of PSI."""
    cores = {0: 0.1, 1: 0.4}
    monkeypatch.setattr(gate, "lost", cores.__getitem__)
    monkeypatch.setattr(gate, "pressure_us", lambda: None)
    assert gate.noise((0, 1)) == 0.4
    totals = iter((0, 10_000_000))
    monkeypatch.setattr(gate, "pressure_us", lambda: next(totals))
    assert gate.noise((0, 1)) > 1
