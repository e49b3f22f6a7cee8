"""What no file says: how the clocks run, and how often a busy thread loses its core.

Rules: numbers and reasons out, no judgement. Each probe is bounded in time and ends what it starts.
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import msgspec

from harness import launch, machine, witness
from harness.model import HarnessError
from harness.stats import median

SPUN_S = 10.0  # how long after its time a spin may answer: on a machine at its limit, late
_PERF_EVENT_OPEN = {"x86_64": 298, "aarch64": 241}
_PERF_ATTR_BYTES = 64  # PERF_ATTR_SIZE_VER0
_EXCLUDE_KERNEL_AND_HYPERVISOR = 0b1100001  # disabled, exclude_kernel, exclude_hv


class Spin(msgspec.Struct, frozen=True, kw_only=True):
    """What a thread saw that did nothing but read the clock."""

    core: int
    wall_ns: int
    readings: int
    """How often it read the clock: its speed."""
    gaps: int
    """How often two readings lay further apart than GAP_NS (`spin`): it was interrupted."""
    lost_ns: int
    """The time in these gaps."""
    longest_ns: int


class Timer(msgspec.Struct, frozen=True, kw_only=True):
    """How finely time is told, and how late a sleeper wakes."""

    resolution_ns: float
    """Of CLOCK_MONOTONIC, as the kernel states it."""
    reading_ns: float
    """What one reading costs, Python's own call included; the median of many."""
    late_ns: float
    """How late a sleep of 1 ms ended, at the median."""


class CpuClock(msgspec.Struct, frozen=True, kw_only=True):
    """The CPU clock of another process."""

    exact: bool
    """The kernel lets the gauge read a task's clock itself (harness/gauge/task_clock.h)."""
    step_ns: int
    """The median step of the process's clock while it computed; 0: it did not move."""


def timer() -> Timer:
    """Return how this machine's clocks do; takes a tenth of a second."""
    readings: list[float] = []
    for _ in range(200):
        begin = time.perf_counter_ns()
        for _ in range(100):
            time.monotonic_ns()
        readings.append((time.perf_counter_ns() - begin) / 100)
    late: list[float] = []
    for _ in range(50):
        begin = time.monotonic_ns()
        time.sleep(0.001)
        late.append(time.monotonic_ns() - begin - 1e6)
    return Timer(
        resolution_ns=time.clock_getres(time.CLOCK_MONOTONIC) * 1e9,
        reading_ns=median(readings),
        late_ns=median(late),
    )


def cpu_clock() -> CpuClock:
    """Return how finely the CPU time of a computing child is told; takes up to half a second."""
    words = [sys.executable, "-S", "-c", "import time\nwhile time.process_time() < 5: pass"]
    with (
        tempfile.TemporaryDirectory(prefix="evenloop-") as folder,
        launch.start(words, stderr=Path(folder) / "cpu_clock") as child,
    ):
        steps: list[int] = []
        before, end = witness.cpu_ns(child.pid), time.monotonic() + 0.5
        while time.monotonic() < end and len(steps) < 200:
            now = witness.cpu_ns(child.pid)
            if now > before:
                steps.append(now - before)
                before = now
        return CpuClock(
            exact=machine.cpu_clock() == machine.EXACT, step_ns=round(median(steps or [0]))
        )


def perf_events() -> str:
    """Return why this process may not count its own instructions; empty: it may."""
    number = _PERF_EVENT_OPEN.get(platform.machine())
    if number is None:
        return f"unknown on {platform.machine()}"
    attributes = (ctypes.c_uint64 * (_PERF_ATTR_BYTES // 8))()
    # struct perf_event_attr: type (0: hardware) and size, config (1: instructions), ..., flags
    attributes[0] = _PERF_ATTR_BYTES << 32
    attributes[1] = 1
    attributes[5] = _EXCLUDE_KERNEL_AND_HYPERVISOR
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.syscall(number, ctypes.byref(attributes), 0, -1, -1, 0)
    if descriptor < 0:
        return os.strerror(ctypes.get_errno())
    os.close(descriptor)
    return ""


def spin(cores: tuple[int, ...], for_s: float) -> list[Spin]:
    """Spin on these cores at once, a process each. Raises HarnessError when one says nothing."""
    with tempfile.TemporaryDirectory(prefix="evenloop-") as folder, ExitStack() as started:
        children = [
            started.enter_context(
                launch.start(
                    [sys.executable, "-m", "harness.doctor.spin", str(for_s)],
                    stderr=Path(folder) / f"spin-{core}",
                    core=core,
                    stdin=subprocess.PIPE,
                )
            )
            for core in cores
        ]
        for child in children:
            child.ready()
        for child in children:
            child.stdin.close()  # all begin now
        return [_said(child, core, for_s) for child, core in zip(children, cores, strict=True)]


def _said(child: launch.Child, core: int, for_s: float) -> Spin:
    try:
        line = child.line(for_s + SPUN_S)
    except TimeoutError:
        raise HarnessError(f"a spinning process on core {core} said nothing.") from None
    if not line:
        raise HarnessError(f"a spinning process on core {core} ended early.")
    return msgspec.convert({**json.loads(line), "core": core}, Spin)
