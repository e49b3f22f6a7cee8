"""What implementations share: the URL, the records, idle connections, `readable`, the exchange."""

from __future__ import annotations

import dataclasses
import fcntl
import gc
import os
import resource
import socket
import ssl
import struct
import tracemalloc
from typing import TYPE_CHECKING
from zlib import crc32

import pytest

from implementations import contract
from implementations.contract import (
    CHUNK,
    ERRORS,
    EchoOptions,
    Exchange,
    FetchJob,
    Idle,
    Outcome,
    Url,
    parse_url,
    readable,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

URL = parse_url("http://127.0.0.1:8000/a")
OK = b"HTTP/1.1 200 OK\r\n"
ABC = OK + b"Content-Length: 3\r\n\r\nabc"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
LABEL = "l" * 63

GOOD_URLS = {
    # URL: scheme, host, port, target, Host header
    "http://h": ("http", "h", 80, "/", "h"),
    "http://h/": ("http", "h", 80, "/", "h"),
    "https://h/": ("https", "h", 443, "/", "h"),
    "HTTP://H.Example/Path": ("http", "h.example", 80, "/Path", "h.example"),
    "http://h:80/": ("http", "h", 80, "/", "h"),
    "https://h:80/": ("https", "h", 80, "/", "h:80"),
    "http://h:443/": ("http", "h", 443, "/", "h:443"),
    "http://h:1/": ("http", "h", 1, "/", "h:1"),
    "http://h:65535/": ("http", "h", 65535, "/", "h:65535"),
    "http://h:08080/": ("http", "h", 8080, "/", "h:8080"),
    "http://h?x=1": ("http", "h", 80, "/?x=1", "h"),
    "http://h/?x=1&y=a:b@c/d?e": ("http", "h", 80, "/?x=1&y=a:b@c/d?e", "h"),
    "http://h/a#fragment": ("http", "h", 80, "/a", "h"),
    "http://h#fragment": ("http", "h", 80, "/", "h"),
    "http://h/%20%C3%A9": ("http", "h", 80, "/%20%C3%A9", "h"),
    "http://h//a/../b": ("http", "h", 80, "//a/../b", "h"),
    "http://127.0.0.1:7/": ("http", "127.0.0.1", 7, "/", "127.0.0.1:7"),
    "http://[::1]/": ("http", "::1", 80, "/", "[::1]"),
    "http://[2001:DB8::1]:7/x": ("http", "2001:db8::1", 7, "/x", "[2001:db8::1]:7"),
    "http://h.example./": ("http", "h.example.", 80, "/", "h.example."),
    "http://xn--bcher-kva.example/": (
        *("http", "xn--bcher-kva.example", 80),
        *("/", "xn--bcher-kva.example"),
    ),
    f"http://{LABEL}/": ("http", LABEL, 80, "/", LABEL),
}

BAD_URLS = {
    # URL: a word of the fault
    "": "start",
    "h": "start",
    "/": "start",
    "//h/": "start",
    "http:/h": "start",
    "http:h": "start",
    "://h/": "start",
    "ftp://h/": "start",
    "httpx://h/": "start",
    "file:///etc/passwd": "start",
    "http://": "no host",
    "http:///a": "no host",
    "http://:80/": "no host",
    "http://?x": "no host",
    "http://h:/": "not a number",
    "http://h:x/": "not a number",
    "http://h:8o/": "not a number",
    "http://h:+80/": "not a number",
    "http://h:-80/": "not a number",
    "http://h:8_0/": "not a number",
    "http://h:0x50/": "not a number",
    "http://h:80:80/": "malformed",
    "http://h:0/": "outside",
    "http://h:65536/": "outside",
    "http://h:" + "9" * 5000 + "/": "outside",
    f"http://{LABEL}l/": "label",
    f"http://a.{LABEL}l.b/": "label",
    "http://" + "a." * 128 + "/": "longer than 253",
    "http://a..b/": "empty label",
    "http://.a/": "empty label",
    "http://./": "empty label",
    "http://a../": "empty label",
    "http://a!b/": "character",
    "http://a%41/": "character",
    "http://a\\b/": "character",
    "http://b\u00fccher/": "ASCII",
    "http://h/\u00e9": "ASCII",
    "http://h:\uff18\uff10/": "ASCII",
    "http://h/\ud800": "ASCII",
    "http://u@h/": "credentials",
    "http://u:p@h/": "credentials",
    "http://@h/": "credentials",
    "http://h/a b": "space",
    " http://h/": "space",
    "http://h/ ": "space",
    "http://h /": "space",
    "http://h/\t": "control",
    "http://h/\r\nX: y": "control",
    "http://h\n/": "control",
    "http://h/\x00": "control",
    "http://h/\x7f": "control",
    "http://h/#\n": "control",
    "http://::1/": "malformed",
    "http://[::1/": "malformed",
    "http://::1]/": "malformed",
    "http://[::1]x/": "malformed",
    "http://[]/": "IPv6",
    "http://[127.0.0.1]/": "IPv6",
    "http://[::g]/": "IPv6",
    "http://[fe80::1%25eth0]/": "zone",
}


@pytest.mark.parametrize("text", GOOD_URLS)
def test_good_url_is_taken_apart(text: str) -> None:
    """A good URL gives what to connect to, what to ask for and the Host header."""
    url = parse_url(text)
    assert (url.scheme, url.host, url.port, url.target, url.authority) == GOOD_URLS[text]
    assert url.text == text
    assert url.origin == (url.scheme, url.host, url.port)


@pytest.mark.parametrize("text", BAD_URLS, ids=ascii)
def test_bad_url_is_refused(text: str) -> None:
    """A bad URL raises ValueError, whose one line names the URL and the fault."""
    with pytest.raises(ValueError, match="bad URL") as caught:
        parse_url(text)
    line = str(caught.value)
    assert BAD_URLS[text] in line
    assert ascii(text)[1:50].rstrip("'") in line
    assert line.isascii()
    assert line.isprintable()
    assert len(line) < 500


def test_options_default_to_nothing() -> None:
    """Without options echo has no idle limit, no connection limit and no TLS."""
    assert EchoOptions() == EchoOptions(idle_s=None, grace_s=5.0, limit=None, tls=None)


def test_job_defaults() -> None:
    """A job defaults to 10 at once, 30 s, 16 MiB, no fail-fast, no TLS."""
    job = FetchJob((URL,))
    assert job == FetchJob((URL,), 10, 30.0, 16 * 2**20, fail_fast=False, tls=None)


@pytest.mark.parametrize(
    "record", [EchoOptions(), FetchJob(()), URL, Outcome(200, 0, 0, None, 0.0)], ids=type
)
def test_records_are_frozen(record: EchoOptions | FetchJob | Url | Outcome) -> None:
    """No field of a record can be set, and none added."""
    field = dataclasses.fields(record)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(record, field, None)
    assert not hasattr(record, "__dict__")


def test_public_names() -> None:
    """Everything implementations share comes from this one module."""
    assert all(hasattr(contract, name) for name in contract.__all__)
    assert CHUNK == 65536
    words = "cancelled malformed refused reset timeout tls too_large truncated unresolved"
    assert " ".join(sorted(ERRORS)) == words


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (TimeoutError(), "timeout"),
        (ConnectionRefusedError(), "refused"),
        (ConnectionResetError(), "refused"),
        (OSError(113, "No route to host"), "refused"),
        (OSError(24, "Too many open files"), "refused"),
        (socket.gaierror(socket.EAI_NONAME, "unknown"), "unresolved"),
        (ssl.SSLError("handshake"), "tls"),
        (ssl.SSLCertVerificationError("name"), "tls"),
    ],
    ids=repr,
)
def test_cause_before_the_answer_has_a_word(error: OSError, word: str) -> None:
    """An error before any answer byte becomes an outcome with its word and no figures."""
    assert Outcome.failed(error, 0.5) == Outcome(None, None, None, word, 0.5)


