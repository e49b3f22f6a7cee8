"""The records that travel from stage to stage, and how they are kept in files.

Rules: frozen records only, flat where they can be, the unit in the field's name, a sentence per
field. Nothing here computes, and nothing here imports another module of the harness.

    meta.toml -> plan.json -> cases.jsonl, verdicts.jsonl, samples.jsonl, traits.jsonl
    -> summary.json (its records: summary.py) -> REPORT.md
"""

from __future__ import annotations

from typing import Literal

import msgspec

FORMAT = 1  # of every file in a run folder; a run folder of another format is refused

Workload = Literal["echo", "fetch"]
WORKLOADS: tuple[Workload, ...] = ("echo", "fetch")

Kind = Literal["framework", "native", "reference"]
Level = Literal["MUST", "SHOULD", "INFO"]
LEVELS: tuple[Level, ...] = ("MUST", "SHOULD", "INFO")
VerdictKind = Literal[
    "PASS",  # seen to hold
    "FAIL",  # seen not to hold
    "DECLARED",  # meta.toml admits the difference, and the case still sees it
    "INFO",  # shown, never judged
    "UNSUPPORTED",  # the machine or the implementation lacks what the case needs
    "INCONCLUSIVE",  # the machine was too busy, or the control failed
    "HARNESS-ERROR",  # the case itself broke; nothing is known
]

BASELINE = "asyncio"  # every rate is paired with this one's, in the same block
ALL = "all"  # in a list of names: every implementation there is
NAIVE = "naive.py"  # echo without the contract, beside echo.py, where a folder has one
TWIN = "~twin"  # appended to the baseline's name for its second, hidden appearance
PLANTED = "~planted"  # the same, with PLANTED_SHARE of its time burnt by the launcher
PLANTED_SHARE = 0.05
STALLED = "~stalled"  # the same, its main thread asleep for STALL_S of every STALL_EVERY_S
STALL_S = 0.05
STALL_EVERY_S = 0.25  # a fifth of the time: the arithmetic then has something to say from p90 on
BLOCKS_LEAST = 6  # under it a bootstrap only repeats the extremes, and no test can reach ALPHA
ONCE = -1  # the block number of cells that are measured once
ALIASES = tuple(BASELINE + alias for alias in (TWIN, PLANTED, STALLED))
"""Controls of the run itself: in no table, in no rank."""

WHOLE = "wall_s"  # the figure that ends a scenario's traits; without it they are not whole


class HarnessError(Exception):
    """The harness cannot go on: one sentence that names the thing and what to do."""

    exit_code = 2


class UsageError(HarnessError):
    """The user's own mistake: an unknown name, a bad budget, a folder that is no run folder."""


class InterruptedRun(HarnessError):  # noqa: N818  nothing went wrong: somebody ended it
    """Ended by Ctrl-C or SIGTERM; the sentence says what is kept."""

    exit_code = 130


class CaseText(msgspec.Struct, frozen=True, kw_only=True):
    """What a case is, in words, for who reads verdicts and never plays."""

    case: str
    title: str
    """The name of its clause, as `half-close`."""
    does: str
    expects: str
    why: str = ""
    """The RFC's clause, or the reason."""


class Interpreter(msgspec.Struct, frozen=True, kw_only=True):
    """One of the Pythons that a run was asked to compare."""

    asked: str
    """As the command line has it: `3.12`, `3.13t`."""
    path: str = ""
    """Absolute path of the program; empty where it is missing, and in what is published."""
    version: str = ""
    """As `3.12.1`, or `3.13.0t` where it is built without the GIL; empty: it is not known."""
    build: str = ""
    """How it was built, as far as it is faster by that: `GCC 12.2.0, PGO, no LTO`."""
    missing: str = ""
    """Why nothing runs on it: half a sentence for the report; empty: it takes part."""


