/* Live events for pages and programs: one ring, any number of watchers that read it at their own pace. */
#ifndef WEFT_API_PLATFORM_EVENTS_H
#define WEFT_API_PLATFORM_EVENTS_H

#include "base/str.h"
#include "net/loop.h"

struct events;
struct preq;

/* Newest kept events: after a reconnect nothing is missing. */
#define EVENTS_RING 16384

struct events *events_new(struct loop *l);
void events_free(struct events *ev); /* watchers are cut off */

/* An event that every watcher with the right sees, and that a reconnecting one is given again. project n = 0: for all who are
 * signed in; "~": for operators only. json: the whole object in one line, copied. */
void events_publish(struct events *ev, const char *type, struct str project, struct str json);
/* Figures that the next ones replace: a watcher that is slow sees the newest of each key only, and a reconnecting one the newest. */
void events_live(struct events *ev, const char *type, struct str project, struct str key, struct str json);
/* Drops the newest of a key: its object is gone. */
void events_forget(struct events *ev, const char *type, struct str key);
/* Somebody watches figures of that type of the project: they are worth making. Live events go to watchers that asked for their project
 * (?project=), those with project n = 0 to all; both only to watchers that did not restrict themselves to other types (?types=a,b). */
bool events_watched(const struct events *ev, const char *type, struct str project);
/* Cuts the watchers off whose person, session or token it is: their rights are gone. */
void events_cut(struct events *ev, struct str user, struct str session, struct str token);
size_t events_watchers(const struct events *ev);
/* Seq of the newest. */
uint64_t events_seq(const struct events *ev);

/* GET /events: the call becomes a watcher until its peer leaves. */
void events_serve(struct preq *q);

#endif
