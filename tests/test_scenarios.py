"""scenarios: each gives its figures of real processes, a failure is a trait, none is done twice."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import pytest

from harness import files, launch
from harness.cost import Book
from harness.measure import scenarios
from harness.measure.job import Bench, Job
from harness.measure.scenarios import (
    busy_thread,
    churn,
    flood,
    imports,
    memory,
    size,
    stalled_main,
    start,
    start_and_end,
)
from harness.measure.scenarios.scenario import OWN_LAUNCHER, Failed, Figure, Scenario, play
from harness.model import TWIN, WHOLE, HarnessError, Implementation, Plan, Trait, Workload

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

LINE = {
    "connections": 10,
    "size": 1024,
    "started_ns": 1,
    "jain": 1.0,
    "mean_latency_ns": 2e5,
    "wall_ns": 50_000_000,
    "messages": 1000,
    "server_cpu_ns": 40_000_000,
    "server_wait_ns": 0,
    "server_faults": 0,
    "gauge_cpu_ns": 25_000_000,
    "gauge_wait_ns": 0,
    "busy": 0.5,
    "p50_ns": 1e5,
    "p90_ns": 5e5,
    "p99_ns": 1e6,
    "p999_ns": 1.5e6,
    "max_ns": 2e6,
    "unanswered": 0,
    "error": None,
}
LOAD = """
import json, sys
for text in sys.argv[sys.argv.index("--slices") + 1].split(","):
    cell = text.partition("/")[0]
    flood = 5_000_000 if "+" in cell else 0
    print(json.dumps({**LINE, "flooded_bytes": flood, "messages": 500 if flood else 1000}))
"""
CHURN = """
import json
print(json.dumps({"opened": 300, "errors": 0, **LINE}))
"""
HOLD = """
import json, sys
for step in sys.argv[sys.argv.index("--steps") + 1].split(","):
    error = "connection 7 was reset" if int(step) > MOST else None
    print(json.dumps({"held": int(step), "error": error}), flush=True)
    sys.stdin.readline()
"""
ECHO = """
import signal

def serve(listener, options, ready):
    ready()
    signal.pause()
"""
FETCH = """
from implementations.contract import Outcome
import time

def fetch_all(job, record):
    for index in range(len(job.urls)):
        record(index, Outcome(200, 5, 0, None, 0.0))
"""


class Fake(Bench, frozen=True):
    """A bench whose gauge is a few lines of Python."""

    code: str

    def gauge(
        self,
        words: Sequence[str],
        *,
        fds: Sequence[int] = (),
        stdin: Any = subprocess.DEVNULL,
    ) -> AbstractContextManager[launch.Child]:
        """Start them with the words of a role."""
        stderr = self.folder / "gauge.stderr"
        return launch.start(
            [sys.executable, "-c", self.code, *words], stderr=stderr, fds=fds, stdin=stdin
        )


def bench(folder: Path, code: str = "") -> Bench:
    """Return a bench on any core, with this for a gauge."""
    core = min(os.sched_getaffinity(0))
    return Fake(server_core=core, gauge_core=core, folder=folder, code=f"LINE = {LINE}\n{code}")


def program(folder: Path, echo: str = ECHO, fetch: str = FETCH, **changes: Any) -> Implementation:
    """Return an implementation that the launcher finds in a folder."""
    place = folder / "somebody"
    place.mkdir()
    (place / "echo.py").write_text(textwrap.dedent(echo))
    (place / "fetch.py").write_text(textwrap.dedent(fetch))
    fields = {"name": "somebody", "folder": str(place), "title": "Somebody", "style": "x"}
    return Implementation(**{**fields, **changes})


def figures(given: list[Trait]) -> dict[str, list[float]]:
    """Return the values by figure, in order; the last of all is what it took."""
    assert given[-1].figure == WHOLE
    found: dict[str, list[float]] = {}
    for trait in given[:-1]:
        found.setdefault(trait.figure, []).append(trait.value)
    return found


def test_start(tmp_path: Path) -> None:
    """Each process takes its time, and holds some memory of its own."""
    found = figures(play(start.SCENARIO, program(tmp_path), bench(tmp_path)))
    assert len(found["ready_ns"]) == len(found["private_bytes"]) == start.TIMES
    assert min(found["private_bytes"]) > 1 << 20
    assert min(found["ready_ns"]) > 0


def test_import_is_timed_around_the_import_alone(tmp_path: Path) -> None:
    """A module that takes 50 ms to import is seen to; the interpreter's own start is not in it."""
    slow = program(tmp_path, "import time\ntime.sleep(0.05)\n" + ECHO)
    found = figures(play(imports.SCENARIO, slow, bench(tmp_path)))
    assert len(found["import_ns"]) == imports.TIMES
    assert min(found["import_ns"]) >= 50e6


