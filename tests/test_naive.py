"""naive.py: each echoes through the real launcher, and says what it is."""

import ast
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from harness import launch, plan
from harness.launch import ROOT
from harness.model import NAIVE, Implementation

ALL = [one for one in plan.discover() if (Path(one.folder) / NAIVE).is_file()]
MESSAGE = bytes(range(256)) * 1024  # 256 KiB: more than anyone reads at once, and any byte

NONE_TAUGHT = {"medusa", "rloop", "stackless", "twisted_inline"}
"""We know of no echo that their documentation teaches."""


def test_every_framework_has_one() -> None:
    """Whoever is started by the shared launcher has a tax row."""
    able = {one.name for one in plan.discover() if not one.run and "echo" in one.workloads}
    assert able - {one.name for one in ALL} <= NONE_TAUGHT


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)
def test_it_echoes(one: Implementation, tmp_path: Path) -> None:
    """What a connection sends comes back whole while it stays open; SIGTERM ends the server."""
    if one.cannot_run:
        pytest.skip(one.cannot_run)
    with launch.listener() as listener:
        words = [*launch.command(one, "echo"), "--naive", "--fd", str(listener.fileno())]
        address = listener.getsockname()
        starting = launch.start(words, stderr=tmp_path / "stderr", fds=[listener.fileno()])
        with starting as child:
            listener.close()
            child.ready()
            with socket.create_connection(address, timeout=20) as peer:
                back = b""
                for at in range(0, len(MESSAGE), 1024):
                    peer.sendall(MESSAGE[at : at + 1024])
                    while len(back) < at + 1024 and (data := peer.recv(65536)):
                        back += data
                assert back == MESSAGE
                child.signal(signal.SIGTERM)
                child.wait(20)


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)
def test_it_names_its_page_and_heeds_no_option(one: Implementation) -> None:
    """The docstring names a page of the documentation, and no option is read."""
    text = (Path(one.folder) / NAIVE).read_text("utf-8")
    assert re.search(r"https://[a-z.]+/\S+", ast.get_docstring(ast.parse(text)) or "")
    names = {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}
    assert not names & {"options", "_options"}


def test_it_counts_into_no_line_count() -> None:
    """The report's lines are those of the contract."""
    for one in ALL:
        assert NAIVE not in one.code_lines
        assert "echo.py" in one.code_lines


def test_a_folder_without_one_is_refused(tmp_path: Path) -> None:
    """--naive where there is no naive.py is one line, status 2."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "echo.py").write_text("")
    done = subprocess.run(
        [sys.executable, "-m", "implementations", str(folder), "echo", "--naive", "--port", "0"],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "with a naive.py" in done.stderr
