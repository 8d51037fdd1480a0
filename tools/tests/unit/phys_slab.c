/* SPDX-License-Identifier: MIT
 * unit: mm/phys/buddy.c mm/phys/zone.c mm/phys/lowmem.c mm/phys/lru.c mm/phys/alloc.c mm/phys/pcp.c mm/phys/free.c mm/phys/page_check.c mm/phys/show.c mm/phys/slab_cache.c mm/phys/boot.c mm/phys/slab_debug.c mm/phys/kmalloc.c
 *
 * Slabs against a model: objects do not overlap, contents stay, statistics are true, empty slabs go back; constructors;
 * what the debug build catches; magazines in interrupts; failure of every page allocation.
 */
#include "tools/tests/unit/phys_shim.h"
#include "mm/phys/slab.c"

#define M(n) ((u64)(n) << 20)

static void boot_once(void)
{
	static const struct mem_range ram[] = { { 0, 0x9fc00, 0 }, { M(1), M(64), 0 } }, res[] = { { M(1), M(4), 0 } };

	if (mem_map)
		return;
	map_low_memory(M(64));
	phys_init(ram, 2, res, 1);
}

static struct slab_info wanted;
static const char *wanted_name;
static void pick(void *arg, const struct slab_info *info)
{
	if (info->name == wanted_name)
		wanted = *info;
}
static struct slab_info *info_of(const char *name)
{
	memset(&wanted, 0, sizeof(wanted));
	wanted_name = name;
	for_each_slab_cache(pick, NULL);
	return &wanted;
}

#define NR 6000
static struct { u8 *obj; u8 mark; u32 size; } held[NR];

static bool holds(const u8 *p, u8 mark, u32 size)
{
	for (u32 i = 0; i < size; i++)
		if (p[i] != mark)
			return false;
	return true;
}

static void random_rounds(struct kmem_cache *c, u32 size)
{
	for (unsigned round = 0; round < 60000; round++) {
		unsigned i = unit_random() % NR;

		unit_irq = unit_random() % 8 == 0;
		if (held[i].obj) {
			CHECK(holds(held[i].obj, held[i].mark, held[i].size));
			kmem_cache_free(c, held[i].obj);
			held[i].obj = NULL;
		} else {
			held[i].obj = kmem_cache_alloc(c, GFP_ATOMIC);
			REQUIRE(held[i].obj);
			held[i].mark = unit_random();
			held[i].size = size;
			memset(held[i].obj, held[i].mark, size);
		}
	}
	unit_irq = false;
}

static unsigned long drop_all(struct kmem_cache *c)
{
	unsigned long n = 0;

	for (unsigned i = 0; i < NR; i++)
		if (held[i].obj) {
			CHECK(holds(held[i].obj, held[i].mark, held[i].size));
			kmem_cache_free(c, held[i].obj);
			held[i].obj = NULL;
			n++;
		}
	return n;
}

TEST(random_sizes_against_model)
{
	static const u32 sizes[] = { 8, 20, 100, 284, 640, 1500, 4000 };

	boot_once();
	for (unsigned s = 0; s < ARRAY_SIZE(sizes); s++) {
		struct kmem_cache *c = kmem_cache_create("test", sizes[s], 0, 0, NULL);
		unsigned long n = 0;

		REQUIRE(c);
		random_rounds(c, sizes[s]);
		for (unsigned i = 0; i < NR; i++)
			n += held[i].obj != NULL;
		CHECK(info_of("test")->active == n);
		CHECK(kmem_cache_destroy(c) == -EBUSY || !n);
		CHECK(drop_all(c) == n);
		CHECK(info_of("test")->active == 0);
		kmem_cache_shrink(c);
		CHECK(info_of("test")->slabs == 0);
		CHECK(kmem_cache_destroy(c) == 0);
		CHECK(!info_of("test")->name);
	}
	CHECK(preempt_count == 0);
}

TEST(nothing_leaks)
{
	unsigned long before, after;
	struct kmem_cache *c;

	boot_once();
	slab_drain_all();
	drain_all_pages();
	before = nr_free_pages();
	c = kmem_cache_create("leak", 333, 0, SLAB_TYPESAFE_RCU, NULL);
	random_rounds(c, 333);
	drop_all(c);
	CHECK(kmem_cache_destroy(c) == 0);
	slab_drain_all();
	after = nr_free_pages();
	CHECK(after == before);
}

