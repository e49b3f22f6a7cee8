"""A scripted name server, and the resolver's files that lead a child to it.

Rules: own code, UDP on a loopback address of its own, turned by the origin's loop like everything
else. What a name has is said before; an answer that is held stays held until the case lets it go.
"""

from __future__ import annotations

import enum
import os
import random
import selectors
import socket
import struct
from typing import TYPE_CHECKING, Self

from harness import own_files
from harness.check.case import Unsupported

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from harness.check.origin import Origin

PORT = 53  # resolv.conf(5) knows no other
TRIES = 20  # of addresses: other workers have name servers of their own
LONG_S = 30  # the most that resolv.conf's timeout allows: a lookup that nobody answers hangs on
A, AAAA = 1, 28  # RFC 1035 3.2.2, RFC 3596 2.1
RESPONSE = 0x8180  # RFC 1035 4.1.1: an answer, recursion desired and available


class No(enum.Enum):
    """What a name may have in place of addresses."""

    SUCH_NAME = 3  # NXDOMAIN
    LUCK = 2  # SERVFAIL
    ANSWER = -1  # none, until `release`; then as NXDOMAIN


Has = tuple[str, ...] | No
"""The addresses of a name (none: it exists and has none), or what it has in their place."""


class Names:
    """A name server for the length of a `with` block."""

    def __init__(self, origin: Origin, zone: Mapping[str, Has], folder: Path) -> None:
        """Answer for these names. Raises Unsupported where the machine permits no such thing."""
        if why := own_files.refusal():
            raise Unsupported(f"a child cannot be given files of its own here: {why}")
        self.zone = dict(zone)
        self.asked: list[str] = []
        """The names that were asked for, in order; once for each kind of address."""
        self._held: list[tuple[str, bytes, tuple[str, int]]] = []
        self._origin = origin
        self._sock, self.address = _bind()
        origin.selector.register(self._sock, selectors.EVENT_READ, self._receive)
        self.files = self._write(folder)
        """What the child is to see, by its place; for `Stage.fetch`."""

    def __enter__(self) -> Self:
        """Use it as a block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close its socket."""
        self._origin.selector.unregister(self._sock)
        self._sock.close()

    def held(self, name: str) -> bool:
        """Tell whether a lookup of this name waits for its answer."""
        return any(asked == name for asked, _, _ in self._held)

    def release(self) -> None:
        """Answer everything that is held: there are no such names."""
        for name, query, client in self._held:
            self.zone[name] = No.SUCH_NAME  # it will be asked for again, as the resolver searches
            self._sock.sendto(_reply(query, No.SUCH_NAME, 0), client)
        self._held.clear()

    def _write(self, folder: Path) -> dict[str, Path]:
        texts = {
            "/etc/hosts": "127.0.0.1 localhost\n",
            "/etc/nsswitch.conf": "hosts: files dns\n",
            "/etc/resolv.conf": f"nameserver {self.address}\nsearch .\n"
            f"options timeout:{LONG_S} attempts:1\n",
        }
        files = {}
        for place, text in texts.items():
            files[place] = folder / os.path.basename(place)  # noqa: PTH119  it is a name, no file
            files[place].write_text(text)
        return files

    def _receive(self) -> None:
        query, client = self._sock.recvfrom(4096)
        name, kind = _question(query)
        self.asked.append(name)
        self._origin.stage.note(f"names: {name}, {'AAAA' if kind == AAAA else 'A'}?")
        has = self.zone.get(name, No.SUCH_NAME)
        if has is No.ANSWER:
            self._held.append((name, query, client))
        else:
            self._sock.sendto(_reply(query, has, kind), client)


def _bind() -> tuple[socket.socket, str]:
    """Return a socket on port 53 of a loopback address that nobody else has. Raises Unsupported."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    for _ in range(TRIES):
        address = f"127.53.{random.randrange(256)}.{random.randrange(1, 255)}"  # noqa: S311
        try:
            sock.bind((address, PORT))
        except OSError as error:
            why = error
        else:
            return sock, address
    sock.close()
    raise Unsupported(f"port {PORT} cannot be had here: {why.strerror}") from why


def _question(query: bytes) -> tuple[str, int]:
    """Return the name and the kind that a query asks for."""
    labels, at = [], 12
    while length := query[at]:
        labels.append(query[at + 1 : at + 1 + length].decode("ascii").lower())
        at += 1 + length
    (kind,) = struct.unpack_from("!H", query, at + 1)
    return ".".join(labels), kind


def _reply(query: bytes, has: Has, kind: int) -> bytes:
    """Return the answer to a query (RFC 1035 4.1)."""
    end = query.index(b"\0", 12) + 5
    family = {A: socket.AF_INET, AAAA: socket.AF_INET6}.get(kind)
    addresses = () if isinstance(has, No) else has
    records = [
        struct.pack("!HHHIH", 0xC00C, kind, 1, 0, len(packed)) + packed
        for address in addresses
        if (":" in address) == (kind == AAAA) and family is not None
        for packed in [socket.inet_pton(family, address)]
    ]
    code = has.value if isinstance(has, No) else 0
    head = query[:2] + struct.pack("!HHHHH", RESPONSE | code, 1, len(records), 0, 0)
    return head + query[12:end] + b"".join(records)
