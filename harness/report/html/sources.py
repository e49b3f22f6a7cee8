"""The source texts that the report shows, from the implementations' folders.

Rules: files are read here and nowhere else in this package; they are never run or imported. Whether
a text is the one that was measured is told by the digest that the plan keeps of it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from harness import files
from harness.launch import ROOT
from harness.model import WORKLOADS, Implementation, Plan, Workload

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.summary import Summary

MOST_BYTES = 60_000  # of one file; the aim is 120 lines of code

State = Literal[
    "measured",  # what the run measured, by its digest
    "changed",  # the file is another now
    "unrecorded",  # the run kept no digest
]


class Source(NamedTuple):
    """The text of one implementation of one workload."""

    implementation: str
    workload: Workload
    text: str
    state: State


def _folders(summary: Summary, run: Path) -> Iterable[tuple[Implementation, Path]]:
    """Yield where each implementation lies: in this repository, else where the plan says."""
    elsewhere: dict[str, str] = {}
    if any(not one.folder for one in summary.implementations) and (run / "plan.json").exists():
        plan = files.read_json(run / "plan.json", Plan)
        elsewhere = {one.name: one.folder for one in plan.implementations if one.folder}
    for one in summary.implementations:
        if one.same_as:  # the same text, which is shown once
            continue
        if one.folder:
            yield one, ROOT / one.folder
        elif one.name in elsewhere:
            yield one, Path(elsewhere[one.name])


def _state(one: Implementation, name: str, data: bytes) -> State:
    if name not in one.digests:
        return "unrecorded"
    same = one.digests[name] == hashlib.sha256(data).hexdigest()
    return "measured" if same else "changed"


def sources(summary: Summary, run: Path) -> list[Source]:
    """Return every echo.py and fetch.py that can be read; `run` is where plan.json may lie."""
    found = []
    for one, folder in _folders(summary, run):
        for workload in WORKLOADS:
            file = folder / f"{workload}.py"
            try:
                data = file.read_bytes()
                text = data.decode()
            except (OSError, UnicodeDecodeError):
                continue  # a program in another language, or a folder that is gone
            found.append(Source(one.name, workload, text, _state(one, file.name, data)))
    return found
