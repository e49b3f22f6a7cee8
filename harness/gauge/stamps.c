#define _GNU_SOURCE
#include "stamps.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "witness.h"

struct stamp {
    int64_t requests, time_ns, in_flight, busy_ns;
    bool has_client;
    struct reading client, origin;
};

struct stamps {
    int64_t requests, parts; /* stamps are due at 0/parts .. parts/parts of requests */
    int64_t many;            /* taken so far */
    struct witness *origin, *client;
    struct stamp *taken;
};

struct stamps *stamps_open(int64_t requests, int64_t many)
{
    struct stamps *stamps = calloc(1, sizeof *stamps);
    if (stamps == NULL)
        return NULL;
    stamps->requests = requests;
    stamps->parts = many;
    stamps->taken = calloc((size_t)many + 1, sizeof *stamps->taken);
    stamps->origin = witness_open(getpid());
    if (stamps->taken == NULL || stamps->origin == NULL) {
        int error = errno;
        stamps_close(stamps);
        errno = error;
        return NULL;
    }
    return stamps;
}

void stamps_client(struct stamps *stamps, pid_t pid)
{
    if (stamps->client != NULL)
        witness_close(stamps->client);
    stamps->client = witness_open(pid);
}

/* Which request the next stamp waits for. */
static int64_t next_due(const struct stamps *stamps)
{
    int64_t due = (stamps->requests * stamps->many + stamps->parts - 1) / stamps->parts;
    if (stamps->many > stamps->parts)
        return INT64_MAX;
    return due > 1 ? due : 1;
}

/* The clocks first: what is slower to read must not count in them. */
static int take(struct stamps *stamps, struct stamp *stamp)
{
    stamp->has_client =
        stamps->client != NULL && witness_cpu(stamps->client, &stamp->client) == 0;
    if (witness_cpu(stamps->origin, &stamp->origin) != 0 ||
        witness_waits(stamps->origin, &stamp->origin) != 0)
        return -1;
    stamp->has_client = stamp->has_client && witness_scan(stamps->client) == 0 &&
                        witness_waits(stamps->client, &stamp->client) == 0;
    return 0;
}

int stamps_arrival(struct stamps *stamps, int64_t arrived, int64_t in_flight, int64_t time_ns,
                   int64_t busy_ns)
{
    while (arrived >= next_due(stamps)) {
        struct stamp *stamp = &stamps->taken[stamps->many];
        if (take(stamps, stamp) != 0)
            return -1;
        stamp->requests = arrived;
        stamp->time_ns = time_ns;
        stamp->in_flight = in_flight;
        stamp->busy_ns = busy_ns;
        stamps->many++;
    }
    return 0;
}

/* Share of the time since the stamp before that was busy; 0 for the first. */
static double busy(const struct stamps *stamps, int64_t i)
{
    const struct stamp *stamp = &stamps->taken[i], *before = stamp - 1;
    if (i == 0 || stamp->time_ns == before->time_ns)
        return 0;
    return (double)(stamp->busy_ns - before->busy_ns) / (double)(stamp->time_ns - before->time_ns);
}

void stamps_print(const struct stamps *stamps, FILE *to)
{
    (void)fputc('[', to);
    for (int64_t i = 0; i < stamps->many; i++) {
        const struct stamp *stamp = &stamps->taken[i];
        (void)fprintf(to, "%s{\"requests\": %lld, \"time_ns\": %lld, ", i == 0 ? "" : ", ",
                      (long long)stamp->requests, (long long)stamp->time_ns);
        if (stamp->has_client)
            (void)fprintf(to,
                          "\"client_cpu_ns\": %lld, \"client_wait_ns\": %lld, "
                          "\"client_faults\": %lld, ",
                          (long long)stamp->client.cpu_ns, (long long)stamp->client.wait_ns,
                          (long long)stamp->client.faults);
        else
            (void)fputs("\"client_cpu_ns\": null, \"client_wait_ns\": null, "
                        "\"client_faults\": null, ", to);
        (void)fprintf(to,
                      "\"origin_cpu_ns\": %lld, \"origin_wait_ns\": %lld, \"in_flight\": %lld, "
                      "\"busy\": %.6f}",
                      (long long)stamp->origin.cpu_ns, (long long)stamp->origin.wait_ns,
                      (long long)stamp->in_flight, busy(stamps, i));
    }
    (void)fputc(']', to);
}

void stamps_close(struct stamps *stamps)
{
    if (stamps->origin != NULL)
        witness_close(stamps->origin);
    if (stamps->client != NULL)
        witness_close(stamps->client);
    free(stamps->taken);
    free(stamps);
}
