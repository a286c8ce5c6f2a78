#include "proxy/tls.h"

#include <arpa/inet.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#define RECORD 16384

struct tls_wire {
    SSL *ssl;
    BIO *in, *out; /* memory: from and to the socket */
    struct tls_config *cfg;
    bool ready, eof;
    char failure[120];
    struct str san; /* client: the name that the certificate must have; empty: any. Heap */
};

/* Private data of a context. */
struct ctx {
    SSL_CTX *ssl;
    struct {
        SSL_CTX *ssl;
        X509 *x;
    } * more; /* further certificates, chosen by server name */
    size_t n_more;
    bool require_sni;
};

static void ctx_free(void *p)
{
    struct ctx *c = p;
    for (size_t i = 0; i < c->n_more; i++) {
        SSL_CTX_free(c->more[i].ssl);
        X509_free(c->more[i].x);
    }
    free(c->more);
    SSL_CTX_free(c->ssl);
    free(c);
}

static int ssl_err(struct err *e, const char *what)
{
    char text[160] = "unknown";
    unsigned long code = ERR_peek_last_error();
    if (code) ERR_error_string_n(code, text, sizeof text);
    ERR_clear_error();
    return err_set(e, -EINVAL, "%s: %s", what, text);
}

static int use_cert(SSL_CTX *ctx, const struct tls_cert *c, X509 **leaf, struct err *e)
{
    BIO *b = BIO_new_mem_buf(c->chain_pem.p, (int)c->chain_pem.n);
    X509 *x = b ? PEM_read_bio_X509(b, NULL, NULL, NULL) : NULL;
    int ok = x && SSL_CTX_use_certificate(ctx, x) == 1;
    for (X509 *ca; ok && (ca = PEM_read_bio_X509(b, NULL, NULL, NULL)) != NULL;) ok = SSL_CTX_add0_chain_cert(ctx, ca) == 1;
    ERR_clear_error();
    BIO_free(b);
    if (leaf)
        *leaf = x;
    else
        X509_free(x);
    if (!ok) return ssl_err(e, "the certificate cannot be used");
    b = BIO_new_mem_buf(c->key_pem.p, (int)c->key_pem.n);
    EVP_PKEY *k = b ? PEM_read_bio_PrivateKey(b, NULL, NULL, NULL) : NULL;
    ok = k && SSL_CTX_use_PrivateKey(ctx, k) == 1 && SSL_CTX_check_private_key(ctx) == 1;
    EVP_PKEY_free(k);
    BIO_free(b);
    return ok ? 0 : ssl_err(e, "the private key cannot be used");
}

