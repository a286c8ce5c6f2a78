#include "base/fault.h"

#ifdef WEFT_FAULTS
#include "base/rng.h"
#include "base/str.h"

struct place {
    char name[24];
    uint64_t nth; /* fails the n-th time; 0: use percent */
    unsigned percent;
    _Atomic uint64_t seen;
};

static struct place places[16];
static size_t place_count;
static struct rng fault_rng;

static void parse(struct str spec)
{
    rng_seed_fixed(&fault_rng, 1);
    while (spec.p && place_count < ARRAY_LEN(places)) {
        struct str one = str_cut(&spec, ',');
        struct place *p = &places[place_count];
        ssize_t colon = str_rindex(one, ':');
        uint64_t v;
        if (colon <= 0 || (size_t)colon >= sizeof p->name) continue;
        struct str number = str_skip(one, (size_t)colon + 1);
        bool percent = str_ends(number, STR("%"));
        if (percent) number.n--;
        if (!str_u64(number, &v)) continue;
        memcpy(p->name, one.p, (size_t)colon);
        if (percent)
            p->percent = (unsigned)v;
        else
            p->nth = v;
        place_count++;
    }
}

bool fault_hit(const char *name)
{
    static bool parsed;
    if (!parsed) {
        parsed = true;
        const char *spec = getenv("WEFT_FAULT");
        if (spec) parse(str_of(spec));
    }
    for (size_t i = 0; i < place_count; i++) {
        struct place *p = &places[i];
        if (strcmp(p->name, name) != 0) continue;
        if (p->nth) return atomic_fetch_add(&p->seen, 1) + 1 == p->nth;
        return rng_below(&fault_rng, 100) < p->percent;
    }
    return false;
}
#else
typedef int fault_needs_a_declaration; /* ISO C wants something in each file */
#endif
