"""The command line: a user's mistake is one sentence and the right status, never a traceback."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import psutil
import pytest
from rich.console import Console

from harness import cost, files, plan, run_folder, stages
from harness.__main__ import COMMANDS, Lazy
from harness.commands import compare, listing, options
from harness.launch import ROOT
from harness.model import Implementation, InterruptedRun, Plan, Sample, Verdict


def harness(*words: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "harness", *words],
        cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["swim"], "swim"),
        (["check", "asincio"], "did you mean asyncio"),
        (["proof", "swim"], "no row is called 'swim'; there are reference"),
        (["check", "asyncio", "--case", "E4"], "no case or clause"),
        (["compare", "--budget", "soon"], "'soon' is no duration; write it as 90s, 10m or 1h30m"),
        (["compare", "--budget", "0"], "between 0 and 24 hours"),
        (["compare", "--workload", "swim"], "swim"),
        (["compare", "--from", "/no/such/folder"], "/no/such/folder"),
        (["compare", "--resume", "/no/such/run"], "/no/such/run is no run folder"),
        (["compare", "--resume", "tests", "--quick"], "give --budget, if any other option"),
        (["compare", "--out", "tests"], "not an empty folder"),
        (["compare", "--only", "trio", "--out", "/proc/x"], "cannot write to /proc/x"),
        (["report", "/no/such/run"], "is no run folder"),
        (["report", "tests"], "is no run folder"),
        (["measure", "tests"], "is no run folder"),
        (["analyse", "tests"], "is no run folder"),
        (["show", "asincio", "echo"], "did you mean asyncio"),
        (["show", "trio", "swim"], "swim"),
    ],
)
def test_a_mistake_is_one_sentence(words: list[str], said: str) -> None:
    """One line on stderr that names the thing, status 2."""
    done = harness(*words)
    assert said in done.stderr
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "command",
    ["", *Lazy(name="evenloop").list_commands(click.Context(click.Command("evenloop")))],
)
def test_help_says_what_and_how(command: str) -> None:
    """--help of each command says what it does, with an example."""
    done = harness(*([command] if command else []), "--help")
    assert done.returncode == 0
    assert "Usage:" in done.stdout
    assert len(done.stdout.splitlines()) < 60
    if command not in {"", "measure", "analyse"}:  # those two stand in the help of `plan`
        assert re.search(r"(nox -s|python -m harness) " + command, done.stdout)


def test_list_shows_all_and_why_not(tmp_path: Path) -> None:
    """Every implementation has its row; one that cannot run, its reason."""
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "meta.toml").write_text(
        'title = "Mine"\nstyle = "x"\nrequires = ["evenloop-no-such-package"]\nrun = ["{python}"]\n'
    )
    done = harness("list", "--from", str(tmp_path))
    assert done.returncode == 0
    for name in ("asyncio", "trio", "curio", "twisted", "gevent", "tornado", "reference", "mine"):
        assert re.search(rf"^ *{name}\b", done.stdout, re.MULTILINE)
    assert "pip install 'evenloop-no-such-package'" in " ".join(done.stdout.split())


def test_list_stays_on_a_narrow_screen(capsys: pytest.CaptureFixture[str]) -> None:
    """A line of 80 columns each; a variant indented below its sibling, names and years whole."""
    found = {
        name: Implementation(
            name=name,
            folder="/",
            title="A title of more than twenty letters",
            style="coroutine",
            year=2014,
            variant_of=over,
            versions={"a-distribution": "26.10.0", "another-one": "1.2.3"},
        )
        for name, over in (("asyncio_protocol", "asyncio"), ("asyncio", ""), ("other", ""))
    }
    Console(width=80).print(listing.table(found, 80))
    lines = capsys.readouterr().out.splitlines()
    assert max(len(line.rstrip()) for line in lines) <= 80
    assert [line.split()[:2] for line in lines[1:]] == [
        ["asyncio", "2014"],
        ["asyncio_protocol", "2014"],
        ["other", "2014"],
    ]
    assert [line[:2] == "  " for line in lines[1:]] == [False, True, False]
    assert all("a-dist" in line for line in lines[1:])


def test_a_wrong_meta_is_named(tmp_path: Path) -> None:
    """A meta.toml with a wrong key: file, key, what is known; status 2."""
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "meta.toml").write_text('title = "Mine"\nstyle = "x"\ncolour = "red"\n')
    done = harness("list", "--from", str(tmp_path))
    assert done.returncode == 2
    assert str(mine / "meta.toml") in done.stderr
    assert "colour" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_check_writes_its_verdicts(tmp_path: Path) -> None:
    """--json writes every verdict; status 0 where all MUST clauses hold."""
    out = tmp_path / "verdicts.json"
    done = harness("check", "asyncio", "--case", "E01.1", "--json", str(out))
    assert done.returncode == 0, done.stderr
    assert '"case": "E01.1"' in out.read_text()
    assert '"verdict": "PASS"' in out.read_text()


def descendants(pid: int) -> list[psutil.Process]:
    """Return all processes below one."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def wait_gone(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Return those that still live after ten seconds."""
    _, left = psutil.wait_procs(processes, timeout=10)
    return [one for one in left if one.status() != psutil.STATUS_ZOMBIE]


