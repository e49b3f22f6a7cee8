"""What failed, on a terminal: what was done, expected and seen, and the command that repeats it.

Rules: at most a screenful a failure; of the failures of one clause by one implementation the first
is told whole, the next in a line each, the rest are counted. What an implementation wrote never
becomes a control sequence. Nothing is left out without a word on where it stands.
"""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

from harness.report import numbers
from harness.report.markdown import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from harness.model import CaseText, Verdict

TOLD: frozenset[str] = frozenset({"FAIL", "HARNESS-ERROR"})
WIDTH = 100
LOG_LINES = 14  # with the words above them they fit a terminal of 24 lines
LAST_LINES = 5  # shown as they are: where it went wrong is mostly at the end
BRIEF = 3
WHOLE = 12  # clauses told whole; a reader with more has another problem than any single one
_REASON = re.compile(r"expected (?P<expected>.*?); got (?P<got>.*)", re.DOTALL)
_EVENT = re.compile(r"^ *\d+\.\d+ ")


def _shape(line: str) -> str:
    """Return what lines have in common that tell the same of another peer, size or moment."""
    return re.sub(r"\d+", "#", _EVENT.sub("", line))


def shortened(lines: Sequence[str], most: int = LOG_LINES) -> list[str]:
    """Return a log in at most `most` lines: like lines fold into the first, the last ones stay."""
    head, last = lines[:-LAST_LINES], list(lines[-LAST_LINES:])
    if len(lines) <= most:
        return list(lines)
    first: dict[str, str] = {}
    alike: dict[str, int] = {}
    for line in head:
        shape = _shape(line)
        first.setdefault(shape, line)
        alike[shape] = alike.get(shape, 0) + 1
    folded = [
        line + (f"  (and {alike[shape] - 1} more alike)" if alike[shape] > 1 else "")
        for shape, line in first.items()
    ]
    room = most - len(last)
    if len(folded) > room:
        away = len(folded) - room + 1
        folded = [*folded[: room - 1], f"  ... {away} kinds of lines left out ..."]
    return folded + last


def _said(label: str, text: str) -> Iterator[str]:
    """Yield a labelled sentence, wrapped beside its label."""
    if text:
        start = f"  {label:<9} "
        yield from textwrap.wrap(
            visible(text),
            WIDTH,
            initial_indent=start,
            subsequent_indent=" " * len(start),
            break_on_hyphens=False,
            max_lines=3,
            placeholder=" ...",
        )


def _whole(verdict: Verdict, text: CaseText | None) -> Iterator[str]:
    """Yield everything about one failure that fits a screen."""
    title = f" {text.title}" if text else ""
    head = f"{verdict.verdict} {verdict.implementation} {verdict.case}{title} ({verdict.level})"
    yield visible(head)
    match = _REASON.fullmatch(verdict.reason)
    if text:
        yield from _said("does", text.does)
        if not match or text.expects != match["expected"]:
            yield from _said("must see", text.expects)
    if match:
        yield from _said("expected", match["expected"])
        yield from _said("got", match["got"])
    else:
        yield from _said("reason", verdict.reason)
    if text:
        yield from _said("why", text.why)
    *log, again = verdict.evidence or ("",)
    if not again.startswith("nox "):
        log, again = [*log, again] if again else log, ""
    for line in shortened(log):
        yield "    " + visible(line)[: WIDTH + 40]
    if len(log) > LOG_LINES:
        yield f"    ({len(log)} lines in all: --json FILE has them)"
    if again:
        yield f"  again     {visible(again)}"


def failures(verdicts: Sequence[Verdict], texts: Mapping[str, CaseText]) -> list[str]:
    """Return the lines that tell what failed, clause by clause of each implementation."""
    groups: dict[tuple[str, str], list[Verdict]] = {}
    for verdict in verdicts:
        if verdict.verdict in TOLD:
            groups.setdefault((verdict.implementation, verdict.clause), []).append(verdict)
    lines: list[str] = []
    for number, ((name, clause), own) in enumerate(groups.items()):
        first, rest = own[0], own[1:]
        if number < WHOLE:
            lines += ["", *_whole(first, texts.get(first.case))]
        else:
            rest = own
        lines += [
            visible(f"{v.verdict} {v.implementation} {v.case}: {v.reason}")[: WIDTH + 40]
            for v in rest[:BRIEF]
        ]
        if len(rest) > BRIEF:
            more = numbers.count(len(rest) - BRIEF, "more case")
            lines.append(f"... and {more} of {visible(name)} {clause}: --json FILE has them all.")
    return lines
