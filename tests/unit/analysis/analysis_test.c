/* src/analysis: small worlds and every finding about them; what `weft analyze` prints for the seeds. */
#include "analysis/analyze.h"

#include <setjmp.h>
#include <cmocka.h>

#define N               "apiVersion: networking.istio.io/v1\n"
#define VS(name, spec)  N "kind: VirtualService\nmetadata: {name: " name "}\nspec: " spec "\n---\n"
#define DR(name, spec)  N "kind: DestinationRule\nmetadata: {name: " name "}\nspec: " spec "\n---\n"
#define GW(name, spec)  N "kind: Gateway\nmetadata: {name: " name "}\nspec: " spec "\n---\n"
#define SVC(name, spec) "apiVersion: v1\nkind: Service\nmetadata: {name: " name "}\nspec: " spec "\n---\n"
#define DEP(name, labels)                                                                                                                  \
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: " name "}\nspec: {selector: {matchLabels: " labels                            \
    "}, template: {metadata: {labels: " labels "}, spec: {containers: [{name: c, image: i}]}}}\n---\n"
#define TRF(name, spec) "apiVersion: weft.dev/v1alpha1\nkind: Traffic\nmetadata: {name: " name "}\nspec: " spec "\n---\n"
#define PRJ(name, spec) "apiVersion: weft.dev/v1alpha1\nkind: Project\nmetadata: {name: " name "}\nspec: " spec "\n---\n"
#define H               SVC("h", "{selector: {app: h}, ports: [{name: http, port: 80}]}") DEP("h", "{app: h}")
#define TO(host)        "route: [{destination: {host: " host "}}]"
#define GWPODS                                                                                                                             \
    DEP("ingress", "{istio: ingressgateway}")                                                                                              \
    SVC("ingress", "{selector: {istio: ingressgateway}, ports: [{name: http, port: 80}, {name: https, port: 443}]}")
#define SRV(hosts) "{port: {number: 80, name: http, protocol: HTTP}, hosts: " hosts "}"
#define SRVTLS     "{port: {number: 443, name: https, protocol: HTTPS}, hosts: ['*'], tls: {mode: SIMPLE, credentialName: cert}}"

