"""What the behaviour suite says of a program that nobody here wrote, and what explains it.

Rules: `third_party/NAME` holds the program as its own documentation teaches it, behind the smallest
file that hands it its listener. A verdict that its source does not explain would be the suite's
fault.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness import launch

HERE = Path(__file__).parent / "third_party"

NODE_KEEPS = {"E01", "E02", "E03", "E04", "E06", "E17"}
"""What `net.createServer(c => c.pipe(c))` keeps: pipe() stops reading while the other end is full,
and ends the socket only once all is written, though allowHalfOpen is false."""

NO_LISTENER = "a socket's 'error' without a listener is thrown: a reset ends the process (events)"
NO_HANDLER = "there is no handler of SIGTERM: the default action ends the process (process)"
NO_OPTION = "the documentation's echo has no such thing"
NODE_BREAKS = {
    "E05": NO_LISTENER,  # E05.4 alone: the blocked peers leave by RST
    "E07": NO_LISTENER,
    "E08": NO_LISTENER,
    "E09": NO_LISTENER,  # E09.2 alone: peers in turn, some by RST
    "E10": NO_OPTION,
    "E11": NO_OPTION,
    "E12": NO_HANDLER,
    "E13": NO_LISTENER,  # E13.2 alone: clients leave by RST
    "E13q": NO_LISTENER,  # E13q.2 alone: 75 clients come and leave by RST
    "E14": NO_HANDLER,  # the status after SIGTERM
    "E15": NO_LISTENER,  # its trace
    "E16": NO_HANDLER,
}
"""What it breaks, and the line of Node's documentation (chapter) that says so."""


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("node"), reason="node is not installed")
def test_node_echo_gets_the_verdicts_that_its_documentation_explains(tmp_path: Path) -> None:
    """Every clause that the echo of Node's documentation breaks fails, and no other one."""
    words = ["check", "--from", str(HERE), "node", "--workload", "echo"]
    for clause in sorted(NODE_KEEPS | set(NODE_BREAKS)):
        words += ["--case", clause]
    file = tmp_path / "verdicts"
    done = subprocess.run(
        [sys.executable, "-m", "harness", *words, "--json", str(file)],
        cwd=launch.ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=250,
    )
    assert done.returncode == 1, done.stderr
    clauses: dict[str, set[str]] = {}
    for verdict in json.loads(file.read_text())["verdicts"]:
        clauses.setdefault(verdict["case"].partition(".")[0], set()).add(verdict["verdict"])
    if any("INCONCLUSIVE" in kinds for kinds in clauses.values()):
        pytest.skip("the machine was too busy to tell")
    assert {clause for clause, kinds in clauses.items() if "FAIL" in kinds} == set(NODE_BREAKS)
    assert {clause for clause, kinds in clauses.items() if kinds == {"PASS"}} == NODE_KEEPS