# Idle


def test_idle_is_last_in_first_out() -> None:
    """The connection put last to an origin is taken first, whatever the path."""
    idle: Idle[str] = Idle()
    for name in ("old", "new"):
        idle.put(URL, name)
    other = parse_url("http://127.0.0.1:8000/b?c")
    assert [idle.take(other), idle.take(URL), idle.take(URL)] == ["new", "old", None]


@pytest.mark.parametrize(
    "text", ["https://127.0.0.1:8000/a", "http://127.0.0.1:8001/a", "http://localhost:8000/a"]
)
def test_idle_keeps_origins_apart(text: str) -> None:
    """A connection never serves another scheme, host or port."""
    idle: Idle[str] = Idle()
    idle.put(URL, "one")
    assert idle.take(parse_url(text)) is None
    assert idle.take(URL) == "one"


def test_idle_drains_once() -> None:
    """Draining hands over every connection of every origin and leaves none."""
    idle: Idle[str] = Idle()
    idle.put(URL, "a")
    idle.put(URL, "b")
    idle.put(parse_url("http://h/"), "c")
    assert sorted(idle.drain()) == ["a", "b", "c"]
    assert idle.drain() == []
    assert idle.take(URL) is None


# readable


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two ends of one TCP connection on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
    with near, far:
        yield near, far


def wait_for_event(end: socket.socket) -> None:
    """Block until the kernel has something for this end, without taking it."""
    end.settimeout(5)
    try:
        end.recv(1, socket.MSG_PEEK)
    except ConnectionResetError:
        pytest.fail("the peek took the reset away")


