"""From a summary to the files of a report: REPORT.md with its charts, and report.html.

Rules: rendering reads summary.json, and sensitivity.json, tax.json and proof.jsonl where they lie
beside it, SPEC.md and the sources of the implementations, and nothing else; it gives the same bytes
every time.

    render(summary, proof, taxed, rows, sources) -> file name -> text     run(folder, out) writes it
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from harness import files
from harness.model import HarnessError
from harness.report import FOLDER, HTML_FILE, engine
from harness.report.appendix import proof_of, rows_of
from harness.report.html import clauses
from harness.report.html import page as html
from harness.report.html.sources import sources
from harness.report.page import page
from harness.report.pictures import pictures
from harness.report.taxes import taxes_of
from harness.summary import Summary

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from harness.proven import Proven
    from harness.report.html.sources import Source
    from harness.report.picture import Picture
    from harness.sensitivity import Sensitivity
    from harness.tax import Tax


def _once(picture: Picture) -> Picture:
    """Return a picture whose specifications are made once: SVGs and report.html share them."""
    return replace(picture, draw=cache(picture.draw))


def render(
    summary: Summary,
    proof: Sensitivity | None = None,
    taxed: Tax | None = None,
    rows: Mapping[str, Proven] | None = None,
    found: Sequence[Source] = (),
) -> dict[str, str]:
    """Return every file of the report: REPORT.md and all that it links to, by relative path.

    `found` are the sources that report.html shows.
    """
    engine.prepare()
    drawn = {name: _once(picture) for name, picture in pictures(summary).items()}
    with engine.engines() as engines:
        waiting = {
            name: {phone: engines.svg(picture.whole(phone=phone)) for phone in (False, True)}
            for name, picture in drawn.items()
        }
        made = {"REPORT.md": page(summary, drawn, proof, taxed, rows)}
        spec = clauses.SPEC.read_text("utf-8")
        made[f"{FOLDER}/{HTML_FILE}"] = html.page(summary, drawn, found, spec, engines.bundle)
        for name, picture in drawn.items():
            svgs = {phone: future.result() for phone, future in waiting[name].items()}
            made.update(picture.files(svgs))
    return made


def run(folder: Path, out: Path, summary: Summary | None = None) -> Path:
    """Render a folder's summary.json, or the one that is given, below `out`; return REPORT.md.

    Raises HarnessError where `out` cannot be written.
    """
    summary = summary or files.read_json(folder / "summary.json", Summary)
    found = sources(summary, folder)
    rendered = render(summary, proof_of(folder), taxes_of(folder), rows_of(folder), found)
    try:
        (out / FOLDER).mkdir(parents=True, exist_ok=True)
        for name, content in rendered.items():
            (out / name).write_text(content, encoding="utf-8", newline="\n")
    except OSError as error:
        raise HarnessError(f"cannot write the report below {out}: {error.strerror}.") from error
    return out / "REPORT.md"
