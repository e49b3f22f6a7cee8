"""Entry points: an installed package's implementation takes part like any other.

Rules: packages are made here, from source trees in tmp_path, and installed as a wheel is: their
files and a .dist-info in a site-packages.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import shutil
import site
import subprocess
import sys
import venv
from typing import TYPE_CHECKING

import pytest

from harness import files, offered, plan, template
from harness.launch import ROOT
from harness.model import Implementation, Plan
from harness.summary import Summary

if TYPE_CHECKING:
    from pathlib import Path

META = 'title = "Mine"\nstyle = "thread"\n'


def install(
    site_packages: Path, points: dict[str, str], distribution: str = "evenloop-mine"
) -> None:
    """Write the .dist-info of a package that offers these entry points."""
    info = site_packages / f"{distribution.replace('-', '_')}-1.5.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.5\n")
    lines = [f"{name} = {value}" for name, value in points.items()]
    (info / "entry_points.txt").write_text("\n".join([f"[{offered.GROUP}]", *lines]) + "\n")


def package(folder: Path, meta: str = META) -> Path:
    """Write a package's folder with a meta.toml; importing the package is a failure."""
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('imported')\n")
    (folder / "meta.toml").write_text(meta)
    for workload in ("echo", "fetch"):
        (folder / f"{workload}.py").write_text("x = 1\n")
    return folder


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder on sys.path that packages are installed into."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    importlib.invalidate_caches()
    return folder


def found(name: str) -> Implementation:
    """Return the implementation of a name."""
    return plan.choose(plan.discover(), [name])[0]


def test_it_is_found_and_nothing_of_it_imported(here: Path) -> None:
    """Its name is the entry point's, its folder the package's, its version that of what offers."""
    folder = package(here / "evenloop_mine" / "inner")
    (here / "evenloop_mine" / "__init__.py").write_text("raise RuntimeError('imported')\n")
    install(here, {"mine": "evenloop_mine.inner"})
    one = found("mine")
    assert (one.title, one.folder, one.cannot_run) == ("Mine", str(folder), "")
    assert one.versions == {"evenloop-mine": "1.5"}
    assert one.offered_by == "evenloop-mine"
    assert "evenloop_mine" not in sys.modules


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("evenloop_no_such_package", "`mine = evenloop_no_such_package`: there is no package"),
        ("evenloop_mine.no.such", "there is no package evenloop_mine.no.such with a meta.toml"),
        ("evenloop_mine:thing", "there is no package evenloop_mine:thing"),
        ("evenloop_mine", "meta.toml: Object contains unknown field `titel`"),
    ],
)
def test_an_offer_that_cannot_be_read_is_a_row_with_its_reason(
    here: Path, value: str, reason: str
) -> None:
    """One bad package stops nobody else's work, and is not passed over in silence."""
    package(here / "evenloop_mine", META + 'titel = "Mine"\n')
    install(here, {"mine": value})
    one = found("mine")
    assert "what the package evenloop-mine offers cannot be read" in one.cannot_run
    assert reason in one.cannot_run
    assert found("asyncio").cannot_run == ""


@pytest.mark.parametrize(
    ("name", "said"), [("asyncio", "a name that is taken"), ("My.Own", "a name that must match")]
)
def test_a_name_that_cannot_be_is_left_out(here: Path, name: str, said: str) -> None:
    """It stops nobody; the sentence names the package, and what can be done."""
    before = [one.name for one in plan.discover()]
    package(here / "evenloop_mine")
    install(here, {name: "evenloop_mine"})
    assert [one.name for one in plan.discover()] == before
    (sentence,) = plan.refused()
    assert re.match(f"the package evenloop-mine offers '{name}'.*{said}", sentence)


def test_two_packages_cannot_offer_one_name(here: Path) -> None:
    """The second is left out, whichever it is."""
    package(here / "evenloop_mine")
    install(here, {"mine": "evenloop_mine"})
    install(here, {"mine": "evenloop_mine"}, "evenloop-yours")
    assert [one.name for one in plan.discover()].count("mine") == 1
    (sentence,) = plan.refused()
    assert "offers 'mine' to evenloop, a name that is taken" in sentence


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """Return the interpreter of an environment that has all that this one has, and more to come."""
    folder = tmp_path / "environment"
    venv.create(folder, symlinks=True)
    own = next(folder.glob("lib/python3*/site-packages"))
    lines = [f"import site; site.addsitedir({path!r})" for path in site.getsitepackages()]
    (own / "_everything_else.pth").write_text("\n".join(lines) + "\n")
    return folder / "bin" / "python"