static int use_ca(SSL_CTX *ctx, struct str pem, struct err *e)
{
    BIO *b = BIO_new_mem_buf(pem.p, (int)pem.n);
    X509_STORE *store = SSL_CTX_get_cert_store(ctx);
    int n = 0;
    for (X509 *x; b && (x = PEM_read_bio_X509(b, NULL, NULL, NULL)) != NULL; n++) {
        X509_STORE_add_cert(store, x);
        X509_free(x);
    }
    BIO_free(b);
    ERR_clear_error();
    return n ? 0 : err_set(e, -EINVAL, "trusted_ca holds no certificate");
}

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in, unsigned in_len, void *arg)
{
    const struct tls_config *cfg = arg;
    (void)ssl;
    for (size_t k = 0; k < cfg->n_alpn; k++) {
        for (unsigned i = 0; i < in_len && i + 1u + in[i] <= in_len; i += 1u + in[i]) {
            if (!str_eq(cfg->alpn[k], str_make(in + i + 1, in[i]))) continue;
            *out = in + i + 1;
            *out_len = in[i];
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_NOACK;
}

static int choose_cert(SSL *ssl, int *alert, void *arg)
{
    struct ctx *c = arg;
    (void)alert;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (!name && c->require_sni) return SSL_TLSEXT_ERR_ALERT_FATAL;
    X509 *first = SSL_CTX_get0_certificate(c->ssl);
    if (!name || (first && X509_check_host(first, name, 0, 0, NULL) == 1)) return SSL_TLSEXT_ERR_OK;
    for (size_t i = 0; i < c->n_more; i++) {
        if (X509_check_host(c->more[i].x, name, 0, 0, NULL) != 1) continue;
        SSL_set_SSL_CTX(ssl, c->more[i].ssl);
        break;
    }
    return SSL_TLSEXT_ERR_OK;
}

/* RFC 6125 6.4.3: "*." stands for one label. */
static bool dns_matches(const struct string_match *m, struct str name)
{
    if (m->kind != MATCH_EXACT || !str_starts(name, STR("*."))) return string_match(m, name);
    ssize_t dot = str_index(m->text, '.');
    return dot > 0 && str_ieq(str_skip(m->text, (size_t)dot), str_skip(name, 1));
}

/* Length decides, not a NUL inside (attack list 47). False: a kind that we do not look at. */
static bool san_value(const GENERAL_NAME *g, enum san_type *type, char ip[INET6_ADDRSTRLEN], struct str *v)
{
    if (g->type == GEN_IPADD) {
        int n = ASN1_STRING_length(g->d.iPAddress);
        if ((n != 4 && n != 16) || !inet_ntop(n == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(g->d.iPAddress), ip, INET6_ADDRSTRLEN))
            return false;
        *type = SAN_IP;
        *v = str_of(ip);
        return true;
    }
    if (g->type != GEN_DNS && g->type != GEN_URI && g->type != GEN_EMAIL) return false;
    *type = g->type == GEN_DNS ? SAN_DNS : g->type == GEN_URI ? SAN_URI : SAN_EMAIL;
    *v = str_make(ASN1_STRING_get0_data(g->d.ia5), (size_t)ASN1_STRING_length(g->d.ia5));
    return true;
}

static bool san_matches(const struct tls_config *cfg, X509 *x)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    bool found = false;
    for (int i = 0; names && i < sk_GENERAL_NAME_num(names) && !found; i++) {
        enum san_type type;
        char ip[INET6_ADDRSTRLEN];
        struct str v;
        if (!san_value(sk_GENERAL_NAME_value(names, i), &type, ip, &v)) continue;
        for (size_t k = 0; k < cfg->n_sans && !found; k++) {
            const struct san_match *m = &cfg->sans[k];
            if (m->type != SAN_ANY && m->type != type) continue;
            found = type == SAN_DNS ? dns_matches(&m->match, v) : string_match(&m->match, v);
        }
    }
    GENERAL_NAMES_free(names);
    return found;
}

static bool name_matches(X509 *x, struct str name)
{
    char text[256];
    if (name.n >= sizeof text) return false;
    memcpy(text, name.p, name.n);
    text[name.n] = 0;
    struct addr a;
    return addr_ip(&a, name, 0) ? X509_check_ip_asc(x, text, 0) == 1
                                : X509_check_host(x, text, name.n, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL) == 1;
}

static bool among(const struct str *v, size_t n, struct str s)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(v[i], s)) return true;
    return false;
}

static bool pinned(const struct tls_config *cfg, X509 *x)
{
    unsigned char d[EVP_MAX_MD_SIZE], text[2 * EVP_MAX_MD_SIZE + 1];
    unsigned n = 0;
    if (cfg->n_hashes && X509_digest(x, EVP_sha256(), d, &n) == 1) {
        for (unsigned i = 0; i < n; i++) snprintf((char *)text + 2 * i, 3, "%02x", d[i]);
        if (among(cfg->hashes, cfg->n_hashes, str_make(text, 2 * n))) return true;
    }
    unsigned char *der = NULL;
    int len = cfg->n_spki ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der) : 0;
    bool found = false;
    if (len > 0 && EVP_Digest(der, (size_t)len, d, &n, EVP_sha256(), NULL) == 1)
        found = among(cfg->spki, cfg->n_spki, str_make(text, (size_t)EVP_EncodeBlock(text, d, (int)n)));
    OPENSSL_free(der);
    return found;
}

