"""The gauge's parsers under sanitizers against what others make of the same bytes.

Rules: one process holds them all (gauge_parsers.c), and a bad access or undefined behaviour ends
it, which fails the example. What is read in pieces is the same however it is cut. Where the gauge
and the contract judge an answer differently, SPEC.md leaves it free and FREE says so.
The normal run is short and always the same; `--hypothesis-profile=long` searches on.
"""

from __future__ import annotations

import ipaddress
import re
import shutil
import subprocess
from contextlib import suppress
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import h11
import pytest
from h11._abnf import token as H11_TOKEN  # noqa: N812  it is a constant
from hypothesis import given, settings
from hypothesis import strategies as st
from test_contract_oracle import OFFSETS, REPLIES, SHORT, cut, judge, replies
from test_gauge_native import GAUGE, compile_with_gcc

from harness import launch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from test_contract_oracle import Reply

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")

LONG = settings.get_current_profile_name() == "long"
SEARCH = (
    settings.get_profile("long")
    if LONG
    else settings(derandomize=True, deadline=None, database=None, max_examples=120)
)

# Where one may take an answer that the other refuses, and the clause that leaves it free.
FREE = {
    "F08, versions above 1.1 and statuses above 599": rb"HTTP/1\.[2-9] | [6-9]\d\d",
    "F06, equal lengths": rb"(?is)content-length.*content-length",
    "F02, a trailer that looks like a length": rb"(?is)\r\n0+[^\r]*\r\n(?:.*\r\n)?content-length:",
}


class Parsers:
    """The process that reads records; a new one after one that broke."""

    def __init__(self, program: Path) -> None:
        """Start nothing yet."""
        self.program = program
        self.process: subprocess.Popen[bytes] | None = None

    def ask(self, kind: str, raw: bytes, pieces: Sequence[bytes] = ()) -> str:
        """Return what the parser `kind` says of the bytes, in these pieces or whole."""
        if self.process is None:
            with self.program.with_suffix(".err").open("wb") as errors:
                self.process = subprocess.Popen(
                    [self.program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
                )
        assert self.process.stdin is not None
        ends = list(accumulate(map(len, pieces)))[:-1]
        head = " ".join(map(str, [kind, len(ends), *ends, len(raw)]))
        with suppress(BrokenPipeError):
            self.process.stdin.write(head.encode() + b"\n" + raw)
            self.process.stdin.flush()
        return self.next_line()

    def next_line(self) -> str:
        """Return one more line; fails with what a sanitizer said when there is none."""
        assert self.process is not None
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            self.close()
            pytest.fail(self.program.with_suffix(".err").read_text("utf-8", "replace")[-3000:])
        return line.decode("latin-1").rstrip("\n")

    def close(self) -> int:
        """End the process and return its exit code."""
        process, self.process = self.process, None
        if process is None:
            return 0
        with suppress(BrokenPipeError):
            process.communicate(timeout=60)
        return process.wait(60)


@pytest.fixture(scope="module")
def parsers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parsers]:
    """Yield the parsers; at the end they must have leaked nothing."""
    program = tmp_path_factory.mktemp("fuzz") / "parsers"
    sources = [s for s in sorted(GAUGE.glob("*.c")) if s.name not in {"module.c", "main.c"}]
    driver = launch.ROOT / "tests" / "gauge_parsers.c"
    compile_with_gcc(program, f"-I{GAUGE}", driver, *sources)
    reading = Parsers(program)
    yield reading
    assert reading.close() == 0


def contract(raw: bytes) -> str:
    """Say what the contract makes of an answer, in the words of the gauge."""
    outcome, reusable = judge([raw] if raw else [])
    if outcome.error is not None:
        return outcome.error
    return f"ok {outcome.status} {outcome.bytes} {outcome.crc32} {int(reusable)}"


def agree(parsers: Parsers, raw: bytes, gauge: str) -> bool:
    """Tell whether the gauge judges as the contract does, or is free not to.

    One may see that a line is wrong when the other still awaits its end, or the head's: an answer
    cut short there is `malformed` to the one and `truncated` to the other.
    """
    theirs = contract(raw)
    free = any(re.search(pattern, raw) for pattern in FREE.values())
    if gauge == theirs or (free and "malformed" in {gauge, theirs}):
        return True
    ended = raw + b"\r\n\r\n"
    if {gauge, theirs} == {"truncated", "malformed"}:
        later = parsers.ask("a", ended) if gauge == "truncated" else contract(ended)
        return later == "malformed"
    return False


