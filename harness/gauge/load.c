#define _GNU_SOURCE
#include "load.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "options.h"
#include "sentence.h"
#include "slice.h"
#include "sock.h"

#define MOST_CONNECTIONS 60000         /* below the ports that one address pair has */
#define MOST_BYTES (64 * 1024 * 1024)  /* a message */
#define MOST_PER_S 1000000
#define MOST_FLOODS 1000
#define MOST_MS (24 * 3600 * 1000)

struct slices {
    struct slice_plan *plans;
    size_t many;
};

/* One `CxS[@R][+F]/W/L` from `*at`, which then stands behind it; false when it is something
 * else. */
static bool parse_slice(const char **at, struct slice_plan *plan)
{
    const struct {
        char leader;
        bool wanted;
        int64_t *into, least, most;
    } parts[] = {{'\0', true, &plan->connections, 1, MOST_CONNECTIONS},
                 {'x', true, &plan->size, 1, MOST_BYTES},
                 {'@', false, &plan->rate_per_s, 1, MOST_PER_S},
                 {'+', false, &plan->floods, 1, MOST_FLOODS},
                 {'/', true, &plan->warmup_ms, 0, MOST_MS},
                 {'/', true, &plan->length_ms, 1, MOST_MS}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        bool there = i == 0 || **at == parts[i].leader;
        if (!there && parts[i].wanted)
            return false;
        if (!there)
            continue;
        *at += i > 0;
        *parts[i].into = options_number(*at, parts[i].least, parts[i].most, at);
        if (*parts[i].into < 0)
            return false;
    }
    return **at == ',' || **at == '\0';
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
                            "--slices wants CONNECTIONSxSIZE[@RATE][+FLOODS]/WARMUP_MS/LENGTH_MS"
                            "[,...], not '%s'",
                            start);
        at += *at == ',';
    }
    return 0;
}

static int enough_descriptors(const struct slices *slices)
{
    int64_t most = 0;
    for (size_t i = 0; i < slices->many; i++)
        if (slices->plans[i].connections + slices->plans[i].floods > most)
            most = slices->plans[i].connections + slices->plans[i].floods;
    return sock_room(most);
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

static void print_latencies(const struct histogram *latencies)
{
    int64_t middle_ns;
    uint64_t count;
    const char *before = "";
    (void)printf("[");
    for (unsigned i = 0; (i = histogram_bucket(latencies, i, &middle_ns, &count)) <
                         HISTOGRAM_BUCKETS; i++, before = ", ")
        (void)printf("%s[%lld, %llu]", before, (long long)middle_ns, (unsigned long long)count);
    (void)printf("]");
}

static void print_times(const struct slice_result *result, const struct slice_times *times)
{
    const struct histogram *histogram = &times->latencies;
    (void)printf("\"mean_latency_ns\": %.1f, \"p50_ns\": %lld, \"p90_ns\": %lld, "
                 "\"p99_ns\": %lld, \"p999_ns\": %lld, \"max_ns\": %lld, \"overflow\": %llu, "
                 "\"unanswered\": %lld, \"due\": %lld, \"backlog\": %lld, \"late_p50_ns\": %lld, "
                 "\"late_p99_ns\": %lld, \"flooded_bytes\": %lld, \"before_ns\": %lld, "
                 "\"after_ns\": %lld, \"oldest_ns\": %lld, ",
                 histogram_mean(histogram), (long long)histogram_quantile(histogram, 0.5),
                 (long long)histogram_quantile(histogram, 0.9),
                 (long long)histogram_quantile(histogram, 0.99),
                 (long long)histogram_quantile(histogram, 0.999), (long long)histogram->max_ns,
                 (unsigned long long)histogram->overflow, (long long)result->unanswered,
                 (long long)result->due, (long long)result->backlog,
                 (long long)histogram_quantile(&times->late, 0.5),
                 (long long)histogram_quantile(&times->late, 0.99),
                 (long long)result->flooded_bytes, (long long)result->before_ns,
                 (long long)result->after_ns, (long long)result->oldest_ns);
}

/* Returns 0, or -1 with errno when stdout is gone; a stream remembers earlier failures itself. */
static int print_slice(const struct slice_plan *plan, const struct slice_result *result,
                       const struct slice_times *times)
{
    print_figures(plan, result);
    print_times(result, times);
    (void)printf("\"errors\": %lld, \"error\": ", (long long)result->errors);
    (void)json_string(stdout, result->error[0] == '\0' ? NULL : result->error);
    (void)printf(", \"latencies\": ");
    if (plan->rate_per_s > 0)
        print_latencies(&times->latencies);
    else
        (void)printf("[]");
    (void)puts("}");
    return fflush(stdout) != 0 || ferror(stdout) ? -1 : 0;
}

static int run_slices(const struct slices *slices, const struct sockaddr_in *address, pid_t server)
{
    int code = EXIT_OK;
    int64_t longest = 0;
    struct pattern pattern = {NULL};
    struct slice_result result;
    struct slice_times *times = malloc(sizeof *times);
    for (size_t i = 0; i < slices->many; i++)
        if (slice_longest(&slices->plans[i]) > longest)
            longest = slice_longest(&slices->plans[i]);
    if (times == NULL || pattern_open(&pattern, (size_t)longest) != 0)
        code = sentence(EXIT_FAILED, "%s", strerror(errno));
    for (size_t i = 0; code == EXIT_OK && i < slices->many; i++) {
        if (slice_run(&slices->plans[i], address, server, &pattern, times, &result) != 0)
            code = sentence(EXIT_FAILED, "the load cannot go on: %s", strerror(errno));
        else if (print_slice(&slices->plans[i], &result, times) != 0)
            code = sentence(EXIT_FAILED, "standard output: %s", strerror(errno));
    }
    pattern_close(&pattern);
    free(times);
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
