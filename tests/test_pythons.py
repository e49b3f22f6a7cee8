"""pythons: what was asked for is found or named, and a row on another Python is that Python's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from command_line import run

from harness import alike, launch, plan, pythons, run_folder
from harness.commands.options import Choice
from harness.measure.scenarios import size
from harness.model import BASELINE, HarnessError, Implementation, Interpreter, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.model import Plan

ROOT = Path(__file__).resolve().parent.parent
OWN = f"3.{sys.version_info.minor}"
HTTPTOOLS = "class HttpParserError(Exception): pass\nclass HttpParserUpgrade(Exception): pass\n"
HTTPTOOLS += "class HttpResponseParser: pass\n"


def choice(python: Sequence[pythons.Wanted], *only: str, budget: float | None = None) -> Choice:
    """Return what a command line with --only and --python makes."""
    return Choice(
        only=only,
        workload=(),
        outside=(),
        quick=True,
        budget=budget,
        seed=1,
        out=None,
        python=tuple(python),
    )


def other_python(folder: Path) -> pythons.Wanted:
    """Return another Python in an environment of its own, in which nothing is installed."""
    for minor in (11, 12, 13, 14):
        program = shutil.which(f"python3.{minor}")
        if minor != sys.version_info.minor and program:
            words = [program, "-m", "venv", "--without-pip", str(folder / "venv")]
            if subprocess.run(words, capture_output=True, check=False).returncode == 0:
                return pythons.Wanted(f"3.{minor}", str(folder / "venv" / "bin" / "python"))
    pytest.skip("there is no second Python on the PATH")


@pytest.fixture(scope="module")
def equipped(tmp_path_factory: pytest.TempPathFactory) -> pythons.Wanted:
    """Return another Python that has what the launcher needs, and a Trio that is too old."""
    second = other_python(tmp_path_factory.mktemp("second"))
    site = next(Path(second.path).parent.parent.glob("lib/python3.*/site-packages"))
    (site / "httptools.py").write_text(HTTPTOOLS)
    trio = site / "trio-0.1.dist-info"
    trio.mkdir()
    (trio / "METADATA").write_text("Metadata-Version: 2.1\nName: Trio\nVersion: 0.1\n")
    return second


@pytest.fixture(scope="module")
def alone() -> Plan:
    """Return the plan of a run on this Python alone."""
    return choice([pythons.Wanted(OWN, sys.executable)], BASELINE).plan()


@pytest.fixture(scope="module")
def made(equipped: pythons.Wanted) -> Plan:
    """Return the plan of a run on this Python and on another, and on one that is missing."""
    asked = [pythons.Wanted(OWN, sys.executable), equipped, pythons.Wanted("3.99")]
    return choice(asked, BASELINE, "trio", "uvloop").plan()


def test_what_is_asked_for() -> None:
    """Versions with commas between them, in their order, with a program or without."""
    found = pythons.wanted(["3.12, 3.13t", "3.11=/a/python"])
    assert [tuple(one) for one in found] == [
        ("3.12", ""),
        ("3.13t", ""),
        ("3.11", "/a/python"),
    ]


@pytest.mark.parametrize("word", ["", "3", "python3.12", "2.7", "3.12,", "3.12=", "3.x", "pypy"])
def test_what_is_no_python_is_refused(word: str) -> None:
    """One sentence with what was written and what to write."""
    with pytest.raises(UsageError, match=r"is no Python; write 3\.12"):
        pythons.wanted([word])


def test_a_python_stands_once() -> None:
    """The same twice would be two rows of one name."""
    with pytest.raises(UsageError, match=r"3\.12 stands there twice"):
        pythons.wanted(["3.12", "3.12=/a/python"])


def test_one_that_is_not_here_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The others are found; where none is, that is an error with every reason."""
    monkeypatch.setenv("PATH", str(tmp_path))
    lost = pythons.find(pythons.Wanted("3.99t"))
    assert lost.environment is None
    assert lost.interpreter == Interpreter(
        asked="3.99t", missing="not on this machine: there is no python3.99t on the PATH"
    )
    both = [pythons.Wanted(OWN, sys.executable), pythons.Wanted("3.99t")]
    assert [one.environment is None for one in pythons.search(both)] == [False, True]
    with pytest.raises(UsageError, match=r"can be compared: 3\.98: not on this machine.*; 3\.99:"):
        pythons.search([pythons.Wanted("3.98"), pythons.Wanted("3.99")])


