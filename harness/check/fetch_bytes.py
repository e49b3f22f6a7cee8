"""F20, F21: the bytes of a request, and the arguments that fetch refuses before it sends any.

Rules: bytes are compared exactly. A refusal is one line, exit 2, and not one connection.
"""

from __future__ import annotations

import errno
import random
from contextlib import ExitStack
from typing import TYPE_CHECKING

from harness.check.case import Failure, Unsupported, case
from harness.check.fetch_rows import sized
from harness.check.origin import Origin
from harness.model import HarnessError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.check.client import Client
    from harness.check.stage import Stage

HELLO = sized(b"hello")
WELL_KNOWN_PORT = 80

TARGETS = {
    "": "/",
    "/": "/",
    "/a/b.c": "/a/b.c",
    "/a?b=c&d=e": "/a?b=c&d=e",
    "/?": "/?",
    "?q": "/?q",
    "?q=/a?b": "/?q=/a?b",
    "/%7Euser/%c3%a9?x=%20": "/%7Euser/%c3%a9?x=%20",
    "/~user/a+b;c=d,e!$'()*:@": "/~user/a+b;c=d,e!$'()*:@",
    "/a/../b/./c//d": "/a/../b/./c//d",
    "/page#part": "/page",
    "/page?q#part?r": "/page?q",
    "#part": "/",
    "/" + "long/" * 1500: "/" + "long/" * 1500,
}
"""What stands after the port in a URL, and the target that is asked for."""


def _request(host: str, target: str) -> bytes:
    """Return the request that SPEC.md prescribes."""
    head = f"GET {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: evenloop\r\nAccept: */*\r\n\r\n"
    return head.encode()


def _compare(origin: Origin, wanted: Sequence[bytes]) -> None:
    """Raise Failure unless exactly these requests came, in any order."""
    left = list(wanted)
    for request in origin.requests:
        if request.raw not in left:
            nearest = next(
                (one for one in left if request.target.encode() in one), left[0] if left else b""
            )
            raise Failure(f"{nearest!r}", f"{request.raw!r}")
        left.remove(request.raw)
    if left:
        raise Failure(f"{left[0]!r}", "no such request")


@case(
    "F20.1",
    quick=True,
    does="asks for paths, queries, escapes and fragments, on fresh and on reused connections",
    expects="the request of SPEC.md, byte for byte, the port in Host, nothing re-encoded",
)
def request_bytes(stage: Stage) -> None:
    """Play F20.1."""
    for limit in ("1", "10"):
        with Origin(stage, lambda _: (HELLO,)) as origin:
            base = origin.url("")
            host = base.removeprefix("http://")
            urls = [base + text for text in TARGETS] + ["HTTP" + base[4:] + "/scheme"]
            with stage.fetch(urls, "--limit", limit) as client:
                origin.serve(client)
                client.by_index()
            wanted = [_request(host, target) for target in TARGETS.values()]
            _compare(origin, [*wanted, _request(host, "/scheme")])


@case(
    "F20.2",
    does="asks an origin on port 80, with and without the port in the URL",
    expects="a Host without the port both times",
    why="RFC 9110 7.2, 4.2.3: the default port is left out",
)
def default_port(stage: Stage) -> None:
    """Play F20.2."""
    # An address of its own: other programs, and other runs of this case, may be at 127.0.0.1:80.
    host = f"127.{random.randrange(1, 255)}.{random.randrange(256)}.{random.randrange(1, 255)}"  # noqa: S311
    with Origin(stage, lambda _: (HELLO,)) as origin:
        try:
            origin.open_door((host, WELL_KNOWN_PORT))
        except HarnessError as error:
            if isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.EACCES:
                raise Unsupported("this user may not listen on port 80") from None
            raise
        urls = [f"http://{host}/a", f"http://{host}:80/b", f"http://{host}"]
        with stage.fetch(urls) as client:
            origin.serve(client)
            client.by_index()
        _compare(origin, [_request(host, target) for target in ("/a", "/b", "/")])


BAD_URLS = {
    "another scheme": "ftp://127.0.0.1/",
    "a label over 63": f"http://{'a' * 64}.example/",
    "a host that is not ASCII": "http://b\xfccher.example/",
    "a user and a password": "http://user:secret@127.0.0.1/",
    "a space": "http://127.0.0.1/a b",
    "a line end": "http://127.0.0.1/a\r\nX-Injected: yes",
    "port 0": "http://127.0.0.1:0/",
    "port 65536": "http://127.0.0.1:65536/",
}
"""One of each kind that F21 names."""

