"""Write tests/golden/run/: a run that never was, for the tests of analyse and report.

    PYTHONPATH=. python tests/golden_run.py

Rules: the same bytes every time; every way to stand in a report occurs: ranked, tied, failed,
declared, unproven, unable to run; a noisy block, void slices, a gauge at its limit, one that was
late, a rate that is not reached; the run's controls pass.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from harness.model import (
    BASELINE,
    PLANTED,
    PLANTED_SHARE,
    STALL_EVERY_S,
    STALL_S,
    STALLED,
    TWIN,
    WHOLE,
    CaseText,
    Cell,
    Implementation,
    Level,
    Plan,
    Sample,
    Trait,
    Verdict,
    VerdictKind,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE = Path(__file__).resolve().parent / "golden" / "run"
BLOCKS = 9  # one of them is noisy
NOISY = 3
SLICES = 2

RATES = {  # echo, one core: messages per second with 10 connections of 1 KiB
    "asyncio": 48_000.0,
    "curio": 0.0,
    "gevent": 63_000.0,
    "reference": 180_000.0,
    "threads": 30_500.0,
    "tornado": 36_000.0,
    "trio": 25_500.0,
    "twisted": 36_300.0,
}
OPEN = Cell(workload="echo", concurrency=256, size=1024, rate_per_s=2000, ranked=True)
P50_US = {  # of an answer, at that rate
    "asyncio": 92.0,
    "gevent": 71.0,
    "reference": 24.0,
    "threads": 0.0,
    "trio": 164.0,
    "twisted": 93.0,
}  # the threads do not reach it
FETCH = {
    "asyncio": 0.12,
    "gevent": 0.13,
    "reference": 0.2,
    "threads": 0.12,
    "tornado": 0.1058,
    "trio": 0.12,
    "twisted": 0.105,
}  # share of the echo rate that fetch reaches

TITLES = {
    "asyncio": "asyncio",
    "curio": "curio",
    "gevent": "gevent",
    "reference": "native reference",
    "threads": "threads",
    "tornado": "Tornado",
    "trio": "Trio",
    "twisted": "Twisted",
}
STYLES = {
    "asyncio": "coroutine",
    "curio": "coroutine",
    "gevent": "greenlet",
    "reference": "native",
    "threads": "thread",
    "tornado": "coroutine",
    "trio": "coroutine",
    "twisted": "callback",
}
YEARS = {
    "asyncio": 2014,
    "curio": 2015,
    "gevent": 2009,
    "threads": 1992,
    "tornado": 2009,
    "trio": 2017,
    "twisted": 2002,
}
NOVELTY = {
    "threads": "straight code that blocks, one of it for each connection",
    "trio": "nurseries: a task cannot outlive the block that started it",
    "twisted": "Deferreds: a result that is not there yet is an object",
}
STATE = {"gevent": (1.0, 0.4), "threads": (0.5, 0.0)}  # who sees a connection's: itself, others
VERSIONS = {
    "curio": "1.6",
    "gevent": "26.9.0",
    "tornado": "6.6.1",
    "trio": "0.35.0",
    "twisted": "26.10.0",
}
HOMEPAGES = {
    "asyncio": "https://docs.python.org/3/library/asyncio.html",
    "gevent": "https://www.gevent.org",
    "trio": "https://trio.readthedocs.io",
    "twisted": "https://twisted.org",
}
BEYOND = {
    "asyncio": {"E04": "`write_eof` after the last byte: streams close both ways by default"},
    "curio": {"import": "two names that left the standard library after 3.11 are put back"},
    "tornado": {"E04": "a subclass that does not read while a write is pending"},
    "twisted": {
        "E04": "IHalfCloseableProtocol: without it the tail is lost",
        "E05": "registerProducer: without it a client that never reads costs 294 MiB",
    },
}
CLAUSES: dict[str, tuple[Level, str]] = {
    "E01": ("MUST", "exact"),
    "E04": ("MUST", "half-close"),
    "E05": ("MUST", "backpressure"),
    "E12": ("MUST", "drain"),
    "E13": ("MUST", "exhausted"),
    "E13q": ("SHOULD", "quiet"),
    "E18": ("SHOULD", "inet6"),
    "E21": ("INFO", "urgent"),
    "F01": ("MUST", "length"),
    "F10": ("MUST", "bounds"),
    "F15": ("MUST", "limit"),
    "F17": ("MUST", "fail-fast"),
    "F20": ("MUST", "bytes"),
    "F22": ("SHOULD", "names"),
}
CASES = {"E01": 3, "E04": 4, "E18": 2, "F01": 12}  # one of each other clause
WORDS = {
    "E04": ("sends {n} bytes and FIN in one burst", "the same bytes, then FIN", "RFC 9293 3.6"),
    "F01": ("answers with Content-Length: {n}", "a body of {n} bytes", "RFC 9112 6.3-6"),
}
ODD: dict[
    tuple[str, str], tuple[VerdictKind, str, tuple[str, ...]]
] = {  # (implementation, case) -> verdict, reason, evidence
    ("tornado", "E04.1"): (
        "FAIL",
        "expected 4194304 bytes, then FIN; got 4061184 bytes, then FIN",
        ("-> 4194304 bytes and FIN at 0.000 s", "<- 4061184 bytes at 0.812 s", "<- FIN at 0.812 s"),
    ),
    ("tornado", "E04.3"): ("FAIL", "expected FIN; got RST", ("-> FIN at 0.000 s", "<- RST")),
    ("tornado", "E18.1"): ("UNSUPPORTED", "this machine has no ::1", ()),
    ("gevent", "F22.1"): ("HARNESS-ERROR", "ValueError: a slip in the case", ("Traceback",)),
    ("trio", "E21.1"): ("INFO", "expected 1 byte; got none, and the connection lives", ()),
    ("tornado", "E13q.1"): ("FAIL", "expected at most 50% CPU; got 71%", ()),
    ("threads", "F17.1"): (
        "DECLARED",
        "expected every other socket closed within 200 ms; got 1.9 s",
        (),
    ),
    ("trio", "F10.1"): ("INCONCLUSIVE", "the control was 6.1 times late", ()),
    ("twisted", "E18.1"): ("UNSUPPORTED", "this machine has no ::1", ()),
}
KNOWN = {
    "threads": {
        "F17": "a thread in recv() notices shutdown() of its socket only when it is next scheduled"
    }
}
LINES = {
    "asyncio": (38, 64),
    "curio": (41, 70),
    "gevent": (33, 55),
    "threads": (44, 58),
    "tornado": (52, 71),
    "trio": (31, 49),
    "twisted": (58, 97),
}


def implementation(name: str) -> Implementation:
    """Return an implementation as its meta.toml might describe it."""
    native = name == "reference"
    return Implementation(
        name=name,
        folder=f"/somewhere/implementations/{name}",
        title=TITLES[name],
        style=STYLES[name],
        kind="reference" if native else "framework",
        homepage=HOMEPAGES.get(name, ""),
        requires=(f"{name}>={VERSIONS[name]}",) if name in VERSIONS else (),
        run=("{python}", "-m", "harness.gauge", "reference") if native else (),
        read_size={"twisted": "64 KiB, set by the reactor"}.get(name, "256 KiB"),
        loop={"twisted": "epoll reactor", "gevent": "libev", "trio": "own epoll"}.get(name, "own"),
        year=YEARS.get(name, 0),
        novelty=NOVELTY.get(name, ""),
        known=KNOWN.get(name, {}),
        beyond=BEYOND.get(name, {}),
        versions={name: VERSIONS[name]} if name in VERSIONS else {},
        code_lines=dict(zip(("echo.py", "fetch.py"), LINES[name], strict=True))
        if name in LINES
        else {},
        cannot_run="needs Python below 3.12, this is 3.13.0." if name == "curio" else "",
    )


def plan() -> Plan:
    """Return the plan of the run."""
    return Plan(
        created="2026-01-02T03:04:05Z",
        evenloop="0.1.0",
        commit="0123456789",
        seed=7,
        workloads=("echo", "fetch"),
        quick=False,
        budget_s=600.0,
        python="3.13.0",
        server_core=0,
        gauge_core=1,
        machine={
            "cpu": "Example CPU @ 2.50GHz",
            "kernel": "Linux 6.12.0",
            "cores": "2",
            "memory": "7.8 GiB",
        },
        arguments=("--out", "/somewhere/else", "--seed", "7"),
        implementations=tuple(implementation(name) for name in sorted(RATES)),
    )


def verdicts() -> list[Verdict]:
    """Return a verdict for every case of everyone who can run."""
    found = []
    for name in sorted(set(RATES) - {"curio"}):
        for clause, (level, _) in CLAUSES.items():
            if name == "reference" and clause not in ("E01", "E04", "F01", "F15", "F20"):
                continue
            for number in range(1, CASES.get(clause, 1) + 1):
                case = f"{clause}.{number}"
                kind, reason, evidence = ODD.get((name, case), ("PASS", "", ()))
                found.append(
                    Verdict(
                        implementation=name,
                        case=case,
                        level=level,
                        verdict="INFO" if level == "INFO" else kind,
                        reason=reason,
                        evidence=evidence,
                        wall_s=0.25,
                    )
                )
    return found


def texts() -> list[CaseText]:
    """Return what each case is."""
    return [
        CaseText(
            case=f"{clause}.{number}",
            title=title,
            does=WORDS[clause][0].format(n=10**number) if clause in WORDS else "plays it",
            expects=WORDS[clause][1].format(n=10**number) if clause in WORDS else "as in SPEC.md",
            why=WORDS[clause][2] if clause in WORDS else "",
        )
        for clause, (_, title) in CLAUSES.items()
        for number in range(1, CASES.get(clause, 1) + 1)
    ]


def _cells() -> list[tuple[Cell, float]]:
    """Return each cell and the factor by which its rate differs from echo 10 x 1 KiB."""
    found = []
    for connections in (1, 10, 100, 1000):
        for size in (64, 1024, 10_240, 102_400):
            ranked = size == 1024 and connections in (10, 100)
            factor = (0.55 + 0.15 * math.log10(connections)) if connections < 100 else 1.05
            factor /= 1 + size / 20_000
            cell = Cell(workload="echo", concurrency=connections, size=size, ranked=ranked)
            found.append((cell, factor))
    for limit, delay in ((10, 0), (100, 0), (100, 20), (1, 20), (10, 20)):
        ranked = delay == 0 or limit == 100
        found.append(
            (
                Cell(workload="fetch", concurrency=limit, size=1024, delay_ms=delay, ranked=ranked),
                1.0,
            )
        )
    return found


def _plain(name: str) -> str:
    return name.partition("~")[0]


def _rate(cell: Cell, name: str, factor: float) -> float:
    plain = _plain(name)
    if cell.workload == "echo":
        tired = 0.3 if plain == "threads" and cell.concurrency == 1000 else 1.0
        tired /= 1 + PLANTED_SHARE * (PLANTED in name)
        return RATES[plain] * factor * tired
    rate = RATES[plain] * FETCH[plain] * (0.95 if cell.concurrency == 100 else 1.0)
    ideal = cell.concurrency / cell.delay_ms * 1e3 if cell.delay_ms else rate * 9
    return min(rate * 0.9, ideal * 0.985) if cell.delay_ms else rate


def _slice(
    rng: random.Random, block: int, name: str, cell: Cell, rate: float, index: int, first: int
) -> Sample:
    cold = index < 0
    noisy = block == NOISY
    wall = 50_000_000 + rng.randrange(90_000)
    wait = int(wall * (0.6 if noisy else rng.choice((0.0, 0.01, 0.04))))
    rate *= math.exp(rng.gauss(0.0, 0.006)) * (0.31 if cold else 1.0)
    messages = max(1, int(rate * (wall - (0 if cell.delay_ms else wait)) / 1e9))
    limited = name == "reference" and cell.workload == "echo"
    busy_ns = (0.80 if limited else 0.99) * (wall - wait)
    cpu = int(
        min(busy_ns, messages / RATES[_plain(name)] / 0.1 * 1e9) if cell.delay_ms else busy_ns
    )
    return Sample(
        block=block,
        implementation=name,
        workload=cell.workload,
        cell=cell.name,
        index=index - first,
        of=SLICES - first,
        phase="cold" if cold else "warm",
        wall_ns=wall,
        messages=messages,
        child_cpu_ns=cpu,
        child_wait_ns=wait,
        child_faults=messages * 2 if cold and "asyncio" in name else rng.randrange(2),
        gauge_wait_ns=int(wall * (0.08 if rng.random() < 0.02 else 0.001)),
        gauge_busy=0.97 if limited else round(rate / 190_000, 3),
        jain=round(1 - rng.random() * (0.26 if name == "tornado" else 0.01), 4)
        if cell.workload == "echo"
        else 0.0,
        mean_latency_ns=round(cell.concurrency * wall / messages * rng.uniform(0.99, 1.0), 1)
        if cell.workload == "echo"
        else 0.0,
    )


def _middle(value_ns: float) -> int:
    """Return the middle of a latency's bucket: two digits, so that the file stays small."""
    step = int(10 ** max(0, math.floor(math.log10(value_ns)) - 1))
    return int(value_ns / step) * step + step // 2


