"""The chart engine's children draw what this process draws, and never outlive who asked."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from harness.model import HarnessError
from harness.report import engine, svg

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
BARS: dict[str, Any] = {
    "data": {"values": [{"a": "x", "b": 1}, {"a": "y", "b": 2}]},
    "mark": "bar",
    "encoding": {
        "x": {"field": "a", "type": "nominal"},
        "y": {"field": "b", "type": "quantitative"},
    },
}
DRAW = """
import sys, time
from harness.report import engine
engine.prepare()
with engine.engines() as engines:
    print(*(one._process.pid for one in engines._all), flush=True)
    time.sleep(60)
"""


def ended(one: psutil.Process) -> bool:
    """Tell whether a process has ended; who has nobody to bury it has, too."""
    try:
        return bool(one.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


@pytest.fixture(scope="module")
def engines() -> Iterator[engine.Engines]:
    """Return children that are ready to draw, without a bundle to make."""
    former = engine._bundles[:]
    engine._bundles[:] = ["the bundle"]
    with engine.engines() as found:
        yield found
    engine._bundles[:] = former


def test_a_child_draws_what_this_process_draws(engines: engine.Engines) -> None:
    """The same bytes, whichever child it is, once ids count from 0."""
    drawn = [engines.svg(BARS) for _ in range(4)]
    found = {svg.renumbered(one.result(60), "bars") for one in drawn}
    assert found == {svg.renumbered(engine.svg(BARS), "bars")}
    assert "<svg" in found.pop()


def test_what_cannot_be_drawn_is_told_and_hinders_nobody(engines: engine.Engines) -> None:
    """One sentence; the same children draw the next."""
    for _ in range(engine.MANY):
        with pytest.raises(HarnessError, match="the chart engine refused a chart: "):
            engines.svg({"mark": "swim"}).result(60)
    assert "<svg" in engines.svg(BARS).result(60)


def test_the_bundle_is_made_once(engines: engine.Engines) -> None:
    """Children are not asked for what is known."""
    assert engines.bundle() == "the bundle"


def test_a_child_that_ends_is_told() -> None:
    """Killed while it draws: one sentence, and no waiting."""
    one = engine._Engine()

    def drawn() -> str:
        one.ask("svg", BARS)
        return one.answer()

    assert "<svg" in drawn()
    one.kill()
    with pytest.raises(HarnessError, match="the chart engine ended"):
        drawn()
    one.close()


def test_children_end_with_whoever_began_them() -> None:
    """Also where that one is killed and can tell nobody."""
    parent = subprocess.Popen([sys.executable, "-c", DRAW], stdout=subprocess.PIPE, cwd=ROOT)
    assert parent.stdout is not None
    children = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
    assert len(children) == engine.MANY
    parent.kill()
    parent.wait()
    parent.stdout.close()
    until = time.monotonic() + 60
    while not all(map(ended, children)):
        assert time.monotonic() < until, "they live on"
        time.sleep(0.05)
