#include "proxy/filter.h"

#include "proxy/router.h"

static const struct {
    enum filter_next (*request)(struct stream *s, const struct http_filter *f);
    void (*response)(struct stream *s, const struct http_filter *f);
} filters[FILTER__N] = {
    [FILTER_FAULT] = { filter_fault, NULL },
    [FILTER_CORS] = { filter_cors, filter_cors_response },
    [FILTER_LOCAL_RATELIMIT] = { filter_ratelimit, NULL },
};

static bool is_off(const struct stream *s, const struct http_filter *f)
{
    if (s->target.filters && (s->target.filters->disabled & (1u << f->type))) return true;
    if (!f->disabled || !s->target.filters) return f->disabled;
    const struct route_filters *r = s->target.filters;
    return !((f->type == FILTER_FAULT && r->fault) || (f->type == FILTER_CORS && r->cors) ||
             (f->type == FILTER_LOCAL_RATELIMIT && r->ratelimit));
}

void filter_run(struct stream *s)
{
    while (s->filter_at < s->hcm->n_filters) {
        const struct http_filter *f = &s->hcm->filters[s->filter_at];
        s->filter_at++;
        if (!filters[f->type].request || is_off(s, f)) continue;
        if (filters[f->type].request(s, f) != FILTER_NEXT) return;
    }
    router_run(s);
}

void filter_resume(struct stream *s) { filter_run(s); }

void filter_response(struct stream *s)
{
    for (size_t i = s->hcm->n_filters; i-- > 0;) {
        const struct http_filter *f = &s->hcm->filters[i];
        if (filters[f->type].response && !is_off(s, f)) filters[f->type].response(s, f);
    }
}
