"""What people read is rendered from the summary alone, the same every time, and nothing escapes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, get_args
from xml.etree import ElementTree as ET

import msgspec
import pytest

from harness import files
from harness.model import UsageError, VerdictKind
from harness.report import markdown, numbers, page, rendering, terminal, words
from harness.report.html.sources import sources
from harness.report.page import command
from harness.summary import Estimate, Summary

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "tests" / "golden" / "run" / "summary.json"
HOSTILE = (
    '"><script>alert(1)</script> | `x` **b** [l](javascript:alert(1)) ![i](x) <!-- '
    "& \\ \x1b[31m \u202e \n# h\n```\n</details> https://evil.example @you"
)


@pytest.fixture(scope="module")
def summary() -> Summary:
    """Return the golden run's summary."""
    return files.read_json(GOLDEN, Summary)


@pytest.fixture(scope="module")
def rendered(summary: Summary) -> dict[str, str]:
    """Return the golden run's report."""
    return rendering.render(summary, found=sources(summary, GOLDEN.parent))


def hostile(summary: Summary) -> Summary:
    """Return the summary with every text that an implementation wrote turned against the reader."""
    implementations = tuple(
        msgspec.structs.replace(
            one,
            title=one.name + HOSTILE,
            style=HOSTILE,
            novelty=HOSTILE,
            variant_of="asyncio" if one.name == "gevent" else HOSTILE,
            homepage="javascript:alert(1)" if one.name == "trio" else HOSTILE,
            loop=HOSTILE,
            read_size=HOSTILE,
            known={HOSTILE: HOSTILE},
            beyond={HOSTILE: HOSTILE},
            versions={HOSTILE: HOSTILE},
            folder="implementations/" + HOSTILE,
            cannot_run=HOSTILE if one.cannot_run else "",
        )
        for one in summary.implementations
    )
    findings = tuple(
        msgspec.structs.replace(v, reason=HOSTILE, evidence=(HOSTILE,)) for v in summary.findings
    )
    workloads = tuple(
        msgspec.structs.replace(
            w,
            standings=tuple(
                msgspec.structs.replace(row, reason=HOSTILE) if row.reason else row
                for row in w.standings
            ),
        )
        for w in summary.workloads
    )
    traits = tuple(
        msgspec.structs.replace(t, error=HOSTILE) if t.error else t for t in summary.traits
    )
    return msgspec.structs.replace(
        summary,
        implementations=implementations,
        findings=findings,
        workloads=workloads,
        traits=traits,
    )


def test_the_golden_report(rendered: dict[str, str], golden: Callable[[str, str], None]) -> None:
    """REPORT.md is, byte for byte, the one that was looked at and kept."""
    golden("REPORT.md", rendered["REPORT.md"])


def test_the_committed_report_renders_from_its_summary(tmp_path: Path) -> None:
    """REPORT.md at the root comes from report/summary.json, and the charts it shows are there."""
    source = ROOT / "report" / "summary.json"
    if not source.exists():
        pytest.skip("no run is committed yet: report/summary.json does not exist")
    written = rendering.run(source.parent, tmp_path)
    assert (ROOT / "REPORT.md").read_text("utf-8") == written.read_text("utf-8")
    found = [file.relative_to(tmp_path) for file in tmp_path.rglob("*.*")]
    assert all((ROOT / name).is_file() for name in found)


def test_every_picture_that_is_shown_is_there_and_the_other_way_round(
    rendered: dict[str, str],
) -> None:
    """REPORT.md names exactly the SVG files that are rendered with it."""
    shown = set(re.findall(r'(?:srcset|src)="([^"]+)"', rendered["REPORT.md"]))
    assert shown == set(rendered) - {"REPORT.md", "report/report.html"}
    assert len(shown) == 36


def test_pictures_are_plain_drawings(rendered: dict[str, str]) -> None:
    """Every SVG is well-formed, without script, foreign content, link or outside address."""
    for name, text in rendered.items():
        if not name.endswith(".svg"):
            continue
        root = ET.fromstring(text)
        tags = {element.tag.rpartition("}")[2] for element in root.iter()}
        assert tags <= {"svg", "g", "path", "rect", "text", "line", "defs", "clipPath", "tspan"}
        assert not re.search(r"(?:href=|url\((?!#))", text)


