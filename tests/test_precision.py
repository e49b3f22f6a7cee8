"""precision: widths are the summary's own, and where an interval lies makes no difference."""

import itertools
import math

import msgspec
import pytest

from harness import contrast
from harness.model import BLOCKS_LEAST, Sample, Workload
from harness.precision import HALF_WIDTH, Precision, half_width

NAMES = ("asyncio", "curio", "trio")
BASELINES: dict[Workload, str] = {"echo": "asyncio"}
COMPARED: dict[Workload, set[str]] = {"echo": {"curio", "trio"}}


def block(number: int, noise: float, factor: float = 1.0, cell: str = "10x1KiB") -> list[Sample]:
    """Return a block in which trio's rate is `factor` of the baseline's, up to noise."""
    rates = {"asyncio": 1.0, "curio": 1.0, "trio": factor}
    signs = (-1, 1, 0, 2, -2)
    return [
        Sample(
            block=number,
            implementation=name,
            workload="echo",
            cell=cell,
            index=0,
            of=1,
            wall_ns=1_000_000_000,
            messages=round(1e8 * rate * (1 + noise * signs[(number + at) % 5])),
        )
        for at, (name, rate) in enumerate(rates.items())
    ]


def followed(noise: float, factor: float = 1.0, blocks: int = 12) -> Precision:
    """Return what follows so many blocks."""
    precision = Precision(BASELINES, COMPARED, 7)
    for number in range(blocks):
        precision.add(block(number, noise, factor))
    return precision


@pytest.mark.parametrize("factor", [1.0, 1.01, 0.5])
def test_narrow_is_about_width_alone(factor: float) -> None:
    """Equal, nearly equal, far apart: quiet is narrow, noisy is not."""
    assert followed(0.001, factor).narrow()
    assert not followed(0.05, factor).narrow()


def test_too_few_blocks_are_never_narrow() -> None:
    """Without an interval there is no width."""
    precision = followed(0.0001, blocks=BLOCKS_LEAST - 1)
    assert not precision.narrow()
    widest = precision.widest()
    assert widest is not None
    assert widest.share == math.inf


def test_nothing_measured_is_not_narrow() -> None:
    """A run in which everyone failed goes on to the end of its budget."""
    precision = Precision(BASELINES, COMPARED, 7)
    assert not precision.narrow()
    assert precision.widest() is None


def test_the_widths_are_those_of_the_ratios() -> None:
    """The same interval as `contrast` gives for the same blocks, cell and seed."""
    logs: dict[str, dict[int, float]] = {name: {} for name in NAMES}
    for sample in itertools.chain.from_iterable(block(number, 0.01) for number in range(12)):
        logs[sample.implementation][sample.block] = math.log(sample.messages)
    wanted = {
        name: half_width(contrast.ratio(logs, name, "asyncio", 7, "echo/10x1KiB"))
        for name in NAMES[1:]
    }
    assert {w.implementation: w.share for w in followed(0.01).widths()} == wanted


def test_an_open_loop_has_no_rate_to_compare() -> None:
    """Its rate is given, and the same for all: it has no part in when to stop."""
    precision = Precision(BASELINES, COMPARED, 7)
    for number in range(12):
        precision.add(block(number, 0.001, cell="256x1KiB@2000"))
    assert precision.widest() is None


def test_one_wide_interval_keeps_it_going() -> None:
    """All must be narrow; the one that is not is asked first the next time."""
    precision = followed(0.001)
    for number in range(12):
        precision.add(block(number, 0.05, cell="100x1KiB"))
    assert not precision.narrow()
    first = next(iter(precision.widths()))
    assert first.cell == "100x1KiB"
    assert first.share > HALF_WIDTH


def test_who_is_not_compared_is_not_waited_for() -> None:
    """The ceiling and the controls have widths of no consequence."""
    precision = Precision(BASELINES, {"echo": {"curio"}}, 7)
    for number in range(12):
        precision.add(
            [
                s if s.implementation != "trio" else msgspec.structs.replace(s, messages=1 + number)
                for s in block(number, 0.001)
            ]
        )
    assert precision.narrow()
