"""The folder of one run: where it lies, what is in it, how much of its budget is spent.

Rules: it makes and finds folders and never looks into results. A path that a user gives is used as
given; names of implementations never become part of one.
"""

from __future__ import annotations

import lzma
import platform
import shutil
import time
from pathlib import Path
from typing import Literal

import msgspec

from harness import files, machine, pythons
from harness.model import Plan, UsageError

RUNS = Path("runs")
SPENT = "spent.json"


State = Literal[
    "",  # an older version wrote it, and did not say
    "begun",  # going on, or killed
    "interrupted",  # ended by Ctrl-C or SIGTERM
    "complete",  # every stage came to its end
]


class Spent(msgspec.Struct, frozen=True):
    """How much of its budget a run has used, over all the processes that worked on it."""

    spent_s: float
    state: State = ""
    """How far it has come."""


def create(out: Path | None, plan: Plan) -> Path:
    """Make the folder of a new run and write its plan. Raises UsageError where one lies there."""
    folder = out or RUNS / plan.created.replace(":", "").replace("-", "")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(
            f"{folder} is not an empty folder; choose another --out, or --resume {folder}."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        files.write_json(folder / "plan.json", plan)
    except OSError as error:
        raise UsageError(f"cannot write to {folder}: {error.strerror}.") from error
    return folder


def reopen(folder: Path) -> Plan:
    """Return the plan of an earlier run, to go on with it. Raises UsageError where that is no use.

    Figures from different machines or interpreters are never put into one run.
    """
    plan = files.read_json(folder / "plan.json", Plan)
    here = machine.facts()
    for name in ("cpu", "kernel", "python"):
        if plan.machine.get(name) != here[name]:
            raise UsageError(
                f"{folder} was begun with {name} {plan.machine.get(name)}, here is {here[name]}; "
                "figures from both cannot stand in one run. Begin a new one."
            )
    pythons.still_there(plan)
    if not plan.interpreters and plan.python != platform.python_version():
        raise UsageError(f"{folder} was begun on Python {plan.python}; go on with that one.")
    return plan


def prolong(folder: Path, plan: Plan, budget_s: float) -> Plan:
    """Return an earlier run's plan with a larger budget, and keep it. Raises UsageError."""
    if budget_s <= plan.budget_s:
        raise UsageError(
            f"{folder} was planned with a budget of {plan.budget_s:g}s; to go on longer, "
            "--budget has to be more than that."
        )
    others = tuple(word for word in plan.arguments if not word.startswith("--budget="))
    longer = msgspec.structs.replace(
        plan, budget_s=budget_s, arguments=(*others, f"--budget={budget_s:g}s")
    )
    files.write_json(folder / "plan.json", longer)
    return longer


def publish(folder: Path, out: Path) -> None:
    """Copy what a committed report rests on: all records as they are, but for the samples.

    `pack` has those. The plan loses the paths of this machine. A run without scenarios has no
    traits.
    """
    out.mkdir(parents=True, exist_ok=True)
    plan = files.read_json(folder / "plan.json", Plan)
    shown = msgspec.structs.replace(
        plan,
        implementations=tuple(
            msgspec.structs.replace(one, folder=one.at_home, interpreter="")
            for one in plan.implementations
        ),
        interpreters=tuple(msgspec.structs.replace(one, path="") for one in plan.interpreters),
    )
    files.write_json(out / "plan.json", shown)
    for name in ("summary.json", "cases.jsonl", "verdicts.jsonl"):
        shutil.copyfile(folder / name, out / name)
    (out / "traits.jsonl").unlink(missing_ok=True)
    if (folder / "traits.jsonl").exists():
        shutil.copyfile(folder / "traits.jsonl", out / "traits.jsonl")


def pack(folder: Path, out: Path) -> None:
    """Write a run's samples packed; a thread can do it, while something else goes on."""
    samples = (folder / "samples.jsonl").read_bytes()
    (out / "samples.jsonl.xz").write_bytes(lzma.compress(samples, preset=9 | lzma.PRESET_EXTREME))


class Clock:
    """Counts what this process spends on top of what earlier ones spent, and keeps it in a file."""

    def __init__(self, folder: Path) -> None:
        """Go on from what is written there."""
        self._file = folder / SPENT
        self._before = spent(folder).spent_s
        self._begin = time.monotonic()
        self._state: State = "begun"

    @property
    def spent_s(self) -> float:
        """Seconds spent on the run so far."""
        return self._before + time.monotonic() - self._begin

    def save(self) -> None:
        """Write it down; a crash loses what came after."""
        files.write_json(self._file, Spent(spent_s=round(self.spent_s, 3), state=self._state))

    def end(self, state: State) -> None:
        """Write down how the run came to its end."""
        self._state = state
        self.save()


def spent(folder: Path) -> Spent:
    """Return what is written down of a run; nothing spent where nothing is."""
    file = folder / SPENT
    return files.read_json(file, Spent) if file.exists() else Spent(spent_s=0.0)
