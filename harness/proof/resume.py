"""Row `resume`: a measuring that is killed again and again has each sample once in the end.

Rules: SIGKILL goes to the measuring process alone, at random instants of a run; the same command
goes on with the folder. What is complete at a kill must be there, byte for byte, at the end; which
samples there must be in all is what the same plan gives when nobody kills it.
"""

from __future__ import annotations

import json
import random
import signal
import time
from typing import TYPE_CHECKING

from harness.model import HarnessError
from harness.proof import runs
from harness.proof.row import Reached
from harness.proven import Figure

if TYPE_CHECKING:
    from pathlib import Path

    from harness.proof.row import Setting

KILL_WITHIN = 1 / 3  # of an undisturbed run's time: three kills a run, at another place each
RUN_S = 600.0

Key = tuple[int, str, str, str, int]


def keys(data: bytes) -> dict[Key, list[bytes]]:
    """Return the whole lines of a samples file, by which sample each is."""
    found: dict[Key, list[bytes]] = {}
    for line in data[: data.rfind(b"\n") + 1].splitlines():
        one = json.loads(line)
        key = one["block"], one["implementation"], one["workload"], one["cell"], one["index"]
        found.setdefault(key, []).append(line)
    return found


def complete(data: bytes) -> set[bytes]:
    """Return the lines of units that are whole: these are what a kill may not cost."""
    units: dict[tuple[int, str, str, str], list[bytes]] = {}
    for (block, name, workload, cell, _), lines in keys(data).items():
        units.setdefault((block, name, workload, cell), []).extend(lines)
    whole = (lines for lines in units.values() if len(lines) == json.loads(lines[0])["of"])
    return {line for lines in whole for line in lines}


def lost(before: bytes, after: bytes) -> int:
    """Return how many lines of whole units the file no longer has."""
    return len(complete(before) - set(after.splitlines()))


def doubled(data: bytes) -> int:
    """Return how many samples stand there more than once."""
    return sum(len(lines) > 1 for lines in keys(data).values())


def figures(
    kills: int, all_lost: int, all_doubled: int, other: int, wanted: int
) -> tuple[Figure, ...]:
    """Return what the kills cost; fewer kills than wanted have proven less than was asked."""
    return (
        Figure(what="kills", value=float(kills), least=float(wanted)),
        Figure(what="samples lost", value=float(all_lost), most=0.0),
        Figure(what="samples doubled", value=float(all_doubled), most=0.0),
        Figure(what="samples missing or too many at the end", value=float(other), most=0.0),
    )


class _Killer:
    """Runs one plan again and again, and counts what goes wrong."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._random = random.Random(setting.seed)  # noqa: S311  instants, not secrets
        self._number = 0
        self.kills = self.runs = self.lost = self.doubled = self.other = 0
        begin = time.monotonic()
        folder = self._folder()
        self._measure(folder, None)
        self._whole_s = time.monotonic() - begin
        self._wanted = set(keys(_read(folder)))

    def _folder(self) -> Path:
        self._number += 1
        folder = self._setting.folder / f"killed-{self._number}"
        runs.small_plan(
            [self._setting.baseline, self._setting.reference],
            folder,
            workloads=("echo",),
            budget_s=1.0,
            seed=self._setting.seed,
        )
        return folder

    def _measure(self, folder: Path, kill_after_s: float | None) -> bool:
        """Measure; return whether it came to its end. Raises HarnessError when it failed."""
        stderr = self._setting.folder / "killed.stderr"
        with runs.command(["measure", str(folder)], stderr) as child:
            if kill_after_s is None:
                runs.finish(child, RUN_S)
                return True
            try:
                status = child.wait(kill_after_s)
            except TimeoutError:
                child.signal(signal.SIGKILL)
                status = child.wait(RUN_S)
            if status not in (0, -signal.SIGKILL):
                raise HarnessError(f"a resumed run failed: {child.last_line() or status}")
            return status == 0

    def one_run(self, kills: int) -> None:
        """Kill a run until it ends by itself or `kills` are done; then let it end, and count."""
        folder = self._folder()
        kept: list[bytes] = []
        ended = False
        while not ended and self.kills < kills:
            ended = self._measure(folder, self._random.uniform(0, KILL_WITHIN * self._whole_s))
            self.kills += not ended
            kept.append(_read(folder))
            self._setting.say(f"resume: {self.kills} of {kills} kills, {self.lost} lost")
        if not ended:
            self._measure(folder, None)
        self.runs += 1
        data = _read(folder)
        self.lost += sum(lost(before, data) for before in kept)
        self.doubled += doubled(data)
        self.other += len(set(keys(data)) ^ self._wanted)


def _read(folder: Path) -> bytes:
    file = folder / "samples.jsonl"
    return file.read_bytes() if file.exists() else b""


def run(setting: Setting) -> Reached:
    """Kill as often as the setting asks for."""
    killer = _Killer(setting)
    while killer.kills < setting.kills:
        killer.one_run(setting.kills)
    return Reached(
        figures=figures(killer.kills, killer.lost, killer.doubled, killer.other, setting.kills),
        notes=(f"{killer.runs} runs were killed {killer.kills} times at random instants",),
    )
