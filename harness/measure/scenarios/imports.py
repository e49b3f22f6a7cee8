"""import: what it takes to import an implementation's echo, its framework with it.

Rules: a fresh process each time, timed from inside, around the launcher's own `load`: what every
implementation shares (the interpreter, the launcher, the contract) is there before the clock
starts, so that nothing has to be subtracted. Whatever the implementation's file imports counts,
the framework and what that needs, from the standard library too. The blocks have started it often
by now: bytecode is written, and files lie in the page cache.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import launch
from harness.measure.scenarios.scenario import Failed, Figure, Scenario
from harness.measure.scenarios.serving import needs_launcher

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.measure.job import Bench
    from harness.model import Implementation

TIMES = 3
IMPORT_S = 20.0
CODE = """
import sys, time
from pathlib import Path
from implementations.__main__ import load
begin = time.perf_counter_ns()
load(Path(sys.argv[1]), "echo")
print(time.perf_counter_ns() - begin, flush=True)
"""


def measure(implementation: Implementation, bench: Bench) -> Iterator[Figure]:
    """Yield `import_ns` of each process."""
    needs_launcher(implementation)
    for number in range(TIMES):
        with bench.ledger.timed("starts_s"):
            import_ns = _import_ns(implementation, bench)
        yield Figure("import_ns", import_ns, number)


def _import_ns(implementation: Implementation, bench: Bench) -> int:
    words = [launch.python(implementation), "-c", CODE, implementation.folder]
    stderr = bench.folder / f"{implementation.name}.import.stderr"
    with launch.start(words, stderr=stderr, core=bench.server_core) as child:
        try:
            line = child.line(IMPORT_S)
        except TimeoutError:
            raise Failed(f"its import had not ended after {IMPORT_S:g} s") from None
        if line is None or not line.isdigit():
            said = child.last_line()[:300] or "it gave no reason"
            raise Failed(f"it cannot be imported: {said}")
    return int(line)


SCENARIO = Scenario("import", "echo", 0.5, measure)
