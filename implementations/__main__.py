"""One way in: a command line becomes records, serve() or fetch_all() runs, lines come out.

Rules: the same path for every implementation, so that none carries a parser or a printer; nothing
slow is imported before it is needed. By hand, from the folder above this one:

    python -m implementations trio echo --port 7007
    python -m implementations trio fetch http://127.0.0.1:8000/ --limit 20
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import math
import re
import signal
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from implementations import burden, contexts
from implementations.contract import EchoOptions, FetchJob, Outcome, parse_url

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence
    from types import ModuleType

HERE = Path(__file__).resolve().parent
NAME = re.compile(r"[a-z][a-z0-9_]*")
BACKLOG = 1024  # the same as the harness's own listeners have
DEFAULTS = FetchJob(urls=())


class _Parser(argparse.ArgumentParser):
    """Bad arguments are one line on stderr and status 2."""

    def error(self, message: str) -> NoReturn:
        _refuse(message)


def _refuse(message: str) -> NoReturn:
    print(f"evenloop: {message}", file=sys.stderr)
    raise SystemExit(2)


def _number(kind: type, *, above: float) -> Any:
    """Return an argparse type: a finite number of this kind, above a bound."""

    def convert(text: str) -> Any:
        try:
            value = kind(text)
        except ValueError:
            value = math.nan
        if not above < value < math.inf:
            noun = "a whole number" if kind is int else "a number"
            raise argparse.ArgumentTypeError(f"{text!r} is not {noun} above {above:g}")
        return value

    return convert


def _arguments() -> argparse.ArgumentParser:
    seconds, count = _number(float, above=0), _number(int, above=0)
    from_zero = _number(float, above=-1e-9)
    parser = _Parser(prog="python -m implementations", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "implementation", help="its name, or the path of a folder with echo.py and fetch.py"
    )
    workloads = parser.add_subparsers(dest="workload", required=True, parser_class=_Parser)

    echo = workloads.add_parser("echo", help="serve TCP: send back every byte")
    where = echo.add_mutually_exclusive_group(required=True)
    where.add_argument("--fd", type=_number(int, above=-1), help="an inherited listening socket")
    where.add_argument(
        "--port", type=_number(int, above=-1), help="listen on this port of 127.0.0.1"
    )
    echo.add_argument(
        "--idle-s", type=seconds, help="close a connection after so long without a byte"
    )
    echo.add_argument("--grace-s", type=from_zero, default=EchoOptions().grace_s)
    echo.add_argument("--limit", type=count, help="serve at most so many connections at once")
    echo.add_argument("--tls-cert", help="certificate chain, PEM")
    echo.add_argument("--tls-key", help="its private key, PEM")
    echo.add_argument(
        "--naive", action="store_true", help="serve as the documentation teaches it: naive.py"
    )

    echo.add_argument("--contextvars", help="write to this file which step sees whose context")

    fetch = workloads.add_parser(
        "fetch", help="GET URLs, from the arguments or one a line on stdin"
    )
    fetch.add_argument("urls", nargs="*", metavar="URL")
    fetch.add_argument("--limit", type=count, default=DEFAULTS.limit)
    fetch.add_argument("--deadline-s", type=seconds, default=DEFAULTS.deadline_s)
    fetch.add_argument("--max-bytes", type=_number(int, above=-1), default=DEFAULTS.max_bytes)
    fetch.add_argument("--fail-fast", action="store_true", help="end everything at the first error")
    fetch.add_argument(
        "--linger-s", type=from_zero, default=0.0, help="live on after the last line"
    )
    fetch.add_argument(
        "--summary", action="store_true", help="one line at the end instead of one a URL"
    )
    fetch.add_argument("--ca", help="certificates to trust, PEM")
    for workload in (echo, fetch):
        _burdens(workload.add_argument_group("burdens, for measuring"), seconds)
    return parser


def _burdens(group: argparse._ArgumentGroup, seconds: Any) -> None:
    group.add_argument("--stall-s", type=seconds, help="let the main thread sleep for so long")
    group.add_argument("--stall-every-s", type=seconds, default=0.5, help="so often (0.5)")
    group.add_argument("--burn", type=seconds, help="let work take so much longer: 0.05 is 5%%")
    group.add_argument("--busy-thread", action="store_true", help="let a thread compute meanwhile")


def _bear(options: argparse.Namespace) -> None:
    """Put the burdens on this process that the command line asks for."""
    if options.stall_s and options.burn:
        _refuse("--stall-s and --burn share a timer; give one of them")
    if options.stall_s:
        burden.stall(options.stall_s, options.stall_every_s)
    if options.burn:
        burden.burn(options.burn)
    if options.busy_thread:
        burden.busy_thread()


def _module(options: argparse.Namespace) -> str:
    """Return the name of the module that serves a workload."""
    return "naive" if getattr(options, "naive", False) else str(options.workload)


def _find(implementation: str, module: str) -> Path:
    """Return the folder of an implementation, by its name or its path."""
    folder = Path(implementation) if "/" in implementation else HERE / implementation
    if not NAME.fullmatch(folder.name) or not (folder / f"{module}.py").is_file():
        _refuse(f"no implementation {implementation!r} with a {module}.py")
    return folder


def load(folder: Path, name: str) -> ModuleType:
    """Import a module of an implementation; the last thing before its loop runs."""
    if folder.resolve().parent == HERE:
        return importlib.import_module(f"implementations.{folder.name}.{name}")
    # A package of another name, so that a folder called trio never shadows the real trio.
    package = f"evenloop_outside_{folder.name}"
    for full, file in (
        (package, folder / "__init__.py"),
        (f"{package}.{name}", folder / f"{name}.py"),
    ):
        spec = importlib.util.spec_from_file_location(
            full, file, submodule_search_locations=[str(folder)] if full == package else None
        )
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[full] = module
        if file.is_file():
            spec.loader.exec_module(module)
    return module


def _server_tls(options: argparse.Namespace) -> ssl.SSLContext | None:
    """Return the context of --tls-cert and --tls-key, None without them."""
    if not options.tls_cert:
        return None
    import ssl  # noqa: PLC0415  for those who ask for TLS alone

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(options.tls_cert, options.tls_key)
    except OSError as error:
        _refuse(f"cannot load {options.tls_cert}: {error}")
    return context


def _client_tls(options: argparse.Namespace, *, https: bool) -> ssl.SSLContext | None:
    """Return the context for https URLs, None where there are none."""
    if not https:
        return None
    import ssl  # noqa: PLC0415  for those who ask for TLS alone

    try:
        return ssl.create_default_context(cafile=options.ca)
    except OSError as error:
        _refuse(f"cannot load {options.ca}: {error}")


def _listen(options: argparse.Namespace) -> socket.socket:
    """Return the inherited listener, or one on 127.0.0.1."""
    try:
        if options.fd is not None:
            return socket.socket(fileno=options.fd)
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind(("127.0.0.1", options.port))
        listener.listen(BACKLOG)
    except (OSError, OverflowError) as error:
        where = f"descriptor {options.fd}" if options.port is None else f"port {options.port}"
        _refuse(f"cannot listen on {where}: {getattr(error, 'strerror', None) or error}")
    return listener


def echo(folder: Path, options: argparse.Namespace) -> int:
    """Serve until a signal; the status is 0 once drained."""
    tls = _server_tls(options), options.tls_cert, options.tls_key
    echo_options = EchoOptions(options.idle_s, options.grace_s, options.limit, *tls)
    listener = _listen(options)
    if options.contextvars:
        contexts.watch(options.contextvars, folder)
    module = load(folder, _module(options))
    module.serve(listener, echo_options, lambda: print("READY", flush=True))
    return 0


class _Record:
    """Receives every outcome, and writes a line each, or a sum of all at the end."""

    def __init__(self, texts: Sequence[str], *, summary: bool) -> None:
        self.texts = texts
        self.summary = summary
        self.missing = dict.fromkeys(range(len(texts)))
        self.failed = False
        self._begin = time.perf_counter()
        self._errors: dict[str, int] = {}
        self._bytes = 0
        self._crc32 = 0

    def __call__(self, index: int, outcome: Outcome) -> None:
        del self.missing[index]  # a second outcome for one URL is a bug: KeyError
        self.failed = self.failed or outcome.error is not None
        if self.summary:
            word = outcome.error or "ok"
            self._errors[word] = self._errors.get(word, 0) + 1
            self._bytes += outcome.bytes or 0
            self._crc32 = (self._crc32 + (outcome.crc32 or 0)) % 2**64
            return
        line = {
            "index": index,
            "url": self.texts[index],
            "status": outcome.status,
            "bytes": outcome.bytes,
            "crc32": outcome.crc32,
            "error": outcome.error,
            "elapsed_s": round(outcome.elapsed_s, 6),
        }
        sys.stdout.write(json.dumps(line) + "\n")  # one write: lines of threads must not interleave
        sys.stdout.flush()

    def finish(self) -> None:
        """Record `cancelled` for every URL that never had an outcome, and write the sums."""
        for index in list(self.missing):
            self(index, Outcome(None, None, None, "cancelled", 0.0))
        if self.summary:
            line = {
                "summary": len(self.texts),
                "errors": self._errors,
                "bytes": self._bytes,
                "crc32": self._crc32,
                "elapsed_s": round(time.perf_counter() - self._begin, 6),
            }
            print(json.dumps(line), flush=True)


def fetch(folder: Path, options: argparse.Namespace) -> int:
    """Fetch all; the status is 0 when each has its line, 1 after fail-fast, 128+N by a signal."""
    texts = options.urls or [line for line in sys.stdin.read().splitlines() if line]
    try:
        urls = tuple(parse_url(text) for text in texts)
    except ValueError as error:
        _refuse(str(error))
    tls = _client_tls(options, https=any(url.scheme == "https" for url in urls))
    job = FetchJob(
        urls, options.limit, options.deadline_s, options.max_bytes, options.fail_fast, tls
    )
    module = load(folder, "fetch") if urls else None
    record = _Record(texts, summary=options.summary)
    caught = module.fetch_all(job, record) if module else None
    record.finish()
    if caught is not None:
        return 128 + int(caught)
    time.sleep(options.linger_s)
    return 1 if options.fail_fast and record.failed else 0


def main() -> int:
    """Run the command line and return the exit status."""
    options = _arguments().parse_args()
    folder = _find(options.implementation, _module(options))
    _bear(options)
    return {"echo": echo, "fetch": fetch}[options.workload](folder, options)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPipeError:  # whoever read the lines is gone; nobody is left to tell
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.raise_signal(signal.SIGPIPE)
