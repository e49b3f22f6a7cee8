"""The gauge's C below its roles: each noun by a small C program, and all of it under sanitizers.

Rules: a program holds its claims as assertions and is compiled here; figures it prints are checked
against Python's own arithmetic.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import tomllib
import zlib
from collections import Counter
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness import launch
from harness.gauge import body

if TYPE_CHECKING:
    from collections.abc import Sequence

GAUGE = Path(launch.ROOT, "harness", "gauge")
FLAGS = ("-std=c11", "-O0", "-Wall", "-Wextra", "-Werror")
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
WAIT_S = 60.0

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")

HISTOGRAM = """
    struct histogram *one = malloc(sizeof *one), *other = malloc(sizeof *other);
    struct histogram *all = malloc(sizeof *all);
    long long value;
    assert(one && other && all);
    histogram_clear(one); histogram_clear(other); histogram_clear(all);
    assert(histogram_quantile(all, 0.5) == 0 && histogram_mean(all) == 0);
    for (unsigned i = 0; scanf("%lld", &value) == 1; i++) {
        histogram_add(all, value);
        histogram_add(i % 3 ? one : other, value);
    }
    histogram_merge(one, other);
    assert(memcmp(one->counts, all->counts, sizeof all->counts) == 0);
    assert(one->many == all->many && one->overflow == all->overflow);
    assert(one->max_ns == all->max_ns);
    printf("%llu %llu %lld %.3f\\n", (unsigned long long)all->many,
           (unsigned long long)all->overflow, (long long)all->max_ns, histogram_mean(all));
    for (int i = 0; i <= 1000; i++)
        printf("%lld\\n", (long long)histogram_quantile(all, i / 1000.0));
    free(one); free(other); free(all);
"""

EDGES = """
    struct histogram *histogram = malloc(sizeof *histogram);
    assert(histogram);
    for (int64_t power = 1; power < HISTOGRAM_END; power *= 2)
        for (int64_t value = power - 2; value <= power + 2; value++) {
            histogram_clear(histogram);
            histogram_add(histogram, value);
            int64_t back = histogram_quantile(histogram, 1), true_value = value < 0 ? 0 : value;
            int64_t wrong = back > true_value ? back - true_value : true_value - back;
            assert(histogram->many == 1 && histogram->overflow == 0);
            assert(wrong * 1000 <= true_value);
        }
    histogram_clear(histogram);
    histogram_add(histogram, HISTOGRAM_END - 1);
    histogram_add(histogram, HISTOGRAM_END);
    histogram_add(histogram, INT64_MAX);
    assert(histogram->many == 1 && histogram->overflow == 2);
    assert(histogram_quantile(histogram, 1) == INT64_MAX);
    free(histogram);
"""

BUCKETS = """
    struct histogram *one = calloc(1, sizeof *one), *other = calloc(1, sizeof *other);
    int64_t middle_ns, before_ns = -1;
    uint64_t count;
    assert(one && other);
    assert(histogram_bucket(one, 0, &middle_ns, &count) == HISTOGRAM_BUCKETS);
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
        one->counts[i] = i % 3;
    for (unsigned i = 0; (i = histogram_bucket(one, i, &middle_ns, &count)) < HISTOGRAM_BUCKETS;
         i++, before_ns = middle_ns) {
        assert(middle_ns > before_ns && count == i % 3);
        for (uint64_t j = 0; j < count; j++)
            histogram_add(other, middle_ns);
    }
    assert(memcmp(one->counts, other->counts, sizeof one->counts) == 0);
    assert(other->many == HISTOGRAM_BUCKETS && other->overflow == 0);
    free(one); free(other);
"""

PATTERN = """
    struct pattern pattern;
    assert(pattern_open(&pattern, 64) == 0);
    for (int c = 0; c < 40; c++)
        for (int m = 0; m < 40; m++)
            for (int d = 0; d < 40 * 40; d++)
                if (c * 40 + m != d)
                    assert(memcmp(pattern_at(&pattern, c, m),
                                  pattern_at(&pattern, d / 40, d % 40), 64) != 0);
    pattern_close(&pattern);
