/* Shapes of the calls about traffic, services and releases: rows of the table in shapes.c, which is the only one to include this. */
#ifndef WEFT_API_PLATFORM_SHAPES_RELEASE_H
#define WEFT_API_PLATFORM_SHAPES_RELEASE_H

#include "api/platform/shape.h"

#define RF(name, type, flags, of, doc)                                                                                                     \
    {                                                                                                                                      \
        name, SHAPE_##type, flags, of, 0, 0, doc                                                                                           \
    }
#define RREASON                                                                                                                            \
    {                                                                                                                                      \
        "reason", SHAPE_TEXT, 0, NULL, 0, 2000, "Why; kept with the change."                                                               \
    }
#define REND                                                                                                                               \
    {                                                                                                                                      \
        0                                                                                                                                  \
    }

static const struct shape_field traffic_put_fields[] = {
    RF("spec", MESSAGE, SHAPE_REQUIRED, "weft.dev.v1alpha1.TrafficSpec", "What is ordered; versions may be left out."), RREASON,
    RF("dryRun", BOOL, 0, NULL, "Answers with the preview and changes nothing."), REND
};
static const struct shape_field traffic_patch_fields[] = {
    RF("spec", ANY, SHAPE_REQUIRED, NULL, "Laid over what is ordered (RFC 7386): null takes a field away."), RREASON,
    RF("dryRun", BOOL, 0, NULL, "Answers with the preview and changes nothing."), REND
};
static const struct shape_field traffic_preview_fields[] = {
    RF("spec", ANY, SHAPE_REQUIRED | SHAPE_NULL, NULL, "A TrafficSpec; null: nothing ordered any more."),
    RF("merge", BOOL, 0, NULL, "The spec is a merge patch on what is ordered."), REND
};
static const struct shape_field diff_line_fields[] = { RF("op", TEXT, SHAPE_REQUIRED, NULL, "\" \", \"+\" or \"-\""),
                                                       RF("text", TEXT, SHAPE_REQUIRED, NULL, ""), REND };
static const struct shape_field traffic_fields[] = {
    RF("spec", MESSAGE, SHAPE_NULL, "weft.dev.v1alpha1.TrafficSpec", "null: nothing is ordered."),
    RF("sentence", TEXT, 0, NULL, "The same in English."),
    RF("facts", ANY, SHAPE_LIST, NULL, "The same as facts."),
    RF("suggested", MESSAGE, SHAPE_NULL, "weft.dev.v1alpha1.TrafficSpec", "A first spec: what is so now."),
    RF("etag", TEXT, 0, NULL, ""),
    REND
};
static const struct shape_field change_fields[] = { RF("k", INTEGER, SHAPE_REQUIRED, NULL, "The change's number."),
                                                    RF("at", TIME, 0, NULL, ""),
                                                    RF("actor", TEXT, 0, NULL, ""),
                                                    RF("via", TEXT, 0, NULL, ""),
                                                    RF("sentence", TEXT, 0, NULL, ""),
                                                    RF("reason", TEXT, 0, NULL, ""),
                                                    RF("release", INTEGER, SHAPE_NULL, NULL, "Made by this release."),
                                                    RF("undone", BOOL, 0, NULL, ""),
                                                    RF("proxies", ANY, SHAPE_NULL, NULL, "{acked, of, ms, missing, refused}"),
                                                    REND };
static const struct shape_field preview_fields[] = { RF("sentence", TEXT, 0, NULL, ""),
                                                     RF("sentences", TEXT, SHAPE_LIST, NULL, ""),
                                                     RF("facts", ANY, SHAPE_LIST, NULL, ""),
                                                     RF("effect", ANY, SHAPE_LIST, NULL, ""),
                                                     RF("diff", OBJECT, SHAPE_LIST, "DiffLine", ""),
                                                     RF("errors", ANY, SHAPE_LIST, NULL, ""),
                                                     RF("warnings", TEXT, SHAPE_LIST, NULL, ""),
                                                     RF("guardRails", ANY, SHAPE_LIST, NULL, ""),
                                                     RF("touches", TEXT, SHAPE_LIST, NULL, ""),
                                                     REND };
