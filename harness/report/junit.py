"""JUnit XML, which CI services show: a testsuite an implementation, a testcase a verdict.

Rules: well-formed whatever an implementation wrote. FAIL is a failure, HARNESS-ERROR an error,
UNSUPPORTED and INCONCLUSIVE are skipped; DECLARED and INFO pass, and say why in their output.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.checked import Checked, Contestant
    from harness.model import CaseText, Verdict, VerdictKind

_ELEMENTS: dict[VerdictKind, str] = {
    "FAIL": "failure",
    "HARNESS-ERROR": "error",
    "UNSUPPORTED": "skipped",
    "INCONCLUSIVE": "skipped",
    "DECLARED": "system-out",
    "INFO": "system-out",
}
_COUNTED = {"failures": "failure", "errors": "error", "skipped": "skipped"}
# XML 1.0 has no way to write these at all (2.2); a carriage return a parser turns into a line feed.
_IMPOSSIBLE = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _possible(text: str) -> str:
    """Return a text with what XML cannot hold spelt out."""
    return _IMPOSSIBLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _testcase(verdict: Verdict, text: CaseText | None) -> ET.Element:
    name = f"{verdict.implementation}.{verdict.clause}"
    element = ET.Element(
        "testcase",
        {"classname": _possible(name), "name": verdict.case, "time": f"{verdict.wall_s:.3f}"},
    )
    tag = _ELEMENTS.get(verdict.verdict)
    if tag is None or not (verdict.reason or verdict.verdict != "INFO"):
        return element
    lines = [f"{verdict.case} ({verdict.level}) {verdict.verdict}: {verdict.reason}"]
    if text is not None and text.does:
        lines += [f"does: {text.does}", f"expects: {text.expects}"]
        lines += [f"why: {text.why}"] if text.why else []
    lines += verdict.evidence
    inner = ET.SubElement(element, tag)
    if tag != "system-out":
        inner.set("message", _possible(verdict.reason))
    if tag in {"failure", "error"}:
        inner.set("type", verdict.verdict)
    inner.text = _possible("\n".join(lines))
    return element


def _testsuite(
    one: Contestant, verdicts: Sequence[Verdict], texts: dict[str, CaseText], created: str
) -> ET.Element:
    suite = ET.Element("testsuite", {"name": _possible(one.name), "timestamp": created.rstrip("Z")})
    if one.versions:
        properties = ET.SubElement(suite, "properties")
        for name, version in sorted(one.versions.items()):
            ET.SubElement(
                properties, "property", {"name": _possible(name), "value": _possible(version)}
            )
    if one.cannot_run:
        words = {"classname": _possible(one.name), "name": "can run", "time": "0.000"}
        ET.SubElement(
            ET.SubElement(suite, "testcase", words),
            "skipped",
            {"message": _possible(one.cannot_run)},
        )
    for verdict in verdicts:
        suite.append(_testcase(verdict, texts.get(verdict.case)))
    _count(suite, sum(verdict.wall_s for verdict in verdicts))
    return suite


def _count(suite: ET.Element, time_s: float) -> None:
    suite.set("tests", str(len(list(suite.iter("testcase")))))
    for name, tag in _COUNTED.items():
        suite.set(name, str(len(list(suite.iter(tag)))))
    suite.set("time", f"{time_s:.3f}")


def junit(checked: Checked) -> str:
    """Return the outcome of a check as JUnit XML, ready to write as UTF-8."""
    texts = {text.case: text for text in checked.cases}
    root = ET.Element("testsuites", {"name": "evenloop"})
    for one in checked.implementations:
        own = [v for v in checked.verdicts if v.implementation == one.name]
        root.append(_testsuite(one, own, texts, checked.created))
    _count(root, sum(verdict.wall_s for verdict in checked.verdicts))
    ET.indent(root, " ")
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"
