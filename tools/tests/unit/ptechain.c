/* SPDX-License-Identifier: MIT
 * unit: mm/rmap/ptechain.c mm/rmap/locator.c
 *
 * Chains of page-table entries against a plain array of what was put in: every size of node and entry, every order of
 * taking out, walks that drop as they go, failing allocations. And locators: frames that have holes between them.
 */
#include "tools/tests/unit/unit.h"
#include "mm/rmap/ptechain.h"

static struct page frames[16];
struct page *mem_map = frames, *high_mem_map = frames;
pfn_t max_pfn, max_low_pfn;
static bool (*has_ram)(pfn_t pfn);

bool pfn_has_ram(pfn_t pfn) { return has_ram(pfn); }
struct page *pt_page(struct mm *mm, unsigned long addr) { return NULL; }
const char *state_lock_name(void) { return "none"; }
int scnprintf(char *buf, size_t size, const char *fmt, ...) { return 0; }
void for_each_slab_cache(void (*fn)(void *arg, const struct slab_info *info), void *arg) {}
void bug_at(const char *file, int line, const char *what) { panic("%s:%d: %s", file, line, what); }
void *aligned_alloc(size_t align, size_t size);
void *malloc(size_t size);
void free(void *p);
static bool no_tables;
void *__kmalloc(size_t size, gfp_t gfp) { return no_tables ? NULL : malloc(size); }

/* Nodes must lie at multiples of their size. */
static long nodes;
static unsigned fail_after = ~0U;
struct kmem_cache *kmem_cache_create(const char *name, size_t size, size_t align, u32 flags, void (*ctor)(void *)) { return (void *)frames; }
void *kmem_cache_alloc(struct kmem_cache *c, gfp_t gfp)
{
	if (!fail_after)
		return NULL;
	fail_after--;
	nodes++;
	return aligned_alloc(chain_shape.line, chain_shape.line);
}
void kmem_cache_free(struct kmem_cache *c, void *p) { nodes--; free(p); }

/* --- locators ---------------------------------------------------------------------------------------------------------------- */
static bool all_ram(pfn_t pfn) { return true; }
static bool pc_32g(pfn_t pfn) { return pfn.n < 0xc0000 || (pfn.n >= 0x100000 && pfn.n < 0x840000); } /* 0-3 GB, 4-33 GB */
static bool pc_64g(pfn_t pfn) { return pfn.n < 0xc0000 || (pfn.n >= 0x100000 && pfn.n < 0x1040000); }
extern struct squeeze squeeze;

static void machine(bool (*ram)(pfn_t pfn), unsigned long end)
{
	has_ram = ram;
	max_pfn.n = end;
	max_low_pfn.n = 0x38000;
	free(squeeze.gap);
	squeeze = (struct squeeze){ 0 };
	CHECK(!locator_init());
}

TEST(every_frame_of_32_gb_has_a_number)
{
	u32 n = 0;

	machine(pc_32g, 0x840000);
	for (pfn_t pfn = { 0 }; pfn.n < max_pfn.n; pfn.n++) {
		if (!pc_32g(pfn))
			continue;
		REQUIRE(squeeze_frame(mmu_pfn_of(pfn)) == n && expand_frame(n).n == pfn.n);
		n++;
	}
	CHECK(n == 1U << 23);
	CHECK(rmap_table_limit == pfn_to_page((pfn_t){ 0x83ffff })); /* only the last would make all ones possible */
	for (unsigned slot = 0; slot < 512; slot += 73) {
		locator_t l = locator_make(pfn_to_page((pfn_t){ 0x83fffe }), slot);

		CHECK(locator_table(l) == pfn_to_page((pfn_t){ 0x83fffe }) && locator_slot(l) == slot && l != NO_LOCATOR);
		CHECK(locator_to_phys(l) == 0x83fffe000ULL + slot * 8 && locator_from_phys(locator_to_phys(l)) == l);
	}
}

TEST(beyond_32_gb_tables_stay_below)
{
	machine(pc_64g, 0x1040000);
	CHECK(rmap_table_limit == pfn_to_page((pfn_t){ 0x83ffff }));
	machine(all_ram, 0x10000);
	CHECK(rmap_table_limit == pfn_to_page((pfn_t){ 0x10000 }));
}

TEST(no_memory_for_the_tables)
{
	free(squeeze.gap);
	squeeze = (struct squeeze){ 0 };
	no_tables = true;
	CHECK(locator_init() == -ENOMEM);
	no_tables = false;
	CHECK(!locator_init());
}

/* --- chains against an array ------------------------------------------------------------------------------------------------- */
#define MOST 200
static locator_t model[MOST];
static unsigned nr;
static struct page page;
static struct rmap_batch batch;

