/* Shared sets of names, found by the sum of their hashes. */
#include "xds/names.h"

#include "base/hash.h"

static char present;

/* The sum is what a set is found by: mixed, so that no two names cancel each other out by chance. */
static uint64_t name_hash(struct str s) { return hash64_seed(s.p, s.n, 0x9e3779b97f4a7c15u) | 1; }

static struct str sum_key(const uint64_t *sum) { return str_make(sum, sizeof *sum); }

void xds_names_free(struct xds_names *n)
{
    if (!n || --n->refs) return;
    if (map_get(n->home, sum_key(&n->sum)) == n) map_remove(n->home, sum_key(&n->sum));
    map_free(&n->by_name, NULL);
    free(n);
}

bool xds_names_are(const struct xds_names *n, const struct str *v, size_t count)
{
    if (count < xds_names_count(n)) return false;
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        if (!xds_names_has(n, v[i])) return false;
        sum += name_hash(v[i]);
    }
    if (count == xds_names_count(n)) return sum == (n ? n->sum : 0);
    struct map once = { 0 }; /* some repeat */
    for (size_t i = 0; i < count; i++) map_put(&once, v[i], &present);
    bool all = once.n == xds_names_count(n);
    map_free(&once, NULL);
    return all;
}

/* The names of the result that `old` does not have, each once; sum and count follow. */
static void changes(const struct xds_names *old, const struct str *add, size_t n_add, const struct str *del, size_t n_del, struct map *plus,
                    struct map *minus, uint64_t *sum)
{
    *sum = old ? old->sum : 0;
    for (size_t i = 0; i < n_del; i++)
        if (xds_names_has(old, del[i]) && !map_put(minus, del[i], &present)) *sum -= name_hash(del[i]);
    for (size_t i = 0; i < n_add; i++) {
        if (map_remove(minus, add[i])) { /* out and in again */
            *sum += name_hash(add[i]);
            continue;
        }
        if (!xds_names_has(old, add[i]) && !map_put(plus, add[i], &present)) *sum += name_hash(add[i]);
    }
}

static bool fits(const struct xds_names *n, const struct xds_names *old, const struct map *plus, const struct map *minus)
{
    if (!n || n->by_name.n != xds_names_count(old) + plus->n - minus->n) return false;
    map_foreach (e, plus)
        if (!xds_names_has(n, map_key(e))) return false;
    return true;
}

static struct xds_names *names_new(struct map *home, const struct xds_names *old, const struct map *plus, const struct map *minus,
                                   uint64_t sum)
{
    struct xds_names *n = xcalloc(1, sizeof *n);
    *n = (struct xds_names){ .refs = 1, .sum = sum, .home = home };
    if (old)
        map_foreach (e, &old->by_name)
            if (!map_get(minus, map_key(e))) map_put(&n->by_name, map_key(e), &present);
    map_foreach (e, plus) map_put(&n->by_name, map_key(e), &present);
    map_put(home, sum_key(&sum), n);
    return n;
}

struct xds_names *xds_names_with(struct map *home, struct xds_names *old, const struct str *add, size_t n_add, const struct str *del,
                                 size_t n_del)
{
    struct map plus = { 0 }, minus = { 0 };
    uint64_t sum = 0;
    struct xds_names *ret = old;
    if (!old && n_add > 1) { /* the usual first request: the names that others asked for too */
        for (size_t i = 0; i < n_add; i++) sum += name_hash(add[i]);
        ret = map_get(home, sum_key(&sum));
        if (ret && xds_names_are(ret, add, n_add)) {
            ret->refs++;
            return ret;
        }
        ret = NULL;
    }
    changes(old, add, n_add, del, n_del, &plus, &minus, &sum);
    if (plus.n || minus.n) {
        bool empty = xds_names_count(old) + plus.n == minus.n;
        ret = empty ? NULL : map_get(home, sum_key(&sum));
        if (ret && fits(ret, old, &plus, &minus))
            ret->refs++;
        else if (!empty)
            ret = names_new(home, old, &plus, &minus, sum);
        xds_names_free(old);
    }
    map_free(&plus, NULL);
    map_free(&minus, NULL);
    return ret;
}
