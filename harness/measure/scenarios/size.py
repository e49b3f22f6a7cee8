"""size: what its distributions take on the disk, with all that those need.

Rules: nothing is started. The distributions are those that meta.toml's `requires` names and, from
there, every one that the metadata asks for on the Python that runs it. Bytecode does not count:
whether an installer writes it down is the installer's affair.
"""

from __future__ import annotations

import importlib.metadata
from functools import cache
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from harness import pythons
from harness.measure.scenarios.scenario import Failed, Figure, Scenario

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from harness.measure.job import Bench
    from harness.model import Implementation
    from harness.pythons import Environment


@cache
def _asked(program: str) -> Environment:
    return pythons.ask(program)


def _installed(name: str, where: Environment | None) -> importlib.metadata.Distribution:
    """Return a distribution. Raises PackageNotFoundError."""
    if where is None:
        return importlib.metadata.distribution(name)
    for found in importlib.metadata.distributions(name=name, path=list(where.path)):
        return found
    raise importlib.metadata.PackageNotFoundError(name)


def distributions(
    requires: Iterable[str], where: Environment | None = None
) -> dict[str, importlib.metadata.Distribution]:
    """Return every distribution that these requirements need, themselves included, by name.

    `where`: the Python that they are installed for; None: this one. Raises Failed where one is not
    installed.
    """
    markers = dict(where.markers) if where else {}
    found: dict[str, importlib.metadata.Distribution] = {}
    seen: set[tuple[str, str]] = set()
    waiting = [(Requirement(text), "") for text in requires]
    while waiting:
        requirement, extra = waiting.pop()
        if requirement.marker and not requirement.marker.evaluate({**markers, "extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        try:
            found.setdefault(name, _installed(name, where))
        except importlib.metadata.PackageNotFoundError:
            raise Failed(f"{requirement.name}, which it needs, is not installed") from None
        for asked in {"", *requirement.extras}:
            if (name, asked) not in seen:
                seen.add((name, asked))
                needs = found[name].requires or []
                waiting += [(Requirement(text), asked) for text in needs]
    return found


def installed_bytes(distribution: importlib.metadata.Distribution) -> int:
    """Return the size of a distribution's files, without bytecode. Raises Failed without a list."""
    if distribution.files is None:
        raise Failed(f"{distribution.name} was installed without a list of its files")
    paths = [file.locate() for file in distribution.files if file.suffix != ".pyc"]
    return sum(path.stat().st_size for path in paths if path.is_file())  # type: ignore[attr-defined]


def measure(implementation: Implementation, _bench: Bench) -> Iterator[Figure]:
    """Yield `installed_bytes` and how many `distributions` it takes; zeros for none."""
    where = _asked(implementation.interpreter) if implementation.interpreter else None
    found = distributions(implementation.requires, where)
    yield Figure("installed_bytes", sum(map(installed_bytes, found.values())))
    yield Figure("distributions", len(found))


ECHO = Scenario("size", "echo", 0.1, measure)
FETCH = Scenario("size", "fetch", 0.1, measure)