static const struct shape_field service_fields[] = { RF("id", TEXT, SHAPE_REQUIRED, NULL, ""),
                                                     RF("name", TEXT, SHAPE_REQUIRED, NULL, ""),
                                                     RF("namespace", TEXT, 0, NULL, ""),
                                                     RF("versions", ANY, SHAPE_LIST, NULL, ""),
                                                     RF("sentence", TEXT, 0, NULL, ""),
                                                     RF("release", ANY, SHAPE_NULL, NULL, ""),
                                                     REND };
static const struct shape_field series_fields[] = { RF("t0", INTEGER, 0, NULL, "ms since 1970"), RF("step", INTEGER, 0, NULL, "ms"),
                                                    RF("versions", ANY, 0, NULL, ""), RF("marks", ANY, SHAPE_LIST, NULL, ""), REND };
static const struct shape_field routes_fields[] = { RF("effective", TEXT, 0, NULL, "YAML"), RF("origins", ANY, SHAPE_LIST, NULL, ""),
                                                    RF("pinned", ANY, SHAPE_LIST, NULL, ""), REND };
static const struct shape_field file_put_fields[] = {
    { "yaml", SHAPE_TEXT, SHAPE_REQUIRED, NULL, 1, 1 << 20, "Manifests." }, RF("dryRun", BOOL, 0, NULL, ""), RREASON, REND
};
static const struct shape_field validate_fields[] = { { "yaml", SHAPE_TEXT, SHAPE_REQUIRED, NULL, 0, 1 << 20, "Manifests." },
                                                      RF("project", TEXT, 0, NULL, ""),
                                                      REND };
static const struct shape_field release_new_fields[] = {
    RF("spec", MESSAGE, SHAPE_REQUIRED, "weft.dev.v1alpha1.ReleaseSpec", "What is released, and how."), RREASON,
    RF("dryRun", BOOL, 0, NULL, "Answers with the plan and changes nothing."), REND
};
static const struct shape_field release_plan_fields[] = { RF("spec", ANY, SHAPE_REQUIRED, NULL, "A ReleaseSpec."), REND };
static const struct shape_field release_verb_fields[] = { RF("step", INTEGER, 0, NULL, "The step that the person saw, from 0."), RREASON,
                                                          RF("full", BOOL, 0, NULL, "promote: to the last step."),
                                                          RF("override", BOOL, 0, NULL, "resume: through a freeze, with a reason."), REND };
static const struct shape_field release_fields[] = { RF("n", INTEGER, SHAPE_REQUIRED, NULL, ""),
                                                     RF("name", TEXT, 0, NULL, ""),
                                                     RF("project", TEXT, 0, NULL, ""),
                                                     RF("state", TEXT, 0, NULL, ""),
                                                     RF("verdict", TEXT, 0, NULL, ""),
                                                     RF("sentence", TEXT, 0, NULL, ""),
                                                     REND };
static const struct shape_field any_fields[] = { REND };

#define SHAPES_RELEASE                                                                                                                     \
    { "TrafficPut", "What shall be ordered.", traffic_put_fields, false, NULL },                                                           \
        { "TrafficPatch", "What shall be ordered otherwise.", traffic_patch_fields, false, NULL },                                         \
        { "TrafficPreview", "What might be ordered.", traffic_preview_fields, false, NULL },                                               \
        { "DiffLine", "A line of a difference.", diff_line_fields, false, NULL },                                                          \
        { "Traffic", "What is ordered.", traffic_fields, true, NULL },                                                                     \
        { "Change", "One change of what is ordered.", change_fields, true, NULL },                                                         \
        { "Preview", "What a change would do.", preview_fields, true, NULL },                                                              \
        { "Service", "A service of a project.", service_fields, true, NULL },                                                              \
        { "Series", "Figures over time.", series_fields, true, NULL }, { "Routes", "Effective routes.", routes_fields, true, NULL },       \
        { "FilesPut", "Manifests about a service.", file_put_fields, false, NULL },                                                        \
        { "Validate", "Manifests to be checked.", validate_fields, false, NULL },                                                          \
        { "ReleaseNew", "A release to be started.", release_new_fields, false, NULL },                                                     \
        { "ReleasePlanAsk", "A release to be forecast.", release_plan_fields, false, NULL },                                               \
        { "ReleaseVerb", "What somebody wants of a release.", release_verb_fields, false, NULL },                                          \
        { "Release", "A release.", release_fields, true, NULL },                                                                           \
    {                                                                                                                                      \
        "Anything", "An object.", any_fields, true, NULL                                                                                   \
    }

#endif
