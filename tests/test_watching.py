"""check --watch: a run a change, never two at once, and Ctrl-C ends it cleanly."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import psutil
import pytest
from command_line import run

from harness import plan, template, watched
from harness.launch import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE_S = 120.0
CASES = ("--case", "E01.1", "--case", "E10.1")


def test_what_changed_is_named(tmp_path: Path) -> None:
    """Written, new and gone; what nobody edits is not looked at."""
    for name in ("echo.py", "gone.py", "same.py"):
        (tmp_path / name).write_text("1")
    before = watched.state([tmp_path])
    (tmp_path / "echo.py").write_text("12")
    (tmp_path / "gone.py").unlink()
    (tmp_path / "inner").mkdir()
    for name in ("inner/new.py", ".echo.py.swp", "echo.py~"):
        (tmp_path / name).write_text("1")
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "echo.pyc").write_text("1")
    assert watched.changed(before, watched.state([tmp_path])) == ["echo.py", "gone.py", "new.py"]


def test_a_file_of_the_same_size_and_another_in_its_place_are_seen(tmp_path: Path) -> None:
    """A time that moved, and an inode that an editor's rename has brought."""
    file, other = tmp_path / "echo.py", tmp_path / "other"
    for each in (file, other):
        each.write_text("1")
        os.utime(each, (1, 1))
    before = watched.state([tmp_path])
    os.utime(file, (1, 2))
    assert watched.changed(before, watched.state([tmp_path])) == ["echo.py"]
    os.utime(file, (1, 1))
    assert watched.changed(before, watched.state([tmp_path])) == []
    other.rename(file)
    assert "echo.py" in watched.changed(before, watched.state([tmp_path]))


def test_a_write_in_two_steps_is_one_change(tmp_path: Path) -> None:
    """Emptied, then written: it has come to rest before anybody is told."""
    file = tmp_path / "echo.py"
    file.write_text("before")
    before = watched.state([tmp_path])
    steps = iter(["", "half", "whole text"])

    def sleep(_seconds: float) -> None:
        if (content := next(steps, None)) is not None:
            file.write_text(content)

    after = watched.wait([tmp_path], before, sleep)
    assert file.read_text() == "whole text"
    assert after == watched.state([tmp_path])


def test_a_folder_that_is_gone_has_changed(tmp_path: Path) -> None:
    """Its files are, and that is no error."""
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "echo.py").write_text("1")
    before = watched.state([mine])
    shutil.rmtree(mine)
    assert watched.changed(before, watched.state([mine])) == ["echo.py"]


