"""report.html in a real browser: it sorts, filters, compares and unfolds, and nothing else runs.

Rules: Debian's chromium, started here and closed here; the page is opened from file://. Whatever a
test does, the page may say nothing on the console, break nowhere and ask nobody for anything.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from test_html_page import GOLDEN, TEXT, hostile_suite

from harness import files
from harness.report.html import clauses, page
from harness.report.html.sources import Source, sources
from harness.report.pictures import pictures
from harness.summary import Summary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Dialog, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
WIDE, PHONE = 1400, 390
EVIL = (
    "</script><script>window.hit = 1</script></style><img src=x onerror='window.hit = 2'>"
    "<svg onload='window.hit = 3'> \" onfocus=window.hit=4 autofocus x=\" {{ 7 * 7 }}"
    "\u2028 \x00 \x1b"
)
# Every pair of ink and ground on the page whose contrast (WCAG 2) is below 4.5. Grounds are laid
# over each other as the browser does.
PALE = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const over = (colors) => {
    for (const color of ["white", ...colors]) {
      canvas.fillStyle = color;
      canvas.fillRect(0, 0, 1, 1);
    }
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = (rgb) => {
    const curve = (x) => (x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = rgb.map((x) => curve(x / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
  };
  const seen = new Map();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const one = node.parentElement;
    if (!node.data.trim() || !one.checkVisibility() || one.closest("svg, script, option")) continue;
    const grounds = [];
    for (let at = one; at; at = at.parentElement)
      grounds.unshift(getComputedStyle(at).backgroundColor);
    const ink = getComputedStyle(one).color;
    seen.set([ink, ...grounds].join(), { ink, grounds, text: node.data.trim().slice(0, 40) });
  }
  const pale = [];
  for (const { ink, grounds, text } of seen.values()) {
    const [a, b] = [light(over(grounds)), light(over([...grounds, ink]))];
    const contrast = Math.max(a, b) / Math.min(a, b);
    if (contrast < 4.5) pale.push(text + " " + ink + " " + contrast.toFixed(2));
  }
  return { pale, many: seen.size };
}"""


