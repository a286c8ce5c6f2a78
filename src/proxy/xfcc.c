#include "proxy/xfcc.h"

#include "proxy/stream.h"
#include "proxy/tls.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

/* Percent-encoded: all but letters, digits and "-._~". */
static void pem(struct buf *out, X509 *x)
{
    BIO *b = BIO_new(BIO_s_mem());
    char *p;
    if (b && PEM_write_bio_X509(b, x) == 1) {
        long n = BIO_get_mem_data(b, &p);
        for (long i = 0; i < n; i++) {
            bool plain =
                (p[i] >= 'a' && p[i] <= 'z') || (p[i] >= 'A' && p[i] <= 'Z') || (p[i] >= '0' && p[i] <= '9') || strchr("-._~", p[i]);
            if (plain)
                (void)buf_append(out, &p[i], 1);
            else
                (void)buf_printf(out, "%%%02X", (unsigned char)p[i]);
        }
    }
    BIO_free(b);
}

static void key(struct buf *out, const char *name)
{
    if (out->len) (void)buf_append(out, ";", 1);
    (void)buf_puts(out, name);
}

/* Bytes that could end the value or the header do not get in: the peer chose them. */
static void value(struct buf *out, struct str v)
{
    for (size_t i = 0; i < v.n; i++)
        if ((unsigned char)v.p[i] > 0x20 && v.p[i] != '"' && v.p[i] != ';' && v.p[i] != ',' && v.p[i] != 0x7f)
            (void)buf_append(out, &v.p[i], 1);
}

/* Names of one kind; their number. most: how many are written. */
static size_t names(struct buf *out, const char *label, X509 *x, int type, size_t most)
{
    GENERAL_NAMES *all = x ? X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL) : NULL;
    size_t n = 0;
    for (int i = 0; all && i < sk_GENERAL_NAME_num(all) && n < most; i++) {
        const GENERAL_NAME *g = sk_GENERAL_NAME_value(all, i);
        if (g->type != type) continue;
        key(out, label);
        value(out, str_make(ASN1_STRING_get0_data(g->d.ia5), (size_t)ASN1_STRING_length(g->d.ia5)));
        n++;
    }
    GENERAL_NAMES_free(all);
    return n;
}

static void subject(struct buf *out, X509 *x)
{
    BIO *b = BIO_new(BIO_s_mem());
    char *p = NULL;
    long n = b && X509_NAME_print_ex(b, X509_get_subject_name(x), 0, XN_FLAG_RFC2253) >= 0 ? BIO_get_mem_data(b, &p) : 0;
    key(out, "Subject=\"");
    for (long i = 0; i < n; i++) { /* RFC 2253 escapes with a backslash; a quote must not end ours */
        if (p[i] == '"' && (i == 0 || p[i - 1] != '\\')) (void)buf_append(out, "\\", 1);
        if ((unsigned char)p[i] >= 0x20 && p[i] != 0x7f) (void)buf_append(out, &p[i], 1);
    }
    (void)buf_append(out, "\"", 1);
    BIO_free(b);
}

static void write_peer(struct buf *out, const struct stream *s, X509 *x)
{
    const struct hcm *h = s->hcm;
    unsigned char d[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    names(out, "By=", tls_own(&s->conn->wire), GEN_URI, 1);
    key(out, "Hash=");
    if (X509_digest(x, EVP_sha256(), d, &n) != 1) n = 0;
    for (unsigned i = 0; i < n; i++) (void)buf_printf(out, "%02x", d[i]);
    if (h->xfcc_cert) {
        key(out, "Cert=\"");
        pem(out, x);
        (void)buf_append(out, "\"", 1);
    }
    if (h->xfcc_chain) {
        STACK_OF(X509) *rest = tls_peer_chain(&s->conn->wire);
        key(out, "Chain=\"");
        pem(out, x);
        for (int i = 0; rest && i < sk_X509_num(rest); i++) pem(out, sk_X509_value(rest, i));
        (void)buf_append(out, "\"", 1);
    }
    if (h->xfcc_subject) subject(out, x);
    if (h->xfcc_uri && !names(out, "URI=", x, GEN_URI, 1)) key(out, "URI=");
    if (h->xfcc_dns) names(out, "DNS=", x, GEN_DNS, 32);
}

void xfcc_apply(struct stream *s)
{
    enum xfcc_mode mode = s->hcm->xfcc;
    if (mode == XFCC_ALWAYS_FORWARD_ONLY) return;
    X509 *x = s->tls ? tls_peer(&s->conn->wire) : NULL;
    if (mode == XFCC_SANITIZE || !x) {
        headers_drop(&s->req, HDR_X_FORWARDED_CLIENT_CERT);
        return;
    }
    if (mode == XFCC_FORWARD_ONLY) return;
    struct buf b = { 0 };
    if (mode == XFCC_APPEND_FORWARD && headers_has(&s->req, HDR_X_FORWARDED_CLIENT_CERT)) {
        struct buf one = { 0 };
        write_peer(&one, s, x);
        struct str had = headers_joined(&s->req, STR("x-forwarded-client-cert"));
        (void)buf_printf(&b, "%.*s,%.*s", STR_ARG(had), STR_ARG(buf_str(&one)));
        buf_free(&one);
    } else {
        write_peer(&b, s, x);
    }
    struct str v = buf_str(&b);
    char *kept = arena_strndup(&s->arena, v.p, v.n);
    if (kept) (void)headers_set(&s->req, HDR_X_FORWARDED_CLIENT_CERT, (struct str){ kept, v.n });
    buf_free(&b);
}
