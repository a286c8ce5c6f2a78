#include "node/intercept.h"

#include <nftables/libnftables.h>

/* Ports of the sidecar that are never redirected: merged metrics, health, Prometheus (istio-iptables -d). */
static const uint16_t sidecar_ports[] = { 15020, 15021, 15090 };

static void ports(struct buf *out, const uint16_t *fixed, size_t fixed_n, const uint16_t *more, size_t n)
{
    if (fixed_n + n == 0) return;
    const char *sep = "";
    buf_puts(out, "  tcp dport { ");
    for (size_t i = 0; i < fixed_n + n; i++, sep = ", ") {
        buf_printf(out, "%s%u", sep, i < fixed_n ? fixed[i] : more[i - fixed_n]);
    }
    buf_puts(out, " } accept\n");
}

void intercept_rules(const struct intercept *c, struct buf *out)
{
    const char *own[] = { "meta mark 1337", "meta skuid 1337" };
    size_t own_n = c->by_uid ? 2 : 1;
    buf_puts(out, "table inet weft {\n chain inbound {\n  type nat hook prerouting priority -100; policy accept;\n"
                  "  meta l4proto != tcp accept\n");
    ports(out, sidecar_ports, ARRAY_LEN(sidecar_ports), c->exclude_in, c->exclude_in_n);
    buf_puts(out, "  meta l4proto tcp redirect to :15006\n }\n"
                  " chain outbound {\n  type nat hook output priority -100; policy accept;\n"
                  "  meta l4proto != tcp accept\n"
                  /* The proxy's way to the application it stands before: bound to 127.0.0.6. */
                  "  oifname \"lo\" ip saddr 127.0.0.6 accept\n");
    /* The proxy calls its own pod (the caller's service picked itself): through the inbound side, as any other call. */
    for (size_t i = 0; i < own_n; i++) {
        buf_printf(out, "  oifname \"lo\" ip daddr != 127.0.0.1 %s meta l4proto tcp redirect to :15006\n", own[i]);
    }
    buf_puts(out, "  oifname \"lo\" accept\n");
    for (size_t i = 0; i < own_n; i++) buf_printf(out, "  %s accept\n", own[i]);
    buf_puts(out, "  ip daddr 127.0.0.1 accept\n  ip daddr " NODE_GATEWAY_IP " tcp dport 53 accept\n");
    ports(out, NULL, 0, c->exclude_out, c->exclude_out_n);
    buf_puts(out, "  meta l4proto tcp redirect to :15001\n }\n}\n");
}

static void vip_key(struct buf *out, const struct addr *a)
{
    char text[ADDR_TEXT];
    buf_printf(out, "%s . %u", addr_ip_text(a, text, sizeof text), addr_port(a));
}

static void vip_chain(struct buf *out, size_t i, const struct node_vip *v, const char *family)
{
    buf_printf(out, " chain s%zu {\n  meta l4proto %s dnat %s to %s mod %zu map { ", i, v->udp ? "udp" : "tcp", family,
               v->affinity ? "jhash ip saddr" : "numgen random", v->n);
    for (size_t k = 0; k < v->n; k++) {
        buf_printf(out, "%s%zu : ", k ? ", " : "", k);
        vip_key(out, &v->endpoints[k]);
    }
    buf_puts(out, " }\n }\n");
}

/* The lookup by address and port, for one transport protocol. */
static void vip_map(struct buf *out, const struct node_vip *vips, size_t n, bool udp)
{
    size_t used = 0;
    for (size_t i = 0; i < n; i++) {
        if (vips[i].udp != udp || vips[i].n == 0 || vips[i].addr.sa.sa_family != AF_INET) continue;
        buf_puts(out, used++ ? ", " : udp ? "  ip daddr . udp dport vmap { " : "  ip daddr . tcp dport vmap { ");
        vip_key(out, &vips[i].addr);
        buf_printf(out, " : jump s%zu", i);
    }
    if (used) buf_puts(out, " }\n");
}

void intercept_vips(const struct node_vip *vips, size_t n, struct buf *out)
{
    /* Adding first makes the removal valid when the table is not there yet. */
    buf_puts(out, "table inet weft_vips\ndelete table inet weft_vips\ntable inet weft_vips {\n");
    for (size_t i = 0; i < n; i++) {
        if (vips[i].n && vips[i].addr.sa.sa_family == AF_INET) vip_chain(out, i, &vips[i], "ip");
    }
    buf_puts(out, " chain out {\n  type nat hook output priority -100; policy accept;\n");
    vip_map(out, vips, n, false);
    vip_map(out, vips, n, true);
    /* What still goes to a virtual address has no ready endpoint. */
    buf_puts(out, " }\n chain none {\n  type filter hook output priority 0; policy accept;\n"
                  "  ip daddr " NODE_VIP_NET " meta l4proto tcp reject with tcp reset\n"
                  "  ip daddr " NODE_VIP_NET " reject\n }\n}\n");
}

int intercept_run(const char *text, struct err *e)
{
    struct nft_ctx *ctx = nft_ctx_new(NFT_CTX_DEFAULT);
    if (!ctx) return err_set(e, -ENOMEM, "cannot start libnftables");
    nft_ctx_buffer_output(ctx);
    nft_ctx_buffer_error(ctx);
    int r = nft_run_cmd_from_buffer(ctx, text);
    if (r != 0) {
        const char *why = nft_ctx_get_error_buffer(ctx);
        err_set(e, -EIO, "nftables refused the pod's rules: %.*s", (int)strcspn(why ? why : "", "\n"), why ? why : "");
    }
    nft_ctx_free(ctx);
    return r == 0 ? 0 : -EIO;
}