@pytest.mark.parametrize("name", REPLIES)
def test_known_answers_are_judged_as_the_contract_does(parsers: Parsers, name: str) -> None:
    """The table of test_contract_oracle.py, whole and cut in two."""
    raw, _ = REPLIES[name]
    gauge = parsers.ask("a", raw)
    assert agree(parsers, raw, gauge), contract(raw)
    for at in range(1, len(raw), 1 if len(raw) <= SHORT else len(raw) // 10):
        assert parsers.ask("a", raw, [raw[:at], raw[at:]]) == gauge


@SEARCH
@given(reply=replies(), offsets=OFFSETS)
def test_well_formed_answers_are_read(parsers: Parsers, reply: Reply, offsets: list[int]) -> None:
    """Any well-formed answer, however cut, is read as its maker meant it."""
    _, size, crc32, reusable = reply.want
    said = f"ok {reply.want.status} {size} {crc32} {int(reusable)}"
    assert parsers.ask("a", reply.raw, cut(reply.raw, offsets)) == said


DAMAGE = st.tuples(
    st.integers(0, 2000),
    st.integers(0, 3),
    st.sampled_from([bytes([byte]) for byte in b"\0\t\n\r ,:;0139AaHxc\x7f\xff"] + [b"\r\n", b""]),
)


def damaged(raw: bytes, damage: tuple[int, int, bytes]) -> bytes:
    """Replace a few bytes."""
    at, gone, come = damage
    at %= len(raw) + 1
    return raw[:at] + come + raw[at + gone :]


@SEARCH
@given(
    reply=st.one_of(
        replies().map(lambda reply: reply.raw),
        st.sampled_from([raw for raw, _ in REPLIES.values() if len(raw) <= SHORT]),
    ),
    damage=st.lists(DAMAGE, min_size=1, max_size=3),
    offsets=OFFSETS,
)
def test_damaged_answers_are_judged_as_the_contract_does(
    parsers: Parsers, reply: bytes, damage: list[tuple[int, int, bytes]], offsets: list[int]
) -> None:
    """An answer with bytes replaced ends with the same word, however cut; so does its head."""
    raw = reply
    for one in damage:
        raw = damaged(raw, one)
    gauge = parsers.ask("a", raw, cut(raw, offsets))
    assert gauge == parsers.ask("a", raw)
    assert agree(parsers, raw, gauge), contract(raw)
    assert parsers.ask("p", raw, cut(raw, offsets)) == parsers.ask("p", raw)


class Coded(NamedTuple):
    """A body in chunks, and itself."""

    raw: bytes
    body: bytes


@st.composite
def coded(draw: st.DrawFn) -> Coded:
    """Make a chunked body with extensions and trailers."""
    pieces = draw(st.lists(st.binary(min_size=1, max_size=300), max_size=4))
    extension = st.sampled_from([b"", b";a", b" \t;a=b", b'; a = "b; c"', b" "])
    raw = b"".join(b"%x%b\r\n%b\r\n" % (len(one), draw(extension), one) for one in pieces)
    trailers = b"".join(draw(st.lists(st.sampled_from([b"A: b\r\n", b"C:\r\n"]), max_size=2)))
    return Coded(raw + b"00%b\r\n%b\r\n" % (draw(extension), trailers), b"".join(pieces))


@SEARCH
@given(one=coded(), surplus=st.binary(max_size=3), damage=DAMAGE, offsets=OFFSETS)
def test_chunks_are_taken_off(
    parsers: Parsers, one: Coded, surplus: bytes, damage: tuple[int, int, bytes], offsets: list[int]
) -> None:
    """To the last byte and not beyond; and what is damaged is left in one state, however cut."""
    raw = one.raw + surplus
    words = parsers.ask("c", raw, cut(raw, offsets)).split()
    assert words[:2] == ["done", str(len(one.raw))]
    assert words[-1] == f"'{one.body.hex()}'"
    raw = damaged(raw, damage)
    assert parsers.ask("c", raw, cut(raw, offsets)) == parsers.ask("c", raw)


@SEARCH
@given(
    number=st.integers(0, 10**18),
    target=st.sampled_from(["", "?round=2", "/a", "x"]),
    close=st.booleans(),
    damage=DAMAGE,
    offsets=OFFSETS,
)
def test_requests_are_read_as_h11_means_them(
    parsers: Parsers,
    number: int,
    target: str,
    close: bool,
    damage: tuple[int, int, bytes],
    offsets: list[int],
) -> None:
    """What h11 writes is read; what is damaged, and both read, is the same number to both."""
    headers = [("Host", "127.0.0.1"), *([("Connection", "close")] if close else [])]
    client = h11.Connection(h11.CLIENT)
    raw = client.send(h11.Request(method="GET", target=f"/{number}{target}", headers=headers))
    assert raw is not None
    said = f"complete {number} {int(close)} {len(raw)}"
    assert parsers.ask("q", raw + b"GET", [*cut(raw, offsets), b"GET"]) == said
    raw = damaged(raw, damage)
    said = parsers.ask("q", raw)
    assert parsers.ask("q", raw, cut(raw, offsets)) == said
    server = h11.Connection(h11.SERVER)
    server.receive_data(raw)
    event: object = None
    with suppress(h11.RemoteProtocolError):
        event = server.next_event()
    if said.startswith("complete") and isinstance(event, h11.Request):
        digits = re.match(rb"/(\d+)", event.target)
        assert digits is not None
        assert int(digits[1]) == int(said.split()[1])
        assert said.split()[2] == "0" or (b"connection", b"close") in event.headers


HOSTS = st.one_of(st.just("localhost"), st.ip_addresses(v=4).map(str))
PORTS = st.one_of(st.just(""), st.integers(1, 65535).map(":{}".format), st.just(":0080"))
TARGETS = st.one_of(
    st.just(""),
    st.tuples(
        st.sampled_from("/?"),
        st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20),
    ).map("".join),
)
URLS = st.builds(
    "{}://{}{}{}".format, st.sampled_from(["http", "HTTP", "hTtP"]), HOSTS, PORTS, TARGETS
)


