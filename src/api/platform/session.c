/* GET /session and its friends. */
#include "api/platform/handlers.h"
#include "api/platform/people.h"

#include "weft.dev.v1alpha1.pb-c.h"

static json_t *rights_of(uint32_t rights)
{
    json_t *list = json_array();
    for (enum project_right r = 0; r < RIGHTS_N; r++)
        if (rights >> r & 1) json_array_append_new(list, json_string(project_right_name(r)));
    return list;
}

static json_t *projects_of(const struct preq *q)
{
    json_t *list = json_array();
    struct resource_list all = world_list(platform_world(q->p), KIND_PROJECT);
    for (size_t i = 0; i < all.n; i++) {
        uint32_t rights = who_rights(&q->who, all.v[i], false);
        enum project_role role = who_role(&q->who, all.v[i]);
        if (!rights) continue;
        json_array_append_new(list, json_pack("{s:s, s:s?, s:o}", "name", all.v[i]->name, "role", role ? project_role_name(role) : NULL,
                                              "rights", rights_of(rights)));
    }
    return list;
}

void session_get(struct preq *q)
{
    if (!q->who.known) return problem(q, 401, "not-signed-in", "nobody is signed in");
    preq_json(q, 200,
              json_pack("{s:s%, s:s%, s:b, s:s, s:o, s:s}", "user", q->who.user.p, q->who.user.n, "displayName", q->who.display.p,
                        q->who.display.n, "operator", q->who.operator_ || q->who.single, "mode",
                        platform_settings(q->p)->single ? "single" : "users", "projects", projects_of(q), "version", WEFT_VERSION));
}
