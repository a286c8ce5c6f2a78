/* What Kubernetes' API server fills in on admission, as far as Weft reads it, so that everything behind this file sees one form. */
#include "config/internal.h"

#include "config/labels.h"

static char *dup(struct resource *r, const char *s) { return arena_strndup(&r->arena, s, strlen(s)); }

static void set_text(struct resource *r, char **slot, const char *value)
{
    if (!*slot || !**slot) *slot = dup(r, value);
}

#define SET(msg, field, val)                                                                                                               \
    do {                                                                                                                                   \
        if (!(msg)->has_##field) {                                                                                                         \
            (msg)->has_##field = 1;                                                                                                        \
            (msg)->field = (val);                                                                                                          \
        }                                                                                                                                  \
    } while (0)

static IntOrString *int_or_string(struct resource *r, int n, const char *text)
{
    IntOrString *v = (IntOrString *)pb_new(&k8s__io__apimachinery__pkg__util__intstr__int_or_string__descriptor, &r->arena);
    v->has_type = 1;
    v->type = text != NULL;
    v->has_int_val = !text;
    v->int_val = n;
    if (text) v->str_val = dup(r, text);
    return v;
}

static void service(struct resource *r, K8sService *s)
{
    set_text(r, &s->spec->type, "ClusterIP");
    set_text(r, &s->spec->session_affinity, "None");
    bool external = strcmp(s->spec->type, "ExternalName") == 0;
    if (!external) set_text(r, &s->spec->internal_traffic_policy, "Cluster");
    for (size_t i = 0; i < s->spec->n_ports; i++) {
        K8sServicePort *p = s->spec->ports[i];
        set_text(r, &p->protocol, "TCP");
        bool unset = !p->target_port ||
                     (p->target_port->type == 1 ? !p->target_port->str_val || !*p->target_port->str_val : p->target_port->int_val == 0);
        if (unset) p->target_port = int_or_string(r, p->port, NULL);
    }
}

static void probe(struct resource *r, K8sProbe *p)
{
    if (!p) return;
    SET(p, timeout_seconds, 1);
    SET(p, period_seconds, 10);
    SET(p, success_threshold, 1);
    SET(p, failure_threshold, 3);
    if (p->http_get) {
        set_text(r, &p->http_get->path, "/");
        set_text(r, &p->http_get->scheme, "HTTP");
    }
}

static void containers(struct resource *r, K8sContainer **c, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < c[i]->n_ports; k++) set_text(r, &c[i]->ports[k]->protocol, "TCP");
        probe(r, c[i]->liveness_probe);
        probe(r, c[i]->readiness_probe);
        probe(r, c[i]->startup_probe);
    }
}

static void pod_spec(struct resource *r, K8sPodSpec *s)
{
    if (!s) return;
    set_text(r, &s->restart_policy, "Always");
    set_text(r, &s->dns_policy, "ClusterFirst");
    SET(s, termination_grace_period_seconds, 30);
    containers(r, s->containers, s->n_containers);
    containers(r, s->init_containers, s->n_init_containers);
}

static void deployment(struct resource *r, K8sDeployment *d)
{
    SET(d->spec, replicas, 1);
    SET(d->spec, revision_history_limit, 10);
    SET(d->spec, progress_deadline_seconds, 600);
    if (!d->spec->strategy) d->spec->strategy = (void *)pb_new(&k8s__io__api__apps__v1__deployment_strategy__descriptor, &r->arena);
    set_text(r, &d->spec->strategy->type, "RollingUpdate");
    if (strcmp(d->spec->strategy->type, "RollingUpdate") == 0) {
        K8s__Io__Api__Apps__V1__RollingUpdateDeployment **ru = &d->spec->strategy->rolling_update;
        if (!*ru) *ru = (void *)pb_new(&k8s__io__api__apps__v1__rolling_update_deployment__descriptor, &r->arena);
        if (!(*ru)->max_unavailable) (*ru)->max_unavailable = int_or_string(r, 0, "25%");
        if (!(*ru)->max_surge) (*ru)->max_surge = int_or_string(r, 0, "25%");
    }
    if (d->spec->template_) pod_spec(r, d->spec->template_->spec);
}

static void replica_set(struct resource *r, K8sReplicaSet *s)
{
    SET(s->spec, replicas, 1);
    if (s->spec->template_) pod_spec(r, s->spec->template_->spec);
}

static int by_key(const void *a, const void *b)
{
    return strcmp((*(K8s__Io__Api__Core__V1__Secret__DataEntry *const *)a)->key,
                  (*(K8s__Io__Api__Core__V1__Secret__DataEntry *const *)b)->key);
}

/* stringData is write-only: it becomes data, whose keys stay in order. */
static void secret(struct resource *r, K8sSecret *s)
{
    set_text(r, &s->type, "Opaque");
    size_t n = s->n_data;
    K8s__Io__Api__Core__V1__Secret__DataEntry **data =
        arena_array(&r->arena, K8s__Io__Api__Core__V1__Secret__DataEntry *, n + s->n_string_data + 1);
    if (n) memcpy(data, s->data, n * sizeof *data);
    for (size_t i = 0; i < s->n_string_data; i++) {
        K8s__Io__Api__Core__V1__Secret__DataEntry *e = NULL;
        for (size_t k = 0; k < n && !e; k++)
            if (strcmp(data[k]->key, s->string_data[i]->key) == 0) e = data[k];
        if (!e) {
            e = data[n++] = (void *)pb_new(&k8s__io__api__core__v1__secret__data_entry__descriptor, &r->arena);
            e->key = s->string_data[i]->key;
        }
        const char *text = s->string_data[i]->value ? s->string_data[i]->value : "";
        e->has_value = 1;
        e->value = (ProtobufCBinaryData){ strlen(text), (uint8_t *)dup(r, text) };
    }
    if (n) qsort(data, n, sizeof *data, by_key);
    s->data = data;
    s->n_data = n;
    s->n_string_data = 0;
}

void config_defaults(struct resource *r, const char *default_namespace)
{
    ObjectMeta *m = r->meta;
    if (r->kind->namespaced) {
        set_text(r, &m->namespace_, default_namespace ? default_namespace : "default");
        r->ns = m->namespace_;
    }
    switch (r->kind->id) {
    case KIND_SERVICE: service(r, as_service(r)); break;
    case KIND_DEPLOYMENT: deployment(r, as_deployment(r)); break;
    case KIND_REPLICA_SET: replica_set(r, as_replica_set(r)); break;
    case KIND_POD: pod_spec(r, as_pod(r)->spec); break;
    case KIND_SECRET: secret(r, as_secret(r)); break;
    default: break; /* Istio's defaults are part of its semantics and applied where the field is read */
    }
}
