/* The state as bytes: magic, version, fields in a fixed order, hash. One walk serves both ways, so that writing and reading cannot differ.
 * Little-endian hosts only, as everything of ours. */
#include "canary/internal.h"

#include "base/hash.h"

#define MAGIC   0x59524e43U /* "CNRY" */
#define VERSION 4U

struct io {
    uint8_t *to;         /* writing */
    const uint8_t *from; /* reading */
    size_t at, max;
    bool bad;
};

static void bytes(struct io *io, void *p, size_t n)
{
    if (io->bad || n > io->max - io->at) {
        io->bad = true;
        return;
    }
    if (io->to)
        memcpy(io->to + io->at, p, n);
    else
        memcpy(p, io->from + io->at, n);
    io->at += n;
}

#define FIELD(io, x) bytes(io, &(x), sizeof(x))

/* Used entries with their places. */
static void table(struct io *io, void *entries, size_t size, uint32_t n)
{
    uint32_t used = 0;
    for (uint32_t i = 0; io->to && i < n; i++) used += *(uint64_t *)((char *)entries + i * size) != 0;
    FIELD(io, used);
    if (used > n) io->bad = true;
    for (uint32_t i = 0, k = 0; k < used && !io->bad; k++, i++) {
        while (io->to && !*(uint64_t *)((char *)entries + i * size)) i++;
        FIELD(io, i);
        if (i >= n)
            io->bad = true;
        else
            bytes(io, (char *)entries + i * size, size);
    }
}

static void counters(struct io *io, struct canary *c)
{
    FIELD(io, c->mask);
    FIELD(io, c->ticks);
    FIELD(io, c->quiet);
    FIELD(io, c->compared);
    FIELD(io, c->restarts);
    FIELD(io, c->harmed);
    FIELD(io, c->guarded);
    FIELD(io, c->blamed);
    FIELD(io, c->blamed_pod);
    FIELD(io, c->top_log);
    FIELD(io, c->harm_requests);
    FIELD(io, c->harm_excess);
    FIELD(io, c->guard);
}

static void walk(struct io *io, struct canary *c)
{
    uint32_t edges = c->cfg.edges_n;
    uint64_t edges_hash = hash64(c->cfg.edges, edges * sizeof *c->cfg.edges), same = edges_hash;
    counters(io, c);
    FIELD(io, c->compare);
    FIELD(io, c->rate);
    FIELD(io, c->span);
    FIELD(io, c->spans);
    FIELD(io, c->bin);
    FIELD(io, c->split);
    FIELD(io, c->baseline_votes);
    table(io, c->source, sizeof *c->source, CANARY_SOURCES);
    table(io, c->pod, sizeof *c->pod, CANARY_PODS);
    FIELD(io, edges);
    FIELD(io, edges_hash);
    if (edges < 1 || edges > CANARY_EDGES_MAX) io->bad = true;
    for (int arm = 0; arm < 2 && !io->bad; arm++) bytes(io, c->history[arm], (edges + 1) * sizeof **c->history);
    if (edges_hash != same && !io->bad) memset(c->history, 0, sizeof c->history);
}

size_t canary_save(const struct canary *c, uint8_t *to, size_t max)
{
    struct io io = { .to = to, .max = max };
    uint32_t magic = MAGIC, version = VERSION;
    FIELD(&io, magic);
    FIELD(&io, version);
    walk(&io, (struct canary *)(uintptr_t)c); /* writing leaves it alone */
    uint64_t sum = io.bad ? 0 : hash64(to, io.at);
    FIELD(&io, sum);
    return io.bad ? 0 : io.at;
}

static bool sane(const struct canary *c)
{
    if (c->restarts < 1 || (unsigned)c->blamed >= CANARY_METRICS) return false;
    for (int m = 0; m < CANARY_COMPARED; m++) {
        const double *p = (const double *)&c->compare[m];
        for (size_t i = 0; i < sizeof c->compare[m] / sizeof *p; i++)
            if (!isfinite(p[i])) return false;
    }
    return isfinite(c->top_log) && isfinite(c->rate[0]) && isfinite(c->rate[1]);
}

int canary_restore(struct canary *c, const uint8_t *from, size_t n, struct err *e)
{
    struct canary_config cfg = c->cfg;
    uint32_t magic = 0, version = 0;
    uint64_t sum = 0;
    if (n > sizeof sum) memcpy(&sum, from + n - sizeof sum, sizeof sum);
    struct io io = { .from = from, .max = n > sizeof sum ? n - sizeof sum : 0 };
    if (io.max && hash64(from, io.max) == sum) {
        FIELD(&io, magic);
        FIELD(&io, version);
        if (magic == MAGIC && version == VERSION) walk(&io, c);
        if (magic == MAGIC && version == VERSION && !io.bad && io.at == io.max && sane(c)) return 0;
    }
    canary_init(c, &cfg);
    if (magic == MAGIC && version != VERSION)
        return err_set(e, -EBADMSG, "the analysis was saved by another version (%u, this is %u)", version, VERSION);
    return err_set(e, -EBADMSG, "the saved analysis is damaged");
}
