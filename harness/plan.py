"""meta.toml files -> Plan: what there is, what can run here, what was chosen.

Rules: it reads files and asks for installed versions; it starts nothing, installs nothing and
imports no framework (`pythons` starts other Pythons, to ask them). A bad meta.toml is the user's to
mend: file, key, what was expected.
"""

from __future__ import annotations

import difflib
import hashlib
import importlib.metadata
import platform
import re
import secrets
import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from harness import borrowed, machine, offered, pythons
from harness import meta as metas
from harness.launch import ROOT
from harness.lines import code_lines
from harness.model import (
    ALL,
    NAIVE,
    WORKLOADS,
    HarnessError,
    Implementation,
    Interpreter,
    Plan,
    UsageError,
    Workload,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from harness.meta import Meta
    from harness.offered import Offer
    from harness.pythons import Environment, Found

IN_TREE = ROOT / "implementations"
NAME = re.compile(r"[a-z][a-z0-9_]*")


def is_name(word: str) -> bool:
    """Tell whether an implementation may be called so."""
    return bool(NAME.fullmatch(word)) and word != ALL


def read(folder: Path, name: str = "", where: Environment | None = None) -> Implementation:
    """Return what a folder's meta.toml says, and whether it can run here. Raises UsageError.

    Its name is the folder's own where none is given. `where`: the Python that is to run it; None:
    this one.
    """
    file = folder / "meta.toml"
    meta = metas.read(file)
    if not is_name(folder.name):
        raise UsageError(f"{file}: the folder's name must match {NAME.pattern}, and not be {ALL}.")
    versions, cannot_run = _availability(file, meta, where)
    facts = msgspec.structs.asdict(meta) | {
        "cannot_run": cannot_run,
        "unfit": bool(meta.cannot_run),
        "known": metas.known(file, meta, _version(where)),
        "races": metas.races(meta),
    }
    return Implementation(
        name=name or folder.name,
        folder=str(folder.resolve()),
        versions=versions,
        code_lines=_code_lines(folder),
        digests=_digests(folder),
        **facts,
    )


def _installed(name: str, where: Environment | None) -> str | None:
    """Return the version of a distribution; None where it is not installed."""
    if where:
        return where.distributions.get(canonicalize_name(name))
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _version(where: Environment | None) -> str:
    """Return the version of the Python that is to run it."""
    return where.version if where else platform.python_version()


def _availability(file: Path, meta: Meta, where: Environment | None) -> tuple[dict[str, str], str]:
    """Return the installed versions, and why it cannot run there (empty: it can)."""
    try:
        requirements = [Requirement(text) for text in meta.requires]
    except InvalidRequirement as error:
        raise UsageError(
            f"{file}: `requires`: {_one_line(error)}; expected as 'trio>=0.27'."
        ) from error
    fits = metas.fits(file, "python", meta.python, _version(where))
    if meta.cannot_run:
        return {}, meta.cannot_run
    if not fits:
        return {}, f"it needs Python {meta.python}; this is {_version(where)}"
    versions, missing = _installed_of(requirements, where)
    if missing:
        lacking, wanted = ", ".join(missing), " ".join(f"'{text}'" for text in missing)
        if where:
            return versions, f"{lacking} not installed for Python {where.label}"
        return versions, f"{lacking} not installed; python -m pip install {wanted}"
    return versions, _missing_program(file, meta)


def _installed_of(
    requirements: Iterable[Requirement], where: Environment | None
) -> tuple[dict[str, str], list[str]]:
    """Return the versions of what is installed, and the requirements that are not met."""
    markers = dict(where.markers) if where else None
    versions: dict[str, str] = {}
    missing: list[str] = []
    for requirement in requirements:
        if requirement.marker and not requirement.marker.evaluate(markers):
            continue
        installed = _installed(requirement.name, where)
        if installed:
            versions[requirement.name] = installed
        if not installed or not requirement.specifier.contains(installed, prereleases=True):
            missing.append(str(requirement))
    return versions, missing


def _one_line(error: Exception) -> str:
    """Return the first line of an error that may have drawn a picture below it."""
    return str(error).partition("\n")[0]


def _missing_program(file: Path, meta: Meta) -> str:
    """Return why its files or its program are not there; empty: they are."""
    if not meta.run:
        absent = [f"{w}.py" for w in meta.workloads if not (file.parent / f"{w}.py").is_file()]
        return f"{' and '.join(absent)} missing beside its meta.toml" if absent else ""
    program = meta.run[0].replace("{here}", str(file.parent.resolve()))
    if program != "{python}" and shutil.which(program) is None:
        return f"the program {program} is not on the PATH; install it, or mend `run`"
    return ""


def _code_lines(folder: Path) -> dict[str, int]:
    """Return the lines of code of its Python files, by name; what does not parse is left out.

    naive.py is no part of the implementation: `tax` alone runs it.
    """
    counts: dict[str, int] = {}
    for file in sorted(set(folder.glob("*.py")) - {folder / NAIVE}):
        try:
            counts[file.name] = code_lines(file.read_text("utf-8"))
        except (SyntaxError, UnicodeDecodeError):
            continue
    return {name: count for name, count in counts.items() if count}


def _digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each workload's Python file, by name: which text it was that ran."""
    found = (folder / f"{workload}.py" for workload in WORKLOADS)
    return {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in found if file.exists()
    }


def _in_tree() -> list[Path]:
    """Return the folders of this repository's own implementations."""
    return sorted(file.parent for file in IN_TREE.glob("*/meta.toml"))


def _offers() -> tuple[list[Offer], list[str]]:
    """Return what packages offer, and a sentence for each offer whose name cannot be."""
    taken = {folder.name for folder in _in_tree()}
    good: list[Offer] = []
    refused: list[str] = []
    for offer in offered.offers():
        if is_name(offer.name) and offer.name not in taken:
            taken.add(offer.name)
            good.append(offer)
        else:
            wrong = "is taken" if offer.name in taken else f"must match {NAME.pattern}"
            refused.append(
                f"the package {offer.distribution} offers {offer.name!r} to evenloop, a name that "
                f"{wrong}: it is left out; its authors can rename the entry point."
            )
    return good, refused


def refused() -> list[str]:
    """Return a sentence for each package whose offer is left out."""
    return _offers()[1]


def discover(
    outside: Iterable[Path] = (), where: Environment | None = None
) -> list[Implementation]:
    """Return all implementations: the tree's, what packages offer, those below outside folders.

    A name stands once. `where`: as in `read`; packages offer what is installed beside the harness.
    Raises UsageError.
    """
    found = {folder.name: read(folder, where=where) for folder in _in_tree()}
    found |= {offer.name: _offered(offer, where) for offer in _offers()[0]}
    for root in outside:
        folders = _folders(root)
        if not folders:
            raise UsageError(f"--from {root}: no folder below it has a meta.toml.")
        for folder in folders:
            if folder.name in found:
                taken = found[folder.name].folder
                raise UsageError(f"{folder}: the name is taken by {taken}; rename the folder.")
            found[folder.name] = read(folder, where=where)
    return list(found.values())


def _offered(offer: Offer, where: Environment | None) -> Implementation:
    """Return what a package offers; where that cannot be read, a row that says why."""
    package = {offer.distribution: offer.version}
    fault = offer.fault
    if offer.folder:
        try:
            one = read(offer.folder, offer.name, where)
        except UsageError as error:
            fault = str(error)
        else:
            return msgspec.structs.replace(
                one, versions={**package, **one.versions}, offered_by=offer.distribution
            )
    return Implementation(
        name=offer.name,
        folder="",
        title=offer.name,
        style="unknown",
        versions=package,
        offered_by=offer.distribution,
        cannot_run=f"what the package {offer.distribution} offers cannot be read: {fault}",
    )


def _folders(root: Path) -> list[Path]:
    """Return every folder at or below a root that has a meta.toml, by name."""
    return sorted(
        (file.parent.resolve() for file in root.rglob("meta.toml")), key=lambda folder: folder.name
    )


def choose(known: Sequence[Implementation], names: Iterable[str]) -> list[Implementation]:
    """Return the named ones, the usual ones for no name. Raises UsageError (with a near name).

    The name ALL stands for every one.
    """
    by_name = {implementation.name: implementation for implementation in known}
    wanted = list(dict.fromkeys(names)) or [one.name for one in known if one.default]
    if ALL in wanted:
        wanted = list(by_name)
    for name in wanted:
        if name not in by_name:
            near = difflib.get_close_matches(name, by_name, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(by_name)}."
            raise UsageError(f"no implementation is called {name!r}; {hint}")
    return [by_name[name] for name in wanted]


def is_python(one: Implementation) -> bool:
    """Tell whether a contestant is run by a Python, so that another one could run it."""
    return one.kind != "reference" and (not one.run or any("{python}" in w for w in one.run))


def spread(
    chosen: Iterable[Implementation], outside: Sequence[Path], found: Sequence[Found]
) -> list[Implementation]:
    """Return a row for each implementation on each Python that is here, side by side.

    The rows of the first keep their names, so that the baseline of all others is one of them; who
    is not run by a Python has one row. Each knows what that Python has installed.
    """
    there = [(one.interpreter, one.environment) for one in found if one.environment]
    known = [{one.name: one for one in discover(outside, where)} for _, where in there]
    rows: list[Implementation] = []
    for one in chosen:
        if not is_python(one):
            rows.append(one)
            continue
        for (python, where), here in zip(there, known, strict=True):
            first = python is there[0][0]
            own, behind = here[one.name], "" if first else f"@{python.asked}"
            changes = {
                "name": one.name + behind,
                "title": f"{own.title}, {python.asked}" if len(there) > 1 else own.title,
                "variant_of": own.variant_of and own.variant_of + behind,
                "interpreter": python.path,
                "on": python.asked,
                "same_as": "" if first else one.name,
                "gil": not own.cannot_run
                and not own.run
                and pythons.gil_is_on(where, own.folder, own.workloads[0]),
            }
            rows.append(msgspec.structs.replace(own, **changes))
    return rows


def make(
    implementations: Sequence[Implementation],
    *,
    workloads: tuple[Workload, ...],
    quick: bool,
    budget_s: float,
    seed: int | None,
    arguments: Sequence[str] = (),
    interpreters: Sequence[Interpreter] = (),
) -> Plan:
    """Return the plan of a run; a seed is drawn where none is given."""
    server_core, gauge_core = machine.cores()
    versions = [one.version for one in interpreters if not one.missing]
    return Plan(
        created=now(),
        evenloop=version(),
        commit=machine.commit(ROOT),
        seed=drawn(seed),
        workloads=workloads,
        quick=quick,
        budget_s=budget_s,
        python=versions[0] if versions else platform.python_version(),
        interpreters=tuple(interpreters),
        server_core=server_core,
        gauge_core=gauge_core,
        machine=machine.facts(),
        arguments=tuple(arguments),
        implementations=tuple(borrowed.noted(IN_TREE, one) for one in implementations),
    )


def now() -> str:
    """Return the time as records have it: UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def drawn(seed: int | None) -> int:
    """Return the seed, or one that is drawn now where none is given."""
    return secrets.randbelow(2**31) if seed is None else seed


def version() -> str:
    """Return the version of evenloop itself. Raises HarnessError where it is not installed."""
    try:
        return importlib.metadata.version("evenloop")
    except importlib.metadata.PackageNotFoundError:
        raise HarnessError(
            "evenloop is not installed here; run: python -m pip install -e ."
        ) from None
