"""From a run's samples and verdicts to its summary.

Rules: the same files give the same summary: no clock, no randomness but the plan's seed. No
sentence for a reader stands here; the report has those. The order: units that count (`units`),
standings (`judge`), ratios and ranks (`results`, `contrast`), the run's own controls (`canaries`),
put together here by workload.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from harness import canaries, contrast, files, judge, recorded, traits
from harness.model import BASELINE, BLOCKS_LEAST, CaseText, UsageError
from harness.results import (
    MEASURED,
    Field,
    Where,
    cell_summary,
    disagree,
    gather,
    on_pythons,
    over,
    overall,
    places,
)
from harness.summary import (
    CaseSummary,
    ClauseSummary,
    Standing,
    Summary,
    ThrownOut,
    WorkloadSummary,
)
from harness.units import cells as cells_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.model import Implementation, Plan, Sample, Trait, Verdict, Workload


def _standings(whole: Where | None, field: Field, *, rank: bool) -> tuple[Standing, ...]:
    """Return the rows of the answer: ranked, measured without rank, the ceiling, the rest."""
    rows = dict(field.standings)
    if whole is not None:
        for name, row in rows.items():
            if row.status in MEASURED and whole.rates.get(name):
                ratio = over(whole, name, field.baseline, field.seed)
                cpu = contrast.ratio(whole.cpu, field.baseline, name, field.seed, "cpu")
                cpu = None if name == field.baseline else cpu
                rows[name] = msgspec.structs.replace(
                    row,
                    ratio=ratio,
                    cpu_ratio=cpu,
                    of_reference=over(whole, name, field.reference, field.seed),
                    disagree=disagree(ratio, cpu),
                )
        for group in field.groups if rank else ():
            here = [name for name in group if whole.rates.get(name)]
            found = places(whole.rates, here, field, whole.label, whole.limited)
            for name, place in found.items():
                rows[name] = msgspec.structs.replace(
                    rows[name], rank=place.rank, ahead_of=place.ahead_of
                )
    ranked = {name for group in field.groups for name in group}

    def order(row: Standing) -> tuple[int, float, str]:
        part = 0 if row.implementation in ranked else 1
        if row.implementation == field.reference:
            part = 2
        elif row.status not in MEASURED:
            part = 3
        return part, -(row.ratio.value if row.ratio else 0.0), row.implementation

    return tuple(sorted(rows.values(), key=order))


def _field(plan: Plan, workload: Workload, verdicts: Sequence[Verdict], seen: set[str]) -> Field:
    """Return who takes part; `seen` are the names with figures in a ranked cell."""
    kinds = {i.name: i.kind for i in plan.implementations}
    must = {
        v.clause
        for v in verdicts
        if v.workload == workload
        and v.level == "MUST"
        and kinds.get(v.implementation) != "reference"
    }
    rows = {
        i.name: judge.standing(i, workload, verdicts, sorted(must))
        for i in plan.implementations
        if workload in i.workloads
    }
    measured = [n for n in sorted(rows) if rows[n].status in MEASURED and n in seen]
    reference = next((n for n in measured if kinds[n] == "reference"), "")
    chosen = BASELINE if BASELINE in measured else reference or next(iter(measured), "")
    ok = [n for n in measured if rows[n].status == "ok"]
    groups = [[n for n in ok if kinds[n] == kind] for kind in ("framework", "native")]
    return Field(rows, chosen, reference, groups, plan.seed)


def _workload(
    plan: Plan,
    workload: Workload,
    verdicts: Sequence[Verdict],
    cells: Sequence[Where],
    samples: Sequence[Sample],
) -> WorkloadSummary:
    ranked = [c for c in cells if c.cell.ranked]
    seen = {name for c in ranked if not c.cell.rate_per_s for name in c.rates}
    field = _field(plan, workload, verdicts, seen)
    controls = canaries.judge(workload, cells, samples, field)
    blocks = len({b for c in ranked for logs in c.rates.values() for b in logs})
    withheld: Literal["", "blocks", "canary"] = ""
    if blocks < BLOCKS_LEAST:
        withheld = "blocks"
    if any(c.passed is False for c in controls):
        withheld = "canary"
    rank, whole = not withheld, overall(cells)
    return WorkloadSummary(
        workload=workload,
        baseline=field.baseline,
        reference=field.reference,
        blocks=blocks,
        withheld=withheld,
        standings=_standings(whole, field, rank=rank),
        cells=tuple(cell_summary(c, field, rank=rank) for c in cells),
        canaries=controls,
        pythons=on_pythons(whole, field, plan.implementations),
    )


def _rerun(plan: Plan) -> tuple[str, ...]:
    """Return the arguments that repeat the run: the seed added, this machine's paths left out."""
    kept: list[str] = []
    words = iter(plan.arguments)
    for word in words:
        option, equals, value = word.partition("=")
        if option in ("--out", "--resume", "--seed"):
            if not equals:
                next(words, None)
        elif option == "--from":
            kept += ["--from", Path(value or next(words, "")).name]
        else:
            kept.append(word)
    return (*kept, "--seed", str(plan.seed))


