"""fetch on requests with threads: one session, and workers as threads that put into one queue."""

from __future__ import annotations

from collections import deque
from http.client import IncompleteRead, RemoteDisconnected
from http.cookiejar import DefaultCookiePolicy
from queue import SimpleQueue
from signal import SIGINT, SIGTERM, signal
from socket import gaierror
from ssl import SSLContext, SSLError
from threading import Thread
from time import perf_counter
from typing import TYPE_CHECKING, Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.util import SKIP_HEADER

from implementations.contract import CHUNK
from implementations.native import HEADERS, Body, TooLarge, failed

if TYPE_CHECKING:
    from collections.abc import Callable

    from implementations.contract import FetchJob, Outcome, Url

    Urls = deque[tuple[int, Url]]

# What it raises, or what is behind that -> the contract's word; the first that fits counts.
WORDS = (
    (gaierror, "unresolved"),
    (SSLError, "tls"),
    (urllib3.exceptions.NewConnectionError, "refused"),  # it is a TimeoutError as well
    ((TimeoutError, requests.Timeout, urllib3.exceptions.TimeoutError), "timeout"),
    (urllib3.exceptions.InvalidChunkLength, "malformed"),  # it is an IncompleteRead as well
    ((IncompleteRead, RemoteDisconnected), "truncated"),  # end
    (urllib3.exceptions.ProtocolError, "truncated", "ended prematurely"),
    ((ConnectionResetError, BrokenPipeError), "reset"),  # reset
    ((requests.RequestException, urllib3.exceptions.HTTPError), "malformed"),
)
ERRORS = requests.RequestException, urllib3.exceptions.HTTPError, TimeoutError, TooLarge


class Adapter(HTTPAdapter):
    """Takes a context for TLS: requests itself has a setting for a file alone."""

    def __init__(self, tls: SSLContext | None, **settings: Any) -> None:
        """Use this context, or where there is none, what requests has."""
        self._tls = tls
        super().__init__(**settings)

    def init_poolmanager(self, *args: Any, **settings: Any) -> None:
        """Hand the context on."""
        super().init_poolmanager(*args, ssl_context=self._tls, **settings)


class Session(requests.Session):
    """Leaves redirects alone: to see where one leads, it would read the body before us."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Lead nowhere."""


def session(job: FetchJob, tls: SSLContext | None) -> requests.Session:
    """Make the session that all workers share; its pools keep connections alive."""
    client = Session()
    client.trust_env = False
    client.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    client.headers.clear()
    client.headers.update(HEADERS | {"Accept-Encoding": SKIP_HEADER})
    adapter = Adapter(tls, pool_connections=len(job.urls), pool_maxsize=job.limit)  # reuse
    client.mount("http://", adapter)
    client.mount("https://", adapter)
    return client


def get(client: requests.Session, url: Url, job: FetchJob, body: Body) -> int:
    """Fetch one URL into a body as the client does it; return the status."""
    until = perf_counter() + job.deadline_s  # deadline: of each wait, and between two of the body
    with client.get(
        url.text, stream=True, allow_redirects=False, timeout=job.deadline_s
    ) as response:
        body.declare(response.headers.get("Content-Length"))
        for data in response.raw.stream(CHUNK, decode_content=False):
            body.add(data)
            if perf_counter() > until:
                raise TimeoutError
        return response.status_code


def work(
    urls: Urls,
    job: FetchJob,
    client: requests.Session,
    results: SimpleQueue[tuple[int, Outcome | None]],
) -> None:
    """Fetch URLs one after another until none is left."""
    while True:
        try:
            index, url = urls.popleft()
        except IndexError:
            return
        begin = perf_counter()
        body = Body(job.max_bytes)
        try:
            outcome = body.outcome(get(client, url, job, body), perf_counter() - begin)
        except ERRORS as error:
            outcome = failed(error, WORDS, perf_counter() - begin)
        if job.fail_fast and outcome.error:
            urls.clear()  # cancel: nothing more begins; what has begun cannot be ended
        results.put((index, outcome))


def run(job: FetchJob, record: Callable[[int, Outcome], None]) -> int | None:
    """Fetch all URLs; return the signal that ended it, if one did."""
    urls = deque(enumerate(job.urls))
    results: SimpleQueue[tuple[int, Outcome | None]] = SimpleQueue()
    for number in (SIGINT, SIGTERM):
        signal(number, lambda caught, _frame: results.put((caught, None)))
    with session(job, job.tls) as client:
        for _ in range(min(job.limit, len(job.urls))):  # limit: so many workers, one queue
            # daemon: the end of the process waits for no lookup and no answer
            Thread(target=work, args=(urls, job, client, results), daemon=True).start()
        for _ in job.urls:
            index, outcome = results.get()
            if outcome is None:
                urls.clear()
                return index
            record(index, outcome)
            if job.fail_fast and outcome.error:
                break
    return None


def fetch_all(job: FetchJob, record: Callable[[int, Outcome], None]) -> int | None:
    """Run the loop until every URL has its outcome; return the signal that ended it, if one did."""
    return run(job, record)
