/* One sentence on stderr: how the gauge tells a person what is wrong.
 *
 * Figures go to stdout as JSON; nothing else is ever written to stderr. */
#ifndef GAUGE_SENTENCE_H
#define GAUGE_SENTENCE_H

/* What the process ends with. */
enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_ARGUMENTS = 2 };

/* Writes the sentence and a newline, and returns `code` so that the caller can end with it. */
int sentence(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
