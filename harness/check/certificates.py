"""The certificates of one worker: private authorities, and what the trusted one vouches for.

Rules: made by trustme, once for each process, and imported by those who need one alone; nothing of
them outlives the process but in the folders of the cases.
"""

from __future__ import annotations

import functools
import ssl
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import trustme

TRUSTED = "trusted"
HOST = "localhost"
"""The name that the certificate is for."""
EVERYWHERE = (HOST, "127.0.0.1", "::1")


@functools.cache
def authority(name: str) -> trustme.CA:
    """Return this process's authority of that name."""
    import trustme  # noqa: PLC0415  it costs 0.1 s

    return trustme.CA(organization_name=name)


@functools.cache
def _server() -> trustme.LeafCert:
    return authority(TRUSTED).issue_cert(*EVERYWHERE)


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
    authority(TRUSTED).configure_trust(context)
    context.maximum_version = newest
    return context
