"""fetch against a server that nobody here wrote: nginx, 1,000 files, plain and chunked.

Rules: nginx runs for this module alone, in the foreground, on loopback ports of its own, and writes
into a folder of the test; it is ended by its pid. That it really sends chunks is looked at.
"""

from __future__ import annotations

import json
import random
import shutil
import socket
import subprocess
import sys
import time
import zlib
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import trustme
from test_behaviour import minor_of

from harness import launch
from harness.check.stage import free_port
from harness.plan import discover

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.model import Implementation

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
FILES = 1000
LONGEST = 1 << 20
SEED = 7
pytestmark = pytest.mark.skipif(not NGINX, reason="nginx is not installed")
CLIENTS = [one for one in discover() if not one.run and "fetch" in one.workloads]

# SSI rewrites what it sends, so that nginx knows no length beforehand: it has to send chunks.
CONFIG = """
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
  access_log off;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  ssl_certificate {folder}/chain.pem; ssl_certificate_key {folder}/key.pem;
  server {{
    listen 127.0.0.1:{port};
    listen 127.0.0.1:{tls_port} ssl;
    location /plain/ {{ alias {folder}/files/; }}
    location /chunked/ {{ alias {folder}/files/; ssi on; ssi_types *; }}
  }}
}}
"""


@dataclass(frozen=True)
class Nginx:
    """A running nginx and what its files hold."""

    port: int
    tls_port: int
    authority: Path
    sums: list[tuple[int, int]]
    """Length and crc32 of each file."""

    def url(self, scheme: str, way: str, number: int) -> str:
        """Return the URL of a file; `way` is plain or chunked."""
        port = self.tls_port if scheme == "https" else self.port
        return f"{scheme}://127.0.0.1:{port}/{way}/{number}"


def lengths() -> Iterator[int]:
    """Yield the files' lengths: the ends of the range, then mostly short ones up to 1 MiB."""
    chance = random.Random(SEED)
    yield from (0, 1, LONGEST)
    for _ in range(FILES - 3):
        yield int(2 ** chance.uniform(0, 20))


def write_files(folder: Path) -> list[tuple[int, int]]:
    """Write the files; return the length and crc32 of each.

    None holds a `<`: nginx's SSI loses one that a file ends with (it might have begun a command).
    """
    chance = random.Random(SEED)
    pool = bytes(chance.randbytes(LONGEST * 2)).replace(b"<", b"=")
    sums = []
    for number, length in enumerate(lengths()):
        begin = chance.randrange(LONGEST)
        body = pool[begin : begin + length]
        (folder / str(number)).write_bytes(body)
        sums.append((length, zlib.crc32(body)))
    return sums


def listens(port: int) -> bool:
    """Tell whether a connect succeeds."""
    with closing(socket.socket()) as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    """Run nginx for the length of this module."""
    folder = tmp_path_factory.mktemp("nginx")
    folder.chmod(0o755)
    (folder / "files").mkdir()
    sums = write_files(folder / "files")
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    for blob in certificate.cert_chain_pems:
        blob.write_to_path(str(folder / "chain.pem"), append=True)
    certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
    port, tls_port = free_port(), free_port()
    config = folder / "nginx.conf"
    config.write_text(CONFIG.format(folder=folder, port=port, tls_port=tls_port))
    words = [str(NGINX), "-p", str(folder), "-e", f"{folder}/error.log", "-c", str(config)]
    with launch.start(words, stderr=folder / "stderr") as child:
        deadline = time.monotonic() + 20
        while not listens(tls_port):
            assert child.process.poll() is None, child.stderr().decode()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield Nginx(port, tls_port, folder / "authority.pem", sums)


def raw_head(nginx: Nginx, way: str) -> bytes:
    """Return the head that nginx sends for a file of one byte."""
    with closing(socket.create_connection(("127.0.0.1", nginx.port), 5)) as sock:
        sock.sendall(b"GET /%s/1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % way.encode())
        answer = b""
        while data := sock.recv(65536):
            answer += data
    return answer.partition(b"\r\n\r\n")[0].lower()


def test_nginx_sends_what_these_tests_are_about(nginx: Nginx) -> None:
    """One way has a length, the other is chunked; otherwise the tests below would say nothing."""
    assert b"\r\ncontent-length: 1" in raw_head(nginx, "plain")
    assert b"\r\ntransfer-encoding: chunked" not in raw_head(nginx, "plain")
    assert b"\r\ntransfer-encoding: chunked" in raw_head(nginx, "chunked")
    assert b"\r\ncontent-length" not in raw_head(nginx, "chunked")


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("one", CLIENTS, ids=lambda one: one.name)
def test_every_file_comes_whole(
    nginx: Nginx, one: Implementation, scheme: str, pytestconfig: pytest.Config
) -> None:
    """1,000 files, each plain and chunked: the length and the crc32 of each are the file's."""
    if one.cannot_run:
        pytest.skip(f"cannot run here: {one.cannot_run}")
    if minor_of(one) != sys.version_info.minor and not pytestconfig.getoption("--every-test"):
        pytest.skip(f"Python 3.{minor_of(one)} fetches with it (--every-test: here, too)")
    urls = [nginx.url(scheme, way, at) for at in range(FILES) for way in ("plain", "chunked")]
    words = [sys.executable, "-m", "implementations", one.name, "fetch"]
    done = subprocess.run(
        [*words, "--ca", str(nginx.authority), "--limit", "20"],
        input="\n".join(urls),
        capture_output=True,
        text=True,
        check=False,
        cwd=launch.ROOT,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    fields = ("error", "status", "bytes", "crc32")
    got = {line["index"]: tuple(line[field] for field in fields) for line in lines}
    assert len(lines) == len(urls)
    assert got == {at: (None, 200, *nginx.sums[at // 2]) for at in range(len(urls))}
