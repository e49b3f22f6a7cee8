"""The Pythons that implementations run on: found on this machine, and asked what they have.

Rules: a Python is asked by a program of the standard library alone, started where and as
implementations are, so that it sees what they will see; nothing is installed. One that is not here
is a value with its reason, which the report names; what the command line gets wrong is an error.

    --python 3.12,3.13t             python3.12 and python3.13t on the PATH
    --python 3.12=/opt/it/python    this one, which must be a 3.12
"""

from __future__ import annotations

import importlib.metadata
import inspect
import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import msgspec
from packaging.specifiers import SpecifierSet

from harness import machine
from harness.launch import ROOT, environment
from harness.model import HarnessError, Interpreter, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harness.model import Plan

T = TypeVar("T")

ASKED = re.compile(r"3\.\d+(?:\.\d+)?t?")
ANSWER_S = 30.0  # a cold Python of a hundred distributions answers in half a second
_PATHS = re.compile(r"(?:/[^\s:'\"]+)+/")

_REAL = "import json, sys; print(json.dumps(sys.executable))"
_GIL = """
import json, sys
from pathlib import Path
from implementations.__main__ import load
load(Path(sys.argv[1]), sys.argv[2])
print(json.dumps(sys._is_gil_enabled()))
"""
# The markers are those of PEP 508; names are normalised as PEP 503 has it.
_CODE = (
    inspect.getsource(machine.built)
    + r"""
import importlib.metadata, json, os, platform, re, sys, sysconfig
lacks = ""
try:
    import implementations.contract
except Exception as error:
    lacks = f"{type(error).__name__}: {error}"
found = {}
for one in importlib.metadata.distributions():
    name = one.metadata["Name"]
    if name:
        found.setdefault(re.sub("[-_.]+", "-", name).lower(), one.version)
version = platform.python_version()
print(json.dumps({
    "executable": sys.executable,
    "version": version,
    "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    "build": built(),
    "lacks": lacks,
    "path": [entry for entry in sys.path if entry],
    "distributions": found,
    "markers": {
        "implementation_name": sys.implementation.name,
        "implementation_version": version,
        "os_name": os.name,
        "platform_machine": platform.machine(),
        "platform_python_implementation": platform.python_implementation(),
        "platform_release": platform.release(),
        "platform_system": platform.system(),
        "platform_version": platform.version(),
        "python_full_version": version,
        "python_version": ".".join(version.split(".")[:2]),
        "sys_platform": sys.platform,
    },
}))
"""
)


class Wanted(NamedTuple):
    """One Python of the command line."""

    asked: str
    """As `3.12` or `3.13t`."""
    path: str = ""
    """The program; empty: whatever the PATH has."""


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """What a Python is, and what is installed for it."""

    executable: str
    version: str
    """As `3.13.0`, free-threaded or not."""
    free_threaded: bool
    build: str
    """As in `model.Interpreter`."""
    lacks: str
    """Why the launcher that all share cannot be imported there; empty: it can."""
    path: tuple[str, ...]
    """Where it looks for modules."""
    distributions: dict[str, str]
    """Normalised name -> version."""
    markers: dict[str, str]
    """What PEP 508 lets a requirement ask of it."""

    @property
    def label(self) -> str:
        """Its version, with a `t` behind it where it is free-threaded."""
        return self.version + "t" * self.free_threaded


class Found(NamedTuple):
    """A Python that was asked for, and what it has; None: it is missing."""

    interpreter: Interpreter
    environment: Environment | None


def wanted(values: Iterable[str]) -> tuple[Wanted, ...]:
    """Return what `3.12,3.13t=/a/path` asks for. Raises UsageError."""
    found: dict[str, Wanted] = {}
    for word in (word.strip() for value in values for word in value.split(",")):
        asked, equals, path = word.partition("=")
        if not ASKED.fullmatch(asked) or bool(equals) != bool(path):
            raise UsageError(
                f"--python: {word!r} is no Python; write 3.12, 3.13t (free-threaded) or "
                "3.12=/path/to/python, several with commas between them."
            )
        if asked in found:
            raise UsageError(f"--python: {asked} stands there twice.")
        found[asked] = Wanted(asked, path)
    return tuple(found.values())


