"""The gauge's links and schedule: streams of messages, compared byte by byte, and when each is due.

Rules: C programs under sanitizers against one end of a socket pair, without a clock.
"""

from __future__ import annotations

import random
import shutil
from typing import TYPE_CHECKING

import pytest
from test_gauge_native import c_program, c_run

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")

SCHEDULE = """
    long long rate, elapsed;
    const int64_t start_ns = 123456789012345;
    while (scanf("%lld %lld", &rate, &elapsed) == 2) {
        struct schedule schedule = schedule_new(start_ns, rate);
        assert(!schedule_is_due(&schedule, start_ns - 1));
        for (; schedule_is_due(&schedule, start_ns + elapsed); schedule_take(&schedule))
            assert(schedule.next_ns == schedule_due_ns(&schedule, schedule.next));
        uint64_t late = 86400 * (uint64_t)rate - 1;
        printf("%llu %lld %lld\\n", (unsigned long long)schedule.next,
               (long long)(schedule.next_ns - start_ns),
               (long long)(schedule_due_ns(&schedule, late) - start_ns));
    }
"""

# A link of connection 5 with messages of 7 bytes, three of them owed at once; `echo` is what the
# other end has read of them, and `other` writes it back as a program likes.
THREE = """
    enum { SIZE = 7, MANY = 3, ALL = SIZE * MANY };
    struct pattern pattern;
    char sentence[LINK_SENTENCE], expected[LINK_SENTENCE];
    uint8_t buffer[256], echo[ALL + 1] = {0};
    int64_t replies;
    (void)replies; (void)expected; (void)buffer;
    assert(pattern_open(&pattern, SIZE) == 0);
#define OPEN \\
        int pair[2]; \\
        struct link link = link_new(5, &pattern, SIZE); \\
        assert(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0); \\
        link.fd = pair[0]; \\
        assert(!link_outstanding(&link)); \\
        for (int i = 0; i < MANY; i++) \\
            assert(link_owe(&link, sentence) && !link.write_wanted && link_outstanding(&link)); \\
        assert(recv(pair[1], echo, sizeof echo, 0) == ALL)
#define WRITE(from, to) assert(write(pair[1], echo + (from), (to) - (from)) == (to) - (from))
#define RECEIVE link_receive(&link, buffer, sizeof buffer, &replies, sentence)
#define CLOSE close(pair[0]), close(pair[1])
"""

SPLIT = """
    for (int first = 0; first <= ALL; first++)
        for (int second = first; second <= ALL; second++) {
            OPEN;
            int cuts[] = {0, first, second, ALL};
            for (int i = 0; i < 3; i++) {
                WRITE(cuts[i], cuts[i + 1]);
                assert(RECEIVE && replies == cuts[i + 1] / SIZE - cuts[i] / SIZE);
                assert(link_received(&link) == (uint64_t)cuts[i + 1]);
            }
            assert(!link_outstanding(&link) && link.awaited.message == MANY);
            CLOSE;
        }
    pattern_close(&pattern);
"""

LIES = """
    for (int at = 0; at < ALL; at++)
        for (int before = 0; before <= at; before++) {
            OPEN;
            WRITE(0, before);
            assert(RECEIVE);
            echo[at] ^= 0x40;
            WRITE(before, ALL);
            assert(!RECEIVE);
            snprintf(expected, sizeof expected,
                     "byte %d of message %d on connection 5 is 0x%02x, expected 0x%02x", at % SIZE,
                     at / SIZE, echo[at], echo[at] ^ 0x40);
            assert(strcmp(sentence, expected) == 0);
            CLOSE;
        }
    for (int before = 0; before <= ALL; before++) {
        OPEN;
        WRITE(0, before);
        assert(RECEIVE);
        WRITE(before, ALL + 1);
        assert(!RECEIVE);
        assert(strcmp(sentence,
                      "connection 5 got 1 bytes more than were sent, by message 2") == 0);
        CLOSE;
    }
    for (int before = 0; before <= ALL; before++) {
        OPEN;
        WRITE(0, before);
        assert(RECEIVE);
        assert(shutdown(pair[1], SHUT_WR) == 0 && !RECEIVE);
        snprintf(expected, sizeof expected,
                 "the server closed connection 5 with %d of 7 bytes of message %d", before % SIZE,
                 before / SIZE);
        assert(strcmp(sentence, expected) == 0);
        CLOSE;
    }
    pattern_close(&pattern);
"""

GREETING = """
    OPEN;
    struct link idle = link_new(6, &pattern, SIZE);
    idle.fd = pair[0];
    WRITE(0, 2);
    assert(!link_receive(&idle, buffer, sizeof buffer, &replies, sentence));
    assert(strcmp(sentence, "connection 6 got 2 bytes more than were sent, by message 0") == 0);
    CLOSE;
    pattern_close(&pattern);
"""

