#include "outcome.h"

#include <stdio.h>

#include "json.h"

/* Failures to write are kept by the stream itself; the role asks ferror in the end. */

static const char *const WORDS[OUTCOME_WORDS] = {
    "ok", "refused", "reset", "timeout", "truncated", "malformed", "too_large", "cancelled"};

void outcomes_add(struct outcomes *outcomes, const struct outcome *outcome)
{
    double elapsed_s = (double)outcome->elapsed_ns / 1e9;
    outcomes->counts[outcome->word]++;
    if (outcome->word == OUTCOME_OK) {
        outcomes->bytes += outcome->bytes;
        outcomes->crc32 += outcome->crc32;
    }
    if (outcomes->summary)
        return;
    (void)printf("{\"index\": %zu, \"url\": ", outcome->index);
    (void)json_string(stdout, outcome->url);
    if (outcome->word == OUTCOME_OK)
        (void)printf(", \"status\": %d, \"bytes\": %lld, \"crc32\": %lu, \"error\": null, "
                     "\"elapsed_s\": %.6f}\n",
                     outcome->status, (long long)outcome->bytes, (unsigned long)outcome->crc32,
                     elapsed_s);
    else
        (void)printf(", \"status\": null, \"bytes\": null, \"crc32\": null, \"error\": \"%s\", "
                     "\"elapsed_s\": %.6f}\n",
                     WORDS[outcome->word], elapsed_s);
}

void outcomes_end(const struct outcomes *outcomes, int64_t elapsed_ns)
{
    const char *comma = "";
    int64_t all = 0;
    if (!outcomes->summary)
        return;
    for (int word = 0; word < OUTCOME_WORDS; word++)
        all += outcomes->counts[word];
    (void)printf("{\"summary\": %lld, \"errors\": {", (long long)all);
    for (int word = 0; word < OUTCOME_WORDS; word++)
        if (outcomes->counts[word] > 0) {
            (void)printf("%s\"%s\": %lld", comma, WORDS[word], (long long)outcomes->counts[word]);
            comma = ", ";
        }
    (void)printf("}, \"bytes\": %lld, \"crc32\": %llu, \"elapsed_s\": %.6f}\n",
                 (long long)outcomes->bytes, (unsigned long long)outcomes->crc32,
                 (double)elapsed_ns / 1e9);
}
