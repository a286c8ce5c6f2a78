/* The release platform as one thing: what all its calls share. */
#ifndef WEFT_API_PLATFORM_PLATFORM_H
#define WEFT_API_PLATFORM_PLATFORM_H

#include "api/controller.h"

#include <jansson.h>
#include <protobuf-c/protobuf-c.h>

struct platform;
struct events;
struct people;

struct platform_config {
    struct controller *ctl;
    bool single;       /* whoever reaches the page's door is the operator `local`: a loopback address, one login user */
    const char *hosts; /* names that Host may have beside loopback's, with commas between them; NULL: none */
    const char *state; /* folder of weftd: where backups are made. NULL: memory only */
};

/* Reads users, tokens and sessions from the store. */
struct platform *platform_new(const struct platform_config *c);
void platform_free(struct platform *p);

struct controller *platform_controller(const struct platform *p);
const struct world *platform_world(const struct platform *p);
struct loop *platform_loop(const struct platform *p);
struct events *platform_events(const struct platform *p);
struct people *platform_people(const struct platform *p);
const struct platform_config *platform_settings(const struct platform *p);

/* What carries releases forward; NULL until it is made (engine.h). */
struct engine;
struct engine *platform_engine(const struct platform *p);
void platform_set_engine(struct platform *p, struct engine *e);
/* Whether a request may name this host: a loopback name, --host, or the settings' hosts. */
bool platform_host_ok(const struct platform *p, struct str name);
/* After the settings changed. */
void platform_read_hosts(struct platform *p);
/* Key of the signatures of webhooks; "" when none was set. The caller frees it. */
char *platform_webhook_secret(const struct platform *p);

/* controller_commit, and audit entries of the batch (audit_add) get their place in the chain; they are published as events. */
int platform_commit(struct platform *p, struct batch *b, struct err *e);

/* What the parts that know traffic and releases add to calls about projects; set once, members may be NULL. */
struct platform_hooks {
    void *arg;
    /* Adds rates, releases and so on to the summary of a project. */
    void (*project_summary)(void *arg, const struct resource *project, json_t *into);
    /* What stands against deleting a project or giving a service up (service n = 0: all of them): text for a person, or NULL. */
    const char *(*busy)(void *arg, const struct resource *project, struct str service, struct str ns);
};
struct platform_hooks *platform_hooks(struct platform *p);

/* A message as JSON (the names of the REST API: camelCase); a new reference. NULL: null. */
json_t *platform_json(const ProtobufCMessage *m);

/* Who makes the commit that is under way and not of the platform's own calls: "anna", or "local". */
struct str platform_actor(const struct platform *p);

/* Projects are cluster-wide resources in the world. NULL: none of that name. */
const struct resource *platform_project(const struct platform *p, struct str name);
/* The project that owns a service (of a namespace); NULL: nobody. */
const struct resource *platform_owner(const struct platform *p, struct str service, struct str ns);

#endif