def test_what_only_looks_like_a_python(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A program of that name that fails is told in its own words, without a folder's name."""
    fake = tmp_path / "python3.99"
    fake.write_text(f"#!/bin/sh\necho '{tmp_path}/shims/python3.99: no such version' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    said = pythons.find(pythons.Wanted("3.99")).interpreter.missing
    assert said.endswith("does not answer as a Python does (python3.99: no such version)")
    fake.write_text("#!/bin/sh\nexit 0\n")
    with pytest.raises(UsageError, match="it does not answer as a Python does"):
        pythons.find(pythons.Wanted("3.99", str(fake)))
    with pytest.raises(UsageError, match=r"--python 3\.99=/nowhere: that is no program"):
        pythons.find(pythons.Wanted("3.99", "/nowhere"))


def test_another_version_than_asked_is_an_error() -> None:
    """A path that leads to another Python, or to one with the GIL where none was wanted."""
    for asked in ("3.99", f"{OWN}t", f"{OWN}.99"):
        with pytest.raises(UsageError, match=rf"that is Python {OWN}\.\d+"):
            pythons.find(pythons.Wanted(asked, sys.executable))


def test_an_old_python_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the project does not run on is no reason to stop the others."""
    there = pythons.ask(sys.executable)
    old = msgspec.structs.replace(there, version="3.8.1")
    monkeypatch.setattr(pythons, "ask", lambda _: old)
    found = pythons.find(pythons.Wanted("3.8", sys.executable))
    assert found.environment is None
    assert found.interpreter.missing.startswith("evenloop needs Python >=3.")
    free = msgspec.structs.replace(there, version="3.13.0", free_threaded=True)
    monkeypatch.setattr(pythons, "ask", lambda _: free)
    assert pythons.find(pythons.Wanted("3.13t", sys.executable)).interpreter.version == "3.13.0t"


def test_what_the_launcher_lacks_is_named(tmp_path: Path) -> None:
    """An empty environment: which module, and nothing of where it lies."""
    found = pythons.find(other_python(tmp_path))
    assert found.environment is None
    said = found.interpreter.missing
    assert "not what every implementation needs" in said
    assert "No module named 'httptools'" in said
    assert str(ROOT) not in said


def test_rows_on_a_second_python(made: Plan, equipped: pythons.Wanted) -> None:
    """Each Python's own versions and reasons; the first's rows keep their names."""
    rows = {one.name: one for one in made.implementations}
    at = f"@{equipped.asked}"
    assert list(rows) == [
        *(BASELINE, BASELINE + at, "trio", "trio" + at, "uvloop", "uvloop" + at, "reference"),
    ]
    there = rows[BASELINE + at]
    assert (there.title, there.on, there.same_as) == (
        f"{BASELINE}, {equipped.asked}",
        equipped.asked,
        BASELINE,
    )
    assert there.cannot_run == ""
    assert rows["trio"].versions["trio"] != "0.1"
    assert rows["trio" + at].versions == {"trio": "0.1"}
    assert rows["trio" + at].cannot_run.startswith("trio>=0.27 not installed for Python 3.")
    assert rows["uvloop" + at].variant_of == BASELINE + at
    assert rows["reference"].interpreter == ""
    assert launch.command(there, "echo")[0] == equipped.path
    assert [one.asked for one in made.interpreters] == [OWN, equipped.asked, "3.99"]
    assert [bool(one.missing) for one in made.interpreters] == [False, False, True]
    assert made.python == made.interpreters[0].version
    assert all("PGO" in one.build for one in made.interpreters[:2])
    assert made.arguments == (
        f"--only={BASELINE},trio,uvloop",
        f"--python={OWN},{equipped.asked},3.99",
        "--quick",
    )


def test_the_budget_grows_with_the_pythons(made: Plan, alone: Plan) -> None:
    """As many runs' time, of those that are here, unless a budget is given."""
    assert made.budget_s == 2 * alone.budget_s
    own = pythons.Wanted(OWN, sys.executable)
    assert choice([own], BASELINE, budget=77.0).plan().budget_s == 77.0
    assert alone.implementations[0].title == BASELINE


def test_it_is_that_python_that_runs(made: Plan, equipped: pythons.Wanted, tmp_path: Path) -> None:
    """An implementation starts on the second Python, and its size is that environment's."""
    there = made.implementations[1]
    sock = launch.listener()
    words = [*launch.command(there, "echo"), "--fd", str(sock.fileno())]
    with launch.start(words, stderr=tmp_path / "stderr", fds=[sock.fileno()]) as child:
        child.ready()
        program = Path(f"/proc/{child.pid}/exe").resolve()
    sock.close()
    assert program == Path(equipped.path).resolve()
    where = pythons.ask(equipped.path)
    assert size.distributions(["trio"], where)["trio"].version == "0.1"
    assert size.distributions(there.requires, where) == {}


@pytest.mark.parametrize("on", [True, False])
def test_who_turns_the_gil_on_again(equipped: pythons.Wanted, *, on: bool) -> None:
    """A free-threaded Python is asked after the import; another one never is."""
    site = next(Path(equipped.path).parent.parent.glob("lib/python3.*/site-packages"))
    customised = site / "sitecustomize.py"
    customised.write_text(f"import sys\nsys._is_gil_enabled = lambda: {on}\n")
    there = pythons.ask(equipped.path)
    free = msgspec.structs.replace(there, free_threaded=True)
    folder = str(ROOT / "implementations" / BASELINE)
    try:
        assert pythons.gil_is_on(free, folder, "echo") is on
        assert pythons.gil_is_on(there, folder, "echo") is False
        assert pythons.gil_is_on(free, folder, "no_such_module") is False
    finally:
        customised.unlink()


def test_resume_wants_the_same_pythons(made: Plan, tmp_path: Path) -> None:
    """The plan of a run goes on where its Pythons are what they were, and nowhere else."""
    folder = run_folder.create(tmp_path / "run", made)
    assert run_folder.reopen(folder) == made
    other = [msgspec.structs.replace(one, version="3.12.99") for one in made.interpreters[:1]]
    with pytest.raises(UsageError, match=r"begun on Python 3\.12\.99, its 3\.\d+ is 3"):
        pythons.still_there(msgspec.structs.replace(made, interpreters=tuple(other)))
    gone = [msgspec.structs.replace(one, path="/nowhere") for one in made.interpreters[:1]]
    with pytest.raises(UsageError, match="cannot be started"):
        pythons.still_there(msgspec.structs.replace(made, interpreters=tuple(gone)))


def test_a_program_of_another_language_has_one_row() -> None:
    """Only what a Python runs can be run by another one."""
    made = Implementation(name="x", folder="", title="x", style="x", run=("{here}/server",))
    assert not plan.is_python(made)
    assert plan.is_python(msgspec.structs.replace(made, run=("{python}", "{here}/x.py")))
    assert plan.is_python(msgspec.structs.replace(made, run=()))


def test_a_further_python_is_a_condition_where_both_have_it(
    made: Plan, alone: Plan, equipped: pythons.Wanted
) -> None:
    """Runs with and without it can be compared; two builds of it are told."""
    assert alike.conditions(alone, made) == ()
    newer = (made.interpreters[0], msgspec.structs.replace(made.interpreters[1], version="3.0.0"))
    found = alike.conditions(made, msgspec.structs.replace(made, interpreters=newer))
    assert [(each.what, each.after) for each in found] == [(f"Python {equipped.asked}", "3.0.0")]


def test_the_command_line_refuses_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No run folder is made, and the status is 2."""
    for words, said in (
        (["--python", "three"], "'three' is no Python"),
        (["--python", "3.98"], "3.98: not on this machine: there is no python3.98 on the PATH"),
    ):
        done = run(capsys, monkeypatch, "compare", *words, "--out", tmp_path / "run")
        assert done.status == 2
        assert said in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_a_python_that_says_nonsense() -> None:
    """A program that is none is half a sentence, no traceback."""
    with pytest.raises(HarnessError, match="does not answer as a Python does"):
        pythons.ask("/bin/true")


def test_the_sessions_know_what_the_launcher_needs() -> None:
    """The noxfile's requirement for the environments of other Pythons is the project's own."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    noxfile = (ROOT / "noxfile.py").read_text("utf-8")
    own = next(one for one in project["dependencies"] if one.startswith("httptools"))
    assert f'LAUNCHER = "{own}"' in noxfile