def test_quiet_connection_is_not_readable(pair: tuple[socket.socket, socket.socket]) -> None:
    """A connection on which nothing has arrived may be reused."""
    near, _ = pair
    assert not readable(near.fileno())


def test_surplus_is_readable_and_stays(pair: tuple[socket.socket, socket.socket]) -> None:
    """A byte that has arrived is noticed and not taken."""
    near, far = pair
    far.sendall(b"x")
    wait_for_event(near)
    assert readable(near.fileno())
    assert near.recv(2) == b"x"
    assert not readable(near.fileno())


def test_fin_is_readable(pair: tuple[socket.socket, socket.socket]) -> None:
    """A FIN that has arrived is noticed."""
    near, far = pair
    far.close()
    wait_for_event(near)
    assert readable(near.fileno())


def test_reset_is_readable(pair: tuple[socket.socket, socket.socket]) -> None:
    """An RST that has arrived is noticed; on loopback it has, once close() returns."""
    near, far = pair
    far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    far.close()
    assert readable(near.fileno())


def test_high_descriptor_is_polled(pair: tuple[socket.socket, socket.socket]) -> None:
    """A descriptor over 1023, which select() refuses, is answered like any other."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft <= 1030:
        pytest.skip(f"the limit of {soft} descriptors leaves none over 1023")
    near, far = pair
    high = fcntl.fcntl(near.fileno(), fcntl.F_DUPFD, 1024)
    try:
        assert not readable(high)
        far.sendall(b"x")
        wait_for_event(near)
        assert readable(high)
    finally:
        os.close(high)


# Exchange


@pytest.mark.parametrize(
    ("text", "target", "host"),
    [
        ("http://127.0.0.1:8000/a?b=c", b"/a?b=c", b"127.0.0.1:8000"),
        ("http://Example.com/", b"/", b"example.com"),
        ("https://example.com:443/", b"/", b"example.com"),
        ("http://[::1]:8080", b"/", b"[::1]:8080"),
    ],
)
def test_request_bytes(text: str, target: bytes, host: bytes) -> None:
    """The request is these bytes and no others (F20)."""
    assert Exchange(parse_url(text), 10).request == (
        b"GET " + target + b" HTTP/1.1\r\nHost: " + host + b"\r\n"
        b"User-Agent: evenloop\r\nAccept: */*\r\n\r\n"
    )


def test_fresh_exchange_has_not_started() -> None:
    """Before any byte nothing has started, ended or become reusable."""
    exchange = Exchange(URL, 10)
    assert (exchange.started, exchange.done, exchange.reusable) == (False, False, False)


def test_whole_answer() -> None:
    """A whole answer has a status, a length and a sum, no error, and its connection serves on."""
    exchange = Exchange(URL, 10)
    exchange.feed(ABC)
    assert exchange.done
    assert exchange.started
    assert exchange.reusable
    assert exchange.outcome(1.5) == Outcome(200, 3, crc32(b"abc"), None, 1.5)


@pytest.mark.parametrize("sent", [b"H", b"HTTP/1.1 100 Continue\r\n\r\n"])
def test_any_byte_is_a_start(sent: bytes) -> None:
    """One byte, or an interim answer, is an answer byte: no retry after it (F14)."""
    exchange = Exchange(URL, 10)
    exchange.feed(sent)
    assert exchange.started
    assert not exchange.done


@pytest.mark.parametrize(
    "sent", [b"", OK, ABC[:-1], OK + b"\r\nabc", CHUNKED + b"3\r\nabc\r\n"], ids=repr
)
def test_reset_before_the_end(sent: bytes) -> None:
    """An RST before the end is `reset`, also where a FIN would have been the end (F03)."""
    exchange = Exchange(URL, 10)
    if sent:
        exchange.feed(sent)
    exchange.reset()
    assert exchange.done
    assert not exchange.reusable
    assert exchange.outcome(0) == Outcome(None, None, None, "reset", 0)


@pytest.mark.parametrize("word", ERRORS)
def test_failure_of_the_callers_own(word: str) -> None:
    """A word the caller knows becomes the outcome, without figures."""
    exchange = Exchange(URL, 10)
    exchange.feed(ABC[:-1])
    exchange.fail(word)
    assert exchange.outcome(0) == Outcome(None, None, None, word, 0)


@pytest.mark.parametrize("late", ["reset", "fail", "fin", "byte"])
def test_whole_answer_stays_whole(late: str) -> None:
    """Nothing after the end changes the outcome, but a FIN or a byte ends the reuse."""
    exchange = Exchange(URL, 10)
    exchange.feed(ABC)
    before = exchange.outcome(0)
    happenings: dict[str, Callable[[], None]] = {
        "reset": exchange.reset,
        "fail": lambda: exchange.fail("timeout"),
        "fin": lambda: exchange.feed(b""),
        "byte": lambda: exchange.feed(b"x"),
    }
    happenings[late]()
    assert exchange.outcome(0) == before
    assert not (exchange.reusable and late in {"fin", "byte"})


def test_first_error_stays() -> None:
    """The first error is kept whatever follows."""
    exchange = Exchange(URL, 10)
    exchange.feed(b"garbage")
    exchange.reset()
    exchange.feed(ABC)
    assert exchange.error == "malformed"
    assert exchange.status is None


@pytest.mark.parametrize(
    "sent",
    [
        b"X",
        b"\r",
        b"HTTP/2",
        b"HTTP/1.1 200 O\0",
        OK + b"A ",
        OK + b"A: b\n",
        OK + b"Content-Length: 5s",
        CHUNKED + b"x",
        CHUNKED + b"3\n",
        CHUNKED + b"3\r\nabcd",
    ],
    ids=repr,
)
def test_fault_is_seen_at_its_byte(sent: bytes) -> None:
    """A broken answer is refused at once: a peer that then holds still costs no deadline."""
    exchange = Exchange(URL, 10)
    exchange.feed(sent)
    assert exchange.error == "malformed"


@pytest.mark.parametrize(
    ("sent", "word"),
    [
        (OK + b"Content-Length: 11\r\n\r\n", "too_large"),
        (CHUNKED + b"b\r\n", "too_large"),
        (CHUNKED + b"6\r\n123456\r\n5\r\n", "too_large"),
        (OK + b"\r\n12345678901", "too_large"),
    ],
    ids=repr,
)
def test_body_over_max_bytes(sent: bytes, word: str) -> None:
    """A body over max_bytes is refused as soon as its length or its bytes say so (F10)."""
    exchange = Exchange(URL, 10)
    exchange.feed(sent)
    assert exchange.error == word


ENDLESS = {
    "reason": (OK[:-2], b"r"),
    "header name": (OK, b"n"),
    "header value": (OK + b"A: ", b"v"),
    "header white space": (OK + b"A:", b" "),
    "headers": (OK, b"A: b\r\n"),
    "interim answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "empty lines": (b"", b"\r\n"),
    "size": (CHUNKED, b"0"),
    "extension": (CHUNKED + b"1;", b"e"),
    "white space after a size": (CHUNKED + b"1", b" "),
    "trailers": (CHUNKED + b"0\r\n", b"A: b\r\n"),
    "trailer value": (CHUNKED + b"0\r\nA: ", b"t"),
}


@pytest.mark.parametrize("size", [1, 1000, CHUNK])
@pytest.mark.parametrize("name", ENDLESS)
def test_nothing_goes_on_for_ever(name: str, size: int) -> None:
    """Anything without an end is `malformed` within 128 KiB and one read, in bounded memory."""
    start, more = ENDLESS[name]
    more = more * (size // len(more) + 1)
    exchange = Exchange(URL, 2**40)
    tracemalloc.start()
    try:
        if start:
            exchange.feed(start)
        for _ in range((128 * 1024 + CHUNK) // len(more) + 1):
            exchange.feed(more)
            if exchange.done:
                break
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert exchange.error == "malformed"
    assert peak < 2**21


@pytest.mark.parametrize("framing", ["length", "chunked", "to close"])
def test_body_is_not_kept(framing: str) -> None:
    """A body of 64 MiB passes through in a megabyte of memory."""
    piece, count = b"x" * CHUNK, 1024
    head, wrapped, end = {
        "length": (OK + b"Content-Length: %d\r\n\r\n" % (CHUNK * count), piece, b""),
        "chunked": (CHUNKED, b"%x\r\n%b\r\n" % (CHUNK, piece), b"0\r\n\r\n"),
        "to close": (OK + b"\r\n", piece, b""),
    }[framing]
    exchange = Exchange(URL, 2**40)
    tracemalloc.start()
    try:
        exchange.feed(head)
        for _ in range(count):
            exchange.feed(wrapped)
        if not exchange.done:
            exchange.feed(end)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert exchange.outcome(0).bytes == CHUNK * count
    assert peak < 2**20


@pytest.mark.parametrize(
    "sent", [ABC, CHUNKED + b"0\r\n\r\n", b"garbage", OK + b"Content-Length: 9\r\n\r\n"], ids=repr
)
def test_exchange_leaves_no_cycles(sent: bytes) -> None:
    """An exchange that is let go is freed at once: the collector has nothing to do."""
    gc.collect()
    gc.disable()
    try:
        exchange = Exchange(URL, 10)
        exchange.feed(sent)
        exchange.reset()
        exchange.outcome(0)
        del exchange
        assert gc.collect() == 0
    finally:
        gc.enable()
