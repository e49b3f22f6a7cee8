"""All that a run folder has recorded, read at once: of a run of one's own, or of a published one.

Rules: it reads and never writes or computes. A published folder has its samples packed; whoever
asks does not notice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

from harness import files
from harness.model import CaseText, Plan, Sample, Trait, UsageError, Verdict

if TYPE_CHECKING:
    from pathlib import Path

T = TypeVar("T", Verdict, Sample, CaseText, Trait)

SAMPLES = ("samples.jsonl", "samples.jsonl.xz")


class Recorded(NamedTuple):
    """A run's records, in the order in which `analyse.summarise` takes them."""

    plan: Plan
    verdicts: list[Verdict]
    samples: list[Sample]
    texts: list[CaseText]
    traits: list[Trait]


def _lines(file: Path, kind: type[T]) -> list[T]:
    return files.read_jsonl(file, kind) if file.exists() else []


def samples_file(folder: Path) -> Path:
    """Return the file of a folder's samples, packed or not; it may not be there."""
    return next((folder / name for name in SAMPLES if (folder / name).exists()), folder / "samples")


def read(folder: Path) -> Recorded:
    """Return what a folder holds. A run that ended before its first verdict or sample has none.

    Raises UsageError for what is no run folder, and for a line that is not whole.
    """
    return Recorded(
        files.read_json(folder / "plan.json", Plan),
        _lines(folder / "verdicts.jsonl", Verdict),
        _lines(samples_file(folder), Sample),
        _lines(folder / "cases.jsonl", CaseText),
        _lines(folder / "traits.jsonl", Trait),
    )


def read_measured(folder: Path) -> Recorded:
    """Return what a folder holds. Raises UsageError where nothing was measured."""
    found = read(folder)
    if not found.samples:
        raise UsageError(
            f"{folder} has no samples: its run ended before anything was measured. "
            f"Go on with it (compare --resume {folder}), or name another."
        )
    return found
