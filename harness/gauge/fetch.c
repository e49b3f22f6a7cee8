#define _GNU_SOURCE
#include "fetch.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "fetcher.h"
#include "options.h"
#include "sentence.h"
#include "stop.h"

/* Shells and the contract alike: a process ended by signal N exits with 128+N. */
#define EXIT_SIGNAL 128

struct given {
    struct url *urls;
    size_t many, room;
    char *lines; /* what stdin said; the URLs point into it */
};

static int add(struct given *given, const char *text)
{
    const char *wrong;
    if (given->many == given->room) {
        size_t room = given->room == 0 ? 64 : given->room * 2;
        struct url *grown = realloc(given->urls, room * sizeof *grown);
        if (grown == NULL)
            return sentence(EXIT_FAILED, "%s", strerror(errno));
        given->urls = grown;
        given->room = room;
    }
    wrong = url_read(&given->urls[given->many++], text);
    return wrong == NULL ? 0 : sentence(EXIT_ARGUMENTS, "the URL '%s' %s", text, wrong);
}

/* The whole of stdin as a string; NULL with errno. */
static char *read_stdin(void)
{
    size_t size = 0, room = 65536;
    char *text = malloc(room);
    while (text != NULL) {
        ssize_t got = read(STDIN_FILENO, text + size, room - size - 1);
        if (got == 0) {
            text[size] = '\0';
            return text;
        }
        if (got < 0 && errno != EINTR)
            break;
        size += got < 0 ? 0 : (size_t)got;
        if (room - size < 4096) {
            char *grown = realloc(text, room *= 2);
            if (grown == NULL)
                break;
            text = grown;
        }
    }
    free(text);
    return NULL;
}

static int add_lines(struct given *given)
{
    int code = 0;
    char *rest = NULL;
    given->lines = read_stdin();
    if (given->lines == NULL)
        return sentence(EXIT_FAILED, "standard input: %s", strerror(errno));
    for (char *line = strtok_r(given->lines, "\r\n", &rest); code == 0 && line != NULL;
         line = strtok_r(NULL, "\r\n", &rest))
        code = add(given, line);
    return code;
}

/* Lives on with every socket closed. Returns the signal that ended it, 0 without one. */
static int linger(int stop, int64_t linger_ns)
{
    struct pollfd waited = {.fd = stop, .events = POLLIN};
    int64_t until_ns = clock_now() + linger_ns;
    while (clock_now() < until_ns)
        if (poll(&waited, 1, clock_timeout_ms(until_ns)) > 0) {
            int caught = stop_take(stop);
            if (caught != 0)
                return caught;
        }
    return 0;
}

static int work(struct fetch_job *job, int64_t linger_ns)
{
    int caught = 0;
    int64_t began_ns = clock_now();
    const int64_t *counts = job->outcomes->counts;
    if (fetcher_run(job, &caught) != 0)
        return sentence(EXIT_FAILED, "the fetch cannot go on: %s", strerror(errno));
    outcomes_end(job->outcomes, clock_now() - began_ns);
    if (fflush(stdout) != 0 || ferror(stdout))
        return sentence(EXIT_FAILED, "standard output: %s", strerror(errno));
    if (caught == 0)
        caught = linger(job->stop, linger_ns);
    if (caught != 0)
        return EXIT_SIGNAL + caught;
    return job->fail_fast && counts[OUTCOME_OK] < (int64_t)job->many ? EXIT_FAILED : EXIT_OK;
}

int fetch_main(int argc, char **argv)
{
    struct outcomes outcomes = {.summary = false};
    struct fetch_job job = {.limit = 10, .deadline_ns = 30 * NS_PER_S,
                            .max_bytes = 16 * 1024 * 1024, .stop = -1, .outcomes = &outcomes};
    struct given given = {NULL, 0, 0, NULL};
    const char *authority = NULL;
    int64_t linger_ns = 0;
    const struct option options[] = {
        {"--limit", OPTION_COUNT, &job.limit, 1, INT32_MAX},
        {"--deadline-s", OPTION_SECONDS, &job.deadline_ns, 1, 0},
        {"--max-bytes", OPTION_COUNT, &job.max_bytes, 0, INT64_MAX / 16},
        {"--fail-fast", OPTION_FLAG, &job.fail_fast, 0, 0},
        {"--linger-s", OPTION_SECONDS, &linger_ns, 0, 0},
        {"--summary", OPTION_FLAG, &outcomes.summary, 0, 0},
        {"--ca", OPTION_TEXT, &authority, 0, 0},
    };
    int words = 0;
    int code = options_read(argc, argv, options, sizeof options / sizeof *options, &words);
    for (int i = 0; code == 0 && i < words; i++)
        code = add(&given, argv[i]);
    if (code == 0 && words == 0)
        code = add_lines(&given);
    if (code != 0)
        goto done;
    job.urls = given.urls;
    job.many = given.many;
    job.stop = stop_open();
    if (job.stop < 0)
        code = sentence(EXIT_FAILED, "signals cannot be caught: %s", strerror(errno));
    else
        code = work(&job, linger_ns);
done:
    if (job.stop >= 0)
        (void)close(job.stop);
    free(given.lines);
    free(given.urls);
    return code;
}
