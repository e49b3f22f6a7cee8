/* The one thing JSON needs beyond printf: strings. */
#ifndef GAUGE_JSON_H
#define GAUGE_JSON_H

#include <stdio.h>

/* Writes a quoted, escaped string; NULL becomes null. Returns 0, or -1 with errno. */
int json_string(FILE *to, const char *text);

#endif