static void shape(u32 line, bool wide)
{
	machine(all_ram, 0x800000);
	REQUIRE(!ptechain_init());
	chain_shape = (struct chain_shape){ line, (line - 4) / (wide ? 8 : 4), wide };
	page = (struct page){ .direct = NO_LOCATOR };
	nr = 0;
}

static void put(locator_t l)
{
	REQUIRE(!ptechain_reserve(&batch, 1, 0));
	ptechain_add(&page, l, &batch);
	model[nr++] = l;
}

static void take(unsigned i)
{
	ptechain_remove(&page, model[i]);
	model[i] = model[--nr];
}

/* The chain holds what the model holds, each once; only its first node has free slots; no more nodes than that needs. */
static void audit(void)
{
	bool seen[MOST] = { false };
	struct chain_pos pos;
	unsigned n = 0;
	locator_t l;

	for (bool more = ptechain_first(&page, &pos, &l); more; more = ptechain_next(&page, &pos, &l), n++) {
		unsigned i = 0;

		while (i < nr && (model[i] != l || seen[i]))
			i++;
		REQUIRE(i < nr);
		seen[i] = true;
	}
	CHECK(n == nr && ptechain_count(&page) == nr);
	CHECK(page_mapped(&page) == (nr > 0) && page_chain(&page) == (nr > 1));
	ptechain_unreserve(&batch);
	CHECK(nodes == (nr < 2 ? 0 : (nr + chain_shape.slots - 1) / chain_shape.slots));
}

static void random_changes(u32 line, bool wide)
{
	shape(line, wide);
	for (unsigned step = 0; step < 4000; step++) {
		if (nr < MOST && (!nr || unit_random() % (step / 1000 % 2 ? 5 : 2) == 0))
			put(unit_random() << 9 | (step & 511));
		else
			take(unit_random() % nr);
		audit();
	}
	while (nr)
		take(unit_random() % nr);
	audit();
}

TEST(random_changes_match_the_model)
{
	for (u32 line = 32; line <= 128; line *= 2) {
		random_changes(line, false);
		random_changes(line, true);
	}
}

TEST(a_walk_may_drop_any_subset)
{
	for (unsigned round = 0; round < 600; round++) {
		unsigned count = 1 + unit_random() % 40, chance = unit_random() % 5;
		struct chain_pos pos;
		bool met[MOST] = { false };
		locator_t l;

		shape(32U << round % 3, round & 1);
		for (unsigned i = 0; i < count; i++)
			put(1000 + i);
		for (bool more = ptechain_first(&page, &pos, &l); more; more = ptechain_next(&page, &pos, &l)) {
			REQUIRE(l - 1000 < count && !met[l - 1000]); /* nobody is met twice, whatever was moved meanwhile */
			met[l - 1000] = true;
			if (unit_random() % 4 >= chance) {
				unsigned i = 0;

				ptechain_drop(&page, &pos);
				while (model[i] != l)
					i++;
				model[i] = model[--nr];
			}
		}
		ptechain_settle(&page);
		for (unsigned i = 0; i < count; i++)
			CHECK(met[i]);
		audit();
		while (nr)
			take(0);
		audit();
	}
}

TEST(moving_an_entry)
{
	shape(32, false);
	put(5);
	ptechain_replace(&page, 5, 6);
	CHECK(page.direct == 6);
	model[0] = 6;
	for (unsigned i = 0; i < 20; i++)
		put(100 + i);
	ptechain_replace(&page, 107, 9);
	model[8] = 9;
	audit();
	while (nr)
		take(nr - 1);
	audit();
}

TEST(what_is_not_there_cannot_be_removed)
{
	shape(32, false);
	put(1);
	put(2);
	if (UNIT_CATCH_PANIC())
		ptechain_remove(&page, 3);
	CHECK(unit_panicked());
	take(0);
	take(0);
	audit();
}

TEST(adding_without_having_reserved_is_a_bug)
{
	shape(32, false);
	put(1);
	ptechain_unreserve(&batch);
	if (UNIT_CATCH_PANIC())
		ptechain_add(&page, 2, &batch);
	CHECK(unit_panicked());
	take(0);
}

TEST(reserving_fails_in_the_middle)
{
	shape(64, false);
	fail_after = 5;
	CHECK(ptechain_reserve(&batch, 8, 0) == -ENOMEM && batch.count == 5 && nodes == 5);
	fail_after = ~0U;
	CHECK(!ptechain_reserve(&batch, 8, 0) && nodes == 8); /* only what is missing */
	ptechain_unreserve(&batch);
	CHECK(!nodes && !batch.objects);
}
