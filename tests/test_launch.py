"""launch: a child starts clean, says READY or why not, and never outlives the block."""

import os
import select
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from harness import launch


def python(code: str) -> list[str]:
    """Return a command that runs a few lines of Python."""
    return [sys.executable, "-c", textwrap.dedent(code)]


def gone(pid: int) -> bool:
    """Tell whether a process has ended (a zombie has)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_ready_and_lines(tmp_path: Path) -> None:
    """READY is waited for, further lines come one by one, then None."""
    with launch.start(
        python("print('READY', flush=True); print('one'); print('two', end='')"),
        stderr=tmp_path / "e",
    ) as child:
        child.ready()
        assert [child.line(5), child.line(5), child.line(5)] == ["one", "two", None]
        assert child.wait(5) == 0


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("raise SystemExit('no such thing')", ["status 1", "no such thing"]),
        ("print('HELLO', flush=True); import time; time.sleep(60)", ["'HELLO'", "READY"]),
        ("import time; time.sleep(60)", ["never said READY", "0.5 s"]),
    ],
)
def test_not_ready_has_its_reason(tmp_path: Path, code: str, words: list[str]) -> None:
    """A child that ends, says something else or nothing is told in one sentence, and is gone."""
    with (
        launch.start(python(code), stderr=tmp_path / "e") as child,
        pytest.raises(launch.NotReadyError) as caught,
    ):
        child.ready(5 if "sleep" not in code or "HELLO" in code else 0.5)
    for word in words:
        assert word in str(caught.value)
    assert gone(child.pid)


def test_a_command_that_is_none(tmp_path: Path) -> None:
    """A program that does not exist is a reason, no traceback."""
    with (
        pytest.raises(launch.NotReadyError, match="cannot start"),
        launch.start(["/no/such/program"], stderr=tmp_path / "e"),
    ):
        pass


def test_the_group_goes_with_the_child(tmp_path: Path) -> None:
    """What the child itself started is killed with it."""
    code = """
    import subprocess, sys
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    print(child.pid, flush=True)
    child.wait()
    """
    with launch.start(python(code), stderr=tmp_path / "e") as child:
        line = child.line(10)
        assert line is not None
        grandchild = int(line)
    assert gone(child.pid)
    assert gone(grandchild) or not _lives_on(grandchild)


def _lives_on(pid: int) -> bool:
    """Wait for a killed process whose parent is gone to be reaped by init; bounded."""
    deadline = time.monotonic() + 10
    while not gone(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not gone(pid)


def test_children_die_with_the_harness(tmp_path: Path) -> None:
    """A kill -9 of the process that started a child kills the child too."""
    code = f"""
    import sys, time
    from pathlib import Path
    from harness import launch
    words = [sys.executable, "-c", "import time; time.sleep(60)"]
    with launch.start(words, stderr=Path({str(tmp_path / "e")!r})) as child:
        print(child.pid, flush=True)
        time.sleep(60)
    """
    harness = subprocess.Popen(python(code), stdout=subprocess.PIPE, cwd=launch.ROOT)
    assert harness.stdout is not None
    with harness.stdout:
        child = int(harness.stdout.readline())
        handle = os.pidfd_open(child)
        harness.send_signal(signal.SIGKILL)
        harness.wait()
    try:
        assert select.select([handle], [], [], 10)[0], "the child lives on"
    finally:
        os.close(handle)


def test_the_environment_is_clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that tunes an interpreter or a framework reaches a child."""
    for name in ("PYTHONDEVMODE", "GEVENT_LOOP", "UV_THREADPOOL_SIZE", "LD_BIND_NOW", "EVENLOOP_X"):
        monkeypatch.setenv(name, "1")
    with launch.start(
        python("import os; print(sorted(os.environ))"), stderr=tmp_path / "e"
    ) as child:
        names = set(eval(child.line(10) or "[]"))
    assert names <= {"PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "LC_CTYPE"}


def test_limits_and_core(tmp_path: Path) -> None:
    """The descriptor limit and the core are as asked; a flood on stderr has an end."""
    core = min(os.sched_getaffinity(0))
    code = """
    import os, resource, sys
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    print(soft, sorted(os.sched_getaffinity(0)), resource.getrlimit(resource.RLIMIT_FSIZE)[0])
    """
    with launch.start(python(code), stderr=tmp_path / "e", open_files=64, core=core) as child:
        assert child.line(10) == f"64 [{core}] {launch.STDERR_MAX}"


def test_the_listener_is_the_same_for_all() -> None:
    """TCP_NODELAY and buffer sizes are set on the listener, and accepted sockets inherit them."""
    with launch.listener(send_buffer=32768) as listener:
        with socket.create_connection(listener.getsockname()) as peer:
            accepted, _ = listener.accept()
            with accepted:
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
                assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) == 65536
            assert peer.fileno() > 0
        assert listener.getblocking()


def test_a_child_has_no_signal_blocked(tmp_path: Path) -> None:
    """What shields the fork does not reach the child: it can be ended as ever."""
    code = "import signal; print(sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())))"
    with launch.start([sys.executable, "-c", code], stderr=tmp_path / "stderr") as child:
        assert child.line(10) == "[]"