LOOP = '''"""What the package is about: here, a way to start a thread."""

from threading import Thread


def begin(target, *args):
    """Call it in a thread of its own."""
    Thread(target=target, args=args, daemon=True).start()
'''


def built(source: Path) -> None:
    """Write a package's source tree: its library, and its implementation on that library."""
    template.write("mine", "thread", source / "evenloop_mine")
    (source / "evenloop_mine" / "__init__.py").touch()
    (source / "evenloop_mine" / "loop.py").write_text(LOOP)
    echo = source / "evenloop_mine" / "mine" / "echo.py"
    text = echo.read_text("utf-8").replace(
        "from implementations.contract import CHUNK",
        "from evenloop_mine.loop import begin\nfrom implementations.contract import CHUNK",
    )
    start = re.search(r"Thread\(target=echo, args=\((.*)\), daemon=True\)\.start\(\)", text)
    assert start
    echo.write_text(text.replace(start[0], f"begin(echo, {start[1]})"), "utf-8")


def harness(python: Path, *words: str, timeout: float = 250) -> subprocess.CompletedProcess[str]:
    """Run a command of the harness by that interpreter."""
    return subprocess.run(
        [python, "-m", "harness", *words],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=timeout,
        env={**os.environ, "COLUMNS": "200"},
    )  # fmt: skip


def installed(python: Path, source: Path) -> None:
    """Install a source tree as a wheel of it would be."""
    own = next(python.parent.parent.glob("lib/python3*/site-packages"))
    (source / "evenloop_mine").rename(own / "evenloop_mine")
    install(own, {"mine": "evenloop_mine.mine"})


def test_an_installed_package_is_listed_and_checked(python: Path, tmp_path: Path) -> None:
    """Its implementation imports its own package, and its cases are played like any other's."""
    built(tmp_path / "source")
    installed(python, tmp_path / "source")
    done = harness(python, "list")
    assert re.search(r"^mine +- +mine +thread +yes +evenloop-mine 1\.5", done.stdout, re.MULTILINE)
    seen = tmp_path / "verdicts"
    words = ["check", "mine", "--case", "E01.1", "--case", "E16.1", "--json", str(seen)]
    done = harness(python, *words)
    assert done.returncode == 1, "SIGTERM is what its template leaves to fill in"
    kinds = {one["case"]: one["verdict"] for one in json.loads(seen.read_text())["verdicts"]}
    assert (kinds["E01.1"], kinds["E16.1"]) == ("PASS", "FAIL")
    assert "again     nox -s check -- mine --case E16.1\n" in done.stdout


@pytest.mark.slow
@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="measuring needs two cores")
def test_an_installed_package_is_compared(
    python: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """A whole run: its row stands beside the baseline's, with figures and what offered it."""
    if sys.version_info.minor != 11 and not request.config.getoption("--every-test"):
        pytest.skip("Python 3.11 measures it (--every-test: here, too)")
    source = tmp_path / "source"
    shutil.copytree(plan.IN_TREE / "asyncio", source / "evenloop_mine" / "mine")
    (source / "evenloop_mine" / "__init__.py").touch()
    meta = source / "evenloop_mine" / "mine" / "meta.toml"
    meta.write_text(meta.read_text("utf-8").replace('title = "asyncio"', 'title = "Mine"'), "utf-8")
    installed(python, source)
    run = tmp_path / "run"
    words = ["--only", "asyncio,mine", "--workload", "echo", "--quick", "--budget", "45s"]
    done = harness(python, "compare", *words, "--out", str(run))
    assert done.returncode == 0, done.stderr
    planned = {one.name: one for one in files.read_json(run / "plan.json", Plan).implementations}
    assert planned["mine"].offered_by == "evenloop-mine"
    summary = files.read_json(run / "summary.json", Summary)
    [mine] = [row for row in summary.workloads[0].standings if row.implementation == "mine"]
    assert mine.status in {"ok", "unproven"}  # a busy machine proves nothing
    assert mine.ratio is not None or summary.workloads[0].blocks == 0
    assert "Mine" in (run / "REPORT.md").read_text("utf-8")
    shown = {one.name: one for one in summary.implementations}
    assert shown["mine"].versions == {"evenloop-mine": "1.5"}
    assert shown["mine"].folder == ""