@pytest.mark.parametrize(
    "words", [[], ["all"], ["trio", "curio"], ["trio", "--json", "x"], ["trio", "--run", "x"]]
)
def test_it_watches_one_and_writes_nothing(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """None, several, or a file to write: one sentence, status 2."""
    done = run(capsys, monkeypatch, "check", "--watch", *words)
    assert done.status == 2
    assert done.stderr.startswith("evenloop: --watch takes the NAME of one implementation")
    assert len(done.stderr.splitlines()) == 1


def test_who_is_not_there_is_told_at_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong name is a mistake, not something to wait for."""
    done = run(capsys, monkeypatch, "check", "--watch", "asincio")
    assert done.status == 2
    assert "did you mean asyncio" in done.stderr


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """Return the folder of a new implementation, from the template for coroutines."""
    return template.write("mine", "coroutine", tmp_path / "own")


class Watching:
    """A watch that goes on, and what it says on a pipe or a terminal."""

    def __init__(self, folder: Path, *, terminal: bool) -> None:
        """Start it."""
        ours, theirs = pty.openpty() if terminal else os.pipe()
        self.output = ours
        self.said = ""
        words = ["check", "mine", "--from", str(folder.parent), "--watch", *CASES]
        env = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "LINES": "24"}
        self.process = psutil.Popen(
            [sys.executable, "-m", "harness", *words],
            cwd=ROOT, stdout=theirs, stderr=subprocess.PIPE, env=env, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)

    def until(self, pattern: str) -> re.Match[str]:
        """Read on until what is said has a match; what comes before it is forgotten."""
        deadline = time.monotonic() + PATIENCE_S
        while not (match := re.search(pattern, self.said)):
            if not select.select([self.output], [], [], deadline - time.monotonic())[0]:
                pytest.fail(f"{pattern!r} was not said: {self.said!r}")
            self.said += self.more()
        self.said = self.said[match.end() :]
        return match

    def more(self) -> str:
        """Return what is there to read."""
        try:
            return os.read(self.output, 65536).decode("utf-8", "replace")
        except OSError:  # how a terminal says that nobody is left on the other side
            return ""

    def runs(self) -> int:
        """Return how many runs go on: each has a process that measures lateness."""
        count = 0
        for child in self.process.children():
            with suppress(psutil.Error):  # it has ended meanwhile
                count += "harness.check.control" in child.cmdline()
        return count

    def end(self) -> tuple[int, str]:
        """Send Ctrl-C; return the status, and what it wrote to stderr."""
        children = self.process.children(recursive=True)
        self.process.send_signal(signal.SIGINT)
        _, stderr = self.process.communicate(timeout=30)
        _, left = psutil.wait_procs(children, timeout=10)
        assert not left
        return self.process.returncode, stderr.decode()


@pytest.fixture
def watching(mine: Path, request: pytest.FixtureRequest) -> Iterator[Watching]:
    """Start a watch, on a terminal or on a pipe; it is gone after."""
    found = Watching(mine, terminal=getattr(request, "param", False))
    try:
        yield found
    finally:
        if found.process.poll() is None:
            found.process.kill()
        found.process.wait()
        if found.process.stderr:
            found.process.stderr.close()
        os.close(found.output)


def test_a_line_a_change(watching: Watching, mine: Path) -> None:
    """Red, then green as it is filled in, then a mistake that is shown and waited out."""
    watching.until(r"^2 of 4 clauses hold; FAIL: E10 E14\n")
    whole = (plan.IN_TREE / "asyncio" / "echo.py").read_text("utf-8")
    (mine / "echo.py").write_text(whole, "utf-8")
    watching.until(r"^echo\.py changed: 4 of 4 clauses hold; now green: E10 E14\n")
    meta = (mine / "meta.toml").read_text("utf-8")
    (mine / "meta.toml").write_text("title = ", "utf-8")
    watching.until(r"^meta\.toml changed: .*meta\.toml: not valid TOML: .*\n")
    (mine / "meta.toml").write_text(meta, "utf-8")
    watching.until(r"^meta\.toml changed: 4 of 4 clauses hold\n")
    (mine / "echo.py").write_text("def serve(", "utf-8")
    watching.until(r"^echo\.py changed: 0 of 4 clauses hold; no longer: E01 E10.*FAIL: E01 E10.*\n")
    assert watching.end() == (0, "")
    assert watching.said + watching.more() == ""


def test_a_change_in_the_middle_begins_anew(watching: Watching, mine: Path) -> None:
    """The run that has become worthless ends before the next begins: there are never two."""
    watching.until(r"FAIL: E10 E14\n")
    broken = (mine / "echo.py").read_text("utf-8")
    for number in range(4):
        (mine / "echo.py").write_text(f"{broken}\n# {number}\n", "utf-8")
        deadline = time.monotonic() + 20
        while not (most := watching.runs()) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert most == 1
    whole = (plan.IN_TREE / "asyncio" / "echo.py").read_text("utf-8")
    (mine / "echo.py").write_text(whole, "utf-8")
    deadline = time.monotonic() + PATIENCE_S
    while "now green: E10" not in watching.said and time.monotonic() < deadline:
        assert watching.runs() <= 1
        if select.select([watching.output], [], [], 0.01)[0]:
            watching.said += watching.more()
    assert re.search(r"^echo\.py changed: 4 of 4 clauses hold", watching.said, re.MULTILINE)
    assert watching.end() == (0, "")


@pytest.mark.parametrize("watching", [True], indirect=True)
def test_a_terminal_gets_a_board_that_is_drawn_anew(watching: Watching, mine: Path) -> None:
    """Each clause with its sign and its colour, and what goes on; green once it is filled in."""
    watching.until(r"\x1b\[32m✓E01")
    watching.until(r"\x1b\[1;31m✗E10")
    watching.until("Ctrl-C ends; waiting for a change in")
    whole = (plan.IN_TREE / "asyncio" / "echo.py").read_text("utf-8")
    (mine / "echo.py").write_text(whole, "utf-8")
    watching.until("4 of 4 cases played")
    watching.until("4 of 4 clauses hold; now green: E10 E14")
    watching.until("Ctrl-C ends; waiting")
    assert watching.end() == (0, "")
    assert "\x1b[?25h" in watching.said + watching.more(), "the cursor is back"
