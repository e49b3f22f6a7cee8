"""Row `wrk`: the native fetch client against `wrk -t1`, on the same servers, turn by turn.

Rules: both ask for the same URL over the same number of connections, on the same core, and are
counted the same way: requests over the time that each says it took, CPU by getrusage of the ended
process less what the program takes to start. The gauge's client checks every body while it is
timed; wrk does not.
"""

from __future__ import annotations

import math
import random
import re
import resource
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Self

import msgspec
import psutil

from harness import contrast, launch, machine, stats, units
from harness.measure import cells, fetch
from harness.measure.job import gauge_line
from harness.model import HarnessError
from harness.proof.row import Reached
from harness.proven import Figure

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from harness.proof.row import Setting

CONNECTIONS = (10, 100)
RATE_LEAST = 1.25
CPU_MOST = 0.85
WRK_S = 1  # wrk takes whole seconds
REQUESTS = 50_000  # about a second of the gauge's client
CLIENT_S = 60.0  # the longest that a client may take
NGINX_PLACES = "/usr/sbin:/usr/local/sbin"  # not on everybody's PATH

NGINX = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.error;
events {{ worker_connections 512; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{ listen 127.0.0.1:{port}; location / {{ return 200 "{body}"; }} }}
}}
"""


@dataclass(frozen=True, slots=True)
class Turn:
    """What one client reached in one block against one server."""

    block: int
    server: str
    connections: int
    client: str
    requests: int
    wall_s: float
    cpu_s: float
    """Of the client, its start left out."""
    kernel_s: float
    """What of that was spent in the kernel."""
    server_busy: float | None = None
    """Share of the time in which the server had something to do; None where nobody looked."""


def parse(text: str) -> tuple[int, float]:
    """Return requests and seconds from what wrk prints. Raises ValueError for errors in it."""
    count = re.search(r"^\s*(\d+) requests in ", text, re.MULTILINE)
    rate = re.search(r"^Requests/sec:\s+([\d.]+)", text, re.MULTILINE)
    if count is None or rate is None:
        raise ValueError("it printed no rate")
    wrong = re.search(r"^\s*(Socket errors: .*|Non-2xx.*)$", text, re.MULTILINE)
    if wrong:
        raise ValueError(wrong[1])
    requests, per_s = int(count[1]), float(rate[1])
    if not requests or not per_s:
        raise ValueError("it got no answer")
    return requests, requests / per_s


def figures(turns: Sequence[Turn], seed: int) -> tuple[Figure, ...]:
    """Return the gauge's rate and CPU per request over wrk's, for every server and concurrency."""
    found = []
    for server, connections in sorted({(turn.server, turn.connections) for turn in turns}):
        own = [t for t in turns if (t.server, t.connections) == (server, connections)]
        rates: dict[str, dict[int, float]] = {}
        cpu: dict[str, dict[int, float]] = {}
        for turn in own:
            rates.setdefault(turn.client, {})[turn.block] = math.log(turn.requests / turn.wall_s)
            each_s = max(turn.cpu_s, 1e-6) / turn.requests
            cpu.setdefault(turn.client, {})[turn.block] = math.log(each_s)
        for what, logs, least, most, best in (
            ("rate", rates, RATE_LEAST, None, max),
            ("CPU per request", cpu, None, CPU_MOST, min),
        ):
            label = f"{server} {connections} connections: {what}, gauge over wrk"
            ratio = contrast.ratio(logs, "gauge", "wrk", seed, label)
            if ratio is None:
                continue
            reached = best(contrast.differences(logs, "gauge", "wrk"))
            found.append(
                Figure(
                    what=label,
                    value=ratio.value,
                    unit="x",
                    low=ratio.low,
                    high=ratio.high,
                    least=least,
                    most=most,
                    best=stats.significant(math.exp(reached)),
                )
            )
    return tuple(found)


def _limit(client: float, server: float) -> str:
    """Return who had no rest, of shares of the time in which each was busy."""
    limits = [who for who, busy in (("client", client), ("server", server)) if busy >= units.BUSY]
    return " and ".join(limits) or "nobody alone: each waited for the other"


def causes(turns: Sequence[Turn]) -> tuple[str, ...]:
    """Return what a request cost the client and the server, and whose limit a rate was."""
    found = []
    for server, connections, client in sorted({(t.server, t.connections, t.client) for t in turns}):
        own = [
            t for t in turns if (t.server, t.connections, t.client) == (server, connections, client)
        ]
        rate = stats.median([t.requests / t.wall_s for t in own])
        cost_us = stats.median([t.cpu_s / t.requests * 1e6 for t in own])
        kernel_us = stats.median([t.kernel_s / t.requests * 1e6 for t in own])
        share = stats.median([t.cpu_s / t.wall_s for t in own])
        words = (
            f"{server} {connections} connections: {client} reached {rate:.0f}/s; a request cost "
            f"it {cost_us:.2f} us of CPU, {kernel_us:.2f} in the kernel, {share:.0%} of the time"
        )
        seen = [(t.server_busy, t.wall_s / t.requests) for t in own if t.server_busy is not None]
        if seen:
            busy = stats.median([share for share, _ in seen])
            cost_us = stats.median([share * each_s * 1e6 for share, each_s in seen])
            words += (
                f", and the server {cost_us:.2f} us, {busy:.0%}; the limit was "
                f"{_limit(share, busy)}"
            )
        found.append(words)
    return tuple(found)


class Spent(NamedTuple):
    """CPU seconds of ended children."""

    user_s: float
    kernel_s: float

    @classmethod
    def so_far(cls) -> Self:
        """Return what all ended children have spent."""
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return cls(usage.ru_utime, usage.ru_stime)

    def since(self, before: Spent) -> Spent:
        """Return what was spent after `before`."""
        return Spent(self.user_s - before.user_s, self.kernel_s - before.kernel_s)


class _Clients:
    """Starts either client, and knows what its mere start costs."""

    def __init__(self, setting: Setting) -> None:
        wrk = shutil.which("wrk")
        if wrk is None:
            raise HarnessError("wrk is not on the PATH; install it: apt-get install wrk")
        self._setting = setting
        self._wrk = wrk
        self._gauge = [*launch.command(setting.reference, "fetch"), "--summary"]
        self.by_name = {"gauge": self.gauge, "wrk": self.wrk}

    def wrk(self, port: int, connections: int) -> tuple[int, float, Spent]:
        """Return requests, seconds and CPU of wrk. Raises HarnessError."""
        options = ["-t1", f"-c{connections}", f"-d{WRK_S}s", f"http://127.0.0.1:{port}/1"]
        text, spent = self._once([self._wrk, *options])
        _, start = self._once([self._wrk, "--version"])
        try:
            requests, wall_s = parse(text)
        except ValueError as error:
            raise HarnessError(f"wrk: {error}.") from error
        return requests, wall_s, spent.since(start)

    def gauge(self, port: int, connections: int) -> tuple[int, float, Spent]:
        """Return requests, seconds and CPU of the gauge's client. Raises HarnessError.

        Its start is that of the same program without a URL; reading the URLs stays its own cost.
        """
        words = [*self._gauge, "--limit", str(connections)]
        listing = self._setting.folder / "urls"
        listing.write_text("")
        _, start = self._once(words, listing)
        listing.write_text(f"http://127.0.0.1:{port}/1\n" * REQUESTS)
        text, spent = self._once(words, listing)
        sums = msgspec.json.decode(text, type=fetch.Sums)
        if sums.errors != {"ok": REQUESTS}:
            raise HarnessError(f"the gauge's client failed: {text.strip()[:200]}.")
        return REQUESTS, sums.elapsed_s, spent.since(start)

    def _once(self, words: Sequence[str], stdin: Path | None = None) -> tuple[str, Spent]:
        """Return what a program printed, and its CPU; it is the only child that ends."""
        before = Spent.so_far()
        stderr = self._setting.folder / "client.stderr"
        with (stdin or self._setting.folder / "nothing").open("a+b") as file:
            file.seek(0)
            starting = launch.start(
                words, stderr=stderr, core=self._setting.server_core, stdin=file
            )
            with starting as child:
                text = _all_lines(child)
        return text, Spent.so_far().since(before)


def _all_lines(child: launch.Child) -> str:
    """Return all that a child prints until its end. Raises HarnessError when it goes on and on."""
    lines = []
    try:
        while (line := child.line(CLIENT_S)) is not None:
            lines.append(line)
        child.wait(CLIENT_S)
    except TimeoutError:
        raise HarnessError(f"{child.words[0]} had not ended after {CLIENT_S:g} s.") from None
    return "\n".join(lines)


class _Busy(msgspec.Struct, frozen=True):
    """How busy the origin was at each of its stamps."""

    stamps: list[fetch.Stamp]


@contextmanager
def _origin(setting: Setting, busy: list[float]) -> Iterator[int]:
    """Serve from the gauge's origin; yield the port, and leave in `busy` how busy it was."""
    with launch.listener() as listener:
        words = ["origin", "--fd", str(listener.fileno()), "--requests", str(REQUESTS)]
        words += ["--body-bytes", str(cells.KIB), "--stamps", str(fetch.STAMPS)]
        gauge = setting.bench.gauge(words, fds=[listener.fileno()], stdin=subprocess.PIPE)
        port = listener.getsockname()[1]
        with gauge as origin:
            origin.ready()
            listener.close()
            yield port
            origin.stdin.close()
            stamps = gauge_line(origin, _Busy).stamps
            busy += [stamp.busy for stamp in stamps if stamp.requests > 0]


