#include "fairness.h"

double fairness_jain(const int64_t *counts, int64_t many)
{
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < many; i++) {
        sum += (double)counts[i];
        squares += (double)counts[i] * (double)counts[i];
    }
    return squares > 0 ? sum * sum / ((double)many * squares) : 0;
}
