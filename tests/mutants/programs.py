"""Implementations made of the table: which program of `tests/fakes` is started with which word.

Rules: they exist as records alone; none has a folder of its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.model import Implementation
from mutants.table import EQUIVALENT, MUTANTS, PLAIN, Mutant, Variant

if TYPE_CHECKING:
    from harness.model import Workload
    from mutants.table import Style

FAKES = Path(__file__).resolve().parent.parent / "fakes"
PROGRAMS: dict[tuple[Workload, Style], str] = {
    ("echo", "coroutine"): "echo_base",
    ("echo", "callback"): "echo_callback",
    ("echo", "thread"): "echo_thread",
    ("fetch", "coroutine"): "fetch_base",
    ("fetch", "callback"): "fetch_callback",
    ("fetch", "thread"): "fetch_thread",
}
"""The file of each workload and style, without `.py`."""


def implementation(one: Mutant | Variant) -> Implementation:
    """Return the program with this fault or variation, ready to be started."""
    program = PROGRAMS[one.workload, one.style]
    word = one.fault if isinstance(one, Mutant) else one.variation
    words = [word] if word else []
    if word and program == "fetch_base":
        words.insert(0, "--fault")
    return Implementation(
        name=one.name,
        folder=str(FAKES),
        title=one.name,
        style=one.style,
        run=("{python}", f"{{here}}/{program}.py", *words),
    )


def named(name: str) -> Implementation:
    """Return the program of a mutant or a variant, as `echo-thread-text` or `echo-thread`."""
    every: list[Mutant | Variant] = [*MUTANTS, *EQUIVALENT, *PLAIN]
    (one,) = [each for each in every if each.name == name]
    return implementation(one)
