#include "cli/pod_http.h"
#include "node/client.h"

#include <curl/curl.h>

/* libcurl speaks HTTP over the connection that the node made. */
static curl_socket_t take_socket(void *fd, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    (void)address;
    return *(int *)fd;
}

static int already_connected(void *arg, curl_socket_t fd, curlsocktype purpose)
{
    (void)arg;
    (void)fd;
    (void)purpose;
    return CURL_SOCKOPT_ALREADY_CONNECTED;
}

static size_t collect(char *p, size_t size, size_t n, void *arg)
{
    struct buf *b = arg;
    return buf_append(b, p, size * n) < 0 ? 0 : size * n;
}

int pod_http_get(const struct cli *c, const char *ns, const char *pod, uint16_t port, const char *path, struct buf *body, struct err *e)
{
    int fd = node_client_dial(c->state, ns, pod, NULL, port, e);
    if (fd < 0) return fd;
    char *url = xasprintf("http://127.0.0.1:%u%s", port, path);
    CURL *curl = curl_easy_init();
    long status = 0;
    must(curl);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 20000L);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, take_socket);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, &fd); /* libcurl closes it */
    curl_easy_setopt(curl, CURLOPT_SOCKOPTFUNCTION, already_connected);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    free(url);
    if (code != CURLE_OK) return err_set(e, -EIO, "the proxy of %s/%s did not answer: %s", ns, pod, curl_easy_strerror(code));
    if (status != 200) return err_set(e, -EIO, "the proxy of %s/%s answered %s with status %ld", ns, pod, path, status);
    return 0;
}
