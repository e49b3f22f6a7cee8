#define _GNU_SOURCE
#include "crowd.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/epoll.h>

#define BATCH 64

int crowd_open(struct crowd *crowd, int64_t rate_per_s)
{
    crowd->loop = rate_per_s > 0 ? &open_loop : &closed_loop;
    crowd->schedule.rate_per_s = rate_per_s;
    crowd->first = crowd->last = UINT64_MAX;
    crowd->answered = calloc((size_t)crowd->many, sizeof *crowd->answered);
    if (crowd->answered == NULL)
        return -1;
    crowd->poll = epoll_create1(EPOLL_CLOEXEC);
    if (crowd->poll < 0)
        return -1;
    for (int64_t i = 0; i < crowd->many; i++)
        if (link_watch(&crowd->links[i], crowd->poll, false) != 0)
            return -1;
    return 0;
}

int crowd_owe(struct crowd *crowd, struct link *link)
{
    crowd->outstanding++;
    if (!link_owe(link, crowd->sentence))
        return 0;
    return link_watch(link, crowd->poll, link->write_wanted);
}

void crowd_count(struct crowd *crowd, const struct link *link, int64_t latency_ns)
{
    histogram_add(crowd->latencies, latency_ns);
    crowd->answered[link->number]++;
    crowd->messages++;
}

/* One event of a link. */
static int attend(struct crowd *crowd, struct link *link, uint32_t events)
{
    int64_t replies = 0;
    if ((events & EPOLLOUT) && !link_send(link, crowd->sentence))
        return 0;
    if ((events & ~(uint32_t)EPOLLOUT) &&
        !link_receive(link, crowd->buffer, CROWD_BUFFER, &replies, crowd->sentence))
        return 0;
    if (replies > 0) {
        crowd->outstanding -= replies;
        if (crowd->loop->answered(crowd, link, replies) != 0)
            return -1;
    }
    return link_watch(link, crowd->poll, link->write_wanted);
}

int crowd_turn(struct crowd *crowd)
{
    struct epoll_event events[BATCH];
    const struct loop *loop = crowd->loop;
    int many;
    if (loop->pace != NULL && loop->pace(crowd) != 0)
        return -1;
    many = epoll_wait(crowd->poll, events, BATCH, 0);
    if (many < 0 && errno != EINTR)
        return -1;
    for (int i = 0; i < many && crowd->sentence[0] == '\0'; i++) {
        /* A batch of replies must not make the next message late. */
        if (attend(crowd, events[i].data.ptr, events[i].events) != 0 ||
            (loop->pace != NULL && loop->pace(crowd) != 0))
            return -1;
    }
    crowd->worked = crowd->worked || many > 0;
    return 0;
}

void crowd_close(struct crowd *crowd)
{
    if (crowd->poll >= 0)
        (void)close(crowd->poll);
    free(crowd->answered);
}