static const struct {
    const char *what, *text, *want;
} cases[] = {
    { "all is well", H VS("a", "{hosts: [h], http: [{" TO("h") "}, {" TO("h.default.svc.cluster.local") "}]}"),
      "Warning [IST0130] (VirtualService default/a f:14) VirtualService rule #1 is never reached: rule #0 takes every request\n" },
    { "missing host", VS("a", "{hosts: [h], http: [{" TO("nobody") "}]}"),
      "Error [IST0101] (VirtualService default/a f:4) Referenced host not found: \"nobody\"\n" },
    { "a dot is not expanded", H VS("a", "{hosts: [h], http: [{" TO("h.default") "}]}"),
      "Error [IST0101] (VirtualService default/a f:14) Referenced host not found: \"h.default\"\n" },
    { "Traffic for nothing", TRF("a", "{timeout: 1s}"),
      "Error [WEFT001] (Traffic default/a f:1) There is no service a.default.svc.cluster.local\n" },
    { "Traffic: versions without pods, two for one service",
      H TRF("h", "{versions: [{name: v1, labels: {app: h}}, {name: v2, labels: {app: x}}]}") TRF("i", "{host: h, timeout: 1s}"),
      "Error [WEFT002] (Traffic default/i f:16) Traffic default/h is for h.default.svc.cluster.local too; the older one counts\n"
      "Warning [WEFT004] (Traffic default/h f:14) Version v2 has no pods: no pod of the service has the labels app=x\n" },
    { "Traffic: overlap",
      H DEP("k", "{app: h, v: '1'}") TRF("h", "{versions: [{name: v1, labels: {app: h}}, {name: v2, labels: {v: '1'}}]}"),
      "Error [WEFT005] (Traffic default/h f:19) Versions v1 and v2 overlap: Deployment k belongs to both\n" },
    { "Traffic: conditions that cannot be joined",
      H VS("a", "{hosts: [h], http: [{match: [{headers: {x: {regex: a.*}}}], " TO("h") "}]}")
          TRF("h", "{versions: [{name: v1, labels: {app: h}}], rules: [{match: [{header: x, regex: .*b}], to: v1}]}"),
      "Error [WEFT003] (Traffic default/h f:19) Rule #0 cannot be joined with http[0] of VirtualService default/a: header x: Istio's syntax has "
      "one condition for each header (cookies stand in one), and this one cannot be joined with the one that is there. It has no effect there\n" },
    { "two projects",
      H PRJ("p", "{services: [{name: h, namespace: default}, {name: z, namespace: default}]}")
          PRJ("q", "{services: [{name: h, namespace: default}]}"),
      "Error [WEFT006] (Project q f:19) Service h of namespace default belongs to project p already\n"
      "Warning [WEFT007] (Project p f:14) There is no service z in namespace default\n" },
    { "missing subset", H VS("a", "{hosts: [h], http: [{route: [{destination: {host: h, subset: v9}}]}]}"),
      "Error [IST0101] (VirtualService default/a f:14) Referenced host+subset in destinationrule not found: \"h+v9\"\n" },
    { "subset of a wildcard rule",
      H DR("d", "{host: '*.default.svc.cluster.local', subsets: [{name: v1, labels: {app: h}}]}")
          VS("a", "{hosts: [h], http: [{route: [{destination: {host: h, subset: v1}}]}]}"),
      "" },
    { "missing gateway", H VS("a", "{hosts: [h], gateways: [gw, mesh], http: [{" TO("h") "}]}"),
      "Error [IST0101] (VirtualService default/a f:14) Referenced gateway not found: \"gw\"\n" },
    { "missing mirror", H VS("a", "{hosts: [h], http: [{" TO("h") ", mirror: {host: m}}]}"),
      "Error [IST0101] (VirtualService default/a f:14) Referenced host not found: \"m\"\n" },
    { "a ServiceEntry is a host",
      N "kind: ServiceEntry\nmetadata: {name: e}\nspec: {hosts: ['*.out.io'], ports: [{number: 80, name: http}]}\n---\n" VS(
          "a", "{hosts: [x.out.io], http: [{" TO("x.out.io") "}]}"),
      "" },
    { "gateway without pods", GW("g", "{selector: {istio: none}, servers: [" SRV("['*']") "]}"),
      "Error [IST0101] (Gateway default/g f:4) Referenced selector not found: \"istio=none\"\n" },
    { "missing certificate", GWPODS GW("g", "{selector: {istio: ingressgateway}, servers: [" SRVTLS "]}"),
      "Error [IST0101] (Gateway default/g f:14) Referenced credentialName not found: \"default/cert\"\n" },
    { "bad certificate",
      GWPODS
      "apiVersion: v1\nkind: Secret\nmetadata: {name: cert}\ntype: kubernetes.io/tls\nstringData: {tls.crt: x, tls.key: y}\n---\n" GW(
          "g", "{selector: {istio: ingressgateway}, servers: [" SRVTLS "]}"),
      "Error [IST0161] (Gateway default/g f:20) The certificate Secret default/cert of gateway default/g cannot be used: tls.crt is no PEM certificate\n" },
    { "gateway port that no service has",
      GWPODS GW("g", "{selector: {istio: ingressgateway}, servers: [{port: {number: 81, name: http, protocol: HTTP}, hosts: ['*']}]}"),
      "Warning [IST0162] (Gateway default/g f:14) No service of the pods with istio=ingressgateway has port 81: requests from outside do not get here\n" },
    { "two gateways, one host",
      GWPODS GW("g", "{selector: {istio: ingressgateway}, servers: [" SRV("[a.io]") "]}")
          GW("k", "{selector: {istio: ingressgateway}, servers: [" SRV("['*/a.io']") "]}"),
      "Error [IST0145] (Gateway default/k f:19) Gateway default/g has the same workloads (istio=ingressgateway), port 80 and host a.io; the host belongs to the older one\n" },
    { "host that the gateway does not have",
      GWPODS H GW("g", "{selector: {istio: ingressgateway}, servers: [" SRV("['*.a.io']") "]}")
          VS("a", "{hosts: [x.a.io, b.io], gateways: [g], http: [{" TO("h") "}]}"),
      "Warning [IST0132] (VirtualService default/a f:29) Host b.io of VirtualService a is in no server of gateway default/g\n" },
    { "one host twice in the mesh",
      H VS("a", "{hosts: [h], http: [{" TO("h") "}]}") VS("b", "{hosts: [h.default.svc.cluster.local], http: [{" TO("h") "}]}"),
      "Error [IST0109] (VirtualService default/a f:14) The VirtualServices default/a,default/b claim the same host h.default.svc.cluster.local in the mesh; default/a has it, the others have no effect. Merge them into one\n"
      "Error [IST0109] (VirtualService default/b f:19) The VirtualServices default/a,default/b claim the same host h.default.svc.cluster.local in the mesh; default/a has it, the others have no effect. Merge them into one\n" },
    { "same match twice",
      H VS("a", "{hosts: [h], http: [{match: [{uri: {exact: /a}}, {uri: {exact: /a}}], " TO(
                    "h") "}, {match: [{uri: {exact: /a}, name: x}], " TO("h") "}]}"),
      "Warning [IST0130] (VirtualService default/a f:14) VirtualService rule #1 is never reached: all its matches are in earlier rules\n"
      "Info [IST0131] (VirtualService default/a f:14) VirtualService rule #0: match #1 is the same as one of rule #0 and has no effect\n"
      "Info [IST0131] (VirtualService default/a f:14) VirtualService rule #1: match #0 is the same as one of rule #0 and has no effect\n" },
    { "prefix / takes all",
      H VS("a", "{hosts: [h], http: [{name: first, match: [{uri: {prefix: /}}], " TO("h") "}, {name: second, " TO("h") "}]}"),
      "Warning [IST0130] (VirtualService default/a f:14) VirtualService rule second (#1) is never reached: rule #0 takes every request\n" },
    { "port needed from a gateway",
      GWPODS SVC("two", "{ports: [{name: http-a, port: 8081}, {name: grpc, port: 50051}]}")
          GW("g", "{selector: {istio: ingressgateway}, servers: [" SRV("[a.io]") "]}")
              VS("a", "{hosts: [a.io], gateways: [g], http: [{" TO("two") "}]}"),
      "Error [IST0112] (VirtualService default/a f:24) The destination \"two\" needs a port: its service has 8081, 50051, and none of them is sure to be meant\n" },
    { "no port needed in the mesh",
      SVC("two", "{ports: [{name: http-a, port: 8081}, {name: grpc, port: 50051}]}") VS("a", "{hosts: [two], http: [{" TO("two") "}]}"),
      "" },
    { "port needed from another service",
      H SVC("two", "{ports: [{name: http-a, port: 8081}, {name: grpc, port: 50051}]}") VS("a", "{hosts: [h], http: [{" TO("two") "}]}"),
      "Error [IST0112] (VirtualService default/a f:19) The destination \"two\" needs a port: its service has 8081, 50051, and none of them is sure to be meant\n" },
    { "subset without pods", H DR("d", "{host: h, subsets: [{name: v1, labels: {version: v1}}]}"),
      "Error [IST0173] (DestinationRule default/d f:14) The subset \"v1\" selects no pod of service default/h\n" },
    { "rule for nobody", DR("d", "{host: nobody}"), "Warning [IST0174] (DestinationRule default/d f:4) Unknown host: \"nobody\"\n" },
    { "suppressed",
      N
      "kind: DestinationRule\nmetadata: {name: d, annotations: {galley.istio.io/analyze-suppress: 'IST0101, IST0174'}}\nspec: {host: nobody}\n",
      "" },
    { "port name", SVC("s", "{ports: [{name: app, port: 1}, {name: web, port: 2, appProtocol: http}, {name: grpc-x, port: 3}]}"),
      "Info [IST0118] (Service default/s f:4) The name of port 1 (\"app\") names no protocol, so it is found out from the traffic; set appProtocol, or call it http-app\n" },
    { "services that disagree",
      DEP("d", "{app: h}") SVC("a", "{selector: {app: h}, ports: [{name: http, port: 80, appProtocol: http}]}")
          SVC("b", "{selector: {app: h}, ports: [{name: tcp, port: 80, appProtocol: tcp}]}"),
      "Warning [IST0116] (Deployment default/d f:1) Services a and b both lead to this deployment at port 80, one as http, one as tcp\n" },
    { "services at one target port",
      DEP("d", "{app: h}") SVC("a", "{selector: {app: h}, ports: [{name: http, port: 80}]}")
          SVC("b", "{selector: {app: h}, ports: [{name: http, port: 81, targetPort: 80}]}"),
      "Warning [IST0137] (Deployment default/d f:1) Services a and b lead to the same port 80 of this deployment from different ports, 80 and 81\n" },
};

