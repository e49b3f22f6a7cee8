"""witness: the memory of a process tree, its shared part counted by its share."""

import subprocess
import sys
from pathlib import Path

from harness import launch, witness

MANY = 8 * 1024 * 1024
PARENT = f"""
import os
kept = bytearray(os.urandom({MANY}))
read, write = os.pipe()
child = os.fork()
print("READY", flush=True) if child else None
os.read(read, 1)
"""


def test_shared_pages_count_once(tmp_path: Path) -> None:
    """A parent and its fork share 8 MiB: the tree has them once, resident in both."""
    with launch.start([sys.executable, "-c", PARENT], stderr=tmp_path / "e") as child:
        child.ready()
        processes = witness.tree(child.pid)
        assert len(processes) == 2
        text = [Path(f"/proc/{one}/smaps_rollup").read_text() for one in processes]
        resident = [int(t.partition("Rss:")[2].split()[0]) * 1024 for t in text]
        assert MANY < witness.pss_bytes(child.pid) < sum(resident) - MANY // 2
        assert witness.pss_bytes(child.pid) >= sum(map(witness.private_bytes, processes))


def test_a_process_that_is_gone_holds_nothing() -> None:
    """Nothing left, and no error."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert witness.pss_bytes(process.pid) == 0
