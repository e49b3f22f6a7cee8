"""What all implementations share: the records, the URL, idle connections and the HTTP exchange.

Rules: nothing here does I/O, waits, or knows a framework. Connecting, retrying, limiting, deadlines
and cancelling are each framework's own idiom and stand in its files. An implementation out of this
tree imports from here alone: `from implementations.contract import CHUNK, Exchange`.
"""

from __future__ import annotations

import re
import select
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv6Address
from typing import TYPE_CHECKING, Generic, NoReturn, TypeVar

from implementations.http_exchange import ERRORS, Exchange, Outcome

if TYPE_CHECKING:
    import ssl

__all__ = [
    "ATTEMPT_S",
    "BACKOFF_S",
    "CHUNK",
    "ERRORS",
    "EchoOptions",
    "Exchange",
    "FetchJob",
    "Idle",
    "Outcome",
    "Url",
    "parse_url",
    "readable",
]

# Read at most this much at once. A larger read would favour the frameworks that can ask for one and
# costs a fresh process an mmap and a munmap each time (glibc's threshold starts at 128 KiB).
CHUNK = 65536

ATTEMPT_S = 0.25  # for an address to answer before the next is tried as well (RFC 8305 5)
BACKOFF_S = 0.1  # after a failed accept, most likely for want of a descriptor

DEFAULT_PORTS = {"http": 80, "https": 443}

_URL = re.compile(r"(?:([^:/?#]*)://)?([^/?#]*)([^#]*)")
_AUTHORITY = re.compile(r"(?:\[(?P<inet6>[^\[\]]*)\]|(?P<name>[^:\[\]]*))(?::(?P<port>[^:]*))?")
_HOST = re.compile(r"[A-Za-z0-9._~-]+")
_LABEL_LONGEST = 63  # RFC 1035 2.3.4; a longer one makes the idna codec of getaddrinfo raise
_HOST_LONGEST = 253  # RFC 1035 2.3.4: 255 octets on the wire, less the first length and the root
_SHOWN_LONGEST = 200  # of a bad URL: enough to know it by, still one line

C = TypeVar("C")


@dataclass(frozen=True, slots=True)
class EchoOptions:
    """How echo behaves; without options none of the machinery for them is on the path."""

    idle_s: float | None = None
    """Close a connection after so long without a byte from its peer; None: never."""
    grace_s: float = 5.0
    """How long open connections may finish after SIGTERM."""
    limit: int | None = None
    """Serve at most so many connections at once; the surplus waits unserved; None: all."""
    tls: ssl.SSLContext | None = None
    """Serve TLS with this context; None: plain TCP."""
    tls_cert: str | None = None
    """The file of the certificate chain in it, for a framework that makes a context of its own."""
    tls_key: str | None = None
    """The file of its private key."""


@dataclass(frozen=True, slots=True)
class Url:
    """One URL, checked: what to connect to and what to ask for."""

    text: str
    """As it was given."""
    scheme: str
    """`http` or `https`."""
    host: str
    """A name or an address to connect to, lower case; an IPv6 address without its brackets."""
    port: int
    """Never 0: the scheme's default where the URL has none."""
    target: str
    """Path and query as they go on the request line; at least `/`."""

    @property
    def origin(self) -> tuple[str, str, int]:
        """What two URLs must share to share a connection: (scheme, host, port)."""
        return self.scheme, self.host, self.port

    @property
    def authority(self) -> str:
        """The Host header's value: the port only where it is not the scheme's default."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class FetchJob:
    """What to fetch and within which bounds."""

    urls: tuple[Url, ...]
    """In the order of their indices; they may start in any order."""
    limit: int = 10
    """At most so many URLs in flight at once."""
    deadline_s: float = 30.0
    """For each URL, from the moment the limiter lets it start; covers connecting and a retry."""
    max_bytes: int = 16 * 1024 * 1024
    """The longest body that is an answer."""
    fail_fast: bool = False
    """End everything at the first error."""
    tls: ssl.SSLContext | None = None
    """For https; None: the URLs are all http, or the system's own certificates serve."""


