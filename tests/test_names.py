"""The scripted name server and the files that lead a child to it."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness import launch, own_files
from harness.check.case import Unsupported
from harness.check.names import Has, Names, No
from harness.check.origin import Origin
from harness.check.stage import Stage
from harness.model import Implementation

if TYPE_CHECKING:
    from collections.abc import Iterator

ASK = """
import socket, sys
try:
    found = socket.getaddrinfo(sys.argv[1], 80, type=socket.SOCK_STREAM)
    print(*sorted(each[4][0] for each in found), flush=True)
except socket.gaierror as error:
    print(error.errno, flush=True)
"""
ZONE: dict[str, Has] = {
    "both.test": ("::1", "127.0.0.9"),
    "luck.test": No.LUCK,
    "none.test": (),
    "hang.test": No.ANSWER,
}
pytestmark = pytest.mark.skipif(
    bool(own_files.refusal()), reason=own_files.refusal() or "no reason"
)


@pytest.fixture
def names() -> Iterator[Names]:
    """Return a name server."""
    nobody = Implementation(name="nobody", folder="", title="", style="")
    with Stage(nobody) as stage, Origin(stage) as origin:
        try:
            with Names(origin, ZONE, stage.folder()) as made:
                yield made
        except Unsupported as reason:
            pytest.skip(str(reason))


def look_up(names: Names, name: str, tmp_path: Path, *, release: bool = False) -> str:
    """Return what a child finds for a name."""
    words = [sys.executable, "-c", ASK, name]
    with launch.start(words, stderr=tmp_path / "stderr", files=names.files) as child:
        if release:
            names._origin.until(lambda: names.held(name), "the lookup to be held")
            names._origin.rest(0.05)
            assert child.process.poll() is None
            names.release()
        names._origin.until(lambda: child.process.poll() is not None, "the child's end", 10.0)
        return child.line(1) or ""


def test_a_child_finds_the_addresses(names: Names, tmp_path: Path) -> None:
    """Both kinds of address come, from the zone alone."""
    assert look_up(names, "both.test", tmp_path) == "127.0.0.9 ::1"
    assert set(names.asked) == {"both.test"}


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("nowhere.test", socket.EAI_NONAME),
        ("none.test", socket.EAI_NODATA),
        ("luck.test", socket.EAI_AGAIN),
    ],
)
def test_each_failure_is_its_own(names: Names, tmp_path: Path, name: str, error: int) -> None:
    """NXDOMAIN, a name without addresses and SERVFAIL come out as what they are."""
    assert look_up(names, name, tmp_path) == str(int(error))


def test_a_held_lookup_waits_until_it_is_let_go(names: Names, tmp_path: Path) -> None:
    """The child hangs while the answer is held, and finds nothing then."""
    assert look_up(names, "hang.test", tmp_path, release=True) == str(int(socket.EAI_NONAME))


def test_the_child_alone_sees_its_files(names: Names, tmp_path: Path) -> None:
    """The child reads ours, this process the machine's own."""
    before = Path("/etc/resolv.conf").read_text()
    words = ["cat", "/etc/resolv.conf"]
    with launch.start(words, stderr=tmp_path / "stderr", files=names.files) as child:
        assert child.line(5) == f"nameserver {names.address}"
        assert Path("/etc/resolv.conf").read_text() == before
