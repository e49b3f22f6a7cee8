"""report.html holds every case, loads nothing, and shows what implementations wrote as text."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from test_report import HOSTILE, hostile

from harness import files
from harness.model import CaseText, Verdict
from harness.report.html import page
from harness.report.html.sources import Source
from harness.report.pictures import pictures
from harness.summary import CaseSummary, Summary

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.model import Implementation

GOLDEN = Path(__file__).resolve().parent / "golden" / "run" / "summary.json"
VOID = {"meta", "input", "br", "col"}
SPEC = """
| E04 half-close | MUST | after shutdown(WR) the bytes, then FIN & no RST <ever> |
| E10 idle | MUST | closed in [T, T+0.3 s] |
"""
TEXT = '''"""echo on anything."""

LIMIT = 10  # no word of SPEC


def receive(idle_s: float) -> bytes:
    """Return the bytes."""
    return read(idle_s)  # idle, end: as long as it takes


# Why so.
class Connection:
    """A connection."""

    def close(self) -> None:
        self.gone = "# idle: in a string"  # idle hands
'''


class Tree(HTMLParser):
    """Reads a page and keeps its tags, its attributes, and whether they close in order."""

    def __init__(self, text: str) -> None:
        """Read the page whole."""
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.said: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.said.append(data)


def html(summary: Summary, found: tuple[Source, ...] = (), *, drawn: bool = False) -> str:
    """Return report.html; without the charts unless they are asked for: their bundle is large."""
    return page.page(summary, pictures(summary) if drawn else {}, found, SPEC)


@pytest.fixture(scope="module")
def summary() -> Summary:
    """Return the golden run's summary."""
    return files.read_json(GOLDEN, Summary)


def hostile_suite(summary: Summary) -> Summary:
    """Return the summary with the words of its cases hostile as well."""
    suite = tuple(
        msgspec.structs.replace(
            one,
            text=CaseText(
                case=one.text.case, title=HOSTILE, does=HOSTILE, expects=HOSTILE, why=HOSTILE
            ),
        )
        for one in summary.suite
    )
    evidence = (HOSTILE, "nox -s check -- " + HOSTILE)
    findings = tuple(
        msgspec.structs.replace(v, reason=HOSTILE, evidence=evidence) for v in summary.findings
    )
    return msgspec.structs.replace(hostile(summary), suite=suite, findings=findings)


def big(summary: Summary, one_in: int) -> Summary:
    """Return 600 cases by 7, of which every so many fails with a long log."""
    names = [one.name for one in able(summary)]
    suite, findings = [], []
    log = tuple(f"{line:8.4f} peer: sent {line} bytes" for line in range(300))
    for number in range(600):
        case = f"E04.{number}"
        text = CaseText(
            case=case, title="half-close", does="d" * 90, expects="e" * 60, why="w" * 40
        )
        kinds = {}
        for at, name in enumerate(names):
            fails = (number * len(names) + at) % one_in == 0
            kinds[name] = "FAIL" if fails else "PASS"
            if fails:
                findings.append(
                    Verdict(
                        implementation=name,
                        case=case,
                        level="MUST",
                        verdict="FAIL",
                        reason="r" * 120,
                        evidence=(*log, f"{name} {case}"),
                    )
                )
        suite.append(CaseSummary(text=text, level="MUST", verdicts=kinds))  # type: ignore[arg-type]
    return msgspec.structs.replace(summary, suite=tuple(suite), findings=tuple(findings))


def able(summary: Summary) -> list[Implementation]:
    """Return those that have verdicts."""
    return [one for one in summary.implementations if not one.cannot_run]


def test_the_golden_page(summary: Summary, golden: Callable[[str, str], None]) -> None:
    """report.html is, byte for byte, the one that was looked at and kept."""
    source = Source("trio", "echo", TEXT, "changed")
    golden("report.html", html(summary, (source,)))


def test_the_same_summary_gives_the_same_bytes(summary: Summary) -> None:
    """With charts and their bundle, too; nothing is kept from one rendering to the next."""
    assert html(summary, drawn=True) == html(summary, drawn=True)


def test_every_verdict_has_its_cell(summary: Summary) -> None:
    """A row a case, and in it a cell for each contestant, empty only where nothing was checked."""
    rows = re.findall(r'<tr id="([^"]+)">(.*?)</tr>', html(summary), re.DOTALL)
    assert sorted(case for case, _ in rows) == sorted(one.text.case for one in summary.suite)
    known = {one.text.case: one for one in summary.suite}
    for case, inner in rows:
        cells = re.findall(r"<td(?: class=\"[A-Z]\")?>(.*?)</td>", inner)
        assert len(cells) == len(able(summary))
        assert len([cell for cell in cells if cell]) == len(known[case].verdicts)


def test_behind_each_other_verdict_stands_why(summary: Summary) -> None:
    """Reason, wire log and the command that repeats it, for whatever is not a pass."""
    said = "".join(Tree(html(summary)).said)
    for verdict in summary.findings:
        assert verdict.reason in said
        assert all(line in said for line in verdict.evidence)
    assert "nox -s check -- tornado --case E04.1" in said