@contextmanager
def _nginx(setting: Setting, program: str, spent_s: list[float]) -> Iterator[int]:
    """Serve a body of the same size from nginx, on the gauge's core; yield the port.

    Leaves in `spent_s` the CPU seconds that it took for the length of the block.
    """
    with launch.listener() as listener:
        port = listener.getsockname()[1]
    config = setting.folder / "nginx.conf"
    config.write_text(NGINX.format(folder=setting.folder, port=port, body="x" * cells.KIB))
    words = [program, "-p", str(setting.folder), "-e", f"{setting.folder}/nginx.error"]
    words += ["-c", str(config)]
    stderr = setting.folder / "nginx.stderr"
    with launch.start(words, stderr=stderr, core=setting.gauge_core) as child:
        deadline = time.monotonic() + launch.READY_S
        while not _listens(port):
            if child.process.poll() is not None or time.monotonic() > deadline:
                raise HarnessError(f"nginx does not serve: {child.stderr().decode()[-200:]}")
            time.sleep(0.02)
        nginx = psutil.Process(child.pid)
        before = nginx.cpu_times()
        yield port
        after = nginx.cpu_times()
        spent_s.append(after.user - before.user + after.system - before.system)


def _listens(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


def _turn(setting: Setting, clients: _Clients, turn: tuple[int, str, int, str], nginx: str) -> Turn:
    """Let one client load one fresh server."""
    _, server, connections, client = turn
    found: list[float] = []
    serving = _nginx(setting, nginx, found) if server == "nginx" else _origin(setting, found)
    with serving as port:
        requests, wall_s, spent = clients.by_name[client](port, connections)
    server_busy = stats.median(found) if found else None
    if server == "nginx":
        server_busy = found[0] / wall_s
    return Turn(*turn, requests, wall_s, spent.user_s + spent.kernel_s, spent.kernel_s, server_busy)


def run(setting: Setting) -> Reached:
    """Let both clients take turns, in random order within a block."""
    clients = _Clients(setting)
    nginx = shutil.which("nginx") or shutil.which("nginx", path=NGINX_PLACES) or ""
    servers = ("origin", "nginx") if nginx else ("origin",)
    turns = []
    order = random.Random(setting.seed)  # noqa: S311  an order, not a secret
    for block in range(setting.blocks):
        setting.say(f"wrk: block {block + 1} of {setting.blocks}")
        left = [(block, s, n, c) for s in servers for n in CONNECTIONS for c in clients.by_name]
        order.shuffle(left)
        with machine.pinned(setting.gauge_core):
            turns += [_turn(setting, clients, one, nginx) for one in left]
    absent = () if nginx else ("nginx is not installed: the origin alone was the server",)
    return Reached(
        figures=figures(turns, setting.seed),
        notes=(
            f"{setting.blocks} blocks, both clients in turn on core {setting.server_core}",
            *absent,
        ),
        causes=causes(turns),
    )