def _open(rng: random.Random, block: int, name: str, own: float) -> Sample:
    """Return half a second at the given rate: most answers near the median, a tail to the right."""
    median = P50_US[_plain(name)] * own
    due = 1000
    lost = 0 if median else 24
    found = [
        (median or 4000.0) * math.exp(abs(rng.gauss(0.0, 0.16)) + (rng.random() < 0.02) * 0.7)
        for _ in range(due - lost)
    ]
    counts = Counter(_middle(value * 1e3) for value in found)
    wall = 500_000_000
    noisy = block == NOISY
    return Sample(
        block=block,
        implementation=name,
        workload="echo",
        cell=OPEN.name,
        index=0,
        of=1,
        wall_ns=wall,
        messages=due - lost,
        child_cpu_ns=int((due - lost) / RATES[_plain(name)] * 1.2e9),
        child_wait_ns=int(wall * (0.6 if noisy else 0.004)),
        gauge_cpu_ns=wall,
        gauge_busy=1.0,
        jain=0.99,
        max_ns=round(max(found) * 1e3, 1),
        due=due,
        late_p50_ns=110.0,
        late_p99_ns=310_000.0 if (name, block) == ("trio", 5) else 4_200.0,
        latencies=tuple(sorted(counts.items())),
    )


def _stalled() -> Sample:
    """Return two seconds of the baseline asleep for a fifth of them."""
    waits_ns = []
    due = 2 * OPEN.rate_per_s
    for number in range(due):
        into_s = (number / OPEN.rate_per_s + 0.1003) % STALL_EVERY_S
        rest_ns = max(0.0, STALL_S - into_s) * 1e9
        waits_ns.append(rest_ns + P50_US[BASELINE] * 1e3)
    counts = Counter(int(wait // 1000) * 1000 + 500 for wait in waits_ns)
    return Sample(
        block=-1,
        implementation=BASELINE + STALLED,
        workload="echo",
        cell=OPEN.name,
        index=0,
        of=1,
        wall_ns=2_000_000_000,
        messages=due,
        child_cpu_ns=int(due / RATES[BASELINE] * 1e9),
        gauge_busy=1.0,
        jain=0.99,
        max_ns=max(waits_ns),
        due=due,
        late_p99_ns=4_000.0,
        latencies=tuple(sorted(counts.items())),
    )


def samples() -> list[Sample]:
    """Return the samples, block by block, then those measured once."""
    rng = random.Random(20260102)
    out = {("tornado", "echo")}
    found = []
    names = [*(n for n in RATES if RATES[n]), BASELINE + TWIN, BASELINE + PLANTED]
    for block in [*range(BLOCKS), -1]:
        for name in rng.sample(names, len(names)):
            own = math.exp(rng.gauss(0.0, 0.012))  # the bias of an instance
            for cell, factor in _cells():
                if cell.ranked != (block >= 0) or (name, cell.workload) in out:
                    continue
                if "~" in name and (block < 0 or not _controls(name, cell)):
                    continue
                rate = _rate(cell, name, factor) * own
                first = -1 if block >= 0 and cell.name == "10x1KiB" else 0
                last = SLICES
                found += [
                    _slice(rng, block, name, cell, rate, i, first) for i in range(first, last)
                ]
            if block >= 0 and PLANTED not in name and (name, "echo") not in out:
                found.append(_open(rng, block, name, own))
    found.append(_stalled())
    return found


def _controls(name: str, cell: Cell) -> bool:
    """Tell whether a control is measured in a cell."""
    return PLANTED not in name or cell.name == "10x1KiB"


class _Traits:
    """Collects the traits of one implementation in one scenario after the other."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.rng = random.Random(name)
        self.found: list[Trait] = []

    def add(self, where: str, error: str = "", /, **figures: list[float]) -> None:
        """Append a whole piece: the repetitions of each figure, or an error after them."""
        workload, scenario = where.split("/")

        def trait(figure: str, value: float, at: float, why: str = "") -> Trait:
            return Trait(
                implementation=self.name,
                workload=workload,  # type: ignore[arg-type]
                scenario=scenario,
                figure=figure,
                value=value,
                at=at,
                error=why,
            )

        for figure, values in figures.items():
            at = 1000.0 if scenario == "memory" else 1.0
            self.found += [trait(figure, v, n * at) for n, v in enumerate(values)]
        if error:
            self.found.append(trait("", 0.0, 0.0, error))
        self.found.append(trait(WHOLE, 0.5, 0.0))

    def about(self, value: float, many: int = 3) -> list[float]:
        """Return repetitions of a value."""
        return [round(value * math.exp(self.rng.gauss(0.0, 0.03)), 6) for _ in range(many)]

    def slices(self, prefix: str, rate: float, p99_ms: float, many: int = 3) -> dict[str, Any]:
        """Return what `serving.figures` yields; the gauge has no core in one slice of gevent's."""
        waits = [0.2 if self.name == "gevent" and n == 1 else 0.001 for n in range(many)]
        busy = 0.97 if self.name == "reference" else 0.4
        return {
            f"{prefix}rate_per_s": self.about(rate, many),
            f"{prefix}p50_ns": self.about(p99_ms * 4e5, many),
            f"{prefix}p99_ns": self.about(p99_ms * 1e6, many),
            f"{prefix}max_ns": self.about(p99_ms * 1.3e6, many),
            f"{prefix}core": [0.8 if self.name == "reference" else 0.99] * many,
            f"{prefix}gauge_busy": [busy] * many,
            f"{prefix}gauge_wait": waits,
        }


def _echo_traits(one: _Traits) -> None:
    rate, own = RATES[one.name], "it has its own launcher"
    installed = VERSIONS.get(one.name) is not None
    sizes = {"installed_bytes": [5e6 * installed], "distributions": [4.0 * installed]}
    one.add("echo/size", **sizes)
    one.add("echo/start", ready_ns=one.about(9e7), private_bytes=one.about(1.2e7))
    churn = one.slices("", rate / 8, 2.0)
    churn["opened_per_s"] = churn.pop("rate_per_s")
    one.add("echo/churn", **churn, cpu_ns=one.about(8e9 / rate))
    flood = {**one.slices("alone_", rate, 0.3), **one.slices("beside_", rate / 3, 1.0)}
    one.add("echo/flood", **flood, flooded_bytes_per_s=one.about(4e8))
    held = [2e7 + n * 1000 * 4096 + one.rng.randrange(100_000) for n in range(6)]
    if one.name == "threads":
        one.add("echo/memory", "it held 2,811 of 3000 connections", pss_bytes=held[:3])
    else:
        one.add("echo/memory", pss_bytes=held)
    if one.name == "reference":
        for where in ("echo/import", "echo/busy-thread", "echo/stalled-main", "echo/contextvars"):
            one.add(where, own)
        return
    one.add("echo/import", import_ns=one.about(6e7))
    busy = {**one.slices("alone_", rate, 0.3), **one.slices("beside_", rate / 40, 55.0)}
    one.add("echo/busy-thread", **busy)
    stalled = {**one.slices("alone_", 2000, 0.2, 1), **one.slices("beside_", 2000, 45.6, 2)}
    stalled["beside_late_p99_ns"] = [300.0, 900_000.0]
    one.add("echo/stalled-main", **stalled)
    seen, leaked = STATE.get(one.name, (1.0, 0.0))
    one.add("echo/contextvars", steps=[21.0], seen_share=[seen], leaked_share=[leaked])


def traits() -> list[Trait]:
    """Return what scenarios gave: all that can stand in their tables, and one piece cut short."""
    found: list[Trait] = []
    for name in ("asyncio", "gevent", "reference", "threads"):
        one = _Traits(name)
        _echo_traits(one)
        installed = 5e6 if name in VERSIONS else 0.0
        one.add("fetch/size", installed_bytes=[installed], distributions=[4.0])
        one.add(
            "fetch/start-and-end",
            first_outcome_ns=one.about(2e8),
            first_answer_ns=one.about(3e6),
            pss_bytes=one.about(2.4e7),
            last_close_ns=one.about(4e6),
        )
        found += one.found
    return found[:-1]


def main() -> None:
    """Write the five files."""
    HERE.mkdir(exist_ok=True)
    text = msgspec.json.format(msgspec.json.encode(plan()), indent=1) + b"\n"
    (HERE / "plan.json").write_bytes(text)
    written: tuple[tuple[str, Sequence[msgspec.Struct]], ...] = (
        ("cases", texts()),
        ("verdicts", verdicts()),
        ("samples", samples()),
        ("traits", traits()),
    )
    for name, records in written:
        (HERE / f"{name}.jsonl").write_bytes(
            b"".join(msgspec.json.encode(r) + b"\n" for r in records)
        )


if __name__ == "__main__":
    main()
