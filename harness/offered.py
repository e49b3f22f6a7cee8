"""What installed packages offer: entry points of one group -> folders with a meta.toml.

Rules: no package is imported, for that would run it: its folder is found where an import would look
for it. Whatever is wrong with an offer is a sentence of its own, and no reason to stop: the package
is not ours to mend.

    [project.entry-points."evenloop.implementations"]
    NAME = "package.that.holds.it"
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
from dataclasses import dataclass
from pathlib import Path

GROUP = "evenloop.implementations"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One entry point of the group."""

    name: str
    """The implementation's name: what stands before the `=`."""
    distribution: str
    """What was installed, as `evenloop-mine`."""
    version: str
    folder: Path | None
    """Where its meta.toml is; None: `fault` says why there is none."""
    fault: str = ""


def _folder(package: str) -> Path | None:
    """Return the folder of a package that has a meta.toml, None where there is none.

    Finding a top-level package runs nothing of it; below it, folders are names.
    """
    head, *rest = package.split(".")
    spec = importlib.util.find_spec(head) if head.isidentifier() else None
    for root in (spec and spec.submodule_search_locations) or ():
        folder = Path(root, *rest)
        if (folder / "meta.toml").is_file():
            return folder
    return None


def offers() -> list[Offer]:
    """Return what the packages of this environment offer, by name."""
    found = []
    for point in importlib.metadata.entry_points(group=GROUP):
        folder = _folder(point.value)
        fault = (
            f"`{point.name} = {point.value}`: there is no package {point.value} with a meta.toml"
        )
        found.append(
            Offer(
                name=point.name,
                distribution=point.dist.name if point.dist else "",
                version=point.dist.version if point.dist else "",
                folder=folder,
                fault="" if folder else fault,
            )
        )
    return sorted(found, key=lambda offer: offer.name)
