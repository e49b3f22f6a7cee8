#define _GNU_SOURCE
#include "fetcher.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/epoll.h>
#include <sys/socket.h>

#include "clock.h"
#include "crc32.h"
#include "list.h"
#include "sock.h"
#include "stop.h"
#include "wire.h"

#define BATCH 128
#define BUFFER_BYTES 65536

struct fetcher {
    const struct fetch_job *job;
    struct list busy, idle;
    size_t next; /* the first URL that has not started */
    int64_t active;
    int poll, caught;
    bool failed;
    struct crc32 crc32;
    uint8_t buffer[BUFFER_BYTES];
};

static void record(struct fetcher *fetcher, size_t index, enum outcome_word word,
                   int64_t started_ns, const struct exchange *exchange)
{
    struct outcome outcome = {.index = index, .url = fetcher->job->urls[index].text, .word = word,
                              .elapsed_ns = started_ns == 0 ? 0 : clock_now() - started_ns};
    if (word == OUTCOME_OK) {
        outcome.status = exchange->reply.status;
        outcome.bytes = exchange->bytes;
        outcome.crc32 = exchange->crc32;
    } else {
        fetcher->failed = true;
    }
    outcomes_add(fetcher->job->outcomes, &outcome);
}

/* The wire's URL has ended: the wire waits for another (true) or is closed. */
static bool settle(struct fetcher *fetcher, struct wire *wire, enum outcome_word word)
{
    bool reusable = word == OUTCOME_OK && wire->exchange.reusable;
    record(fetcher, wire->index, word, wire->started_ns, &wire->exchange);
    fetcher->active--;
    if (!reusable) {
        wire_hang_up(wire);
        return false;
    }
    wire->idle = true;
    list_remove(&wire->link);
    list_append(&fetcher->idle, &wire->link);
    return true;
}

/* The connection has ended. One that had waited may have been closed before the request came: that
 * one, if no byte of the answer was seen, is replaced by a new one, in its place and once. */
static void lost(struct fetcher *fetcher, struct wire *wire, enum outcome_word word)
{
    if (!wire->reused || !exchange_untouched(&wire->exchange)) {
        (void)settle(fetcher, wire, word);
        return;
    }
    if (!wire_redial(wire, fetcher->poll))
        (void)settle(fetcher, wire, OUTCOME_REFUSED);
}

/* Sends what is left of the request. */
static void ask(struct fetcher *fetcher, struct wire *wire)
{
    char request[URL_REQUEST_BYTES];
    size_t size = url_request(&fetcher->job->urls[wire->index], request);
    ssize_t sent = send(wire->fd, request + wire->sent, size - wire->sent,
                        MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
        lost(fetcher, wire, OUTCOME_RESET);
        return;
    }
    wire->sent += sent < 0 ? 0 : (size_t)sent;
    /* Only a socket that was just connected, or took a part, changes what is waited for. */
    if ((wire->connecting || wire->sent < size) &&
        wire_watch(wire, fetcher->poll, wire->sent < size ? EPOLLOUT : WIRE_TO_READ) != 0)
        (void)settle(fetcher, wire, OUTCOME_REFUSED);
    else
        wire->connecting = wire->sent < size;
}

static struct wire *idle_wire(const struct fetcher *fetcher, const struct sockaddr_in *address)
{
    struct list *link = fetcher->idle.before;
    for (; link != &fetcher->idle; link = link->before) {
        struct wire *wire = LIST_ITEM(link, struct wire, link);
        if (url_same_origin(&wire->address, address))
            return wire;
    }
    return NULL;
}

/* Starts the next URL, on a connection that waits or on a new one. */
static void start(struct fetcher *fetcher)
{
    int64_t now_ns = clock_now();
    size_t index = fetcher->next++;
    const struct sockaddr_in *address = &fetcher->job->urls[index].address;
    struct wire *wire = idle_wire(fetcher, address);
    bool reused = wire != NULL;
    if (!reused)
        wire = wire_new(address, fetcher->poll);
    if (wire == NULL) {
        record(fetcher, index, OUTCOME_REFUSED, now_ns, NULL);
        return;
    }
    list_remove(&wire->link);
    list_append(&fetcher->busy, &wire->link);
    exchange_reset(&wire->exchange);
    wire->idle = false;
    wire->reused = reused;
    wire->sent = 0;
    wire->index = index;
    wire->started_ns = now_ns;
    fetcher->active++;
    if (reused)
        ask(fetcher, wire);
}

