#include "api/platform/password.h"
#include "base/log.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <pthread.h>

enum { LOG_N = 15, R = 8, P = 1, SALT = 16, HASH = 32, JOBS_MAX = 32 };
#define MEMORY_MAX (128u << 20)

struct password_job {
    struct link link;
    struct passwords *pw;
    char *password, *stored; /* stored NULL: make one */
    size_t n;
    bool verify, ok, cancelled;
    void (*done)(void *arg, bool ok, const char *stored);
    void *arg;
};

struct passwords {
    struct loop *loop;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct link queue; /* jobs to do; guarded by the lock */
    struct link out;   /* jobs whose end was posted */
    bool stop;
    size_t waiting; /* the loop's */
};

/* ---- hashes ---- */

static bool hash(const char *password, size_t n, const unsigned char *salt, unsigned log_n, unsigned r, unsigned p, unsigned char out[HASH])
{
    return EVP_PBE_scrypt(password, n, salt, SALT, 1ull << log_n, r, p, MEMORY_MAX, out, HASH) == 1;
}

static void to_hex(const unsigned char *b, size_t n, char *out)
{
    for (size_t i = 0; i < n; i++) snprintf(out + 2 * i, 3, "%02x", b[i]);
}

static bool from_hex(const char *s, unsigned char *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (sscanf(s + 2 * i, "%2hhx", &b[i]) != 1) return false;
    return true;
}

static char *make(const char *password, size_t n)
{
    unsigned char salt[SALT], h[HASH];
    char salt_text[2 * SALT + 1], text[2 * HASH + 1];
    if (RAND_bytes(salt, SALT) != 1 || !hash(password, n, salt, LOG_N, R, P, h)) return NULL;
    to_hex(salt, SALT, salt_text);
    to_hex(h, HASH, text);
    return xasprintf("scrypt$%d$%d$%d$%s$%s", LOG_N, R, P, salt_text, text);
}

/* The stored one says how it was made: costs may grow later. */
static bool fits(const char *password, size_t n, const char *stored)
{
    unsigned log_n, r, p;
    unsigned char salt[SALT] = { 0 }, want[HASH] = { 0 }, got[HASH];
    char salt_text[2 * SALT + 1], text[2 * HASH + 1];
    bool known = stored && sscanf(stored, "scrypt$%2u$%2u$%2u$%32[0-9a-f]$%64[0-9a-f]", &log_n, &r, &p, salt_text, text) == 5 &&
                 log_n <= 20 && from_hex(salt_text, salt, SALT) && from_hex(text, want, HASH);
    if (!known) log_n = LOG_N, r = R, p = P; /* nobody of that name: the answer must not come sooner */
    return hash(password, n, salt, log_n, r, p, got) && known && CRYPTO_memcmp(want, got, HASH) == 0;
}

/* ---- the thread ---- */

static void job_free(struct password_job *j)
{
    OPENSSL_cleanse(j->password, j->n);
    free(j->password);
    free(j->stored);
    free(j);
}

static void finished(void *arg)
{
    struct password_job *j = arg;
    pthread_mutex_lock(&j->pw->lock);
    list_del(&j->link);
    pthread_mutex_unlock(&j->pw->lock);
    j->pw->waiting--;
    if (!j->cancelled) j->done(j->arg, j->ok, j->stored);
    job_free(j);
}

static void work(struct password_job *j)
{
    if (j->verify) {
        j->ok = fits(j->password, j->n, j->stored);
    } else {
        j->stored = make(j->password, j->n);
        j->ok = j->stored != NULL;
    }
}

static void *run(void *arg)
{
    struct passwords *pw = arg;
    pthread_mutex_lock(&pw->lock);
    while (!pw->stop) {
        struct password_job *j = list_first(&pw->queue, struct password_job, link);
        if (!j) {
            pthread_cond_wait(&pw->wake, &pw->lock);
            continue;
        }
        list_del(&j->link);
        pthread_mutex_unlock(&pw->lock);
        work(j);
        pthread_mutex_lock(&pw->lock);
        list_append(&pw->out, &j->link);
        if (!pw->stop) loop_post(pw->loop, finished, j);
    }
    pthread_mutex_unlock(&pw->lock);
    return NULL;
}

static struct password_job *queue(struct passwords *pw, struct password_job *j, struct str password)
{
    if (pw->waiting >= JOBS_MAX) {
        free(j->stored);
        free(j);
        return NULL;
    }
    pw->waiting++;
    j->pw = pw;
    j->password = str_dup(password);
    j->n = password.n;
    pthread_mutex_lock(&pw->lock);
    list_append(&pw->queue, &j->link);
    pthread_cond_signal(&pw->wake);
    pthread_mutex_unlock(&pw->lock);
    return j;
}

struct password_job *passwords_verify(struct passwords *pw, struct str password, const char *stored,
                                      void (*done)(void *arg, bool ok, const char *stored), void *arg)
{
    struct password_job *j = xcalloc(1, sizeof *j);
    *j = (struct password_job){ .verify = true, .stored = stored ? xstrdup(stored) : NULL, .done = done, .arg = arg };
    return queue(pw, j, password);
}

struct password_job *passwords_make(struct passwords *pw, struct str password, void (*done)(void *arg, bool ok, const char *stored),
                                    void *arg)
{
    struct password_job *j = xcalloc(1, sizeof *j);
    *j = (struct password_job){ .done = done, .arg = arg };
    return queue(pw, j, password);
}

void passwords_cancel(struct password_job *j)
{
    if (j) j->cancelled = true;
}

struct passwords *passwords_new(struct loop *l)
{
    struct passwords *pw = xcalloc(1, sizeof *pw);
    pw->loop = l;
    list_init(&pw->queue);
    list_init(&pw->out);
    pthread_mutex_init(&pw->lock, NULL);
    pthread_cond_init(&pw->wake, NULL);
    if (pthread_create(&pw->thread, NULL, run, pw) != 0) die_at(__FILE__, __LINE__, "no thread");
    return pw;
}

void passwords_free(struct passwords *pw)
{
    if (!pw) return;
    pthread_mutex_lock(&pw->lock);
    pw->stop = true;
    pthread_cond_signal(&pw->wake);
    pthread_mutex_unlock(&pw->lock);
    pthread_join(pw->thread, NULL);
    /* Those that were posted are the loop's mail, which nobody reads any more. */
    list_foreach (j, &pw->out, struct password_job, link) job_free(j);
    list_foreach (j, &pw->queue, struct password_job, link) job_free(j);
    pthread_mutex_destroy(&pw->lock);
    pthread_cond_destroy(&pw->wake);
    free(pw);
}
