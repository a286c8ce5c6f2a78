/* GET /search: projects, services, releases and pages that one may see, by a few letters of their names. */
#include "api/platform/lookups.h"

#include "api/platform/engine_inside.h"
#include "api/platform/preq.h"
#include "api/platform/service.h"

#define MOST 50

/* Whether all letters of the question stand together in the text, whatever their case; 2 at its beginning. */
static int fits(const char *text, struct str q)
{
    size_t n = strlen(text);
    if (!q.n) return 1;
    for (size_t i = 0; i + q.n <= n; i++)
        if (strncasecmp(text + i, q.p, q.n) == 0) return i == 0 ? 2 : 1;
    return 0;
}

static void add(json_t *items, const char *kind, const char *title, const char *project, char *path)
{
    if (json_array_size(items) < MOST)
        json_array_append_new(
            items, json_pack("{s:s, s:s, s:o, s:s}", "kind", kind, "title", title, "project", model_text(project), "path", path));
    free(path);
}

static void in_project(struct preq *q, const struct resource *project, struct str text, json_t *items)
{
    const WD(ProjectSpec) *s = ((const WD(Project) *)project->msg)->spec;
    if (fits(project->name, text) || (s && s->title && fits(s->title, text)))
        add(items, "project", s && s->title && s->title[0] ? s->title : project->name, project->name,
            xasprintf("/projects/%s", project->name));
    for (size_t i = 0; s && i < s->n_services; i++) {
        char id[330];
        if (!fits(s->services[i]->name, text)) continue;
        service_id(project, s->services[i]->namespace_, s->services[i]->name, id, sizeof id);
        add(items, "service", s->services[i]->name, project->name, xasprintf("/projects/%s/services/%s", project->name, id));
    }
    struct engine *e = platform_engine(q->p);
    if (!e) return;
    list_foreach (l, &e->lives, struct live, link) {
        char title[400];
        if (strcmp(l->project, project->name) != 0) continue;
        snprintf(title, sizeof title, "#%u %s %s -> %s", l->n, l->service, l->r->plan->from, l->r->plan->to);
        if (fits(title, text) || fits(title + 1, text) || fits(l->service, text))
            add(items, "release", title, project->name, xasprintf("/projects/%s/releases/%u", project->name, l->n));
    }
}

void search_call(struct preq *q)
{
    json_t *items = json_array();
    struct str text = preq_query(q, "q");
    struct resource_list l = world_list(platform_world(q->p), KIND_PROJECT);
    if (text.n > 100) {
        json_decref(items);
        return problem(q, 400, "bad-query", "q is longer than 100 bytes");
    }
    for (size_t i = 0; i < l.n && json_array_size(items) < MOST; i++)
        if (who_may(&q->who, l.v[i], false, RIGHT_READ)) in_project(q, l.v[i], text, items);
    preq_items(q, items, NULL);
}
