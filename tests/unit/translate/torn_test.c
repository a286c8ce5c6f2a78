/* Resources with holes: any field may be missing, any list shorter, in what a store gives back or a validation let through.
 * Translation must leave out what it cannot carry out, never fall over. */
#include "world.h"

#include "base/rng.h"
#include "pb/pb.h"

#include <setjmp.h>

#include <cmocka.h>

static const char wide_yaml[] =
    "apiVersion: v1\nkind: Service\nmetadata: {name: web}\n"
    "spec: {clusterIP: 10.96.1.1, selector: {appId: \"12345\"}, ports: [{name: http, port: 80, targetPort: main}, {name: tcp-x, port: 9000}]}\n---\n"
    "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: e}\n"
    "spec: {hosts: [db.example.com], addresses: [240.0.0.5], ports: [{number: 3306, name: tcp, protocol: TCP}], resolution: STATIC,"
    " endpoints: [{address: 192.0.2.7, locality: r1/z1, weight: 3, ports: {tcp: 1}, labels: {a: b}}]}\n---\n"
    "apiVersion: v1\nkind: Secret\nmetadata: {name: cert, namespace: istio-system}\ntype: kubernetes.io/tls\ndata: {tls.crt: Q0VSVA==, tls.key: S0VZ, ca.crt: Q0E=}\n---\n"
    "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: secure, namespace: default}\n"
    "spec:\n  selector: {istio: ingressgateway}\n  servers:\n"
    "    - {port: {number: 443, name: https, protocol: HTTPS}, hosts: [a.io], tls: {mode: MUTUAL, credentialName: cert, subjectAltNames: [x]}}\n"
    "    - {port: {number: 443, name: pass, protocol: TLS}, hosts: [p.io], tls: {mode: PASSTHROUGH}}\n"
    "    - {port: {number: 9000, name: tcp, protocol: TCP}, hosts: ['*']}\n---\n"
    "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: web}\n"
    "spec:\n  host: web\n  trafficPolicy:\n    loadBalancer: {consistentHash: {httpCookie: {name: c, ttl: 10s}}}\n"
    "    connectionPool: {tcp: {maxConnections: 5, connectTimeout: 1s, tcpKeepalive: {time: 10s}}, http: {http1MaxPendingRequests: 3, idleTimeout: 5s, http2KeepAlive: {interval: 1s}}}\n"
    "    outlierDetection: {consecutive5xxErrors: 3, interval: 1s}\n    retryBudget: {percent: 30}\n    tls: {mode: MUTUAL, clientCertificate: a, privateKey: b}\n"
    "    portLevelSettings: [{port: {number: 9000}, loadBalancer: {simple: ROUND_ROBIN, warmup: {duration: 30s}}}]\n"
    "  subsets: [{name: s, labels: {a: b}, trafficPolicy: {loadBalancer: {simple: RANDOM}}}]\n---\n"
    "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: d}\nspec: {http: [{match: [{uri: {prefix: /d/e}, headers: {h: {exact: x}}}], directResponse: {status: 200}}]}\n---\n"
    "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: web}\n"
    "spec:\n  hosts: [web, a.io, p.io]\n  gateways: [mesh, secure]\n  http:\n"
    "  - {match: [{uri: {prefix: /d}}], delegate: {name: d}}\n"
    "  - match: [{uri: {regex: '/r.*'}, method: {exact: GET}, headers: {a: {regex: 'x+'}, b: {}}, queryParams: {q: {exact: '1'}}, withoutHeaders: {z: {exact: y}}, sourceLabels: {app: k8s-combat-service-v1}}]\n"
    "    route: [{destination: {host: web, port: {number: 80}}, weight: 10, headers: {request: {set: {a: b, host: c}}}}, {destination: {host: web, subset: s}, weight: 90}]\n"
    "    fault: {delay: {fixedDelay: 1s, percentage: {value: 1}}, abort: {grpcStatus: UNAVAILABLE, percentage: {value: 1}}}\n"
    "    retries: {attempts: 3, perTryTimeout: 1s, retryOn: '5xx,503', backoff: 50ms}\n"
    "    mirrors: [{destination: {host: web}, percentage: {value: 3}}]\n"
    "    corsPolicy: {allowOrigins: [{exact: 'http://a'}], allowMethods: [GET], maxAge: 60s}\n    rewrite: {uriRegexRewrite: {match: a, rewrite: b}}\n"
    "  - {match: [{uri: {prefix: /red}}], redirect: {uri: /x, redirectCode: 308}}\n"
    "  - {match: [{uri: {prefix: /dir}}], directResponse: {status: 418, body: {string: hi}}}\n"
    "  tcp: [{match: [{port: 9000}], route: [{destination: {host: web}, weight: 50}, {destination: {host: web, port: {number: 80}}, weight: 50}]}]\n"
    "  tls: [{match: [{sniHosts: [p.io]}], route: [{destination: {host: web, port: {number: 80}}}]}]\n";

