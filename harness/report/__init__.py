"""From a summary to what people read: REPORT.md with its charts and cases.html, and the terminal.

Rules: rendering reads summary.json and nothing else, and gives the same bytes every time.

    render(summary) -> file name -> text        run(folder, out) writes it        text(summary)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import files
from harness.model import HarnessError, Summary
from harness.report import cases_page
from harness.report.behaviour import CASES_FILE
from harness.report.page import page
from harness.report.pictures import FOLDER, pictures
from harness.report.terminal import text

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FOLDER", "render", "run", "text"]


def render(summary: Summary) -> dict[str, str]:
    """Return every file of the report: REPORT.md and all that it links to, by relative path."""
    drawn = pictures(summary)
    found = {"REPORT.md": page(summary, drawn)}
    if summary.suite:
        found[f"{FOLDER}/{CASES_FILE}"] = cases_page.page(summary)
    for picture in drawn.values():
        found.update(picture.files())
    return found


def run(folder: Path, out: Path) -> Path:
    """Render the summary.json of a folder below `out`, and return REPORT.md's path.

    Raises HarnessError where `out` cannot be written.
    """
    rendered = render(files.read_json(folder / "summary.json", Summary))
    try:
        (out / FOLDER).mkdir(parents=True, exist_ok=True)
        for name, content in rendered.items():
            (out / name).write_text(content, encoding="utf-8", newline="\n")
    except OSError as error:
        raise HarnessError(f"cannot write the report below {out}: {error.strerror}.") from error
    return out / "REPORT.md"
