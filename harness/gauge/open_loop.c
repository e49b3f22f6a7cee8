#define _GNU_SOURCE
#include "crowd.h"

#include "clock.h"

/* Messages sent before what came back gets its turn: a rate above what the gauge can send must
 * not keep it from reading, nor from seeing the end of the window. */
#define AT_ONCE 64

static int start(struct crowd *crowd)
{
    crowd->sending = true;
    crowd->schedule = schedule_new(clock_now(), crowd->schedule.rate_per_s);
    return 0;
}

/* Sends the schedule's next message. */
static int send_next(struct crowd *crowd, int64_t now_ns)
{
    struct schedule *schedule = &crowd->schedule;
    struct link *link = &crowd->links[schedule->next % (uint64_t)crowd->many];
    if (schedule->next >= crowd->first)
        histogram_add(crowd->late, now_ns - schedule->next_ns);
    schedule_take(schedule);
    crowd->worked = true;
    return crowd_owe(crowd, link);
}

static int pace(struct crowd *crowd)
{
    int64_t now_ns = clock_now();
    for (int i = 0; i < AT_ONCE && crowd->sending && crowd->sentence[0] == '\0' &&
                    schedule_is_due(&crowd->schedule, now_ns); i++) {
        if (send_next(crowd, now_ns) != 0)
            return -1;
        now_ns = clock_now();
    }
    return 0;
}

static int answered(struct crowd *crowd, struct link *link, int64_t replies)
{
    int64_t now_ns = clock_now();
    uint64_t message = link->awaited.message - (uint64_t)replies;
    for (; message < link->awaited.message; message++) {
        uint64_t k = message * (uint64_t)crowd->many + link->number;
        if (k >= crowd->first && k < crowd->last)
            crowd_count(crowd, link, now_ns - schedule_due_ns(&crowd->schedule, k));
    }
    return 0;
}

/* What was due by the edge is warm-up, whether or not the gauge has come to it. */
static void first_edge(struct crowd *crowd, int64_t edge_ns)
{
    struct schedule ahead = crowd->schedule;
    while (schedule_is_due(&ahead, edge_ns))
        schedule_take(&ahead);
    crowd->first = ahead.next;
    crowd->backlog = -crowd->outstanding;
}

/* All that was due at the edge belongs to the window, so what the gauge had not come to is sent:
 * the moment is fixed and this therefore ends. */
static int second_edge(struct crowd *crowd, int64_t edge_ns)
{
    while (crowd->sentence[0] == '\0' && schedule_is_due(&crowd->schedule, edge_ns))
        if (send_next(crowd, clock_now()) != 0)
            return -1;
    crowd->sending = false;
    crowd->last = crowd->schedule.next;
    crowd->due = (int64_t)(crowd->last - crowd->first);
    crowd->backlog += crowd->outstanding;
    return 0;
}

/* No sentence: a server too slow for the rate is not wrong, and the figures show that it was. */
static int64_t unanswered(struct crowd *crowd)
{
    return crowd->due - crowd->messages;
}

const struct loop open_loop = {
    .start = start, .pace = pace, .answered = answered, .first_edge = first_edge,
    .second_edge = second_edge, .unanswered = unanswered,
};