def _answer(
    program: str,
    code: str,
    surroundings: Mapping[str, str],
    kind: type[T],
    words: Sequence[str] = (),
) -> T:
    """Return what a program that should be a Python answers to a few lines, as JSON.

    Raises HarnessError (half a sentence).
    """
    try:
        done = subprocess.run(
            [program, "-c", code, *words],
            cwd=ROOT,
            env=surroundings,
            capture_output=True,
            timeout=ANSWER_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        return msgspec.json.decode(done.stdout, type=kind)
    except OSError as error:
        raise HarnessError(f"cannot be started ({error.strerror})") from error
    except subprocess.TimeoutExpired:
        raise HarnessError(f"did not answer in {ANSWER_S:g} s") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines() or [""]
        said = _pathless(lines[-1 if lines[0].startswith("Traceback") else 0])[:200]
        raise HarnessError("does not answer as a Python does" + f" ({said})" * bool(said)) from None


def ask(program: str) -> Environment:
    """Return what a Python says of itself. Raises HarnessError (half a sentence) where it cannot.

    What lies on a PATH may only lead to it, by rules that stand in variables of its user's; the
    implementations see none of those, and start what it leads to.
    """
    real = _answer(program, _REAL, os.environ, str)
    return _answer(real, _CODE, environment(), Environment)


def gil_is_on(there: Environment, folder: str, module: str) -> bool:
    """Tell whether a free-threaded Python runs a module of an implementation with the GIL.

    It does where an extension module does not say that it can do without (PEP 703); what cannot be
    imported is seen when it is started.
    """
    if not there.free_threaded:
        return False
    try:
        return _answer(there.executable, _GIL, environment(), bool, (folder, module))
    except HarnessError:
        return False


def _pathless(said: str) -> str:
    """Return a message without this machine's folders."""
    return _PATHS.sub("", said.partition("\n")[0])


def _is(there: Environment, asked: str) -> bool:
    """Tell whether a Python is what was asked for: `3.12` is any 3.12 that has the GIL."""
    numbers = asked.rstrip("t").split(".")
    same = there.version.split(".")[: len(numbers)] == numbers
    return same and there.free_threaded == asked.endswith("t")


def _unfit(there: Environment) -> str:
    """Return why nothing can run on a Python that is there; empty: it can."""
    needs = importlib.metadata.metadata("evenloop")["Requires-Python"] or ""
    if not SpecifierSet(needs).contains(there.version, prereleases=True):
        return f"evenloop needs Python {needs}"
    if there.lacks:
        return (
            f"it has not what every implementation needs ({_pathless(there.lacks)}); install that "
            "for it, or let nox -s compare do it"
        )
    return ""


def find(one: Wanted) -> Found:
    """Return a Python that was asked for, or why it is missing.

    Raises UsageError where a path leads to something else.
    """
    name = "python" + ".".join(one.asked.rstrip("t").split(".")[:2]) + "t" * one.asked.endswith("t")
    program = shutil.which(one.path or name)
    if program is None and one.path:
        raise UsageError(f"--python {one.asked}={one.path}: that is no program.")
    if program is None:
        why = f"not on this machine: there is no {name} on the PATH"
        return Found(Interpreter(asked=one.asked, missing=why), None)
    try:
        there = ask(os.path.abspath(program))  # noqa: PTH100  a venv's python stays a link
    except HarnessError as error:
        if one.path:
            raise UsageError(f"--python {one.asked}={one.path}: it {error}.") from error
        why = f"not on this machine: {name} on the PATH {error}"
        return Found(Interpreter(asked=one.asked, missing=why), None)
    if not _is(there, one.asked):
        if one.path:
            raise UsageError(f"--python {one.asked}={one.path}: that is Python {there.label}.")
        why = f"not on this machine: {name} on the PATH is {there.label}"
        return Found(Interpreter(asked=one.asked, missing=why), None)
    missing = _unfit(there)
    found = Interpreter(
        asked=one.asked,
        path="" if missing else there.executable,
        version=there.label,
        build=there.build,
        missing=missing,
    )
    return Found(found, None if missing else there)


def search(asked_for: Sequence[Wanted]) -> list[Found]:
    """Return all that were asked for, in that order. Raises UsageError where none is here."""
    found = [find(one) for one in asked_for]
    if all(one.environment is None for one in found):
        said = "; ".join(f"{one.interpreter.asked}: {one.interpreter.missing}" for one in found)
        raise UsageError(f"no Python of --python can be compared: {said}.")
    return found


def still_there(plan: Plan) -> None:
    """Raise UsageError where a Python of a plan is another by now, or gone."""
    for one in plan.interpreters:
        if one.missing:
            continue
        try:
            now = ask(one.path).label
        except HarnessError as error:
            raise UsageError(f"the run's Python {one.asked} {error}; begin a new run.") from error
        if now != one.version:
            raise UsageError(
                f"the run was begun on Python {one.version}, its {one.asked} is {now} now; "
                "figures from both cannot stand in one run. Begin a new one."
            )
