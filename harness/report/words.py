"""The sentences of the report: what a status, a mark, a warning says, and what to do about it.

Rules: every warning that a reader can meet stands here. Figures come from the summary, written by
`numbers`; nothing is computed. Plain text goes out: whoever places it escapes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import units
from harness.model import BASELINE, BLOCKS_LEAST, Cell, Level, VerdictKind, Workload
from harness.report import controls, numbers
from harness.report.markdown import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from harness.model import Implementation, Kind
    from harness.summary import Standing, Status, Summary, WorkloadSummary

MARKS: dict[VerdictKind, str] = {
    "PASS": "✅",
    "FAIL": "❌",
    "DECLARED": "🔶",
    "INFO": "ℹ️",  # noqa: RUF001
    "UNSUPPORTED": "➖",  # noqa: RUF001
    "INCONCLUSIVE": "❔",
    "HARNESS-ERROR": "⚠️",
}
MEANINGS: dict[VerdictKind, str] = {
    "PASS": "seen to hold",
    "FAIL": "seen not to hold",
    "DECLARED": "differs, as its meta.toml says",
    "INFO": "looked at and shown, never judged",
    "UNSUPPORTED": "cannot be played: this machine, or the program, lacks what it needs",
    "INCONCLUSIVE": "not decided (the reason stands below)",
    "HARNESS-ERROR": "the case itself broke; nothing is known",
}
LEVELS: dict[Level, str] = {
    "MUST": "who breaks it is not measured; native HTTP clients declare what they break, and are",
    "SHOULD": "who breaks it differs, and is measured all the same",
    "INFO": "only shown",
}
NOUN: dict[Workload, tuple[str, str]] = {
    "echo": ("message", "messages"),
    "fetch": ("request", "requests"),
}
WHAT: dict[Workload, str] = {
    "echo": "An echo server sends every byte back; the load is a native client on its own core.",
    "fetch": "A client fetches URLs over HTTP/1.1, at most so many at once; the origin is native.",
}
SEEN: dict[Workload, str] = {
    "echo": "An echo server sends every byte back: what a scripted peer sees of it.",
    "fetch": "A client fetches URLs over HTTP/1.1: what a scripted origin and its reader see.",
}


def cell(where: Cell) -> str:
    """Return a cell's name in words."""
    if where.workload == "echo":
        many = numbers.count(where.concurrency, "connection")
        rate = f", {where.rate_per_s:,} messages/s" if where.rate_per_s else ""
        return f"{many} × {numbers.size(where.size)}{rate}"  # noqa: RUF001  a times sign is meant
    delay = f"{where.delay_ms} ms delay" if where.delay_ms else "no delay"
    return f"{where.concurrency} at once, {delay}"


def mark(status: Status, clauses: str = "") -> str:
    """Return a line of the behaviour column: how somebody stands, and the clauses it comes from."""
    return {
        "ok": f"✅ {clauses}".rstrip(),
        "declared": f"🔶 {clauses}",
        "unproven": f"❔ {clauses}",
        "fail": f"❌ {clauses}",
        "cannot-run": "takes no part",
    }[status]


def status(row: Standing) -> str:
    """Return what stands where a figure would, of whoever has none."""
    return mark(row.status, " ".join(row.clauses))


def why_no_figures(row: Standing) -> str:
    """Return why a row has no figures: half a sentence."""
    if row.status == "fail":
        clauses = ", ".join(row.clauses)
        return f"not measured: fails {clauses}: {row.reason}"
    if row.status == "cannot-run":
        return f"takes no part: {row.reason}"
    return "no figures: none of its slices counted"


def to_see(one: Implementation) -> str:
    """Return how to see what keeps somebody from taking part; nothing where that can be had."""
    if not one.unfit:
        return ""
    file = f"{one.folder or one.name}/meta.toml"
    return f". To see it: delete `cannot_run` from `{file}`, and run `nox -s check -- {one.name}`."


def withheld(found: WorkloadSummary) -> str:
    """Return why a workload has no ranks; empty: it has."""
    if not found.baseline:
        return "Nothing was measured."
    if found.withheld == "blocks":
        had = numbers.count(found.blocks, "block")
        return (
            f"No ranks: {had} counted, and an interval or a rank needs {BLOCKS_LEAST}. "
            "The order below is by the median alone; a larger --budget measures more blocks."
        )
    if found.withheld == "canary":
        failed = dict.fromkeys(controls.TITLES[c.name] for c in found.canaries if c.passed is False)
        return (
            f"No ranks: of the controls inside this run one failed ({', '.join(failed)}). The "
            "warning at the top says what disturbed it and what to change."
        )
    return ""


def widths(found: WorkloadSummary) -> str:
    """Return how narrow the ratios of a workload are, cell by cell; empty where none is ranked."""
    ranked = [each for each in found.cells if each.cell.ranked and each.results]
    known = [
        f"{each.half_width:.1%} ({each.cell.name})"
        for each in ranked
        if each.half_width is not None
    ]
    if known:
        return f"{found.workload}: every ratio is known to within " + ", ".join(known)
    if ranked:
        return f"{found.workload}: too few blocks to say how well the ratios are known"
    return ""