def start_measuring(folder: Path) -> tuple[subprocess.Popen[str], list[psutil.Process]]:
    """Start a planned run's measuring, and return it once samples come and children live."""
    words = ["plan", "--only=asyncio", "--workload=echo", "--quick", "--seed=5", "--budget=1s"]
    assert harness(*words, "--out", str(folder)).returncode == 0
    verdicts = [
        Verdict(implementation=name, case="E01.1", level="MUST", verdict="PASS")
        for name in ("asyncio", "reference")
    ]
    files.append_jsonl(folder / "verdicts.jsonl", verdicts)
    process = subprocess.Popen(
        [sys.executable, "-m", "harness", "measure", str(folder)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    samples = folder / "samples.jsonl"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if samples.exists() and samples.stat().st_size and (children := descendants(process.pid)):
            return process, children
        if process.poll() is not None:
            break
        time.sleep(0.01)
    pytest.fail(f"no samples: {process.communicate()[1] if process.poll() is not None else 'slow'}")


needs_two_cores = pytest.mark.skipif(
    len(os.sched_getaffinity(0)) < 2, reason="measuring needs two cores"
)


ENDS = (signal.SIGKILL, signal.SIGINT, signal.SIGTERM)


@needs_two_cores
@pytest.mark.parametrize("number", ENDS)
def test_nothing_is_lost_and_nobody_left(
    tmp_path: Path, number: signal.Signals, request: pytest.FixtureRequest
) -> None:
    """After kill -9, Ctrl-C or SIGTERM in mid-run: no process left, the samples kept and whole."""
    here = ENDS[sys.version_info.minor % len(ENDS)]
    if number != here and not request.config.getoption("--every-test"):
        pytest.skip(f"Python 3.{sys.version_info.minor} ends it by {here.name} (--every-test)")
    folder = tmp_path / "run"
    process, children = start_measuring(folder)
    process.send_signal(number)
    process.wait(20)
    _, stderr = process.communicate()
    assert not wait_gone(children)
    before = (folder / "samples.jsonl").read_bytes()
    if number != signal.SIGKILL:
        assert process.returncode == 130
        assert "Traceback" not in stderr
    done = harness("measure", str(folder))
    assert done.returncode == 0, done.stderr
    samples = files.read_jsonl(folder / "samples.jsonl", Sample)
    whole = before[: before.rfind(b"\n") + 1]
    kept = whole.splitlines()
    after = (folder / "samples.jsonl").read_bytes().splitlines()
    units = [(s.block, s.implementation, s.cell, s.index) for s in samples]
    assert len(units) == len(set(units)), "a sample stands twice"
    assert len([line for line in kept if line in set(after)]) >= len(kept) - 13, "samples were lost"
    planned = files.read_json(folder / "plan.json", Plan)
    assert {s.block for s in samples} == set(range(6))
    assert planned.seed == 5


def test_a_samples_file_that_was_edited(tmp_path: Path) -> None:
    """An edited line is refused with its number, by every stage that reads it."""
    folder = tmp_path / "run"
    words = ["plan", "--only", "asyncio", "--workload", "echo", "--quick", "--out", str(folder)]
    assert harness(*words).returncode == 0
    (folder / "samples.jsonl").write_text('{"block": 0}\n{"block": "edited"}\n')
    for command in ("analyse", "report"):
        done = harness(command, str(folder))
        assert done.returncode == 2
        assert "samples.jsonl, line 1" in done.stderr


def test_every_command_has_its_session_and_its_module() -> None:
    """What --help lists can be imported; nox has a session for each but the single stages."""
    text = (ROOT / "noxfile.py").read_text("utf-8")
    sessions = set(re.findall(r"harness\(session, \"([a-z]+)\"", text))
    listed = [name for names in COMMANDS.values() for name in names]
    assert len(listed) == len(set(listed))
    assert sessions == set(listed) - {"plan", "measure", "analyse"}
    context = click.Context(Lazy(name="evenloop"))
    for name in listed:
        command = Lazy(name="evenloop").get_command(context, name)
        assert command is not None
        assert command.name == name


def completed(words: str, at: int, **environment: str) -> list[str]:
    """Return what a shell is offered behind these words."""
    script = "import sys; from harness.__main__ import run; sys.argv[0] = 'evenloop'; run()"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "_EVENLOOP_COMPLETE": "bash_complete", "COMP_WORDS": words,
             "COMP_CWORD": str(at), **environment},
    )  # fmt: skip
    assert done.stderr == ""
    return [line.partition(",")[2] for line in done.stdout.splitlines()]


