"""The ways in: where echo listens, what it is told for that, and which peer knows how to come.

Rules: a case never asks which door it comes through; one that means something behind one alone
stands in that door's own module. A door that this machine lacks is Unsupported, with its reason.
"""

from __future__ import annotations

import itertools
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.check import certificates
from harness.check.case import Unsupported
from harness.check.peer import Peer
from harness.check.tls_peer import TlsPeer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Address = tuple[str, int] | str

_serial = itertools.count()


@dataclass(frozen=True, slots=True)
class Door:
    """One way in."""

    name: str
    """The end of a sentence."""
    address: Callable[[Path], Address]
    """Where to listen, given a folder for what it needs. Raises Unsupported."""
    peer: type[Peer] = Peer
    """What comes in."""
    options: Callable[[Path], tuple[str, ...]] = lambda _folder: ()
    """What echo is told for it, given the same folder."""


def _inet4(_folder: Path) -> Address:
    return ("127.0.0.1", 0)


def _inet6(_folder: Path) -> Address:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError as error:
        raise Unsupported(f"this machine has no ::1 ({error.strerror})") from None
    return ("::1", 0)


def _unix(folder: Path) -> Address:
    return str(folder / f"echo-{next(_serial)}")


def _tls(folder: Path) -> tuple[str, ...]:
    chain, key = certificates.write(folder)
    return ("--tls-cert", str(chain), "--tls-key", str(key))


INET4 = Door("on 127.0.0.1", _inet4)
INET6 = Door("on ::1", _inet6)
UNIX = Door("on a Unix socket", _unix)
TLS = Door("over TLS", _inet4, TlsPeer, _tls)
