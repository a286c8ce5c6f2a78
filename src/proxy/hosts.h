/* Inside proxy: the hosts of a cluster from an assignment or from DNS. */
#ifndef WEFT_PROXY_HOSTS_H
#define WEFT_PROXY_HOSTS_H

#include "proxy/build.h"

/* Fills hosts, localities, priorities, drops and dns of a cluster that is otherwise done. */
int hosts_build(struct cluster *c, const struct cluster_inputs *in, struct build *b, struct err *e);
void cluster_shared_unref(struct cluster_shared *c);

#endif