static int forgive_expired(int ok, X509_STORE_CTX *st)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(st, SSL_get_ex_data_X509_STORE_CTX_idx());
    const struct tls_config *cfg = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    return ok || (cfg->allow_expired && X509_STORE_CTX_get_error(st) == X509_V_ERR_CERT_HAS_EXPIRED);
}

/* In place of OpenSSL's own: the chain, then names, then pins; each that is configured must hold. Without a trusted CA the chain is
 * not looked at (dataplane.md 4.12). */
static int verify(X509_STORE_CTX *st, void *arg)
{
    const struct tls_config *cfg = arg;
    SSL *ssl = X509_STORE_CTX_get_ex_data(st, SSL_get_ex_data_X509_STORE_CTX_idx());
    const struct tls_wire *t = SSL_get_app_data(ssl);
    X509 *leaf = X509_STORE_CTX_get0_cert(st);
    if (cfg->ca_pem.n) {
        X509_STORE_CTX_set_verify_cb(st, forgive_expired);
        if (X509_verify_cert(st) != 1 && !cfg->accept_untrusted) return 0;
    }
    X509_STORE_CTX_set_error(st, X509_V_ERR_HOSTNAME_MISMATCH);
    if (!leaf || (cfg->n_sans && !san_matches(cfg, leaf)) || (t->san.n && !name_matches(leaf, t->san))) return 0;
    X509_STORE_CTX_set_error(st, X509_V_ERR_CERT_REJECTED);
    if ((cfg->n_spki || cfg->n_hashes) && !pinned(cfg, leaf)) return 0;
    X509_STORE_CTX_set_error(st, X509_V_OK);
    return 1;
}

/* Configured keys: 16 bytes name, 32 HMAC, 32 AES; the first encrypts, all decrypt. */
static int ticket_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int encrypt)
{
    const struct tls_config *cfg = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    size_t i = 0;
    if (encrypt) {
        memcpy(name, cfg->ticket_keys[0].p, 16);
        if (RAND_bytes(iv, EVP_MAX_IV_LENGTH) != 1) return -1;
    } else {
        while (i < cfg->n_ticket_keys && memcmp(name, cfg->ticket_keys[i].p, 16) != 0) i++;
        if (i == cfg->n_ticket_keys) return 0;
    }
    const unsigned char *k = (const unsigned char *)cfg->ticket_keys[i].p;
    unsigned char hmac[32];
    memcpy(hmac, k + 16, sizeof hmac);
    OSSL_PARAM p[] = { OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, hmac, sizeof hmac),
                       OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){ "SHA256" }, 0), OSSL_PARAM_construct_end() };
    if (EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, k + 48, iv, encrypt) != 1 || EVP_MAC_CTX_set_params(mac, p) != 1) return -1;
    return encrypt || i == 0 ? 1 : 2; /* 2: make a new ticket with the first key */
}