# Messages larger than the socket's buffers, more of them owed while it is full.
LARGE = """
    enum { SIZE = 1000003, MANY = 4 };
    struct pattern pattern;
    char sentence[LINK_SENTENCE];
    static uint8_t buffer[100000], echo[70000];
    int pair[2];
    int64_t replies, all = 0;
    assert(pattern_open(&pattern, SIZE) == 0);
    struct link link = link_new(0, &pattern, SIZE);
    assert(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    link.fd = pair[0];
    for (int i = 0; i < MANY; i++)
        assert(link_owe(&link, sentence) && link.write_wanted);
    assert(link.sending.message == 0 && link.sending.at > 0 && link.owed == MANY);
    while (link_outstanding(&link)) {
        ssize_t got = recv(pair[1], echo, sizeof echo, MSG_DONTWAIT);
        assert(got > 0 && write(pair[1], echo, (size_t)got) == got);
        for (uint64_t upto = link_received(&link) + (uint64_t)got; link_received(&link) < upto;
             all += replies)
            assert(link_receive(&link, buffer, sizeof buffer, &replies, sentence));
        assert(link_send(&link, sentence));
    }
    assert(all == MANY && !link.write_wanted && link.sending.message == MANY);
    close(pair[0]); close(pair[1]);
    pattern_close(&pattern);
"""

# What has not left cannot come back: the bytes are right and yet too many.
EARLY = """
    enum { SIZE = 10000000 };
    struct pattern pattern;
    char sentence[LINK_SENTENCE];
    static uint8_t buffer[SIZE];
    int pair[2];
    int64_t replies;
    assert(pattern_open(&pattern, SIZE) == 0);
    struct link link = link_new(0, &pattern, SIZE);
    assert(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    link.fd = pair[0];
    assert(link_owe(&link, sentence) && link.write_wanted);
    const uint8_t *at = pattern_at(&pattern, 0, 0);
    for (size_t back = 0, size; back <= link.sending.at; back += size) {
        size = link.sending.at + 1 - back < 10000 ? link.sending.at + 1 - back : 10000;
        assert(write(pair[1], at + back, size) == (ssize_t)size);
        bool whole = link_receive(&link, buffer, sizeof buffer, &replies, sentence);
        assert(whole == (back + size <= link.sending.at) && replies == 0);
    }
    assert(strcmp(sentence, "connection 0 got 1 bytes more than were sent, by message 0") == 0);
    close(pair[0]); close(pair[1]);
    pattern_close(&pattern);
"""


def linked(folder: Path, code: str) -> None:
    """Run a program on links to its good end."""
    headers = ("unistd", "sys/socket")
    c_run(c_program(folder, code, "link", "pattern", headers=headers))


def test_messages_are_due_when_arithmetic_says(tmp_path: Path) -> None:
    """Message k at floor(k 1e9 / rate), after a day too; at any moment all before it are taken."""
    draw = random.Random(3)
    rates = (1, 3, 7, 2000, 999_983, 1_000_000)
    asked = [(rate, draw.randrange(2 * 10**12 // rate)) for rate in rates for _ in range(20)]
    asked += [(rate, elapsed) for rate in rates for elapsed in (0, 1, 999_999_999, 10**9)]
    text = "\n".join(f"{rate} {elapsed}" for rate, elapsed in asked)
    lines = c_run(c_program(tmp_path, SCHEDULE, "schedule"), text.encode()).splitlines()
    for (rate, elapsed), line in zip(asked, lines, strict=True):
        taken, next_ns, last_ns = map(int, line.split())
        assert (taken - 1) * 10**9 // rate <= elapsed < taken * 10**9 // rate
        assert next_ns == taken * 10**9 // rate
        assert last_ns == (86400 * rate - 1) * 10**9 // rate


def test_a_reply_may_be_split_anywhere(tmp_path: Path) -> None:
    """Three messages on their way come back in three pieces, cut at any two bytes."""
    linked(tmp_path, THREE + SPLIT)


def test_every_lie_is_named_by_its_place(tmp_path: Path) -> None:
    """A wrong byte, one too many, an early end: in any message, however the bytes arrive."""
    linked(tmp_path, THREE + LIES)


def test_bytes_that_nobody_asked_for_are_too_many(tmp_path: Path) -> None:
    """A server that greets is caught before the first message."""
    linked(tmp_path, THREE + GREETING)


def test_what_a_full_socket_does_not_take_waits_in_order(tmp_path: Path) -> None:
    """Messages owed meanwhile follow it, and every byte of theirs comes back right."""
    linked(tmp_path, LARGE)


def test_bytes_cannot_come_back_before_they_left(tmp_path: Path) -> None:
    """A reply one byte longer than what was sent so far is caught, though the byte is right."""
    linked(tmp_path, EARLY)
