#define _GNU_SOURCE
#include "hold.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/epoll.h>

#include "clock.h"
#include "json.h"
#include "options.h"
#include "sentence.h"
#include "sock.h"
#include "visit.h"

#define BATCH 64
/* Connections not yet served, at once: well below a listener's backlog. */
#define DIALS 128

struct hold {
    struct sockaddr_in address;
    int64_t steps[HOLD_STEPS];
    size_t many_steps;
    struct visit *visits;
    int64_t dialled, held;
    struct pattern pattern;
    int poll;
    char error[VISIT_SENTENCE];
};

/* Numbers that never go down, separated by commas. */
static bool parse_steps(const char *at, struct hold *hold)
{
    int64_t least = 0;
    for (;;) {
        if (hold->many_steps == HOLD_STEPS)
            return false;
        least = options_number(at, least, HOLD_MOST, &at);
        if (least < 0 || (*at != ',' && *at != '\0'))
            return false;
        hold->steps[hold->many_steps++] = least;
        if (*at++ == '\0')
            return true;
    }
}

static int print_line(const struct hold *hold)
{
    (void)printf("{\"held\": %lld, \"error\": ", (long long)hold->held);
    (void)json_string(stdout, hold->error[0] == '\0' ? NULL : hold->error);
    (void)puts("}");
    return fflush(stdout) != 0 || ferror(stdout) ? -1 : 0;
}

/* The edge of a connection that is being made, or of one that should be silent. */
static void attend(struct hold *hold, struct visit *visit)
{
    enum visit_state state = visit_attend(visit, hold->error);
    if (state != VISIT_ECHOED)
        return;
    hold->held++;
    (void)visit_attend(visit, hold->error); /* which should find nothing more */
}

/* Handles what has happened, after waiting for it so long; false once there is an error. Returns
 * -1 with errno when the gauge fails. */
static int turn(struct hold *hold, int timeout_ms, bool *well)
{
    struct epoll_event events[BATCH];
    int many = epoll_wait(hold->poll, events, BATCH, timeout_ms);
    if (many < 0 && errno != EINTR)
        return -1;
    for (int i = 0; i < many && hold->error[0] == '\0'; i++)
        attend(hold, events[i].data.ptr);
    *well = hold->error[0] == '\0';
    return 0;
}

static int open_to(struct hold *hold, int64_t step, bool *well)
{
    int64_t until_ns = clock_now() + HOLD_S * NS_PER_S;
    while (*well && hold->held < step) {
        for (; *well && hold->dialled < step && hold->dialled - hold->held < DIALS;
             hold->dialled++)
            *well = visit_begin(&hold->visits[hold->dialled], (uint64_t)hold->dialled, HOLD_BYTES,
                                &hold->pattern, &hold->address, 0, hold->poll,
                                hold->error) != VISIT_BROKEN;
        if (*well && turn(hold, 100, well) != 0)
            return -1;
        for (int64_t i = 0; *well && clock_now() >= until_ns && i < hold->dialled; i++)
            if (hold->visits[i].phase < VISIT_STAYING) {
                visit_awaits(&hold->visits[i], HOLD_S, hold->error);
                *well = false;
            }
    }
    return 0;
}

/* Returns 1 after a line or an error, 0 at the end of stdin, -1 with errno. */
static int wait_for_line(struct hold *hold, bool *well)
{
    struct pollfd both[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                            {.fd = hold->poll, .events = POLLIN}};
    char byte;
    while (*well) {
        ssize_t got;
        both[0].revents = both[1].revents = 0;
        if ((poll(both, 2, -1) < 0 && errno != EINTR) ||
            (both[1].revents != 0 && turn(hold, 0, well) != 0))
            return -1;
        if (!*well || both[0].revents == 0)
            continue;
        /* Byte by byte, so that what follows the line stays for the next step. */
        got = read(STDIN_FILENO, &byte, 1);
        if (got == 0 || (got < 0 && errno != EINTR))
            return got == 0 ? 0 : -1;
        if (got == 1 && byte == '\n')
            return 1;
    }
    return 1;
}

static int go(struct hold *hold)
{
    bool well = true;
    hold->poll = epoll_create1(EPOLL_CLOEXEC);
    if (hold->poll < 0)
        return -1;
    for (size_t i = 0; i < hold->many_steps; i++) {
        int line;
        if (open_to(hold, hold->steps[i], &well) != 0 || print_line(hold) != 0)
            return -1;
        line = well ? wait_for_line(hold, &well) : 0;
        if (line < 0)
            return -1;
        if (line == 0)
            break;
        if (!well)
            return print_line(hold);
    }
    return 0;
}

static int run(struct hold *hold)
{
    int code = EXIT_OK;
    size_t most = (size_t)hold->steps[hold->many_steps - 1];
    hold->visits = calloc(most + 1, sizeof *hold->visits);
    if (hold->visits == NULL || pattern_open(&hold->pattern, HOLD_BYTES) != 0)
        return sentence(EXIT_FAILED, "%s", strerror(errno));
    if (go(hold) != 0)
        code = sentence(EXIT_FAILED, "the hold cannot go on: %s", strerror(errno));
    for (int64_t i = 0; i < hold->dialled; i++)
        visit_close(&hold->visits[i]);
    if (hold->poll >= 0)
        (void)close(hold->poll);
    return code;
}

static int start(int argc, char **argv, struct hold *hold)
{
    const char *host = "127.0.0.1", *steps = NULL;
    int64_t port = 0;
    const struct option options[] = {
        {"--host", OPTION_TEXT, &host, 0, 0},
        {"--port", OPTION_COUNT, &port, 1, UINT16_MAX},
        {"--steps", OPTION_TEXT, &steps, 0, 0},
    };
    int code = options_read(argc, argv, options, sizeof options / sizeof *options, NULL);
    if (code != 0)
        return code;
    if (port == 0 || steps == NULL)
        return sentence(EXIT_ARGUMENTS, "hold wants --port and --steps");
    if (!sock_address(&hold->address, host, (uint16_t)port))
        return sentence(EXIT_ARGUMENTS, "--host wants an IPv4 address, not '%s'", host);
    if (!parse_steps(steps, hold))
        return sentence(EXIT_ARGUMENTS,
                        "--steps wants numbers up to %d that never go down, as 0,1000,2000, "
                        "not '%s'",
                        HOLD_MOST, steps);
    code = sock_room(hold->steps[hold->many_steps - 1]);
    return code != EXIT_OK ? code : run(hold);
}

int hold_main(int argc, char **argv)
{
    int code;
    struct hold *hold = calloc(1, sizeof *hold);
    if (hold == NULL)
        return sentence(EXIT_FAILED, "%s", strerror(errno));
    hold->poll = -1;
    code = start(argc, argv, hold);
    pattern_close(&hold->pattern);
    free(hold->visits);
    free(hold);
    return code;
}
