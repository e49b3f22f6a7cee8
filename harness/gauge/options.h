/* A command line against a table: `--name value`, `--name=value`, and bare words where allowed. */
#ifndef GAUGE_OPTIONS_H
#define GAUGE_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

enum option_kind {
    OPTION_COUNT,   /* into int64_t: a whole number from least to most */
    OPTION_SECONDS, /* into int64_t: nanoseconds, from a decimal number of seconds */
    OPTION_MS,      /* into int64_t: nanoseconds, from a decimal number of milliseconds */
    OPTION_TEXT,    /* into const char *: the argument itself */
    OPTION_FLAG     /* into bool: takes no value */
};

struct option {
    const char *name; /* with its dashes */
    enum option_kind kind;
    void *into;          /* left as it was when the option is not given: defaults go there first */
    int64_t least, most; /* both inclusive, in the unit of `into`; TEXT and FLAG ignore them */
};

/* Reads argv (without a program name). Bare words are moved to the front of argv and counted in
 * *words; with words NULL they are an error. Returns 0, or says a sentence and returns
 * EXIT_ARGUMENTS. */
int options_read(int argc, char **argv, const struct option *options, size_t many, int *words);

/* A whole number from least to most that fills `text` up to `*end`; -1 when there is none.
 * Signs and leading spaces are refused. */
int64_t options_number(const char *text, int64_t least, int64_t most, const char **end);

#endif
