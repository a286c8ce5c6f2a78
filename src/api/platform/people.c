/* Who calls. */
#include "api/platform/people.h"
#include "api/platform/inside.h"

struct people {
    struct platform *p;
    char csrf[33]; /* of this process: single-user mode has no sessions */
};

static void local(struct preq *q)
{
    struct str actor = q->call->door == DOOR_SOCKET ? call_header(q->call, "x-weft-actor") : (struct str){ 0 };
    q->who = (struct who){ .known = true, .operator_ = true, .single = true, .user = STR("local"), .display = STR("local") };
    q->who.via = q->call->door == DOOR_SOCKET ? VIA_CLI : VIA_PAGE;
    q->who.ambient = q->call->door == DOOR_PAGE;
    if (actor.n && actor.n <= 100) q->who.user = q->who.display = actor;
}

bool people_identify(struct people *pp, struct preq *q)
{
    if (q->call->door == DOOR_SOCKET || pp->p->cfg.single) local(q);
    return true;
}

bool people_csrf_fits(struct people *pp, const struct preq *q) { return str_eqc(call_header(q->call, "x-weft-csrf"), pp->csrf); }

struct people *people_new(struct platform *p)
{
    struct people *pp = xcalloc(1, sizeof *pp);
    pp->p = p;
    return pp;
}

void people_free(struct people *pp) { free(pp); }
