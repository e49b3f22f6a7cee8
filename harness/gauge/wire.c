#define _GNU_SOURCE
#include "wire.h"

#include <stdlib.h>
#include <unistd.h>

#include "sock.h"

static int control(struct wire *wire, int poll, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = wire};
    return epoll_ctl(poll, operation, wire->fd, &event);
}

static bool call(struct wire *wire, int poll)
{
    wire->connecting = true;
    wire->sent = 0;
    wire->fd = sock_dial(&wire->address);
    return wire->fd >= 0 && control(wire, poll, EPOLL_CTL_ADD, EPOLLOUT) == 0;
}

struct wire *wire_new(const struct sockaddr_in *address, int poll)
{
    struct wire *wire = calloc(1, sizeof *wire);
    if (wire == NULL)
        return NULL;
    list_clear(&wire->link);
    wire->address = *address;
    if (call(wire, poll))
        return wire;
    wire_hang_up(wire);
    return NULL;
}

bool wire_redial(struct wire *wire, int poll)
{
    (void)close(wire->fd);
    wire->reused = false;
    return call(wire, poll);
}

int wire_watch(struct wire *wire, int poll, uint32_t events)
{
    return control(wire, poll, EPOLL_CTL_MOD, events);
}

void wire_hang_up(struct wire *wire)
{
    list_remove(&wire->link);
    if (wire->fd >= 0)
        (void)close(wire->fd);
    exchange_reset(&wire->exchange);
    free(wire);
}
