"""The answer in words says what the figures say, and less rather than more."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from harness import files
from harness.report import sentences
from harness.summary import Canary, Estimate, Latency, Percentiles, Summary

GOLDEN = Path(__file__).resolve().parent / "golden" / "run" / "summary.json"


@pytest.fixture(scope="module")
def summary() -> Summary:
    """Return the golden run's summary."""
    return files.read_json(GOLDEN, Summary)


def said(summary: Summary) -> dict[str, str]:
    """Return the sentences by title, their en dashes as hyphens."""
    return {t: s.replace("\N{EN DASH}", "-") for t, s in sentences.sentences(summary)}


def standing(summary: Summary, workload: str, name: str, **changes: object) -> Summary:
    """Return the summary with something else in one standing."""
    workloads = tuple(
        msgspec.structs.replace(
            w,
            standings=tuple(
                msgspec.structs.replace(row, **changes)
                if (w.workload, row.implementation) == (workload, name)
                else row
                for row in w.standings
            ),
        )
        for w in summary.workloads
    )
    return msgspec.structs.replace(summary, workloads=workloads)


def test_every_framework_has_one_sentence(summary: Summary) -> None:
    """Everyone but the reference, who cannot run included, and nobody twice."""
    titles = [one.title for one in summary.implementations if one.kind == "framework"]
    found = [title for title, _ in sentences.sentences(summary)]
    assert sorted(found) == sorted(titles)
    assert all(
        sentence.count(".") >= 1 and sentence.endswith(".")
        for _, sentence in sentences.sentences(summary)
    )


def test_more_is_said_as_the_interval(summary: Summary) -> None:
    """1.3078 (1.30001-1.33777) is 30-34% more; 0.753 (0.743-0.762) is 24-26% fewer."""
    assert "first in echo (30-34% more messages than asyncio)" in said(summary)["gevent"]
    assert "third in echo (24-26% fewer messages than asyncio)" in said(summary)["Twisted"]


def test_who_was_not_told_apart_is_not_said_to_be_faster(summary: Summary) -> None:
    """The same ratio, without the test's word for it: a tie, whatever the interval says."""
    tied = standing(summary, "echo", "gevent", ahead_of=("trio",), rank="1-2")
    tied = standing(tied, "echo", "asyncio", rank="1-2")
    found = said(tied)["gevent"]
    assert "1-2 in echo (not told apart from asyncio)" in found
    assert "more messages" not in found
    heading = sentences.heading(tied)
    assert "gevent and asyncio answer the most echo messages, and cannot be told apart" in heading


def test_behind_is_fewer_and_never_more(summary: Summary) -> None:
    """Who the baseline is ahead of has fewer; it has no bracket of its own."""
    assert "more messages" not in said(summary)["Twisted"]
    assert "ranks second in echo and second in fetch" in said(summary)["asyncio"]


@pytest.mark.parametrize(
    ("value", "low", "high", "bound", "told", "text"),
    [
        (1.05, 1.03, 1.09, "", 1, "3-9% more x than y"),
        (1.10, 1.10, 1.10, "", 1, "10% more x than y"),
        (2.24, 2.22, 2.29, "", 1, "2.2-2.3 times as many x as y"),
        (2.24, 2.22, 2.29, ">=", 1, "at least 2.2 times as many x as y"),
        (1.50, 1.40, 1.60, ">=", 1, "at least 40% more x than y"),
        (1.95, 1.90, 2.10, "", 1, "90-110% more x than y"),
        (0.58, 0.56, 0.60, "", -1, "40-44% fewer x than y"),
    ],
)
def test_a_ratio_in_words(
    value: float, low: float, high: float, bound: str, told: int, text: str
) -> None:
    """From 2 on as multiples; a bound as what it is."""
    found = Estimate(value=value, low=low, high=high, bound=bound)  # type: ignore[arg-type]
    assert sentences.more(found, told, "x", "y").replace("\N{EN DASH}", "-") == text


def test_who_is_not_ranked_has_the_reason(summary: Summary) -> None:
    """Failed, declared, unproven and unable: each its own words, and no figure in their place."""
    found = said(summary)
    assert "is not ranked in echo: fails E04" in found["Tornado"]
    assert "is not ranked in fetch: differs in F17 and says so" in found["threads"]
    assert "is not ranked in fetch: F10 could not be judged" in found["Trio"]
    assert found["curio"].startswith("is not ranked in echo and fetch: takes no part")
    assert "% " not in found["curio"]


@pytest.mark.parametrize("why", ["blocks", "canary", "quick"])
def test_nothing_is_said_where_the_ranks_are_withheld(summary: Summary, why: str) -> None:
    """Too few blocks, a failed control, a quick run: no sentence, no leader in the heading."""
    changes = {} if why == "quick" else {"withheld": why}
    bare = msgspec.structs.replace(
        summary,
        quick=why == "quick",
        workloads=tuple(msgspec.structs.replace(w, **changes) for w in summary.workloads),
    )
    assert said(bare) == {}
    assert sentences.heading(bare).startswith("No ranking")
    assert sentences.p99_pairs(bare) == ""
    assert all(sentences.withheld(bare, w) for w in bare.workloads)


