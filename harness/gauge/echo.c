#define _GNU_SOURCE
#include "echo.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "options.h"
#include "sentence.h"
#include "server.h"
#include "sock.h"
#include "stop.h"

/* A listener from --fd or --port; -1 after a sentence. */
static int listener_from(int64_t fd, int64_t port)
{
    int listener = (int)fd;
    if ((fd < 0) == (port < 0)) {
        (void)sentence(0, "echo wants either --fd or --port");
        return -1;
    }
    if (port >= 0)
        listener = sock_listen((uint16_t)port);
    if (listener < 0)
        (void)sentence(0, "port %lld: %s", (long long)port, strerror(errno));
    else if (sock_adopt(listener) != 0) {
        (void)sentence(0, "descriptor %d is no listening socket: %s", listener, strerror(errno));
        if (port >= 0)
            (void)close(listener);
        listener = -1;
    }
    return listener;
}

int echo_main(int argc, char **argv)
{
    struct server_options with = {
        .idle_ns = 0, .grace_ns = 5 * NS_PER_S, .limit = INT64_MAX};
    const char *certificate = NULL, *key = NULL;
    int64_t fd = -1, port = -1;
    const struct option options[] = {
        {"--fd", OPTION_COUNT, &fd, 0, INT32_MAX},
        {"--port", OPTION_COUNT, &port, 1, UINT16_MAX},
        {"--idle-s", OPTION_SECONDS, &with.idle_ns, 1, 0},
        {"--grace-s", OPTION_SECONDS, &with.grace_ns, 0, 0},
        {"--limit", OPTION_COUNT, &with.limit, 1, INT32_MAX},
        {"--tls-cert", OPTION_TEXT, &certificate, 0, 0},
        {"--tls-key", OPTION_TEXT, &key, 0, 0},
    };
    struct server *server;
    int listener, code;
    code = options_read(argc, argv, options, sizeof options / sizeof *options, NULL);
    if (code != 0)
        return code;
    if (certificate != NULL || key != NULL)
        return sentence(EXIT_ARGUMENTS, "the reference speaks no TLS");
    listener = listener_from(fd, port);
    if (listener < 0)
        return EXIT_ARGUMENTS;
    server = server_open(listener, &with);
    if (server == NULL) {
        code = sentence(EXIT_FAILED, "the server cannot start: %s", strerror(errno));
        (void)close(listener);
        return code;
    }
    if (puts("READY") < 0 || fflush(stdout) != 0)
        code = sentence(EXIT_FAILED, "standard output: %s", strerror(errno));
    else if (server_run(server) != 0)
        code = sentence(EXIT_FAILED, "the server cannot go on: %s", strerror(errno));
    server_close(server);
    return code;
}
