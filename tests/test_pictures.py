"""Every chart is a whole Vega-Lite specification, says its figures, and is the same in the dark."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import altair as alt
import msgspec
import pytest

from harness import files
from harness.report.pictures import pictures
from harness.report.svg import config, darkened, svg
from harness.summary import Summary

if TYPE_CHECKING:
    from harness.report.picture import Picture

GOLDEN = Path(__file__).resolve().parent / "golden" / "run" / "summary.json"
NAMES = [
    "answer",
    "echo",
    "fetch",
    "echo-connections",
    "echo-sizes",
    "echo-latency",
    "echo-memory",
    "echo-fairness",
    "fetch-efficiency",
]


@pytest.fixture(scope="module")
def summary() -> Summary:
    """Return the golden run's summary."""
    return files.read_json(GOLDEN, Summary)


@pytest.fixture(scope="module")
def drawn(summary: Summary) -> dict[str, Picture]:
    """Return the golden run's charts."""
    return pictures(summary)


def rows(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """Return all rows that a specification carries."""
    return [row for values in spec["datasets"].values() for row in values if "name" in row]


def test_the_charts_and_their_order(drawn: dict[str, Picture]) -> None:
    """These nine, by name, in the report's order; a title and a text each."""
    assert list(drawn) == NAMES
    assert all(picture.title and picture.alt for picture in drawn.values())


@pytest.mark.parametrize("name", NAMES)
def test_a_specification_keeps_the_schema(drawn: dict[str, Picture], name: str) -> None:
    """Wide and narrow, by Altair's own schema of Vega-Lite; without a theme of its own."""
    for phone in (False, True):
        spec = drawn[name].draw(phone)
        alt.Chart.from_dict(spec)
        assert "config" not in spec
        assert not re.search(r"#[0-9a-fA-F]{6}", str(spec))
    broken = {**drawn[name].spec, "title": 7}
    with pytest.raises(Exception, match="7 is not"):
        alt.Chart.from_dict(broken)


@pytest.mark.parametrize("name", ["echo-latency", "echo-connections"])
def test_dark_is_light_in_other_colours(drawn: dict[str, Picture], name: str) -> None:
    """Exchanging colours gives the bytes that drawing in the dark gives."""
    spec = drawn[name].draw(True)
    light, dark = (svg(spec, theme, name=name, phone=True) for theme in ("light", "dark"))
    assert light != dark
    assert darkened(light) == dark


def test_every_colour_has_its_counterpart() -> None:
    """No two things of one theme share a colour, so that exchanging them is never ambiguous."""
    for theme in ("light", "dark"):
        found = re.findall(r"#[0-9a-fA-F]{6}", str(config(theme, phone=False)))
        assert len({one.lower() for one in found}) == 10


def test_intervals_are_drawn_where_there_are_any(drawn: dict[str, Picture]) -> None:
    """The rows of each measured chart have ends, and lie between them."""
    for name in set(NAMES) - {"echo-memory"}:
        known = [row for row in rows(drawn[name].spec) if row["low"] is not None]
        assert known, name
        assert all(row["low"] <= row["value"] <= row["high"] for row in known), name
        assert '"low"' in msgspec.json.encode(drawn[name].spec).decode().replace("low:Q", '"low"')


@pytest.mark.parametrize("name", ["answer", "echo", "echo-fairness", "fetch-efficiency"])
def test_a_row_of_one_panel_is_the_row_of_all(drawn: dict[str, Picture], name: str) -> None:
    """Also of who has no figure in one of them: the names stand beside the first panel alone."""
    panels = drawn[name].spec["hconcat"]
    found = [
        layer["encoding"]["y"]["scale"]["domain"]
        for panel in panels
        for layer in panel["layer"]
        if "y" in layer["encoding"]
    ]
    assert len(found) > len(panels) or len(panels) == 1
    assert all(domain == found[0] for domain in found)
    assert {row["name"] for row in rows(drawn[name].spec)} <= set(found[0])


def test_memory_is_drawn_through_the_points_of_its_line(
    summary: Summary, drawn: dict[str, Picture]
) -> None:
    """MiB against connections, as many points as were held; who has no line is not drawn."""
    found = rows(drawn["echo-memory"].spec)
    (trait,) = [
        t
        for t in summary.traits
        if (t.implementation, t.figure) == ("asyncio", "pss_bytes_per_connection")
    ]
    own = {row["step"]: row["value"] for row in found if row["name"] == "asyncio"}
    assert own == {held: pytest.approx(value / 2**20) for held, value in trait.points}
    assert "threads" not in {row["name"] for row in found}


def test_the_text_beside_a_chart_has_its_figures(
    summary: Summary, drawn: dict[str, Picture]
) -> None:
    """Every contestant of a chart stands in its alternative text."""
    for name, picture in drawn.items():
        for row in rows(picture.spec):
            assert str(row["name"]) in picture.alt, name
    gevent = next(r for r in summary.workloads[0].standings if r.implementation == "gevent")
    assert gevent.ratio is not None
    assert f"gevent {gevent.ratio.value:.2f}" in drawn["answer"].alt


def test_no_chart_without_figures(summary: Summary) -> None:
    """A run that measured nothing has none."""
    bare = tuple(
        msgspec.structs.replace(
            w,
            cells=(),
            standings=tuple(msgspec.structs.replace(s, ratio=None) for s in w.standings),
        )
        for w in summary.workloads
    )
    assert pictures(msgspec.structs.replace(summary, workloads=bare, traits=())) == {}
