"""REPORT.md: which parts it has, put into its template.

Rules: what a part says is made by the modules beside this one; how it is arranged stands in
templates/REPORT.md.j2. The same summary gives the same bytes.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from harness.model import BASELINE
from harness.report import (
    FOLDER,
    HTML_FILE,
    answer,
    appendix,
    behaviour,
    by_python,
    captions,
    controls,
    idioms,
    latency,
    models,
    numbers,
    provenance,
    reading,
    sentences,
    tables,
    taxes,
    timeline,
    traits,
    words,
)
from harness.report.markdown import (
    Markdown,
    details,
    environment,
    link,
    strong,
    text,
    visible,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from harness.model import VerdictKind
    from harness.proven import Proven
    from harness.report.picture import Picture
    from harness.sensitivity import Sensitivity
    from harness.summary import Summary, WorkloadSummary
    from harness.tax import Tax

_DIFFERING = behaviour.differences, behaviour.declared
_FAILED: tuple[VerdictKind, ...] = ("FAIL",)
_RANGES = (
    "Small figures are the range over slices of the one process that was measured, or where every "
    "block was, the interval over blocks."
)
_SENTENCES = 8  # a table says the same of everyone in less room
_UNKNOWN: tuple[VerdictKind, ...] = ("HARNESS-ERROR", "INCONCLUSIVE", "UNSUPPORTED", "INFO")


def _paragraphs(parts: Iterable[object]) -> Markdown:
    """Return parts as paragraphs of their own, the empty ones left out."""
    return Markdown("\n\n".join(str(text(part)) for part in parts if part))


def _tag(drawn: Mapping[str, Picture], name: str) -> Markdown:
    return drawn[name].tag() if name in drawn else Markdown("")


def _withheld(summary: Summary) -> list[str]:
    """Return why there are no ranks or sentences, a line a workload."""
    found = []
    for one in summary.workloads:
        if why := sentences.withheld(summary, one):
            wide = words.widths(one).partition(": ")[2] if summary.quick else ""
            said = f" {wide[0].upper()}{wide[1:]}." if wide else ""
            found.append(f"{one.workload.capitalize()}: {why[0].lower()}{why[1:]}{said}")
    return found


def _sentences(summary: Summary) -> Markdown:
    """Return a sentence a framework, folded where there are more than anyone reads in a row."""
    rows = list(sentences.sentences(summary))
    whole = _bullets(rows)
    if len(rows) > _SENTENCES:
        whole = details("Each in a sentence: rank, latency, fairness, memory, behaviour", whole)
    pairs = sentences.p99_pairs(summary)
    between = "\n" if len(rows) <= _SENTENCES else "\n\n"
    return Markdown(between.join(filter(None, [whole, _bullets([("p99", pairs)] * bool(pairs))])))


def _usual(summary: Summary) -> Markdown:
    """Return how those of a usual run stand among themselves, where others stand between them."""
    names = {one.name for one in answer.usual(summary)}
    what = f", the {len(names)} of a usual run among themselves:"
    said = sentences.among(summary, names)
    return Markdown("\n".join(f"- {strong(w)}{what} {text(places)}" for w, places in said))


def _reading(summary: Summary) -> Markdown:
    """Return what each word means, a line each."""
    said = (f"- {strong(one.term)}: {text(one.means)}." for one in reading.terms(summary))
    return Markdown("\n".join(said))


def _bullets(rows: Iterable[tuple[str, str]]) -> Markdown:
    return Markdown("\n".join(f"- {strong(title)} {text(said)}" for title, said in rows))


def _story(summary: Summary) -> dict[str, object]:
    """Return the story's parts, and what waiting costs by model."""
    title = timeline.heading(summary)
    return {
        "story": title,
        "story_says": timeline.says(summary) if title else "",
        "timeline": timeline.timeline(summary),
        "waiting": f"The memory of {models.WAITING:,} waiting connections, by model",
        "waiting_says": models.says(summary),
        "by_model": models.by_model(summary),
    }


