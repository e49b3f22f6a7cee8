"""What the doctor found: the records, and the sentence that sums them up.

Rules: frozen records and what follows from them; nothing is looked at here.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from harness.model import FORMAT
from harness.precision import half_width
from harness.summary import Estimate  # noqa: TC001  msgspec reads the annotations

Mark = Literal["good", "fair", "bad"]


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One check of the machine."""

    check: str
    """Its name, as `cores`."""
    mark: Mark
    """good; fair: figures get wider or one of them is missing; bad: figures would mislead."""
    figure: str
    """What was seen."""
    advice: str = ""
    """What to change, in plain words; empty where all is good."""


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """All checks of one machine at one time."""

    format: int = FORMAT
    created: str
    """UTC, ISO 8601, to the second."""
    evenloop: str
    """Version of this project."""
    machine: dict[str, str]
    findings: tuple[Finding, ...]
    control: Estimate | None = None
    """The baseline's rate over its own, in blocks as a run has them; None: not measured."""

    @property
    def fit(self) -> bool:
        """True when nothing is bad."""
        return all(one.mark != "bad" for one in self.findings)

    @property
    def sentence(self) -> str:
        """The diagnosis in a sentence."""
        bad = [one.check for one in self.findings if one.mark == "bad"]
        if bad:
            return f"Unfit to measure: {', '.join(bad)}."
        reached = half_width(self.control)
        if reached is None:
            return "Fit by all that was checked; the control was not measured."
        fair = [one.check for one in self.findings if one.mark == "fair"]
        better = f" Better with: {', '.join(fair)}." if fair else ""
        return (
            f"Fit for ratios down to about {reached:.1%}; more blocks than the control's tell "
            f"smaller ones apart.{better}"
        )


def finding(
    check: str, figure: str, *, bad: bool = False, fair: bool = False, advice: str = ""
) -> Finding:
    """Return a finding: the worst mark that holds, with advice unless it is good."""
    mark: Mark = "bad" if bad else "fair" if fair else "good"
    return Finding(check=check, mark=mark, figure=figure, advice="" if mark == "good" else advice)
