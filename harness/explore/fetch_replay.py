"""Plays a fetch trace: an origin that answers each URL as the trace says, and one fetch.

Rules: it says what was seen, by the lines that fetch wrote and by the requests that came. What it
makes of them is in words that no race changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.check.case import Failure, Late
from harness.check.origin import Origin, Step
from harness.explore import fetch_model
from harness.explore.observation import Mark
from harness.explore.reading import answered
from harness.explore.trace import DOORS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.check.client import Client, Line
    from harness.check.origin import Request
    from harness.check.stage import Stage
    from harness.explore.trace import FetchTrace, Reply

DEADLINE_S = 3.0  # every reply ends by itself; this ends what waits for more all the same
END_S = 2.0  # from then on, for a fetch that ends
STEPS = {"READ": Step.READ, "ACKED": Step.ACKED, "FIN": Step.FIN, "RST": Step.RST}


class Play:
    """One play of a trace."""

    def __init__(self, trace: FetchTrace, stage: Stage) -> None:
        """Prepare to answer."""
        self.trace = trace
        self.stage = stage
        self.before: dict[Request, int] = {}
        """Bytes that its connection had sent when the request came."""
        self.unanswered: set[Request] = set()
        self.most = 0
        """Requests at once whose last byte had not been sent."""

    def number(self, request: Request) -> int:
        """Return which URL a request asks for."""
        return int(request.target.strip("/"))

    def answer(self, request: Request) -> Iterator[bytes | float | Step]:
        """Return the script for a request."""
        self.before[request] = request.connection.sent
        self.unanswered.add(request)
        self.most = max(self.most, len(self.unanswered))
        return self._script(request, self.trace.replies[self.number(request)])

    def _script(self, request: Request, reply: Reply) -> Iterator[bytes | float | Step]:
        """Yield the steps of a reply; it is answered when the kernel has all its bytes."""
        sends = [at for at, act in enumerate(reply.acts) if act.do == "send"]
        last = sends[-1] if sends else -1
        for at, act in enumerate(reply.acts):
            if at > last:
                self.unanswered.discard(request)
            if act.do == "send":
                if at == last:  # the client may ask for more before we are told that it is sent
                    self.unanswered.discard(request)
                yield act.raw
            elif act.do == "wait":
                yield float(act.s)
            else:
                yield STEPS[act.do]

    def tries(self, number: int, requests: list[Request]) -> str:
        """Say whether a URL was asked for as often as it must be (F14)."""
        if not requests:
            return fetch_model.NEVER
        first, *more = requests
        reply = self.trace.replies[number]
        if not more:
            silent = reply.acts[:1] and reply.acts[0].do in ("FIN", "RST")
            return fetch_model.ONCE if first.number > 1 and silent else fetch_model.ASKED
        begun = first is self._last(first) and first.connection.sent > self.before[first]
        wrong = {
            f"asked for {len(requests)} times": len(more) > 1,
            "tried again though the first connection was new": first.number == 1,
            "tried again on a used connection": more[0].number > 1,
            "tried again though bytes of an answer had come": begun and not reply.unread,
        }
        return next((text for text, seen in wrong.items() if seen), fetch_model.ASKED)

    @staticmethod
    def _last(request: Request) -> Request:
        return request.connection.requests[-1]

    def marks(self, origin: Origin, client: Client, urls: list[str]) -> Iterator[Mark]:
        """Yield what was seen, once fetch has ended."""
        lines: dict[int, Line] = {line.index: line for line in client.lines}
        for number in range(len(urls)):
            line = lines.get(number)
            yield Mark(fetch_model.url(number), _shown(line) if line else "no line")
        for number in range(len(urls)):
            requests = [one for one in origin.requests if self.number(one) == number]
            yield Mark(fetch_model.requests(number), self.tries(number, requests))
            used = any(one is not self._last(one) for one in requests)
            yield Mark(fetch_model.after(number), fetch_model.USED if used else fetch_model.UNUSED)
        doors = [sum(c.door == door for c in origin.connections) for door in range(DOORS)]
        yield Mark("connections", "more" if max(doors) > self.trace.limit else "as few as needed")
        yield Mark("in flight", "more" if self.most > self.trace.limit else "as many as allowed")
        errors = [line.error for line in client.lines if line.error not in (None, "cancelled")]
        yield Mark("first causes", str(len(errors)))
        yield Mark("lines", _one_each(client))


def _one_each(client: Client) -> str:
    try:
        client.by_index()
    except Failure:
        return "not exactly one for each URL"
    return "one for each URL"


def _shown(line: Line) -> str:
    """Say what a line says, without its time."""
    if line.error is not None:
        beside = line.status is line.bytes is line.crc32 is None
        return line.error if beside else f"{line.error}, and an answer beside it"
    return answered(line.status, line.bytes, line.crc32)


def play(trace: FetchTrace, stage: Stage, marks: list[Mark]) -> None:
    """Play a trace and append what was seen, in the order of the model's expectations."""
    options = ["--limit", str(trace.limit), "--deadline-s", f"{stage.within(DEADLINE_S):g}"]
    options += ["--max-bytes", str(trace.max_bytes)] if trace.max_bytes is not None else []
    options += ["--fail-fast"] if trace.fail_fast else []
    one = Play(trace, stage)
    with Origin(stage, one.answer, doors=DOORS) as origin:
        urls = [origin.url(f"/{at}", reply.door) for at, reply in enumerate(trace.replies)]
        longest = DEADLINE_S * -(-len(urls) // trace.limit) + END_S
        with stage.fetch(urls, *options) as client:
            try:
                status = str(origin.serve(client, longest))
            except Late as late:
                stage.note(str(late))
                status = "none: it runs on"
            except Failure as failure:
                stage.note(str(failure))
                status = "no end, or a line that is none"
            marks.extend(one.marks(origin, client, urls))
            marks.append(Mark("exit status", status))