static unsigned constructed;
static void construct(void *p)
{
	*(u32 *)p = 0x600d;
	constructed++;
}

TEST(constructed_once)
{
	struct kmem_cache *c;
	u32 *a, *b;

	boot_once();
	c = kmem_cache_create("ctor", 64, 0, 0, construct);
	a = kmem_cache_alloc(c, GFP_KERNEL);
	REQUIRE(a);
	CHECK(*a == 0x600d && constructed == c->per_slab);
	kmem_cache_free(c, a);
	CHECK(*a == 0x600d);
	b = kmem_cache_alloc(c, GFP_KERNEL);
	CHECK(b == a && *b == 0x600d && constructed == c->per_slab);
	kmem_cache_free(c, b);
	CHECK(kmem_cache_destroy(c) == 0);
}

TEST(alignment)
{
	boot_once();
	for (u32 align = 4; align <= 512; align *= 2) {
		struct kmem_cache *c = kmem_cache_create("align", 40, align, 0, NULL);

		for (unsigned i = 0; i < 50; i++) {
			held[i].obj = kmem_cache_alloc(c, GFP_KERNEL);
			CHECK(held[i].obj && IS_ALIGNED((unsigned long)held[i].obj, (unsigned long)align));
		}
		for (unsigned i = 0; i < 50; i++) {
			kmem_cache_free(c, held[i].obj);
			held[i].obj = NULL;
		}
		CHECK(kmem_cache_destroy(c) == 0);
	}
}

TEST(kmalloc_sizes)
{
	boot_once();
	for (u32 size = 1; size < 40000; size += size < 300 ? 1 : 77) {
		u8 *p = kzalloc(size, GFP_KERNEL), *q;

		REQUIRE(p);
		CHECK(ksize(p) >= size && holds(p, 0, size) && IS_ALIGNED((unsigned long)p, 4UL));
		memset(p, 0x37, size);
		q = krealloc(p, size * 3, GFP_KERNEL);
		REQUIRE(q);
		CHECK(holds(q, 0x37, size));
		memset(q, 1, size * 3);
		kfree(q);
	}
	CHECK(!kmalloc(5U << 20, GFP_KERNEL | __GFP_NOWARN));
	kfree(NULL);
}

static void misuse(struct kmem_cache *c, int how)
{
	u8 *p = kmem_cache_alloc(c, GFP_KERNEL);

	switch (how) {
	case 0: p[40] = 1; break;
	case 1: p[-1] = 1; break;
	case 2: kmem_cache_free(c, p); break;
	case 3: kmem_cache_free(c, p); p[8] = 1; p = kmem_cache_alloc(c, GFP_KERNEL); break;
	case 4: p += 4; break;
	}
	kmem_cache_free(c, p);
}

TEST(misuse_is_caught)
{
	boot_once();
	for (int how = 0; how < 5; how++) {
		struct kmem_cache *c = kmem_cache_create("misuse", 40, 0, 0, NULL);

		if (UNIT_CATCH_PANIC())
			misuse(c, how);
		CHECK(unit_panicked());
		preempt_count = 0;
		list_del(&c->list); /* it is not fit for use */
	}
	if (UNIT_CATCH_PANIC()) {
		u8 *p = kmalloc(unit_random() % 2 + 20, GFP_KERNEL);

		p[22] = 0; /* within the class of 24 */
		kfree(p);
	}
	CHECK(unit_panicked());
}

TEST(out_of_memory_is_null)
{
	struct kmem_cache *c;
	unsigned n = 0;
	void **last = NULL, **p;

	boot_once();
	c = kmem_cache_create("oom", 2000, 0, 0, NULL);
	while ((p = kmem_cache_alloc(c, GFP_NOWAIT | __GFP_NOWARN)) != NULL) {
		*p = last;
		last = p;
		n++;
	}
	CHECK(n > 10000);
	CHECK(!kmalloc(100000, GFP_NOWAIT | __GFP_NOWARN));
	while ((p = last) != NULL) {
		last = *p;
		kmem_cache_free(c, p);
	}
	CHECK(kmem_cache_destroy(c) == 0);
}
