/* Messages in arenas: packing, copies, hashes; and the table of where fields stood in a file. */
#include "pb/internal.h"

#include "base/hash.h"

#include "google.protobuf.pb-c.h"

static void *alloc_arena(void *a, size_t n) { return arena_alloc(a, n); }
static void free_arena(void *a, void *p)
{
    (void)a;
    (void)p;
}

ProtobufCAllocator pb_arena_allocator(struct arena *a) { return (ProtobufCAllocator){ alloc_arena, free_arena, a }; }

ProtobufCMessage *pb_unpack(const ProtobufCMessageDescriptor *d, struct str bytes, struct arena *a)
{
    ProtobufCAllocator al = pb_arena_allocator(a);
    return protobuf_c_message_unpack(d, &al, bytes.n, (const uint8_t *)bytes.p);
}

struct str pb_pack(const ProtobufCMessage *m, struct arena *a)
{
    size_t n = protobuf_c_message_get_packed_size(m);
    uint8_t *p = arena_alloc(a, n + 1);
    protobuf_c_message_pack(m, p);
    return str_make(p, n);
}

Google__Protobuf__Any *pb_any(const ProtobufCMessage *m, struct arena *a)
{
    Google__Protobuf__Any *any = (Google__Protobuf__Any *)pb_new(&google__protobuf__any__descriptor, a);
    any->type_url = arena_printf(a, "type.googleapis.com/%s", m->descriptor->name);
    struct str bytes = pb_pack(m, a);
    any->has_value = 1;
    any->value = (ProtobufCBinaryData){ bytes.n, (uint8_t *)(uintptr_t)bytes.p };
    return any;
}

ProtobufCMessage *pb_new(const ProtobufCMessageDescriptor *d, struct arena *a)
{
    ProtobufCMessage *m = arena_zalloc(a, d->sizeof_message);
    protobuf_c_message_init(d, m);
    return m;
}

ProtobufCMessage *pb_copy(const ProtobufCMessage *m, struct arena *a)
{
    struct arena tmp;
    arena_init(&tmp, 4096, 0);
    ProtobufCMessage *c = pb_unpack(m->descriptor, pb_pack(m, &tmp), a);
    arena_free(&tmp);
    return c;
}

uint64_t pb_hash(const ProtobufCMessage *m)
{
    if (!m) return 0;
    uint8_t small[4096];
    size_t n = protobuf_c_message_get_packed_size(m);
    uint8_t *p = n <= sizeof small ? small : xcalloc(1, n);
    protobuf_c_message_pack(m, p);
    uint64_t h = hash64(p, n);
    if (p != small) free(p);
    return h;
}

bool pb_equal(const ProtobufCMessage *a, const ProtobufCMessage *b)
{
    if (!a || !b || a->descriptor != b->descriptor) return a == b;
    struct arena tmp;
    arena_init(&tmp, 4096, 0);
    bool same = str_eq(pb_pack(a, &tmp), pb_pack(b, &tmp));
    arena_free(&tmp);
    return same;
}

static int pos_cmp(const void *a, const void *b)
{
    uintptr_t x = (uintptr_t)((const struct pb_pos *)a)->slot, y = (uintptr_t)((const struct pb_pos *)b)->slot;
    return (x > y) - (x < y);
}

void pb_positions_sort(struct pb_positions *p)
{
    if (p->at.n) qsort(p->at.v, p->at.n, sizeof *p->at.v, pos_cmp);
    p->sorted = true;
}

struct err_at pb_where(struct pb_positions *p, const void *slot)
{
    if (!p) return (struct err_at){ 0 };
    if (!p->sorted) pb_positions_sort(p);
    struct pb_pos want = { slot, 0, 0 };
    struct pb_pos *hit = p->at.n ? bsearch(&want, p->at.v, p->at.n, sizeof *p->at.v, pos_cmp) : NULL;
    return (struct err_at){ p->file, hit ? hit->line : 0, hit ? hit->col : 0 };
}

void pb_positions_free(struct pb_positions *p) { vec_free(&p->at); }
