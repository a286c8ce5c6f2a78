/* Worlds and translations for the tests of translate. */
#include "world.h"

#include "pb/pb.h"
#include "xdsmsg/types.h"

#include <setjmp.h>

#include <cmocka.h>

const char canary_yaml[] =
    "apiVersion: v1\nkind: Service\nmetadata: {name: kubernetes, namespace: default}\n"
    "spec: {clusterIP: 10.96.0.1, ports: [{name: https, port: 443, targetPort: 6443}]}\n---\n"
    "apiVersion: v1\nkind: Service\nmetadata: {name: k8s-combat-service-istio-mesh}\n"
    "spec:\n  clusterIP: 10.96.116.35\n  selector: {appId: \"12345\"}\n  type: ClusterIP\n  ports:\n"
    "    - {port: 8081, targetPort: 8081, name: app}\n"
    "    - {name: grpc, port: 50051, targetPort: 50051, appProtocol: grpc}\n---\n"
    "apiVersion: v1\nkind: Pod\nmetadata: {name: k8s-combat-service-v1-abc, labels: {app: k8s-combat-service-v1, appId: \"12345\"}}\n"
    "spec: {containers: [{name: c, image: i}]}\n"
    "status: {phase: Running, podIP: 198.18.0.11, conditions: [{type: Ready, status: \"True\"}]}\n---\n"
    "apiVersion: v1\nkind: Pod\nmetadata: {name: k8s-combat-service-v2-abc, labels: {app: k8s-combat-service-v2, appId: \"12345\"}}\n"
    "spec: {containers: [{name: c, image: i}]}\n"
    "status: {phase: Running, podIP: 198.18.0.12, conditions: [{type: Ready, status: \"True\"}]}\n---\n"
    "apiVersion: networking.istio.io/v1alpha3\nkind: DestinationRule\nmetadata: {name: k8s-combat-service-ds}\n"
    "spec:\n  host: k8s-combat-service-istio-mesh\n  subsets:\n"
    "    - {name: v1, labels: {app: k8s-combat-service-v1}}\n"
    "    - {name: v2, labels: {app: k8s-combat-service-v2}}\n";

const char canary_routing_yaml[] =
    "apiVersion: networking.istio.io/v1alpha3\nkind: VirtualService\nmetadata: {name: k8s-combat-service-vs}\n"
    "spec:\n  gateways: [mesh]\n  hosts: [k8s-combat-service-istio-mesh]\n  http:\n"
    "    - name: v1\n      match: [{headers: {version: {exact: '100'}}}]\n"
    "      route: [{destination: {host: k8s-combat-service-istio-mesh, subset: v1}}]\n"
    "    - name: v2\n      match: [{headers: {version: {exact: '200'}}}]\n"
    "      route: [{destination: {host: k8s-combat-service-istio-mesh, subset: v2}}]\n"
    "    - name: default\n      route: [{destination: {host: k8s-combat-service-istio-mesh, subset: v1}}]\n";

const char canary_weights_yaml[] =
    "apiVersion: networking.istio.io/v1alpha3\nkind: VirtualService\nmetadata: {name: k8s-combat-service-vs}\n"
    "spec:\n  gateways: [mesh]\n  hosts: [k8s-combat-service-istio-mesh]\n  http:\n"
    "    - match: [{uri: {exact: /helloworld.Greeter/SayHello}}]\n"
    "      route:\n"
    "        - {destination: {host: k8s-combat-service-istio-mesh, subset: v1}, weight: 10}\n"
    "        - {destination: {host: k8s-combat-service-istio-mesh, subset: v2}, weight: 90}\n"
    "      timeout: 5000ms\n";

