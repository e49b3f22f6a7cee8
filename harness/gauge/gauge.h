/* The native gauge: `python -m harness.gauge ROLE [options]`, one thread, one role, one process.
 *
 *     load       drives an echo server in slices and prints one JSON line for each      (load.h)
 *     churn      opens and closes connections to one, and prints one JSON line         (churn.h)
 *     hold       keeps idle connections to one, step by step, at the caller's word      (hold.h)
 *     origin     answers GET /<number> after a fixed delay and stamps what it saw       (origin.h)
 *     witness    says which CPU clock servers are read by here, and reads one         (clocks.h)
 *     reference  echo | fetch: the ceiling, an implementation like any other    (echo.h, fetch.h)
 *
 * Figures are JSON lines on stdout; what went wrong is one sentence on stderr.
 * Exit codes: 0, 1 (it could not be done), 2 (bad arguments), 128+N (fetch, ended by signal N). */
#ifndef GAUGE_GAUGE_H
#define GAUGE_GAUGE_H

/* argv without a program name, ended by NULL; its order may be changed. Returns the exit code. */
int gauge_main(int argc, char **argv);

#endif
