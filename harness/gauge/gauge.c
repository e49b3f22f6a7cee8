#include "gauge.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "churn.h"
#include "clocks.h"
#include "echo.h"
#include "fetch.h"
#include "hold.h"
#include "load.h"
#include "origin.h"
#include "sentence.h"

struct role {
    const char *name;
    int (*run)(int argc, char **argv);
};

static int choose(const struct role *roles, size_t many, const char *names, int argc, char **argv)
{
    for (size_t i = 0; argc > 0 && i < many; i++)
        if (strcmp(roles[i].name, argv[0]) == 0)
            return roles[i].run(argc - 1, argv + 1);
    if (argc > 0)
        return sentence(EXIT_ARGUMENTS, "'%s' is not one of %s", argv[0], names);
    return sentence(EXIT_ARGUMENTS, "say which: %s", names);
}

static int reference(int argc, char **argv)
{
    static const struct role roles[] = {{"echo", echo_main}, {"fetch", fetch_main}};
    return choose(roles, sizeof roles / sizeof *roles, "echo, fetch", argc, argv);
}

int gauge_main(int argc, char **argv)
{
    static const struct role roles[] = {
        {"load", load_main},     {"churn", churn_main},    {"hold", hold_main},
        {"origin", origin_main}, {"witness", clocks_main}, {"reference", reference}};
    int code;
    /* A Python around this has its own ideas about SIGINT; a broken pipe is an errno to us. */
    if (signal(SIGINT, SIG_DFL) == SIG_ERR || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return sentence(EXIT_FAILED, "signals cannot be set: %s", strerror(errno));
    code = choose(roles, sizeof roles / sizeof *roles, "load, churn, hold, origin, witness, reference",
                  argc, argv);
    if (fflush(stdout) != 0)
        return sentence(EXIT_FAILED, "standard output: %s", strerror(errno));
    return code;
}
