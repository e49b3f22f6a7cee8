"""The fetch cases see every planted fault, and nothing where there is none."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from harness.check.case import CLAUSES, Conclusion, Failure, Unsupported
from harness.check.cases import every
from harness.check.client import Line
from harness.check.fetch_rows import bytewise, every_cut, every_end, judge, ok, row, sized
from harness.check.origin import Step
from harness.check.stage import Stage
from harness.model import Implementation

SCALE = 3.0  # where nothing may fail: other tests run at the same time
FAKES = Path(__file__).parent / "fakes"
CASES = {case.id: case for case in every() if case.clause.workload == "fetch"}

CAUGHT_BY = {
    "crc_of_first_piece": "F01.1",
    "short_length": "F01.3",
    "chunk_size_0x": "F02.4",
    "trailer_unread": "F02.3",
    "reset_is_end": "F03.1",
    "body_on_204": "F04.1",
    "interim_is_final": "F05.1",
    "last_length_wins": "F06.1",
    "length_from_first": "F06.1",
    "transfer_encoding_wins": "F07.1",
    "lenient_grammar": "F08.1",
    "surplus_reused_at_once": "F09.1",
    "surplus_reused_late": "F09.2",
    "no_max_bytes": "F10.1",
    "body_kept": "F10.3",
    "truncated_is_reset": "F11.1",
    "timeout_is_reset": "F11.1",
    "refused_is_reset": "F11.1",
    "deadline_drip": "F12.1",
    "deadline_early": "F12.1",
    "deadline_late": "F12.1",
    "deadline_leak": "F12.1",
    "deadline_from_enqueue": "F12.2",
    "deadline_renewed_by_retry": "F12.3",
    "no_reuse": "F13.1",
    "close_ignored": "F13.2",
    "socket_left_on_error": "F19.1",
    "no_retry": "F14.1",
    "retry_on_idle": "F14.5",
    "retry_twice": "F14.2",
    "retry_on_fresh": "F14.3",
    "retry_after_byte": "F14.3",
    "limit_off_by_one": "F15.1",
    "serial": "F15.1",
    "slot_lost_on_failure": "F15.4",
    "missing_line": "F16.1",
    "doubled_line": "F16.1",
    "wrong_index_order": "F16.1",
    "failure_kills": "F16.1",
    "summary_counts_all": "F16.2",
    "summary_crc": "F16.2",
    "no_fail_fast": "F17.1",
    "cause_lost": "F17.1",
    "fail_fast_exit_0": "F17.1",
    "fail_fast_socket_open": "F17.1",
    "fail_fast_starts_more": "F17.1",
    "signal_ignored": "F18.1",
    "signal_status": "F18.2",
    "lingers_on_signal": "F18.1",
    "idle_left_open": "F19.1",
    "noisy": "F19.1",
    "hangs_on_end": "F19.1",
    "extra_header": "F20.1",
    "host_without_port": "F20.1",
    "fragment_sent": "F20.1",
    "bad_url_fetches_first": "F21.1",
    "bad_url_status": "F21.1",
    "bad_url_traceback": "F21.1",
    "unchecked_number": "F21.4",
    "unresolved_is_refused": "F22.1",
    "lookup_in_loop": "F22.2",
    "few_lookups": "F22.3",
    "one_address": "F22.4",
    "one_after_another": "F22.5",
    "lookup_is_waited_for": "F22.9",
    "tls_cut_is_end": "F23.211",
    "tls_surplus_reused": "F23.12",
    "no_name_check": "F23.1",
    "no_certificate_check": "F23.2",
    "handshake_is_refused": "F23.5",
    "no_sni": "F23.7",
}
"""The case that must fail for each fault of fakes/fetch_base.py."""


def listed(name: str) -> set[str]:
    """Return the words of a list in fakes/fetch_base.py without running it."""
    for node in ast.walk(ast.parse((FAKES / "fetch_base.py").read_text())):
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == name:
            words = node.value.func.value  # type: ignore[attr-defined]
            return set(ast.literal_eval(words).split())
    raise AssertionError(name)


def fake(fault: str = "") -> Implementation:
    """Return the fake client with this fault."""
    run = ("{python}", "{here}/fetch_base.py", *(("--fault", fault) if fault else ()))
    return Implementation(name="fake", folder=str(FAKES), title="", style="", run=run)


def play(case: str, fault: str = "", scale: float = 1.0) -> Stage:
    """Play a case on the fake; the stage tells what else was noticed."""
    with Stage(fake(fault), scale) as stage:
        try:
            CASES[case].play(stage)
        except Unsupported as reason:
            pytest.skip(str(reason))
    return stage


@pytest.mark.parametrize("case", CASES)
def test_a_client_that_keeps_the_contract_passes(case: str) -> None:
    """No case fails for a client without a fault."""
    stage = play(case, scale=SCALE)
    assert not stage.noise


@pytest.mark.parametrize("fault", sorted(CAUGHT_BY))
def test_a_planted_fault_is_caught(fault: str) -> None:
    """Each fault fails the case of the clause that it breaks."""
    with pytest.raises(Failure):
        play(CAUGHT_BY[fault], fault)


@pytest.mark.slow
@pytest.mark.parametrize("variation", sorted(listed("EQUIVALENT")))
def test_an_equivalent_client_passes(variation: str) -> None:
    """No quick case fails for a client that reads or orders otherwise."""
    failed = {}
    for case in (one.id for one in CASES.values() if one.quick):
        try:
            play(case, variation, SCALE)
        except Conclusion as conclusion:
            failed[case] = str(conclusion)
    assert not failed


def test_every_fault_has_its_case() -> None:
    """A fault that the fake knows is named here, and the other way round."""
    assert set(CAUGHT_BY) == listed("FAULTS")


def test_every_clause_kills_a_fault() -> None:
    """Every clause of fetch has a fault that it catches, and every MUST one quick case."""
    must = {id_ for id_, one in CLAUSES.items() if one.workload == "fetch" and one.level == "MUST"}
    quick = [case.id.partition(".")[0] for case in CASES.values() if case.quick]
    assert sorted(quick) == sorted(must)
    every_clause = {id_ for id_, one in CLAUSES.items() if one.workload == "fetch"}
    assert {case.partition(".")[0] for case in CAUGHT_BY.values()} == every_clause


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