static char *analyze(const char *text, int *rc)
{
    struct config_input in = { "f", str_of(text) };
    struct buf out = { 0 };
    *rc = analysis_files(&in, 1, NULL, NULL, &out);
    return buf_steal(&out);
}

static void worlds_and_their_findings(void **state)
{
    (void)state;
    size_t wrong = 0;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int rc;
        char *out = analyze(cases[i].text, &rc), kept[4000] = "";
        /* Warnings about kinds that are not carried out are another test's. */
        for (struct str rest = str_of(out); rest.p && rest.n;) {
            struct str line = str_cut(&rest, '\n');
            size_t at = strlen(kept);
            if (str_find(line, STR(": warning: ")) < 0) snprintf(kept + at, sizeof kept - at, "%.*s\n", STR_ARG(line));
        }
        if (strcmp(kept, cases[i].want) != 0 || rc != (strstr(cases[i].want, "Error") ? 1 : 0)) {
            print_error("%s (%d)\n  got  %s\n  want %s\n", cases[i].what, rc, kept, cases[i].want);
            wrong++;
        }
        free(out);
    }
    assert_int_equal(wrong, 0);
}

static void seeds(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        int rc;
        const char *want;
    } files[] = {
        { "istio-mesh.yaml", 0,
          "Info [IST0118] (Service default/k8s-combat-service-istio-mesh istio-mesh.yaml:78) The name of port 8081 (\"app\") names no protocol, so it is found out from the traffic; set appProtocol, or call it http-app\n" },
        { "misindented.yaml", 1, "misindented.yaml:10:1: error: unknown field \"http\"; did you mean spec.http?\n" },
        { "ingress.yaml", 0,
          "ingress.yaml:1:1: warning: Ingress k8s-combat-ingress: this kind (class nginx) is accepted, but not carried out yet\n" },
        { "weights.yaml", 1,
          "Error [IST0101] (VirtualService default/k8s-combat-service-vs weights.yaml:16) Referenced host not found: \"k8s-combat-service-istio-mesh\"\n"
          "Error [IST0101] (VirtualService default/k8s-combat-service-vs weights.yaml:20) Referenced host not found: \"k8s-combat-service-istio-mesh\"\n" },
    };
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        char path[600];
        snprintf(path, sizeof path, "%s/%s", SEED_DIR, files[i].file);
        FILE *f = fopen(path, "re");
        assert_non_null(f);
        char text[8192];
        size_t n = fread(text, 1, sizeof text - 1, f);
        text[n] = 0;
        fclose(f);
        struct config_input in = { files[i].file, str_make(text, n) };
        struct buf out = { 0 };
        int rc = analysis_files(&in, 1, NULL, NULL, &out);
        char *got = buf_steal(&out);
        assert_string_equal(got, files[i].want);
        assert_int_equal(rc, files[i].rc);
        free(got);
    }
}

static void only_what_was_applied(void **state)
{
    (void)state;
    struct errs errs = { 0 };
    struct resource *a = config_read_text(STR(DR("a", "{host: x}")), "f", NULL, &errs, NULL),
                    *b = config_read_text(STR(DR("b", "{host: y}")), "f", NULL, &errs, NULL);
    struct world *empty = world_new(), *w = world_put(empty, (struct resource *[]){ a, b }, 2);
    struct analysis_list l = { 0 };
    analysis_run(w, &l);
    assert_int_equal(l.n, 2);
    analysis_only(&l, &b, 1);
    assert_int_equal(l.n, 1);
    assert_string_equal(l.v[0].resource->name, "b");
    analysis_free(&l);
    world_unref(w);
    world_unref(empty);
    resource_unref(a);
    resource_unref(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(worlds_and_their_findings), cmocka_unit_test(seeds),
                                        cmocka_unit_test(only_what_was_applied) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
