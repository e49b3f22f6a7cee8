#define _GNU_SOURCE
#include "visit.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sys/epoll.h>
#include <sys/socket.h>

#include "clock.h"
#include "sock.h"

static unsigned long long number(const struct visit *visit)
{
    return (unsigned long long)visit->number;
}

/* Leaves the error in errno, too. */
static enum visit_state not_made(const struct visit *visit, int error, char *sentence)
{
    (void)snprintf(sentence, VISIT_SENTENCE, "connection %llu could not be made: %s",
                   number(visit), strerror(error));
    errno = error;
    return VISIT_BROKEN;
}

static enum visit_state failed(const struct visit *visit, const char *what, char *sentence)
{
    (void)snprintf(sentence, VISIT_SENTENCE, "%s failed on connection %llu at byte %zu: %s", what,
                   number(visit), visit->got, strerror(errno));
    return VISIT_BROKEN;
}

enum visit_state visit_begin(struct visit *visit, uint64_t connection, size_t size,
                             const struct pattern *pattern, const struct sockaddr_in *address,
                             uint32_t source, int poll, char *sentence)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = visit};
    *visit = (struct visit){.number = connection,
                            .bytes = pattern_at(pattern, connection, 0),
                            .size = size,
                            .began_ns = clock_now()};
    visit->fd = sock_dial_from(address, source);
    if (visit->fd < 0 || epoll_ctl(poll, EPOLL_CTL_ADD, visit->fd, &event) != 0)
        return not_made(visit, errno, sentence);
    return VISIT_WAITS;
}

static enum visit_state send_message(struct visit *visit, char *sentence)
{
    ssize_t sent = send(visit->fd, visit->bytes, visit->size, MSG_NOSIGNAL);
    /* Nothing taken at all: the edge was no connection yet. */
    if (sent < 0 && errno == EAGAIN)
        return VISIT_WAITS;
    if (sent < 0)
        return failed(visit, "sending", sentence);
    if ((size_t)sent != visit->size) {
        (void)snprintf(sentence, VISIT_SENTENCE, "connection %llu took only %zd of %zu bytes",
                       number(visit), sent, visit->size);
        return VISIT_BROKEN;
    }
    visit->phase = VISIT_ECHOING;
    return VISIT_WAITS;
}

static enum visit_state closed(const struct visit *visit, char *sentence)
{
    if (visit->phase == VISIT_LEAVING)
        return VISIT_ENDED;
    (void)snprintf(sentence, VISIT_SENTENCE,
                   "the server closed connection %llu with %zu of %zu bytes sent back",
                   number(visit), visit->got, visit->size);
    return VISIT_BROKEN;
}

static enum visit_state compare(struct visit *visit, const uint8_t *bytes, size_t size,
                                char *sentence)
{
    for (size_t i = 0; i < size; i++, visit->got++) {
        if (visit->got == visit->size) {
            (void)snprintf(sentence, VISIT_SENTENCE,
                           "connection %llu got more than the %zu bytes that were sent",
                           number(visit), visit->size);
            return VISIT_BROKEN;
        }
        if (bytes[i] != visit->bytes[visit->got]) {
            (void)snprintf(sentence, VISIT_SENTENCE,
                           "byte %zu on connection %llu is 0x%02x, sent was 0x%02x", visit->got,
                           number(visit), bytes[i], visit->bytes[visit->got]);
            return VISIT_BROKEN;
        }
    }
    return VISIT_WAITS;
}

enum visit_state visit_attend(struct visit *visit, char *sentence)
{
    uint8_t buffer[VISIT_BYTES + 1];
    if (visit->phase == VISIT_DIALLING) {
        int error = sock_error(visit->fd);
        if (error != 0)
            return not_made(visit, error, sentence);
        if (send_message(visit, sentence) == VISIT_BROKEN)
            return VISIT_BROKEN;
    }
    for (;;) {
        ssize_t got = recv(visit->fd, buffer, sizeof buffer, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return errno == EAGAIN ? VISIT_WAITS : failed(visit, "receiving", sentence);
        if (got == 0)
            return closed(visit, sentence);
        if (compare(visit, buffer, (size_t)got, sentence) == VISIT_BROKEN)
            return VISIT_BROKEN;
        if (visit->phase == VISIT_ECHOING && visit->got == visit->size) {
            visit->phase = VISIT_STAYING;
            return VISIT_ECHOED;
        }
    }
}

enum visit_state visit_leave(struct visit *visit, char *sentence)
{
    if (shutdown(visit->fd, SHUT_WR) != 0)
        return failed(visit, "sending FIN", sentence);
    visit->phase = VISIT_LEAVING;
    return VISIT_WAITS;
}

void visit_awaits(const struct visit *visit, int waited_s, char *sentence)
{
    if (visit->phase == VISIT_DIALLING)
        (void)snprintf(sentence, VISIT_SENTENCE, "connection %llu was not made within %d s",
                       number(visit), waited_s);
    else if (visit->phase == VISIT_LEAVING)
        (void)snprintf(sentence, VISIT_SENTENCE,
                       "the server did not close connection %llu within %d s of its FIN",
                       number(visit), waited_s);
    else
        (void)snprintf(sentence, VISIT_SENTENCE,
                       "no more came in %d s on connection %llu with %zu of %zu bytes sent back",
                       waited_s, number(visit), visit->got, visit->size);
}

void visit_close(struct visit *visit)
{
    if (visit->fd >= 0)
        (void)close(visit->fd);
    visit->fd = -1;
}