def warnings(summary: Summary) -> Iterator[str]:
    """Yield what a reader must know before any figure, the worst first."""
    thrown = summary.thrown_out
    for one in summary.interpreters:
        if one.missing:
            yield f"Python {one.asked} was asked for and takes no part: {one.missing}."
    for found in summary.workloads:
        for canary in found.canaries:
            if canary.passed is False:
                yield controls.failure(canary)
        if found.baseline and found.baseline != BASELINE:
            yield f"{found.workload}: {BASELINE} has no figures; ratios are to {found.baseline}."
        if found.baseline and not any(canary.name == "twin" for canary in found.canaries):
            yield f"{found.workload}: there was no A/A control in this run."
    if unjudged := controls.unjudged(summary.workloads):
        yield f"Not judged in this run: {unjudged}."
    if 2 * len(thrown.blocks) > thrown.all_blocks:
        yield (
            f"{len(thrown.blocks)} of {thrown.all_blocks} blocks were too noisy to count. "
            "Measure again on a quieter machine."
        )


def rank(kind: Kind, rank: str) -> str:
    """Return a rank, with the kind that it is among where that is not the frameworks."""
    return f"{kind} {rank}" if rank and kind != "framework" else rank


def short(one: Implementation, most: int) -> str:
    """Return a title of at most so many characters; the Python that stands behind it is kept."""
    said = visible(one.title)
    if len(said) <= most:
        return said
    tail = one.title.removeprefix(one.program)
    return said[: most - 1 - len(tail)] + "…" + tail


def pythons(summary: Summary) -> str:
    """Return the versions of all Pythons that implementations ran on."""
    found = [one.version for one in summary.interpreters if not one.missing]
    if len(found) < 2:
        return summary.python
    return f"{', '.join(found[:-1])} and {found[-1]}"


def machine(summary: Summary) -> dict[str, str]:
    """Return the facts about the machine and the run, by name.

    Of several Pythons each has its build beside its figures, and the first has none here.
    """
    facts = dict(summary.machine)
    build = facts.pop("build", "")
    if there := [one for one in summary.interpreters if not one.missing]:
        facts["python"] = pythons(summary)
        build = there[0].build if len(there) == 1 else ""
    if build:
        facts["python"] = f"{facts.get('python', summary.python)}, built with {build}"
    return {
        **facts,
        "cores used": f"{summary.server_core}: contestant, {summary.gauge_core}: gauge",
        "evenloop": f"{summary.evenloop}{f', commit {summary.commit}' if summary.commit else ''}",
        "seed": str(summary.seed),
        "budget": f"{summary.budget_s:g} s" + (", quick" if summary.quick else ""),
        "started": summary.created,
    }


def by_distribution(implementations: Iterable[Implementation]) -> dict[str, str]:
    """Return the version of each distribution, rising; with all, where Pythons have others."""
    own: dict[str, list[str]] = {}
    for one in implementations:
        for name, version in one.versions.items():
            if version not in own.setdefault(name, []):
                own[name].append(version)
    return {name: " and ".join(own[name]) for name in sorted(own)}


def versions(summary: Summary) -> str:
    """Return what stood in the run, each with its version; with all, where Pythons have others."""
    found = {
        "Python": pythons(summary),
        **by_distribution(summary.implementations),
        "evenloop": summary.evenloop,
    }
    return ", ".join(f"{name} {version}" for name, version in found.items())


def cells(found: Sequence[Cell]) -> str:
    """Return the names of cells in words, those that differ in their concurrency alone as one."""
    groups: dict[tuple[int, int, int], list[Cell]] = {}
    for one in found:
        groups.setdefault((one.size, one.delay_ms, one.rate_per_s), []).append(one)
    said = []
    for own in groups.values():
        few = [f"{one.concurrency:,}" for one in own[:-1]]
        said.append(" and ".join([*few, cell(own[-1])]))
    return "; ".join(said)


def rules() -> list[str]:
    """Return the rules by which something is thrown out, one sentence each."""
    return [
        (
            f"A slice does not count when the gauge had no core for {units.GAUGE_WAIT:.0%} of it "
            "or more, when the contestant had none throughout, or when a reply was wrong or bad."
        ),
        (
            f"At an equal rate it does not count either when fewer than {units.REACHED:.0%} of the "
            f"messages were answered, when {units.BACKLOG:.0%} more of them were waiting at its "
            "end than at its beginning, when one never had an answer, or when the gauge sent one "
            f"in a hundred over {units.LATE_NS / 1e3:.0f} µs late."
        ),
        f"A process does not count in a cell when fewer than {units.KEPT:.0%} of its slices do.",
        (
            "A block does not count when its contestants waited for a core for more than "
            f"{units.CHILD_WAIT:.0%} of the time at the median, or the gauge did in more than "
            f"{1 - units.KEPT:.0%} of its slices: all slices together, whoever's they were."
        ),
    ]
