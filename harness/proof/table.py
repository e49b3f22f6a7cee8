"""The rows that prove the instrument, in the order in which they run.

Rules: data only; each row's module says how it is measured.
"""

from __future__ import annotations

from harness.proof import (
    contract,
    hog,
    little,
    memory,
    recompute,
    reference,
    resume,
    stall,
    twin,
    width,
    wrk,
)
from harness.proof.row import Row

ROWS = (
    Row(
        name="reference",
        what="the reference's rate over that of the fastest of all, at 10 and 100 connections",
        must="at least 1.10",
        run=reference.run,
    ),
    Row(
        name="wrk",
        what="the gauge's HTTP client against wrk -t1, on the same servers, in turn",
        must="at least 1.25 of its rate and at most 0.85 of its CPU per request",
        run=wrk.run,
    ),
    Row(
        name="stall",
        what="a server that stops for 1 s in every 5 s, open loop at 2,000/s",
        must="p90, p99 and p99.9 within 1% of arithmetic",
        run=stall.run,
    ),
    Row(
        name="twin",
        what="A/A: the same implementation under two names",
        must="half-width at most 0.6% in 45 s; at most 5 false verdicts in 40 campaigns",
        run=twin.run_twin,
    ),
    Row(
        name="planted",
        what="the baseline against itself with more CPU a message",
        must="of two, +5% told apart with power 0.95 at 10 blocks, +10% always; no wrong sign",
        run=twin.run_planted,
    ),
    Row(
        name="hog",
        what="a busy process on the core of the baseline's echo",
        must="corrected rate within 2%; raw rate halves",
        run=hog.run,
    ),
    Row(
        name="little",
        what="Little's law in every closed-loop cell, for everyone",
        must="rate x mean latency within 3% of N, what a slice's edges cut accounted for",
        run=little.run,
    ),
    Row(
        name="recompute",
        what="a report's numbers, computed again from samples.jsonl",
        must="the same bytes; the same rates and ratios by a second computation",
        run=recompute.run,
    ),
    Row(
        name="resume",
        what="kill -9 at random instants of a measuring, then resumed",
        must="no sample lost or doubled",
        run=resume.run,
    ),
    Row(
        name="tax",
        what="each framework's echo against the naive echo of the same framework",
        must="at least 0.93 of its rate, without --idle-s, --limit and TLS",
        run=contract.run,
    ),
    Row(
        name="width",
        what="95% intervals of all rate ratios at 10 and 100 connections in a full run",
        must="half-widths at most 1.5%, in ten minutes",
        run=width.run_width,
    ),
    Row(
        name="memory",
        what="anonymous memory of the measuring process over a run",
        must="growth in two hours at most 5%",
        run=memory.run,
    ),
    Row(
        name="order",
        what="two full runs on one machine",
        must="no pair in opposite order with both intervals excluding a tie",
        run=width.run_order,
    ),
)
