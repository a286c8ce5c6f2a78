/* Traffic, Release, Project: what is refused, each with the field's path in front; and what is fine. */
#include "config/read.h"

#include <setjmp.h>

#include <cmocka.h>

#define V "versions: [{name: v1, labels: {v: '1'}}, {name: v2, labels: {v: '2'}}], "

static const struct {
    const char *kind, *spec, *want; /* "" none; else errors and warnings, one a line */
} cases[] = {
    { "Traffic", "{}", "" },
    { "Traffic", "{" V "split: {v1: 95, v2: 5}, rules: [{name: r, match: [{header: x, exact: a}, {cookie: c}], to: v2}]}", "" },
    { "Traffic", "{" V "split: {v1: 99.99, v2: 0.01}, sticky: {cookie: u}, timeout: 0s, mirror: {to: v2}}", "" },
    { "Traffic", "{host: '*.a'}", "spec.host: \"*.a\" is no host name" },
    { "Traffic", "{versions: [{labels: {a: b}}]}", "spec.versions[0].name: is missing" },
    { "Traffic", "{versions: [{name: V1, labels: {a: b}}]}", "spec.versions[0].name: \"V1\" is no valid name" },
    { "Traffic", "{versions: [{name: v1}]}", "spec.versions[0].labels: is missing" },
    { "Traffic", "{versions: [{name: v1, labels: {a: b}}, {name: v1, labels: {a: c}}]}", "spec.versions[1].name: \"v1\" is there already" },
    { "Traffic", "{versions: [{name: v1, labels: {a: b}}, {name: v2, labels: {a: b}}]}",
      "spec.versions[1].labels: the same as those of v1" },
    { "Traffic", "{versions: [{name: v1, labels: {a: 'b c'}}]}", "spec.versions[0].labels[a]: \"b c\" is no label value" },
    { "Traffic", "{" V "split: {v1: 90, v2: 5}}", "spec.split: the shares add up to 95, not to 100" },
    { "Traffic", "{" V "split: {v1: 90, v3: 10}}", "spec.split.v3: there is no version \"v3\"" },
    { "Traffic", "{" V "split: {v1: 99.999, v2: 0.001}}",
      "spec.split.v1: 99.999 has more than two decimals\nspec.split.v2: 0.001 has more than two decimals" },
    { "Traffic", "{" V "split: {v1: 101, v2: -1}}",
      "spec.split.v1: 101 is no percentage, expected 0 to 100\nspec.split.v2: -1 is no percentage, expected 0 to 100" },
    { "Traffic", "{split: {v1: 100}}", "spec.split.v1: there is no version \"v1\"" },
    { "Traffic", "{" V "sticky: {}}", "spec.sticky: one of header, metadata, cookie and query is needed" },
    { "Traffic", "{" V "sticky: {header: a, cookie: b}}",
      "spec.sticky.cookie: there is header already; one of header, metadata, cookie and query is allowed" },
    { "Traffic", "{" V "rules: [{match: [{header: 'a b'}], to: v2}]}", "spec.rules[0].match[0].header: \"a b\" is no header name" },
    { "Traffic", "{" V "rules: [{match: [{header: a, exact: x, regex: y}], to: v2}]}",
      "spec.rules[0].match[0]: only one of exact, prefix, regex and present is allowed" },
    { "Traffic", "{" V "rules: [{match: [{header: a, regex: '('}], to: v2}]}",
      "spec.rules[0].match[0].regex: \"(\" is no RE2 pattern: a ( is not closed" },
    { "Traffic", "{" V "rules: [{match: [{query: a, not: true}], to: v2}]}",
      "spec.rules[0].match[0].not: only a header or metadata can be asked not to be so" },
    { "Traffic", "{" V "rules: [{match: [{cookie: a}, {cookie: b}], to: v2}]}",
      "spec.rules[0].match[1]: match[0] asks for header cookie already" },
    { "Traffic", "{" V "rules: [{match: [{header: a, exact: ''}], to: v2}]}", "spec.rules[0].match[0].exact: is empty" },
    { "Traffic", "{" V "rules: [{match: [{header: a, present: false}], to: v2}]}", "spec.rules[0].match[0].present: false has no meaning" },
    { "Traffic", "{" V "rules: [{match: [{metadata: a-bin}], to: v2}]}",
      "spec.rules[0].match[0].metadata: \"a-bin\" is binary (-bin) metadata, which cannot be matched" },
    { "Traffic", "{" V "rules: [{match: [{}], to: v2}]}", "spec.rules[0].match[0]: one of header, metadata, cookie and query is needed" },
    { "Traffic", "{" V "rules: [{match: [{header: a}]}]}", "spec.rules[0].to: is missing" },
    { "Traffic", "{" V "rules: [{match: [{header: a}], to: v9}]}", "spec.rules[0].to: there is no version \"v9\"" },
    { "Traffic", "{" V "rules: [{name: r, match: [{header: a}], to: v1}, {name: r, match: [{header: b}], to: v1}]}",
      "spec.rules[1].name: \"r\" is there already" },
    { "Traffic", "{" V "rules: [{to: v1}, {match: [{header: b}], to: v1}]}",
      "spec.rules[0]: it has no match, so the rules behind it are never reached" },
    { "Traffic", "{" V "rules: [{users: {percent: 120, by: {header: a}}, to: v2}]}",
      "spec.rules[0].users.percent: 120 is no percentage, expected 0 to 100" },
    { "Traffic", "{" V "rules: [{users: {percent: 5}, to: v2}]}", "spec.rules[0].users.by: is missing" },
    { "Traffic", "{" V "sticky: {cookie: x}, rules: [{users: {percent: 5, by: {header: a}}, to: v2}]}",
      "spec.rules[0].users.by: another attribute than spec.sticky" },
    { "Traffic", "{timeout: 0.0001s}", "spec.timeout: 0.000100s is too short, 1ms is the least" },
    { "Traffic", "{retries: {}}", "spec.retries.attempts: is missing" },
    { "Traffic", "{retries: {attempts: 50}}", "spec.retries.attempts: 50 is too many, at most 10" },
    { "Traffic", "{retries: {attempts: 2, on: [5xx, '503', unavailble]}}", "spec.retries.on[2]: \"unavailble\" is no known condition" },
    { "Traffic", "{retries: {attempts: 2, perTryTimeout: -1s}}", "spec.retries.perTryTimeout: -1s is negative" },
    { "Traffic", "{faults: [{until: '2030-01-01T00:00:00Z'}]}", "spec.faults[0]: one of delay, httpStatus and grpcStatus is needed" },
    { "Traffic", "{faults: [{delay: 1s}]}", "spec.faults[0].until: is missing, so the fault stays until somebody takes it out" },
    { "Traffic", "{faults: [{httpStatus: 99, until: '2030-01-01T00:00:00Z'}]}",
      "spec.faults[0].httpStatus: 99 is no status, expected 200 to 599" },
    { "Traffic", "{faults: [{grpcStatus: NOPE, until: '2030-01-01T00:00:00Z'}]}", "spec.faults[0].grpcStatus: \"NOPE\" is no gRPC status" },
    { "Traffic", "{faults: [{httpStatus: 500, grpcStatus: INTERNAL, until: '2030-01-01T00:00:00Z'}]}",
      "spec.faults[0].grpcStatus: there is httpStatus already; a request ends in one way" },
    { "Traffic", "{faults: [{delay: 1s, percent: 0, until: '2030-01-01T00:00:00Z'}]}",
      "spec.faults[0].percent: 0 is no percentage, expected more than 0, up to 100" },
    { "Traffic", "{" V "mirror: {to: v5}}", "spec.mirror.to: there is no version \"v5\"" },
    { "Traffic", "{" V "mirror: {percent: 5}}", "spec.mirror.to: is missing" },

    { "Release", "{service: s, to: v2, strategy: gray}", "" },
    { "Release",
      "{service: s, from: v1, to: v2, steps: [{match: [{match: [{header: a}]}]}, {weight: 10, bake: 1m, checks: [errors]}, {weight: 100}]}",
      "" },
    { "Release", "{to: v2, strategy: gray}", "spec.service: is missing" },
    { "Release", "{service: s, strategy: gray}", "spec.to: is missing" },
    { "Release", "{service: s, from: v2, to: v2, strategy: gray}", "spec.to: \"v2\" is where the traffic comes from" },
    { "Release", "{service: s, to: v2}", "spec: strategy or steps is needed" },
    { "Release", "{service: s, to: v2, strategy: grey}",
      "spec.strategy: \"grey\" is none of gray, progressive, blue-green, mirror-first, fast-track, custom" },
    { "Release", "{service: s, to: v2, steps: [{weight: 101}]}", "spec.steps[0].weight: 101 is no percentage, expected 0 to 100" },
    { "Release", "{service: s, to: v2, steps: [{}]}", "spec.steps[0]: it does nothing; match, weight or mirror is needed" },
    { "Release", "{service: s, to: v2, steps: [{weight: 1, checks: [mine]}]}",
      "spec.steps[0].checks[0]: \"mine\" is none of errors, latency-p50, latency-p90, latency-p99, split" },
    { "Release", "{service: s, to: v2, steps: [{weight: 1, scale: {}}]}", "spec.steps[0].scale.replicas: expected 1 to 1000" },
    { "Release", "{service: s, to: v2, steps: [{weight: 1, webhook: {url: 'ftp://a'}}]}",
      "spec.steps[0].webhook.url: \"ftp://a\" is no http or https address" },
    { "Release", "{service: s, to: v2, steps: [{weight: 1, approval: {role: boss, count: 0}}]}",
      "spec.steps[0].approval.role: \"boss\" is none of releaser, owner\nspec.steps[0].approval.count: 0 is out of range, expected 1 to 10" },
    { "Release", "{service: s, to: v2, steps: [{weight: 1, evidence: some}]}",
      "spec.steps[0].evidence: \"some\" is none of required, time" },
    { "Release", "{service: s, to: v2, strategy: gray, inconclusive: x, supersede: y}",
      "spec.inconclusive: \"x\" is none of hold, advance, rollback\nspec.supersede: \"y\" is none of stop, queue, refuse" },
    { "Release", "{service: s, to: v2, strategy: gray, analysis: {falseAlarm: 0, errorsRatio: 0.5}}",
      "spec.analysis.falseAlarm: 0 is out of range, expected 0.001 to 50\nspec.analysis.errorsRatio: 0.5 is out of range, expected 1 to 100" },
    { "Release", "{service: s, to: v2, strategy: gray, analysis: {metrics: [{name: m}]}}",
      "spec.analysis.metrics[0]: one of mesh and prometheus is needed\nspec.analysis.metrics[0]: min or max is needed" },
    { "Release", "{service: s, to: v2, strategy: gray, analysis: {metrics: [{name: m, prometheus: 'http://p', max: 1, min: 2}]}}",
      "spec.analysis.metrics[0].query: is missing\nspec.analysis.metrics[0].max: 1 is below min (2)" },

    { "Project", "{title: T, members: [{user: ann, role: owner}], services: [{name: s, namespace: default}]}", "" },
    { "Project", "{members: [{user: ann, role: boss}, {role: owner}, {user: ann, role: viewer}]}",
      "spec.members[0].role: \"boss\" is none of viewer, developer, releaser, owner\nspec.members[1].user: is missing\n"
      "spec.members[2].user: \"ann\" is there already" },
    { "Project", "{environments: [{name: prod}]}", "spec.environments[0].namespace: is missing" },
    { "Project", "{services: [{name: s, namespace: d}, {name: s, namespace: d}]}", "spec.services[1].name: \"s\" of d is there already" },
    { "Project", "{guardRails: {maxFirstStep: 0, maxStep: 200}}",
      "spec.guardRails.maxFirstStep: 0 is no percentage, expected more than 0, up to 100\n"
      "spec.guardRails.maxStep: 200 is no percentage, expected more than 0, up to 100" },
    { "Project", "{guardRails: {freezes: [{}]}}", "spec.guardRails.freezes[0]: days, from and to, or start and end are needed" },
    { "Project", "{guardRails: {freezes: [{days: [Fri], from: '18:00', to: '08:00', timeZone: Asia/Shanghai}]}}", "" },
    { "Project", "{guardRails: {freezes: [{days: [Friday], from: '25:00', to: '08:00'}]}}",
      "spec.guardRails.freezes[0].days[0]: \"Friday\" is none of Mon, Tue, Wed, Thu, Fri, Sat, Sun\n"
      "spec.guardRails.freezes[0].from: is no time: 25:00" },
    { "Project", "{guardRails: {freezes: [{start: '2030-01-02T00:00:00Z', end: '2030-01-01T00:00:00Z', running: go}]}}",
      "spec.guardRails.freezes[0].running: \"go\" is none of hold, finish\nspec.guardRails.freezes[0].end: it is not after start" },
    { "Project", "{limits: {namespaces: [A]}}", "spec.limits.namespaces[0]: \"A\" is no valid name" },
};

static void append(char *to, size_t n, const struct errs *l)
{
    for (size_t i = 0; i < l->n; i++) {
        size_t at = strlen(to);
        snprintf(to + at, n - at, "%s%s", at ? "\n" : "", l->v[i].what);
    }
}

static void rules(void **state)
{
    int bad = 0;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *text = xasprintf("apiVersion: weft.dev/v1alpha1\nkind: %s\nmetadata: {name: a}\nspec: %s\n", cases[i].kind, cases[i].spec),
             got[2000] = "";
        struct config_input in = { "f", str_of(text) };
        struct config_set set = { 0 };
        config_read(&in, 1, &(struct config_options){ 0 }, &set);
        append(got, sizeof got, &set.errors);
        append(got, sizeof got, &set.warnings);
        if (strcmp(got, cases[i].want) != 0 && ++bad)
            print_error("%s %s\nwant %s\ngot  %s\n", cases[i].kind, cases[i].spec, cases[i].want, got);
        config_set_free(&set);
        free(text);
    }
    assert_int_equal(bad, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(rules) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
