"""Facts about this machine: which cores a run may use, and what the report says of the rest.

Rules: it reads /proc, /sys, the scheduler and git, and names no user, host or path. It changes
nothing but on which cores this process runs, for the length of a block (`pinned`).
"""

from __future__ import annotations

import functools
import os
import platform
import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from harness.model import HarnessError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_CPU = Path("/sys/devices/system/cpu")
EXACT = "exact, by perf's task clock"


def require_linux() -> None:
    """Raise HarnessError on any other system: epoll, /proc and affinity are what it stands on."""
    if sys.platform != "linux":
        raise HarnessError("evenloop runs on Linux only: it needs epoll, /proc and CPU affinity.")


def physical(usable: Collection[int], cpus: Path = _CPU) -> list[int]:
    """Return one core of each physical core among the usable ones, the last first.

    `cpus` is the folder in which the kernel describes them.
    """
    first: dict[str, int] = {}
    for core in sorted(usable, reverse=True):
        siblings = _read(cpus / f"cpu{core}/topology/thread_siblings_list") or str(core)
        first.setdefault(siblings, core)
    return list(first.values())


def cores() -> tuple[int, int]:
    """Return two cores for the contestant and the gauge, never two threads of one core.

    Both are the same where only one physical core is allowed; measuring refuses that.
    """
    chosen = physical(os.sched_getaffinity(0))
    return (chosen[0], chosen[1]) if len(chosen) > 1 else (chosen[0], chosen[0])


def pressure(text: str) -> dict[str, float]:
    """Return the figures of the line `some` in a file of /proc/pressure; none where it has none.

    `avg10` and its like are per cent of so many seconds, `total` is in microseconds since boot.
    Source: the kernel's Documentation/accounting/psi.rst.
    """
    some = next((line for line in text.splitlines() if line.startswith("some ")), "")
    return {name: float(value) for name, value in re.findall(r"(\w+)=([\d.]+)", some)}


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """Keep this process on one core for the length of a `with` block."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def facts() -> dict[str, str]:
    """Return what a reader needs to judge the figures by, as text by name."""
    memory = psutil.virtual_memory().total / 2**30
    governor = _read(_CPU / "cpu0/cpufreq/scaling_governor")
    return {
        "cpu": _cpu_model(),
        "cores": f"{len(os.sched_getaffinity(0))} usable",
        "memory": f"{memory:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release().split('-')[0]}",
        "governor": governor or "unknown (a virtual machine hides it)",
        "tcp": _read(Path("/proc/sys/net/ipv4/tcp_congestion_control")) or "unknown",
        "cpu clock": cpu_clock(),
        "libc": " ".join(platform.libc_ver()),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "build": built(),
    }


@functools.cache  # it takes a process, and stays the same
def cpu_clock() -> str:
    """Return the clock that the gauge reads a contestant's CPU time from (gauge/witness.h)."""
    words = [sys.executable, "-m", "harness.gauge", "witness", "--about"]
    said = subprocess.run(words, capture_output=True, text=True, check=False).stdout
    return EXACT if '"task"' in said else "by scheduler ticks"


def built() -> str:
    """Return how the Python that runs this was built, as far as it is faster by that.

    Other Pythons are asked by this function's own text (`pythons`): it needs nothing of its module.
    """
    import platform  # noqa: PLC0415
    import sysconfig  # noqa: PLC0415

    arguments = sysconfig.get_config_var("CONFIG_ARGS") or ""
    options = {"PGO": "--enable-optimizations", "LTO": "--with-lto"}
    words = [platform.python_compiler()]
    words += [name if word in arguments else "no " + name for name, word in options.items()]
    words += ["JIT"] if "--enable-experimental-jit" in arguments else []
    return ", ".join(words)


def commit(folder: Path) -> str:
    """Return the commit that a work tree stands on, `+` behind it where its files differ.

    Empty where the folder is no work tree, or there is no git.
    """

    def git(*words: str) -> str:
        try:
            done = subprocess.run(
                ["git", "-C", str(folder), *words],  # noqa: S607  whichever git the user has
                capture_output=True,
                text=True,
                timeout=10,
                check=True,
            )
        except (OSError, subprocess.SubprocessError):
            return ""
        return done.stdout.strip()

    if git("rev-parse", "--show-toplevel") != str(folder):
        return ""  # this project lies unpacked in somebody else's repository
    found = git("rev-parse", "--short=10", "HEAD")
    changed = found and git("status", "--porcelain", "--untracked-files=no")
    return f"{found}+" if changed else found


def _cpu_model() -> str:
    for line in _read(Path("/proc/cpuinfo")).splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
