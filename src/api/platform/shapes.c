/* The shapes of bodies and answers. */
#include "api/platform/shape.h"
#include "api/platform/shapes_release.h"

/* Shorthand for rows: name, what it is, flags, of, limits, text. */
#define F(name, type, flags, of, lo, hi, doc)                                                                                              \
    {                                                                                                                                      \
        name, SHAPE_##type, flags, of, lo, hi, doc                                                                                         \
    }
#define END                                                                                                                                \
    {                                                                                                                                      \
        0                                                                                                                                  \
    }
#define REQ    SHAPE_REQUIRED
#define LIST   SHAPE_LIST
#define NUL    SHAPE_NULL
#define REASON F("reason", TEXT, 0, NULL, 0, 2000, "Why; kept with the change.")
#define ROLES  "viewer|developer|releaser|owner"

/* clang-format off */
/* ---- bodies ---- */
static const struct shape_field reason[] = { REASON, END };
static const struct shape_field sign_in[] = {
    F("user", TEXT, 0, NULL, 1, 64, "Name."),
    F("password", TEXT, SHAPE_SECRET, NULL, 1, 200, "Password."),
    F("oneTime", TEXT, SHAPE_SECRET, NULL, 1, 100, "Instead of user and password: the token of `weft up`."), END };
static const struct shape_field password_change[] = {
    F("old", TEXT, REQ | SHAPE_SECRET, NULL, 1, 200, "The present password."),
    F("new", TEXT, REQ | SHAPE_SECRET, NULL, 10, 200, "The new one: at least 10 characters."), END };
static const struct shape_field password_set[] = {
    F("password", TEXT, REQ | SHAPE_SECRET, NULL, 10, 200, "The new password: at least 10 characters."), END };
static const struct shape_field one_time_ask[] = { F("ttl", DURATION, 0, NULL, 1, 604800, "How long it may be used; 12h unless said."), END };
static const struct shape_field user_new[] = {
    F("name", TEXT, REQ, NULL, 1, 64, "Small letters, digits and . _ @ -"),
    F("displayName", TEXT, 0, NULL, 0, 100, "As people call her."),
    F("password", TEXT, REQ | SHAPE_SECRET, NULL, 10, 200, "At least 10 characters."),
    F("operator", BOOL, 0, NULL, 0, 0, "Over all projects."), REASON, END };
static const struct shape_field user_change[] = {
    F("displayName", TEXT, 0, NULL, 1, 100, "As people call her."),
    F("operator", BOOL, 0, NULL, 0, 0, "Over all projects."),
    F("disabled", BOOL, 0, NULL, 0, 0, "May not sign in."), REASON, END };
static const struct shape_field project_new[] = {
    F("name", TEXT, REQ, NULL, 1, 63, "Small letters, digits and -"),
    F("spec", MESSAGE, 0, "weft.dev.v1alpha1.ProjectSpec", 0, 0, "The project; its author becomes an owner."), REASON, END };
static const struct shape_field project_put[] = {
    F("spec", MESSAGE, REQ, "weft.dev.v1alpha1.ProjectSpec", 0, 0, "The whole spec."), REASON, END };
static const struct shape_field member_put[] = { F("role", TEXT, REQ, ROLES, 0, 0, "Role in the project."), REASON, END };
static const struct shape_field token_new[] = {
    F("name", TEXT, REQ, NULL, 1, 64, "What it is for."),
    F("scopes", TEXT, REQ | LIST, NULL, 1, 40, "What it may do: read, release:start ..."),
    F("expiresAt", TIME, 0, NULL, 0, 0, "At most a year from now; 90 days unless said."), REASON, END };
static const struct shape_field guard_rails_put[] = {
    F("guardRails", MESSAGE, REQ, "weft.dev.v1alpha1.GuardRails", 0, 0, "All of them."), REASON, END };
