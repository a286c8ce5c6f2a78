/* Sockets: non-blocking, close-on-exec, TCP_NODELAY. Errors name the address. */
#ifndef WEFT_NET_SOCK_H
#define WEFT_NET_SOCK_H

#include "net/addr.h"

/* A listening socket. Unix paths: a stale file is replaced, the mode of the new one is 0600. Returns the fd or a negative error. */
int sock_listen(const struct addr *a, bool reuseport, struct err *e);
/* Starts a connection; 0 or -EINPROGRESS in *ret_state. Returns the fd or a negative error. */
int sock_connect(const struct addr *to, int *ret_state, struct err *e);
/* With a socket mark from the first packet on, which is the one that redirection decides by. 0: none. A mark that may not be
 * set is left out. */
int sock_connect_marked(const struct addr *to, uint32_t mark, int *ret_state, struct err *e);
/* And from an address of one's own; NULL: the kernel's choice. */
int sock_connect_from(const struct addr *to, const struct addr *from, uint32_t mark, int *ret_state, struct err *e);
/* The outcome of a connection in progress: 0 or a negative errno value. */
int sock_error(int fd);
/* Accepts one; -EAGAIN when none waits. */
int sock_accept(int listen_fd, struct addr *peer);
int sock_local(int fd, struct addr *a);
int sock_peer(int fd, struct addr *a);
void sock_nodelay(int fd);
/* Socket mark (needs CAP_NET_ADMIN or, in a user namespace, CAP_NET_RAW). */
int sock_mark(int fd, uint32_t mark);
/* The destination before nftables redirected the connection (SO_ORIGINAL_DST); -ENOENT when it was not redirected. */
int sock_original_dst(int fd, struct addr *a);

#endif
