/* STATE/node.sock: the command line's orders. One SOCK_SEQPACKET connection per order; only the owner of the mesh and root
 * are heard. */
#ifndef WEFT_NODE_CONTROL_H
#define WEFT_NODE_CONTROL_H

#include "node/fabric.h"

/* What a client sends first, and what it gets. Errors: CTL_FAILED u32 errno, str what. */
enum control_msg {
    CTL_EXEC = 1, /* str ns, pod, container; u32 tty; list argv; files: stdin, stdout, stderr -> CTL_EXITED */
    CTL_DIAL,     /* str ns, pod, ip; u32 port -> CTL_DIALED */
    CTL_WHICH,    /* str ns, pod, container: is it there? -> CTL_IS */
    CTL_FAILED = 101,
    CTL_EXITED, /* u32 exit code */
    CTL_DIALED, /* file: the socket */
    CTL_IS,     /* str container */
};

struct control *control_new(struct fabric *f, struct err *e);

#endif
