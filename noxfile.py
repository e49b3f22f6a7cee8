"""The commands of this project: `nox -l` lists them, `nox -s compare -- --help` explains one."""

import tomllib
from pathlib import Path

import nox

nox.needs_version = ">=2024.10.9"
nox.options.sessions = ["compare"]
nox.options.reuse_venv = "yes"
nox.options.default_venv_backend = "uv|virtualenv"

PYTHONS = ["3.11", "3.12", "3.13"]
METAS = [tomllib.loads(f.read_text("utf-8")) for f in Path().glob("implementations/*/meta.toml")]
FRAMEWORKS = sorted(
    {need for meta in METAS if not meta.get("cannot_run") for need in meta["requires"]}
)
TESTING = nox.project.load_toml("pyproject.toml")["dependency-groups"]


def install(session: nox.Session, *more: str) -> None:
    """Install the project with every framework, once what builds its C part is seen to be there."""
    session.run("python", "harness/gauge/needs.py")
    session.install("-e", ".", *FRAMEWORKS, *more)


def harness(session: nox.Session, command: str) -> None:
    """Run a command of the harness in the shared environment; it handles Ctrl-C by itself."""
    suffix = f"-{session.python}".replace(".", "-") if session.python else ""
    python = session.cache_dir.parent / f"environment{suffix}" / "bin" / "python"
    words = [str(python), "-m", "harness", command, *session.posargs]
    session.run(*words, external=True, interrupt_timeout=None, terminate_timeout=None)


@nox.session
def environment(session: nox.Session) -> None:
    """Install the harness and every framework, once for the commands below."""
    install(session)


@nox.session(requires=["environment"], venv_backend="none")
def compare(session: nox.Session) -> None:
    """Check, measure and report: the main job."""
    harness(session, "compare")


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
