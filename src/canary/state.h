/* What canary.h keeps between ticks. Private: only src/canary looks inside; here so that callers can hold it by value. */
#ifndef WEFT_CANARY_STATE_H
#define WEFT_CANARY_STATE_H

#define CANARY_GRID    9  /* how much worse the canary may be: ratios of the alternatives (harm.c) */
#define CANARY_RATIOS  49 /* grid on which the confidence sequence of the ratio is read off (effect.c) */
#define CANARY_SOURCES 256
#define CANARY_PODS    256
#define CANARY_BINS    8

/* A caller: its share of traffic and when its baseline requests failed. */
struct canary_source {
    uint64_t id;
    double rate;            /* baseline requests a tick, smoothed */
    uint32_t seen;          /* tick */
    uint32_t asked, failed; /* tick of the last request to the canary and of the last error, for the guard rail */
    uint8_t history;        /* bit i: an error of the baseline i + 1 ticks ago */
    uint8_t voted;          /* bit i: an error of either arm i + 1 ticks ago */
};

struct canary_pod {
    uint64_t id;
    double rate; /* baseline pods: requests a tick, smoothed */
    uint32_t seen;
    uint32_t requests; /* canary pods: warm ones since the release began */
    uint32_t bad[CANARY_COMPARED];
};

/* How many bad things come together, learnt from the baseline. */
struct canary_dispersion {
    double pairs, by_chance;     /* decaying sums: pairs of callers hit through one pod in one second; how many of them chance makes */
    double rows, rows_by_chance; /* pairs of bad seconds of one caller */
    double events;
};

struct canary_compare {
    double harm[CANARY_GRID]; /* ln of the restart mixture's part, per ratio */
    double likelihood[CANARY_RATIOS];
    double ship;
    double n[2], bad[2], expected; /* by arm */
    double cluster_sq, cluster;    /* decaying sums over baseline (source, tick): bad^2 and bad */
    double past_n[2], past_bad[2]; /* decaying, by arm: what the test for shipping may know of the past */
    struct canary_dispersion dispersion;
};

/* Ten seconds, for showing a difference that began late. */
#define CANARY_SPANS 60
struct canary_span {
    uint32_t from; /* tick */
    float n[2][2], bad[CANARY_COMPARED][2], expected[CANARY_COMPARED];
};

struct canary_bin {
    uint32_t from; /* tick */
    double n, bad, base_n, base_bad;
    double expected; /* errors of the canary's requests, had the baseline answered them in the same seconds */
};

struct canary {
    struct canary_config cfg;
    unsigned mask;
    uint32_t ticks, quiet, compared, restarts; /* compared: ticks in which both arms answered */
    bool harmed, guarded;
    enum canary_metric blamed;
    uint64_t blamed_pod;
    double top_log;                    /* the highest ln E so far */
    double harm_requests, harm_excess; /* when harm was found */
    struct canary_bin guard;           /* what the guard rail saw when it fired */
    struct canary_compare compare[CANARY_COMPARED];
    double rate[2];                        /* comparable requests a tick by arm, smoothed */
    struct canary_span span[CANARY_SPANS]; /* a ring: the newest is span[spans % CANARY_SPANS] */
    uint32_t spans;
    struct canary_bin bin[CANARY_BINS]; /* guard rail: newest first */
    struct {
        double ordered, n[2]; /* since the ordered share last changed */
        double last_observed;
        uint32_t grace, since_alarm;
        bool alarm;
    } split;
    double history[2][CANARY_EDGES_MAX + 1]; /* decaying counts of durations by arm */
    uint32_t baseline_votes[5];              /* errors, the last ticks */
    struct canary_source source[CANARY_SOURCES];
    struct canary_pod pod[CANARY_PODS];
};

#define CANARY_SAVE_MAX 65536

#endif
