"""meta.toml files -> Plan: what there is, what can run here, what was chosen.

Rules: it reads files and asks for installed versions; it starts nothing, installs nothing and
imports no framework. A bad meta.toml is the user's to mend: file, key, what was expected.
"""

from __future__ import annotations

import difflib
import hashlib
import importlib.metadata
import platform
import re
import secrets
import shutil
import tomllib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from harness import machine, offered
from harness.launch import ROOT
from harness.lines import code_lines
from harness.model import (
    ALL,
    NAIVE,
    WORKLOADS,
    HarnessError,
    Implementation,
    Kind,
    Plan,
    UsageError,
    Workload,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from harness.offered import Offer

IN_TREE = ROOT / "implementations"
NAME = re.compile(r"[a-z][a-z0-9_]*")


class Meta(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys of a meta.toml; their meaning stands in `model.Implementation`."""

    title: str
    style: str
    kind: Kind = "framework"
    homepage: str = ""
    requires: tuple[str, ...] = ()
    python: str = ""
    workloads: tuple[Workload, ...] = WORKLOADS
    run: tuple[str, ...] = ()
    read_size: str = ""
    loop: str = ""
    year: int = 0
    novelty: str = ""
    variant_of: str = ""
    default: bool = True
    cannot_run: str = ""
    known: dict[str, str] = {}
    beyond: dict[str, str] = {}


def is_name(word: str) -> bool:
    """Tell whether an implementation may be called so."""
    return bool(NAME.fullmatch(word)) and word != ALL


def read(folder: Path, name: str = "") -> Implementation:
    """Return what a folder's meta.toml says, and whether it can run here. Raises UsageError.

    Its name is the folder's own where none is given.
    """
    file = folder / "meta.toml"
    meta = _meta(file)
    if not is_name(folder.name):
        raise UsageError(f"{file}: the folder's name must match {NAME.pattern}, and not be {ALL}.")
    versions, cannot_run = _availability(file, meta)
    facts = msgspec.structs.asdict(meta) | {"cannot_run": cannot_run}
    return Implementation(
        name=name or folder.name,
        folder=str(folder.resolve()),
        versions=versions,
        code_lines=_code_lines(folder),
        digests=_digests(folder),
        **facts,
    )


def _meta(file: Path) -> Meta:
    """Parse and check one file; every fault names the file, the key and what was expected."""
    try:
        meta = msgspec.convert(tomllib.loads(file.read_text("utf-8")), Meta)
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: not valid TOML: {error}.") from error
    except msgspec.ValidationError as error:
        known = ", ".join(Meta.__struct_fields__)
        hint = f" (the keys are {known})" if "unknown field" in str(error) else ""
        raise UsageError(f"{file}: {str(error).replace(' - at `$.', ' at `')}{hint}.") from error
    if not meta.workloads:
        raise UsageError(f"{file}: `workloads`: expected one at least of {', '.join(WORKLOADS)}.")
    return meta


def _availability(file: Path, meta: Meta) -> tuple[dict[str, str], str]:
    """Return the installed versions, and why it cannot run here (empty: it can)."""
    versions: dict[str, str] = {}
    missing: list[str] = []
    try:
        python = SpecifierSet(meta.python)
        requirements = [Requirement(text) for text in meta.requires]
    except InvalidSpecifier as error:
        raise UsageError(f"{file}: `python`: {error}; expected a specifier as '>=3.11'.") from error
    except InvalidRequirement as error:
        raise UsageError(
            f"{file}: `requires`: {_one_line(error)}; expected as 'trio>=0.27'."
        ) from error
    if meta.cannot_run:
        return {}, meta.cannot_run
    if not python.contains(platform.python_version(), prereleases=True):
        return {}, f"it needs Python {meta.python}; this is {platform.python_version()}"
    for requirement in requirements:
        if requirement.marker and not requirement.marker.evaluate():
            continue
        try:
            versions[requirement.name] = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            missing.append(str(requirement))
            continue
        if not requirement.specifier.contains(versions[requirement.name], prereleases=True):
            missing.append(str(requirement))
    if missing:
        wanted = " ".join(f"'{text}'" for text in missing)
        return versions, f"{', '.join(missing)} not installed; python -m pip install {wanted}"
    return versions, _missing_program(file, meta)


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


def discover(outside: Iterable[Path] = ()) -> list[Implementation]:
    """Return all implementations: the tree's, what packages offer, those below outside folders.

    A name stands once. Raises UsageError.
    """
    found = {file.parent.name: read(file.parent) for file in sorted(IN_TREE.glob("*/meta.toml"))}
    for offer in offered.offers():
        if not is_name(offer.name) or offer.name in found:
            wrong = "is taken" if offer.name in found else f"must match {NAME.pattern}"
            raise UsageError(
                f"the package {offer.distribution} offers {offer.name!r} to evenloop, "
                f"a name that {wrong}; uninstall it, or let its authors rename the entry point."
            )
        found[offer.name] = _offered(offer)
    for root in outside:
        folders = _folders(root)
        if not folders:
            raise UsageError(f"--from {root}: no folder below it has a meta.toml.")
        for folder in folders:
            if folder.name in found:
                taken = found[folder.name].folder
                raise UsageError(f"{folder}: the name is taken by {taken}; rename the folder.")
            found[folder.name] = read(folder)
    return list(found.values())


def _offered(offer: Offer) -> Implementation:
    """Return what a package offers; where that cannot be read, a row that says why."""
    package = {offer.distribution: offer.version}
    fault = offer.fault
    if offer.folder:
        try:
            one = read(offer.folder, offer.name)
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


def make(
    implementations: Sequence[Implementation],
    *,
    workloads: tuple[Workload, ...],
    quick: bool,
    budget_s: float,
    seed: int | None,
    arguments: Sequence[str] = (),
) -> Plan:
    """Return the plan of a run; a seed is drawn where none is given."""
    server_core, gauge_core = machine.cores()
    return Plan(
        created=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        evenloop=version(),
        commit=machine.commit(ROOT),
        seed=secrets.randbelow(2**31) if seed is None else seed,
        workloads=workloads,
        quick=quick,
        budget_s=budget_s,
        python=platform.python_version(),
        server_core=server_core,
        gauge_core=gauge_core,
        machine=machine.facts(),
        arguments=tuple(arguments),
        implementations=tuple(implementations),
    )


def version() -> str:
    """Return the version of evenloop itself. Raises HarnessError where it is not installed."""
    try:
        return importlib.metadata.version("evenloop")
    except importlib.metadata.PackageNotFoundError:
        raise HarnessError(
            "evenloop is not installed here; run: python -m pip install -e ."
        ) from None