class Implementation(msgspec.Struct, frozen=True, kw_only=True):
    """One contestant, as its meta.toml and this machine describe it."""

    name: str
    """The folder's name, `[a-z][a-z0-9_]*`; unique in a plan.

    The same program on a further Python has that behind it: `trio@3.12`.
    """
    folder: str
    """Absolute path of the folder that holds meta.toml; in what is published, `at_home`."""
    title: str
    """How its authors write its name."""
    style: str
    """coroutine, callback, greenlet, thread, ..."""
    kind: Kind = "framework"
    """framework (ranked), native (ranked among its kind), reference (the ceiling, never ranked)."""
    homepage: str = ""
    requires: tuple[str, ...] = ()
    """Requirement specifiers (PEP 508) of the distributions it needs."""
    python: str = ""
    """Version specifier of the interpreters it can run on; empty: any."""
    workloads: tuple[Workload, ...] = WORKLOADS
    """What it implements; it takes no part in the other."""
    run: tuple[str, ...] = ()
    """The command that starts it, {here} and {python} filled in; empty: the shared launcher."""
    read_size: str = ""
    """What it reads at most at once, and who decides that."""
    loop: str = ""
    """Which event loop or reactor runs it."""
    year: int = 0
    """Of its first release, or of its entry into the standard library."""
    novelty: str = ""
    """One sentence: what was new in it."""
    variant_of: str = ""
    """The implementation that it is another way or another loop for; empty: it stands alone."""
    default: bool = True
    """False: it takes part where it is named, or where ALL are asked for."""
    known: dict[str, str] = {}
    """Clause id -> how and why it differs from the contract."""
    races: tuple[str, ...] = ()
    """Those of `known` that are seen only where a race is lost."""
    beyond: dict[str, str] = {}
    """Clause id, or another word -> what was added to the natural idiom, and why."""
    versions: dict[str, str] = {}
    """Distribution -> the version installed here."""
    code_lines: dict[str, int] = {}
    """File name -> lines of code (no blanks, comments, docstrings); Python files only."""
    also_lines: dict[str, dict[str, int]] | None = None
    """Workload's file -> implementation -> lines of code of it that this one runs as well.

    Under its own name those of its folder's other files. None: an older run, which did not say.
    """
    digests: dict[str, str] = {}
    """File name -> SHA-256 of its bytes, hexadecimal; the Python files of the workloads."""
    cannot_run: str = ""
    """Why it cannot run here, and the command that would help; empty: it can."""
    unfit: bool = False
    """True: its own meta.toml says that it cannot run; else it is what this machine lacks."""
    offered_by: str = ""
    """The installed distribution whose entry point it is; empty: a folder that was found."""
    interpreter: str = ""
    """Absolute path of the Python that runs it; empty: the harness's own, and when published."""
    on: str = ""
    """The Python that it runs on, as it was asked for: `3.12`; empty: nobody asked for any."""
    same_as: str = ""
    """The same program's row on the first Python of the run; empty: this is it."""
    gil: bool = False
    """Its Python is free-threaded, and something that it imports turned the GIL on again."""

    @property
    def program(self) -> str:
        """Its title without the Python that stands behind it."""
        return self.title.removesuffix(f", {self.on}") if self.on else self.title

    @property
    def at_home(self) -> str:
        """`implementations/<name>` of what lies in this repository; empty of all else."""
        parent, _, name = self.folder.rpartition("/")
        inside = parent.rpartition("/")[2] == "implementations" and not self.offered_by
        return f"implementations/{name}" if inside else ""


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One condition under which a workload is measured."""

    workload: Workload
    concurrency: int
    """echo: connections; fetch: --limit."""
    size: int
    """Bytes of a message (echo) or of a body (fetch)."""
    delay_ms: int = 0
    """fetch: how long the origin waits before it answers."""
    rate_per_s: int = 0
    """echo: messages sent per second, whatever comes back (open loop); 0: closed loop."""
    ranked: bool = False
    """Ranked cells are measured in every block, the others once."""

    @property
    def name(self) -> str:
        """Short and unique: `10x1KiB` or `256x1KiB@2000` for echo, `10@20ms` for fetch."""
        if self.workload == "fetch":
            return f"{self.concurrency}@{self.delay_ms}ms"
        size = f"{self.size // 1024}KiB" if self.size >= 1024 else f"{self.size}B"
        return f"{self.concurrency}x{size}" + (f"@{self.rate_per_s}" if self.rate_per_s else "")


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a run will do: chosen once, written before anything starts, never changed."""

    format: int = FORMAT
    created: str
    """UTC, ISO 8601, to the second."""
    evenloop: str
    """Version of this project."""
    commit: str = ""
    """Of this project's repository, `+` behind it where files differ; empty: none is known."""
    seed: int
    workloads: tuple[Workload, ...]
    quick: bool
    budget_s: float
    """Seconds that the whole run may take, checking included."""
    python: str
    """Version of the interpreter that runs the implementations, the first of several: `3.11.7`."""
    interpreters: tuple[Interpreter, ...] = ()
    """The Pythons that were asked for, missing ones included; empty: the harness's own alone."""
    server_core: int
    """The core of the contestant. Equal to gauge_core where there is only one core."""
    gauge_core: int
    machine: dict[str, str] = {}
    """Facts about the machine, for the report: cpu, kernel, cores, memory, ..."""
    arguments: tuple[str, ...] = ()
    """The command line after `compare`, to run it again."""
    implementations: tuple[Implementation, ...]


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What one case saw of one implementation."""

    implementation: str
    case: str
    """As `E04.3`; what stands before the dot is the clause."""
    level: Level
    verdict: VerdictKind
    reason: str = ""
    """One sentence: what was expected and what came instead. Empty for PASS."""
    evidence: tuple[str, ...] = ()
    """The wire log: what was sent and what came back, with offsets and times."""
    wall_s: float = 0.0

    @property
    def clause(self) -> str:
        """The clause that the case belongs to, as `E04`."""
        return self.case.partition(".")[0]

    @property
    def workload(self) -> Workload:
        """The workload that the clause belongs to."""
        return "echo" if self.case.startswith("E") else "fetch"


def waited_ns(wall_ns: int, wait_ns: int, cpu_ns: int) -> int:
    """Return for how long others had the core that a program wanted; at most `wall_ns`.

    Its threads wait for each other as well, all at once and each by itself: of what they waited
    together no more can be others' doing than the time in which none had the core. (That they
    wanted none then cannot be told: of a program of many threads idle time counts as a wait.)
    """
    return min(wait_ns, max(0, wall_ns - cpu_ns))


class Sample(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One slice of one cell: what the gauge and /proc counted between its two edges.

    A unit is what one process gave for one cell in one block; it is written in one piece, and
    `index`/`of` tell whether it is whole.
    """

    block: int
    """Number of the block, from 0; -1 for cells that are measured once."""
    implementation: str
    """The name in the plan; the baseline's second appearance has TWIN appended."""
    workload: Workload
    cell: str
    index: int
    """Number of this slice in its unit, from 0."""
    of: int
    """How many samples the unit has."""
    phase: Literal["cold", "warm"] = "warm"
    """cold: the first 50 ms of a fresh process; warm: after the priming generation."""
    started_ns: int = 0
    """CLOCK_MONOTONIC at the slice's first edge."""
    wall_ns: int = 0
    messages: int = 0
    """Replies (echo) or requests (fetch) between the edges."""
    child_cpu_ns: int = 0
    """CPU time of the contestant, its children included."""
    child_wait_ns: int = 0
    """Time that the contestant's threads were runnable and had no core."""
    child_faults: int = 0
    """Minor page faults of the contestant."""
    gauge_cpu_ns: int = 0
    gauge_wait_ns: int = 0
    """Time that the gauge was runnable and had no core."""
    gauge_busy: float = 0.0
    """Share of the slice in which the gauge had work to do, 0 to 1."""
    jain: float = 0.0
    """Jain's fairness index of messages over connections, 1/N to 1 (echo)."""
    mean_latency_ns: float = 0.0
    p50_ns: float = 0.0
    p90_ns: float = 0.0
    p99_ns: float = 0.0
    p999_ns: float = 0.0
    max_ns: float = 0.0
    due: int = 0
    """Open loop: messages whose intended send time lies between the edges."""
    backlog: int = 0
    """Open loop: how many more had no reply at the second edge than at the first."""
    late_p50_ns: float = 0.0
    """Open loop: how long after its intended time a message was sent, at the median."""
    late_p99_ns: float = 0.0
    latencies: tuple[tuple[int, int], ...] = ()
    """Open loop: the histogram, as (bucket's middle in nanoseconds, how many), empty ones left out.

    From the intended send time to the last byte of the reply; adding two of them up is exact.
    """
    before_ns: int = 0
    """Closed loop: how long the messages on their way at the first edge had been so, summed up."""
    after_ns: int = 0
    """The same at the second edge."""
    oldest_ns: int = 0
    """The longest of those at the second edge: a reply that has not come is in no latency."""
    unanswered: int = 0
    error: str = ""
    """Why the sample is void; empty: it counts."""

    @property
    def waited_ns(self) -> int:
        """Time in which others had the contestant's core and it wanted it; at most `wall_ns`."""
        return waited_ns(self.wall_ns, self.child_wait_ns, self.child_cpu_ns)


class Trait(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One figure of a scenario: measured once, shown, never ranked.

    A scenario that varies something gives one trait for each step.
    """

    implementation: str
    workload: Workload
    scenario: str
    """As `memory`, `churn`, `busy-thread`; harness/measure/scenarios has them all."""
    figure: str
    """What the value is, its unit at the end: `pss_bytes`, `opened_per_s`, `p99_ns`.

    Empty beside an error; WHOLE, how long it took, ends what one implementation gave in it.
    """
    value: float = 0.0
    at: float = 0.0
    """What was varied: connections held, repetition."""
    error: str = ""
    """Why there is no value; empty: there is one."""
