"""The explorer: its kept traces, the faults that it must find, and what it says of them."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from click.testing import CliRunner
from test_contract_oracle import MAX_BYTES, REPLIES

from harness import plan
from harness.explore import reading, shrink, trace
from harness.explore.command import explore
from harness.explore.crew import Crew
from harness.explore.echo_model import steps
from harness.explore.explorer import Explorer, expected
from harness.explore.observation import Disagreement, Expected, Mark, Observation, compare
from harness.explore.strategies import TRACES
from harness.explore.trace import Act, EchoTrace, FetchTrace, Kept, Move, Reply
from harness.model import WORKLOADS, Implementation, UsageError, Workload

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.explore.trace import Trace

HERE = Path(__file__).parent
FILES = sorted((HERE / "traces").glob("*.json"))
KNOWN = {one.name: one for one in plan.discover([HERE / "outside"])}
IN_TREE = ("reference", "asyncio", "twisted")
SLOW_MACHINE = 2.0  # other tests run at the same time
HASTE = 0.4  # for searches that are to find what is planted: a stand-still costs less
MOST = 300  # traces; every fault below is found by far fewer
SEED = 7

# A fault of the fakes -> a kept trace that shows it.
SHOWN_BY = {
    "drops_tail": "echo-burst-with-fin",
    "early_fin": "echo-large-both-ways",
    "partial_send_ignored": "echo-paused-reader",
    "slot_lost_on_reset": "echo-limit-after-reset",
    "limit_off_by_one": "echo-limit-waits",
    "limit_closes": "echo-limit-two",
    "kills_neighbour": "echo-reset-beside-data",
    "dies_on_reset": "echo-reset-while-blocked",
    "fd_leak_on_reset": "echo-reset-while-blocked",
    "noisy_reset": "echo-reset-while-blocked",
    "reset_instead_of_fin": "echo-nothing",
    "blocks_all": "echo-beside-a-blocked-one",
    "cuts_early": "echo-drain-in-flight",
    "no_handler_reset": "echo-drain-in-flight",
    "exit_status": "echo-one-byte",
    "line_buffered": "echo-one-byte",
    "last_length_wins": "fetch-lengths",
    "transfer_encoding_wins": "fetch-smuggle",
    "interim_is_final": "fetch-interim",
    "lenient_grammar": "fetch-grammar",
    "short_length": "fetch-ends",
    "reset_is_end": "fetch-ends",
    "no_max_bytes": "fetch-too-large",
    "surplus_reused_at_once": "fetch-surplus",
    "close_ignored": "fetch-close",
    "no_reuse": "fetch-reuse",
    "no_retry": "fetch-stale-fin",
    "retry_twice": "fetch-stale-rst",
    "retry_on_fresh": "fetch-three-origins",
    "chunk_size_0x": "fetch-chunks",
    "fail_fast_exit_0": "fetch-fail-fast",
}
SEARCHED: dict[Workload, tuple[str, ...]] = {
    "echo": ("drops_tail", "early_fin", "partial_send_ignored", "slot_lost_on_reset"),
    "fetch": ("last_length_wins", "interim_is_final", "retry_twice"),
}


def fake(workload: str, fault: str = "", name: str = "fake") -> Implementation:
    """Return the fake of a workload, with this fault."""
    option = ("--fault",) if workload == "fetch" else ()
    words = (*option, fault) if fault else ()
    run = ("{python}", f"{{here}}/{workload}_base.py", *words)
    return Implementation(name=name, folder=str(HERE / "fakes"), title="", style="", run=run)


@pytest.fixture(scope="module")
def crew() -> Iterator[Crew]:
    """Workers for all tests of this file."""
    with Crew(4) as workers:
        yield workers


def kept(name: str) -> Trace:
    """Return one of the traces of traces/."""
    return trace.read(HERE / "traces" / f"{name}.json").trace


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_nobody_disagrees_on_a_kept_trace(file: Path, crew: Crew) -> None:
    """The model, the fake without a fault, the reference and two frameworks show the same."""
    one = trace.read(file).trace
    who = [fake(one.workload), *(KNOWN[name] for name in IN_TREE)]
    if one.workload == "echo" and shutil.which("node"):
        who.append(KNOWN["node_echo"])
    explorer = Explorer(crew, [each for each in who if not each.cannot_run], scale=SLOW_MACHINE)
    difference, seen = explorer.replay(one)
    assert difference is None
    assert len(seen) >= 3
    assert not explorer.tally.unstable
    assert not explorer.tally.nothing


@pytest.mark.skipif(not shutil.which("node"), reason="node is not on the PATH")
def test_a_program_that_is_not_pythons_takes_part(crew: Crew) -> None:
    """The echo in node is played like any other, and its absence would be seen."""
    explorer = Explorer(crew, [KNOWN["node_echo"]], scale=SLOW_MACHINE)
    difference, seen = explorer.replay(kept("echo-drain-in-flight"))
    assert difference is None
    assert Mark("exit status", "0") in seen["node_echo"].marks


@pytest.mark.parametrize("fault", sorted(SHOWN_BY))
def test_a_kept_trace_shows_a_planted_fault(fault: str, crew: Crew) -> None:
    """Each fault makes the fake disagree with the model, or break an invariant, again and again."""
    one = kept(SHOWN_BY[fault])
    explorer = Explorer(crew, [fake(one.workload, fault)], scale=HASTE)
    difference, _ = explorer.replay(one)
    assert difference is not None
    assert difference.kind in ("model", "invariant")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("workload", "fault"), [(workload, one) for workload, all_ in SEARCHED.items() for one in all_]
)
def test_a_search_finds_a_planted_fault(workload: Workload, fault: str, crew: Crew) -> None:
    """With a fixed seed each fault is found, and its trace becomes small."""
    explorer = Explorer(crew, [fake(workload, fault)], shrink_s=10, scale=HASTE, first=True)
    explorer.search((workload,), seed=SEED, until=time.monotonic() + 200, most=MOST)
    found = explorer.tally.found[0]
    assert found.trace.size[0] <= 12
    assert found.log
    assert compare({"fake": Observation(())}, expected(found.trace)) is not None


def test_a_search_finds_nothing_where_nothing_is_wrong(crew: Crew) -> None:
    """Two programs without a fault agree on every trace that a short search makes."""
    for workload in WORKLOADS:
        explorer = Explorer(crew, [fake(workload), KNOWN["asyncio"]], scale=SLOW_MACHINE)
        explorer.search((workload,), seed=SEED, until=time.monotonic() + 30, most=15)
        assert explorer.tally.traces.total() >= 5
        assert [str(one.disagreement) for one in explorer.tally.found] == []
        assert not explorer.tally.nothing


@pytest.mark.parametrize("name", REPLIES)
def test_the_models_reading_agrees_with_the_exchanges_table(name: str) -> None:
    """What SPEC.md makes of a reply is among what the model's own reading allows, reuse as well."""
    raw, want = REPLIES[name]
    found = reading.read(raw, "FIN", most=MAX_BYTES)
    word = want if isinstance(want, str) else reading.answered(*want[:3])
    assert word in found.allowed
    assert len(found.allowed) <= 2
    if not isinstance(want, str):
        assert found.persists >= want.reusable