static const struct shape_field settings_change[] = {
    F("name", TEXT, 0, NULL, 1, 60, "Name of the installation."),
    F("webhookSecret", TEXT, SHAPE_SECRET, NULL, 0, 200, "Key of the signatures of webhooks; empty: none."),
    F("hosts", TEXT, LIST, NULL, 1, 253, "Names by which browsers reach the page, beside localhost."),
    F("sessionTtl", DURATION, 0, NULL, 300, 2592000, "How long a session lasts without a request."), REASON, END };

/* ---- answers ---- */
static const struct shape_field session_project[] = {
    F("name", TEXT, REQ, NULL, 0, 0, NULL), F("role", TEXT, REQ | NUL, ROLES, 0, 0, "null: as operator"),
    F("rights", TEXT, REQ | LIST, NULL, 0, 0, "What one may do there."),
    F("protectedRights", TEXT, REQ | LIST, NULL, 0, 0, "What one may do in protected environments."), END };
static const struct shape_field session[] = {
    F("user", TEXT, REQ, NULL, 0, 0, NULL), F("displayName", TEXT, REQ, NULL, 0, 0, NULL),
    F("operator", BOOL, REQ, NULL, 0, 0, "Over all projects."), F("everything", BOOL, REQ, NULL, 0, 0, "The one user of single-user mode: no right lacks."),
    F("mode", TEXT, REQ, "single|users", 0, 0, NULL), F("csrf", TEXT, REQ | NUL, NULL, 0, 0, "For the header X-Weft-Csrf of calls that change; null: not needed."),
    F("projects", OBJECT, REQ | LIST, "SessionProject", 0, 0, NULL), F("version", TEXT, REQ, NULL, 0, 0, NULL),
    F("mesh", TEXT, REQ, NULL, 0, 0, "Name of the installation."), END };
static const struct shape_field one_time[] = {
    F("oneTime", TEXT, REQ | SHAPE_SECRET, NULL, 0, 0, NULL), F("path", TEXT, REQ, NULL, 0, 0, "To open in a browser, behind the page's address."),
    F("expiresAt", TIME, REQ, NULL, 0, 0, NULL), END };
static const struct shape_field user[] = {
    F("name", TEXT, REQ, NULL, 0, 0, NULL), F("displayName", TEXT, REQ, NULL, 0, 0, NULL), F("operator", BOOL, REQ, NULL, 0, 0, NULL),
    F("disabled", BOOL, REQ, NULL, 0, 0, NULL), F("createdAt", TIME, REQ | NUL, NULL, 0, 0, NULL), F("lastSeenAt", TIME, REQ | NUL, NULL, 0, 0, NULL), END };
static const struct shape_field summary[] = {
    F("services", INTEGER, REQ, NULL, 0, 0, "How many it owns."), F("members", INTEGER, REQ, NULL, 0, 0, NULL),
    F("stopped", BOOL, REQ, NULL, 0, 0, "The line is stopped."), F("stoppedReason", TEXT, REQ | NUL, NULL, 0, 0, NULL), END };
static const struct shape_field environment[] = {
    F("name", TEXT, REQ, NULL, 0, 0, NULL), F("namespace", TEXT, REQ, NULL, 0, 0, NULL), F("protected", BOOL, REQ, NULL, 0, 0, NULL), END };
#define PROJECT_HEAD \
    F("name", TEXT, REQ, NULL, 0, 0, NULL), F("etag", TEXT, REQ, NULL, 0, 0, "For If-Match."), F("createdAt", TIME, REQ | NUL, NULL, 0, 0, NULL), \
    F("role", TEXT, REQ | NUL, ROLES, 0, 0, "One's own; null: as operator."), F("rights", TEXT, REQ | LIST, NULL, 0, 0, "One's own."), \
    F("summary", OBJECT, REQ, "Summary", 0, 0, NULL)
static const struct shape_field project[] = { PROJECT_HEAD, F("spec", MESSAGE, REQ, "weft.dev.v1alpha1.ProjectSpec", 0, 0, NULL), END };
static const struct shape_field project_line[] = {
    PROJECT_HEAD, F("title", TEXT, REQ, NULL, 0, 0, NULL), F("description", TEXT, REQ, NULL, 0, 2000, NULL),
    F("environments", OBJECT, REQ | LIST, "Environment", 0, 0, NULL), END };
