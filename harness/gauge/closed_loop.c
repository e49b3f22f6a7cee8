#define _GNU_SOURCE
#include "crowd.h"

#include "clock.h"

static int begin(struct crowd *crowd, struct link *link, int64_t now_ns)
{
    link->began_ns = now_ns;
    return crowd_owe(crowd, link);
}

static int start(struct crowd *crowd)
{
    crowd->sending = true;
    for (int64_t i = 0; i < crowd->many && crowd->sentence[0] == '\0'; i++)
        if (begin(crowd, &crowd->links[i], clock_now()) != 0)
            return -1;
    return 0;
}

/* One message is outstanding, so `replies` is 1. */
static int answered(struct crowd *crowd, struct link *link, int64_t replies)
{
    int64_t now_ns = clock_now();
    crowd->greeted += link->awaited.message == (uint64_t)replies;
    if (crowd->counting)
        crowd_count(crowd, link, now_ns - link->began_ns);
    return crowd->sending && !crowd->greeting ? begin(crowd, link, now_ns) : 0;
}

static int greeted(struct crowd *crowd)
{
    crowd->greeting = false;
    for (int64_t i = 0; i < crowd->many && crowd->sentence[0] == '\0'; i++)
        if (!link_outstanding(&crowd->links[i]) &&
            begin(crowd, &crowd->links[i], clock_now()) != 0)
            return -1;
    return 0;
}

/* How long all that is on its way has been so, summed up; leaves the longest of it. */
static int64_t ages(struct crowd *crowd, int64_t edge_ns)
{
    int64_t sum_ns = 0;
    crowd->oldest_ns = 0;
    for (int64_t i = 0; i < crowd->many; i++) {
        const struct link *link = &crowd->links[i];
        int64_t age_ns = link_outstanding(link) ? edge_ns - link->began_ns : 0;
        sum_ns += age_ns;
        if (age_ns > crowd->oldest_ns)
            crowd->oldest_ns = age_ns;
    }
    return sum_ns;
}

static void first_edge(struct crowd *crowd, int64_t edge_ns)
{
    crowd->before_ns = ages(crowd, edge_ns);
    crowd->counting = true;
}

static int second_edge(struct crowd *crowd, int64_t edge_ns)
{
    crowd->after_ns = ages(crowd, edge_ns);
    crowd->counting = crowd->sending = false;
    return 0;
}

/* A server that keeps a message in a loop that waits for it is wrong: the first one is named. */
static int64_t unanswered(struct crowd *crowd)
{
    for (int64_t i = crowd->many - 1; i >= 0; i--)
        if (link_outstanding(&crowd->links[i]))
            link_awaits(&crowd->links[i], "no more came in 2 s on", crowd->sentence);
    return crowd->outstanding;
}

const struct loop closed_loop = {
    .start = start, .greeted = greeted, .pace = NULL, .answered = answered,
    .first_edge = first_edge, .second_edge = second_edge, .unanswered = unanswered,
    .edge_on_reply = true,
};