def test_an_rst_that_overtakes_bytes_is_a_race() -> None:
    """Only where the program has read all of it does an RST leave one answer."""
    raw = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"
    assert reading.read(raw, "RST", most=9).allowed == {reading.answered(200, 1, 2363233923)}
    assert "reset" in reading.read(raw, "RST", most=9, unread=True).allowed
    assert Reply((Act("send", "x"), Act("RST"))).unread
    assert not Reply((Act("send", "x"), Act("READ"), Act("RST"))).unread
    assert not Reply((Act("RST"),)).unread


class Fickle(Crew):
    """A crew that shows something wrong once, and what is expected from then on."""

    def __init__(self, one: Trace, wrong: int) -> None:
        """Be wrong so many times."""
        super().__init__(0)
        right = tuple(Mark(each.what, each.allowed[0]) for each in expected(one))
        self._right = Observation(right)
        self._wrong = wrong

    def play(self, *_: object, **__: object) -> dict[str, Observation]:
        """Show what comes next."""
        self._wrong -= 1
        return {"fake": self._right if self._wrong < 0 else Observation(())}


def test_a_play_that_differs_from_itself_is_unstable() -> None:
    """It is counted and shown, and never taken for a disagreement."""
    one = kept("echo-one-byte")
    for wrong in (1, 2):
        explorer = Explorer(Fickle(one, wrong), [fake("echo")])
        assert explorer.replay(one)[0] is None
        (shaky,) = explorer.tally.unstable
        assert shaky.trace == one
    explorer = Explorer(Fickle(one, 3), [fake("echo")])
    assert explorer.replay(one)[0] is not None
    assert not explorer.tally.unstable


def test_the_model_comes_first_then_invariants_then_pairs() -> None:
    """The first difference is named in this order, and free things are nobody's difference."""
    wanted = (
        Expected("stderr", ("empty",), kind="invariant"),
        Expected("open", ("a", "b")),
        Expected("free", ("a", "b"), alike=False),
        Expected("step", ("done",)),
    )

    def seen(**saw: str) -> Observation:
        plain = {"stderr": "empty", "open": "a", "free": "a", "step": "done"}
        return Observation(tuple(Mark(*pair) for pair in {**plain, **saw}.items()))

    def kind(*plays: Observation) -> Disagreement | None:
        return compare({str(at): play for at, play in enumerate(plays)}, wanted)

    def named(*plays: Observation) -> tuple[str, str, str]:
        found = kind(*plays)
        assert found is not None
        return found.kind, found.what, found.implementation

    assert kind(seen(), seen(free="b")) is None
    assert named(seen(), seen(open="b")) == ("pairwise", "open", "1")
    assert named(seen(open="b"), seen(stderr="x")) == ("invariant", "stderr", "1")
    assert named(seen(stderr="x"), seen(step="x")) == ("model", "step", "1")
    assert named(seen(), seen(free="c")) == ("model", "free", "1")
    assert named(Observation(()), seen()) == ("model", "open", "0")
    assert kind(Observation((), nothing="the machine was busy"), seen()) is None