const char canary_gateway_yaml[] =
    "apiVersion: v1\nkind: Pod\nmetadata: {name: istio-ingressgateway-x, namespace: istio-system, labels: {app: istio-ingressgateway, istio: ingressgateway}}\n"
    "spec: {containers: [{name: c, image: i}]}\n"
    "status: {phase: Running, podIP: 198.18.0.20, conditions: [{type: Ready, status: \"True\"}]}\n---\n"
    "apiVersion: v1\nkind: Service\nmetadata: {name: istio-ingressgateway, namespace: istio-system}\n"
    "spec:\n  clusterIP: 10.96.50.1\n  selector: {istio: ingressgateway}\n  ports:\n"
    "    - {port: 80, targetPort: 8080, name: http2}\n    - {port: 443, targetPort: 8443, name: https}\n---\n"
    "apiVersion: networking.istio.io/v1alpha3\nkind: Gateway\nmetadata: {name: istio-ingress-gateway, namespace: default}\n"
    "spec:\n  servers:\n    - {port: {number: 80, name: http, protocol: HTTP}, hosts: [www.service1.io]}\n"
    "  selector: {app: istio-ingressgateway, istio: ingressgateway}\n---\n"
    "apiVersion: networking.istio.io/v1alpha3\nkind: VirtualService\nmetadata: {name: k8s-combat-istio-http-vs}\n"
    "spec:\n  gateways: [istio-ingress-gateway]\n  hosts: [www.service1.io]\n  http:\n    - name: default\n"
    "      route: [{destination: {host: k8s-combat-service-istio-mesh, port: {number: 8081}, subset: v1}}]\n";

struct world *world_of(const char *const *yaml, size_t n)
{
    struct config_input in[16];
    assert_true(n <= 16);
    for (size_t i = 0; i < n; i++) in[i] = (struct config_input){ "test.yaml", str_of(yaml[i]) };
    struct config_options opt = { .default_namespace = "default", .no_checks = true };
    struct config_set set = { 0 };
    int rc = config_read(in, n, &opt, &set);
    for (size_t i = 0; i < set.errors.n; i++) {
        char buf[600];
        print_error("%s\n", err_text(&set.errors.v[i], buf, sizeof buf));
    }
    assert_int_equal(rc, 0);
    struct world *empty = world_new(), *w = world_put(empty, set.resources.v, set.resources.n);
    world_unref(empty);
    config_set_free(&set);
    return w;
}

static const ProtobufCMessageDescriptor *descriptor_of(enum tr_type t)
{
    return xdsmsg_descriptor(xdsmsg_type(str_of(tr_type_url(t))), NULL);
}

json_t *translated(const struct world *w, const struct mesh_options *opt, const char *id, const char *generator, enum tr_type type,
                   const char *want)
{
    struct mesh *m = mesh_new(w, opt);
    struct tr_node_claim claim = { .id = str_of(id), .generator = str_of(generator) };
    struct tr_node node;
    struct err e = { 0 };
    struct translation *t = NULL;
    struct str names[1] = { str_of(want) };
    assert_int_equal(tr_node_init(&node, &claim, &e), 0);
    if (translate(m, &node, type, want ? names : NULL, want ? 1 : 0, &t, &e) < 0) fail_msg("%s", e.what);
    mesh_unref(m);
    struct arena a;
    arena_init(&a, 65536, 0);
    json_t *out = json_object();
    const ProtobufCMessageDescriptor *d = descriptor_of(type);
    assert_non_null(d);
    for (size_t i = 0; i < t->n; i++) {
        ProtobufCMessage *msg = pb_unpack(d, t->v[i].data, &a);
        assert_non_null(msg);
        struct buf b = { 0 };
        pb_to_json(msg, &(struct pb_format){ .snake = true, .registry = xdsmsg_descriptor }, 0, &b);
        json_error_t je;
        json_t *j = json_loadb(buf_data(&b), b.len, JSON_DECODE_ANY, &je);
        if (!j) fail_msg("%s: %.*s", je.text, (int)b.len, buf_data(&b));
        char *name = str_dup(t->v[i].name);
        json_object_set_new(out, name, j);
        free(name);
        buf_free(&b);
    }
    arena_free(&a);
    translation_free(t);
    return out;
}

static json_t *step(json_t *j, const char *key)
{
    return json_is_array(j) ? json_array_get(j, strtoul(key, NULL, 10)) : json_object_get(j, key);
}

json_t *at(json_t *j, const char *first, ...)
{
    va_list ap;
    va_start(ap, first);
    for (const char *k = first; k && j; k = va_arg(ap, const char *)) j = step(j, k);
    va_end(ap);
    return j;
}

const char *text_at(json_t *j, const char *first, ...)
{
    va_list ap;
    va_start(ap, first);
    for (const char *k = first; k && j; k = va_arg(ap, const char *)) j = step(j, k);
    va_end(ap);
    return json_is_string(j) ? json_string_value(j) : "";
}
