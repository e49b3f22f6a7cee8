"""The rows of the fetch cases: how replies are cut, how they end, and how a line is judged."""

from __future__ import annotations

from harness.check.client import Line
from harness.check.fetch_rows import bytewise, every_cut, every_end, judge, ok, row, sized
from harness.check.origin import Step


def test_cuts_and_ends_cover_every_offset() -> None:
    """Whatever is cut adds up to the reply, and every offset is met once."""
    whole = row("r", sized(b"hello"), ok(b"hello"))
    cuts = every_cut(whole)
    assert len(cuts) == len(whole.wire) - 1
    assert {one.wire for one in [*cuts, bytewise(whole)]} == {whole.wire}
    assert len({one.reply[0] for one in cuts}) == len(cuts)
    ends = every_end("r", whole.wire, "truncated")
    assert [len(one.wire) for one in ends] == list(range(1, len(whole.wire)))
    assert all(one.reply[-1] is Step.FIN for one in ends)


def test_a_line_is_judged_by_all_its_fields() -> None:
    """Success needs status, length and checksum; an error needs its word and nothing beside it."""

    def line(**fields: object) -> Line:
        plain = {
            "index": 0,
            "url": "u",
            "status": None,
            "bytes": None,
            "crc32": None,
            "error": None,
        }
        return Line(**{**plain, "elapsed_s": 0.0, **fields})  # type: ignore[arg-type]

    good = ok(b"hello")
    fields = {"status": 200, "bytes": 5, "crc32": good.crc32}
    assert judge(line(**fields), [good, "malformed"])
    for name in fields:
        assert not judge(line(**{**fields, name: 1}), [good])
    assert judge(line(error="malformed"), [good, "malformed"])
    assert not judge(line(error="reset"), [good, "malformed"])
    assert not judge(line(error="malformed", status=200), ["malformed"])
    assert not judge(line(), ["malformed"])