class Idle(Generic[C]):
    """Idle connections by origin, last in first out.

    The newest is the one the origin is least likely to have given up. Whoever takes one must still
    ask `readable` whether anything has arrived on it meanwhile.
    """

    def __init__(self) -> None:
        """Start with none."""
        self._by_origin: dict[tuple[str, str, int], list[C]] = {}

    def put(self, url: Url, connection: C) -> None:
        """Keep a connection that `Exchange.reusable` allows to serve again."""
        self._by_origin.setdefault(url.origin, []).append(connection)

    def take(self, url: Url) -> C | None:
        """Hand over the newest connection to this URL's origin; None if there is none."""
        connections = self._by_origin.get(url.origin)
        return connections.pop() if connections else None

    def drain(self) -> list[C]:
        """Hand over all that are left, to be closed; none stays."""
        connections = [one for each in self._by_origin.values() for one in each]
        self._by_origin.clear()
        return connections


def readable(fileno: int) -> bool:
    """Tell at once whether bytes, a FIN or an error wait on a descriptor; no byte is touched.

    True for an idle connection means that it must not be reused (RFC 9112 9.2 and 9.5). It polls
    because select() refuses descriptors over 1023; a poll object of its own, because one shared
    between threads may not be polled twice at a time.
    """
    poll = select.poll()
    poll.register(fileno, select.POLLIN)
    return bool(poll.poll(0))


def parse_url(text: str) -> Url:
    """Check a URL and take it apart; ValueError with one line that names the URL and the fault.

    A fragment is not sent and not kept. Anything beyond printable ASCII must be percent-encoded.
    """
    if not text.isascii():
        _refuse(text, "it is not ASCII: percent-encode it, and write a host in its xn-- form")
    if not text.isprintable() or " " in text:
        _refuse(text, "it holds a space or a control character")
    match = _URL.match(text)
    assert match is not None  # every part may be empty
    scheme, authority, target = (match[1] or "").lower(), match[2], match[3]
    if scheme not in DEFAULT_PORTS:
        _refuse(text, "it does not start with http:// or https://")
    host, port = _split_authority(text, authority)
    if not target.startswith("/"):
        target = "/" + target
    return Url(text, scheme, host, DEFAULT_PORTS[scheme] if port is None else port, target)


def _split_authority(text: str, authority: str) -> tuple[str, int | None]:
    if "@" in authority:
        _refuse(text, "it carries credentials")
    match = _AUTHORITY.fullmatch(authority)
    if match is None:
        _refuse(text, "its host is malformed (an IPv6 address stands in brackets)")
    name, inet6 = match["name"], match["inet6"]
    host = _check_name(text, name) if inet6 is None else _check_inet6(text, inet6)
    return host, _check_port(text, match["port"])


def _check_name(text: str, host: str) -> str:
    labels = host.removesuffix(".").split(".")
    if not host:
        _refuse(text, "it has no host")
    if not _HOST.fullmatch(host) or not all(labels):
        _refuse(text, "its host has an empty label or a character that no host has")
    if max(map(len, labels)) > _LABEL_LONGEST:
        _refuse(text, f"a label of its host is longer than {_LABEL_LONGEST}")
    if len(host.removesuffix(".")) > _HOST_LONGEST:
        _refuse(text, f"its host is longer than {_HOST_LONGEST}")
    return host.lower()


def _check_inet6(text: str, host: str) -> str:
    if "%" in host:  # a zone means something on one machine only and has no place in Host
        _refuse(text, "its IPv6 address has a zone")
    try:
        IPv6Address(host)
    except AddressValueError:
        _refuse(text, "what stands in brackets is no IPv6 address")
    return host.lower()


def _check_port(text: str, port: str | None) -> int | None:
    if port is None:
        return None
    if not port.isdigit():
        _refuse(text, "its port is not a number")
    number = int(port[:6])  # six digits are enough to be out of range, and int() has a limit
    if not 1 <= number <= 65535 or len(port) > 6:
        _refuse(text, "its port is outside 1-65535")
    return number


def _refuse(text: str, fault: str) -> NoReturn:
    shown = text if len(text) <= _SHOWN_LONGEST else text[:_SHOWN_LONGEST] + "..."
    raise ValueError(f"bad URL {shown!a}: {fault}")