#define TOKEN_HEAD \
    F("id", TEXT, REQ, NULL, 0, 0, NULL), F("name", TEXT, REQ, NULL, 0, 0, NULL), F("prefix", TEXT, REQ, NULL, 0, 0, "Its first characters."), \
    F("scopes", TEXT, REQ | LIST, NULL, 0, 0, NULL), F("createdAt", TIME, REQ | NUL, NULL, 0, 0, NULL), F("expiresAt", TIME, REQ | NUL, NULL, 0, 0, NULL), \
    F("lastUsedAt", TIME, REQ | NUL, NULL, 0, 0, NULL), F("createdBy", TEXT, REQ, NULL, 0, 0, NULL)
static const struct shape_field token[] = { TOKEN_HEAD, END };
static const struct shape_field token_made[] = { TOKEN_HEAD, F("token", TEXT, REQ | SHAPE_SECRET, NULL, 0, 0, "The secret; shown this once."), END };
static const struct shape_field guard_rails[] = {
    F("guardRails", MESSAGE, REQ, "weft.dev.v1alpha1.GuardRails", 0, 0, NULL), F("limits", MESSAGE, REQ | NUL, "weft.dev.v1alpha1.Limits", 0, 0, "The operators'."),
    F("etag", TEXT, REQ, NULL, 0, 0, "The project's."), END };
static const struct shape_field candidate[] = {
    F("id", TEXT, REQ, NULL, 0, 0, "NAME.NAMESPACE"), F("name", TEXT, REQ, NULL, 0, 0, NULL), F("namespace", TEXT, REQ, NULL, 0, 0, NULL),
    F("versions", TEXT, REQ | LIST, NULL, 0, 0, "Values of the label `version` of its pods."), END };
static const struct shape_field audit_entry[] = {
    F("seq", INTEGER, REQ, NULL, 0, 0, NULL), F("time", TIME, REQ, NULL, 0, 0, NULL), F("actor", TEXT, REQ | NUL, NULL, 0, 0, NULL),
    F("via", TEXT, REQ, "page|api|cli|release|weft", 0, 0, NULL), F("action", TEXT, REQ, NULL, 0, 0, "project:create"), F("target", TEXT, REQ | NUL, NULL, 0, 0, NULL),
    F("project", TEXT, REQ | NUL, NULL, 0, 0, NULL), F("reason", TEXT, REQ | NUL, NULL, 0, 2000, NULL), F("requestId", TEXT, REQ | NUL, NULL, 0, 0, NULL),
    F("before", ANY, REQ | NUL, NULL, 0, 0, NULL), F("after", ANY, REQ | NUL, NULL, 0, 0, NULL), F("evidence", ANY, REQ | NUL, NULL, 0, 0, "The numbers that caused it."),
    F("prev", TEXT, REQ, NULL, 0, 0, "Hash of the entry before."), F("hash", TEXT, REQ, NULL, 0, 0, "SHA-256 of the entry without this field."), END };
static const struct shape_field settings[] = {
    F("name", TEXT, REQ, NULL, 0, 0, NULL), F("webhookSecretSet", BOOL, REQ, NULL, 0, 0, NULL), F("hosts", TEXT, REQ | LIST, NULL, 0, 0, NULL),
    F("sessionTtl", DURATION, REQ, NULL, 0, 0, NULL), F("mode", TEXT, REQ, "single|users", 0, 0, NULL), END };
static const struct shape_field problem_error[] = {
    F("pointer", TEXT, REQ, NULL, 0, 0, "Place in the body (RFC 6901)."), F("message", TEXT, REQ, NULL, 0, 0, NULL),
    F("line", INTEGER, 0, NULL, 0, 0, NULL), F("column", INTEGER, 0, NULL, 0, 0, NULL), END };
