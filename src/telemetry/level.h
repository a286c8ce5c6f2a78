/* One level of the series (series.h): lines (a key and what happened at each step of time) whose records lie in one ring of bytes in the
 * order of time, each linked to the one before it of its line. Inside src/telemetry only. */
#ifndef WEFT_TELEMETRY_LEVEL_H
#define WEFT_TELEMETRY_LEVEL_H

#include "base/list.h"
#include "base/map.h"
#include "base/vec.h"
#include "telemetry/series.h"

/* What a line is about; coarser levels leave fields empty. */
struct line_key {
    struct str service, version, reporter, instance, cluster, pod;
    uint8_t code_class;
    int8_t grpc;
};

/* A pod that reports. Kept as long as lines name it. */
struct reporter {
    struct series_reporter r; /* strings belong to it */
    size_t lines;
};

#define NO_RECORD UINT64_MAX

struct line {
    struct link link; /* among the lines of its service */
    struct line_key k;
    char *text; /* the key as text, which k's strings point into */
    size_t text_len;
    uint32_t number;  /* in level.lines */
    uint64_t last;    /* its newest record, or NO_RECORD */
    uint32_t last_at; /* and when that is */
    struct series_cell *open;
    uint32_t open_at;
    /* Level 0 only. */
    struct reporter *by;
    char *version; /* resolved; may change */
    uint32_t version_at;
};

struct level {
    uint32_t step; /* seconds */
    char *bytes;
    size_t cap, most;
    uint64_t head, tail;             /* positions in an endless ring: byte n stands at n % cap; the oldest record is at tail */
    bool forgets;                    /* a record was given up: what is older is not known */
    struct map by_key;               /* text -> struct line */
    struct map services;             /* name -> struct link, head of lines */
    VEC(struct line *) lines;        /* by number; NULL: free */
    VEC(uint32_t) spare;             /* free numbers */
    VEC(struct line *) open;         /* lines with an open cell */
    void (*dropped)(struct line *l); /* before a line is freed; may be NULL */
};

void level_init(struct level *v, size_t bytes, size_t most, uint32_t step);
void level_free(struct level *v);

/* The line of that key; made when add. NULL: unknown, or too many. */
struct line *level_line(struct level *v, const struct line_key *k, bool add);
/* Its cell for that step, zeroed when it is new. A line has one at a time: seal before a later one. */
struct series_cell *level_open(struct level *v, struct line *l, uint32_t at);
/* Writes all open cells as records and empties them. */
void level_seal(struct level *v);

/* Records of a line, newest first, back to `from`: for (uint64_t p = line->last; level_record(v, p, from, &r); p = r.before). */
struct record {
    uint32_t at;
    uint64_t before;
    const uint8_t *p, *end;
};
bool level_record(const struct level *v, uint64_t position, uint32_t from, struct record *ret);
/* Adds its numbers. */
void record_add(const struct record *r, struct series_cell *to);
/* The oldest step that is held whole; UINT32_MAX: nothing is. */
uint32_t level_oldest(const struct level *v);

#endif