MORE_BAD_URLS = {
    "no scheme": "127.0.0.1/",
    "no host": "http:///path",
    "a user": "http://user@127.0.0.1/",
    "DEL": "http://127.0.0.1/\x7f",
    "a port of 5000 digits": f"http://127.0.0.1:{'9' * 5000}/",
    "a port that is no number": "http://127.0.0.1:http/",
}
"""A few more; each costs the start of a process."""

BAD_OPTIONS = (
    ("--limit", "0"),
    ("--limit", "many"),
    ("--deadline-s", "nan"),
    ("--deadline-s", "0"),
    ("--max-bytes", "-1"),
)
AT_ONCE = 4  # processes side by side: their starts are most of the time, and the cores are few
NAMED = 40  # characters of a URL that its line must show


def _judge_refusal(client: Client, status: int, what: str, names: Sequence[str]) -> None:
    """Raise Failure unless fetch ended with 2 and one line that shows one of the names."""
    text = client.child.stderr().decode("utf-8", "replace")
    client.stage.note(f"{what}: exit status {status}, stderr: {text[:300]!r}")
    if status != 2:
        raise Failure(f"exit status 2 for {what}", f"{status}")
    if client.lines:
        raise Failure(f"nothing fetched beside {what}", f"{len(client.lines)} lines")
    if text.count("\n") > 1 or not text.strip():
        raise Failure(f"one line on stderr for {what}", f"{text.count(chr(10))}: {text[:200]!r}")
    if not any(name in text for name in names):
        raise Failure(f"a line that names {what}: {names[0]!r}", f"{text[:200]!r}")


def _refuse(
    stage: Stage,
    asked: Sequence[tuple[str, list[str], tuple[str, ...], Sequence[str]]],
    *,
    by_stdin: bool = False,
) -> None:
    """Start fetch for each (what, URLs, options, names to show), some side by side; judge each."""
    with Origin(stage, lambda _: (HELLO,)) as origin:
        for at in range(0, len(asked), AT_ONCE):
            group = asked[at : at + AT_ONCE]
            with ExitStack() as stack:
                clients = [
                    stack.enter_context(
                        stage.fetch(
                            [origin.url("/good"), *urls],
                            *options,
                            by_stdin=by_stdin,
                            may_write=True,
                        )
                    )
                    for _, urls, options, _ in group
                ]
                for client, (what, _, _, names) in zip(clients, group, strict=True):
                    _judge_refusal(client, origin.serve(client), what, names)
        origin.rest(0.0)
        if origin.connections:
            raise Failure("no connection to the good URL beside", f"{len(origin.connections)}")


def _bad(urls: dict[str, str]) -> list[tuple[str, list[str], tuple[str, ...], Sequence[str]]]:
    """Return what `_refuse` wants to know; the URL may be shown as it is or escaped."""
    return [
        (what, [url], (), (ascii(url)[1:-1][:NAMED], url[:NAMED])) for what, url in urls.items()
    ]


@case(
    "F21.1",
    quick=True,
    does="names a good URL and one of each bad kind",
    expects="one line that names the bad one, exit 2, nothing fetched",
)
def bad_urls(stage: Stage) -> None:
    """Play F21.1."""
    _refuse(stage, _bad(BAD_URLS))


@case("F21.2", does="does the same with more of each kind", expects="the same")
def more_bad_urls(stage: Stage) -> None:
    """Play F21.2."""
    _refuse(stage, _bad(MORE_BAD_URLS))


@case("F21.3", does="does the same with URLs on stdin", expects="the same")
def bad_urls_by_stdin(stage: Stage) -> None:
    """Play F21.3."""
    kinds = ("a label over 63", "a space")
    _refuse(stage, _bad({kind: BAD_URLS[kind] for kind in kinds}), by_stdin=True)


@case(
    "F21.4",
    does="gives options whose value is no number, or a number that makes no sense",
    expects="one line that names the option, exit 2, nothing fetched",
)
def bad_numbers(stage: Stage) -> None:
    """Play F21.4."""
    _refuse(stage, [(" ".join(words), [], words, [words[0]]) for words in BAD_OPTIONS])