"""

FAIRNESS = """
    assert(fairness_jain((int64_t[]){0, 0}, 2) == 0);
    assert(fairness_jain((int64_t[]){7, 7, 7, 7}, 4) == 1);
    assert(fairness_jain((int64_t[]){0, 9, 0, 0}, 4) == 0.25);
    assert(fairness_jain((int64_t[]){1, 2, 3}, 3) == 36.0 / 42.0);
"""

CRC32 = """
    static uint8_t bytes[4096];
    struct crc32 *crc32 = malloc(sizeof *crc32);
    unsigned cut, folds;
    assert(crc32 && scanf("%u %u", &cut, &folds) == 2);
    getchar();
    size_t size = fread(bytes, 1, sizeof bytes, stdin);
    crc32_open(crc32);
    crc32->folds = crc32->folds && folds;
    uint32_t value = crc32_add(crc32, 0, bytes, cut);
    printf("%lu\\n", (unsigned long)crc32_add(crc32, value, bytes + cut, size - cut));
    free(crc32);
"""

DELAY = """
    struct delay delay = {NULL, 0, 0, 0};
    uint64_t in = 0, out = 0;
    assert(delay_first(&delay) == NULL);
    for (int round = 0; round < 300; round++) {
        for (int i = 0; i < round % 7 + 3; i++)
            assert(delay_push(&delay, (struct delayed){(int64_t)in, in++, NULL}) == 0);
        for (int i = 0; i < round % 5 + 1; i++, delay_pop(&delay))
            assert(delay_first(&delay)->number == out++);
    }
    for (; delay_first(&delay) != NULL; delay_pop(&delay))
        assert(delay_first(&delay)->number == out++);
    assert(in == out);
    delay_close(&delay);
"""

SOURCES = """
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    int listener = sock_listen(0);
    assert(listener >= 0 && getsockname(listener, (struct sockaddr *)&address, &size) == 0);
    for (uint32_t source = 0; source < 64; source++) {
        struct sockaddr_in from;
        int peer, fd = sock_dial_from(&address, source);
        assert(fd >= 0);
        peer = accept(listener, (struct sockaddr *)&from, &size);
        assert(peer >= 0 && ntohl(from.sin_addr.s_addr) == INADDR_LOOPBACK + source);
        assert(close(fd) == 0 && close(peer) == 0);
    }
    assert(close(listener) == 0);
"""

# A process that starts a thread and a process of its own, each of which computes for a while and
# ends; it says what they used. Another thread of it was there before the witness came.
TREE = """
    int ask[2], answer[2];
    assert(pipe(ask) == 0 && pipe(answer) == 0);
    pid_t child = fork();
    if (child == 0) {
        pthread_t early, thread;
        char byte;
        assert(pthread_create(&early, NULL, compute, NULL) == 0);
        assert(pthread_join(early, NULL) == 0);
        assert(pthread_create(&early, NULL, sleep_on, NULL) == 0);
        assert(write(answer[1], "", 1) == 1 && read(ask[0], &byte, 1) == 1);
        int64_t used_ns = -clock_ns(CLOCK_PROCESS_CPUTIME_ID);
        assert(pthread_create(&thread, NULL, compute, NULL) == 0);
        assert(pthread_join(thread, NULL) == 0);
        used_ns += clock_ns(CLOCK_PROCESS_CPUTIME_ID);
        pid_t grandchild = fork();
        if (grandchild == 0) {
            compute(NULL);
            _exit(0);
        }
        assert(waitpid(grandchild, NULL, 0) == grandchild);
        used_ns += COMPUTE_NS;
        assert(write(answer[1], &used_ns, sizeof used_ns) == sizeof used_ns);
        pause();
    }
    char byte;
    struct reading before, after;
    int64_t used_ns;
    assert(read(answer[0], &byte, 1) == 1);
    struct witness *witness = witness_open(child);
    assert(witness != NULL && witness_cpu(witness, &before) == 0);
    assert(write(ask[1], "", 1) == 1);
    assert(read(answer[0], &used_ns, sizeof used_ns) == sizeof used_ns);
    assert(witness_scan(witness) == 0 && witness_cpu(witness, &after) == 0);
    printf("%s %lld %lld\\n", witness_clock(witness), (long long)used_ns,
           (long long)(after.cpu_ns - before.cpu_ns));
    assert(kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child);
    assert(witness_cpu(witness, &after) == -1 && errno == ESRCH);
    witness_close(witness);
    witness = witness_open(getpid());
    assert(witness != NULL && strcmp(witness_clock(witness), "process") == 0);
    witness_close(witness);
