"""What is planted: every mutant, every variant that must pass, and the programs without a fault.

Rules: data alone. A fault breaks one clause; it is killed when any case of that clause fails. The
same name in several styles is the same fault, written anew in each program of `tests/fakes`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from harness.model import Workload

Style = Literal["coroutine", "callback", "thread"]
STYLES: tuple[Style, ...] = ("coroutine", "callback", "thread")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One planted fault in one program."""

    name: str
    """Unique, as `echo-thread-drops_byte`: workload, style and fault."""
    style: Style
    workload: Workload
    clause: str
    """The clause that it breaks, as `E01`."""
    does: str
    """One sentence: what is planted."""

    @property
    def fault(self) -> str:
        """The word that its program knows it by."""
        return self.name.rpartition("-")[2]


@dataclass(frozen=True, slots=True)
class Variant:
    """One program that keeps the contract, in an unusual way or (no `variation`) in a plain one."""

    name: str
    style: Style
    workload: Workload
    variation: str
    does: str


def _planted(styles: tuple[Style, ...], clauses: dict[str, dict[str, str]]) -> list[Mutant]:
    """Return a mutant for every fault of every clause in each of the styles."""
    found = []
    for clause, faults in clauses.items():
        workload: Workload = "echo" if clause.startswith("E") else "fetch"
        for fault, does in faults.items():
            for style in styles:
                name = f"{workload}-{style}-{fault}"
                found.append(Mutant(name, style, workload, clause, does))
    return found


