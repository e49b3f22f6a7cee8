/* How often each latency was seen, in the manner of HdrHistogram (hdrhistogram.org).
 *
 * Values are nanoseconds from 0 to HISTOGRAM_END - 1. Below 2048 each has a bucket of its own, and
 * above each power of two is cut into 1024 equal buckets, so a value read back differs from the one
 * put in by at most 1/2048 of it (the middle of a bucket is read). A value past the end is counted
 * as overflow: it is no error and never lost, and a percentile that falls there reads max_ns.
 * Merging adds the counts and is therefore exact, also where the counts are known by the middles of
 * their buckets alone: no two buckets have the same. The mean is taken from the buckets as well, so
 * that what Little's law looks at is what the percentiles are read from. */
#ifndef GAUGE_HISTOGRAM_H
#define GAUGE_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_END (INT64_C(1) << 36) /* 68.7 s */
#define HISTOGRAM_BUCKETS (2048 + 25 * 1024)

struct histogram {
    uint64_t counts[HISTOGRAM_BUCKETS];
    uint64_t many;     /* values in the buckets */
    uint64_t overflow; /* values past the end */
    int64_t max_ns;    /* exact, overflow included; 0 while empty */
};

void histogram_clear(struct histogram *histogram);

/* Counts a value; a negative one counts as 0. */
void histogram_add(struct histogram *histogram, int64_t value_ns);

/* Adds all of `from` to `into`. */
void histogram_merge(struct histogram *into, const struct histogram *from);

/* The smallest value that at least `share` (0..1) of all values do not exceed; 0 while empty. */
int64_t histogram_quantile(const struct histogram *histogram, double share);

/* The first bucket from number `bucket` on that holds anything: its number, its middle and its
 * count; HISTOGRAM_BUCKETS when there is none. */
unsigned histogram_bucket(const struct histogram *histogram, unsigned bucket, int64_t *middle_ns,
                          uint64_t *count);

/* Of the middles of the buckets, max_ns for what is past the end; 0 while empty. */
double histogram_mean(const struct histogram *histogram);

#endif