def _answer(summary: Summary, drawn: Mapping[str, Picture]) -> dict[str, object]:
    missing = [tables.without_rank(summary, one) for one in summary.workloads]
    missing += [tables.without_figures(summary, one) for one in summary.workloads]
    return {
        "heading": sentences.heading(summary),
        "withheld": _withheld(summary),
        "usual": _usual(summary),
        "answer": answer.answer(summary),
        "natives": answer.natives(summary),
        "legend": reading.legend(summary),
        "reading": details(reading.HEADING, _reading(summary)),
        "missing": Markdown("\n".join(dict.fromkeys("\n".join(filter(None, missing)).split("\n")))),
        "answer_picture": _tag(drawn, "answer"),
        "sentences": _sentences(summary),
        "conditions": _conditions(summary, drawn),
    }


def _conditions(summary: Summary, drawn: Mapping[str, Picture]) -> Markdown:
    """Return every ranked cell in full, folded."""
    parts: list[object] = []
    for found in summary.workloads:
        ranked = [c for c in found.cells if c.cell.ranked and c.results and not c.cell.rate_per_s]
        if ranked:
            parts.append(_tag(drawn, found.workload))
        for each in ranked:
            parts.append(strong(f"{found.workload}: {words.cell(each.cell)}"))
            parts.append(tables.cell(summary, found, each))
        for where, rows, without in latency.sections(summary, found):
            parts += [strong(f"{found.workload}: {where}"), rows, latency.SAYS, without]
    return details("Each condition by itself: rates, intervals, CPU, p, blocks", _paragraphs(parts))


def _charts(summary: Summary, drawn: Mapping[str, Picture]) -> list[tuple[str, str, Markdown]]:
    """Return the charts under "How it changes with load": heading, sentence, picture."""
    return [
        (heading, says(summary), drawn[name].tag())
        for name, (heading, says) in captions.CAPTIONS.items()
        if name in drawn
    ]


def _figures(summary: Summary) -> list[Markdown]:
    """Return the tables behind the charts and what else was measured, each folded."""
    parts = []
    for found in summary.workloads:
        unit = "messages per second" if found.workload == "echo" else "share of the ideal rate"
        if body := tables.once(summary, found):
            what = _RANGES if found.workload == "echo" else ""
            parts.append(details(f"{found.workload}: {unit}", _paragraphs([what, body])))
        if found.workload == "echo":
            parts += [
                details("echo: fairness, Jain's index, 1 KiB", tables.fairness(summary, found)),
                details("echo: CPU µs a message", tables.cpu(summary, found)),
                details("echo: minor page faults a message", tables.faults(summary, found)),
            ]
    parts.append(details("Cold and warm", _cold(summary)))
    for one in traits.parts(summary):
        body = _paragraphs([one["what"], one["says"], one["table"], one["notes"]])
        parts.append(details(str(one["heading"]), body))
    return [part for part in parts if part]


def _cold(summary: Summary) -> Markdown:
    what = (
        "The first 50 ms of a fresh process, and the same process after one generation of "
        "connections has come and gone. Faults are minor page faults a message; where they fall "
        "from one or two to nothing, the memory for each read was at first asked of the kernel "
        "anew every time. Medians over blocks."
    )
    found = tables.cold(summary)
    return _paragraphs([what, found]) if found else found


def _behaviour(summary: Summary) -> dict[str, object]:
    whole: list[object] = [
        part
        for found in summary.workloads
        if (made := behaviour.matrix(summary, found.workload))
        for part in (strong(found.workload), made)
    ]
    levels = "; ".join(f"{level}: {says}" for level, says in words.LEVELS.items())
    whole += [behaviour.legend(), f"{levels}. An empty cell was not checked."] if whole else []
    return {
        "kept": behaviour.kept(summary),
        "played": behaviour.played(summary),
        "differences": behaviour.differences(summary),
        "matrix": details("Clause by clause: all verdicts", _paragraphs(whole)),
        "native": details(
            "Native HTTP clients: where they differ from the contract, and why",
            _paragraphs(part(summary, "native") for part in _DIFFERING),
        ),
        "failures": behaviour.findings(summary, _FAILED),
        "declared": behaviour.declared(summary),
        "unknown": details("What was not judged", behaviour.findings(summary, _UNKNOWN)),
    }


