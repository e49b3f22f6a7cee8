"""Rows `twin` and `planted`: nothing is not told apart, and 5% is.

Rules: a campaign is a comparison as a run makes one, of fresh processes; none is made by drawing
from another's blocks. `twin`: the same program under two names, for a fixed time. `planted`: the
baseline against itself with a known burden, ten blocks, judged by the ranks that a report would
print.

How many campaigns `planted` takes is decided by Wald's sequential test of power 0.85 against 0.99
(Wald, Sequential Tests of Statistical Hypotheses, 1945): 20 that are all told apart, 38 with one
that is not, and it is given up where only less than 0.85 explains the misses. "38 of 40", the
reading of power 0.95 in a fixed number of campaigns, accepts a power of 0.85 in 4.9% of proofs;
this does in 4.5%, so that nothing is claimed on less evidence, and a power of 0.99 takes 23
campaigns on the average. The price: a power of 0.95 is shown by every second proof, where 38 of 40
would show it by two of three.

+10% takes part in every second campaign: interval, test and threshold all look at the same shift,
so that who is told apart at 5% is so the more at 10%, and these campaigns only have to show that
nothing else is in the way.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness import contrast, stats
from harness.model import BASELINE, TWIN, Cell
from harness.precision import half_width
from harness.proof import blocks
from harness.proof.row import Reached
from harness.proven import Figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.contrast import Logs
    from harness.measure.job import Job
    from harness.model import Implementation, Sample
    from harness.proof.row import Setting
    from harness.summary import Estimate

CELL = Cell(workload="echo", concurrency=10, size=1024, ranked=True)
HALF_WIDTH_MOST = 0.006
FALSE_MOST = 5 / 40  # of the campaigns; a true 95% interval fails in 2 of 40 on average
PLANTED_BLOCKS = 10
PLANTED_MOST = 15  # what is thrown out is measured again, up to here
POWER_LEAST = 0.95
POWER_DOUBTED, POWER_HOPED = 0.85, 0.99
FALSE_YES, FALSE_NO = 0.05, 0.01  # how often the test may take the one power for the other
HARD = "+5%"
BURDENS = {HARD: 0.05, "+10%": 0.10}
ENOUGH = math.log((1 - FALSE_NO) / FALSE_YES)
HOPELESS = math.log(FALSE_NO / (1 - FALSE_YES))


@dataclass(frozen=True, slots=True)
class Told:
    """What one campaign said of one planted burden."""

    burden: str
    apart: bool
    """The burdened one has the worse rank."""
    wrong: bool
    """It has the better one."""
    ratio: float | None
    """None: no block counted."""


def twin_figures(campaigns: Sequence[Estimate | None]) -> tuple[Figure, ...]:
    """Return how wide the intervals were, and how many did not hold 1.

    None is a campaign of which no block counts; one of too few has no interval.
    """
    judged = [one for one in campaigns if one is not None and half_width(one) is not None]
    verdicts = Figure(
        what=f"campaigns of {len(campaigns)} with an interval",
        value=float(len(judged)),
        least=float(len(campaigns)),
    )
    if not judged:
        return (verdicts,)
    widths = [half_width(one) or 0.0 for one in judged]
    false = [one for one in judged if not (one.low or 0) <= 1 <= (one.high or math.inf)]
    furthest = max(judged, key=lambda one: abs(math.log(one.value)))
    return (
        verdicts,
        Figure(
            what="half-width of a campaign's 95% interval, median",
            value=stats.significant(stats.median(widths)),
            unit="%",
            low=stats.significant(min(widths)),
            high=stats.significant(max(widths)),
            spread="all campaigns",
            most=HALF_WIDTH_MOST,
            best=stats.significant(min(widths)),
        ),
        Figure(
            what=f"false verdicts in {len(widths)} campaigns: intervals without 1",
            value=float(len(false)),
            most=float(math.floor(FALSE_MOST * len(widths))),
        ),
        Figure(what="the furthest ratio of one program to itself", value=furthest.value, unit="x"),
    )


def evidence(told: Sequence[Told]) -> float:
    """Return how much likelier what was seen of HARD is with the power hoped for: a logarithm.

    From ENOUGH on it is shown, from HOPELESS down it is not to be shown (Wald 1945).
    """
    own = [one.apart for one in told if one.burden == HARD]
    yes = math.log(POWER_HOPED / POWER_DOUBTED)
    no = math.log((1 - POWER_HOPED) / (1 - POWER_DOUBTED))
    return sum(yes if apart else no for apart in own)


def planted_figures(told: Sequence[Told]) -> tuple[Figure, ...]:
    """Return the power for each burden, what it rests on, and how often the sign was wrong."""
    found = []
    for burden, share in BURDENS.items():
        own = [one for one in told if one.burden == burden]
        if not own:
            continue
        ratios = [one.ratio for one in own if one.ratio is not None]
        low, high = stats.share_interval(sum(one.apart for one in own), len(own))
        found.append(
            Figure(
                what=f"{burden} CPU: told apart in {len(own)} campaigns of {PLANTED_BLOCKS} blocks",
                value=sum(one.apart for one in own) / len(own),
                unit="%",
                low=stats.significant(low),
                high=stats.significant(high),
                least=POWER_LEAST if burden == HARD else 1.0,
            )
        )
        if not ratios:
            continue
        found.append(
            Figure(
                what=f"{burden} CPU: its rate over the baseline's, {1 / (1 + share):.3f} planted",
                value=stats.significant(stats.median(ratios)),
                unit="x",
                low=min(ratios),
                high=max(ratios),
                spread="all campaigns",
            )
        )
    if found:
        found.append(
            Figure(
                what=f"{HARD} CPU: evidence for a power of {POWER_HOPED} against {POWER_DOUBTED}",
                value=stats.significant(evidence(told), 4),
                least=stats.significant(ENOUGH, 4),
            )
        )
        wrong = sum(one.wrong for one in told)
        found.append(Figure(what="verdicts with the wrong sign", value=float(wrong), most=0.0))
    return tuple(found)


def tell(logs: Logs, burden: str, seed: int) -> Told:
    """Return what the ranks of a report would say of the baseline and the burdened one.

    Nobody is told from anybody where too few blocks count.
    """
    ranks = contrast.ranks(logs, [BASELINE, BASELINE + burden], seed=seed, label=CELL.name)
    first, second = ranks.get(BASELINE, ""), ranks.get(BASELINE + burden, "")
    apart = first != second
    found = contrast.differences(logs, BASELINE + burden, BASELINE)
    return Told(
        burden=burden,
        apart=apart and first == "1",
        wrong=apart and first != "1",
        ratio=stats.significant(math.exp(stats.median(found))) if found else None,
    )


def run_twin(setting: Setting) -> Reached:
    """Run the campaigns of one program against itself."""
    one = setting.baseline
    models = [blocks.contestant(one, [CELL], alias=one.name + tail) for tail in ("", TWIN)]
    campaigns: list[Estimate | None] = []
    counts = []
    number = 0
    samples: list[Sample] = []
    for campaign in range(setting.campaigns):
        samples = []
        end = time.monotonic() + setting.campaign_s
        first = number
        while time.monotonic() < end:
            samples += blocks.block(models, number, setting)
            number += 1
        counts.append(number - first)
        logs = blocks.by_cell(samples, [CELL])[CELL.name].rates
        found = contrast.ratio(logs, BASELINE + TWIN, BASELINE, setting.seed, f"twin {campaign}")
        campaigns.append(found)
        said = "no block counts" if found is None else f"{found.value:.4f}"
        setting.say(f"twin: campaign {campaign + 1} of {setting.campaigns}: {said}")
    note = (
        f"{len(campaigns)} campaigns of {setting.campaign_s:g} s, {min(counts)} to {max(counts)} "
        f"blocks each, {CELL.name}"
    )
    causes = (f"of the last campaign {loss}" for loss in blocks.losses(samples, [CELL]))
    return Reached(figures=twin_figures(campaigns), notes=(note,), causes=tuple(causes))


def _ten(models: Sequence[Job], first: int, setting: Setting) -> tuple[list[Sample], Logs]:
    """Measure until ten blocks count, or PLANTED_MOST were measured."""
    samples: list[Sample] = []
    logs: Logs = {}
    for number in range(first, first + PLANTED_MOST):
        samples += blocks.block(models, number, setting)
        if number + 1 - first < PLANTED_BLOCKS:
            continue
        logs = blocks.by_cell(samples, [CELL])[CELL.name].rates
        if all(len(logs.get(model.alias, {})) >= PLANTED_BLOCKS for model in models):
            break
    return samples, logs


def _burdened(one: Implementation, burdens: Sequence[str]) -> list[Job]:
    """Return the model jobs of a campaign: the plain one, and one for each burden."""
    return [
        blocks.contestant(one, [CELL]),
        *(
            blocks.contestant(
                one, [CELL], alias=one.name + name, burden=["--burn", str(BURDENS[name])]
            )
            for name in burdens
        ),
    ]


def run_planted(setting: Setting) -> Reached:
    """Run campaigns of one program against itself with a burden, until power is shown or not."""
    told: list[Told] = []
    samples: list[Sample] = []
    measured = campaign = 0
    while campaign < setting.campaigns and HOPELESS < evidence(told) < ENOUGH:
        burdens = list(BURDENS) if campaign % 2 == 0 else [HARD]
        models = _burdened(setting.baseline, burdens)
        samples, logs = _ten(models, campaign * PLANTED_MOST, setting)
        measured += len({sample.block for sample in samples})
        told += [tell(logs, burden, setting.seed) for burden in burdens]
        campaign += 1
        apart = sum(one.apart for one in told)
        setting.say(
            f"planted: campaign {campaign}, {setting.campaigns} at most: {apart} of {len(told)} "
            f"told; evidence {evidence(told):.2f} of {ENOUGH:.2f}"
        )
    note = (
        f"{campaign} campaigns, {setting.campaigns} at most, {measured} fresh blocks in all, "
        f"{CELL.name}; a block that was thrown out was measured again, at most {PLANTED_MOST} for "
        "a campaign"
    )
    causes = (f"of the last campaign {loss}" for loss in blocks.losses(samples, [CELL]))
    return Reached(figures=planted_figures(told), notes=(note,), causes=tuple(causes))
