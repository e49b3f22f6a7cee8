"""meta.toml: its keys, and how one is read.

Rules: strict: a fault names the file, the key and what was expected, and is the user's to mend.
What its values mean for this machine is `plan`'s.
"""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import msgspec
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from harness.model import WORKLOADS, Kind, UsageError, Workload

if TYPE_CHECKING:
    from pathlib import Path


class Difference(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A difference from the contract that not every Python, or not every run, shows."""

    text: str
    python: str = ""
    """A specifier, as `>=3.12`; empty: every one."""
    race: bool = False
    """True: it takes a race to be lost, so that a run that does not see it proves nothing."""


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
    known: dict[str, str | Difference] = {}
    beyond: dict[str, str] = {}


def read(file: Path) -> Meta:
    """Parse and check one file; every fault names the file, the key and what was expected."""
    try:
        meta = msgspec.convert(tomllib.loads(file.read_text("utf-8")), Meta)
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: not valid TOML: {error}.") from error
    except msgspec.ValidationError as error:
        keys = ", ".join(Meta.__struct_fields__)
        hint = f" (the keys are {keys})" if "unknown field" in str(error) else ""
        raise UsageError(f"{file}: {str(error).replace(' - at `$.', ' at `')}{hint}.") from error
    if not meta.workloads:
        raise UsageError(f"{file}: `workloads`: expected one at least of {', '.join(WORKLOADS)}.")
    return meta


def fits(file: Path, key: str, specifier: str, python: str) -> bool:
    """Tell whether a version of Python is one of those that a key names. Raises UsageError."""
    try:
        return SpecifierSet(specifier).contains(python, prereleases=True)
    except InvalidSpecifier as error:
        raise UsageError(f"{file}: `{key}`: {error}; expected a specifier as '>=3.11'.") from error


def known(file: Path, meta: Meta, python: str) -> dict[str, str]:
    """Return the differences that this version of Python shows. Raises UsageError."""
    return {
        clause: one if isinstance(one, str) else one.text
        for clause, one in meta.known.items()
        if isinstance(one, str) or fits(file, f"known.{clause}.python", one.python, python)
    }


def races(meta: Meta) -> tuple[str, ...]:
    """Return the clauses whose difference is seen only where a race is lost."""
    return tuple(
        clause for clause, one in meta.known.items() if not isinstance(one, str) and one.race
    )