EVERYWHERE: dict[str, dict[str, str]] = {
    "E01": {
        "doubles_a_chunk": "sends the last byte of a read of 16 KiB or more twice",
        "drops_byte": "drops the last byte of every read after the first megabyte",
        "text": "decodes and encodes the bytes as UTF-8",
    },
    "E02": {
        "all_in_one_breath": "keeps everything until the peer has ended",
        "line_buffered": "keeps what follows the last newline",
    },
    "E03": {
        "ends_after_32_mib": "ends the stream after 32 MiB",
        "partial_send_ignored": "takes a partial send for a whole one",
    },
    "E04": {
        "drops_tail": "loses the last byte when the FIN came with it",
        "early_fin": "sends FIN after 100 kB, whatever is still to come",
        "reset_instead_of_fin": "ends with RST where FIN is due",
    },
    "E05": {
        "memory_kept": "keeps a copy of every read",
        "unbounded": "reads on without waiting for its writes",
    },
    "E06": {"blocks_all": "lets everyone wait while one peer does not read"},
    "E07": {
        "dies_on_reset": "ends the process at a reset",
        "fd_leak_on_reset": "keeps a descriptor of every connection that was reset",
    },
    "E08": {"kills_neighbour": "ends every other connection at a reset"},
    "E09": {
        "kept_of_each": "keeps three kB of every connection",
        "one_at_a_time": "serves the next connection when the last has ended",
        "stops_at_900": "accepts no more once 900 are open",
    },
    "E10": {
        "idle_early": "closes after half of the idle time",
        "idle_late": "closes after twice the idle time",
        "idle_never": "never closes an idle connection",
        "idle_never_renewed": "counts the idle time from the connect alone",
        "idle_while_blocked": "counts the time in which it waits to write",
        "idle_while_waiting": "counts the time behind the limit",
    },
    "E11": {
        "limit_closes": "closes the surplus instead of letting it wait",
        "limit_off_by_one": "serves one more than the limit",
        "slot_lost_on_reset": "gives no place back after a reset",
    },
    "E12": {
        "accepts_in_drain": "serves new connections after SIGTERM",
        "cuts_early": "ends at SIGTERM with bytes in flight",
        "exit_status": "exits with status 3 after a drain",
        "hangs_in_drain": "never ends after SIGTERM",
        "no_handler_reset": "keeps its handler after the first SIGTERM",
        "not_at_grace": "waits for open connections beyond the grace",
        "waits_for_grace": "waits for the whole grace though all are done",
    },
    "E13": {"stops_at_exhaustion": "accepts no more after it ran out of descriptors"},
    "E13q": {"spins_when_exhausted": "tries to accept without a pause, a line on stderr each time"},
    "E14": {
        "leaves_child": "starts a process for a connection and leaves it",
        "leaves_thread": "starts a thread for a connection and leaves it",
    },
    "E15": {
        "flood_stderr": "floods stderr",
        "noisy_reset": "writes a line at every reset",
    },
    "E16": {
        "late_handler": "takes signals 50 ms after READY",
        "port_busy_traceback": "shows a traceback where the port is taken",
        "ready_early": "says READY before it listens to signals",
    },
    "E17": {"nagles_replies": "waits 40 ms before a small reply"},
    "F01": {
        "crc_of_first_piece": "sums the first piece of a body alone",
        "short_length": "takes FIN for the end of a body that is short of its length",
    },
    "F02": {"trailer_unread": "takes the zero chunk for the end and leaves the trailers"},
    "F03": {"reset_is_end": "takes RST for the end of a body"},
    "F04": {"body_on_204": "reads the body that the headers of a 204 promise"},
    "F05": {"interim_is_final": "takes an interim reply for the answer"},
    "F06": {
        "last_length_wins": "takes the last of several lengths",
        "length_from_first": "takes the digits that a length begins with",
    },
    "F07": {"transfer_encoding_wins": "ignores Content-Length beside Transfer-Encoding"},
    "F09": {
        "surplus_reused_at_once": "reuses a connection with bytes beyond the answer",
        "surplus_reused_late": "reuses an idle connection that bytes have come to",
    },
    "F10": {
        "body_kept": "keeps the whole body",
        "no_max_bytes": "knows no bound for a body",
    },
    "F11": {
        "refused_is_reset": "says reset where the connection was refused",
        "timeout_is_reset": "says reset where the deadline passed",
        "truncated_is_reset": "says reset where FIN came too early",
    },
    "F12": {
        "deadline_drip": "begins the deadline anew with every byte",
        "deadline_early": "ends after 0.7 of the deadline",
        "deadline_from_enqueue": "counts the time in which a URL waits for the limiter",
        "deadline_late": "ends after 1.8 of the deadline",
        "deadline_leak": "keeps the socket open past the deadline",
        "deadline_renewed_by_retry": "begins the deadline anew with the retry",
    },
    "F13": {
        "close_ignored": "reuses a connection after `Connection: close`",
        "no_reuse": "opens a connection for every URL",
    },
    "F14": {
        "no_retry": "gives up on a stale connection",
        "retry_after_byte": "tries again though an answer had begun",
        "retry_on_fresh": "tries again on a fresh connection's end",
        "retry_on_idle": "tries again on another idle connection",
        "retry_twice": "tries a third time",
    },
    "F15": {
        "limit_off_by_one": "has one more in flight than the limit",
        "serial": "has one in flight whatever the limit",
        "slot_lost_on_failure": "gives no place back after a failure",
    },
    "F16": {
        "doubled_line": "writes the line of a URL twice",
        "failure_kills": "ends everything at the first failure",
        "missing_line": "never writes the line of one URL",
        "summary_counts_all": "adds failures to the sums",
        "summary_crc": "adds up wrong sums",
        "wrong_index_order": "numbers the lines backwards",
    },
    "F17": {
        "cause_lost": "says cancelled for the URL that failed first",
        "fail_fast_exit_0": "exits 0 after fail-fast",
        "fail_fast_socket_open": "cancels the others and keeps their sockets open",
        "fail_fast_starts_more": "connects once more after the first error",
        "no_fail_fast": "goes on after the first error",
    },
    "F18": {
        "lingers_on_signal": "lingers after a signal",
        "signal_ignored": "ignores SIGINT and SIGTERM",
        "signal_status": "exits 130 whatever the signal",
    },
    "F19": {
        "hangs_on_end": "lives on for a minute",
        "idle_left_open": "leaves idle connections open at the end",
        "noisy": "writes a warning to stderr at the end",
        "socket_left_on_error": "keeps the socket of a URL that failed",
    },
    "F20": {
        "extra_header": "sends one header more",
        "fragment_sent": "sends the fragment",
        "host_without_port": "leaves the port out of Host",
    },
    "F21": {
        "bad_url_fetches_first": "connects before all URLs are checked",
        "bad_url_status": "exits 1 for a bad URL",
        "bad_url_traceback": "shows a traceback for a bad URL",
        "unchecked_number": "takes any number for an option",
    },
}
"""Clause -> fault -> what is planted, in all three styles."""

