/* The table. A call that is not in it does not exist; a row that is in it is tested with each role (tests/e2e/test_platform_rights.py). */
#include "api/platform/route.h"
#include "api/platform/events.h"
#include "api/platform/handlers.h"
#include "api/platform/lookups.h"
#include "api/platform/releases.h"
#include "api/platform/service.h"
#include "api/platform/traffic.h"

#define NOBODY   NEED_NOBODY, RIGHT_READ
#define ANY      NEED_ANY, RIGHT_READ
#define PERSON   NEED_PERSON, RIGHT_READ
#define OPERATOR NEED_OPERATOR, RIGHT_READ
#define RIGHT(r) NEED_RIGHT, RIGHT_##r

#define PAGED   ROUTE_PAGED
#define CREATES ROUTE_CREATES
#define MATCH   ROUTE_IF_MATCH
#define OPT     ROUTE_IF_MATCH_OPT
#define OF      ROUTE_QUERY_PROJECT

/* clang-format off */
const struct proute platform_routes[] = {
    /* who one is */
    { "GET",    "/session",                  NOBODY,   0, session_get, NULL, "Session", NULL, "Who is signed in, with which rights; 401 when nobody is." },
    { "POST",   "/session",                  NOBODY,   0, session_post, "SignIn", "Session", NULL, "Signs in with a password, or with the one-time token of `weft up`." },
    { "DELETE", "/session",                  NOBODY,   0, session_delete, NULL, NULL, NULL, "Signs out." },
    { "POST",   "/session:password",         PERSON,   0, session_password, "PasswordChange", NULL, NULL, "Changes one's own password; other sessions end." },
    { "POST",   "/session:one-time",         OPERATOR, 0, session_one_time, "OneTimeAsk", "OneTime", NULL, "Makes a token that signs in once: for the address that `weft up` prints." },
    { "GET",    "/users",                    ANY,      PAGED, users_list, NULL, "[User]", NULL, "All people who may sign in." },
    { "POST",   "/users",                    OPERATOR, CREATES, users_create, "UserNew", "User", NULL, "Adds a person." },
    { "GET",    "/users/{u}",                OPERATOR, 0, users_get, NULL, "User", NULL, "One person." },
    { "PATCH",  "/users/{u}",                OPERATOR, OPT, users_patch, "UserChange", "User", NULL, "Changes a person; who is disabled is signed out at once." },
    { "DELETE", "/users/{u}",                OPERATOR, OPT, users_delete, NULL, NULL, NULL, "Removes a person, from all projects too." },
    { "POST",   "/users/{u}:password",       OPERATOR, 0, users_password, "PasswordSet", NULL, NULL, "Sets a person's password; the person's sessions end." },

    /* projects */
    { "GET",    "/projects",                 ANY,      PAGED, projects_list, NULL, "[ProjectSummary]", NULL, "The projects that one may see." },
    { "POST",   "/projects",                 PERSON,   CREATES, projects_create, "ProjectNew", "Project", NULL, "Makes a project; who makes it owns it." },
    { "GET",    "/projects/{p}",             RIGHT(READ), 0, projects_get, NULL, "Project", NULL, "One project." },
    { "PUT",    "/projects/{p}",             RIGHT(PROJECT_EDIT), MATCH, projects_put, "ProjectPut", "Project", NULL, "Replaces the project's spec." },
    { "DELETE", "/projects/{p}",             RIGHT(PROJECT_DELETE), MATCH, projects_delete, NULL, NULL, NULL, "Deletes the project; its services stay as they are and belong to nobody." },
    { "PUT",    "/projects/{p}/members/{u}", RIGHT(MEMBERS), OPT, members_put, "MemberPut", "Project", NULL, "Makes somebody a member, or changes the role." },
    { "DELETE", "/projects/{p}/members/{u}", RIGHT(MEMBERS), OPT, members_delete, NULL, "Project", NULL, "Takes a member out." },
    { "GET",    "/projects/{p}/tokens",      RIGHT(TOKENS), PAGED, tokens_list, NULL, "[Token]", NULL, "The project's tokens, without their secrets." },
    { "POST",   "/projects/{p}/tokens",      RIGHT(TOKENS), CREATES, tokens_create, "TokenNew", "TokenMade", NULL, "Makes a token for robots; its secret is shown this once." },
    { "DELETE", "/projects/{p}/tokens/{i}",  RIGHT(TOKENS), 0, tokens_delete, NULL, NULL, NULL, "Revokes a token." },
    { "GET",    "/projects/{p}/guard-rails", RIGHT(READ), 0, guard_rails_get, NULL, "GuardRails", NULL, "The project's guard rails, and the operators' limits." },
    { "PUT",    "/projects/{p}/guard-rails", RIGHT(POLICY_EDIT), MATCH, guard_rails_put, "GuardRailsPut", "GuardRails", NULL, "Replaces the guard rails." },
    { "POST",   "/projects/{p}:stop",        RIGHT(POLICY_EDIT), OPT, project_stop, "Reason", "Project", NULL, "Stops the line: nothing new starts or advances." },
    { "POST",   "/projects/{p}:go",          RIGHT(POLICY_EDIT), OPT, project_go, "Reason", "Project", NULL, "Goes on." },
    { "GET",    "/candidates",               ANY,      OF | PAGED, candidates_list, NULL, "[Candidate]", "q", "Services of the mesh that no project owns; with project: of namespaces that it may use." },
    { "PUT",    "/projects/{p}/services/{s}", RIGHT(SERVICES), ROUTE_UNOWNED | OPT, services_adopt, "Reason", "Project", NULL, "Adopts a service; 409 names the owner when somebody has it." },
    { "DELETE", "/projects/{p}/services/{s}", RIGHT(SERVICES), OPT, services_give_up, NULL, "Project", NULL, "Gives a service up." },

    /* services and what is ordered for them */
    { "GET",    "/projects/{p}/services",    RIGHT(READ), PAGED, service_list, NULL, "[Service]", "window", "The project's services with figures." },
    { "GET",    "/projects/{p}/services/{s}", RIGHT(READ), 0, service_get, NULL, "Service", "window", "One service: versions, callers, rules, what is ordered and observed." },
    { "GET",    "/projects/{p}/services/{s}/metrics", RIGHT(READ), 0, service_metrics, NULL, "Series", "window step", "Figures over time, per version." },
    { "GET",    "/projects/{p}/services/{s}/routes", RIGHT(READ), 0, service_routes_get, NULL, "Routes", NULL, "The effective routes, and where each comes from." },
    { "GET",    "/projects/{p}/services/{s}/traffic", RIGHT(READ), 0, traffic_get, NULL, "Traffic", NULL, "What is ordered." },
    { "PUT",    "/projects/{p}/services/{s}/traffic", RIGHT(TRAFFIC_WRITE), MATCH, traffic_put, "TrafficPut", "Change", NULL, "Orders: answers when the proxies have it." },
    { "PATCH",  "/projects/{p}/services/{s}/traffic", RIGHT(TRAFFIC_WRITE), MATCH, traffic_patch, "TrafficPatch", "Change", NULL, "Orders a part: a merge patch on the spec." },
    { "DELETE", "/projects/{p}/services/{s}/traffic", RIGHT(TRAFFIC_WRITE), MATCH, traffic_delete, NULL, "Change", NULL, "Takes away what is ordered: people's own configuration holds." },
    { "POST",   "/projects/{p}/services/{s}/traffic:preview", RIGHT(READ), ROUTE_READS, traffic_preview, "TrafficPreview", "Preview", NULL, "What an order would do; changes nothing." },
    { "POST",   "/projects/{p}/services/{s}/traffic:undo", RIGHT(TRAFFIC_WRITE), OPT, traffic_undo, "Reason", "Change", NULL, "Takes the last change back." },
    { "GET",    "/projects/{p}/services/{s}/history", RIGHT(READ), PAGED, history_list, NULL, "[Change]", NULL, "Changes, newest first." },
    { "GET",    "/projects/{p}/services/{s}/history/{k}", RIGHT(READ), 0, history_get, NULL, "Change", NULL, "One change with what was before and after." },
    { "POST",   "/projects/{p}/services/{s}/history/{k}:restore", RIGHT(TRAFFIC_WRITE), OPT, history_restore, "Reason", "Change", NULL, "Brings the state after a change back." },

    { "GET",    "/projects/{p}/services/{s}/files", RIGHT(READ), 0, files_list, NULL, "[Anything]", NULL, "What is written about the service, as YAML." },
    { "PUT",    "/projects/{p}/services/{s}/files", RIGHT(CONFIG_WRITE), OPT, files_put, "FilesPut", "Anything", NULL, "Applies manifests about the service; findings are errors with line and column." },
    { "POST",   "/validate",                 ANY,      ROUTE_READS, validate_call, "Validate", "Anything", NULL, "Checks manifests; changes nothing." },
    { "GET",    "/schema/{k}",               ANY,      0, schema_get, NULL, "Anything", NULL, "The fields of a kind, for completion." },
    { "GET",    "/map",                      ANY,      OF, map_get_call, NULL, "Anything", "window", "Who calls whom, with rates and errors." },
    { "GET",    "/search",                   ANY,      0, search_call, NULL, "[Anything]", "q", "Projects, services and releases by name." },

    /* releases */
    { "GET",    "/projects/{p}/releases",    RIGHT(RELEASE_READ), PAGED, releases_list, NULL, "[Release]", "service state", "Releases, newest first." },
    { "POST",   "/projects/{p}/releases",    RIGHT(RELEASE_START), CREATES, releases_create, "ReleaseNew", "Release", NULL, "Starts a release." },
    { "POST",   "/projects/{p}/releases:plan", RIGHT(READ), ROUTE_READS, releases_plan, "ReleasePlanAsk", "Anything", NULL, "What a release would do; changes nothing." },
    { "GET",    "/strategies",               ANY,      0, strategies_list, NULL, "[Anything]", NULL, "The ready-made strategies with their steps." },
    { "GET",    "/projects/{p}/releases/{n}", RIGHT(RELEASE_READ), 0, releases_get, NULL, "Release", NULL, "One release." },
    { "GET",    "/projects/{p}/releases/{n}/metrics", RIGHT(RELEASE_READ), 0, releases_metrics, NULL, "Series", "step", "Figures over the release, and the ratio with its interval." },
    { "GET",    "/projects/{p}/releases/{n}/log", RIGHT(RELEASE_READ), PAGED, releases_log, NULL, "[Anything]", NULL, "Decisions and people, oldest first." },
    { "GET",    "/projects/{p}/releases/{n}/yaml", RIGHT(RELEASE_READ), ROUTE_BINARY, releases_yaml, NULL, NULL, NULL, "The release as a manifest." },
    { "POST",   "/projects/{p}/releases/{n}:start", RIGHT(RELEASE_START), OPT, releases_verb, "ReleaseVerb", "Release", NULL, "Starts now: does not wait for startAt." },
    { "POST",   "/projects/{p}/releases/{n}:pause", RIGHT(RELEASE_START), OPT, releases_verb, "ReleaseVerb", "Release", NULL, "The weights stay; harm still rolls back." },
    { "POST",   "/projects/{p}/releases/{n}:resume", RIGHT(RELEASE_START), OPT, releases_verb, "ReleaseVerb", "Release", NULL, "Goes on." },
    { "POST",   "/projects/{p}/releases/{n}:approve", RIGHT(RELEASE_APPROVE), OPT, releases_verb, "ReleaseVerb", "Release", NULL, "Lets the next step begin." },
    { "POST",   "/projects/{p}/releases/{n}:reject", RIGHT(RELEASE_APPROVE), OPT, releases_verb, "ReleaseVerb", "Release", NULL, "Does not let the next step begin." },
    { "POST",   "/projects/{p}/releases/{n}:promote", RIGHT(RELEASE_PROMOTE), OPT, releases_verb, "ReleaseVerb", "Release", NULL, "The next step now; full: the last." },
    { "POST",   "/projects/{p}/releases/{n}:skip", RIGHT(RELEASE_PROMOTE), OPT, releases_verb, "ReleaseVerb", "Release", NULL, "Leaves the next step out." },
    { "POST",   "/projects/{p}/releases/{n}:abort", RIGHT(RELEASE_STOP), OPT, releases_verb, "ReleaseVerb", "Release", NULL, "Everything back to the old version; the end is aborted." },
    { "POST",   "/projects/{p}/releases/{n}:rollback", RIGHT(RELEASE_STOP), OPT, releases_verb, "ReleaseVerb", "Release", NULL, "Everything back to the old version." },
    { "POST",   "/projects/{p}/releases/{n}:retry", RIGHT(RELEASE_START), OPT, releases_verb, "ReleaseVerb", "Release", NULL, "The step, or all of it, anew." },
    { "POST",   "/projects/{p}/releases/{n}:take-theirs", RIGHT(RELEASE_PROMOTE), OPT, releases_verb, "ReleaseVerb", "Release", NULL, "What somebody changed beneath stands; the release ends." },
    { "POST",   "/projects/{p}/releases/{n}:keep-ours", RIGHT(RELEASE_PROMOTE), OPT, releases_verb, "ReleaseVerb", "Release", NULL, "What the release ordered is ordered again." },
    { "POST",   "/projects/{p}/releases/{n}:note", RIGHT(RELEASE_START), OPT, releases_verb, "ReleaseVerb", "Release", NULL, "A line for its log." },
    { "GET",    "/approvals",                ANY,      0, approvals_list, NULL, "[Anything]", NULL, "Steps that wait for an approval, of projects that one may see." },

    /* for everybody */
    { "GET",    "/audit",                    OPERATOR, OF | PAGED, audit_list, NULL, "[AuditEntry]", "actor action since until", "The audit log, newest first." },
    { "GET",    "/audit/export",             NEED_OPERATOR, RIGHT_MEMBERS, OF | ROUTE_BINARY, audit_export, NULL, NULL, NULL, "The audit log as JSON lines with the hash chain, oldest first." },
    { "GET",    "/settings",                 ANY,      0, settings_get, NULL, "Settings", NULL, "What holds for the whole installation." },
    { "PATCH",  "/settings",                 OPERATOR, OPT, settings_patch, "SettingsChange", "Settings", NULL, "Changes settings." },
    { "POST",   "/backup",                   OPERATOR, ROUTE_BINARY | ROUTE_READS, backup_make, NULL, NULL, NULL, "The whole database as a download (SQLite)." },
    { "GET",    "/openapi.json",             NOBODY,   0, openapi_json, NULL, NULL, NULL, "This document." },
    { "GET",    "/docs",                     NOBODY,   ROUTE_BINARY, openapi_docs, NULL, NULL, NULL, "This document, to read." },
    { "GET",    "/docs.css",                 NOBODY,   ROUTE_BINARY, openapi_css, NULL, NULL, NULL, "How it looks." },
    { "GET",    "/events",                   ANY,      ROUTE_STREAM, events_serve, NULL, NULL, "project types lastEventId", "Live events (text/event-stream)." },
};
/* clang-format on */
const size_t n_platform_routes = ARRAY_LEN(platform_routes);
