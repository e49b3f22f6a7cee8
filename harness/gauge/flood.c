#define _GNU_SOURCE
#include "flood.h"

#include <errno.h>
#include <unistd.h>

#include <sys/epoll.h>

static int watch(const struct flood *flood, struct link *link)
{
    return link_watch(link, flood->poll, flood->sending || link->write_wanted);
}

static int watch_all(const struct flood *flood)
{
    for (int64_t i = 0; i < flood->many; i++)
        if (watch(flood, &flood->links[i]) != 0)
            return -1;
    return 0;
}

int flood_open(struct flood *flood)
{
    if (flood->many == 0)
        return 0;
    flood->poll = epoll_create1(EPOLL_CLOEXEC);
    return flood->poll < 0 ? -1 : watch_all(flood);
}

int flood_start(struct flood *flood)
{
    flood->sending = true;
    return watch_all(flood);
}

int flood_stop(struct flood *flood)
{
    flood->sending = false;
    return watch_all(flood);
}

/* The socket has room: for the rest of a chunk, or for another one. */
static bool send_on(const struct flood *flood, struct link *link)
{
    if (flood->sending && !link->write_wanted)
        return link_owe(link, flood->sentence);
    return link_send(link, flood->sentence);
}

static bool receive(struct flood *flood, struct link *link)
{
    int64_t chunks;
    uint64_t before = link_received(link);
    if (!link_receive(link, flood->buffer, sizeof flood->buffer, &chunks, flood->sentence))
        return false;
    flood->received += link_received(link) - before;
    return true;
}

int flood_turn(struct flood *flood)
{
    struct epoll_event event;
    struct link *link;
    int many = flood->many == 0 ? 0 : epoll_wait(flood->poll, &event, 1, 0);
    if (many < 0)
        return errno == EINTR ? 0 : -1;
    if (many == 0)
        return 0;
    link = event.data.ptr;
    flood->worked = true;
    if ((event.events & EPOLLOUT) && !send_on(flood, link))
        return 0;
    if ((event.events & ~(uint32_t)EPOLLOUT) && !receive(flood, link))
        return 0;
    return watch(flood, link);
}

int64_t flood_outstanding(const struct flood *flood)
{
    int64_t many = 0;
    for (int64_t i = 0; i < flood->many; i++)
        many += link_outstanding(&flood->links[i]);
    return many;
}

void flood_close(struct flood *flood)
{
    if (flood->poll >= 0)
        (void)close(flood->poll);
}
