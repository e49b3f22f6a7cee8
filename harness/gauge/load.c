#define _GNU_SOURCE
#include "load.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/resource.h>

#include "json.h"
#include "options.h"
#include "sentence.h"
#include "slice.h"
#include "sock.h"

#define MOST_CONNECTIONS 60000         /* below the ports that one address pair has */
#define MOST_BYTES (64 * 1024 * 1024)  /* a message */
#define MOST_MS (24 * 3600 * 1000)
#define OTHER_DESCRIPTORS 64           /* streams, epoll, /proc, and what Python holds open */

struct slices {
    struct slice_plan *plans;
    size_t many;
};

/* One `CxS/W/L` from `*at`, which then stands behind it; false when it is something else. */
static bool parse_slice(const char **at, struct slice_plan *plan)
{
    const struct {
        int64_t *into, least, most;
        char follower;
    } parts[] = {{&plan->connections, 1, MOST_CONNECTIONS, 'x'},
                 {&plan->size, 1, MOST_BYTES, '/'},
                 {&plan->warmup_ms, 0, MOST_MS, '/'},
                 {&plan->length_ms, 1, MOST_MS, ','}};
    for (size_t i = 0; i < 4; i++) {
        *parts[i].into = options_number(*at, parts[i].least, parts[i].most, at);
        if (*parts[i].into < 0 || (**at != parts[i].follower && (i < 3 || **at != '\0')))
            return false;
        if (i < 3)
            (*at)++;
    }
    return true;
}

static int parse_slices(const char *text, struct slices *slices)
{
    const char *at = text;
    size_t most = 1;
    for (const char *c = text; *c != '\0'; c++)
        most += *c == ',';
    slices->plans = calloc(most, sizeof *slices->plans);
    if (slices->plans == NULL)
        return sentence(EXIT_FAILED, "%s", strerror(errno));
    while (slices->many < most) {
        const char *start = at;
        if (!parse_slice(&at, &slices->plans[slices->many++]))
            return sentence(EXIT_ARGUMENTS,
                            "--slices wants CONNECTIONSxSIZE/WARMUP_MS/LENGTH_MS[,...], not '%s'",
                            start);
        at += *at == ',';
    }
    return 0;
}

static int enough_descriptors(const struct slices *slices)
{
    struct rlimit limit;
    int64_t most = 0;
    for (size_t i = 0; i < slices->many; i++)
        if (slices->plans[i].connections > most)
            most = slices->plans[i].connections;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return sentence(EXIT_FAILED, "getrlimit: %s", strerror(errno));
    if ((rlim_t)(most + OTHER_DESCRIPTORS) <= limit.rlim_cur)
        return 0;
    return sentence(EXIT_FAILED,
                    "%lld connections need %lld open files and %llu are allowed: raise ulimit -n",
                    (long long)most, (long long)(most + OTHER_DESCRIPTORS),
                    (unsigned long long)limit.rlim_cur);
}

static void print_figures(const struct slice_plan *plan, const struct slice_result *result)
{
    double wall_s = (double)result->wall_ns / 1e9;
    (void)printf("{\"connections\": %lld, \"size\": %lld, \"warmup_ms\": %lld, "
                 "\"length_ms\": %lld, \"started_ns\": %lld, \"wall_ns\": %lld, "
                 "\"messages\": %lld, \"rate_per_s\": %.3f, ",
                 (long long)plan->connections, (long long)plan->size, (long long)plan->warmup_ms,
                 (long long)plan->length_ms, (long long)result->started_ns,
                 (long long)result->wall_ns, (long long)result->messages,
                 wall_s > 0 ? (double)result->messages / wall_s : 0.0);
    (void)printf("\"server_cpu_ns\": %lld, \"gauge_cpu_ns\": %lld, \"server_wait_ns\": %lld, "
                 "\"gauge_wait_ns\": %lld, \"server_faults\": %lld, \"busy\": %.6f, "
                 "\"jain\": %.6f, ",
                 (long long)result->server.cpu_ns, (long long)result->gauge.cpu_ns,
                 (long long)result->server.wait_ns, (long long)result->gauge.wait_ns,
                 (long long)result->server.faults, result->busy, result->jain);
}

/* Returns 0, or -1 with errno when stdout is gone; a stream remembers earlier failures itself. */
static int print_slice(const struct slice_plan *plan, const struct slice_result *result,
                       const struct histogram *histogram)
{
    print_figures(plan, result);
    (void)printf("\"mean_latency_ns\": %.1f, \"p50_ns\": %lld, \"p90_ns\": %lld, "
                 "\"p99_ns\": %lld, \"p999_ns\": %lld, \"max_ns\": %lld, \"overflow\": %llu, "
                 "\"unanswered\": %lld, \"errors\": %lld, \"error\": ",
                 histogram_mean(histogram), (long long)histogram_quantile(histogram, 0.5),
                 (long long)histogram_quantile(histogram, 0.9),
                 (long long)histogram_quantile(histogram, 0.99),
                 (long long)histogram_quantile(histogram, 0.999), (long long)histogram->max_ns,
                 (unsigned long long)histogram->overflow, (long long)result->unanswered,
                 (long long)result->errors);
    (void)json_string(stdout, result->error[0] == '\0' ? NULL : result->error);
    (void)puts("}");
    return fflush(stdout) != 0 || ferror(stdout) ? -1 : 0;
}

static int run_slices(const struct slices *slices, const struct sockaddr_in *address, pid_t server)
{
    int code = EXIT_OK;
    size_t longest = 0;
    struct pattern pattern = {NULL};
    struct slice_result result;
    struct histogram *histogram = malloc(sizeof *histogram);
    for (size_t i = 0; i < slices->many; i++)
        if ((size_t)slices->plans[i].size > longest)
            longest = (size_t)slices->plans[i].size;
    if (histogram == NULL || pattern_open(&pattern, longest) != 0)
        code = sentence(EXIT_FAILED, "%s", strerror(errno));
    for (size_t i = 0; code == EXIT_OK && i < slices->many; i++) {
        if (slice_run(&slices->plans[i], address, server, &pattern, histogram, &result) != 0)
            code = sentence(EXIT_FAILED, "the load cannot go on: %s", strerror(errno));
        else if (print_slice(&slices->plans[i], &result, histogram) != 0)
            code = sentence(EXIT_FAILED, "standard output: %s", strerror(errno));
    }
    pattern_close(&pattern);
    free(histogram);
    return code;
}

int load_main(int argc, char **argv)
{
    const char *host = "127.0.0.1", *text = NULL;
    int64_t port = 0, server = 0;
    const struct option options[] = {
        {"--host", OPTION_TEXT, &host, 0, 0},
        {"--port", OPTION_COUNT, &port, 1, UINT16_MAX},
        {"--server-pid", OPTION_COUNT, &server, 1, INT32_MAX},
        {"--slices", OPTION_TEXT, &text, 0, 0},
    };
    struct slices slices = {NULL, 0};
    struct sockaddr_in address;
    int code = options_read(argc, argv, options, sizeof options / sizeof *options, NULL);
    if (code != 0)
        return code;
    if (port == 0 || server == 0 || text == NULL)
        return sentence(EXIT_ARGUMENTS, "load wants --port, --server-pid and --slices");
    if (!sock_address(&address, host, (uint16_t)port))
        return sentence(EXIT_ARGUMENTS, "--host wants an IPv4 address, not '%s'", host);
    code = parse_slices(text, &slices);
    if (code == 0)
        code = enough_descriptors(&slices);
    if (code == 0)
        code = run_slices(&slices, &address, (pid_t)server);
    free(slices.plans);
    return code;
}