def test_another_process_renders_the_same_bytes(rendered: dict[str, str], tmp_path: Path) -> None:
    """Neither an earlier rendering nor the order of the charts leaves a trace."""
    code = (
        "import sys; from pathlib import Path; from harness.report import rendering;"
        "rendering.run(Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    subprocess.run(
        [sys.executable, "-c", code, GOLDEN.parent, tmp_path], check=True, cwd=ROOT, timeout=120
    )
    written = {
        str(file.relative_to(tmp_path)): file.read_text("utf-8")
        for file in tmp_path.rglob("*")
        if file.is_file()
    }
    assert written == rendered


@pytest.fixture(scope="module")
def attacked(summary: Summary) -> dict[str, str]:
    """Return the report of the hostile summary."""
    return rendering.render(hostile(summary))


def test_what_an_implementation_wrote_stays_text(attacked: dict[str, str]) -> None:
    """With every name, note and reason hostile, no tag, link, image or fence of theirs appears."""
    found = attacked["REPORT.md"]
    fenced = re.sub(r"^ *(`{3,})text\n.*?^ *\1$", "", found, flags=re.MULTILINE | re.DOTALL)
    assert not re.search(r"(?<!\\)<(?!/?(?:picture|details|summary|sub)>|source |img |br>)", fenced)
    assert not re.search(r"(?<!\\)\]\(javascript:", fenced)
    assert not re.search(r"(?<!\\)!\[", fenced.replace("> [!WARNING]", ""))
    assert "https://evil" not in fenced
    assert "\x1b" not in found
    assert "\u202e" not in found
    for tag in re.findall(r"<img [^>]*>", fenced):
        assert re.fullmatch(r'<img alt="[^"<>]*" src="[a-z/-]+\.svg">', tag)


def test_clauses_stand_by_level_with_their_cases(rendered: dict[str, str]) -> None:
    """MUST, then SHOULD, then INFO; a cell says how many of how many, a clause how many cases."""
    lines = rendered["REPORT.md"].partition("**echo**\n\n|  |  | level")[2].splitlines()
    rows = [line.split(" | ") for line in lines if line.startswith("| **")][:8]
    assert [row[2] for row in rows] == ["MUST"] * 5 + ["SHOULD"] * 2 + ["INFO"]
    (half,) = [row for row in rows if row[0] == "| **E04**"]
    assert half[3] == "4"
    assert half.count("❌ 2/4") == 1
    assert half[4:].count("✅") == 5


def test_the_first_table_has_a_row_for_everyone(summary: Summary) -> None:
    """In the order of echo's answer; a verdict and dashes where there are no figures."""
    head, _, *rest = page.page(summary, {}).partition("|  | SPEC |")[2].splitlines()
    names = [row.implementation for row in summary.workloads[0].standings]
    titles = {one.name: one.title for one in summary.implementations}
    rows = [line.strip("|").split(" | ") for line in rest[: len(names)]]
    assert [re.sub(r"\[|\].*", "", row[0]).strip() for row in rows] == [titles[n] for n in names]
    (tornado,) = [row for row in rows if "Tornado" in row[0]]
    assert tornado[1] == "❌ E04<br>❌ E13q"
    assert tornado[2:4] == ["\u2013", "\u2013"]
    assert tornado[4] == "**3\u20134**"
    assert "× asyncio" in head  # noqa: RUF001


def test_the_page_shows_where_not_everyone_passes(summary: Summary) -> None:
    """The short matrix has those clauses alone, and counts the others; the reference is out."""
    found = page.page(summary, {}).partition("every clause that they must")[2]
    short = found.partition("Clause by clause")[0]
    shown = set(re.findall(r"^\| \*\*([EF]\w+)\*\*", short, flags=re.MULTILINE))
    names = {one.name for one in summary.implementations if one.kind != "reference"}
    differ = {
        c.clause
        for c in summary.clauses
        if c.level != "INFO" and any(c.verdicts.get(n, "PASS") != "PASS" for n in names)
    }
    assert shown == differ
    same = sum(c.level != "INFO" for c in summary.clauses) - len(differ)
    assert f"{same} clauses hold for everyone" in short
    assert "native" not in short.partition("|:--|")[0].partition("level")[2]


