"""One fetch job: a fresh client against the gauge's origin, watched from 10% to 90% of its URLs.

Rules: the origin stamps the client's clocks at its own requests, so start and end of the process
stay outside the figures. Status, length and crc32 of every answer are checked in the sums.
"""

from __future__ import annotations

import subprocess
import time
import zlib
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec

from harness import launch
from harness.gauge import body
from harness.measure.job import Bench, Job, gauge_line, tell
from harness.model import Sample

if TYPE_CHECKING:
    from harness.model import Cell

STAMPS = 10  # 10%, 20%, ... of the requests; the first and the last tenth are start and end
URLS = 5000  # without delay: about half a second of the fastest client seen
URLS_QUICK = 2000
STEADY_S = 0.5  # with delay: how long the ideal client takes
URLS_LEAST = 25
CLIENT_S = 60.0  # the longest a client may take for its URLs


class Stamp(msgspec.Struct, frozen=True):
    """The clocks at one request's arrival; see harness/gauge/origin.h."""

    requests: int
    time_ns: int
    client_cpu_ns: int | None
    client_wait_ns: int | None
    client_faults: int | None
    origin_cpu_ns: int
    origin_wait_ns: int
    busy: float


class Service(msgspec.Struct, frozen=True):
    """What the gauge's `origin` role says at its end."""

    requests: int
    errors: int
    in_flight_max: int
    stamps: list[Stamp]
    first_ns: int = 0
    """When the first request had been read ..."""
    last_ns: int = 0
    """... and the last answer was sent."""


class Sums(msgspec.Struct, frozen=True):
    """The line of fetch --summary."""

    summary: int
    errors: dict[str, int]
    bytes: int
    crc32: int
    elapsed_s: float


def urls(cell: Cell, *, quick: bool) -> int:
    """Return how many URLs a client gets in a cell."""
    if not cell.delay_ms:
        return URLS_QUICK if quick else URLS
    return max(URLS_LEAST, round(STEADY_S * cell.concurrency * 1000 / cell.delay_ms))


@lru_cache(maxsize=1024)
def _crc32(number: int, size: int) -> int:
    """Return the crc32 of the origin's body for a number."""
    return zlib.crc32(body(number, size))


@lru_cache(maxsize=16)
def expected(count: int, size: int) -> Sums:
    """Return the sums of a client that got every answer right: bodies repeat modulo 256."""
    total = sum(_crc32(number % 256, size) for number in range(count))
    return Sums(
        summary=count, errors={"ok": count}, bytes=count * size, crc32=total % 2**64, elapsed_s=0.0
    )


def run(job: Job, bench: Bench, *, quick: bool) -> list[Sample]:
    """Do the job for its one cell: samples, or one void sample where the contestant failed."""
    if job.burden and job.implementation.run:
        return job.void("it has its own launcher")
    (cell,) = job.cells
    count = urls(cell, quick=quick)
    begin_ns = time.monotonic_ns()
    with launch.listener() as listener:
        port = listener.getsockname()[1]
        words = ["origin", "--fd", str(listener.fileno()), "--requests", str(count)]
        words += [
            "--delay-ms",
            str(cell.delay_ms),
            "--body-bytes",
            str(cell.size),
            "--stamps",
            str(STAMPS),
        ]
        with bench.gauge(words, fds=[listener.fileno()], stdin=subprocess.PIPE) as origin:
            listener.close()
            fault = _client(job, bench, port, count, origin)
            if fault:
                origin.stdin.close()
            service = gauge_line(origin, Service)
    if fault:
        return job.void(fault)
    bench.ledger.add("starts_s", (service.first_ns - begin_ns) / 1e9)
    bench.ledger.add("slices_s", (service.last_ns - service.first_ns) / 1e9)
    return _samples(job, cell, service)


def _client(job: Job, bench: Bench, port: int, count: int, origin: launch.Child) -> str:
    """Run the client to its end; return what was wrong, or nothing.

    It starts while the origin still does, on another core: the listener is there, and whoever
    connects early waits in its queue. That is before the first stamp.
    """
    (cell,) = job.cells
    listing = bench.folder / "urls"
    listing.write_text("".join(f"http://127.0.0.1:{port}/{number}\n" for number in range(count)))
    words = [
        *launch.command(job.implementation, "fetch"),
        *job.burden,
        "--summary",
        "--limit",
        str(cell.concurrency),
    ]
    stderr = bench.folder / f"{job.alias}.fetch.stderr"
    with (
        listing.open("rb") as stdin,
        launch.start(words, stderr=stderr, core=bench.server_core, stdin=stdin) as child,
    ):
        tell(origin, f"pid {child.pid}")
        origin.ready()
        try:
            text = child.line(CLIENT_S)
            status = child.wait(5.0)
        except TimeoutError:
            return f"it had not ended after {CLIENT_S:g} s"
        if text is None or status != 0:
            said = child.last_line()[:300]
            return f"it ended with status {status}" + (f": {said}" if said else "")
    try:
        sums = msgspec.json.decode(text, type=Sums)
    except msgspec.DecodeError as error:
        return f"its summary is not as SPEC.md says: {error}"
    wanted = expected(count, cell.size)
    if (sums.summary, sums.errors, sums.bytes, sums.crc32) != (
        count,
        wanted.errors,
        wanted.bytes,
        wanted.crc32,
    ):
        right = msgspec.json.encode(wanted).decode()
        return f"its sums are wrong: {text[:200]}; expected {right}"
    return ""


def _samples(job: Job, cell: Cell, service: Service) -> list[Sample]:
    """Make a sample of every interval between two stamps, the first and last tenth left out."""
    if service.errors:
        return job.void(f"the origin got {service.errors} bad requests")
    # The first stamp is the first request's: what comes before the second is the start.
    inner = [stamp for stamp in service.stamps[1:] if stamp.requests < service.requests]
    if any(stamp.client_cpu_ns is None for stamp in inner):
        return job.void("it was gone before its clocks could be read")
    pairs = list(pairwise(inner))
    return [
        _sample(job, cell, index, len(pairs), before, after)
        for index, (before, after) in enumerate(pairs)
    ]


def _sample(job: Job, cell: Cell, index: int, of: int, before: Stamp, after: Stamp) -> Sample:
    """Return the differences between two stamps."""
    return Sample(
        block=job.block,
        implementation=job.alias,
        workload="fetch",
        cell=cell.name,
        index=index,
        of=of,
        started_ns=before.time_ns,
        wall_ns=after.time_ns - before.time_ns,
        messages=after.requests - before.requests,
        child_cpu_ns=(after.client_cpu_ns or 0) - (before.client_cpu_ns or 0),
        child_wait_ns=(after.client_wait_ns or 0) - (before.client_wait_ns or 0),
        child_faults=(after.client_faults or 0) - (before.client_faults or 0),
        gauge_cpu_ns=after.origin_cpu_ns - before.origin_cpu_ns,
        gauge_wait_ns=after.origin_wait_ns - before.origin_wait_ns,
        gauge_busy=after.busy,
    )
