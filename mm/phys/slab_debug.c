/* SPDX-License-Identifier: MIT
 *
 * Debug builds: what a slab object carries to show who misused it.
 *
 *   | red zone (align) | object, poisoned while free | red word | state | link | bytes asked for | who (4 callers) |
 *
 * Freeing an object that is free, or of another cache, writing before or behind it, behind the bytes asked for, or
 * after it was freed: a panic that names cache, object and the callers of its last kmem_cache_alloc or kmem_cache_free.
 * Objects with a constructor and typesafe ones keep their contents and are not poisoned.
 */
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sync/mutex.h"
#include "mm/phys/slab.h"

#ifdef CONFIG_DEBUG
#define RED_BYTE 0xbb
#define RED_WORD 0xbbbbbbbbU
#define FREE_BYTE 0x6b
#define UNUSED_BYTE 0xcc
#define NR_CALLERS 4
enum { STATE_FREE = 0x46524545, STATE_USED = 0x55534544 };

struct slab_tail {
	u32 red, state;
	void *link;
	u32 asked;
	unsigned long who[NR_CALLERS];
};

static bool watched(const struct kmem_cache *c) { return !(c->flags & SLAB_NODEBUG); }
static bool poisoned(const struct kmem_cache *c) { return !c->ctor && !(c->flags & SLAB_TYPESAFE_RCU); }
static struct slab_tail *tail_of(const struct kmem_cache *c, const void *obj)
{
	return (struct slab_tail *)((char *)obj + ALIGN_UP(c->size, 4U));
}

void slab_debug_layout(struct kmem_cache *c)
{
	if (!watched(c)) {
		c->offset = 0;
		return;
	}
	c->offset = max_t(u32, c->offset, 8);
	c->link = ALIGN_UP(c->size, 4U) + offsetof(struct slab_tail, link);
	c->stride = c->offset + ALIGN_UP(c->size, 4U) + sizeof(struct slab_tail);
}

void slab_debug_init(struct kmem_cache *c, void *obj)
{
	struct slab_tail *t = tail_of(c, obj);

	if (!watched(c))
		return;
	memset((char *)obj - c->offset, RED_BYTE, c->offset);
	memset(t, 0, sizeof(*t));
	t->red = RED_WORD;
	t->state = STATE_FREE;
	t->asked = c->size;
	if (poisoned(c))
		memset(obj, FREE_BYTE, c->size);
}

/* The return addresses above the allocator's own functions. */
static noinline void note_callers(struct slab_tail *t)
{
	unsigned long *frame = __builtin_frame_address(0), start = (unsigned long)frame;
	unsigned n = 0;

	memset(t->who, 0, sizeof(t->who));
	for (unsigned depth = 0; n < NR_CALLERS; depth++) {
		if ((unsigned long)frame < start || (unsigned long)frame - start > 4000 || !IS_ALIGNED((unsigned long)frame, 4UL) ||
		    frame[1] < PAGE_OFFSET)
			return;
		if (depth >= 2) /* ours, and kmem_cache_alloc or kmem_cache_free */
			t->who[n++] = frame[1];
		if (frame[0] <= (unsigned long)frame || (frame[0] ^ start) & ~8191UL)
			return;
		frame = (unsigned long *)frame[0];
	}
}

static void print_callers(const struct slab_tail *t)
{
	for (unsigned i = 0; i < NR_CALLERS && t->who[i]; i++)
		pr_err("  last from %pS\n", (void *)t->who[i]);
}

static void __noreturn __cold complain(struct kmem_cache *c, const void *obj, const char *what)
{
	pr_err("slab %s: object %p (%u bytes): %s\n", c->name, obj, c->size, what);
	print_callers(tail_of(c, obj));
	print_hex_dump(KERN_ERR, "  ", (const char *)obj - c->offset, c->offset + min(c->size, 96U));
	print_hex_dump(KERN_ERR, "  tail ", tail_of(c, obj), sizeof(struct slab_tail));
	panic("slab %s: %s", c->name, what);
}

static bool all_bytes(const void *p, u8 byte, size_t n)
{
	const u8 *b = p;

	while (n--)
		if (*b++ != byte)
			return false;
	return true;
}

static void check_zones(struct kmem_cache *c, const void *obj)
{
	const struct slab_tail *t = tail_of(c, obj);

	if (t->red != RED_WORD)
		complain(c, obj, "written behind its end");
	if (!all_bytes((const char *)obj - c->offset, RED_BYTE, c->offset))
		complain(c, obj, "written before its start");
}

void slab_debug_alloc(struct kmem_cache *c, void *obj, size_t asked)
{
	struct slab_tail *t = tail_of(c, obj);

	if (!watched(c))
		return;
	check_zones(c, obj);
	if (t->state != STATE_FREE)
		complain(c, obj, "handed out twice");
	if (poisoned(c) && !all_bytes(obj, FREE_BYTE, c->size))
		complain(c, obj, "used after it was freed");
	t->state = STATE_USED;
	t->asked = asked;
	note_callers(t);
	if (poisoned(c))
		memset(obj, 0x5a, c->size);
}

/* kmalloc: what lies between the bytes asked for and the end of the class is a red zone, too. */
void slab_debug_asked(struct kmem_cache *c, void *obj, size_t asked)
{
	tail_of(c, obj)->asked = asked;
	memset((char *)obj + asked, UNUSED_BYTE, c->size - asked);
}

void slab_debug_free(struct kmem_cache *c, void *obj)
{
	struct slab_tail *t = tail_of(c, obj);
	unsigned long place = (unsigned long)obj - c->offset - (unsigned long)slab_base(slab_of(c, obj));

	if (!watched(c))
		return;
	if (place % c->stride || place / c->stride >= c->per_slab)
		panic("slab %s: %p is not the start of an object", c->name, obj);
	if (t->state != STATE_USED)
		complain(c, obj, t->state == STATE_FREE ? "freed twice" : "freed, but its state is overwritten");
	check_zones(c, obj);
	if (!all_bytes((char *)obj + t->asked, UNUSED_BYTE, c->size - t->asked))
		complain(c, obj, "written behind the bytes asked for");
	t->state = STATE_FREE;
	note_callers(t);
	if (poisoned(c))
		memset(obj, FREE_BYTE, c->size);
}

size_t slab_debug_size(const struct kmem_cache *c, const void *obj)
{
	return watched(c) ? tail_of(c, obj)->asked : c->size;
}

static unsigned report_slab(struct kmem_cache *c, struct page *slab, unsigned budget)
{
	char *obj = (char *)slab_base(slab) + c->offset;

	for (u32 i = 0; i < slab->objects && budget; i++, obj += c->stride) {
		if (tail_of(c, obj)->state != STATE_USED)
			continue;
		pr_info("slab %s: %p in use\n", c->name, obj);
		print_callers(tail_of(c, obj));
		budget--;
	}
	return budget;
}

void slab_report_leaks(struct kmem_cache *c)
{
	struct page *slab;
	unsigned long flags;
	unsigned budget = 32;

	if (!watched(c))
		return;
	spin_lock_irqsave(&c->lock, flags);
	list_for_each_entry(slab, &c->full, lru)
		budget = report_slab(c, slab, budget);
	list_for_each_entry(slab, &c->partial, lru)
		budget = report_slab(c, slab, budget);
	spin_unlock_irqrestore(&c->lock, flags);
}
#else
void slab_report_leaks(struct kmem_cache *c)
{
	pr_info("slab %s: %u of %u objects in use (the debug build says by whom)\n", c->name, c->nr_slabs * c->per_slab - c->nr_free,
		c->nr_slabs * c->per_slab);
}
#endif