/* Reads once. True when there may be more: the buffer was full, or an end was told. */
static bool receive(struct fetcher *fetcher, struct wire *wire, bool ends)
{
    enum outcome_word word;
    ssize_t got = recv(wire->fd, fetcher->buffer, BUFFER_BYTES, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return errno == EINTR;
    if (got <= 0) {
        lost(fetcher, wire, got < 0 ? OUTCOME_RESET : exchange_end(&wire->exchange));
        return false;
    }
    word = exchange_feed(&wire->exchange, &fetcher->crc32, fetcher->job->max_bytes,
                         fetcher->buffer, (size_t)got);
    if (word == EXCHANGE_MORE)
        return ends || got == BUFFER_BYTES;
    if (settle(fetcher, wire, word) && ends)
        wire_hang_up(wire); /* the end came with the answer */
    return false;
}

static void attend(struct fetcher *fetcher, struct wire *wire, uint32_t events)
{
    if (wire->idle)
        wire_hang_up(wire); /* the origin has closed it, or said what nobody asked for */
    else if (!wire->connecting)
        while (receive(fetcher, wire, events & WIRE_ENDS))
            ;
    else if (wire->sent == 0 && sock_error(wire->fd) != 0)
        (void)settle(fetcher, wire, OUTCOME_REFUSED);
    else
        ask(fetcher, wire);
}

static void expire(struct fetcher *fetcher)
{
    int64_t since_ns = clock_now() - fetcher->job->deadline_ns;
    while (!list_empty(&fetcher->busy)) {
        struct wire *oldest = LIST_ITEM(fetcher->busy.after, struct wire, link);
        if (oldest->started_ns > since_ns)
            return;
        (void)settle(fetcher, oldest, OUTCOME_TIMEOUT);
    }
}

/* Closes everything first, so that no line is waited for with a socket open. */
static void cancel(struct fetcher *fetcher)
{
    for (struct list *link = fetcher->busy.after; link != &fetcher->busy; link = link->after) {
        struct wire *wire = LIST_ITEM(link, struct wire, link);
        (void)close(wire->fd);
        wire->fd = -1;
    }
    while (!list_empty(&fetcher->busy))
        (void)settle(fetcher, LIST_ITEM(fetcher->busy.after, struct wire, link),
                     OUTCOME_CANCELLED);
    while (fetcher->next < fetcher->job->many)
        record(fetcher, fetcher->next++, OUTCOME_CANCELLED, 0, NULL);
}

static bool ended(const struct fetcher *fetcher)
{
    return fetcher->caught != 0 || (fetcher->failed && fetcher->job->fail_fast);
}

static int turn(struct fetcher *fetcher)
{
    struct epoll_event events[BATCH];
    int64_t until_ns =
        fetcher->job->deadline_ns + LIST_ITEM(fetcher->busy.after, struct wire, link)->started_ns;
    int many = epoll_wait(fetcher->poll, events, BATCH, clock_timeout_ms(until_ns));
    if (many < 0 && errno != EINTR)
        return -1;
    for (int i = 0; i < many && !ended(fetcher); i++) {
        if (events[i].data.ptr != NULL)
            attend(fetcher, events[i].data.ptr, events[i].events);
        else
            fetcher->caught = stop_take(fetcher->job->stop);
    }
    expire(fetcher);
    return 0;
}

/* New URLs start between batches of events, never within one: a waiting connection that the origin
 * has closed is then known to be closed. */
static int fetch(struct fetcher *fetcher)
{
    while (!ended(fetcher)) {
        while (fetcher->active < fetcher->job->limit && fetcher->next < fetcher->job->many &&
               !ended(fetcher))
            start(fetcher);
        if (fetcher->active == 0 && fetcher->next == fetcher->job->many)
            return 0;
        if (fflush(stdout) != 0 || (fetcher->active > 0 && turn(fetcher) != 0))
            return -1;
    }
    return 0;
}

int fetcher_run(const struct fetch_job *job, int *caught)
{
    int failed = -1, error;
    struct epoll_event stop = {.events = EPOLLIN, .data.ptr = NULL};
    struct fetcher *fetcher = calloc(1, sizeof *fetcher);
    if (fetcher == NULL)
        return -1;
    fetcher->job = job;
    list_clear(&fetcher->busy);
    list_clear(&fetcher->idle);
    crc32_open(&fetcher->crc32);
    fetcher->poll = epoll_create1(EPOLL_CLOEXEC);
    if (fetcher->poll >= 0 && epoll_ctl(fetcher->poll, EPOLL_CTL_ADD, job->stop, &stop) == 0)
        failed = fetch(fetcher);
    error = errno;
    *caught = fetcher->caught;
    cancel(fetcher);
    while (!list_empty(&fetcher->idle))
        wire_hang_up(LIST_ITEM(fetcher->idle.after, struct wire, link));
    if (fetcher->poll >= 0)
        (void)close(fetcher->poll);
    free(fetcher);
    errno = error;
    return failed;
}
