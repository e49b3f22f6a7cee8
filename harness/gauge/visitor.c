#define _GNU_SOURCE
#include "visitor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>

struct visitor *visitor_open(int fd)
{
    struct visitor *visitor = malloc(sizeof *visitor);
    if (visitor == NULL)
        return NULL;
    /* All but the head, whose pages stay untouched until something comes. */
    memset(visitor, 0, offsetof(struct visitor, head));
    list_clear(&visitor->link);
    visitor->fd = fd;
    return visitor;
}

bool visitor_receive(struct visitor *visitor, bool *gone)
{
    ssize_t got = recv(visitor->fd, visitor->head + visitor->got, VISITOR_HEAD - visitor->got,
                       MSG_DONTWAIT);
    *gone = got < 0 && errno != EAGAIN && errno != EINTR;
    if (got > 0)
        visitor->got += (size_t)got;
    visitor->ended = visitor->ended || got == 0;
    return got > 0;
}

enum request_state visitor_next(struct visitor *visitor, struct request *request)
{
    enum request_state state = request_read(visitor->head, visitor->got, request);
    if (state == REQUEST_COMPLETE) {
        visitor->got -= request->size;
        memmove(visitor->head, visitor->head + request->size, visitor->got);
    }
    return state == REQUEST_INCOMPLETE && visitor->got == VISITOR_HEAD ? REQUEST_BAD : state;
}

static bool keep(struct visitor *visitor, const uint8_t *bytes, size_t size)
{
    size_t before = visitor->size - visitor->at;
    uint8_t *grown = malloc(before + size);
    if (grown == NULL)
        return false;
    if (before > 0)
        memcpy(grown, visitor->unsent + visitor->at, before);
    memcpy(grown + before, bytes, size);
    free(visitor->unsent);
    visitor->unsent = grown;
    visitor->at = 0;
    visitor->size = before + size;
    return true;
}

bool visitor_send(struct visitor *visitor, const void *bytes, size_t size)
{
    ssize_t sent = 0;
    if (visitor->unsent == NULL)
        sent = send(visitor->fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN && errno != EINTR)
        return false;
    if (sent < 0)
        sent = 0;
    return (size_t)sent == size ||
           keep(visitor, (const uint8_t *)bytes + sent, size - (size_t)sent);
}

bool visitor_resume(struct visitor *visitor)
{
    ssize_t sent = send(visitor->fd, visitor->unsent + visitor->at, visitor->size - visitor->at,
                        MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0)
        return errno == EAGAIN || errno == EINTR;
    visitor->at += (size_t)sent;
    if (visitor->at == visitor->size) {
        free(visitor->unsent);
        visitor->unsent = NULL;
        visitor->at = visitor->size = 0;
    }
    return true;
}

void visitor_close(struct visitor *visitor)
{
    list_remove(&visitor->link);
    (void)close(visitor->fd);
    visitor->fd = -1;
}

void visitor_free(struct visitor *visitor)
{
    free(visitor->unsent);
    free(visitor);
}
