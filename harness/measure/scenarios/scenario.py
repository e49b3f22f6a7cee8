"""What a scenario is: a name, a workload, what it costs, and a function that yields its figures.

Rules: a scenario asks for fresh processes and knows nothing of who is in them. What a contestant
fails to do is a `Failed`, which becomes a Trait with its reason in one place (`play`); only the
harness's own failure leaves a scenario as an exception.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness import launch
from harness.model import WHOLE, Trait

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.measure.job import Bench
    from harness.model import Implementation, Workload

OWN_LAUNCHER = "it has its own launcher"


class Failed(Exception):  # noqa: N818  it is the contestant that failed
    """A contestant did not do what a scenario needs; the message is the reason to show."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure, before it is known whose it is."""

    name: str
    value: float
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """One scenario: `measure` yields its figures for one implementation."""

    name: str
    workload: Workload
    cost_s: float
    """What one implementation's turn takes, to plan by."""
    measure: Callable[[Implementation, Bench], Iterator[Figure]]


def play(scenario: Scenario, implementation: Implementation, bench: Bench) -> list[Trait]:
    """Return what a scenario gives for an implementation, the time it took as the last of all.

    Where the contestant failed, what it gave before stays, and one trait says why there is no more.
    """

    def trait(figure: str, value: float = 0.0, at: float = 0.0, error: str = "") -> Trait:
        return Trait(
            implementation=implementation.name,
            workload=scenario.workload,
            scenario=scenario.name,
            figure=figure,
            value=value,
            at=at,
            error=error,
        )

    begin = time.monotonic()
    found: list[Trait] = []
    try:
        for figure in scenario.measure(implementation, bench):
            one = trait(figure.name, figure.value, figure.at)
            found.append(one)  # one by one: what came before a failure stays
    except (Failed, launch.NotReadyError) as failure:
        found.append(trait("", error=str(failure)))
    return [*found, trait(WHOLE, round(time.monotonic() - begin, 3))]
