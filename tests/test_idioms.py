"""What it took to keep the contract is shown in the words of meta.toml, none lost, none added."""

from __future__ import annotations

from pathlib import Path

import msgspec

from harness import files
from harness.report import idioms
from harness.report.markdown import prose
from harness.summary import Estimate, Summary, ThrownOut
from harness.tax import Payer, Price, Tax

GOLDEN = Path(__file__).resolve().parent / "golden" / "run" / "summary.json"
NOTE = "A write never waits: the producer is paused. close() logs: it is silenced. Ten is enough."


def test_no_word_of_a_note_is_lost() -> None:
    """An arrow for each sentence's first colon; what has none stays as it is."""
    found = idioms.sentences(NOTE)
    assert found.replace(" **→** ", ": ") == prose(NOTE)
    assert found.count("**→**") == 2
    assert "**→**" not in idioms.sentences("It is paused.")


def test_a_part_for_everyone_who_wrote_something(tmp_path: Path) -> None:
    """Folded, linked to the file that keeps the clause, the reference left out."""
    summary = files.read_json(GOLDEN, Summary)
    parts = idioms.idioms(summary)
    wrote = [i for i in summary.implementations if i.kind != "reference" and (i.beyond or i.known)]
    assert len(parts) == len(wrote) > 0
    assert all(part.startswith("<details>") and part.endswith("</details>") for part in parts)
    linked = tmp_path / "summary.json"
    one = msgspec.structs.replace(
        wrote[0], folder="implementations/asyncio", code_lines={"echo.py": 9}, beyond={"E04": NOTE}
    )
    files.write_json(linked, msgspec.structs.replace(summary, implementations=(one,)))
    (part,) = idioms.idioms(files.read_json(linked, Summary))
    assert "- **[E04](implementations/asyncio/echo.py)** half-close: A write never" in part


def test_the_price_is_the_tax_record_s() -> None:
    """Lines and share of the naive rate, with its interval, where there is a record."""
    summary = files.read_json(GOLDEN, Summary)
    record = Tax(
        created="",
        evenloop="",
        python="",
        seed=1,
        blocks=10,
        wall_s=1.0,
        payers=(Payer(name="asyncio", title="asyncio", naive_lines=12, echo_lines=65),),
        prices=(
            Price(
                implementation="asyncio",
                what="contract",
                rate=Estimate(value=0.94, low=0.91, high=0.96),
            ),
        ),
        thrown_out=ThrownOut(blocks={}, slices={}, units=0, all_blocks=10, all_slices=100),
    )
    heads = [part.splitlines()[1] for part in idioms.idioms(summary, record)]
    assert any("12 → 65 lines of code" in h and "0.94 (0.91\N{EN DASH}0.96)" in h for h in heads)
    assert not any("lines of code" in part for part in idioms.idioms(summary))


def test_how_many_had_to_add_something_is_counted() -> None:
    """Frameworks with a note, out of all."""
    summary = files.read_json(GOLDEN, Summary)
    assert idioms.many(summary).startswith("4 of 7 frameworks")
