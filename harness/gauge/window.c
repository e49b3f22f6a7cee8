#define _GNU_SOURCE
#include "window.h"

#include <stddef.h>
#include <unistd.h>

int window_open(struct window *window, pid_t server)
{
    window->server = witness_open(server);
    if (window->server == NULL)
        return -1;
    window->gauge = witness_open(getpid());
    return window->gauge == NULL ? -1 : 0;
}

int window_settle(struct window *window)
{
    if (witness_scan(window->server) != 0 ||
        witness_waits(window->server, &window->server_before) != 0 ||
        witness_waits(window->gauge, &window->gauge_before) != 0)
        return -1;
    return 0;
}

int window_begin(struct window *window)
{
    if (witness_cpu(window->server, &window->server_before) != 0 ||
        witness_cpu(window->gauge, &window->gauge_before) != 0)
        return -1;
    return 0;
}

static void subtract(struct reading *reading, const struct reading *before)
{
    reading->cpu_ns -= before->cpu_ns;
    reading->wait_ns -= before->wait_ns;
    reading->faults -= before->faults;
}

int window_edge(struct window *window, struct reading *server, struct reading *gauge)
{
    if (witness_cpu(window->gauge, gauge) != 0 || witness_cpu(window->server, server) != 0)
        return -1;
    return 0;
}

int window_rest(struct window *window, struct reading *server, struct reading *gauge)
{
    if (witness_waits(window->gauge, gauge) != 0 || witness_scan(window->server) != 0 ||
        witness_waits(window->server, server) != 0)
        return -1;
    subtract(server, &window->server_before);
    subtract(gauge, &window->gauge_before);
    return 0;
}

/* The clocks first: what is slower to read must not count in them. */
int window_end(struct window *window, struct reading *server, struct reading *gauge)
{
    return window_edge(window, server, gauge) != 0 ? -1 : window_rest(window, server, gauge);
}

void window_close(struct window *window)
{
    if (window->server != NULL)
        witness_close(window->server);
    if (window->gauge != NULL)
        witness_close(window->gauge);
    *window = (struct window){.server = NULL};
}