def test_one_workload_may_be_withheld_alone(summary: Summary) -> None:
    """A failed control of echo takes echo out of every sentence, and leaves fetch."""
    echo, fetch = summary.workloads
    half = msgspec.structs.replace(
        summary, workloads=(msgspec.structs.replace(echo, withheld="canary"), fetch)
    )
    found = said(half)
    assert "in echo" not in " ".join(found.values())
    assert "first in fetch" in found["gevent"]
    assert sentences.heading(half) == "gevent makes the most fetch requests"


def test_a_heading_names_few_and_counts_many(summary: Summary) -> None:
    """Four leaders are counted; one who is first and told apart from all is named alone."""
    both = "gevent answers the most echo messages and makes the most fetch requests"
    assert sentences.heading(summary) == both
    apart = standing(standing(summary, "fetch", "gevent", rank="2"), "fetch", "asyncio", rank="1")
    assert sentences.heading(apart).endswith("; asyncio makes the most fetch requests")
    crowd = summary
    for name in ("gevent", "asyncio", "twisted", "threads"):
        crowd = standing(crowd, "echo", name, rank="1-4")
    assert sentences.heading(crowd).startswith("who leads echo cannot be told: 4 may be first")
    alone = standing(summary, "echo", "gevent", rank="1-2")
    assert sentences.heading(alone).startswith("gevent leads echo, not told apart from everyone")


def test_latency_is_said_only_where_it_was_told_apart(summary: Summary) -> None:
    """A p99 with an interval below 1 is not below while the test has not said so."""
    echo = summary.workloads[0]
    at = next(i for i, c in enumerate(echo.cells) if c.cell.rate_per_s)
    latency = Latency(
        p99_us=Estimate(value=50.0),
        ratio=Estimate(value=0.5, low=0.4, high=0.6),
        merged=Percentiles(p50_us=1, p90_us=1, p99_us=1, p999_us=1, max_us=1),
        messages=1,
    )

    def with_(ahead_of: tuple[str, ...], behind: tuple[str, ...]) -> str:
        results = tuple(
            msgspec.structs.replace(r, latency=latency, ahead_of=ahead_of)
            if r.implementation == "gevent"
            else msgspec.structs.replace(
                r, ahead_of=behind if r.implementation == "asyncio" else ()
            )
            for r in echo.cells[at].results
        )
        cells = list(echo.cells)
        cells[at] = msgspec.structs.replace(cells[at], results=results)
        changed = msgspec.structs.replace(echo, cells=tuple(cells))
        found = msgspec.structs.replace(summary, workloads=(changed, summary.workloads[1]))
        return said(found)["gevent"] + " " + sentences.p99_pairs(found)

    assert "its p99 at 2,000 messages/s is 40-60% below asyncio's" in with_(("asyncio",), ())
    assert "gevent ahead of asyncio" in with_(("asyncio",), ())
    assert "its p99" not in with_((), ())
    assert "none of" in with_((), ())


def test_uneven_service_needs_an_interval_below_the_limit(summary: Summary) -> None:
    """Jain's index of 0.5 is said; one whose interval reaches the limit is not."""
    echo = summary.workloads[0]

    def with_(high: float) -> str:
        cells = tuple(
            msgspec.structs.replace(
                c,
                results=tuple(
                    msgspec.structs.replace(r, jain=0.5, jain_low=0.4, jain_high=high)
                    if r.implementation == "trio" and c.cell.name == "10x1KiB"
                    else r
                    for r in c.results
                ),
            )
            for c in echo.cells
        )
        changed = msgspec.structs.replace(echo, cells=cells)
        return said(msgspec.structs.replace(summary, workloads=(changed, summary.workloads[1])))[
            "Trio"
        ]

    assert "10 connections unevenly (Jain's index 0.40-0.60 of 1)" in with_(0.6)
    assert "unevenly" not in with_(0.95)


def test_a_failed_control_is_the_heading_when_all_is_withheld(summary: Summary) -> None:
    """The heading says that a control failed, and not that too little was measured."""
    failed = Canary(
        name="twin", workload="echo", cell="10x1KiB", estimate=Estimate(value=1.2), passed=False
    )
    bare = msgspec.structs.replace(
        summary,
        workloads=tuple(
            msgspec.structs.replace(w, withheld="canary", canaries=(failed,))
            for w in summary.workloads
        ),
    )
    assert sentences.heading(bare) == "No ranking: a control of this run failed"
    few = msgspec.structs.replace(
        summary,
        workloads=tuple(msgspec.structs.replace(w, withheld="blocks") for w in summary.workloads),
    )
    assert sentences.heading(few) == "No ranking: too little was measured"


def test_places_among_some_are_made_of_who_is_ahead_of_whom(summary: Summary) -> None:
    """Others leave no gap, a tie stays one, and one alone has no place."""
    echo = summary.workloads[0]
    names = {row.implementation for row in echo.standings if row.rank}
    whole = dict(sentences.among(summary, names))
    assert whole["echo"].startswith("gevent 1, asyncio 2, Twisted 3")
    few = dict(sentences.among(summary, {"twisted", "gevent", "reference"}))
    assert few["echo"] == "gevent 1, Twisted 2."
    tied = standing(summary, "echo", "gevent", ahead_of=(), rank="1-3")
    said = dict(sentences.among(tied, {"twisted", "gevent"}))["echo"]
    assert said.replace("\N{EN DASH}", "-") == "gevent 1-2, Twisted 1-2."
    assert list(sentences.among(summary, {"gevent"})) == []
