/* A Release's status that somebody wrote: it is refused, or it is a state that lives on within the guarantees. */
#include "release/release.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const struct release *live(const struct release *r, struct arena *a)
{
    struct release_outcome out;
    struct err e = { 0 };
    int64_t now = 1800000000000;
    release_restored(r, now, a, &out);
    for (int i = 0; i < 12; i++) {
        struct release_facts f = { .turn = true,
                                   .order = out.next->ordered.seq,
                                   .proxies = 2,
                                   .acked = 2,
                                   .split = RELEASE_SPLIT_AGREES,
                                   .canary = { 2, 2, false },
                                   .stable = { 2, 2, false },
                                   .evidence = i == 9 ? RELEASE_HARM : RELEASE_SHIP };
        release_tick(out.next, &f, now += 40000, a, &out);
        struct release_command c = {
            .verb = (enum release_verb)(i % RELEASE_VERBS_N), .actor = "bob", .role = "owner", .reason = "r", .step = -1
        };
        struct release_outcome did;
        if (release_command(out.next, &c, now, a, &did, &e) == 0) out = did;
    }
    return out.next;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    json_t *j = json_loadb((const char *)data, n, 0, NULL);
    struct arena a;
    struct err e = { 0 };
    struct release *r;
    arena_init(&a, 4096, 0);
    if (j && release_from_json(j, &a, &a, &r, &e) == 0) {
        json_t *back = release_to_json(live(r, &a));
        must(json_is_object(back));
        struct release *again;
        must(release_from_json(back, &a, &a, &again, &e) == 0); /* what the machine writes, it reads */
        json_decref(back);
        must(oops_total() == 0);
    }
    json_decref(j);
    arena_free(&a);
    return 0;
}
