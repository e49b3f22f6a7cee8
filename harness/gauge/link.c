#define _GNU_SOURCE
#include "link.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sys/socket.h>

static enum link_state broken(const struct link *link, const char *verb, char *sentence)
{
    (void)snprintf(sentence, LINK_SENTENCE, "%s on connection %u at byte %zu of message %llu: %s",
                   verb, link->number, link->got, (unsigned long long)link->message,
                   strerror(errno));
    return LINK_BROKEN;
}

enum link_state link_send(struct link *link, char *sentence)
{
    while (link->sent < link->size) {
        ssize_t sent = send(link->fd, link->bytes + link->sent, link->size - link->sent,
                            MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EAGAIN)
            break;
        if (sent < 0 && errno != EINTR)
            return broken(link, "sending failed", sentence);
        if (sent > 0)
            link->sent += (size_t)sent;
    }
    link->write_wanted = link->sent < link->size;
    return LINK_WAITS;
}

enum link_state link_begin(struct link *link, const struct pattern *pattern, int64_t now_ns,
                           char *sentence)
{
    link->bytes = pattern_at(pattern, link->number, link->message);
    link->sent = link->got = 0;
    link->began_ns = now_ns;
    link->outstanding = true;
    return link_send(link, sentence);
}

/* Names the first byte that differs; the caller has seen that one does. */
static enum link_state wrong(const struct link *link, const uint8_t *buffer, size_t size,
                             char *sentence)
{
    size_t i = 0;
    while (i + 1 < size && buffer[i] == link->bytes[link->got + i])
        i++;
    (void)snprintf(sentence, LINK_SENTENCE,
                   "byte %zu of message %llu on connection %u is 0x%02x, expected 0x%02x",
                   link->got + i, (unsigned long long)link->message, link->number, buffer[i],
                   link->bytes[link->got + i]);
    return LINK_BROKEN;
}

enum link_state link_receive(struct link *link, uint8_t *buffer, size_t size, char *sentence)
{
    size_t expected = link->outstanding ? link->sent - link->got : 0;
    ssize_t got = recv(link->fd, buffer, size, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return LINK_WAITS;
    if (got < 0)
        return broken(link, "receiving failed", sentence);
    if (got == 0) {
        link_awaits(link, "the server closed", sentence);
        return LINK_BROKEN;
    }
    if (expected > 0 && memcmp(buffer, link->bytes + link->got,
                               (size_t)got < expected ? (size_t)got : expected) != 0)
        return wrong(link, buffer, (size_t)got, sentence);
    if ((size_t)got > expected) {
        (void)snprintf(sentence, LINK_SENTENCE,
                       "connection %u got %zu bytes more than were sent, by message %llu",
                       link->number, (size_t)got - expected, (unsigned long long)link->message);
        return LINK_BROKEN;
    }
    link->got += (size_t)got;
    if (link->got < link->size)
        return LINK_WAITS;
    link->outstanding = false;
    link->message++;
    return LINK_ANSWERED;
}

void link_awaits(const struct link *link, const char *what, char *sentence)
{
    (void)snprintf(sentence, LINK_SENTENCE,
                   "%s connection %u with %zu of %zu bytes of message %llu", what, link->number,
                   link->got, link->size, (unsigned long long)link->message);
}
