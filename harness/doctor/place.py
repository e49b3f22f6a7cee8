"""The machine as the checks see it: files below a root, and probes that ask the running kernel.

Rules: reading alone. A file that is not there reads as an empty text: it is the check that knows
what its absence means. Tests put another root and other probes in place.
"""

from __future__ import annotations

import os
import resource
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from harness import own_files
from harness.doctor import probes

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from harness.doctor.probes import CpuClock, Spin, Timer


def _affinity() -> Collection[int]:
    return os.sched_getaffinity(0)


def _open_files() -> tuple[int, int]:
    return resource.getrlimit(resource.RLIMIT_NOFILE)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the checks look."""

    root: Path = Path("/")
    affinity: Callable[[], Collection[int]] = _affinity
    """The cores that this process may use."""
    open_files: Callable[[], tuple[int, int]] = _open_files
    """The limit of open files: (soft, hard); -1: none."""
    page_bytes: int = field(default_factory=lambda: os.sysconf("SC_PAGE_SIZE"))
    timer: Callable[[], Timer] = probes.timer
    cpu_clock: Callable[[], CpuClock] = probes.cpu_clock
    perf_events: Callable[[], str] = probes.perf_events
    """Why hardware counters cannot be read; empty: they can."""
    namespaces: Callable[[], str] = own_files.refusal
    """Why a child cannot have files of its own; empty: it can."""
    spin: Callable[[tuple[int, ...], float], list[Spin]] = probes.spin
    """Spin on these cores at once, for so many seconds."""

    def read(self, path: str) -> str:
        """Return a file's text without white space at its ends; empty: it cannot be read."""
        try:
            return (self.root / path).read_text("utf-8", "replace").strip()
        except OSError:
            return ""

    def numbers(self, path: str) -> list[int]:
        """Return the whole numbers in a file, none where it cannot be read."""
        return [int(word) for word in self.read(path).split() if word.lstrip("-").isdigit()]