COROUTINE: dict[str, dict[str, str]] = {
    "E01": {"never_ready": "never says READY"},
    "E13q": {"evicts_when_exhausted": "cuts one who is served when it runs out of descriptors"},
    "E17": {"delays_last_segment": "holds back the rest of an answer for 40 ms"},
    "E18": {"name_of_two_parts": "takes a peer's name for an address and a port alone"},
    "E19": {"nameless_kills": "ends when a peer has no name"},
    "E20": {
        "tls_1_3_alone": "speaks TLS 1.3 alone",
        "tls_leaks_half_shaken": "keeps a connection whose handshake failed",
        "tls_loses_at_notice": "drops what it has not written when close_notify comes",
        "tls_no_notice": "ends without a close_notify of its own",
        "tls_notice_unheard": "waits for FIN though close_notify has come",
        "tls_plain_kills": "ends when plaintext comes",
        "tls_stall_blocks": "accepts nobody while a handshake stalls",
    },
    "E21": {"urgent_ends": "ends a connection at an out-of-band byte"},
    "F22": {
        "few_lookups": "looks few names up at a time",
        "lookup_in_loop": "looks names up where everyone waits for it",
        "lookup_is_waited_for": "waits for a lookup beyond its deadline or its end",
        "one_address": "tries the first address of a name alone",
        "one_after_another": "tries the next address only when the last has failed",
        "unresolved_is_refused": "says refused where a name has no address",
    },
    "F23": {
        "handshake_is_refused": "says refused where the handshake failed",
        "no_certificate_check": "takes any certificate",
        "no_name_check": "takes a certificate for another name",
        "no_sni": "does not say which name it asks for",
        "tls_cut_is_end": "takes a cut TLS stream for the end of a body",
        "tls_surplus_reused": "reuses a TLS connection with bytes beyond the answer",
    },
    "F02": {"chunk_size_0x": "takes 0x and a plus in a chunk's size"},
    "F08": {"lenient_grammar": "takes bare LF, folded lines and a space before the colon"},
}
"""The same for the coroutine style alone."""

WRITTEN_ANEW: dict[str, dict[str, str]] = {
    "E01": {
        "first_read_only": "sends back the first read alone",
        "swaps_bytes": "swaps the last two bytes of every read",
    },
    "E04": {"no_fin": "never sends FIN"},
    "E05": {"read_queue": "queues what it reads behind what it cannot write"},
    "E13": {"dies_when_exhausted": "ends when it runs out of descriptors"},
    "E14": {"leaves_pipe": "opens a pipe for a connection and leaves it"},
    "E15": {"chatty": "writes a line for every connection"},
    "F02": {
        "chunk_size_int": "reads a chunk's size as Python reads a number",
        "truncated_chunks": "takes FIN between two chunks for the end",
    },
    "F05": {"interims_uncounted": "passes over any number of interim replies"},
    "F06": {"length_by_int": "reads a length as Python reads a number"},
    "F07": {"any_coding": "takes any list of codings that names chunked"},
    "F08": {
        "any_version": "takes any protocol and version",
        "bare_lf_taken": "takes a bare LF for the end of a line",
        "space_before_colon": "takes white space before the colon",
    },
    "F17": {"siblings_not_cancelled": "lets those in flight go on after the first error"},
    "F15": {"slot_given_twice": "gives a place back twice after a failure"},
    "F09": {"surplus_is_next": "takes the bytes beyond an answer for the next one"},
    "F10": {"endless_head": "knows no bound for heads, headers and trailers"},
}
"""The same for the two styles that have a reader of HTTP of their own."""

MUTANTS: tuple[Mutant, ...] = tuple(
    sorted(
        [
            *_planted(STYLES, EVERYWHERE),
            *_planted(("coroutine",), COROUTINE),
            *_planted(("callback", "thread"), WRITTEN_ANEW),
        ],
        key=lambda mutant: (mutant.clause, mutant.name),
    )
)
"""Every mutant, clause by clause."""

_VARIATIONS: dict[Workload, dict[Style, dict[str, str]]] = {
    "echo": {
        "coroutine": {"extra_yields": "lets others run after every read"},
        "callback": {
            "accepts_in_batches": "accepts until nobody waits any more",
            "edge_triggered": "is told of a change once, and reads until there is nothing",
            "scatter_writes": "writes from two buffers at once",
        },
        "thread": {
            "large_reads": "reads 200 kB at once",
            "one_buffer": "reads into a buffer of 8 KiB",
            "one_step": "takes 2 MiB for good at the 500th connection",
            "slow_writes": "writes pieces of 5 kB",
            "tiny_reads": "reads the first 4 KiB byte by byte",
        },
    },
    "fetch": {
        "coroutine": {
            "extra_yields": "lets others run after every read",
            "reversed_order": "starts the URLs from the last",
            "tiny_reads": "reads the first 4 KiB by seven bytes",
            "two_writes": "sends a request in two writes",
        },
        "callback": {
            "reversed_order": "starts the URLs from the last",
            "two_writes": "sends a request in two writes",
        },
        "thread": {
            "one_buffer": "reads into a buffer of 3000 bytes",
            "tiny_reads": "reads the first 4 KiB byte by byte",
        },
    },
}

EQUIVALENT: tuple[Variant, ...] = tuple(
    Variant(f"{workload}-{style}-{variation}", style, workload, variation, does)
    for workload, styles in _VARIATIONS.items()
    for style, variations in styles.items()
    for variation, does in variations.items()
)
"""Every variant that keeps the contract though it goes about it otherwise."""

PLAIN: tuple[Variant, ...] = tuple(
    Variant(f"{workload}-{style}", style, workload, "", "has no fault")
    for workload in _VARIATIONS
    for style in STYLES
)
"""The programs themselves, without a fault."""