static const struct shape_field problem[] = {
    F("type", TEXT, REQ, NULL, 0, 0, NULL), F("title", TEXT, REQ, NULL, 0, 0, NULL), F("status", INTEGER, REQ, NULL, 0, 0, NULL), F("detail", TEXT, REQ, NULL, 0, 0, NULL),
    F("instance", TEXT, REQ, NULL, 0, 0, NULL), F("code", TEXT, REQ, NULL, 0, 0, "Stable; for programs."), F("requestId", TEXT, REQ, NULL, 0, 0, NULL),
    F("errors", OBJECT, LIST, "ProblemError", 0, 0, "Per field."), END };

const struct shape shapes[] = {
    { "Reason", "A change without more to say than why.", reason, false, "{\"reason\":\"load test\"}" },
    { "SignIn", "Who wants to come in.", sign_in, false, "{\"user\":\"anna\",\"password\":\"correct horse battery\"}" },
    { "PasswordChange", "One's own new password.", password_change, false, "{\"old\":\"correct horse battery\",\"new\":\"staple of horses\"}" },
    { "PasswordSet", "A person's new password.", password_set, false, "{\"password\":\"staple of horses\"}" },
    { "OneTimeAsk", "A token that signs in once.", one_time_ask, false, "{\"ttl\":\"10m\"}" },
    { "UserNew", "A person to be.", user_new, false, "{\"name\":\"anna\",\"displayName\":\"Anna\",\"password\":\"correct horse battery\",\"operator\":false}" },
    { "UserChange", "What changes of a person.", user_change, false, "{\"disabled\":true,\"reason\":\"left the company\"}" },
    { "ProjectNew", "A project to be.", project_new, false, "{\"name\":\"checkout\",\"spec\":{\"title\":\"Checkout\",\"environments\":[{\"name\":\"production\",\"namespace\":\"default\",\"protected\":true}]}}" },
    { "ProjectPut", "A project's whole spec.", project_put, false, "{\"spec\":{\"title\":\"Checkout\",\"members\":[{\"user\":\"anna\",\"role\":\"owner\"}]},\"reason\":\"new title\"}" },
    { "MemberPut", "A member's role.", member_put, false, "{\"role\":\"releaser\"}" },
    { "TokenNew", "A token to be.", token_new, false, "{\"name\":\"ci\",\"scopes\":[\"release:start\",\"release:read\"]}" },
    { "GuardRailsPut", "All guard rails.", guard_rails_put, false, "{\"guardRails\":{\"maxFirstStep\":5,\"minBake\":\"600s\"}}" },
    { "SettingsChange", "What changes of the settings.", settings_change, false, "{\"name\":\"weft of the shop\",\"sessionTtl\":\"8h\"}" },

    SHAPES_RELEASE,

    { "SessionProject", "A project that one may see.", session_project, false, NULL },
    { "Session", "Who is signed in.", session, false, NULL },
    { "OneTime", "A token that signs in once.", one_time, false, NULL },
    { "User", "A person who may sign in.", user, false, NULL },
    { "Summary", "A project in figures.", summary, true, NULL },
    { "Environment", "A namespace by the name that people give it.", environment, false, NULL },
    { "Project", "A project.", project, false, NULL },
    { "ProjectSummary", "A project in a list.", project_line, false, NULL },
    { "Token", "A token, without its secret.", token, false, NULL },
    { "TokenMade", "A new token.", token_made, false, NULL },
    { "GuardRails", "Guard rails and limits of a project.", guard_rails, false, NULL },
    { "Candidate", "A service that nobody owns.", candidate, false, NULL },
    { "AuditEntry", "Who changed what.", audit_entry, false, NULL },
    { "Settings", "What holds for the whole installation.", settings, false, NULL },
    { "ProblemError", "What is wrong with one field.", problem_error, false, NULL },
    { "Problem", "An error (RFC 9457).", problem, true, NULL },
};
/* clang-format on */
const size_t n_shapes = ARRAY_LEN(shapes);
