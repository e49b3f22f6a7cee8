"""cost: what jobs took adds up, and what is in no column is the harness's own."""

from pathlib import Path

import pytest

from harness import cost
from harness.cost import Book, Cost, Ledger


def test_what_is_left_is_the_harness_s_own() -> None:
    """Waits are told apart and are its own; a stage's wall clock is no job's."""
    found = cost.shares(
        [
            Cost(part="blocks", wall_s=6.0, slices_s=3.0, starts_s=1.0, priming_s=0.5),
            Cost(part="once", wall_s=4.0, slices_s=3.0, waits_s=0.5, noisy=True),
            Cost(part="measure", wall_s=11.0),
        ]
    )
    assert found is not None
    assert (found.jobs, found.noisy, found.wall_s) == (2, 1, 10.0)
    assert found.slices == pytest.approx(0.6)
    assert found.own == pytest.approx(0.25)
    assert found.waits == pytest.approx(0.05)


def test_no_job_has_no_shares() -> None:
    """Nothing was measured: there is nothing to divide by."""
    assert cost.shares([Cost(part="check", wall_s=3.0)]) is None
    assert cost.sentences([]) == []


def test_the_sentences_have_the_figures() -> None:
    """Each stage with its seconds over all processes, the shares in per cent."""
    said = cost.sentences(
        [
            Cost(part="check", wall_s=30.0),
            Cost(part="blocks", wall_s=10.0, slices_s=7.5, starts_s=1.5),
            Cost(part="check", wall_s=12.0),
        ]
    )
    assert said[0] == "Time: check 42 s."
    assert "slices 75.0%" in said[1]
    assert "own 10.0%" in said[1]


def test_a_ledger_begins_anew_with_each_job() -> None:
    """Seconds add up within a job, and none goes into the next."""
    ledger = Ledger()
    ledger.add("slices_s", 0.25)
    ledger.add("slices_s", 0.25)
    ledger.noisy = True
    first, second = ledger.close("blocks"), ledger.close("once")
    assert (first.part, first.slices_s, first.noisy) == ("blocks", 0.5, True)
    assert (second.part, second.slices_s, second.noisy) == ("once", 0.0, False)


def test_a_book_outlives_a_torn_line(tmp_path: Path) -> None:
    """A line that was cut short is dropped, the others stay."""
    book = Book(tmp_path)
    with pytest.raises(ZeroDivisionError), book.timed("check"):
        raise ZeroDivisionError
    book.add(Cost(part="blocks", wall_s=1.0, slices_s=0.5))
    kept = book.read()
    assert [one.part for one in kept] == ["check", "blocks"]
    with (tmp_path / cost.FILE).open("ab") as file:
        file.write(b'{"part": "blo')
    assert Book(tmp_path).read() == kept
