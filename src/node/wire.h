/* Messages between the fabric's own processes (weft up, fabric init, agent, pod inits) and to the command line, over
 * SOCK_SEQPACKET: one message per packet, with up to WIRE_FDS files. Fields are numbers and strings in a fixed order.
 * The reader works in place and never past the end: node.sock's peers are not trusted with our memory. */
#ifndef WEFT_NODE_WIRE_H
#define WEFT_NODE_WIRE_H

#include "base/buf.h"

#define WIRE_MAX (160 * 1024) /* bytes in a message: command and environment of a container must fit */
#define WIRE_FDS 6

struct wire_out {
    struct buf b;
    int fds[WIRE_FDS]; /* not owned */
    size_t fds_n;
};

void wire_u32(struct wire_out *w, uint32_t v);
void wire_str(struct wire_out *w, const char *s);            /* NULL stays NULL */
void wire_list(struct wire_out *w, const char *const *list); /* ends with NULL; NULL: empty */
void wire_fd(struct wire_out *w, int fd);
/* Sends and empties w. 0; -EMSGSIZE when too long; -EPIPE when the peer is gone. Blocks while the socket is full. */
int wire_send(int fd, struct wire_out *w);

struct wire_in {
    const char *p, *end;
    bool bad;          /* read past the end or a broken string: everything after is empty */
    int fds[WIRE_FDS]; /* owned by whoever took the message; -1: none */
};

/* One message into buf. > 0: its length; 0: the peer is gone; -EAGAIN; other negative: failed. */
ssize_t wire_recv(int fd, char *buf, size_t n, struct wire_in *in);
uint32_t wire_get_u32(struct wire_in *in);
/* NUL-terminated, inside the buffer; NULL for NULL and for bad messages. */
const char *wire_get_str(struct wire_in *in);
/* Fills list with pointers into the buffer and a NULL behind them; false when there are more than max - 1. */
bool wire_get_list(struct wire_in *in, const char **list, size_t max);
/* Takes file i out of the message; -1 when it has none. */
int wire_get_fd(struct wire_in *in, size_t i);
void wire_close_fds(struct wire_in *in);
int wire_pair(int fds[2]); /* SOCK_SEQPACKET, close-on-exec, large buffers */

#endif
