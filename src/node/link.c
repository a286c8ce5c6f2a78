#include "node/link.h"

#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <unistd.h>

/* One request being built; attributes are appended in place. */
struct request {
    union {
        struct nlmsghdr h;
        char space[1024];
    };
};

int link_open(struct err *e)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    return fd < 0 ? err_errno(e, "cannot open a netlink socket") : fd;
}

static void *begin(struct request *r, uint16_t type, uint16_t flags, size_t body)
{
    memset(r, 0, sizeof *r);
    r->h.nlmsg_type = type;
    r->h.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
    r->h.nlmsg_len = (uint32_t)NLMSG_LENGTH(body);
    return NLMSG_DATA(&r->h);
}

static struct rtattr *attr(struct request *r, uint16_t type, const void *data, size_t n)
{
    size_t at = NLMSG_ALIGN(r->h.nlmsg_len);
    must(at + RTA_SPACE(n) <= sizeof r->space);
    struct rtattr *a = (struct rtattr *)(void *)(r->space + at);
    a->rta_type = type;
    a->rta_len = (uint16_t)RTA_LENGTH(n);
    if (n) memcpy(RTA_DATA(a), data, n);
    r->h.nlmsg_len = (uint32_t)(at + RTA_SPACE(n));
    return a;
}

static struct rtattr *nest(struct request *r, uint16_t type) { return attr(r, type, NULL, 0); }
static void nest_end(struct request *r, struct rtattr *a) { a->rta_len = (uint16_t)(r->space + r->h.nlmsg_len - (char *)a); }
static void attr_str(struct request *r, uint16_t type, const char *s) { attr(r, type, s, strlen(s) + 1); }
static void attr_u32(struct request *r, uint16_t type, uint32_t v) { attr(r, type, &v, sizeof v); }