def _controls(summary: Summary) -> Markdown:
    """Return the controls inside the run, folded, with how they ended in the head."""
    found = [canary for one in summary.workloads for canary in one.canaries]
    if not found:
        return Markdown("")
    ended = [c.passed for c in found]
    head = (
        f"Controls inside the run: {ended.count(True)} passed, {ended.count(False)} failed, "
        f"{ended.count(None)} not judged"
    )
    lacking = [
        f"{one.workload}: {', '.join(lacks)}"
        for one in summary.workloads
        if one.canaries and (lacks := controls.missing(one.canaries, one.workload))
    ]
    says = [f"- {controls.TITLES[name]}: {text(what)}." for name, what in controls.DOES.items()]
    parts = [
        "Questions whose answer is known beforehand. One that fails takes its workload's ranks.",
        Markdown("\n".join(says)),
        tables.canaries(summary),
        f"Not part of this run: {'; '.join(lacking)}." if lacking else "",
    ]
    return details(head, _paragraphs(parts))


def _blocks(found: WorkloadSummary) -> str:
    return f"{numbers.count(found.blocks, 'block')} of {found.workload}"


def _method(
    summary: Summary, proof: Sensitivity | None, rows: Mapping[str, Proven], taxed: Tax | None
) -> dict[str, object]:
    thrown = summary.thrown_out
    return {
        "blocks": ", ".join(_blocks(found) for found in summary.workloads),
        "tossed": (
            f"{len(thrown.blocks)} of {numbers.count(thrown.all_blocks, 'block')} and "
            f"{sum(thrown.slices.values()):,} of {thrown.all_slices:,} slices"
        ),
        "thrown_out": details(
            "What was thrown out, and by which rules",
            _paragraphs(
                [
                    tables.thrown_out(summary),
                    Markdown("\n".join(f"- {text(r)}" for r in words.rules())),
                ]
            ),
        ),
        "controls": _controls(summary),
        "widths": details("How well the ratios are known", tables.widths(summary)),
        "machine": details("The machine and the run", tables.machine(summary)),
        "sources": details("Where each number comes from", provenance.sources(summary, taxed)),
        "sensitivity": details("How the checks are proven", appendix.sensitivity(proof)),
        "instrument": details("How the instrument is proven", appendix.instrument(rows)),
    }


def command(summary: Summary) -> str:
    """Return the command that repeats the run, from its commit where one is known."""
    words = shlex.join(["nox", "-s", "compare", "--", *summary.arguments])
    commit = summary.commit.removesuffix("+")
    return visible(f"git checkout {shlex.quote(commit)} && {words}" if commit else words)


def page(
    summary: Summary,
    drawn: Mapping[str, Picture],
    proof: Sensitivity | None = None,
    taxed: Tax | None = None,
    rows: Mapping[str, Proven] | None = None,
) -> str:
    """Return REPORT.md; `proof` is what proves the suite, `rows` are what proves the instrument."""
    parts: dict[str, Any] = {
        "br": Markdown("<br>"),
        "nl": Markdown("\n"),
        "spec": link("the same contract", "implementations/SPEC.md"),
        "html": link("report.html", f"{FOLDER}/{HTML_FILE}"),
        "summary": summary,
        "date": summary.created[:10],
        "warnings": list(words.warnings(summary)),
        "pythons": words.pythons(summary),
        **_answer(summary, drawn),
        "by_python": by_python.HEADING,
        "by_python_says": by_python.section(summary),
        **_behaviour(summary),
        "beyond": idioms.many(summary),
        "idioms": idioms.idioms(summary, taxed),
        "taxes": details("What the contract costs, in full", taxes.taxes(taxed)),
        "charts": _charts(summary, drawn),
        "figures": _figures(summary),
        **_story(summary),
        "side_by_side": answer.side_by_side(summary),
        "baseline": BASELINE,
        "versions": words.versions(summary),
        "contestants": details("Loops, styles and read sizes", tables.contestants(summary)),
        **_method(summary, proof, rows or {}, taxed),
        "command": Markdown(command(summary)),
        "changed": summary.commit.endswith("+"),
    }
    return environment().get_template("REPORT.md.j2").render(parts)