"""

TREE_BEFORE = """
#define COMPUTE_NS 50000000
static void *compute(void *argument)
{
    while (clock_ns(CLOCK_THREAD_CPUTIME_ID) < COMPUTE_NS)
        ;
    return argument;
}
static void *sleep_on(void *argument)
{
    pause();
    return argument;
}
"""

REPLY = """
    static char bytes[REPLY_HEAD_BYTES];
    size_t size = fread(bytes, 1, sizeof bytes, stdin);
    struct reply reply = {.status = 0};
    char *copy = malloc(size); /* exactly as long, so that a read past the end is seen */
    assert(copy);
    for (size_t cut = 0; cut < size; cut++) {
        memcpy(copy, bytes, size);
        char *part = malloc(cut + 1);
        assert(part);
        memcpy(part, bytes, cut);
        assert(cut == 0 || reply_read(part, cut, &reply) != REPLY_COMPLETE);
        free(part);
    }
    memcpy(copy, bytes, size);
    enum reply_state state = reply_read(copy, size, &reply);
    if (state == REPLY_COMPLETE)
        printf("%d %lld %d\\n", reply.status, (long long)reply.length, reply.keep);
    else
        puts(state == REPLY_BAD ? "bad" : "incomplete");
    free(copy);
"""


def compile_with_gcc(program: Path, *sources: Path | str) -> None:
    """Build a program with the sanitizers; a warning is an error."""
    words = ("gcc", *FLAGS, *SANITIZERS, *map(str, sources), "-lm", "-o", str(program))
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=WAIT_S)
    assert done.returncode == 0, done.stderr


def c_program(
    folder: Path, code: str, *nouns: str, headers: Sequence[str] = (), before: str = ""
) -> Path:
    """Compile `code` as the body of a main beside the nouns; some are a header alone."""
    library = ("assert", "stdbool", "stdint", "stdio", "stdlib", "string")
    includes = ["#define _GNU_SOURCE", *(f"#include <{name}.h>" for name in (*library, *headers))]
    includes += [f'#include "{noun}.h"' for noun in nouns]
    includes += [before]
    source = folder / "test.c"
    source.write_text("\n".join([*includes, "int main(void)", "{", code, "return 0;", "}", ""]))
    sources = [path for noun in nouns if (path := GAUGE / f"{noun}.c").exists()]
    compile_with_gcc(folder / "test", f"-I{GAUGE}", source, *sources)
    return folder / "test"


def c_run(program: Path, stdin: bytes = b"") -> str:
    """Run a program to its good end and return what it printed."""
    done = subprocess.run(program, input=stdin, capture_output=True, check=False, timeout=WAIT_S)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.decode()


def exact_quantile(values: Sequence[int], share: float) -> int:
    """Return the smallest of the sorted values that `share` of all do not exceed."""
    return values[max(1, ceil(share * len(values))) - 1]


class TestHistogram:
    """histogram.h: what it promises of error, overflow and merging."""

    def test_quantiles_are_within_a_thousandth(self, tmp_path: Path) -> None:
        """Of 5,000 values over nine decades every permille is right to 0.1%; merging is exact."""
        draw = random.Random(7)
        values = [*sorted(int(10 ** draw.uniform(0, 10.8)) for _ in range(5000)), 2**36, 2**40]
        text = " ".join(map(str, draw.sample(values, len(values)))).encode()
        lines = c_run(c_program(tmp_path, HISTOGRAM, "histogram"), text).splitlines()
        many, overflow, max_ns, mean = lines[0].split()
        assert (int(many), int(overflow), int(max_ns)) == (5000, 2, 2**40)
        past = [2**40 if value >= 2**36 else value for value in values]
        assert float(mean) == pytest.approx(sum(past) / len(past), rel=1 / 2048)
        for permille, line in enumerate(lines[1:]):
            exact = exact_quantile(values, permille / 1000)
            exact = exact if exact < 2**36 else 2**40
            assert abs(int(line) - exact) <= exact / 1000

    def test_the_edges_of_buckets_keep_the_bound(self, tmp_path: Path) -> None:
        """Around each power of two too; what is past the end counts, and reads as the maximum."""
        c_run(c_program(tmp_path, EDGES, "histogram"))

    def test_a_merge_by_the_middles_of_buckets_is_exact(self, tmp_path: Path) -> None:
        """Ascending, none empty or twice; what is added again at its middle is where it was."""
        c_run(c_program(tmp_path, BUCKETS, "histogram"))


def test_no_two_messages_are_alike(tmp_path: Path) -> None:
    """40 messages of 40 connections differ from each other within their first 64 bytes."""
    c_run(c_program(tmp_path, PATTERN, "pattern"))


def test_fairness_is_jains_index(tmp_path: Path) -> None:
    """1 for equal shares, 1/n for one winner, 0 for none, the formula between."""
    c_run(c_program(tmp_path, FAIRNESS, "fairness"))


def test_delayed_answers_keep_their_order(tmp_path: Path) -> None:
    """What goes in first comes out first, while the ring grows and wraps around."""
    c_run(c_program(tmp_path, DELAY, "delay"))


def test_the_exact_clock_loses_nobody(tmp_path: Path) -> None:
    """A thread and a child that came and went count; where that clock is refused, a child does not.

    Its 50 ms and the thread's are told by their own clocks; a tree costs something to start.
    """
    nouns = ("witness", "task_clock", "clock")
    headers = ("errno", "pthread", "signal", "sys/wait", "unistd")
    program = c_program(tmp_path, TREE, *nouns, headers=headers, before=TREE_BEFORE)
    clock, used_ns, seen_ns = c_run(program).split()
    assert int(used_ns) >= 100_000_000
    if clock == "task":
        assert int(used_ns) * 0.9 <= int(seen_ns) <= int(used_ns) * 2
    else:
        assert (clock, int(seen_ns) > 0) == ("process", True)


def test_loopback_has_many_addresses(tmp_path: Path) -> None:
    """Source n dials from 127.0.0.1 + n, and leaves the port to the kernel."""
    c_run(c_program(tmp_path, SOURCES, "sock", "sentence", headers=["unistd"]))


def test_crc32_is_zlibs(tmp_path: Path) -> None:
    """In one piece or two, aligned or not, by tables alone and where the processor can fold."""
    program = c_program(tmp_path, CRC32, "crc32")
    pieces = ((0, 0), (1, 0), (9, 9), (63, 0), (64, 0), (65, 64), (191, 127), (1024, 0), (4096, 13))
    for size, cut in pieces:
        data = random.Random(size).randbytes(size)
        for folds in (0, 1):
            said = c_run(program, f"{cut} {folds} ".encode() + data)
            assert int(said) == zlib.crc32(data), (size, cut, folds)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the program that reads the head of an answer."""
    return c_program(tmp_path_factory.mktemp("reply"), REPLY, "reply", "token")