def test_an_import_that_fails_says_why(tmp_path: Path) -> None:
    """The last line on stderr is the reason."""
    broken = program(tmp_path, "import no_such_thing\n")
    first, last = play(imports.SCENARIO, broken, bench(tmp_path))
    assert "No module named 'no_such_thing'" in first.error
    assert last.figure == WHOLE


def distribution(site: Path, name: str, size_bytes: int, *needs: str) -> None:
    """Install a distribution of so many bytes that needs these."""
    info = site / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    requires = "".join(f"Requires-Dist: {need}\n" for need in needs)
    text = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nProvides-Extra: more\n{requires}"
    (info / "METADATA").write_text(text)
    (site / f"{name}.py").write_bytes(b"#" * size_bytes)
    (site / f"{name}.pyc").write_bytes(b"#" * 1_000_000)
    (info / "RECORD").write_text(f"{name}.py,,\n{name}.pyc,,\n{name}-gone.py,,\n")


def test_size_follows_what_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Needs of needs and of extras count once; other platforms, bytecode, lost files do not."""
    site = tmp_path / "site"
    distribution(site, "evl-one", 1000, "evl-two", "evl-three; extra == 'more'")
    distribution(site, "evl-two", 200, "evl-one", 'evl-never; sys_platform == "nowhere"')
    distribution(site, "evl-three", 30)
    monkeypatch.syspath_prepend(site)
    plain = program(tmp_path, requires=("evl-one",))
    found = figures(play(size.ECHO, plain, bench(tmp_path)))
    assert found == {"installed_bytes": [1200.0], "distributions": [2.0]}
    assert size.distributions(["Evl_One[more]>=1"]).keys() == {"evl-one", "evl-two", "evl-three"}
    assert size.distributions([]) == {}
    with pytest.raises(Failed, match="evl-never, which it needs, is not installed"):
        size.distributions(["evl-never"])


def test_churn(tmp_path: Path) -> None:
    """Connections a second and CPU for each, from the gauge's counts."""
    found = figures(play(churn.SCENARIO, program(tmp_path), bench(tmp_path, CHURN)))
    assert found["opened_per_s"] == [6000.0] * churn.TIMES
    assert found["cpu_ns"] == pytest.approx([40e6 / 300] * churn.TIMES)
    assert found["core"] == [0.8] * churn.TIMES


def test_churn_of_many_threads(tmp_path: Path) -> None:
    """What they wait for each other is no loss of the core: nobody has more than all of it."""
    waits = CHURN.replace("**LINE", '**LINE, "server_wait_ns": 45_000_000')
    found = figures(play(churn.SCENARIO, program(tmp_path), bench(tmp_path, waits)))
    assert found["core"] == [1.0] * churn.TIMES
    assert found["opened_per_s"] == [7500.0] * churn.TIMES


def test_flood(tmp_path: Path) -> None:
    """As many slices with the flood as without; the first two prime and are not kept."""
    given = play(flood.SCENARIO, program(tmp_path), bench(tmp_path, LOAD))
    found = figures(given)
    assert found["alone_rate_per_s"] == [20_000.0] * flood.PAIRS
    assert found["beside_rate_per_s"] == [10_000.0] * flood.PAIRS
    assert found["flooded_bytes_per_s"] == [100e6] * flood.PAIRS
    at = [trait.at for trait in given if trait.figure == "beside_rate_per_s"]
    assert sorted(at) == list(range(flood.PAIRS))


def test_the_order_of_the_flood_is_mixed() -> None:
    """With and without come neither in two heaps nor in turns, and in the same order for all."""
    order = [prefix for prefix, _ in flood.script()]
    assert order != sorted(order)
    assert len({order[i] == order[i + 1] for i in range(len(order) - 1)}) == 2
    assert flood.script() == flood.script()


