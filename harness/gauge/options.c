#define _GNU_SOURCE
#include "options.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "sentence.h"

/* Past a century a duration is a typing error, and below it nanoseconds fit 63 bits. */
#define LONGEST_S 3e9

int64_t options_number(const char *text, int64_t least, int64_t most, const char **end)
{
    int64_t value = 0;
    const char *at = text;
    for (; *at >= '0' && *at <= '9'; at++) {
        if (value > (INT64_MAX - 9) / 10)
            return -1;
        value = value * 10 + (*at - '0');
    }
    *end = at;
    return at == text || value < least || value > most ? -1 : value;
}

static int read_count(const struct option *option, const char *text)
{
    const char *end = text;
    int64_t value = options_number(text, option->least, option->most, &end);
    if (value < 0 || *end != '\0')
        return sentence(EXIT_ARGUMENTS, "%s wants a whole number from %lld to %lld, not '%s'",
                        option->name, (long long)option->least, (long long)option->most, text);
    *(int64_t *)option->into = value;
    return 0;
}

static int read_duration(const struct option *option, const char *text)
{
    char *end = NULL;
    double unit_ns = option->kind == OPTION_SECONDS ? 1e9 : 1e6;
    double value = strtod(text, &end);
    bool bare = (*text >= '0' && *text <= '9') || *text == '.';
    if (!bare || *end != '\0' || !isfinite(value) || value * unit_ns > LONGEST_S * 1e9 ||
        value * unit_ns < (double)option->least)
        return sentence(EXIT_ARGUMENTS, "%s wants a number of %s%s, not '%s'", option->name,
                        option->least > 0 ? "more than no " : "",
                        option->kind == OPTION_SECONDS ? "seconds" : "milliseconds", text);
    *(int64_t *)option->into = (int64_t)(value * unit_ns + 0.5);
    return 0;
}

static int read_value(const struct option *option, const char *text)
{
    if (option->kind == OPTION_COUNT)
        return read_count(option, text);
    if (option->kind == OPTION_TEXT) {
        *(const char **)option->into = text;
        return 0;
    }
    return read_duration(option, text);
}

static const struct option *find(const struct option *options, size_t many, const char *argument,
                                 size_t length)
{
    for (size_t i = 0; i < many; i++)
        if (strlen(options[i].name) == length && memcmp(options[i].name, argument, length) == 0)
            return &options[i];
    return NULL;
}

int options_read(int argc, char **argv, const struct option *options, size_t many, int *words)
{
    int kept = 0;
    for (int i = 0; i < argc; i++) {
        const char *equals = strchr(argv[i], '=');
        const struct option *option;
        int failed = 0;
        if (strncmp(argv[i], "--", 2) != 0) {
            if (words == NULL)
                return sentence(EXIT_ARGUMENTS, "'%s' is not an option", argv[i]);
            argv[kept++] = argv[i];
            continue;
        }
        option = find(options, many, argv[i],
                      equals == NULL ? strlen(argv[i]) : (size_t)(equals - argv[i]));
        if (option == NULL)
            return sentence(EXIT_ARGUMENTS, "there is no option '%s'", argv[i]);
        if (option->kind == OPTION_FLAG && equals != NULL)
            return sentence(EXIT_ARGUMENTS, "%s takes no value", option->name);
        if (option->kind == OPTION_FLAG)
            *(bool *)option->into = true;
        else if (equals != NULL)
            failed = read_value(option, equals + 1);
        else if (++i < argc)
            failed = read_value(option, argv[i]);
        else
            return sentence(EXIT_ARGUMENTS, "%s wants a value", option->name);
        if (failed)
            return failed;
    }
    if (words != NULL)
        *words = kept;
    return 0;
}
