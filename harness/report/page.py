"""REPORT.md: which parts it has, put into its template.

Rules: what a part says is made by `tables`, `words` and `pictures`; how it is arranged stands in
templates/REPORT.md.j2. The same summary gives the same bytes.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from harness import contrast
from harness.model import BASELINE
from harness.report import (
    FOLDER,
    appendix,
    behaviour,
    controls,
    latency,
    numbers,
    tables,
    taxes,
    traits,
    words,
)
from harness.report.markdown import Markdown, environment, join, link, strong, text, visible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.model import VerdictKind
    from harness.proven import Proven
    from harness.report.pictures import Picture
    from harness.sensitivity import Sensitivity
    from harness.summary import Summary, WorkloadSummary
    from harness.tax import Tax

_FAILED: tuple[VerdictKind, ...] = ("FAIL",)
_UNKNOWN: tuple[VerdictKind, ...] = ("HARNESS-ERROR", "INCONCLUSIVE", "UNSUPPORTED", "INFO")


def _sentence(summary: Summary, found: WorkloadSummary) -> Markdown:
    """Return the answer in a sentence, from the figures."""
    titles = {one.name: one.title for one in summary.implementations if one.kind == "framework"}
    if why := words.withheld(found):
        wide = words.widths(found).partition(": ")[2] if summary.quick else ""
        return text(f"{why} {wide[0].upper()}{wide[1:]}." if wide else why)
    first = [
        row
        for row in found.standings
        if row.rank.partition("-")[0] == "1" and row.implementation in titles
    ]
    if not first:
        return text("Nobody could be ranked.")
    many = words.NOUN[found.workload][1]
    names = " and ".join(strong(titles[row.implementation]) for row in first)
    verb = "answers" if found.workload == "echo" else "makes"
    if len(first) > 1:
        verb = f"{verb[:-1]}" if verb == "answers" else "make"
        return Markdown(f"{names} {verb} the most {many}; they cannot be told apart.")
    best = first[0]
    if best.implementation == found.baseline:
        return Markdown(f"{names} {verb} the most {many} per second.")
    than = titles.get(found.baseline, found.baseline)
    rate = text(f"{numbers.figure(best.ratio)} times as many as {than}")
    ends = text(numbers.interval(best.ratio))
    return Markdown(f"{names} {verb} the most {many}: {rate}" + (f" ({ends})." if ends else "."))


def _workload(
    summary: Summary, found: WorkloadSummary, drawn: dict[str, Picture]
) -> dict[str, object]:
    picture = drawn.get(found.workload)
    pale = any(row.status in ("declared", "unproven") and row.ratio for row in found.standings)
    note = Markdown("\n\n<sub>Pale bars are measured and not ranked.</sub>" if pale else "")
    ranked = [c for c in found.cells if c.cell.ranked and c.results and not c.cell.rate_per_s]
    answers = drawn.get(f"{found.workload}-latency")
    return {
        "heading": found.workload.capitalize(),
        "what": words.WHAT[found.workload],
        "sentence": _sentence(summary, found),
        "picture": Markdown(picture.tag() + note) if picture else None,
        "answer": tables.answer(summary, found),
        "without_rank": tables.without_rank(summary, found),
        "without_figures": tables.without_figures(summary, found),
        "cells": [(words.cell(c.cell), tables.cell(summary, found, c)) for c in ranked],
        "latency_picture": answers.tag() if answers else None,
        "latencies": latency.sections(summary, found),
    }


def _once(summary: Summary, drawn: dict[str, Picture]) -> list[tuple[str, object, object]]:
    """Return the parts of "Measured once": heading, picture, table."""
    headings = {"echo-connections": "Echo by connections", "echo-sizes": "Echo by size"}
    parts: list[tuple[str, object, object]] = [
        (heading, drawn[name].tag(), None) for name, heading in headings.items() if name in drawn
    ]
    for found in summary.workloads:
        if table := tables.once(summary, found):
            unit = "messages per second" if found.workload == "echo" else "share of the ideal rate"
            parts.append((f"{found.workload.capitalize()}: {unit}", None, table))
    for found in summary.workloads:
        if found.workload != "echo":
            continue
        for heading, made in (
            ("Echo: fairness over connections, 1 KiB (Jain)", tables.fairness),
            ("Echo: CPU µs a message", tables.cpu),
            ("Echo: minor page faults a message", tables.faults),
        ):
            if table := made(summary, found):
                parts.append((heading, None, table))
    return parts


def _controls(summary: Summary) -> dict[str, object]:
    """Return the section on the run's own controls."""
    lacking = [
        f"{found.workload}: {', '.join(lacks)}"
        for found in summary.workloads
        if found.canaries and (lacks := controls.missing(found.canaries, found.workload))
    ]
    return {
        "canaries": tables.canaries(summary),
        "controls": [f"{controls.TITLES[name]}: {says}." for name, says in controls.DOES.items()],
        "lacking": "; ".join(lacking),
    }


def command(summary: Summary) -> str:
    """Return the command that repeats the run."""
    return visible(shlex.join(["nox", "-s", "compare", "--", *summary.arguments]))


def page(
    summary: Summary,
    drawn: dict[str, Picture],
    proof: Sensitivity | None = None,
    taxed: Tax | None = None,
    rows: Mapping[str, Proven] | None = None,
) -> str:
    """Return REPORT.md; `proof` is what proves the suite, `rows` are what proves the instrument."""
    parts: dict[str, Any] = {
        "br": Markdown("<br>"),
        "nl": Markdown("\n"),
        "spec": link("SPEC.md", "implementations/SPEC.md"),
        "warnings": list(words.warnings(summary)),
        "workloads": [_workload(summary, found, drawn) for found in summary.workloads],
        "cases": numbers.count(summary.cases, "verdict"),
        "every_case": behaviour.every_case(summary, FOLDER),
        "levels": join([f"{level}: {says}" for level, says in words.LEVELS.items()], "; "),
        "legend": behaviour.legend(),
        "matrices": [
            (f"{found.workload.capitalize()}, clause by clause", table)
            for found in summary.workloads
            if (table := behaviour.matrix(summary, found.workload))
        ],
        "failures": behaviour.findings(summary, _FAILED),
        "unknown": behaviour.findings(summary, _UNKNOWN),
        "declared": behaviour.declared(summary),
        "beyond": behaviour.beyond(summary),
        "once": _once(summary, drawn),
        "cold": tables.cold(summary),
        "traits": traits.parts(summary),
        "baseline": BASELINE,
        "tie": f"{contrast.TIE:.0%}",
        "alpha": f"{contrast.ALPHA:.0%}",
        "for_interval": contrast.BLOCKS_FOR_INTERVAL,
        "for_rank": contrast.BLOCKS_FOR_RANK,
        "contestants": tables.contestants(summary),
        "machine": tables.machine(summary),
        "thrown_out": tables.thrown_out(summary),
        "rules": words.rules(),
        "taxes": taxes.taxes(taxed),
        "sensitivity": appendix.sensitivity(proof),
        "instrument": appendix.instrument(rows or {}),
        "widths": tables.widths(summary),
        **_controls(summary),
        "command": Markdown(command(summary)),
    }
    return environment().get_template("REPORT.md.j2").render(parts)