/* Sends and waits for the kernel's answer. */
static int transact(int nl, struct request *r)
{
    union {
        struct nlmsghdr h;
        char space[8192];
    } in;
    static uint32_t seq;
    r->h.nlmsg_seq = ++seq;
    if (send(nl, r, r->h.nlmsg_len, 0) < 0) return -errno;
    for (;;) {
        ssize_t n = recv(nl, &in, sizeof in, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return -errno;
        if ((size_t)n < sizeof in.h || in.h.nlmsg_seq != r->h.nlmsg_seq || in.h.nlmsg_type != NLMSG_ERROR) continue;
        return ((struct nlmsgerr *)NLMSG_DATA(&in.h))->error;
    }
}

static int done(int code, struct err *e, const char *what, const char *name)
{
    return code < 0 ? err_set(e, code, "%s %s: %s", what, name, strerror(-code)) : 0;
}

static const void *ip_bytes(const struct addr *a, size_t *n)
{
    bool six = a->sa.sa_family == AF_INET6;
    *n = six ? sizeof a->in6.sin6_addr : sizeof a->in.sin_addr;
    return six ? (const void *)&a->in6.sin6_addr : (const void *)&a->in.sin_addr;
}

/* A locally administered address that ends with the last four bytes of the IP address. */
static void attr_mac(struct request *r, const struct addr *ip)
{
    size_t n;
    uint8_t mac[6] = { 0x0a, 0x58 };
    const uint8_t *bytes = ip_bytes(ip, &n);
    memcpy(mac + 2, bytes + n - 4, 4);
    attr(r, IFLA_ADDRESS, mac, sizeof mac);
}

int link_bridge(int nl, const char *name, const struct addr *ip, struct err *e)
{
    struct request r;
    struct ifinfomsg *i = begin(&r, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(struct ifinfomsg));
    i->ifi_flags = i->ifi_change = IFF_UP;
    attr_str(&r, IFLA_IFNAME, name);
    attr_mac(&r, ip);
    struct rtattr *info = nest(&r, IFLA_LINKINFO);
    attr_str(&r, IFLA_INFO_KIND, "bridge");
    nest_end(&r, info);
    return done(transact(nl, &r), e, "cannot make the bridge", name);
}

int link_veth(int nl, const char *name, const char *master, const char *peer, const struct addr *ip, pid_t pid, struct err *e)
{
    struct request r;
    struct ifinfomsg *i = begin(&r, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(struct ifinfomsg));
    i->ifi_flags = i->ifi_change = IFF_UP;
    attr_str(&r, IFLA_IFNAME, name);
    attr_u32(&r, IFLA_MASTER, if_nametoindex(master));
    struct rtattr *info = nest(&r, IFLA_LINKINFO);
    attr_str(&r, IFLA_INFO_KIND, "veth");
    struct rtattr *data = nest(&r, IFLA_INFO_DATA);
    struct ifinfomsg there = { 0 };
    struct rtattr *p = attr(&r, VETH_INFO_PEER, &there, sizeof there);
    attr_str(&r, IFLA_IFNAME, peer);
    attr_mac(&r, ip);
    attr_u32(&r, IFLA_NET_NS_PID, (uint32_t)pid);
    nest_end(&r, p);
    nest_end(&r, data);
    nest_end(&r, info);
    return done(transact(nl, &r), e, "cannot make the pod's link", name);
}

int link_up(int nl, const char *name, struct err *e)
{
    struct request r;
    struct ifinfomsg *i = begin(&r, RTM_NEWLINK, 0, sizeof(struct ifinfomsg));
    i->ifi_index = (int)if_nametoindex(name);
    i->ifi_flags = i->ifi_change = IFF_UP;
    return done(transact(nl, &r), e, "cannot bring up", name);
}

int link_address(int nl, const char *name, const struct addr *ip, unsigned prefix, struct err *e)
{
    struct request r;
    size_t n;
    const void *bytes = ip_bytes(ip, &n);
    struct ifaddrmsg *a = begin(&r, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, sizeof(struct ifaddrmsg));
    a->ifa_family = (uint8_t)ip->sa.sa_family;
    a->ifa_prefixlen = (uint8_t)prefix;
    a->ifa_index = if_nametoindex(name);
    if (ip->sa.sa_family == AF_INET6) a->ifa_flags = IFA_F_NODAD;
    attr(&r, IFA_LOCAL, bytes, n);
    attr(&r, IFA_ADDRESS, bytes, n);
    return done(transact(nl, &r), e, "cannot give an address to", name);
}

static struct rtmsg *route(struct request *r, sa_family_t family, uint8_t type)
{
    struct rtmsg *m = begin(r, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, sizeof(struct rtmsg));
    m->rtm_family = (uint8_t)family;
    m->rtm_table = RT_TABLE_MAIN;
    m->rtm_protocol = RTPROT_STATIC;
    m->rtm_scope = RT_SCOPE_UNIVERSE;
    m->rtm_type = type;
    return m;
}

int link_gateway(int nl, const struct addr *gw, struct err *e)
{
    struct request r;
    size_t n;
    const void *bytes = ip_bytes(gw, &n);
    route(&r, gw->sa.sa_family, RTN_UNICAST);
    attr(&r, RTA_GATEWAY, bytes, n);
    return done(transact(nl, &r), e, "cannot set the", "default route");
}

int link_unreachable(int nl, const struct cidr *net, struct err *e)
{
    struct request r;
    size_t n;
    const void *bytes = ip_bytes(&net->base, &n);
    route(&r, net->base.sa.sa_family, RTN_UNREACHABLE)->rtm_dst_len = (uint8_t)net->bits;
    attr(&r, RTA_DST, bytes, n);
    return done(transact(nl, &r), e, "cannot set the", "route of virtual addresses");
}

int link_delete(int nl, const char *name, struct err *e)
{
    struct request r;
    struct ifinfomsg *i = begin(&r, RTM_DELLINK, 0, sizeof(struct ifinfomsg));
    i->ifi_index = (int)if_nametoindex(name);
    if (!i->ifi_index) return 0; /* the kernel took it away with the pod's namespace */
    return done(transact(nl, &r), e, "cannot remove", name);
}

int link_sysctl(const char *path, const char *value)
{
    char full[128];
    snprintf(full, sizeof full, "/proc/sys/%s", path);
    AUTO(close_p) int fd = open(full, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return -errno;
    return write(fd, value, strlen(value)) < 0 ? -errno : 0;
}
