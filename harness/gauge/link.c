#define _GNU_SOURCE
#include "link.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sys/epoll.h>
#include <sys/socket.h>

struct link link_new(uint32_t number, const struct pattern *pattern, size_t size)
{
    struct link_place start = {0, 0, pattern_at(pattern, number, 0)};
    return (struct link){.fd = -1, .number = number, .pattern = pattern, .size = size,
                         .sending = start, .awaited = start};
}

static bool broken(const struct link *link, const char *verb, const struct link_place *place,
                   char *sentence)
{
    (void)snprintf(sentence, LINK_SENTENCE, "%s on connection %u at byte %zu of message %llu: %s",
                   verb, link->number, place->at, (unsigned long long)place->message,
                   strerror(errno));
    return false;
}

/* Moves a place on by bytes of its message; true when that was its end. */
static bool step(const struct link *link, struct link_place *place, size_t bytes)
{
    place->at += bytes;
    if (place->at < link->size)
        return false;
    place->at = 0;
    place->message++;
    place->bytes = pattern_at(link->pattern, link->number, place->message);
    return true;
}

bool link_send(struct link *link, char *sentence)
{
    struct link_place *sending = &link->sending;
    while (sending->message < link->owed) {
        ssize_t sent = send(link->fd, sending->bytes + sending->at, link->size - sending->at,
                            MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EAGAIN)
            break;
        if (sent < 0 && errno != EINTR)
            return broken(link, "sending failed", sending, sentence);
        if (sent > 0)
            (void)step(link, sending, (size_t)sent);
    }
    link->write_wanted = sending->message < link->owed;
    return true;
}

bool link_owe(struct link *link, char *sentence)
{
    link->owed++;
    return link->write_wanted || link_send(link, sentence);
}

/* Names the first byte that differs; the caller has seen that one does. */
static bool wrong(const struct link *link, const uint8_t *bytes, size_t size, char *sentence)
{
    const struct link_place *awaited = &link->awaited;
    size_t i = 0;
    while (i + 1 < size && bytes[i] == awaited->bytes[awaited->at + i])
        i++;
    (void)snprintf(sentence, LINK_SENTENCE,
                   "byte %zu of message %llu on connection %u is 0x%02x, expected 0x%02x",
                   awaited->at + i, (unsigned long long)awaited->message, link->number, bytes[i],
                   awaited->bytes[awaited->at + i]);
    return false;
}

static bool surplus(const struct link *link, size_t bytes, char *sentence)
{
    const struct link_place *awaited = &link->awaited;
    uint64_t last = awaited->message - (awaited->at == 0 && awaited->message > 0);
    (void)snprintf(sentence, LINK_SENTENCE,
                   "connection %u got %zu bytes more than were sent, by message %llu",
                   link->number, bytes, (unsigned long long)last);
    return false;
}

/* Compares bytes with the stream from the awaited place on. */
static bool compare(struct link *link, const uint8_t *bytes, size_t size, int64_t *replies,
                    char *sentence)
{
    struct link_place *awaited = &link->awaited;
    while (size > 0) {
        /* Of the message that is being sent no more can come back than has left. */
        size_t sent = awaited->message < link->sending.message ? link->size : link->sending.at;
        size_t piece = sent - awaited->at < size ? sent - awaited->at : size;
        if (piece == 0)
            return surplus(link, size, sentence);
        if (memcmp(bytes, awaited->bytes + awaited->at, piece) != 0)
            return wrong(link, bytes, piece, sentence);
        *replies += step(link, awaited, piece);
        bytes += piece;
        size -= piece;
    }
    return true;
}

bool link_receive(struct link *link, uint8_t *buffer, size_t size, int64_t *replies,
                  char *sentence)
{
    ssize_t got = recv(link->fd, buffer, size, MSG_DONTWAIT);
    *replies = 0;
    if (got > 0)
        return compare(link, buffer, (size_t)got, replies, sentence);
    if (got == 0) {
        link_awaits(link, "the server closed", sentence);
        return false;
    }
    return errno == EAGAIN || errno == EINTR ||
           broken(link, "receiving failed", &link->awaited, sentence);
}

uint64_t link_received(const struct link *link)
{
    return link->awaited.message * link->size + link->awaited.at;
}

bool link_outstanding(const struct link *link)
{
    return link->awaited.message < link->owed;
}

int link_watch(struct link *link, int poll, bool writes)
{
    uint32_t events = writes ? EPOLLIN | EPOLLOUT : EPOLLIN;
    struct epoll_event event = {.events = events, .data.ptr = link};
    int operation = link->watched == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    if (events == link->watched)
        return 0;
    link->watched = events;
    return epoll_ctl(poll, operation, link->fd, &event);
}

void link_awaits(const struct link *link, const char *what, char *sentence)
{
    (void)snprintf(sentence, LINK_SENTENCE,
                   "%s connection %u with %zu of %zu bytes of message %llu", what, link->number,
                   link->awaited.at, link->size, (unsigned long long)link->awaited.message);
}