def url_is_read(text: str, said: str) -> None:
    """Assert that host, port and target are those that urllib sees, and h11 reads the request."""
    _, address, port, request = said.split()
    parts = urlsplit(text)
    assert parts.scheme == "http"
    assert (parts.port or 80) == int(port)
    host = "127.0.0.1" if parts.hostname == "localhost" else str(parts.hostname)
    assert ipaddress.ip_address(host) == ipaddress.ip_address(address)
    target = text.partition("#")[0][len("http://") + len(parts.netloc) :]
    server = h11.Connection(h11.SERVER)
    server.receive_data(bytes.fromhex(request.strip("'")))
    event = server.next_event()
    assert isinstance(event, h11.Request)
    assert event.target.decode() == (target if target.startswith("/") else f"/{target}")
    where = parts.netloc.partition(":")[0] + ("" if port == "80" else f":{port}")
    assert dict(event.headers)[b"host"].decode() == where
    assert server.next_event() == h11.EndOfMessage()


@SEARCH
@given(url=URLS, damage=DAMAGE)
def test_urls_are_read_as_urllib_does(
    parsers: Parsers, url: str, damage: tuple[int, int, bytes]
) -> None:
    """A good URL is read, and a damaged one that still passes means the same to both."""
    said = parsers.ask("u", url.encode())
    assert said.startswith("good "), said
    url_is_read(url, said)
    raw = damaged(url.encode(), damage).replace(b"\0", b"")
    said = parsers.ask("u", raw)
    if said.startswith("good "):
        url_is_read(raw.decode(), said)
    else:
        assert said.startswith(("bad is ", "bad has ", "bad does "))


@SEARCH
@given(
    digits=st.text("0123456789", max_size=25),
    rest=st.sampled_from(["", "x", "-", " 1", ".5", "/"]),
    least=st.integers(0, 100),
    most=st.integers(0, 2**62),
)
def test_numbers_are_whole_and_within_bounds(
    parsers: Parsers, digits: str, rest: str, least: int, most: int
) -> None:
    """As int() has them; what does not fit is -1, and never some other number."""
    value, _, used = parsers.ask("n", f"{least} {most} {digits}{rest}".encode()).partition(" ")
    if digits and least <= int(digits) <= most:
        assert (int(value), int(used)) == (int(digits), len(digits))
    else:
        assert int(value) == -1


def test_tokens_are_those_of_h11(parsers: Parsers) -> None:
    """Byte by byte, and none at all."""
    for raw in (b"", *(bytes([byte]) for byte in range(256)), *(b"a%c" % n for n in range(256))):
        expected = re.fullmatch(H11_TOKEN.encode(), raw) is not None
        assert parsers.ask("t", raw) == str(int(expected)), raw


def sliceable(text: str) -> bool:
    """Tell whether this is a list of slices within load.c's bounds."""
    for part in text.split(","):
        form = r"([0-9]+)x([0-9]+)(?:@([0-9]+))?(?:\+([0-9]+))?/([0-9]+)/([0-9]+)"
        match = re.fullmatch(form, part)
        if match is None:
            return False
        values = [1 if value is None else int(value) for value in match.groups()]
        most = (60_000, 1 << 26, 1_000_000, 1000, 86_400_000, 86_400_000)
        least = (1, 1, 1, 1, 0, 1)
        if not all(low <= n <= high for low, n, high in zip(least, values, most, strict=True)):
            return False
    return True


NUMBERS = st.one_of(st.integers(0, 300), st.sampled_from([60_000, 60_001, 86_400_001, 2**64]))
SLICES = st.lists(
    st.builds(
        "{}x{}{}{}/{}/{}".format,
        st.integers(1, 9),
        st.integers(1, 999),
        st.one_of(st.just(""), NUMBERS.map("@{}".format)),
        st.one_of(st.just(""), st.sampled_from(["+1", "+1000", "+1001", "+0"])),
        NUMBERS,
        NUMBERS,
    ),
    min_size=1,
    max_size=3,
).map(",".join)


@SEARCH
@given(
    text=SLICES,
    at=st.integers(0, 60),
    gone=st.integers(0, 1),
    come=st.sampled_from(["", "", *"0x/,. -y@+"]),
)
def test_slices_are_a_list_or_refused(
    parsers: Parsers, text: str, at: int, gone: int, come: str
) -> None:
    """Exit 2 for exactly what is no list of slices; a good one is tried, and nobody listens."""
    at %= len(text) + 1
    text = text[:at] + come + text[at + gone :]
    lines = [parsers.ask("s", text.encode())]
    while not lines[-1].startswith("= "):
        lines.append(parsers.next_line())
    assert (lines[-1] == "= 2") is not sliceable(text)
