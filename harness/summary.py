"""The records of summary.json: what analyse found, and all that a report is made of.

Rules: as in `model`: frozen records, the unit in the field's name, a sentence per field. Nothing
here computes.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from harness.model import (
    FORMAT,
    CaseText,
    Cell,
    Implementation,
    Interpreter,
    Level,
    Verdict,
    VerdictKind,
    Workload,
)

Status = Literal[
    "ok",  # every MUST clause of the workload was seen to hold
    "declared",  # a MUST differs and meta.toml says so: measured, without rank
    "unproven",  # a MUST could not be judged, or was not: measured, without rank
    "fail",  # a MUST does not hold: no numbers
    "cannot-run",  # it does not start on this machine: no numbers
]


class Estimate(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A figure: the median over blocks, and its 95% interval where there are blocks enough."""

    value: float
    low: float | None = None
    high: float | None = None
    bound: Literal["", ">=", "<=", "~"] = ""
    """What the gauge's own limit makes of the figure: at least, at most, or neither."""


class Percentiles(msgspec.Struct, frozen=True, kw_only=True):
    """Latencies from the intended send time, microseconds."""

    p50_us: float
    p90_us: float
    p99_us: float
    p999_us: float
    max_us: float


class Latency(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one implementation answered in, in a cell with an equal rate for all."""

    p99_us: Estimate
    """The median of the blocks' p99; not the p99 of all, which a single slow block can make."""
    p50_us: Estimate | None = None
    """The median of the blocks' p50, as `p99_us`; None in summaries of older runs."""
    p90_us: Estimate | None = None
    p999_us: Estimate | None = None
    ratio: Estimate | None = None
    """Its p99 over the baseline's in the same block: above 1 is slower."""
    merged: Percentiles
    """Of the messages of all blocks together."""
    messages: int
    """How many those are."""


class Temper(msgspec.Struct, frozen=True, kw_only=True):
    """What a process gives in one phase, cold or warm: medians over blocks."""

    rate_per_s: float
    cpu_us: float
    """CPU time per message, microseconds."""
    faults: float
    """Minor page faults per message."""


class Result(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One implementation in one cell."""

    implementation: str
    units: int
    """How many units counted: blocks in a ranked cell, 1 in the others."""
    rate_per_s: Estimate
    """Messages or requests per second; in a cell measured once, low and high are its extremes."""
    cpu_us: Estimate
    """CPU time per message, microseconds."""
    faults: float
    """Minor page faults per message."""
    jain: float = 0.0
    """Jain's index of fairness over the connections, 1/N to 1 (echo): the median."""
    jain_low: float | None = None
    """Of its interval over blocks; in a cell measured once, the least of its slices ..."""
    jain_high: float | None = None
    """... and the most."""
    ratio: Estimate | None = None
    """Its rate over the baseline's, in the same block."""
    cpu_ratio: Estimate | None = None
    """The baseline's CPU per message over its own: above 1 is less CPU."""
    of_reference: Estimate | None = None
    """Its rate over the reference's, in the same block."""
    efficiency: float | None = None
    """Its rate over the ideal concurrency / delay; only where the origin waits."""
    disagree: bool = False
    """True where ratio and cpu_ratio are more than the tie apart."""
    p: float | None = None
    """That its rate is the baseline's: randomization test, adjusted for their number."""
    rank: str = ""
    """As `1` or `2-4`; empty: not ranked."""
    ahead_of: tuple[str, ...] = ()
    """Who was told apart from it and is behind it; the rank follows from everyone's."""
    cold: Temper | None = None
    latency: Latency | None = None
    """Only where the rate is equal for all; ratio and of_reference are then empty."""


class CellSummary(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One cell and everyone's result in it, the fastest first."""

    cell: Cell
    results: tuple[Result, ...]
    half_width: float | None = None
    """Of the widest interval of a ratio to the baseline, as a share of the ratio.

    The ceiling's left out; None where there is no interval.
    """
    widest: str = ""
    """Whose interval that is."""
    without: dict[str, str] = {}
    """Who was measured here and has no figure -> why most of its slices do not count."""

    def of(self, name: str) -> Result | None:
        """Return an implementation's result; None where it has none."""
        return next((one for one in self.results if one.implementation == name), None)


class Standing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One implementation's row in the answer to a workload."""

    implementation: str
    status: Status
    clauses: tuple[str, ...] = ()
    """The clauses that the status comes from."""
    reason: str = ""
    """One sentence; empty for ok."""
    rank: str = ""
    ahead_of: tuple[str, ...] = ()
    """As in a cell's result: who is ranked, told apart from it, and behind it."""
    ratio: Estimate | None = None
    """Geometric mean of its ratios over the workload's ranked cells without delay."""
    cpu_ratio: Estimate | None = None
    of_reference: Estimate | None = None
    disagree: bool = False


class OnPython(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One program on one of several Pythons, against itself on the first that gave figures."""

    implementation: str
    """The row, as `trio@3.12`."""
    to: str = ""
    """The row that it is compared with, its own for the first; empty: nothing was measured."""
    ratio: Estimate | None = None
    """Geometric mean of its rates over that one's in the same block, as in a standing."""
    cpu_ratio: Estimate | None = None
    """That one's CPU per message over its own: above 1 is less CPU."""


CanaryName = Literal[
    "twin",  # the baseline against itself under a second name
    "planted",  # the baseline against itself with a known loss
    "stall",  # the baseline's latencies while it sleeps at known intervals
    "little",  # connections against rate times mean latency
    "headroom",  # the ceiling against the fastest
]
Doubt = Literal[
    "",
    "blocks",  # too few of them
    "apart",  # not contradicted, and too noisy to be seen
    "void",  # it was measured, and nothing of it counts
    "wide",  # so wide that it could not fail
    "short",  # what was measured holds no whole period
]


class Canary(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A control inside the run: something whose answer is known beforehand."""

    name: CanaryName
    workload: Workload
    cell: str
    implementation: str = ""
    """Who showed it, where the control is not the baseline's alone."""
    figure: str = "rate"
    """What was compared: `rate`, `cpu`, `p99` (each a ratio), `p90_us`, ..., `connections`."""
    expected: float = 1.0
    least: float | None = None
    """Where the range begins that must be reached, by a ratio's interval, else by the value ..."""
    most: float | None = None
    """... and where it ends; None: no end on that side. The headroom's value must reach it."""
    estimate: Estimate
    passed: bool | None
    why: Doubt = ""
    """Why it could not be judged."""


class WorkloadSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to one workload, and what it rests on."""

    workload: Workload
    baseline: str
    """Whose rate every ratio is to; empty where nothing was measured."""
    reference: str
    """The ceiling; empty where it gave no figures."""
    blocks: int
    """How many blocks counted."""
    withheld: Literal["", "blocks", "canary"]
    """Why there are no ranks: too few blocks, or a canary failed. Empty: there are."""
    standings: tuple[Standing, ...]
    cells: tuple[CellSummary, ...]
    canaries: tuple[Canary, ...]
    pythons: tuple[OnPython, ...] = ()
    """Of every program that ran on several: its rows in the order of the Pythons."""


class TraitSummary(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One figure of one implementation in one scenario: the median of its repetitions."""

    implementation: str
    workload: Workload
    scenario: str
    figure: str
    """As `opened_per_s`, `rate_ratio`, `pss_bytes_per_connection`; empty beside an error."""
    estimate: Estimate | None = None
    """low and high are the extremes of the repetitions; of a slope, its 95% interval."""
    r2: float | None = None
    """Of a slope: the share of the variation that the line explains."""
    points: tuple[tuple[float, float], ...] = ()
    """Of a slope: what was varied, and the value there, which the line is drawn through."""
    error: str = ""
    """Why the scenario gave no figures, or no more than those that stand."""


class ClauseSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One clause over all implementations."""

    clause: str
    level: Level
    title: str
    verdicts: dict[str, VerdictKind]
    """Implementation -> the worst verdict of the clause's cases."""


class CaseSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One case over all implementations."""

    text: CaseText
    level: Level
    verdicts: dict[str, VerdictKind]


class ThrownOut(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured and does not count, by rules that do not look at names."""

    blocks: dict[str, str]
    """Number of the block -> the rule that it broke."""
    slices: dict[str, int]
    """Cause -> how many slices."""
    units: int
    """Units that kept too few slices."""
    all_blocks: int
    all_slices: int


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """All that a report needs: rendering reads nothing else."""

    format: int = FORMAT
    created: str
    evenloop: str
    commit: str = ""
    """Of this project's repository, as in the plan; empty: none is known."""
    seed: int
    quick: bool
    budget_s: float
    python: str
    interpreters: tuple[Interpreter, ...] = ()
    """As planned, without paths."""
    server_core: int
    gauge_core: int
    machine: dict[str, str]
    arguments: tuple[str, ...]
    """What to put after `compare` to run it again: with the seed, without this machine's paths."""
    implementations: tuple[Implementation, ...]
    """As planned, without paths; `folder`: `implementations/<name>` in this repository or empty."""
    workloads: tuple[WorkloadSummary, ...]
    clauses: tuple[ClauseSummary, ...]
    suite: tuple[CaseSummary, ...] = ()
    """Every case that was played, clause by clause."""
    findings: tuple[Verdict, ...]
    """Every verdict that says anything: all but PASS, and INFO without a reason."""
    traits: tuple[TraitSummary, ...] = ()
    """What was measured once for each implementation, and is never ranked."""
    cases: int
    """How many cases were played, over all implementations."""
    thrown_out: ThrownOut

    @property
    def by_name(self) -> dict[str, Implementation]:
        """The implementations by name."""
        return {one.name: one for one in self.implementations}
