/* GET /healthz, and weftd's own metrics in Prometheus' text form. */
#include "api/handlers.h"
#include "api/call.h"
#include "api/measured.h"
#include "api/stats.h"
#include "config/types.h"

#include "weft.dev.v1alpha1.pb-c.h"

#include <sys/resource.h>
#include <unistd.h>

void weft_health(struct call *c) { call_respond(c, 200, "text/plain", STR("ok")); }

static void metric(struct buf *b, const char *name, const char *type, const char *help)
{
    buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static uint64_t resident(void)
{
    unsigned long size = 0, pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (!f) return 0;
    if (fscanf(f, "%lu %lu", &size, &pages) != 2) pages = 0;
    fclose(f);
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void process(struct buf *b)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    metric(b, "process_cpu_seconds_total", "counter", "User and system CPU time.");
    buf_printf(b, "process_cpu_seconds_total %.6f\n",
               (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6);
    metric(b, "process_resident_memory_bytes", "gauge", "Resident memory.");
    buf_printf(b, "process_resident_memory_bytes %" PRIu64 "\n", resident());
}

struct sums {
    unsigned state[XDS__N][4];
};

static void add_states(void *arg, const struct xds_proxy_status *p)
{
    struct sums *s = arg;
    for (int t = 0; t < XDS__N; t++) {
        if (p->type[t].subscribed) s->state[t][p->type[t].state]++;
    }
}

static void proxies(struct buf *b, const struct xds_server *sv)
{
    struct sums s = { 0 };
    xds_server_status(sv, add_states, &s);
    metric(b, "weftd_xds_streams", "gauge", "Open xDS streams.");
    buf_printf(b, "weftd_xds_streams %u\n", xds_server_streams(sv));
    const struct xds_server_counts n = xds_server_counts(sv);
    const struct {
        const char *name, *help;
        const uint64_t *of;
    } told[] = { { "weftd_xds_pushes_total", "Answers sent, by type.", n.pushes },
                 { "weftd_xds_acks_total", "Answers that proxies took.", n.acks },
                 { "weftd_xds_nacks_total", "Answers that proxies refused.", n.nacks } };
    for (size_t i = 0; i < ARRAY_LEN(told); i++) {
        metric(b, told[i].name, "counter", told[i].help);
        for (int t = 0; t < XDS__N; t++) buf_printf(b, "%s{type=\"%s\"} %" PRIu64 "\n", told[i].name, xds_types[t].name, told[i].of[t]);
    }
    metric(b, "weftd_xds_proxies", "gauge", "Proxies by resource type and state.");
    for (int t = 0; t < XDS__N; t++) {
        for (int i = 0; i < 4; i++)
            buf_printf(b, "weftd_xds_proxies{type=\"%s\",state=\"%s\"} %u\n", xds_types[t].name, xds_sync_names[i], s.state[t][i]);
    }
}

static struct str phase_of(const struct resource *r)
{
    const Google__Protobuf__Struct *st = ((const Weft__Dev__V1alpha1__Release *)r->msg)->status;
    for (size_t i = 0; st && i < st->n_fields; i++)
        if (st->fields[i]->key && strcmp(st->fields[i]->key, "phase") == 0 && st->fields[i]->value &&
            st->fields[i]->value->kind_case == GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE)
            return str_of(st->fields[i]->value->string_value);
    return STR("new");
}

static void releases(struct buf *b, const struct world *w)
{
    struct resource_list all = world_list(w, KIND_RELEASE);
    struct map by_phase = { 0 };
    for (size_t i = 0; i < all.n; i++) {
        struct str phase = phase_of(all.v[i]);
        map_put(&by_phase, phase, (void *)((uintptr_t)map_get(&by_phase, phase) + 1));
    }
    metric(b, "weftd_releases", "gauge", "Releases by phase.");
    map_foreach (e, &by_phase) buf_printf(b, "weftd_releases{phase=\"%.*s\"} %zu\n", (int)e->key_len, e->key, (size_t)(uintptr_t)e->value);
    map_free(&by_phase, NULL);
}

static void measurements(struct buf *b, const struct measured *m)
{
    const struct telemetry_receiver *r = measured_receiver(m);
    const struct series_counts n = series_counts(measured_series(m));
    static const char *const level[] = { "1s", "10s", "60s" };
    const struct {
        const char *name, *type, *help;
        uint64_t value;
    } plain[] = {
        { "weftd_measurement_streams", "gauge", "Open streams of proxies that report measurements.", r->streams },
        { "weftd_measurement_reporters", "gauge", "Proxies that report, or did lately.", n.reporters },
        { "weftd_measurement_messages_total", "counter", "Reports taken, signs of life included.", r->messages },
        { "weftd_measurement_points_total", "counter", "Lines of reports taken.", n.added },
        { "weftd_measurement_dropped_total", "counter", "Lines of reports that found no room among the series.", r->dropped },
        { "weftd_measurement_refused_total", "counter", "Streams that were not let in, or ended for what they sent.", r->refused },
        { "weftd_measured_requests_total", "counter", "Requests that proxies told of as the caller.", r->requests },
    };
    for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
        metric(b, plain[i].name, plain[i].type, plain[i].help);
        buf_printf(b, "%s %" PRIu64 "\n", plain[i].name, plain[i].value);
    }
    metric(b, "weftd_measurement_series", "gauge", "Series held, by the length of their steps.");
    for (int i = 0; i < 3; i++) buf_printf(b, "weftd_measurement_series{step=\"%s\"} %zu\n", level[i], n.series[i]);
    metric(b, "weftd_measurement_bytes", "gauge", "Memory of their records in use.");
    for (int i = 0; i < 3; i++) buf_printf(b, "weftd_measurement_bytes{step=\"%s\"} %zu\n", level[i], n.bytes[i]);
}

void stats_text(struct controller *c, struct buf *out)
{
    uint64_t meshes, commits, last_us;
    controller_counts(c, &meshes, &commits, &last_us);
    metric(out, "weftd_objects", "gauge", "Objects by kind.");
    for (int i = 0; i < KIND__N; i++) {
        size_t n = world_count(controller_world(c), (enum kind_id)i);
        if (n) buf_printf(out, "weftd_objects{kind=\"%s\"} %zu\n", kind_of((enum kind_id)i)->kind, n);
    }
    metric(out, "weftd_store_version", "gauge", "Newest resourceVersion.");
    buf_printf(out, "weftd_store_version %" PRIu64 "\n", store_version(controller_store(c)));
    metric(out, "weftd_store_bytes", "gauge", "Size of the database file.");
    buf_printf(out, "weftd_store_bytes %" PRIu64 "\n", store_bytes(controller_store(c)));
    metric(out, "weftd_commits_total", "counter", "Commits to the store.");
    buf_printf(out, "weftd_commits_total %" PRIu64 "\n", commits);
    metric(out, "weftd_mesh_builds_total", "counter", "Worlds that were indexed for translation.");
    buf_printf(out, "weftd_mesh_builds_total %" PRIu64 "\n", meshes);
    metric(out, "weftd_mesh_build_seconds", "gauge", "Time that the last one took, comparison with all proxies included.");
    buf_printf(out, "weftd_mesh_build_seconds %.6f\n", (double)last_us / 1e6);
    proxies(out, controller_xds(c));
    measurements(out, controller_measured(c));
    releases(out, controller_world(c));
    stats_write(controller_stats(c), out);
    process(out);
    metric(out, "weftd_oops_total", "counter", "Cannot-happen places that were reached.");
    buf_printf(out, "weftd_oops_total %" PRIu64 "\n", oops_total());
}

void weft_metrics(struct call *c)
{
    struct buf b = { 0 };
    stats_text(c->ctl, &b);
    call_respond(c, 200, STATS_TYPE, buf_str(&b));
    buf_free(&b);
}
