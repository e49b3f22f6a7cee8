#define _GNU_SOURCE
#include "origin.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "options.h"
#include "sentence.h"
#include "service.h"
#include "sock.h"

#define MOST_BODY (256 * 1024 * 1024)

static int print_result(const struct service *service)
{
    (void)printf("{\"requests\": %lld, \"errors\": %lld, \"connections\": %lld, "
                 "\"in_flight_max\": %lld, \"first_ns\": %lld, \"last_ns\": %lld, \"stamps\": ",
                 (long long)service->answered, (long long)service->errors,
                 (long long)service->accepted, (long long)service->in_flight_max,
                 (long long)service->first_ns, (long long)service->last_ns);
    stamps_print(service->stamps, stdout);
    if (puts("}") < 0 || fflush(stdout) != 0 || ferror(stdout))
        return sentence(EXIT_FAILED, "standard output: %s", strerror(errno));
    return EXIT_OK;
}

static int serve(struct service *service)
{
    int code = EXIT_OK;
    if (service_open(service) != 0)
        code = sentence(EXIT_FAILED, "the origin cannot start: %s", strerror(errno));
    else if (puts("READY") < 0 || fflush(stdout) != 0)
        code = sentence(EXIT_FAILED, "standard output: %s", strerror(errno));
    else if (service_run(service) != 0)
        code = sentence(EXIT_FAILED, "the origin cannot go on: %s", strerror(errno));
    else
        code = print_result(service);
    service_close(service);
    return code;
}

int origin_main(int argc, char **argv)
{
    struct service service = {.listener = -1, .poll = -1, .stop = -1};
    int64_t fd = -1, stamps = 20;
    const struct option options[] = {
        {"--fd", OPTION_COUNT, &fd, 0, INT32_MAX},
        {"--requests", OPTION_COUNT, &service.requests, 1, 1000000000000},
        {"--delay-ms", OPTION_MS, &service.delay_ns, 0, 0},
        {"--body-bytes", OPTION_COUNT, &service.body_bytes, 0, MOST_BODY},
        {"--stamps", OPTION_COUNT, &stamps, 1, 10000},
    };
    int code = options_read(argc, argv, options, sizeof options / sizeof *options, NULL);
    if (code != 0)
        return code;
    if (fd < 0 || service.requests == 0)
        return sentence(EXIT_ARGUMENTS, "origin wants --fd and --requests");
    service.listener = (int)fd;
    if (sock_adopt(service.listener) != 0)
        return sentence(EXIT_ARGUMENTS, "descriptor %d is no listening socket: %s",
                        service.listener, strerror(errno));
    service.stamps = stamps_open(service.requests, stamps);
    if (service.stamps == NULL)
        return sentence(EXIT_FAILED, "the origin cannot start: %s", strerror(errno));
    code = serve(&service);
    stamps_close(service.stamps);
    return code;
}
