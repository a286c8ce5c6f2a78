/* A control plane in memory without sockets: calls are made directly, their answers kept. */
#ifndef TESTS_API_BENCH_H
#define TESTS_API_BENCH_H

#include "../test.h"

#include "api/call.h"
#include "api/platform/platform.h"
#include "base/clock.h"
#include "base/log.h"
#include "pb/tree.h"

struct bench {
    struct loop *loop;
    struct store *store;
    struct controller *ctl;
    struct platform *platform; /* NULL unless a test made one: bench_platform */
    const char *headers[8][2]; /* of the next calls; name NULL behind the last */
    enum door door;
};

/* One call and what came back. */
struct said {
    struct call call;
    struct arena arena;
    int status; /* 0: no answer yet */
    bool ended, aborted;
    struct buf body;
    struct node *tree; /* the body, when it is one JSON value */
    ssize_t waiting;   /* what write returns */
    const char *const (*headers)[2];
};

static struct said *said_of(struct call *c) { return container_of(c, struct said, call); }

static void said_respond(struct call *c, int status, const char *type, struct str body)
{
    struct said *s = said_of(c);
    (void)type;
    assert_int_equal(s->status, 0);
    s->status = status;
    s->ended = true;
    buf_str_append(&s->body, body);
}

static void said_start(struct call *c, int status, const char *type)
{
    (void)type;
    assert_int_equal(said_of(c)->status, 0);
    said_of(c)->status = status;
}

static ssize_t said_write(struct call *c, const void *p, size_t n)
{
    buf_append(&said_of(c)->body, p, n);
    return said_of(c)->waiting;
}

static void said_end(struct call *c) { said_of(c)->ended = true; }
static void said_abort(struct call *c) { said_of(c)->ended = said_of(c)->aborted = true; }

static struct str said_header(struct call *c, const char *name)
{
    const char *const(*h)[2] = said_of(c)->headers;
    for (size_t i = 0; i < 8 && h[i][0]; i++)
        if (strcasecmp(h[i][0], name) == 0) return str_of(h[i][1]);
    return (struct str){ 0 };
}

static const struct call_ops said_ops = { said_respond, said_start, said_write, said_end, said_abort, said_header };

static inline void bench_open_on(struct bench *b, struct store *store)
{
    log_set_level(LOG_OFF);
    *b = (struct bench){ .loop = loop_new(NULL), .store = store };
    b->ctl = controller_new(&(struct controller_config){ .store = b->store, .loop = b->loop });
}

static inline void bench_open(struct bench *b) { bench_open_on(b, store_open_memory()); }

static inline void bench_platform(struct bench *b) { b->platform = platform_new(&(struct platform_config){ .ctl = b->ctl }); }

static inline void bench_close(struct bench *b)
{
    platform_free(b->platform);
    controller_free(b->ctl);
    store_close(b->store);
    loop_free(b->loop);
}

/* target: path and query. The answer is freed with said_free. */
static inline void say_typed(struct bench *b, struct said *s, const char *method, const char *target, const char *type, const char *body)
{
    struct str query = str_of(target), path = str_cut(&query, '?');
    *s = (struct said){ 0 };
    arena_init(&s->arena, 4096, 0);
    s->headers = (const char *const(*)[2])b->headers;
    s->call = (struct call){ .ctl = b->ctl,
                             .platform = b->platform,
                             .door = b->door,
                             .arena = &s->arena,
                             .method = str_of(method),
                             .path = path,
                             .query = query,
                             .content_type = str_of(type),
                             .body = str_of(body),
                             .ops = &said_ops };
    call_route(&s->call);
}

static inline struct node *said_tree(struct said *s)
{
    tree_docs docs = { 0 };
    struct errs errs = { 0 };
    if (tree_read_json(buf_str(&s->body), "answer", &s->arena, &docs, &errs) == 0 && docs.n == 1) s->tree = docs.v[0];
    vec_free(&docs);
    errs_free(&errs);
    return s->tree;
}

static inline void say(struct bench *b, struct said *s, const char *method, const char *target, const char *body)
{
    say_typed(b, s, method, target, "application/json", body);
}

static inline void said_free(struct said *s)
{
    if (!s->ended && s->call.gone) s->call.gone(&s->call);
    arena_free(&s->arena);
    buf_free(&s->body);
}

/* The text of a value at a path ("metadata.name", "items.0.metadata.name"); "" when there is none. */
static inline const char *at(struct said *s, const char *path)
{
    const struct node *n = s->tree ? s->tree : said_tree(s);
    struct str rest = str_of(path);
    while (n && rest.p) {
        struct str key = str_cut(&rest, '.');
        uint64_t i;
        struct node_pair *p = n->type == NODE_MAP ? tree_pair(n, key) : NULL;
        if (n->type == NODE_SEQ)
            n = str_u64(key, &i) && i < n->n ? n->items[i] : NULL;
        else
            n = p ? p->value : NULL;
    }
    return n && n->text.p ? n->text.p : n && n->type == NODE_BOOL ? (n->b ? "true" : "false") : "";
}

static inline size_t lines(const struct said *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->body.len; i++) n += buf_data(&s->body)[i] == '\n';
    return n;
}

/* One call whose status is known, and nothing else of it matters. */
static inline void must_say(struct bench *b, const char *method, const char *target, const char *body, int status)
{
    struct said s;
    say(b, &s, method, target, body);
    if (s.status != status) print_message("%s %s: %d %.*s\n", method, target, s.status, STR_ARG(buf_str(&s.body)));
    assert_int_equal(s.status, status);
    said_free(&s);
}

/* apply of one file. */
static inline void apply(struct bench *b, struct said *s, const char *query, const char *yaml)
{
    struct buf body = { 0 };
    char target[200];
    buf_puts(&body, "{\"files\":[{\"name\":\"f.yaml\",\"text\":");
    tree_json_string(str_of(yaml), &body);
    buf_puts(&body, "}]}");
    buf_append(&body, "", 1);
    snprintf(target, sizeof target, "/weft/v1/%s", query);
    say(b, s, "POST", target, buf_data(&body));
    buf_free(&body);
}

#endif
