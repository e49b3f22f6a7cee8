"""The commands of this project: `nox -l` lists them, `nox -s compare -- --help` explains one."""

import argparse
import sys
import tomllib
from pathlib import Path

import nox
from nox.command import CommandFailed

nox.needs_version = ">=2024.10.9"
nox.options.sessions = ["compare"]
nox.options.reuse_venv = "yes"
nox.options.default_venv_backend = "uv|virtualenv"

PYTHONS = ["3.11", "3.12", "3.13"]
METAS = [tomllib.loads(f.read_text("utf-8")) for f in Path().glob("implementations/*/meta.toml")]
FRAMEWORKS = sorted(
    {need for meta in METAS if not meta.get("cannot_run") for need in meta["requires"]}
)
LAUNCHER = "httptools>=0.9"  # what implementations/ shares needs this much of pyproject.toml
NO_DOWNLOAD = {"NOX_DOWNLOAD_PYTHON": "never", "UV_PYTHON_DOWNLOADS": "never"}
"""What is compared are the Pythons of this machine: nothing fetches another."""
TESTING = nox.project.load_toml("pyproject.toml")["dependency-groups"]


def install(session: nox.Session, *more: str) -> None:
    """Install the project with every framework, once what builds its C part is seen to be there."""
    session.run("python", "harness/gauge/needs.py")
    session.install("-e", ".", *FRAMEWORKS, *more)


def program(session: nox.Session, environment: str, version: object) -> Path:
    """Return the Python of the environment that a session makes for a version."""
    suffix = f"-{version}".replace(".", "-") if version else ""
    return session.cache_dir.parent / f"{environment}{suffix}" / "bin" / "python"


def harness(session: nox.Session, command: str, *more: str) -> None:
    """Run a command of the harness in the shared environment; it handles Ctrl-C by itself."""
    python = program(session, "environment", session.python)
    words = [str(python), "-m", "harness", command, *(more or session.posargs)]
    session.run(*words, external=True, interrupt_timeout=None, terminate_timeout=None)


def nested(session: nox.Session, version: str) -> None:
    """Make the environment of a Python: nox does, by its own rules for finding it.

    What comes of it the harness sees, and names what is missing.
    """
    words = [sys.executable, "-m", "nox", "-s", "contestants", "--force-python", version]
    words += ["--envdir", str(session.cache_dir.parent), "--no-error-on-missing-interpreters"]
    session.run(*words, external=True, env=NO_DOWNLOAD, success_codes=range(256))


def one_by_one(session: nox.Session) -> None:
    """Install what can be installed; whatever misses something is named by the report."""
    session.install(LAUNCHER)
    for requirement in FRAMEWORKS:
        try:
            session.install(requirement)
        except CommandFailed:
            session.warn(f"{requirement} cannot be installed on Python {session.python}")


def on_pythons(session: nox.Session) -> list[str]:
    """Make an environment for each Python of --python; return the words that say where it is.

    One that this machine has not stays as it was written: the harness names it, and goes on.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--python", action="append", default=[], nargs="?", const="")
    known, words = parser.parse_known_args(session.posargs)
    found = []
    for word in (word.strip() for value in known.python for word in value.split(",")):
        python = program(session, "contestants", word)
        if word and "=" not in word:
            nested(session, word)
        found.append(f"{word}={python}" if "=" not in word and python.exists() else word)
    return [*words, "--python", ",".join(found)] if found else words


@nox.session
def environment(session: nox.Session) -> None:
    """Install the harness and every framework, once for the commands below."""
    install(session)


@nox.session
def contestants(session: nox.Session) -> None:
    """Install what the implementations need on one more Python, for compare --python."""
    try:
        session.install(LAUNCHER, *FRAMEWORKS)
    except CommandFailed:
        one_by_one(session)


@nox.session(requires=["environment"], venv_backend="none")
def compare(session: nox.Session) -> None:
    """Check, measure and report: the main job; with --python 3.12,3.13 on each of these."""
    harness(session, "compare", *on_pythons(session))


@nox.session(requires=["environment"], venv_backend="none")
def check(session: nox.Session) -> None:
    """Check the behaviour alone; exit 1 when a MUST fails."""
    harness(session, "check")


@nox.session(requires=["environment"], venv_backend="none")
def explore(session: nox.Session) -> None:
    """Search for traces on which implementations disagree; exit 1 when one is found."""
    harness(session, "explore")


@nox.session(requires=["environment"], venv_backend="none")
def repeat(session: nox.Session) -> None:
    """Play the suite N times; exit 1 when a verdict changed."""
    harness(session, "repeat")


@nox.session(requires=["environment"], venv_backend="none")
def doctor(session: nox.Session) -> None:
    """Tell whether this machine is fit to measure, and what to change; exit 1 when it is not."""
    harness(session, "doctor")


@nox.session(requires=["environment"], venv_backend="none")
def tax(session: nox.Session) -> None:
    """Measure what the contract costs each framework; exit 1 when it is more than 7%."""
    harness(session, "tax")


@nox.session(requires=["environment"], venv_backend="none")
def proof(session: nox.Session) -> None:
    """Prove the instrument, a row a claim; exit 1 when one is missed."""
    harness(session, "proof")


@nox.session(requires=["environment"], venv_backend="none")
def report(session: nox.Session) -> None:
    """Render the report of a run folder again, without measuring."""
    harness(session, "report")


@nox.session(requires=["environment"], venv_backend="none")
def export(session: nox.Session) -> None:
    """Write a run's figures for other programs: CSV, JSON, JUnit, pyperf, Bencher."""
    harness(session, "export")


@nox.session(requires=["environment"], venv_backend="none")
def diff(session: nox.Session) -> None:
    """Tell what changed between two runs; with --fail-over, exit 1 when it is too much worse."""
    harness(session, "diff")


@nox.session(requires=["environment"], venv_backend="none")
def history(session: nox.Session) -> None:
    """List earlier runs, or plot one cell over time from them."""
    harness(session, "history")


@nox.session(requires=["environment"], venv_backend="none")
def show(session: nox.Session) -> None:
    """Run one implementation in the foreground, with the commands to try by hand."""
    harness(session, "show")


@nox.session(requires=["environment"], venv_backend="none")
def new(session: nox.Session) -> None:
    """Write the folder of a new implementation, which says in comments what to fill in."""
    harness(session, "new")


@nox.session(name="list", requires=["environment"], venv_backend="none")
def list_(session: nox.Session) -> None:
    """List the implementations, their versions, and whether each can run here."""
    harness(session, "list")


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the tests on every supported Python that is here."""
    install(session, *TESTING["tests"])
    session.run("pytest", "-n", "4", *session.posargs)


@nox.session
def sensitivity(session: nox.Session) -> None:
    """Prove the suite: planted faults must be seen, harmless programs spared; exit 1 otherwise."""
    install(session)
    session.run("python", "tests/sensitivity.py", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and formatting."""
    session.install(*TESTING["lint"])
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session
def types(session: nox.Session) -> None:
    """Check the types."""
    install(session, *TESTING["tests"], *TESTING["types"], "nox")
    session.run("mypy")
