"""The story: everyone by year with their own figures, a page of twenty rows, memory by model."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import long_run
import msgspec
import pytest

from harness.report import behaviour, models, page, timeline
from harness.report.pictures import pictures
from harness.report.sentences import connection_kib

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.summary import Summary

SMALL = re.compile(r"<sub>.*?</sub>")


@pytest.fixture(scope="module")
def summary() -> Summary:
    """Return the summary of a run with twenty contestants and the ceiling."""
    return long_run.summary()


@pytest.fixture(scope="module")
def text(summary: Summary) -> str:
    """Return its report, without pictures."""
    return page.page(summary, {})


def rows(part: str) -> list[list[str]]:
    """Return the cells of the first table in a part, its head left out."""
    lines = [line for line in part[part.index("\n|") :].splitlines() if line]
    found = []
    for line in lines:
        if not line.startswith("|"):
            break
        found.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return found[2:]


def titles(part: str, column: int = 0) -> list[str]:
    """Return what stands in a column of a table, links undone."""
    return [re.sub(r"\[(.*?)\]\(.*?\)", r"\1", row[column]) for row in rows(part)]


def test_the_page_with_twenty_rows(text: str, golden: Callable[[str, str], None]) -> None:
    """It is, byte for byte, the one that was looked at and kept."""
    golden("long.md", text)


def test_the_timeline_goes_by_year(summary: Summary, text: str) -> None:
    """Everyone of the frameworks once, the oldest first; the ceiling is no system."""
    found = rows(text.partition("## The story: from processes (1991) to anyio")[2])
    years = [int(row[0]) for row in found]
    assert years == sorted(years)
    assert len(found) == sum(one.kind == "framework" for one in summary.implementations) == 20


def test_a_row_has_its_own_figures(summary: Summary, text: str) -> None:
    """Those of the answer, in the answer's digits: rates with intervals, CPU, memory, lines."""
    part = text.partition("## The story")[2]
    by_title = dict(zip(titles(part, 1), rows(part), strict=True))
    answers = dict(zip((t.removeprefix("↳ ") for t in titles(text)), rows(text), strict=True))
    head = [cell.strip() for cell in text[text.index("|  | SPEC |") :].splitlines()[0].split("|")]
    at = {cell: place - 1 for place, cell in enumerate(head)}
    for title in ("gevent", "uvloop", "selectors"):
        story, answer = by_title[title], answers[title]
        rates = [answer[at[f"{w} rate, × asyncio"]] for w in ("echo", "fetch")]  # noqa: RUF001
        assert story[4:6] == rates
        assert story[6:] == [answer[at[name]] for name in ("CPU µs", "KiB / conn.", "lines")]
        assert "<sub>" in story[4]
    assert "What uvloop brought in 2016." in by_title["uvloop"][2]
    assert by_title["Tornado"][4] == "❌ E04"
    assert connection_kib(summary, "uvloop") is not None


def test_there_is_a_story_only_where_there_are_years(summary: Summary) -> None:
    """Not without years, and not where all are of one."""
    for year in (0, 2014):
        same = tuple(msgspec.structs.replace(one, year=year) for one in summary.implementations)
        bare = msgspec.structs.replace(summary, implementations=same)
        assert timeline.timeline(bare) == ""
        assert "The story" not in page.page(bare, {})


def test_words_that_two_share_are_said_once(summary: Summary) -> None:
    """Two ways of one system in one year have one novelty."""
    same = tuple(
        msgspec.structs.replace(one, novelty="A loop in Cython.") if "uvloop" in one.name else one
        for one in summary.implementations
    )
    said = timeline.timeline(msgspec.structs.replace(summary, implementations=same))
    assert said.count("A loop in Cython.") == said.count(timeline.SAME) == 1