@pytest.mark.parametrize(
    ("scenario", "option"),
    [(busy_thread.SCENARIO, "busy_thread"), (stalled_main.SCENARIO, "stall_s")],
    ids=["busy-thread", "stalled-main"],
)
def test_a_burden_is_on_one_process_of_two(tmp_path: Path, scenario: Scenario, option: str) -> None:
    """Figures with and without, and the launcher was asked for the burden once."""
    told = tmp_path / "told"
    echo = f"import sys\nopen({str(told)!r}, 'a').write(' '.join(sys.argv) + chr(10))\n{ECHO}"
    found = figures(play(scenario, program(tmp_path, echo), bench(tmp_path, LOAD)))
    assert set(found) >= {"alone_p99_ns", "beside_p99_ns"}
    alone, beside = told.read_text().splitlines()
    word = "--" + option.replace("_", "-")
    assert word not in alone
    assert word in beside


@pytest.mark.parametrize(
    "scenario",
    [imports.SCENARIO, busy_thread.SCENARIO, stalled_main.SCENARIO],
    ids=lambda scenario: scenario.name,
)
def test_who_has_a_launcher_of_its_own_says_so(tmp_path: Path, scenario: Scenario) -> None:
    """Nothing is started then."""
    own = program(tmp_path, run=("/nowhere",))
    first, _ = play(scenario, own, bench(tmp_path, "raise SystemExit(1)"))
    assert first.error == OWN_LAUNCHER


def test_memory_at_every_step(tmp_path: Path) -> None:
    """One figure for each number of connections held."""
    given = play(memory.SCENARIO, program(tmp_path), bench(tmp_path, "MOST = 9999\n" + HOLD))
    assert [trait.at for trait in given[:-1]] == memory.steps()
    assert min(figures(given)["pss_bytes"]) > 1 << 20


def test_a_connection_that_is_lost_ends_it(tmp_path: Path) -> None:
    """What was seen before stays, then the gauge's reason."""
    given = play(memory.SCENARIO, program(tmp_path), bench(tmp_path, "MOST = 1000\n" + HOLD))
    assert [(t.at, t.error) for t in given[:-1]] == [
        (0.0, ""),
        (1000.0, ""),
        (0.0, "connection 7 was reset"),
    ]


@pytest.mark.parametrize(
    ("change", "says"),
    [({"error": "wrong byte at 7"}, "wrong byte at 7"), ({"unanswered": 3}, "3 messages never")],
)
def test_a_wrong_answer_is_the_contestants(
    tmp_path: Path, change: dict[str, object], says: str
) -> None:
    """What the gauge says of the contestant becomes the reason."""
    code = f"LINE.update({change!r})\n{LOAD}"
    first, _ = play(flood.SCENARIO, program(tmp_path), bench(tmp_path, code))
    assert says in first.error


def test_a_gauge_that_breaks_is_the_harnesss_own(tmp_path: Path) -> None:
    """It must not look like a contestant's failure."""
    with pytest.raises(HarnessError, match="the gauge ended early: no such role"):
        play(churn.SCENARIO, program(tmp_path), bench(tmp_path, "raise SystemExit('no such role')"))


def test_who_does_not_start_says_why(tmp_path: Path) -> None:
    """A process that ends before READY is a reason, not an exception."""
    first, _ = play(churn.SCENARIO, program(tmp_path, "raise SystemExit(3)"), bench(tmp_path))
    assert "ended with status 3 before READY" in first.error


def test_start_and_end_of_a_real_fetch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All four figures, the first outcome after the start and after the first connection."""
    monkeypatch.setattr(start_and_end, "TIMES", 1)
    folder = launch.ROOT / "implementations" / "asyncio"
    one = Implementation(name="asyncio", folder=str(folder), title="asyncio", style="x")
    found = figures(play(start_and_end.SCENARIO, one, bench(tmp_path)))
    assert 0 < found["first_answer_ns"][0] < found["first_outcome_ns"][0]
    assert found["pss_bytes"][0] > 1 << 20
    assert found["last_close_ns"][0] > 0


def test_a_fetch_that_asks_nobody_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines without requests end in a reason: the hundred in flight never come."""
    monkeypatch.setattr(start_and_end, "WITHIN_S", 1.0)
    first, _ = play(start_and_end.SCENARIO, program(tmp_path), bench(tmp_path))
    assert "request 100 in flight did not come" in first.error