@pytest.mark.parametrize(
    ("head", "read"),
    [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", "200 5 1"),
        ("HTTP/1.1 200\r\ncontent-length:5 \r\nCONTENT-LENGTH:\t5\r\n", "200 5 1"),
        ("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: a, Close\r\n", "404 0 0"),
        ("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n", "200 1 0"),
        ("HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n", "200 1 1"),
        ("HTTP/1.1 200 OK\r\n", "200 -1 0"),
        ("HTTP/1.1 204 No\r\nContent-Length: 9\r\n", "204 0 1"),
        ("HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n", "204 0 1"),
        ("HTTP/1.1 100 Continue\r\n", "100 -1 0"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n", "200 -1 1"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775807\r\n", f"200 {2**63 - 1} 1"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775808\r\n", "bad"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n", "bad"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n", "bad"),
        ("HTTP/1.1 200 OK\nContent-Length: 5\r\n", "bad"),
        ("HTTP/1.1 200 OK\r\nX: a\0b\r\n", "bad"),
        ("HTTP/1.1 200 OK\r\nX: a\rb\r\n", "bad"),
        ("HTTP/1.1 200 OK\r\nX: a\r\n b\r\n", "bad"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n", "bad"),
        ("HTTP/1.1 200 OK\r\nContent-Length: +5\r\n", "bad"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999999\r\n", "bad"),
        ("HTTP/1.1 200 OK\r\nContent-Length:\r\n", "bad"),
        ("HTTP/1.1 200 OK\r\nName : x\r\n", "bad"),
        ("HTTP/1.1 200 OK\r\nnonsense\r\n", "bad"),
        ("HTTP/2.0 200 OK\r\n", "bad"),
        ("HTTP/1.1 2000 OK\r\n", "bad"),
        ("\r\n", "bad"),
    ],
)
def test_heads_are_read_to_the_letter(reader: Path, head: str, read: str) -> None:
    """Status, length and whether the connection goes on, without a read past the last byte."""
    assert c_run(reader, head.encode() + b"\r\n").strip() == read


@pytest.fixture(scope="module")
def sanitized(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the whole gauge, without Python, under ASan and UBSan."""
    program = tmp_path_factory.mktemp("sanitized") / "gauge"
    compile_with_gcc(program, *(s for s in sorted(GAUGE.glob("*.c")) if s.name != "module.c"))
    return str(program)


def ends_clean(child: launch.Child, status: int = 0) -> None:
    """Assert the exit status and that no sanitizer had anything to say."""
    assert (child.wait(WAIT_S), child.stderr()) == (status, b"")


class TestSanitized:
    """The roles against each other: no report of a bad access, a leak or undefined behaviour."""

    def test_load_against_reference(self, tmp_path: Path, sanitized: str) -> None:
        """Small and large messages, one and many connections, both loops, a flood, a drain."""
        with launch.listener() as listener:
            port, fd = listener.getsockname()[1], listener.fileno()
            echo = (sanitized, "reference", "echo", "--fd", str(fd), "--idle-s", "30")
            with launch.start(echo, stderr=tmp_path / "echo", fds=[fd]) as server:
                server.ready()
                slices = "1x1/0/5,50x1000/5/20,3x3000000/0/5,20x1000@2000+2/5/50"
                words = ("load", "--port", str(port), "--server-pid", str(server.pid))
                load = (sanitized, *words, "--slices", slices)
                with launch.start(load, stderr=tmp_path / "load") as child:
                    for _ in range(4):
                        line = json.loads(child.line(WAIT_S) or "")
                        assert (line["error"], line["unanswered"]) == (None, 0)
                    ends_clean(child)
                server.signal(signal.SIGTERM)
                ends_clean(server)

    def test_churn_and_hold_against_reference(self, tmp_path: Path, sanitized: str) -> None:
        """Connections that come and go beside some that stay."""
        with launch.listener() as listener:
            port, fd = str(listener.getsockname()[1]), listener.fileno()
            echo = (sanitized, "reference", "echo", "--fd", str(fd))
            with launch.start(echo, stderr=tmp_path / "echo", fds=[fd]) as server:
                server.ready()
                words = ("--server-pid", str(server.pid), "--at-once", "9", "--length-ms", "30")
                hold = (sanitized, "hold", "--port", port, "--steps", "0,200")
                churn = (sanitized, "churn", "--port", port, *words)
                with launch.start(hold, stderr=tmp_path / "hold", stdin=subprocess.PIPE) as holder:
                    assert json.loads(holder.line(WAIT_S) or "") == {"held": 0, "error": None}
                    holder.stdin.write(b"\n\n")
                    holder.stdin.flush()
                    assert json.loads(holder.line(WAIT_S) or "") == {"held": 200, "error": None}
                    ends_clean(holder)
                with launch.start(churn, stderr=tmp_path / "churn") as child:
                    assert json.loads(child.line(WAIT_S) or "")["error"] is None
                    ends_clean(child)
                server.signal(signal.SIGTERM)
                ends_clean(server)

    @pytest.mark.parametrize("delay_ms", ["0", "2"])
    def test_fetch_against_origin(self, tmp_path: Path, sanitized: str, delay_ms: str) -> None:
        """Bodies larger than one read, by ten connections."""
        size, many = 70_001, 15
        with launch.listener() as listener:
            port, fd = listener.getsockname()[1], listener.fileno()
            options = ("--requests", str(many), "--body-bytes", str(size), "--delay-ms", delay_ms)
            origin = (sanitized, "origin", "--fd", str(fd), *options)
            with launch.start(
                origin, stderr=tmp_path / "origin", fds=[fd], stdin=subprocess.PIPE
            ) as server:
                server.ready()
                urls = [f"http://localhost:{port}/{number}" for number in range(many)]
                fetch = (sanitized, "reference", "fetch", *urls)
                with launch.start(fetch, stderr=tmp_path / "fetch") as child:
                    lines = [json.loads(child.line(WAIT_S) or "") for _ in range(many)]
                    ends_clean(child)
                assert json.loads(server.line(WAIT_S) or "")["requests"] == many
                ends_clean(server)
        assert Counter(line["index"] for line in lines) == Counter(range(many))
        for line in lines:
            assert line["error"] is None
            assert line["crc32"] == zlib.crc32(body(line["index"], size))

    def test_what_is_refused_leaks_nothing(self, tmp_path: Path, sanitized: str) -> None:
        """Bad arguments and servers that are not there end as cleanly."""
        port, pid = "1", str(os.getpid())
        for words, status, silent in (
            (("load", "--port", port, "--server-pid", pid, "--slices", "1x1/0/1,x"), 2, False),
            (("load", "--port", port, "--server-pid", pid, "--slices", "3x1/0/1"), 0, True),
            (("churn", "--port", port, "--server-pid", pid, "--at-once", "1"), 2, False),
            (("hold", "--port", port, "--steps", "5"), 0, True),
            (("hold", "--port", port, "--steps", "5,4"), 2, False),
            (("reference", "fetch", "http://127.0.0.1:1/", "http://x/"), 2, False),
            (("reference", "fetch", "http://127.0.0.1:1/", "--fail-fast"), 1, True),
            (("origin", "--fd", "99", "--requests", "1"), 2, False),
        ):
            with launch.start((sanitized, *words), stderr=tmp_path / "stderr") as child:
                assert child.wait(WAIT_S) == status
                assert child.stderr().count(b"\n") == (not silent)
                assert b"Sanitizer" not in child.stderr()


def test_the_package_builds_every_source() -> None:
    """Each .c but main.c stands in pyproject.toml, and each .h, so that any change rebuilds."""
    with Path(launch.ROOT, "pyproject.toml").open("rb") as file:
        (module,) = tomllib.load(file)["tool"]["setuptools"]["ext-modules"]
    here = GAUGE.relative_to(launch.ROOT)
    sources = {f"{here}/{path.name}" for path in GAUGE.glob("*.c")} - {f"{here}/main.c"}
    assert set(module["sources"]) == sources
    assert set(module["depends"]) == {f"{here}/{path.name}" for path in GAUGE.glob("*.h")}


def test_a_file_fits_on_a_few_screens() -> None:
    """No C file or header of the gauge has over 300 lines."""
    sizes = {path.name: len(path.read_text().splitlines()) for path in GAUGE.glob("*.[ch]")}
    assert {name: size for name, size in sizes.items() if size > 300} == {}
