/* How evenly something was shared out. */
#ifndef GAUGE_FAIRNESS_H
#define GAUGE_FAIRNESS_H

#include <stdint.h>

/* Jain's index, (sum x)^2 / (n sum x^2): 1 when all got the same, 1/n when one got all, 0 when
 * nobody got anything. R. Jain, D. Chiu, W. Hawe, DEC-TR-301, 1984. */
double fairness_jain(const int64_t *counts, int64_t many);

#endif
