#include "histogram.h"

#include <math.h>
#include <string.h>

#define EXACT 2048 /* values below have a bucket each */
#define STEPS 1024 /* buckets of each power of two above */

static unsigned bucket_of(int64_t value_ns)
{
    unsigned shift;
    if (value_ns < EXACT)
        return (unsigned)value_ns;
    shift = 63U - (unsigned)__builtin_clzll((unsigned long long)value_ns) - 10U;
    return shift * STEPS + (unsigned)(value_ns >> shift);
}

static int64_t middle_of(unsigned bucket)
{
    unsigned shift;
    if (bucket < EXACT)
        return (int64_t)bucket;
    shift = bucket / STEPS - 1;
    return ((int64_t)(bucket - shift * STEPS) << shift) + (INT64_C(1) << shift) / 2;
}

void histogram_clear(struct histogram *histogram)
{
    memset(histogram, 0, sizeof *histogram);
}

void histogram_add(struct histogram *histogram, int64_t value_ns)
{
    if (value_ns < 0)
        value_ns = 0;
    if (value_ns > histogram->max_ns)
        histogram->max_ns = value_ns;
    if (value_ns >= HISTOGRAM_END) {
        histogram->overflow++;
        return;
    }
    histogram->counts[bucket_of(value_ns)]++;
    histogram->many++;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
        into->counts[i] += from->counts[i];
    into->many += from->many;
    into->overflow += from->overflow;
    if (from->max_ns > into->max_ns)
        into->max_ns = from->max_ns;
}

/* What a value in this bucket is read back as. */
static int64_t read_back(const struct histogram *histogram, unsigned bucket)
{
    int64_t value_ns = middle_of(bucket);
    return value_ns < histogram->max_ns ? value_ns : histogram->max_ns;
}

int64_t histogram_quantile(const struct histogram *histogram, double share)
{
    uint64_t seen = 0;
    double wanted = ceil(share * (double)(histogram->many + histogram->overflow));
    if (wanted < 1)
        wanted = 1;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS && seen < histogram->many; i++) {
        seen += histogram->counts[i];
        if ((double)seen >= wanted)
            return read_back(histogram, i);
    }
    return histogram->max_ns;
}

unsigned histogram_bucket(const struct histogram *histogram, unsigned bucket, int64_t *middle_ns,
                          uint64_t *count)
{
    while (bucket < HISTOGRAM_BUCKETS && histogram->counts[bucket] == 0)
        bucket++;
    if (bucket < HISTOGRAM_BUCKETS) {
        *middle_ns = middle_of(bucket);
        *count = histogram->counts[bucket];
    }
    return bucket;
}

double histogram_mean(const struct histogram *histogram)
{
    uint64_t all = histogram->many + histogram->overflow;
    double sum_ns = (double)histogram->overflow * (double)histogram->max_ns;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
        sum_ns += (double)histogram->counts[i] * (double)read_back(histogram, i);
    return all == 0 ? 0.0 : sum_ns / (double)all;
}