def test_a_shell_completes_commands_names_and_options() -> None:
    """As click does it; of comma-separated names, the last one."""
    assert completed("evenloop hi", 1) == ["history"]
    known = sorted(one.name for one in plan.discover())
    assert completed("evenloop show t", 2) == [name for name in known if name.startswith("t")]
    assert completed("evenloop compare --only asyncio,tr", 3) == ["asyncio,trio"]
    assert "--fail-over" in completed("evenloop diff --", 2)


def test_a_shell_completes_run_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those below runs/, the latest first; else any folder."""
    for name in ("20260101T000000Z", "20260102T000000Z", "repeat-1"):
        (tmp_path / "runs" / name).mkdir(parents=True)
    for name in ("20260101T000000Z", "20260102T000000Z"):
        (tmp_path / "runs" / name / "plan.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    kind, context = options.RunFolder(), click.Context(click.Command("diff"))
    parameter = click.Argument(["run"])
    found = kind.shell_complete(context, parameter, "ru")
    assert [item.value for item in found] == ["runs/20260102T000000Z", "runs/20260101T000000Z"]
    assert kind.shell_complete(context, parameter, "elsewhere/")[0].type == "dir"


@pytest.mark.parametrize(
    ("terminal", "no_color", "term", "expected"),
    [
        (True, "", "xterm", True),
        (True, "1", "xterm", False),
        (True, "", "dumb", False),
        (False, "", "xterm", False),
    ],
)
def test_colours_are_for_terminals_that_want_them(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, no_color: str, term: str, expected: bool
) -> None:
    """NO_COLOR counts when it is not empty, as no-color.org has it."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setenv("TERM", term)
    assert options.colour() is expected


def test_ctrl_c_makes_the_report_of_what_there_is(tmp_path: Path) -> None:
    """In the middle of a check: status 130, a report, the command that goes on, nobody left."""
    folder = tmp_path / "run"
    words = ["compare", "--only=asyncio", "--workload=echo", "--quick", "--budget=10m", "--out"]
    process = subprocess.Popen(
        [sys.executable, "-m", "harness", *words, str(folder)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    verdicts = folder / "verdicts.jsonl"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if verdicts.exists() and verdicts.stat().st_size:
            break
        time.sleep(0.01)
    children = descendants(process.pid)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 130, stderr
    assert not wait_gone(children)
    assert f"Go on with: nox -s compare -- --resume {folder}" in stderr
    assert "Traceback" not in stderr
    assert f"The report: {folder}/REPORT.md" in stdout
    assert "## Nothing was measured" in (folder / "REPORT.md").read_text()
    assert files.read_jsonl(verdicts, Verdict)
    assert run_folder.spent(folder).state == "interrupted"
    assert cost.walls(cost.Book(folder).read()).keys() == {"check"}


def test_a_second_ctrl_c_ends_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the report is being made: nothing more is, and the results are still there."""

    def interrupted(_folder: Path) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(stages, "salvage", interrupted)
    with pytest.raises(InterruptedRun, match=r"interrupted twice.*--resume") as caught:
        compare._interrupted(tmp_path, run_folder.Clock(tmp_path))
    assert caught.value.exit_code == 130
    assert run_folder.spent(tmp_path).state == "interrupted"


def test_an_interrupted_run_without_a_verdict_has_no_report(tmp_path: Path) -> None:
    """There is nothing to render, and no file that looks like it."""
    (tmp_path / "verdicts.jsonl").write_text("")
    assert stages.salvage(tmp_path) is False
    assert not (tmp_path / "REPORT.md").exists()