def _shown(implementation: Implementation) -> Implementation:
    """Return an implementation without the paths of this machine."""
    return msgspec.structs.replace(
        implementation, folder=implementation.at_home, run=(), interpreter=""
    )


def _clauses(verdicts: Sequence[Verdict], titles: Mapping[str, str]) -> tuple[ClauseSummary, ...]:
    rows = []
    for clause, found in judge.by_clause(verdicts).items():
        kinds: dict[str, list[Verdict]] = {}
        for verdict in found:
            kinds.setdefault(verdict.implementation, []).append(verdict)
        worst = {name: judge.worst(v.verdict for v in own) for name, own in sorted(kinds.items())}
        rows.append(
            ClauseSummary(
                clause=clause,
                level=found[0].level,
                title=titles.get(clause, ""),
                verdicts=worst,
            )
        )
    return tuple(rows)


def _suite(verdicts: Sequence[Verdict], texts: Sequence[CaseText]) -> tuple[CaseSummary, ...]:
    """Return every case that has a verdict, in order; one that has no text shows its id alone."""
    known = {text.case: text for text in texts}
    found: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        found.setdefault(verdict.case, []).append(verdict)
    return tuple(
        CaseSummary(
            text=known.get(case) or CaseText(case=case, title="", does="", expects=""),
            level=own[0].level,
            verdicts={v.implementation: v.verdict for v in sorted(own, key=_name)},
        )
        for case, own in sorted(found.items(), key=lambda item: judge.case_order(item[0]))
    )


def _name(verdict: Verdict) -> str:
    return verdict.implementation


def measured(plan: Plan, samples: Sequence[Sample]) -> tuple[list[Where], ThrownOut]:
    """Return every cell with the units that count in it, and what was thrown out.

    Raises UsageError where the samples do not belong to the plan.
    """
    return gather(samples, cells_of(plan, samples))


def summarise(
    plan: Plan,
    verdicts: Sequence[Verdict],
    samples: Sequence[Sample],
    texts: Sequence[CaseText] = (),
    scenarios: Sequence[Trait] = (),
) -> Summary:
    """Return what a run found.

    `texts` say what the cases are, `scenarios` are the traits of all. Raises UsageError where the
    samples or traits do not belong to the plan.
    """
    collected, thrown_out = measured(plan, samples)
    absent = {one.name for one in plan.implementations if one.cannot_run}
    verdicts = [v for v in verdicts if v.implementation not in absent]  # one reason for them all
    return Summary(
        created=plan.created,
        evenloop=plan.evenloop,
        commit=plan.commit,
        seed=plan.seed,
        quick=plan.quick,
        budget_s=plan.budget_s,
        python=plan.python,
        interpreters=tuple(msgspec.structs.replace(one, path="") for one in plan.interpreters),
        server_core=plan.server_core,
        gauge_core=plan.gauge_core,
        machine=plan.machine,
        arguments=_rerun(plan),
        implementations=tuple(_shown(i) for i in plan.implementations),
        workloads=tuple(
            _workload(plan, w, verdicts, [c for c in collected if c.cell.workload == w], samples)
            for w in plan.workloads
        ),
        clauses=_clauses(verdicts, {text.case.partition(".")[0]: text.title for text in texts}),
        suite=_suite(verdicts, texts),
        findings=tuple(
            v for v in verdicts if v.verdict != "PASS" and (v.reason or v.verdict != "INFO")
        ),
        traits=traits.summaries(plan, scenarios),
        cases=len(verdicts),
        thrown_out=thrown_out,
    )


def run(folder: Path, out: Path | None = None) -> Summary:
    """Read a run folder, write its summary.json there or into `out`, and return the summary.

    A run that ended before its first verdict or sample has none: the summary then says so. Raises
    UsageError where `out` cannot be written.
    """
    summary = summarise(*recorded.read(folder))
    try:
        if out:
            out.mkdir(parents=True, exist_ok=True)
        files.write_json((out or folder) / "summary.json", summary)
    except OSError as error:
        raise UsageError(f"cannot write to {out or folder}: {error.strerror}.") from error
    return summary