def test_variants_stand_below_their_sibling_in_the_answer(summary: Summary, text: str) -> None:
    """Right below it, with an arrow, whatever their rank; everyone has a row."""
    found = titles(text)
    assert len(found) == len(summary.implementations)
    at = found.index("asyncio")
    assert found[at + 1 : at + 4] == ["↳ uvloop (protocols)", "↳ uvloop", "↳ asyncio (protocols)"]
    assert found[at + 4][0] != "↳"
    assert rows(text)[at + 1][2] == "**1**"
    assert "a variant of the one above" in text


def test_nobody_is_a_variant_without_variants(summary: Summary) -> None:
    """The arrow and its words stand where there are any alone."""
    plain = tuple(msgspec.structs.replace(one, variant_of="") for one in summary.implementations)
    said = page.page(msgspec.structs.replace(summary, implementations=plain), {})
    assert "↳" not in said


def test_a_wide_matrix_lies_down(summary: Summary) -> None:
    """Beyond eight contestants a row is theirs, and no verdict is lost."""
    wide = behaviour.matrix(summary, "echo")
    head = wide.splitlines()[0]
    assert "**E04**<br>half-close" in head
    marks = dict(zip(titles("\n" + wide), rows("\n" + wide), strict=True))
    assert marks["Tornado"][2] == "❌ 2/4"
    assert marks["level, cases"][2] == "MUST<br>4"
    assert len(marks) == 1 + len({n for c in summary.clauses for n in c.verdicts})
    few = tuple(one for one in summary.implementations if one.name in ("asyncio", "trio"))
    tall = behaviour.differences(msgspec.structs.replace(summary, implementations=few))
    assert "| asyncio | Trio |" in tall


def test_bars_of_variants_stand_below_their_sibling(summary: Summary) -> None:
    """The order of the chart, and an arrow before the name on its axis."""
    spec = pictures(summary)["answer"].draw(False)
    y = spec["hconcat"][0]["layer"][1]["encoding"]["y"]
    at = y["sort"].index("asyncio")
    assert y["sort"][at + 1] == "uvloop (protocols)"
    assert '"uvloop (protocols)"' in y["axis"]["labelExpr"]
    assert '"asyncio",' not in y["axis"]["labelExpr"]


def test_sentences_of_many_are_folded(summary: Summary, text: str) -> None:
    """More than eight frameworks: the table stands, the sentences are behind a head."""
    answer = text.partition("Each condition by itself")[0]
    assert answer.index("<summary>Each in a sentence") < answer.index("- **uvloop**")
    assert "</details>" in answer.partition("- **uvloop**")[2]
    few = tuple(
        msgspec.structs.replace(
            found,
            standings=tuple(r for r in found.standings if r.implementation not in long_run.NEW),
        )
        for found in summary.workloads
    )
    assert "Each in a sentence" not in page.page(
        msgspec.structs.replace(summary, workloads=few), {}
    )


def test_memory_is_told_by_model(summary: Summary, text: str) -> None:
    """A row a model, the cheapest first, with everyone's own figure; MiB are KiB times 5,000."""
    found = models.models(summary)
    assert [model.kib for model in found] == sorted(model.kib for model in found)
    assert [(model.name, model.own) for model in found][-1] == ("OS threads", ())
    assert "it held 2,811 of 3000 connections" in text.partition("by model")[2].partition("###")[0]
    assert {one.name for model in found for one, _ in model.own} == {
        one.name
        for one in summary.implementations
        if one.kind == "framework" and connection_kib(summary, one.name)
    }
    part = text.partition("### The memory of 5,000 waiting connections, by model")[2]
    assert [row[0] for row in rows(part)] == [model.name for model in found]
    greenlets = next(row for row in rows(part) if row[0] == "greenlets")
    assert "Stackless" in greenlets[3]
    assert models.mib(1024.0) == 5000.0
    assert models.says(summary).startswith("5,000 connections that wait take ")


def test_one_model_alone_is_no_comparison(summary: Summary) -> None:
    """Nothing is said then."""
    one = tuple(msgspec.structs.replace(i, style="callback") for i in summary.implementations)
    bare = msgspec.structs.replace(summary, implementations=one)
    assert models.by_model(bare) == ""
    assert models.says(bare) == ""