def test_two_are_set_side_by_side(summary: Summary) -> None:
    """Each framework's programs beside the baseline's, and nobody's beside itself."""
    lined = msgspec.structs.replace(
        summary,
        implementations=tuple(
            msgspec.structs.replace(one, code_lines={"echo.py": 7, "fetch.py": 9})
            for one in summary.implementations
        ),
    )
    found = page.page(lined, {})
    assert "report/report.html#read=echo,asyncio,gevent)" in found
    assert "report/report.html#read=fetch,asyncio,gevent)" in found
    assert "asyncio,asyncio" not in found


def test_what_several_say_alike_is_said_once(rendered: dict[str, str]) -> None:
    """Two implementations with the same outcome for the same reason share a line."""
    assert rendered["REPORT.md"].count("this machine has no ::1") == 1
    assert "**Tornado**, **Twisted**, 1/2 cases" in rendered["REPORT.md"]


def test_a_hostile_table_keeps_its_columns(attacked: dict[str, str]) -> None:
    """Every row of every table has as many cells as its head."""
    rows = 0
    columns = 0
    for line in attacked["REPORT.md"].splitlines():
        if not line.startswith("|"):
            columns = 0
            continue
        cells = len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) - 1
        columns = columns or cells
        assert cells == columns, line
        rows += 1
    assert rows > 50


def test_hostile_pictures_hold_no_markup(attacked: dict[str, str]) -> None:
    """A title with a script in it is text in the SVG."""
    for name, text in attacked.items():
        if name.endswith(".svg"):
            assert "<script" not in text
            ET.fromstring(text)


def test_the_terminal_fits_and_has_no_control_sequences(summary: Summary) -> None:
    """80 and 120 columns, plain and hostile: no line is longer, nothing is coloured unasked."""
    for width in (80, 120):
        for one in (summary, hostile(summary)):
            lines = terminal.text(one, width=width).splitlines()
            assert max(map(len, lines)) <= width
            assert len(lines) <= 17
            assert "\x1b" not in "".join(lines)
    assert "gevent" in terminal.text(summary)


def test_no_path_or_clock_of_the_machine(rendered: dict[str, str]) -> None:
    """The report knows when the plan was made and nothing of where."""
    assert "2026-01-02T03:04:05Z" in rendered["REPORT.md"]
    assert not any(
        re.search(r"/(home|somewhere|tmp|work|usr|root)/", text) for text in rendered.values()
    )


def test_the_command_repeats_the_run(summary: Summary) -> None:
    """The seed is in the command, and words with spaces are quoted."""
    assert command(summary) == "git checkout 0123456789 && nox -s compare -- --seed 7"
    odd = msgspec.structs.replace(summary, commit="", arguments=("--from", "my dir", "--seed", "7"))
    assert command(odd) == "nox -s compare -- --from 'my dir' --seed 7"


def test_the_run_is_repeated_from_its_commit(summary: Summary) -> None:
    """And is said to differ from it where its files did."""
    assert command(msgspec.structs.replace(summary, commit="5f47aee18a")) == (
        "git checkout 5f47aee18a && nox -s compare -- --seed 7"
    )
    changed = msgspec.structs.replace(summary, commit="5f47aee18a+")
    assert "git checkout 5f47aee18a &&" in page.page(changed, {})
    assert "files differed from that commit" in page.page(changed, {})


def test_a_scenario_without_figures_says_why(rendered: dict[str, str]) -> None:
    """A dash in the table, the reason below it; who failed nowhere has no line."""
    part = rendered["REPORT.md"].partition("Echo: what it takes")[2].partition("\n## ")[0]
    (row,) = [x for x in part.splitlines() if x.startswith("| threads") and "| \u2013 |" in x][:1]
    assert row.count("\u2013 |") == 2  # the slope and its fit
    assert "- threads: memory: it held 2,811 of 3000 connections" in part
    assert "- gevent:" not in part


def test_a_run_without_scenarios_does_not_mention_them(summary: Summary) -> None:
    """A quick run: no part without a table in it, no column without a figure."""
    found = page.page(msgspec.structs.replace(summary, traits=()), {})
    assert "what it takes" not in found
    assert "KiB / conn." not in found
    assert "KiB / conn." in page.page(summary, {})


def test_a_failed_canary_is_said_first(summary: Summary) -> None:
    """Before any figure, with what to do."""
    first, *rest = summary.workloads
    failed = tuple(msgspec.structs.replace(c, passed=False) for c in first.canaries)
    broken = msgspec.structs.replace(first, canaries=failed, withheld="canary")
    text = page.page(msgspec.structs.replace(summary, workloads=(broken, *rest)), {})
    heading = "## gevent makes the most fetch requests"
    assert text.index("[!WARNING]") < text.index("A/A control failed") < text.index(heading)
    assert "measure again" in text


