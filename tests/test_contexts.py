"""contextvars: marks tell whose state is seen where, whatever the implementation is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from test_scenarios import bench, program

from harness import launch, plan
from harness.measure.scenarios import contexts
from harness.measure.scenarios.contexts import Found, Life, Step, judge
from harness.measure.scenarios.scenario import OWN_LAUNCHER, Failed, play

if TYPE_CHECKING:
    from pathlib import Path

    from harness.model import Implementation

ALL = [
    one for one in plan.discover() if not one.run and not one.cannot_run and "echo" in one.workloads
]

THREADS = """
import threading

def serve(listener, options, ready):
    threading.Thread(target=accept, args=(listener,), daemon=True).start()
    ready()
    threading.Event().wait()

def accept(listener):
    while True:
        peer, _ = listener.accept()
        threading.Thread(target=echo, args=(peer,), daemon=True).start()

def echo(peer):
    with peer:
        while data := receive(peer):
            send(peer, data)
        ended(peer)

def receive(peer):
    return peer.recv(4096)

def send(peer, data):
    peer.sendall(data)

def ended(peer):
    pass
"""
LOOP = """
import contextvars, functools, selectors

def serve(listener, options, ready):
    loop = selectors.DefaultSelector()
    loop.register(listener, selectors.EVENT_READ, accepted)
    ready()
    while True:
        for key, _ in loop.select():
            key.data(loop, key.fileobj)

def accepted(loop, listener):
    peer, _ = listener.accept()
    loop.register(peer, selectors.EVENT_READ, RECEIVED)

def received(loop, peer):
    data = peer.recv(4096)
    if data:
        peer.sendall(data)
    else:
        loop.unregister(peer)
        peer.close()

"""
LEAKS = f"{LOOP}RECEIVED = received"
LOSES = f"""{LOOP}
def RECEIVED(loop, peer):
    contextvars.Context().run(received, loop, peer)
"""
CARRIES = """
    context = contextvars.Context()
    context.run(made, peer)
    loop.register(peer, selectors.EVENT_READ, functools.partial(context.run, received))

def made(peer):
    pass
"""
CARRIES = LOOP.replace("    loop.register(peer, selectors.EVENT_READ, RECEIVED)\n", CARRIES)


def seen(one: Implementation, folder: Path) -> dict[str, float]:
    """Return what the scenario tells of an implementation."""
    given = play(contexts.SCENARIO, one, bench(folder))
    assert not [trait.error for trait in given if trait.error]
    return {trait.figure: trait.value for trait in given}


def test_a_thread_has_its_own(tmp_path: Path) -> None:
    """Set where the connection's thread begins it is seen at each step, and nowhere else."""
    found = seen(program(tmp_path, THREADS), tmp_path)
    assert (found["seen_share"], found["leaked_share"]) == (1.0, 0.0)
    # send() and receive() for each message, and the end; the first receive() came with the accept.
    assert found["steps"] == contexts.CONNECTIONS * (2 * contexts.ROUNDS + 1)


def test_one_loop_has_one_for_all(tmp_path: Path) -> None:
    """Callbacks without a context of their own see what was set for every connection."""
    found = seen(program(tmp_path, LEAKS), tmp_path)
    assert found["seen_share"] == 1.0
    assert found["leaked_share"] > 0.5


def test_an_empty_context_each_time_loses_it(tmp_path: Path) -> None:
    """What was set at accept is gone in the half of all steps that runs in an empty one."""
    found = seen(program(tmp_path, LOSES), tmp_path)
    assert 0.3 < found["seen_share"] < 0.7


def test_who_carries_a_context_keeps_it(tmp_path: Path) -> None:
    """The same loop with a context for each connection: its own state, and no neighbour's."""
    found = seen(program(tmp_path, CARRIES), tmp_path)
    assert (found["seen_share"], found["leaked_share"]) == (1.0, 0.0)


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)
def test_it_is_told_of_everyone(one: Implementation, tmp_path: Path) -> None:
    """Each implementation of the tree has its steps, whatever it is made of."""
    found = seen(one, tmp_path)
    assert found["steps"] >= contexts.CONNECTIONS * contexts.ROUNDS
    assert 0 < found["seen_share"] <= 1


def test_without_the_option_nothing_is_written(tmp_path: Path) -> None:
    """The launcher's option alone turns it on, and the file is all that it touches."""
    one = program(tmp_path, THREADS)
    with launch.listener() as listener:
        words = [*launch.command(one, "echo"), "--fd", str(listener.fileno())]
        fds = [listener.fileno()]
        with launch.start(words, stderr=tmp_path / "e", fds=fds) as child:
            child.ready()
        file = tmp_path / "marks"
        words += ["--contextvars", str(file)]
        with launch.start(words, stderr=tmp_path / "e", fds=fds) as child:
            child.ready()
            assert child.stderr() == b""
    assert file.read_text().splitlines()
    assert {line.split()[0].count(".") for line in file.read_text().splitlines()} == {1}


def test_who_has_a_launcher_of_its_own_says_so(tmp_path: Path) -> None:
    """Nothing is started then."""
    first, _ = play(contexts.SCENARIO, program(tmp_path, "", run=("/nowhere",)), bench(tmp_path))
    assert first.error == OWN_LAUNCHER


def test_who_answers_wrongly_says_so(tmp_path: Path) -> None:
    """A connection that ends before its answer is a reason, not an exception."""
    silent = THREADS.replace("while data := receive(peer):", "if data := receive(peer)[:0]:")
    first, *_ = play(contexts.SCENARIO, program(tmp_path, silent), bench(tmp_path))
    assert "ended a connection before it had answered" in first.error


def step(mark: str, *sees: str, thread: str = "1") -> Step:
    """Return a step."""
    return Step(thread, mark, frozenset(sees))


def test_the_best_place_at_the_accept_counts() -> None:
    """A mark of the accept loop is seen by all; that of the connection's first step is its own."""
    one = Life([step("loop1"), step("a", "loop1")], [step("x", "loop1", "a")], [])
    two = Life([step("loop2", "loop1"), step("b", "loop1", "loop2")], [step("y", "b", "loop1")], [])
    assert judge([one, two]) == Found(2, 2, 6, 0)


def test_an_end_is_one_step_of_the_threads_that_served() -> None:
    """A loop that takes back what ended hides nothing; another thread's steps are not its own."""
    end = [step("z", thread="2"), step("q"), step("r", "a")]
    life = Life([step("a")], [step("x", "a")], end)
    other = Life([step("b")], [step("y", "b")], [])
    assert judge([life, other]) == Found(3, 3, 7, 0)
    gone = life._replace(end=end[:2])
    assert judge([gone, other]) == Found(3, 2, 6, 0)
    elsewhere = life._replace(end=end[:1])
    assert judge([elsewhere, other]) == Found(2, 2, 5, 0)


def test_nothing_is_said_without_steps() -> None:
    """No step at the accept or none later is no answer."""
    with pytest.raises(Failed, match="without a step of its own code"):
        judge([Life([], [step("x")], [])])
    with pytest.raises(Failed, match="without a step of its own code"):
        judge([Life([step("x")], [], [])])
