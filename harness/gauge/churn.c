#define _GNU_SOURCE
#include "churn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/epoll.h>

#include "clock.h"
#include "histogram.h"
#include "json.h"
#include "options.h"
#include "sentence.h"
#include "sock.h"
#include "visit.h"
#include "window.h"

#define BATCH 64
#define MOST_MS (24 * 3600 * 1000)

enum phase { WARMING, SETTLING, MEASURING, DRAINING, OVER };

struct churn {
    struct sockaddr_in address;
    int64_t at_once, length_ns, warmup_ns;
    pid_t pid;
    struct visit *visits; /* one a visitor */
    struct pattern pattern;
    struct histogram histogram;
    struct window window;
    struct reading server, gauge;
    int poll;
    enum phase phase;
    uint64_t dialled;
    int64_t source, from_here; /* of the connection dialled last; how many were dialled from it */
    int64_t here; /* visitors with a connection */
    int64_t now_ns, until_ns, started_ns, wall_ns, opened, busy_ns, errors;
    char error[VISIT_SENTENCE];
};

static void broken(struct churn *churn)
{
    churn->errors++;
    churn->phase = OVER;
}

/* A reading has failed: the server's end is told, anything else ends the gauge. */
static int window_failed(struct churn *churn)
{
    if (errno != ESRCH)
        return -1;
    (void)snprintf(churn->error, sizeof churn->error, "the server, process %d, has ended",
                   churn->pid);
    broken(churn);
    return 0;
}

static void next_source(struct churn *churn)
{
    churn->source = (churn->source + 1) % CHURN_SOURCES;
    churn->from_here = 1;
}

/* Dials from the next address in turn when this one has had its share of ports, or has no more. */
static void begin(struct churn *churn, struct visit *visit)
{
    enum visit_state state = VISIT_BROKEN;
    churn->here++;
    if (++churn->from_here > CHURN_PORTS)
        next_source(churn);
    for (int tries = 0; tries < CHURN_SOURCES && state == VISIT_BROKEN; tries++) {
        churn->error[0] = '\0';
        state = visit_begin(visit, churn->dialled, CHURN_BYTES, &churn->pattern, &churn->address,
                            (uint32_t)churn->source, churn->poll, churn->error);
        if (state == VISIT_BROKEN && errno != EADDRNOTAVAIL)
            break;
        if (state == VISIT_BROKEN)
            next_source(churn);
    }
    churn->dialled++;
    if (state == VISIT_BROKEN)
        broken(churn);
}

static void visited(struct churn *churn, struct visit *visit)
{
    if (churn->phase == MEASURING) {
        histogram_add(&churn->histogram, clock_now() - visit->began_ns);
        churn->opened++;
    }
    visit_close(visit);
    churn->here--;
    if (churn->phase < DRAINING)
        begin(churn, visit);
}

static void attend(struct churn *churn, struct visit *visit)
{
    enum visit_state state = visit_attend(visit, churn->error);
    if (state == VISIT_ECHOED) {
        state = visit_leave(visit, churn->error);
        if (state == VISIT_WAITS)
            state = visit_attend(visit, churn->error);
    }
    if (state == VISIT_BROKEN)
        broken(churn);
    if (state == VISIT_ENDED)
        visited(churn, visit);
}

static int turn(struct churn *churn)
{
    struct epoll_event events[BATCH];
    int many = epoll_wait(churn->poll, events, BATCH, 0);
    int64_t now_ns;
    if (many < 0 && errno != EINTR)
        return -1;
    for (int i = 0; i < many && churn->phase != OVER; i++)
        attend(churn, events[i].data.ptr);
    now_ns = clock_now();
    if (many > 0 && churn->phase == MEASURING)
        churn->busy_ns += now_ns - churn->now_ns;
    churn->now_ns = now_ns;
    return 0;
}

static void enter(struct churn *churn, enum phase phase, int64_t length_ns)
{
    churn->phase = phase;
    churn->now_ns = clock_now();
    churn->until_ns = churn->now_ns + length_ns;
}

static int settle(struct churn *churn)
{
    int64_t began_ns = clock_now();
    if (window_settle(&churn->window) != 0)
        return window_failed(churn);
    enter(churn, SETTLING, clock_now() - began_ns);
    return 0;
}

static int open_window(struct churn *churn)
{
    if (window_begin(&churn->window) != 0)
        return window_failed(churn);
    enter(churn, MEASURING, churn->length_ns);
    churn->started_ns = churn->now_ns;
    return 0;
}

static int close_window(struct churn *churn)
{
    churn->wall_ns = churn->now_ns - churn->started_ns;
    if (window_end(&churn->window, &churn->server, &churn->gauge) != 0)
        return window_failed(churn);
    enter(churn, DRAINING, CHURN_DRAIN_S * NS_PER_S);
    return 0;
}

/* Counts who is still waiting, and names the one that has waited longest. */
static void give_up(struct churn *churn)
{
    const struct visit *oldest = NULL;
    for (int64_t i = 0; i < churn->at_once; i++)
        if (churn->visits[i].fd >= 0 &&
            (oldest == NULL || churn->visits[i].began_ns < oldest->began_ns))
            oldest = &churn->visits[i];
    if (oldest != NULL)
        visit_awaits(oldest, CHURN_DRAIN_S, churn->error);
    churn->errors += churn->here - 1;
    broken(churn);
}

