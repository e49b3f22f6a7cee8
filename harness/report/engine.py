"""The chart engine, in processes of its own: it draws while this one analyses and writes.

Rules: vl-convert holds the interpreter's lock for as long as it draws, so that threads of one
process would only wait for each other; and what ends it (a text that it cannot draw) ends a child.
A child knows no report: it is handed a specification whole and gives a text back. It ends with
whoever started it, however that one ends, for it reads from a pipe that nobody else holds.
"""

from __future__ import annotations

import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Literal, Self

from harness.model import HarnessError

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

VL_VERSION = "6.4"  # of the Vega-Lite that vl-convert draws with
MANY = 2  # children: one makes the bundle at first, which takes as long as half of the drawing

What = Literal["svg", "bundle"]

_bundles: list[str] = []  # at most one: it is made once a process


def svg(spec: dict[str, Any]) -> str:
    """Return a specification as SVG, as vl-convert draws it; here, in this process."""
    import vl_convert  # noqa: PLC0415  with V8 in it

    return vl_convert.vegalite_to_svg(spec, vl_version=VL_VERSION)


def bundle() -> str:
    """Return Vega, Vega-Lite and their embedding as one script; made here where none is yet."""
    import vl_convert  # noqa: PLC0415  with V8 in it

    if not _bundles:
        _bundles.append(vl_convert.javascript_bundle(vl_version=VL_VERSION))  # type: ignore[call-arg]  # its stub lacks a default
    return _bundles[0]


# Drawn before anything is asked for: the first chart takes half a second more than another.
_NOTHING = {"data": {"values": []}, "mark": "point"}
_DOES: dict[What, Callable[..., str]] = {"svg": svg, "bundle": bundle}


def serve(asked: Connection) -> None:
    """Answer until nobody asks any more; what goes wrong is an answer, too."""
    svg(_NOTHING)
    try:
        while True:
            what, arguments = asked.recv()
            try:
                asked.send((True, _DOES[what](*arguments)))
            except ValueError as error:  # vl-convert's own
                asked.send((False, str(error)))
    except (EOFError, OSError):
        return


class _Engine:
    """A child that draws."""

    def __init__(self) -> None:
        here, there = socket.socketpair()
        with there:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(there.fileno())],
                cwd=Path(__file__).parents[2],
                stdin=subprocess.DEVNULL,
                pass_fds=[there.fileno()],
                start_new_session=True,  # Ctrl-C is for who asks
            )
        self._pipe = Connection(here.detach())

    def ask(self, what: What, *arguments: object) -> None:
        """Ask for something; `answer` gives it."""
        try:
            self._pipe.send((what, arguments))
        except OSError as error:
            raise HarnessError(f"the chart engine ended: {error.strerror}.") from error

    def answer(self) -> str:
        """Wait for what was asked first and not yet given. Raises HarnessError."""
        try:
            done, said = self._pipe.recv()
        except (EOFError, OSError) as error:
            raise HarnessError("the chart engine ended while it drew.") from error
        if not done:
            raise HarnessError(f"the chart engine refused a chart: {said}")
        return str(said)

    def kill(self) -> None:
        """End it, whatever it does; what is asked of it fails."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """Let go of the pipe to it."""
        self._pipe.close()


class Engines:
    """Children that draw side by side. What takes long and is always the same begins at once."""

    def __init__(self) -> None:
        """Start them, and let the first make the bundle, where this process has none yet."""
        self._all = [_Engine() for _ in range(MANY)]
        self._idle: SimpleQueue[_Engine] = SimpleQueue()
        self._bundling = None if _bundles else self._all[0]
        if self._bundling:
            self._bundling.ask("bundle")
        for engine in self._all:
            if engine is not self._bundling:
                self._idle.put(engine)
        self._threads = ThreadPoolExecutor(max_workers=MANY)  # has none until it is asked
        self._bundle: Future[None] | None = None

    def __enter__(self) -> Self:
        """Begin to take what is made."""
        if self._bundling:
            self._bundle = self._threads.submit(self._take_bundle, self._bundling)
        return self

    def __exit__(self, *_: object) -> None:
        """End: what is not drawn yet is not drawn any more."""
        for engine in self._all:
            engine.kill()  # first: whoever waits for its answer learns of its end
        self._threads.shutdown(cancel_futures=True)
        for engine in self._all:
            engine.close()

    def svg(self, spec: dict[str, Any]) -> Future[str]:
        """Draw a specification as soon as a child is free. Its result may raise HarnessError."""
        return self._threads.submit(self._draw, spec)

    def bundle(self) -> str:
        """Return the bundle. Raises HarnessError."""
        if self._bundle:
            self._bundle.result()
        return bundle()

    def _draw(self, spec: dict[str, Any]) -> str:
        engine = self._idle.get()
        try:
            engine.ask("svg", spec)
            return engine.answer()
        finally:
            self._idle.put(engine)

    def _take_bundle(self, engine: _Engine) -> None:
        try:
            _bundles.append(engine.answer())
        finally:
            self._idle.put(engine)


_begun: list[Engines] = []  # at most one


def prepare() -> None:
    """Begin: whoever analyses or imports something large before it renders calls this first."""
    if not _begun:
        _begun.append(Engines())


def engines() -> Engines:
    """Return what was begun, for one report."""
    prepare()
    return _begun.pop()


if __name__ == "__main__":
    serve(Connection(int(sys.argv[1])))
