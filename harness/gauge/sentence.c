#include "sentence.h"

#include <stdarg.h>
#include <stdio.h>

#define MOST_BYTES 1000 /* what is longer is cut */

/* What is quoted must not make two lines of one, nor speak to a terminal. */
static void escape(char byte)
{
    const char *named = "\tt\nn\rr";
    for (; *named != '\0' && *named != byte; named += 2)
        ;
    if (*named != '\0')
        (void)fprintf(stderr, "\\%c", named[1]);
    else if ((unsigned char)byte < ' ' || byte == 127)
        (void)fprintf(stderr, "\\x%02x", (unsigned char)byte);
    else
        (void)fputc(byte, stderr);
}

int sentence(int code, const char *format, ...)
{
    char text[MOST_BYTES];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    /* Nowhere is left to say that stderr is closed; the exit code still tells. */
    (void)fputs("gauge: ", stderr);
    for (const char *at = text; *at != '\0'; at++)
        escape(*at);
    (void)fputc('\n', stderr);
    return code;
}
