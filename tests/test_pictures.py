"""Every chart is a whole Vega-Lite specification, says its figures, and is the same in the dark."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import altair as alt
import msgspec
import pytest

from harness import charts, files
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
    broken = {**drawn[name].draw(False), "title": 7}
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
        known = [row for row in rows(drawn[name].draw(False)) if row["low"] is not None]
        assert known, name
        assert all(row["low"] <= row["value"] <= row["high"] for row in known), name
        text = msgspec.json.encode(drawn[name].draw(False)).decode()
        assert re.search(r'"[xy]2?":\{"field":"low"', text), name


@pytest.mark.parametrize("name", ["answer", "echo", "echo-fairness", "fetch-efficiency"])
def test_a_row_of_one_panel_is_the_row_of_all(drawn: dict[str, Picture], name: str) -> None:
    """Also of who has no figure in one of them: the names stand beside the first panel alone."""
    panels = drawn[name].draw(False)["hconcat"]
    found = [
        layer["encoding"]["y"]["scale"]["domain"]
        for panel in panels
        for layer in panel["layer"]
        if "y" in layer["encoding"]
    ]
    assert len(found) > len(panels) or len(panels) == 1
    assert all(domain == found[0] for domain in found)
    assert {row["name"] for row in rows(drawn[name].draw(False))} <= set(found[0])


def changed(summary: Summary, name: str, **fields: object) -> Summary:
    """Return a summary in which one implementation is another."""
    ones = tuple(
        msgspec.structs.replace(one, **fields) if one.name == name else one
        for one in summary.implementations
    )
    return msgspec.structs.replace(summary, implementations=ones)


def axes(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the names' channel of each panel."""
    panels = spec.get("hconcat") or spec["vconcat"]
    return [panel["layer"][1]["encoding"]["y"] for panel in panels]


def test_on_a_phone_a_panel_has_rows_of_its_own_alone(drawn: dict[str, Picture]) -> None:
    """One above the other, nobody has an empty row where there is no such figure; order is kept."""
    wide, narrow = (drawn["answer"].draw(phone) for phone in (False, True))
    whole = axes(wide)[0]["scale"]["domain"]
    for number, channel in enumerate(axes(narrow)):
        there = {row["name"] for row in narrow["datasets"][str(number)]}
        assert channel["scale"]["domain"] == [one for one in whole if one in there]
    assert any(len(channel["scale"]["domain"]) < len(whole) for channel in axes(narrow))


def test_the_answer_names_its_baseline_and_who_takes_part_in_every_run(summary: Summary) -> None:
    """From the summary: another's title stands there as soon as it is so called."""
    rare = changed(summary, "twisted", default=False)
    answer = pictures(changed(rare, "asyncio", title="The old one"))["answer"]
    assert answer.title == "Rates, × The old one's in the same block"  # noqa: RUF001
    for channel in axes(answer.draw(False)):
        test = channel["axis"]["labelFontWeight"]["condition"]["test"]
        assert '"The old one"' in test
        assert "Twisted" not in test
    assert answer.draw(False)["title"]["subtitle"] == ["in bold: who takes part in every run"]
    assert all(
        "labelFontWeight" not in c["axis"] for c in axes(pictures(summary)["answer"].draw(False))
    )


def test_a_long_name_takes_its_room_from_the_bars(summary: Summary) -> None:
    """It is not cut, and the drawing is not wider than without it."""
    title = "A framework with a name for a line"
    long = pictures(changed(summary, "gevent", title=title))["answer"]
    assert len(title) == 34
    for phone in (False, True):
        before, after = pictures(summary)["answer"].draw(phone), long.draw(phone)
        assert title in axes(after)[0]["scale"]["domain"]
        way = "vconcat" if phone else "hconcat"
        widths = [
            sum(p["width"] for p in spec[way][: 1 if phone else 9]) for spec in (before, after)
        ]
        limits = [axes(spec)[0]["axis"]["labelLimit"] for spec in (before, after)]
        assert 0 <= (widths[0] - widths[1]) - (limits[1] - limits[0]) < len(after[way])
        assert limits[1] > limits[0]


@pytest.mark.parametrize(
    ("values", "ends", "marks"),
    [
        ([11.0, 4096.0], [10.0, 5000.0], [10.0, 100.0, 1000.0]),
        ([18.0, 96.0], [10.0, 100.0], [10.0, 100.0]),
        ([21.0, 48.0], [20.0, 50.0], [20.0, 50.0]),
        ([7.0, 7.0], [5.0, 10.0], [5.0, 10.0]),
        ([100.0, 100.0], [100.0, 200.0], [100.0, 200.0]),
    ],
)
def test_a_logarithmic_axis_ends_at_round_numbers(
    values: list[float], ends: list[float], marks: list[float]
) -> None:
    """All values lie on it, and two numbers at least stand beside it."""
    assert charts._around(values) == ends
    assert charts._decades(*ends) == marks


def test_memory_is_on_a_logarithmic_axis(drawn: dict[str, Picture]) -> None:
    """One who takes a hundred times as much leaves the others apart from each other."""
    channel = drawn["echo-memory"].draw(False)["spec"]["layer"][1]["encoding"]["y"]
    low, high = channel["scale"]["domain"]
    assert channel["scale"]["type"] == "log"
    assert "logarithmic" in channel["axis"]["title"]
    assert all(low <= row["value"] <= high for row in rows(drawn["echo-memory"].draw(False)))


def test_memory_is_drawn_through_the_points_of_its_line(
    summary: Summary, drawn: dict[str, Picture]
) -> None:
    """MiB against connections, as many points as were held; who has no line is not drawn."""
    found = rows(drawn["echo-memory"].draw(False))
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
        for row in rows(picture.draw(False)):
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