def made(workload: str, count: int) -> list[Trace]:
    """Return traces as a search makes them."""
    import hypothesis  # noqa: PLC0415  as a search does

    found: list[Trace] = []

    def keep(one: Trace) -> None:
        found.append(one)

    settings = hypothesis.settings(
        max_examples=count, deadline=None, database=None, derandomize=True,
        suppress_health_check=list(hypothesis.HealthCheck), phases=(hypothesis.Phase.generate,),
    )  # fmt: skip
    settings(hypothesis.given(TRACES[workload])(keep))()
    return found


@pytest.mark.parametrize("workload", ["echo", "fetch"])
def test_traces_are_sound_and_survive_a_file(workload: str, tmp_path: Path) -> None:
    """Every step of a trace can be done, every reply ends, and what is written is read again."""
    for one in made(workload, 40):
        if isinstance(one, EchoTrace):
            assert [move for _, move, _ in steps(one)] == list(one.steps)
        else:
            for url, each in zip(expected(one), one.replies, strict=False):
                assert "timeout" not in url.allowed, each
        path = trace.write(tmp_path, Kept(why="made", trace=one))
        assert trace.read(path).trace == one
        assert path.name == Kept(why="another", trace=one).name()


@pytest.mark.parametrize("workload", ["echo", "fetch"])
def test_what_is_smaller_is_sound_and_no_larger(workload: str) -> None:
    """Shrinking never adds, and never yields a step that cannot be done."""
    for one in made(workload, 12):
        for less in shrink.smaller(one):
            assert less != one
            assert less.size <= one.size
            if isinstance(less, EchoTrace):
                assert [move for _, move, _ in steps(less)] == list(less.steps)


REPLY = '{"why": "", "trace": {"workload": "fetch", "replies": [%s]}}'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "not a trace"),
        ('{"format": 2, "why": "", "trace": {"workload": "echo", "steps": []}}', "`format` is 2"),
        ('{"why": "", "trace": {"workload": "echo", "steps": [{"do": "fly"}]}}', "fly"),
        (REPLY % '{"acts": [{}]}', "missing required field `do`"),
        (REPLY % '{"acts": [{"do": "FIN"}, {"do": "FIN"}]}', "reply 0: nothing may follow"),
        (REPLY % '{"acts": [], "door": 3}', "`door`"),
        (REPLY % '{"acts": [{"do": "send", "data": "\u2603"}]}', "latin-1"),
    ],
)
def test_a_file_that_is_no_trace_is_refused(text: str, says: str, tmp_path: Path) -> None:
    """Whoever edited it is told what is wrong."""
    file = tmp_path / "a.json"
    file.write_text(text)
    with pytest.raises(UsageError, match=says):
        trace.read(file)


def test_kept_traces_say_why_and_can_be_done() -> None:
    """Each has a reason of its own, and no step of it is left out."""
    whys = [trace.read(file).why for file in FILES]
    assert 20 <= len(FILES) <= 40
    assert all(whys)
    assert len(set(whys)) == len(whys)
    for file in FILES:
        one = trace.read(file).trace
        if isinstance(one, EchoTrace):
            assert [move for _, move, _ in steps(one)] == list(one.steps), file


def test_the_command_keeps_what_it_finds_and_plays_it_again(tmp_path: Path) -> None:
    """Exit 1 with a file and the command that repeats it; 0 for a program without the fault."""
    for name, words in (("bad", '"reset_instead_of_fin"'), ("good", "")):
        (tmp_path / name).mkdir()
        run = f'["{{python}}", "{HERE / "fakes" / "echo_base.py"}", {words}]'
        text = f'title = "{name}"\nstyle = "coroutine"\nrun = {run}\n'
        (tmp_path / name / "meta.toml").write_text(text)
    out = tmp_path / "out"
    common = ["--from", str(tmp_path), "--workload", "echo"]
    search = ["bad", *common, "--minutes", "0.1", "--seed", "3", "--out", str(out)]
    result = CliRunner().invoke(explore, search)
    assert result.exit_code == 1, result.output
    file = next(out.glob("echo-*.json"))
    assert trace.read(file).again == f"nox -s explore -- bad --from {tmp_path} --replay {file}"
    assert "disagreements: 1" in result.output
    assert "seed 3" in result.output
    for name, status in (("bad", 1), ("good", 0)):
        result = CliRunner().invoke(explore, [name, *common, "--replay", str(file)])
        assert result.exit_code == status, result.output


def test_a_trace_is_hashed_by_what_it_does() -> None:
    """The name of a kept file is that of its trace alone, and another trace has another."""
    one = FetchTrace(replies=(Reply((Act("FIN"),)),))
    other = msgspec.structs.replace(one, limit=2)
    assert Kept(why="a", trace=one).name() == Kept(why="b", seed=1, trace=one).name()
    assert Kept(why="a", trace=one).name() != Kept(why="a", trace=other).name()
    assert str(Move("send", 1, 20)) == "send 1 20"
    assert str(Move("stop")) == "stop"
