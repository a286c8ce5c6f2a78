/* The inside of struct platform, for the files of this folder that make it up. */
#ifndef WEFT_API_PLATFORM_INSIDE_H
#define WEFT_API_PLATFORM_INSIDE_H

#include "api/platform/audit.h"
#include "api/platform/events.h"
#include "api/platform/platform.h"

struct engine;

struct platform {
    struct platform_config cfg;
    struct events *events;
    struct people *people;
    struct platform_hooks hooks;
    struct engine *engine;
    struct changes *changes;
    char *hosts;                    /* of the settings, with commas between them */
    bool inside;                    /* a commit of our own is under way: it was looked at */
    char next_head[AUDIT_HASH + 1]; /* of a commit under way that is not ours */
    bool chained;
    struct str actor;                /* who makes the commit under way by a manifest (call_commit); n = 0: local */
    char audit_head[AUDIT_HASH + 1]; /* hash of the newest entry */
};

/* changes.c: projects that change become events, however they were changed. */
struct changes *changes_new(struct platform *p);
void changes_free(struct changes *c);

#endif
