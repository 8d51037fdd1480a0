/* SPDX-License-Identifier: MIT
 *
 * The insides of a cache, shared by slab.c, slab_debug.c and kmalloc.c.
 */
#ifndef MM_PHYS_SLAB_H
#define MM_PHYS_SLAB_H

#include "mm/phys/internal.h"

/* A CPU's own stock of objects: two stacks, linked through the objects. Preemption off, on that CPU, not in an
 * interrupt handler. When `head` is full it becomes `spare`, and what was spare goes back to the slabs. */
struct magazine {
	void *head;
	u32 count, limit;
	void *spare;
	u32 spare_count;
	struct kmem_cache *cache;
	struct magazine *next; /* while it is detached to be emptied */
	u32 cpu;
};
static_assert(sizeof(struct magazine) == 32, "one a cache and CPU");

struct kmem_cache {
	struct magazine *cpu[MAX_CPUS]; /* never NULL: no_magazine where there is none yet */
	u16 link;               /* f: where in a free object the address of the next one stands */
	u16 limit;              /* f: objects in half a magazine */
	u32 size;               /* f: what the user gets */
	u32 stride;             /* f: what it takes */
	u32 base_mask;          /* f: address of an object & this = address of its slab */
	u32 flags;              /* f */
	void (*ctor)(void *);   /* f */
	u16 offset;             /* f: of the object within its stride (debug: red zone before it) */
	u16 per_slab;           /* f */
	u8 order;               /* f */
	bool dying;
	spinlock_t lock;
	struct list_head partial; /* lock: slabs with free objects, empty ones at the tail */
	struct list_head full;    /* lock; debug builds only: slabs without */
	u32 nr_slabs, nr_empty;   /* lock */
	u32 nr_free;              /* lock: free objects in slabs; those in magazines not counted */
	u32 id;                   /* position in the list, for the boot log */
	const char *name;         /* f */
	struct list_head list;    /* caches_mutex */
};

static inline struct page *slab_of(const struct kmem_cache *c, const void *obj)
{
	return virt_to_page((void *)((unsigned long)obj & c->base_mask));
}
static inline void *slab_base(struct page *slab) { return page_address(slab); }
static inline void **link_of(const struct kmem_cache *c, void *obj) { return (void **)((char *)obj + c->link); }

#ifdef CONFIG_DEBUG
void slab_debug_layout(struct kmem_cache *c);                  /* sets offset, link, stride */
void slab_debug_init(struct kmem_cache *c, void *obj);         /* object of a fresh slab */
void slab_debug_alloc(struct kmem_cache *c, void *obj, size_t asked);
void slab_debug_free(struct kmem_cache *c, void *obj);
size_t slab_debug_size(const struct kmem_cache *c, const void *obj);
void slab_debug_asked(struct kmem_cache *c, void *obj, size_t asked);
#else
static inline void slab_debug_init(struct kmem_cache *c, void *obj) {}
static inline void slab_debug_alloc(struct kmem_cache *c, void *obj, size_t asked) {}
static inline void slab_debug_free(struct kmem_cache *c, void *obj) {}
static inline size_t slab_debug_size(const struct kmem_cache *c, const void *obj) { return c->size; }
#endif

extern struct magazine no_magazine;       /* empty and full at once: a CPU's before its first visit */
extern struct kmem_cache magazine_cache;
static inline bool magazine_real(const struct magazine *m) { return m->limit; }
void put_objects(struct kmem_cache *c, void *list);                         /* back to their slabs; any context */
unsigned long free_slabs(struct kmem_cache *c, struct list_head *slabs);    /* => pages */

#endif