def test_a_fetch_that_ends_early_is_not_waited_for(tmp_path: Path) -> None:
    """Its end is seen at once."""
    gone = program(tmp_path, fetch="raise SystemExit(3)")
    first, last = play(start_and_end.SCENARIO, gone, bench(tmp_path))
    assert first.error == "it ended before the first outcome came"
    assert last.value < start_and_end.WITHIN_S


def test_wrong_outcomes_are_told() -> None:
    """Success where the body was cut short is no success."""
    line = b'{"index": 0, "error": null}\n'
    with pytest.raises(Failed, match="expected"):
        start_and_end._verify(line * start_and_end.URLS)
    with pytest.raises(Failed, match=r"SPEC\.md"):
        start_and_end._verify(b"what\n")


PLAN = Plan(
    created="2026-01-01T00:00:00Z",
    evenloop="0",
    seed=7,
    workloads=("echo",),
    quick=False,
    budget_s=600.0,
    python="3.11.7",
    server_core=1,
    gauge_core=0,
    implementations=(),
)


def model(name: str, alias: str = "") -> Job:
    """Return a contestant's model job."""
    one = Implementation(name=name, folder="/nowhere", title=name, style="x")
    return Job(block=0, implementation=one, alias=alias or name, workload="echo", cells=(), order=0)


MODELS: dict[Workload, list[Job]] = {
    "echo": [model("asyncio"), model("trio"), model("asyncio", "asyncio" + TWIN)]
}


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Replace the table by two scenarios that start nothing; return who was played in which."""
    seen: list[tuple[str, str]] = []

    def scenario(name: str, cost_s: float) -> Scenario:
        def measure(one: Implementation, _bench: Bench) -> Iterator[Figure]:
            seen.append((name, one.name))
            yield Figure("x", 1.0)
            yield Figure("y", 2.0)

        return Scenario(name, "echo", cost_s, measure)

    monkeypatch.setattr(scenarios, "TABLE", (scenario("dear", 10.0), scenario("cheap", 1.0)))
    return seen


def run(folder: Path, left_s: float = 100.0, plan: Plan = PLAN) -> list[Trait]:
    """Run the table, and return all traits in the file."""
    file = folder / "traits.jsonl"
    scenarios.run(plan, MODELS, bench(folder), folder, lambda _job, _text: None, left_s)
    return files.read_jsonl(file, Trait) if file.exists() else []


def test_everyone_once_and_nobody_twice(tmp_path: Path, played: list[tuple[str, str]]) -> None:
    """Each implementation in each scenario, the hidden twin in none; a second run adds nothing."""
    first = run(tmp_path)
    assert sorted(played) == [
        (name, one) for name in ("cheap", "dear") for one in ("asyncio", "trio")
    ]
    assert run(tmp_path) == first
    assert len(played) == 4
    assert [cost.part for cost in Book(tmp_path).read()] == ["scenarios"] * 4


def test_what_was_cut_short_is_done_again(tmp_path: Path, played: list[tuple[str, str]]) -> None:
    """A torn line and a piece without its end go, and that piece alone is played again."""
    whole = run(tmp_path)
    file = tmp_path / "traits.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:-1]) + lines[-1][:20])
    played.clear()
    again = run(tmp_path)
    assert len(played) == 1
    assert [(t.implementation, t.scenario, t.figure) for t in again] == [
        (t.implementation, t.scenario, t.figure) for t in whole
    ]


def test_a_scenario_is_for_all_or_none(tmp_path: Path, played: list[tuple[str, str]]) -> None:
    """Time for one of two is no time to begin; a cheaper one that fits is played."""
    run(tmp_path, left_s=15.0)
    assert sorted(played) == [("cheap", "asyncio"), ("cheap", "trio")]
    assert scenarios.cost_s(PLAN, MODELS) == 22.0


def test_a_quick_plan_has_no_scenarios(tmp_path: Path, played: list[tuple[str, str]]) -> None:
    """Neither played nor paid for."""
    quick = Plan(**{n: getattr(PLAN, n) for n in PLAN.__struct_fields__} | {"quick": True})
    assert run(tmp_path, plan=quick) == []
    assert not played
    assert scenarios.cost_s(quick, MODELS) == 0.0


def test_scenarios_have_names_of_their_own() -> None:
    """What is done is known by workload and name."""
    names = [(scenario.workload, scenario.name) for scenario in scenarios.TABLE]
    assert len(names) == len(set(names))
