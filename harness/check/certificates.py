"""The certificates of one worker: a private authority, made once, and what it vouches for.

Rules: made by trustme; nothing of it outlives the process but in the folders of the cases.
"""

from __future__ import annotations

import functools
import ssl
from typing import TYPE_CHECKING

import trustme

if TYPE_CHECKING:
    from pathlib import Path

HOST = "localhost"
"""The name that the certificate is for; 127.0.0.1 and ::1 are in it as well."""


@functools.cache
def authority() -> trustme.CA:
    """Return this process's authority."""
    return trustme.CA()


@functools.cache
def _server() -> trustme.LeafCert:
    return authority().issue_cert(HOST, "127.0.0.1", "::1")


def write(folder: Path) -> tuple[Path, Path]:
    """Write the server's certificate chain and its key into a folder; return their paths."""
    chain, key = folder / "chain.pem", folder / "key.pem"
    leaf = _server()
    chain.write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
    key.write_bytes(leaf.private_key_pem.bytes())
    return chain, key


@functools.cache
def trusting(newest: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED) -> ssl.SSLContext:
    """Return the context of a peer that trusts the authority, and speaks this version at most."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority().configure_trust(context)
    context.maximum_version = newest
    return context