@pytest.fixture(scope="module")
def summary() -> Summary:
    """Return the golden run's summary."""
    return files.read_json(GOLDEN, Summary)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start chromium, and close it."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  only where it is used

    flags = ["--no-sandbox"] if os.geteuid() == 0 else []  # its sandbox refuses root
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def file(summary: Summary, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the golden run's report.html, with the sources of this repository."""
    return write(tmp_path_factory.mktemp("report"), summary, sources(summary, GOLDEN.parent))


def write(folder: Path, summary: Summary, found: list[Source]) -> Path:
    """Render a page into a folder."""
    text = page.page(summary, pictures(summary), found, clauses.SPEC.read_text("utf-8"))
    (folder / "report.html").write_text(text, "utf-8")
    return folder / "report.html"


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Return what opens a page; at the end nothing may have gone wrong on any."""
    said: list[str] = []
    asked: list[str] = []
    opened: list[Page] = []

    def refuse(dialog: Dialog) -> None:
        said.append(dialog.message)
        dialog.dismiss()

    def visit(
        file: Path, fragment: str = "", *, charts: bool = False, width: int = WIDE, **options: Any
    ) -> Page:
        made = browser.new_page(viewport={"width": width, "height": 900}, **options)
        opened.append(made)
        made.on("console", lambda message: said.append(message.text))
        made.on("pageerror", lambda error: said.append(str(error)))
        made.on("dialog", refuse)
        made.on("request", lambda request: asked.append(request.url.partition("#")[0]))
        made.goto(file.as_uri() + fragment)
        if charts:
            made.wait_for_selector("html[data-drawn]", timeout=120_000)
        return made

    yield visit
    for one in opened:
        one.close()
    assert said == []
    assert asked
    assert {url.rpartition("/")[2] for url in asked} == {"report.html"}
    assert all(url.startswith("file://") for url in asked)


def column(page: Page, table: str, at: int) -> list[str]:
    """Return what a column's visible cells are sorted by: a number, or a word that is its own."""
    texts = page.evaluate(
        "([id, at]) => [...document.querySelectorAll(`#${id} tbody tr:not([hidden])`)]"
        ".map((row) => row.cells[at]).map((cell) => cell.dataset.by ??"
        " (cell.className === 'number' ? '' : (cell.querySelector('strong') || cell)"
        ".firstChild.textContent.trim().toLowerCase()))",
        [table, at],
    )
    return [str(text) for text in texts]


def test_a_click_on_a_head_sorts(file: Path, visit: Callable[..., Page]) -> None:
    """Upwards, then downwards, by the number and not its text; rows without a figure stay last."""
    page = visit(file)
    for head, at in (("ratio to the baseline", 5), ("rate/s", 4), ("p99 µs", 11)):
        heads = page.locator("#cells th", has_text=head)
        for order, down in (("ascending", False), ("descending", True)):
            heads.get_by_role("button").click()
            assert heads.get_attribute("aria-sort") == order
            found = column(page, "cells", at)
            with_figure = [float(text) for text in found if text]
            assert len(set(with_figure)) > 3
            assert with_figure == sorted(with_figure, reverse=down)
            assert not any(found[len(with_figure) :])
    assert page.locator("#cells th[aria-sort]").count() == 1


def test_rows_are_filtered_by_words_and_by_choice(file: Path, visit: Callable[..., Page]) -> None:
    """Both hold at once, what is left is counted, and an empty filter shows everything again."""
    page = visit(file)
    every = column(page, "cells", 2)
    find = page.locator("#cells input[type=search]")
    find.fill("GEVENT")
    assert set(column(page, "cells", 2)) == {"gevent"}
    page.locator("#cells select").nth(0).select_option("fetch")
    left = column(page, "cells", 0)
    assert set(left) == {"fetch"}
    status = page.locator("#cells [role=status]")
    assert status.text_content() == f"{len(left)} of {len(every)} rows"
    find.fill("no such row")
    assert column(page, "cells", 2) == []
    find.fill("")
    page.locator("#cells select").nth(0).select_option("")
    assert column(page, "cells", 2) == every
    assert status.text_content() == ""


def test_two_sources_stand_side_by_side(file: Path, visit: Callable[..., Page]) -> None:
    """Parts of one name share a row, in the order of both; what one lacks is said."""
    page = visit(file)
    page.select_option("#what", "fetch")
    page.select_option("#left-one", "trio")
    page.select_option("#right-one", "gevent")
    assert page.url.endswith("#read=fetch,trio,gevent")
    assert page.locator("#pair .heading h3").all_text_contents() == ["Trio", "gevent"]
    names = page.locator("#pair .row:not(.heading) h4").all_text_contents()
    rows = page.evaluate(
        "() => [...document.querySelectorAll('#pair .row:not(.heading)')]"
        ".map((row) => [...row.querySelectorAll('pre')].map((one) => one.dataset.part))"
    )
    assert all(set(parts) == {name} for name, parts in zip(names, rows, strict=True))
    both = [name for name, parts in zip(names, rows, strict=True) if len(parts) == 2]
    assert {"opening", "connect", "talk", "work", "run", "fetch_all"} <= set(both)
    assert "Trio has no dial" in page.locator("#pair .none").all_text_contents()
    page.click("#swap")
    assert page.locator("#pair .heading h3").all_text_contents() == ["gevent", "Trio"]


def test_an_address_sets_two_side_by_side(file: Path, visit: Callable[..., Page]) -> None:
    """REPORT.md links there; what an address names wrongly does no harm."""
    page = visit(file, "#read=echo,twisted,curio")
    assert page.locator("#pair .heading h3").all_text_contents() == ["Twisted", "curio"]
    assert page.locator("#read h2").is_visible()
    assert page.evaluate("() => document.getElementById('read').getBoundingClientRect().top < 200")
    page = visit(file, "#read=<img src=x onerror=alert(1)>%,nobody,trio")
    assert page.locator("#pair .heading h3").all_text_contents()[1] == "Trio"


def test_a_word_leads_to_its_clause(file: Path, visit: Callable[..., Page]) -> None:
    """The clause unfolds where it stands in the matrix, with what SPEC says of it."""
    page = visit(file, "#read=echo,trio,gevent")
    clause = page.locator("#E04")
    page.locator("#pair a.word", has_text="end").first.click()
    assert page.url.endswith("#E04")
    assert clause.get_attribute("open") is not None
    assert "half-close" in (clause.locator("summary .name").first.text_content() or "")
    assert clause.locator(".owes").is_visible()
    assert clause.evaluate("(one) => one.getBoundingClientRect().top < innerHeight")


def test_a_wire_log_opens_and_escape_closes_it(
    summary: Summary, file: Path, visit: Callable[..., Page]
) -> None:
    """By filter and keyboard alone: the log is there; Escape folds it and gives the focus back."""
    verdict = next(v for v in summary.findings if v.verdict == "FAIL" and v.evidence)
    page = visit(file)
    page.fill("#text", verdict.case)
    row = page.locator(f"[id='{verdict.case}']")
    assert row.is_visible()
    log = page.locator(f"[id='{verdict.case}'] + .notes details.log").first
    log.locator("summary").focus()
    page.keyboard.press("Enter")
    assert log.locator("pre").is_visible()
    shown = log.locator("pre").text_content() or ""
    assert verdict.evidence[0] in shown
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.tagName") == "PRE"
    page.keyboard.press("Escape")
    assert not log.locator("pre").is_visible()
    assert page.evaluate("() => document.activeElement.tagName") == "SUMMARY"
    page.locator("#odd").check()
    page.fill("#text", "")
    cases = page.locator(".clause tbody > tr[id]:not([hidden])").count()
    said = {v.case for v in summary.findings}
    assert cases == len(said)


@pytest.mark.parametrize("width", [PHONE, WIDE])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_can_be_read(
    theme: str, width: int, file: Path, visit: Callable[..., Page], tmp_path: Path
) -> None:
    """Ink and ground are 4.5:1 apart, all unfolded, and no page is wider than its window."""
    page = visit(file, charts=True, width=width, color_scheme=theme)
    ground = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    assert (max(map(int, ground[4:-1].split(","))) < 60) == (theme == "dark")
    page.evaluate("() => document.querySelectorAll('details').forEach((one) => (one.open = true))")
    found = page.evaluate(PALE)
    assert found["many"] > 20
    assert found["pale"] == []
    assert page.evaluate("() => document.documentElement.scrollWidth") == width
    for chart in page.locator("figure svg").all():
        box = chart.bounding_box()
        assert box
        assert box["height"] > 100
        assert width == WIDE or box["width"] <= width


def test_charts_leave_out_whom_the_reader_unchecks(file: Path, visit: Callable[..., Page]) -> None:
    """A name goes from every chart and comes back; a mark tells its figures."""
    page = visit(file, charts=True)
    charts = page.locator("figure svg")
    assert charts.count() == page.locator("figure").count() >= 4
    assert "gevent" in (charts.first.text_content() or "")
    for drawn, check in ((2, False), (3, True)):
        page.locator("#whose label", has_text="gevent").locator("input").set_checked(check)
        page.wait_for_selector(f"html[data-drawn='{drawn}']", timeout=120_000)
        texts = charts.all_text_contents()
        assert any("gevent" in text for text in texts) == check
        assert all("Trio" in text for text in texts[:2])
    page.locator("#charts").scroll_into_view_if_needed()
    page.locator("figure svg .mark-rect path[fill]:not([fill=transparent])").first.hover()
    page.wait_for_selector("#tip:not([hidden])")
    terms = page.locator("#tip dt").all_text_contents()
    assert {"name", "value"} <= set(terms)
    assert not [term for term in terms if "_" in term]  # Vega's own
    page.keyboard.press("Escape")
    assert page.locator("#tip").is_hidden()


def test_a_reader_chooses_all_none_or_those_of_a_usual_run(
    summary: Summary, visit: Callable[..., Page], tmp_path: Path
) -> None:
    """A press each; without anybody else than those of a usual run, there is no third."""
    others = tuple(
        msgspec.structs.replace(one, default=one.name in ("asyncio", "trio"))
        for one in summary.implementations
    )
    changed = msgspec.structs.replace(summary, implementations=others)
    page = visit(write(tmp_path, changed, []), charts=True)
    boxes = page.locator("#whose input")

    def checked() -> set[str]:
        values = boxes.evaluate_all("(all) => all.filter((o) => o.checked).map((o) => o.value)")
        return set(values)

    every = checked()
    for drawn, (which, names) in enumerate(
        (("usual", {"asyncio", "Trio"}), ("none", set()), ("all", every)), 2
    ):
        page.locator(f"#show-{which}").click()
        assert checked() == names
        page.wait_for_selector(f"html[data-drawn='{drawn}']", timeout=120_000)
    assert len(every) > 2


def test_a_theme_that_changes_redraws_the_charts(file: Path, visit: Callable[..., Page]) -> None:
    """Words in a chart are dark on light ground and light on dark."""
    page = visit(file, charts=True, color_scheme="light")
    fills = (
        "() => [...document.querySelectorAll('figure svg text')].map((x) => x.getAttribute('fill'))"
    )
    light, dark = "#1f2328", "#f0f6fc"
    assert light in page.evaluate(fills)
    assert dark not in page.evaluate(fills)
    page.emulate_media(color_scheme="dark")
    page.wait_for_selector("html[data-drawn='2']", timeout=120_000)
    assert dark in page.evaluate(fills)
    assert light not in page.evaluate(fills)


def test_the_keyboard_reaches_everything(file: Path, visit: Callable[..., Page]) -> None:
    """Tab goes in the order of the page and its ring can be seen; Enter sorts."""
    page = visit(file)
    for step in range(14):
        page.keyboard.press("Tab")
        style = page.evaluate(
            "() => { const style = getComputedStyle(document.activeElement);"
            "return [style.outlineStyle, style.outlineWidth]; }"
        )
        assert style == ["solid", "2px"], step
        follows = page.evaluate(
            "() => { const [before, one] = [window.last, document.activeElement];"
            "window.last = one; return !before || before.compareDocumentPosition(one) & 4; }"
        )
        assert follows, step
    page.locator("#answer-echo th button").nth(2).focus()
    page.keyboard.press("Enter")
    assert page.locator("#answer-echo th[aria-sort=ascending]").count() == 1
    ratios = [float(text) for text in column(page, "answer-echo", 2) if text]
    assert ratios == sorted(ratios)


def test_nothing_that_an_implementation_wrote_runs(
    summary: Summary, visit: Callable[..., Page], tmp_path: Path
) -> None:
    """Hostile names, versions, notes, reasons, wire bytes and sources are text everywhere."""
    bad = hostile_suite(summary)
    implementations = tuple(
        msgspec.structs.replace(
            one, title=EVIL + one.title, versions={EVIL: EVIL}, homepage="javascript:window.hit=5"
        )
        for one in bad.implementations
    )
    findings = tuple(
        msgspec.structs.replace(v, reason=EVIL, evidence=(EVIL, EVIL)) for v in bad.findings
    )
    bad = msgspec.structs.replace(
        bad, implementations=implementations, findings=findings, created=EVIL, machine={EVIL: EVIL}
    )
    texts = (f'"""{EVIL}"""\n{TEXT}', EVIL, f"# end: {EVIL}\ndef a(): ...\n")
    found = [Source("trio", "echo", text, "measured") for text in texts]
    page = visit(write(tmp_path, bad, found), charts=True)
    page.evaluate("() => document.querySelectorAll('details').forEach((one) => (one.open = true))")
    page.locator("#cells th button").first.click()
    page.locator("#whose input").first.uncheck()
    page.wait_for_selector("html[data-drawn='2']", timeout=120_000)
    assert page.evaluate("() => window.hit") is None
    assert page.locator("img, iframe, object, [onerror], [onload], [onfocus]").count() == 0
    assert page.locator("a[href^='javascript:']").count() == 0
    assert page.locator("script").count() == 3
    shown = page.locator("body").text_content() or ""
    assert shown.count("window.hit = 1") > 20
    assert "49" not in (page.locator(".lead").text_content() or "")


def test_without_scripts_it_reads_all_the_same(file: Path, visit: Callable[..., Page]) -> None:
    """Tables, cases and sources are there; what needs a script is not offered."""
    page = visit(file, java_script_enabled=False)
    assert page.locator("#cells tbody tr").count() > 20
    assert page.locator("#files details.file").first.is_visible()
    assert page.locator("form:visible").count() == 0
    page.locator("#files details.file > summary").first.click()
    assert page.locator("#files pre.code").first.is_visible()