def test_how_well_the_ratios_are_known_is_said(summary: Summary) -> None:
    """On the terminal and in its section always; a quick run has it in its answer."""
    first, *rest = summary.workloads
    widest = max(each.half_width or 0 for each in first.cells if not each.cell.rate_per_s)
    short = msgspec.structs.replace(first, withheld="blocks", blocks=6)
    quick = msgspec.structs.replace(summary, quick=True, workloads=(short, *rest))
    said = f"{widest:.1%}"
    assert f"known to within {said} (10x1KiB)" in terminal.text(quick)
    assert f"Every ratio is known to within {said} (10x1KiB)" in words_of(quick, "| SPEC |")
    assert "Every ratio is known" not in words_of(summary, "| SPEC |")
    assert f"± {said}" in page.page(summary, {}).partition("How well the ratios")[2]


def words_of(summary: Summary, end: str) -> str:
    """Return the report up to a heading, without its pictures."""
    return page.page(summary, {}).partition(end)[0]


def test_a_run_without_measurements_is_a_report(summary: Summary) -> None:
    """Verdicts alone: no charts, no tables of figures, and a sentence that says so."""
    bare = tuple(
        msgspec.structs.replace(
            w, baseline="", reference="", cells=(), canaries=(), blocks=0, withheld="blocks"
        )
        for w in summary.workloads
    )
    bare = tuple(
        msgspec.structs.replace(
            w,
            standings=tuple(msgspec.structs.replace(s, ratio=None, rank="") for s in w.standings),
        )
        for w in bare
    )
    found = rendering.render(msgspec.structs.replace(summary, workloads=bare, traits=()))
    assert set(found) == {"REPORT.md", "report/report.html"}
    assert "## Nothing was measured" in found["REPORT.md"]
    assert "othing was measured" not in page.page(summary, {})


def test_every_verdict_has_a_mark_and_a_meaning() -> None:
    """No verdict of the model is without its sign in the legend."""
    kinds = set(get_args(VerdictKind))
    assert kinds == set(words.MARKS) == set(words.MEANINGS)


@pytest.mark.parametrize(
    ("value", "low", "high", "shown", "interval"),
    [
        (1.30149, 1.28373, 1.35368, "1.30", "1.28-1.35"),
        (1.30149, 1.1, 1.5, "1.3", "1.1-1.5"),
        (6.19594, 6.1321, 6.358, "6.2", "6.1-6.4"),
        (0.5, 0.4995, 0.5005, "0.50", "0.50-0.50"),
        (42199.1, 41685.2, 42646.2, "42,200", "41,700-42,600"),
        (42199.1, None, None, "42,200", ""),
    ],
)
def test_digits_fit_the_interval(
    value: float, low: float | None, high: float | None, shown: str, interval: str
) -> None:
    """The last digit is the first in doubt."""
    found = Estimate(value=value, low=low, high=high)
    written = numbers.interval(found).replace("\N{EN DASH}", "-")
    assert (numbers.figure(found), written) == (shown, interval)


@pytest.mark.parametrize("raw", ["a_b", "*x*", "`c`", "a|b", "<b>", "[x](y)", "\\", "#1", "&lt;"])
def test_markdown_shows_text_literally(raw: str) -> None:
    """Every special character is behind a backslash, and nothing is escaped twice."""
    once = markdown.text(raw)
    assert re.sub(r"\\(.)", r"\1", once) == raw
    assert markdown.text(once) == once


def test_plain_code_in_a_sentence_stays_code() -> None:
    """`drain()` in backticks is code; anything stranger in backticks is text."""
    assert markdown.prose("call `drain()` twice") == "call `drain()` twice"
    assert markdown.prose("call `<b>`") == "call \\`\\<b\\>\\`"


def test_a_summary_that_is_none_is_refused(tmp_path: Path) -> None:
    """No summary.json, or another format: one sentence."""
    with pytest.raises(UsageError, match="is no run folder"):
        rendering.run(tmp_path, tmp_path)
    (tmp_path / "summary.json").write_text('{"format": 0}')
    with pytest.raises(UsageError, match="`format` is 0"):
        rendering.run(tmp_path, tmp_path)