static void tear(ProtobufCMessage *m, struct rng *r, unsigned one_in);

static void tear_repeated(void *field, size_t *n, const ProtobufCFieldDescriptor *f, struct rng *r, unsigned one_in)
{
    if (*n && rng_below(r, one_in) == 0) *n = rng_below(r, *n);
    if (f->type != PROTOBUF_C_TYPE_MESSAGE) return;
    for (size_t i = 0; i < *n; i++) tear((*(ProtobufCMessage ***)field)[i], r, one_in);
}

/* Takes fields away at random. Keys of maps and members of a oneof stay: neither can be missing on the wire. */
static void tear(ProtobufCMessage *m, struct rng *r, unsigned one_in)
{
    for (unsigned i = 0; i < m->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];
        char *at_field = (char *)m + f->offset, *quantifier = (char *)m + f->quantifier_offset;
        if (f->label == PROTOBUF_C_LABEL_REPEATED) {
            tear_repeated(at_field, (size_t *)(void *)quantifier, f, r, one_in);
        } else if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
            if (*(unsigned *)(void *)quantifier == f->id && f->type == PROTOBUF_C_TYPE_MESSAGE)
                tear(*(ProtobufCMessage **)(void *)at_field, r, one_in);
        } else if (f->type == PROTOBUF_C_TYPE_MESSAGE || f->type == PROTOBUF_C_TYPE_STRING) {
            void **p = (void **)(void *)at_field;
            if (rng_below(r, one_in) == 0 && strcmp(f->name, "key") != 0)
                *p = NULL;
            else if (*p && f->type == PROTOBUF_C_TYPE_MESSAGE)
                tear(*p, r, one_in);
        } else if (rng_below(r, one_in) == 0 && f->quantifier_offset) {
            *(protobuf_c_boolean *)quantifier = 0;
            memset(at_field, 0,
                   f->type == PROTOBUF_C_TYPE_INT64 || f->type == PROTOBUF_C_TYPE_UINT64 || f->type == PROTOBUF_C_TYPE_DOUBLE ? 8 : 4);
        }
    }
}

static struct world *torn(const struct world *w, struct rng *r, unsigned one_in)
{
    struct world *out = world_new();
    for (int k = 0; k < KIND__N; k++) {
        struct resource_list l = world_list(w, (enum kind_id)k);
        for (size_t i = 0; i < l.n; i++) {
            struct arena a;
            arena_init(&a, 8192, 0);
            ProtobufCMessage *m = pb_copy(l.v[i]->msg, &a);
            for (unsigned f = 0; f < m->descriptor->n_fields; f++) { /* everything but the metadata */
                const ProtobufCFieldDescriptor *d = &m->descriptor->fields[f];
                void **p = (void **)(void *)((char *)m + d->offset);
                if (d->type == PROTOBUF_C_TYPE_MESSAGE && d->label != PROTOBUF_C_LABEL_REPEATED && strcmp(d->name, "metadata") != 0 && *p)
                    tear(*p, r, one_in);
            }
            struct resource *made = resource_make((enum kind_id)k, m, NULL);
            struct world *next = world_put(out, &made, 1);
            world_unref(out);
            out = next;
            resource_unref(made);
            arena_free(&a);
        }
    }
    return out;
}

static void translate_all(const struct world *w)
{
    static const struct {
        const char *id, *generator;
    } nodes[] = { { SIDECAR_V1, "" }, { ROUTER, "" }, { "x", "grpc" } };
    struct mesh *m = mesh_new(w, NULL);
    for (size_t i = 0; i < ARRAY_LEN(nodes); i++)
        for (int t = 0; t < TR__N; t++) {
            struct tr_node n;
            struct err e;
            struct translation *tr;
            assert_int_equal(
                tr_node_init(&n, &(struct tr_node_claim){ .id = str_of(nodes[i].id), .generator = str_of(nodes[i].generator) }, &e), 0);
            assert_int_equal(translate(m, &n, (enum tr_type)t, NULL, 0, &tr, &e), 0);
            for (size_t k = 0; k < tr->n; k++)
                for (size_t j = 0; j < k; j++)
                    if (str_eq(tr->v[k].name, tr->v[j].name)) fail_msg("twice: %.*s", STR_ARG(tr->v[k].name));
            translation_free(tr);
        }
    mesh_unref(m);
}

static void holes(void **state)
{
    struct world *w = WORLD(canary_yaml, canary_routing_yaml, canary_gateway_yaml, wide_yaml);
    translate_all(w);
    struct rng r;
    rng_seed_fixed(&r, 1);
    for (unsigned i = 0; i < 400; i++) {
        struct world *t = torn(w, &r, 3 + i % 40);
        translate_all(t);
        world_unref(t);
    }
    world_unref(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(holes) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
