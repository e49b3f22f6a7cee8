"""From a summary to the files of a report: REPORT.md with its charts, and cases.html.

Rules: rendering reads summary.json, and sensitivity.json, tax.json and proof.jsonl where they lie
beside it, and nothing else; it gives the same bytes every time.

    render(summary, proof, taxed, rows) -> file name -> text      run(folder, out) writes it
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import files
from harness.model import HarnessError
from harness.report import FOLDER, cases_page
from harness.report.appendix import proof_of, rows_of
from harness.report.behaviour import CASES_FILE
from harness.report.page import page
from harness.report.pictures import pictures
from harness.report.taxes import taxes_of
from harness.summary import Summary

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from harness.proven import Proven
    from harness.sensitivity import Sensitivity
    from harness.tax import Tax


def render(
    summary: Summary,
    proof: Sensitivity | None = None,
    taxed: Tax | None = None,
    rows: Mapping[str, Proven] | None = None,
) -> dict[str, str]:
    """Return every file of the report: REPORT.md and all that it links to, by relative path."""
    drawn = pictures(summary)
    found = {"REPORT.md": page(summary, drawn, proof, taxed, rows)}
    if summary.suite:
        found[f"{FOLDER}/{CASES_FILE}"] = cases_page.page(summary)
    for picture in drawn.values():
        found.update(picture.files())
    return found


def run(folder: Path, out: Path) -> Path:
    """Render the summary.json of a folder below `out`, and return REPORT.md's path.

    Raises HarnessError where `out` cannot be written.
    """
    summary = files.read_json(folder / "summary.json", Summary)
    rendered = render(summary, proof_of(folder), taxes_of(folder), rows_of(folder))
    try:
        (out / FOLDER).mkdir(parents=True, exist_ok=True)
        for name, content in rendered.items():
            (out / name).write_text(content, encoding="utf-8", newline="\n")
    except OSError as error:
        raise HarnessError(f"cannot write the report below {out}: {error.strerror}.") from error
    return out / "REPORT.md"