def test_the_page_loads_nothing(summary: Summary) -> None:
    """No address but its own anchors; a policy that allows its own style and script alone."""
    text = html(summary, drawn=True)
    tree = Tree(text)
    homes = {one.homepage for one in summary.implementations if one.homepage}
    assert not tree.open
    for tag, attributes in tree.tags:
        assert not {"src", "srcset", "style", "action"} & attributes.keys()
        assert not any(name.startswith("on") for name in attributes)
        if tag == "a":
            assert (attributes["href"] or "").startswith("#") or attributes["href"] in homes
        assert tag not in {"link", "img", "iframe", "object", "base"}
    (policy,) = [a["content"] for tag, a in tree.tags if a.get("http-equiv")]
    assert policy is not None
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for tag, many in (("style", 1), ("script", 2)):
        inner = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        assert len(inner) == many
        digests = [
            base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in inner
        ]
        assert f"{tag}-src " + " ".join(f"'sha256-{one}'" for one in digests) in policy
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    assert "url(" not in style
    assert "@import" not in style


def test_what_an_implementation_wrote_stays_text(summary: Summary) -> None:
    """Hostile names, reasons, logs and words of cases add no tag and no attribute."""
    sources = (Source("trio", "echo", TEXT + HOSTILE + "\x00\u2028<img src=x>", "measured"),)
    plain, bad = Tree(html(summary, sources)), Tree(html(hostile_suite(summary), sources))
    assert not bad.open
    assert {tag for tag, _ in bad.tags} <= {tag for tag, _ in plain.tags}
    assert {(tag, name) for tag, a in bad.tags for name in a} <= {
        (tag, name) for tag, a in plain.tags for name in a
    }
    assert [tag for tag, _ in bad.tags].count("script") == 1
    hrefs = [a["href"] or "" for tag, a in bad.tags if tag == "a"]
    assert not [href for href in hrefs if not href.startswith("#")]
    said = "".join(bad.said)
    assert "<script>alert(1)</script>" in said
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert "\u2028" not in said
    assert "\x00" not in said


@pytest.mark.parametrize("one_in", [1, 10, 1000])
def test_the_cases_stay_below_a_megabyte(summary: Summary, one_in: int) -> None:
    """600 cases by 7 fit, few or all of them failing with long logs; what fits is shown."""
    text = html(big(summary, one_in))
    assert len(text.encode()) < 1_000_000 + len(html(summary).encode())
    assert text.count("<tr id=") == 600
    assert "<pre" in text or one_in == 1


def told(name: str, case: str, reason: str) -> Verdict:
    """Return a verdict that says why."""
    return Verdict(
        implementation=name, case=case, level="MUST", verdict="DECLARED", reason=reason, evidence=()
    )


def test_what_is_said_of_two_cases_is_said_once(summary: Summary) -> None:
    """The second refers to the first; what differs, and what is short, is said again."""
    cases = [one.text.case for one in summary.suite][:3]
    long, other = "a reason that is much longer than a line of a table has room for " * 2, "x" * 90
    said = [(cases[0], long), (cases[1], long), (cases[2], other), (cases[2], "short")]
    found = tuple(told("trio", case, reason) for case, reason in said)
    text = html(msgspec.structs.replace(summary, findings=found))
    assert text.count(long.strip()) == 1
    assert text.count(f"as in {cases[0]}</summary>") == 1
    assert f'The same as in <a href="#{cases[0]}">' in text
    assert other in text
    assert "short</summary>" in text


def test_who_has_one_verdict_for_one_reason_throughout_is_told_once(summary: Summary) -> None:
    """Above the matrix instead of below each of its cases."""
    cases = [one.text.case for one in summary.suite if "trio" in one.verdicts]
    found = tuple(told("trio", case, "it cannot be asked") for case in cases)
    text = html(msgspec.structs.replace(summary, findings=found))
    assert text.count("it cannot be asked") == 1
    assert '<strong>Trio</strong>, in every case <span class="D">' in text
    fewer = html(msgspec.structs.replace(summary, findings=found[1:]))
    assert fewer.count("it cannot be asked") == len(cases) - 1


def test_it_stays_below_three_megabytes(summary: Summary) -> None:
    """600 cases, the charts with their bundle, and more source than anybody will write."""
    names = [one.name for one in able(summary)]
    long = "def part() -> None:\n" + "    call(1, 'two', three=3.0)  # idle\n" * 3000
    found = tuple(Source(name, w, long, "measured") for name in names for w in ("echo", "fetch"))
    text = html(big(summary, 10), found, drawn=True)
    assert 2_000_000 < len(text.encode()) < 3_000_000


def test_the_committed_page_is_small(summary: Summary) -> None:
    """What is committed stays below three megabytes."""
    file = GOLDEN.parents[3] / "report" / "report.html"
    if not file.exists():
        pytest.skip("no run is committed yet with its report.html")
    assert file.stat().st_size < 3_000_000