/* What follows when a phase has had its time. */
static int advance(struct churn *churn)
{
    switch (churn->phase) {
    case WARMING:
        return settle(churn);
    case SETTLING:
        return open_window(churn);
    case MEASURING:
        return close_window(churn);
    case DRAINING:
        give_up(churn);
        break;
    case OVER:
        break;
    }
    return 0;
}

static int go(struct churn *churn)
{
    if (window_open(&churn->window, churn->pid) != 0)
        return window_failed(churn);
    churn->poll = epoll_create1(EPOLL_CLOEXEC);
    if (churn->poll < 0)
        return -1;
    enter(churn, WARMING, churn->warmup_ns);
    for (int64_t i = 0; i < churn->at_once && churn->phase != OVER; i++)
        begin(churn, &churn->visits[i]);
    while (churn->phase != OVER && !(churn->phase == DRAINING && churn->here == 0)) {
        if (turn(churn) != 0)
            return -1;
        if (churn->phase != OVER && churn->now_ns >= churn->until_ns && advance(churn) != 0)
            return -1;
    }
    return 0;
}

static int print_line(const struct churn *churn)
{
    double wall_ns = (double)churn->wall_ns;
    (void)printf("{\"opened\": %lld, \"wall_ns\": %lld, \"rate_per_s\": %.3f, "
                 "\"server_cpu_ns\": %lld, \"gauge_cpu_ns\": %lld, \"server_wait_ns\": %lld, "
                 "\"gauge_wait_ns\": %lld, \"busy\": %.6f, ",
                 (long long)churn->opened, (long long)churn->wall_ns,
                 wall_ns > 0 ? (double)churn->opened / wall_ns * 1e9 : 0.0,
                 (long long)churn->server.cpu_ns, (long long)churn->gauge.cpu_ns,
                 (long long)churn->server.wait_ns, (long long)churn->gauge.wait_ns,
                 wall_ns > 0 ? (double)churn->busy_ns / wall_ns : 0.0);
    (void)printf("\"p50_ns\": %lld, \"p99_ns\": %lld, \"max_ns\": %lld, \"errors\": %lld, "
                 "\"error\": ",
                 (long long)histogram_quantile(&churn->histogram, 0.5),
                 (long long)histogram_quantile(&churn->histogram, 0.99),
                 (long long)churn->histogram.max_ns, (long long)churn->errors);
    (void)json_string(stdout, churn->error[0] == '\0' ? NULL : churn->error);
    (void)puts("}");
    if (fflush(stdout) != 0 || ferror(stdout))
        return sentence(EXIT_FAILED, "standard output: %s", strerror(errno));
    return EXIT_OK;
}

static int run(struct churn *churn)
{
    int code = EXIT_OK;
    churn->visits = calloc((size_t)churn->at_once, sizeof *churn->visits);
    if (churn->visits == NULL || pattern_open(&churn->pattern, CHURN_BYTES) != 0)
        return sentence(EXIT_FAILED, "%s", strerror(errno));
    for (int64_t i = 0; i < churn->at_once; i++)
        churn->visits[i].fd = -1;
    if (go(churn) != 0)
        code = sentence(EXIT_FAILED, "the churn cannot go on: %s", strerror(errno));
    else
        code = print_line(churn);
    for (int64_t i = 0; i < churn->at_once; i++)
        visit_close(&churn->visits[i]);
    if (churn->poll >= 0)
        (void)close(churn->poll);
    window_close(&churn->window);
    return code;
}

static int start(int argc, char **argv, struct churn *churn)
{
    const char *host = "127.0.0.1";
    int64_t port = 0, pid = 0;
    const struct option options[] = {
        {"--host", OPTION_TEXT, &host, 0, 0},
        {"--port", OPTION_COUNT, &port, 1, UINT16_MAX},
        {"--server-pid", OPTION_COUNT, &pid, 1, INT32_MAX},
        {"--at-once", OPTION_COUNT, &churn->at_once, 1, CHURN_AT_ONCE},
        {"--length-ms", OPTION_COUNT, &churn->length_ns, 1, MOST_MS},
        {"--warmup-ms", OPTION_COUNT, &churn->warmup_ns, 0, MOST_MS},
        {"--first-source", OPTION_COUNT, &churn->source, 0, CHURN_SOURCES - 1},
    };
    int code = options_read(argc, argv, options, sizeof options / sizeof *options, NULL);
    if (code != 0)
        return code;
    if (port == 0 || pid == 0 || churn->at_once == 0 || churn->length_ns == 0)
        return sentence(EXIT_ARGUMENTS,
                        "churn wants --port, --server-pid, --at-once and --length-ms");
    if (!sock_address(&churn->address, host, (uint16_t)port))
        return sentence(EXIT_ARGUMENTS, "--host wants an IPv4 address, not '%s'", host);
    churn->length_ns *= NS_PER_MS;
    churn->warmup_ns *= NS_PER_MS;
    churn->pid = (pid_t)pid;
    code = sock_room(churn->at_once);
    return code != EXIT_OK ? code : run(churn);
}

int churn_main(int argc, char **argv)
{
    int code;
    struct churn *churn = calloc(1, sizeof *churn);
    if (churn == NULL)
        return sentence(EXIT_FAILED, "%s", strerror(errno));
    churn->poll = -1;
    histogram_clear(&churn->histogram);
    code = start(argc, argv, churn);
    pattern_close(&churn->pattern);
    free(churn->visits);
    free(churn);
    return code;
}