static SSL_CTX *ctx_new(struct tls_config *cfg, struct err *e)
{
    SSL_CTX *s = SSL_CTX_new(cfg->server ? TLS_server_method() : TLS_client_method());
    if (!s) {
        ssl_err(e, "no TLS context");
        return NULL;
    }
    SSL_CTX_set_app_data(s, cfg);
    SSL_CTX_set_mode(s, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(s, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_COMPRESSION |
                               (cfg->no_tickets ? SSL_OP_NO_TICKET : 0));
    SSL_CTX_set_min_proto_version(s, cfg->min_version);
    SSL_CTX_set_max_proto_version(s, cfg->max_version);
    if (cfg->ciphers.n) {
        char *t = str_dup(cfg->ciphers);
        SSL_CTX_set_cipher_list(s, t);
        free(t);
    }
    if (cfg->curves.n) {
        char *t = str_dup(cfg->curves);
        SSL_CTX_set1_curves_list(s, t);
        free(t);
    }
    if (cfg->max_depth) SSL_CTX_set_verify_depth(s, (int)cfg->max_depth);
    if (cfg->no_session_cache) SSL_CTX_set_session_cache_mode(s, SSL_SESS_CACHE_OFF);
    if (cfg->session_timeout_s) SSL_CTX_set_timeout(s, (long)cfg->session_timeout_s);
    static const unsigned char sid[] = "weft";
    SSL_CTX_set_session_id_context(s, sid, sizeof sid - 1);
    if (cfg->ca_pem.n && use_ca(s, cfg->ca_pem, e) < 0) {
        SSL_CTX_free(s);
        return NULL;
    }
    bool check_peer = cfg->ca_pem.n || cfg->n_sans || cfg->n_spki || cfg->n_hashes;
    if (check_peer || cfg->require_client_cert)
        SSL_CTX_set_verify(s, SSL_VERIFY_PEER | (cfg->require_client_cert ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), NULL);
    SSL_CTX_set_cert_verify_callback(s, verify, cfg);
    if (cfg->server && cfg->n_ticket_keys) SSL_CTX_set_tlsext_ticket_key_evp_cb(s, ticket_key);
    if (cfg->server && cfg->n_alpn) SSL_CTX_set_alpn_select_cb(s, choose_alpn, cfg);
    return s;
}

static struct ctx *make(struct tls_config *cfg, struct err *e)
{
    struct ctx *c = xcalloc(1, sizeof *c);
    c->ssl = ctx_new(cfg, e);
    if (!c->ssl || (cfg->n_certs && use_cert(c->ssl, &cfg->certs[0], NULL, e) < 0)) goto fail;
    if (cfg->server && !cfg->n_certs) {
        err_set(e, -EINVAL, "the listener has no certificate");
        goto fail;
    }
    if (cfg->n_certs > 1) c->more = xcalloc(cfg->n_certs - 1, sizeof *c->more);
    for (size_t i = 1; i < cfg->n_certs; i++) {
        c->more[c->n_more].ssl = ctx_new(cfg, e);
        if (!c->more[c->n_more].ssl) goto fail;
        c->n_more++;
        if (use_cert(c->more[c->n_more - 1].ssl, &cfg->certs[i], &c->more[c->n_more - 1].x, e) < 0) goto fail;
    }
    c->require_sni = cfg->require_sni;
    if (c->n_more || c->require_sni) {
        SSL_CTX_set_tlsext_servername_callback(c->ssl, choose_cert);
        SSL_CTX_set_tlsext_servername_arg(c->ssl, c);
    }
    return c;
fail:
    ctx_free(c);
    return NULL;
}

/* Made by whichever worker needs it first. */
static struct ctx *context(struct tls_config *cfg, struct err *e)
{
    struct ctx *c = atomic_load_explicit(&cfg->ctx, memory_order_acquire);
    if (c) return c;
    c = make(cfg, e);
    if (!c) return NULL;
    void *expected = NULL;
    cfg->free_ctx = ctx_free;
    if (atomic_compare_exchange_strong_explicit(&cfg->ctx, &expected, c, memory_order_acq_rel, memory_order_acquire)) return c;
    ctx_free(c);
    return expected;
}

static void set_client(struct tls_wire *t, struct str sni)
{
    if (sni.n) {
        char *name = str_dup(sni);
        SSL_set_tlsext_host_name(t->ssl, name);
        free(name);
    }
    unsigned char list[256];
    size_t n = 0;
    for (size_t i = 0; i < t->cfg->n_alpn; i++) {
        struct str a = t->cfg->alpn[i];
        if (!a.n || a.n > 255 || n + a.n + 1 > sizeof list) continue;
        list[n++] = (unsigned char)a.n;
        memcpy(list + n, a.p, a.n);
        n += a.n;
    }
    if (n) SSL_set_alpn_protos(t->ssl, list, (unsigned)n);
    SSL_set_connect_state(t->ssl);
}

int tls_start(struct wire *w, struct tls_config *cfg, struct str early, struct tls_names names, struct err *e)
{
    if (cfg->not_ready) return err_set(e, -EAGAIN, "a secret of the TLS settings is not there yet");
    struct ctx *c = context(cfg, e);
    if (!c) return -EINVAL;
    struct tls_wire *t = xcalloc(1, sizeof *t);
    t->cfg = cfg;
    t->ssl = SSL_new(c->ssl);
    t->in = BIO_new(BIO_s_mem());
    t->out = BIO_new(BIO_s_mem());
    must(t->ssl && t->in && t->out);
    SSL_set_bio(t->ssl, t->in, t->out);
    SSL_set_app_data(t->ssl, t);
    if (names.san.n) t->san = (struct str){ str_dup(names.san), names.san.n };
    if (cfg->server)
        SSL_set_accept_state(t->ssl);
    else
        set_client(t, names.sni);
    if (early.n) BIO_write(t->in, early.p, (int)early.n);
    if (!w->w->pbuf) w->w->pbuf = xcalloc(1, PBUF);
    w->tls = t;
    if (!cfg->server) {
        SSL_do_handshake(t->ssl);
        ERR_clear_error();
        wire_dirty(w);
    }
    return 0;
}

void tls_wire_free(struct tls_wire *t)
{
    SSL_free(t->ssl);
    free((char *)(uintptr_t)t->san.p);
    free(t);
}

bool tls_ready(const struct wire *w) { return w->tls->ready; }
bool tls_wire_pending(const struct wire *w) { return BIO_ctrl_pending(w->tls->out) > 0; }
bool tls_has_data(const struct wire *w) { return SSL_pending(w->tls->ssl) > 0 || BIO_ctrl_pending(w->tls->in) > 0; }
const char *tls_failure(const struct wire *w) { return w->tls->failure; }
const char *tls_version(const struct wire *w) { return SSL_get_version(w->tls->ssl); }
const char *tls_cipher(const struct wire *w) { return SSL_get_cipher_name(w->tls->ssl); }
struct str tls_sni(const struct wire *w) { return str_of(SSL_get_servername(w->tls->ssl, TLSEXT_NAMETYPE_host_name)); }
struct str tls_alpn(const struct wire *w)
{
    const unsigned char *p = NULL;
    unsigned n = 0;
    SSL_get0_alpn_selected(w->tls->ssl, &p, &n);
    return (struct str){ (const char *)p, n };
}

static void note_failure(struct tls_wire *t)
{
    unsigned long code = ERR_peek_last_error();
    long v = SSL_get_verify_result(t->ssl);
    if (v != X509_V_OK)
        snprintf(t->failure, sizeof t->failure, "%s", X509_verify_cert_error_string(v));
    else if (code)
        snprintf(t->failure, sizeof t->failure, "%s", ERR_reason_error_string(code) ? ERR_reason_error_string(code) : "protocol error");
    else
        snprintf(t->failure, sizeof t->failure, "protocol error");
    ERR_clear_error();
}

/* More ciphertext from the socket. 0: end; -EAGAIN. */
static ssize_t fill(struct wire *w)
{
    ssize_t n;
    do n = recv(w->io.fd, w->w->rbuf, 64u << 10, 0);
    while (n < 0 && errno == EINTR);
    if (n < 0) return errno == EWOULDBLOCK ? -EAGAIN : -errno;
    if (n == 0) {
        w->tls->eof = true;
        return 0;
    }
    w->rx += (uint64_t)n;
    BIO_write(w->tls->in, w->w->rbuf, (int)n);
    return n;
}

static ssize_t step(struct wire *w, char **p)
{
    struct tls_wire *t = w->tls;
    if (!t->ready) {
        int r = SSL_do_handshake(t->ssl);
        if (r == 1)
            t->ready = true;
        else if (SSL_get_error(t->ssl, r) != SSL_ERROR_WANT_READ) {
            note_failure(t);
            return -EPROTO;
        } else {
            ERR_clear_error();
            return -EAGAIN;
        }
    }
    int n = SSL_read(t->ssl, w->w->pbuf, (int)PBUF);
    *p = w->w->pbuf;
    if (n > 0) return n;
    switch (SSL_get_error(t->ssl, n)) {
    case SSL_ERROR_ZERO_RETURN: return 0;
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: ERR_clear_error(); return -EAGAIN;
    default: note_failure(t); return -EPROTO;
    }
}

ssize_t tls_wire_read(struct wire *w, char **p)
{
    for (int i = 0; i < 8; i++) {
        bool was = w->tls->ready;
        ssize_t n = step(w, p);
        if (tls_wire_pending(w)) wire_dirty(w);
        if (n != -EAGAIN) return n;
        if (!was && w->tls->ready) return -EAGAIN; /* the handshake is over: the owner wants to know */
        ssize_t got = fill(w);
        if (got <= 0) return got;
    }
    loop_mod(w->w->loop, &w->io, w->io.events); /* level-triggered: what is left comes with the next turn */
    return -EAGAIN;
}

ssize_t tls_wire_write(struct wire *w)
{
    struct tls_wire *t = w->tls;
    size_t taken = 0;
    while (t->ready && w->out->bytes > taken && BIO_ctrl_pending(t->out) < 4 * RECORD) {
        struct iovec v[1];
        if (taken || out_iov(w->out, v, 1) != 1) break;
        int n = SSL_write(t->ssl, v[0].iov_base, (int)MIN(v[0].iov_len, (size_t)RECORD));
        if (n <= 0) {
            ERR_clear_error();
            break;
        }
        taken += (size_t)n;
    }
    char *p;
    long have;
    while ((have = BIO_get_mem_data(t->out, &p)) > 0) {
        ssize_t n = send(w->io.fd, p, (size_t)have, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            if (errno != EWOULDBLOCK) return -errno;
            return taken ? (ssize_t)taken : -EAGAIN;
        }
        char sink[4096];
        for (ssize_t left = n; left > 0;) left -= BIO_read(t->out, sink, (int)MIN((size_t)left, sizeof sink));
        if (!taken && w->out->bytes == 0 && BIO_ctrl_pending(t->out) == 0) return 0;
    }
    if (!taken && w->out->bytes) return t->ready ? 0 : -EAGAIN;
    return (ssize_t)taken;
}

void tls_wire_shutdown(struct wire *w)
{
    if (w->tls->ready && !w->out->bytes) {
        SSL_shutdown(w->tls->ssl);
        ERR_clear_error();
    }
}

struct tls_names tls_names(const struct tls_config *cfg, struct str hostname, struct str asked, bool as_sni, bool as_san)
{
    struct addr a;
    struct tls_names n = { cfg->sni, { NULL, 0 } };
    if (cfg->auto_host_sni && hostname.n) n.sni = hostname;
    if (as_sni && asked.n && !addr_ip(&a, asked, 0)) n.sni = asked;
    if (as_san && asked.n)
        n.san = asked;
    else if (cfg->auto_sni_san)
        n.san = n.sni;
    return n;
}

X509 *tls_peer(const struct wire *w) { return w->tls ? SSL_get0_peer_certificate(w->tls->ssl) : NULL; }
X509 *tls_own(const struct wire *w) { return w->tls ? SSL_get_certificate(w->tls->ssl) : NULL; }
struct stack_st_X509 *tls_peer_chain(const struct wire *w) { return w->tls ? SSL_get_peer_cert_chain(w->tls->ssl) : NULL; }
