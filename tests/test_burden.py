"""burden: what the launcher puts on a process slows it down, and ends nothing.

Stalls and burning share their timer, whose signal is what could do harm.
"""

from __future__ import annotations

import json
import signal
import socket
import time
from typing import TYPE_CHECKING

import pytest

from harness import launch, plan
from harness.measure.scenarios.origin import Origin

if TYPE_CHECKING:
    from pathlib import Path

    from harness.model import Implementation, Workload

ALL = [one for one in plan.discover() if not one.run and not one.cannot_run]
STALLS = ("--stall-s", "0.002", "--stall-every-s", "0.005")
URLS = 200


def each(workload: Workload) -> pytest.MarkDecorator:
    """Return the mark that makes a test of everyone who has a workload."""
    having = [one for one in ALL if workload in one.workloads]
    return pytest.mark.parametrize("one", having, ids=lambda one: one.name)


@each("echo")
def test_echo_serves_on(one: Implementation, tmp_path: Path) -> None:
    """A timer's signal is no SIGTERM: after twenty of them it answers, and then drains."""
    with launch.listener() as listener:
        words = [*launch.command(one, "echo"), "--fd", str(listener.fileno()), *STALLS]
        starting = launch.start(words, stderr=tmp_path / "e", fds=[listener.fileno()])
        with starting as child, socket.socket() as peer:
            child.ready()
            peer.settimeout(10.0)
            peer.connect(listener.getsockname())
            end = time.monotonic() + 0.1
            while time.monotonic() < end:
                peer.sendall(b"still there?")
                assert peer.recv(100) == b"still there?"
            peer.close()
            child.signal(signal.SIGTERM)
            assert child.wait(10.0) == 0
            assert child.stderr() == b""


@each("fetch")
def test_fetch_goes_on(one: Implementation, tmp_path: Path) -> None:
    """A timer's signal cancels nothing: every URL has its answer."""
    with Origin(URLS) as origin:
        urls = [f"http://127.0.0.1:{origin.port}/{number}" for number in range(URLS)]
        words = [*launch.command(one, "fetch"), *STALLS, *urls]
        with launch.start(words, stderr=tmp_path / "e") as child:
            origin.attend(child)
            origin.until(lambda: origin.stdout.count(b"\n") == URLS, "the last line", 20.0)
            assert child.wait(10.0) == 0
        assert {json.loads(line)["error"] for line in origin.stdout.splitlines()} == {None}
