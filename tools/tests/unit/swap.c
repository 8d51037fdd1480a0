/* SPDX-License-Identifier: MIT
 * unit: mm/reclaim/swapheader.c
 *
 * Swap: the header with everything wrong in turn, and the slot allocator against a model: every slot is given once until it is
 * freed, runs are runs, clusters stand in the lists that their state names, bad and lost slots never come back.
 */
#include "tools/tests/unit/unit.h"
#include "kernel/lib/string.h"
#include "mm/phys/phys.h"

#undef kmap
#undef kunmap
#include "mm/reclaim/swapslots.c"

/* Pages are plain memory here; struct page is only a name for one. */
#define MAPS 64
static char memory[MAPS][PAGE_SIZE];
static struct page pages[MAPS];
static bool taken[MAPS];
static int maps_left = MAPS;

struct page *alloc_pages(gfp_t gfp, unsigned order)
{
	for (unsigned i = 0; i < MAPS; i++)
		if (!taken[i] && maps_left-- > 0) {
			taken[i] = true;
			memset(memory[i], 0, PAGE_SIZE);
			return &pages[i];
		}
	return NULL;
}
void free_pages(struct page *p, unsigned order) { taken[p - pages] = false; }
void *kmap(struct page *p) { return memory[p - pages]; }
void kunmap(const void *addr) {}
void spin_lock_slow(spinlock_t *l) { panic("a lock that is taken twice"); }
void spin_lock_debug(spinlock_t *l, const char *text, unsigned sub)
{
	if (!raw_spin_trylock(l))
		panic("%s taken twice", text);
}
void spin_unlock_debug(spinlock_t *l, const char *text) { raw_spin_unlock(l); }
bool lockdep_on;
bool lockdep_holds(const void *lock) { return true; }
u32 lockdep_class(const char *name) { return 1; }
void bug_at(const char *file, int line, const char *what) { panic("%s:%d: %s", file, line, what); }
void warn_at(const char *file, int line, const char *what) { panic("%s:%d: warning %s", file, line, what); }

/* --- the header ------------------------------------------------------------------------------------------------------------- */
static char page[PAGE_SIZE] __aligned(8);
static u32 *word(unsigned at) { return (u32 *)(page + at); }

static void good_header(u32 last)
{
	memset(page, 0, sizeof(page));
	*word(1024) = 1;
	*word(1028) = last;
	memcpy(page + PAGE_SIZE - 10, "SWAPSPACE2", 10);
}

static int parse(u32 size, struct swap_header *h)
{
	const char *why;
	int err = swap_header_parse(page, size, h, &why);

	CHECK(!err == !why);
	return err;
}

TEST(headers)
{
	struct swap_header h;

	good_header(99);
	CHECK(!parse(100, &h) && h.last == 99 && !h.nr_bad);
	CHECK(parse(99, &h) == -EINVAL);          /* one page too large */
	*word(1028) = 0;
	CHECK(parse(100, &h) == -EINVAL);
	good_header(99);
	*word(1024) = 2;
	CHECK(parse(100, &h) == -EINVAL);
	*word(1024) = 0x01000000;
	CHECK(parse(100, &h) == -EINVAL);
	good_header(99);
	page[PAGE_SIZE - 1] = '1';
	CHECK(parse(100, &h) == -EINVAL);
	memcpy(page + PAGE_SIZE - 10, "SWAP-SPACE", 10);
	CHECK(parse(100, &h) == -EINVAL);
}

TEST(bad_pages_of_headers)
{
	const unsigned most = (PAGE_SIZE - 10 - 1536) / 4;
	struct swap_header h;

	good_header(5000);
	*word(1032) = 2;
	*word(1536) = 1;
	*word(1540) = 5000;
	CHECK(!parse(5001, &h) && h.nr_bad == 2 && h.bad[1] == 5000);
	*word(1540) = 5001;
	CHECK(parse(5001, &h) == -EINVAL);
	*word(1540) = 0;
	CHECK(parse(5001, &h) == -EINVAL);
	for (unsigned i = 0; i < most; i++)
		*word(1536 + 4 * i) = i + 1;
	memcpy(page + PAGE_SIZE - 10, "SWAPSPACE2", 10);
	*word(1032) = most;
	CHECK(!parse(5001, &h) && h.nr_bad == most);
	*word(1032) = most + 1;
	CHECK(parse(5001, &h) == -EINVAL);
	*word(1032) = ~0U;
	CHECK(parse(5001, &h) == -EINVAL);
}

/* --- slots ------------------------------------------------------------------------------------------------------------------- */
static struct swap_area area;
static u8 model[MAPS * CLUSTER]; /* 0: free, 1: given, 2: bad */
static u32 slots;

static void make(u32 n)
{
	memset(&area, 0, sizeof(area));
	memset(model, 0, sizeof(model));
	maps_left = MAPS;
	area.nr_slots = slots = n;
	REQUIRE(!swap_slots_init(&area));
	model[0] = 2;
}

static u32 take(void)
{
	u32 offset = swap_slot_alloc(&area, (pfn_t){ 7 });

	CHECK(offset < slots && !model[offset] == (offset != 0));
	if (offset)
		model[offset] = 1;
	return offset;
}

static void give(u32 offset)
{
	struct swap_slot *s = swap_slot_lock(&area, offset);

	CHECK(model[offset] == 1 && s->frame == 7);
	s->frame = 0;
	swap_slot_release(&area, offset, s);
	swap_slot_unlock(&area, offset, s);
	model[offset] = 0;
}

static void audit(void)
{
	u32 free = 0, listed = 0, n;
	struct swap_cluster *c;

	for (u32 i = 0; i < area.nr_clusters; i++) {
		struct swap_slot *s = (struct swap_slot *)kmap(area.clusters[i].map);
		u32 used = 0;

		for (u32 k = 0; k < CLUSTER; k++) {
			used += !slot_free(&s[k]);
			if (i * CLUSTER + k < slots)
				CHECK(slot_free(&s[k]) == !model[i * CLUSTER + k]);
		}
		CHECK(used == area.clusters[i].used);
		CHECK((area.clusters[i].state == CLUSTER_FULL) <= (used == CLUSTER));
		free += CLUSTER - used;
	}
	CHECK(atomic_read(&area.nr_free) == free);
	n = 0;
	list_for_each_entry(c, &area.free, node) {
		CHECK(c->state == CLUSTER_FREE && !c->used);
		n++;
	}
	list_for_each_entry(c, &area.part, node) {
		CHECK(c->state == CLUSTER_PART && c->used && c->used < CLUSTER);
		n++;
	}
	for (u32 i = 0; i < area.nr_clusters; i++)
		listed += area.clusters[i].state == CLUSTER_FREE || area.clusters[i].state == CLUSTER_PART;
	CHECK(n == listed);
}

TEST(every_slot_once)
{
	make(3 * CLUSTER - 100);
	swap_slots_bad(&area, 5);
	swap_slots_bad(&area, 5);
	swap_slots_bad(&area, CLUSTER + 1);
	model[5] = model[CLUSTER + 1] = 2;
	swap_slots_ready(&area);
	CHECK(area.usable == slots - 3 && area_used(&area) == 0);
	audit();
	for (u32 i = 0; i < area.usable; i++)
		CHECK(take());
	CHECK(!take() && area_used(&area) == area.usable);
	audit();
	for (u32 i = 1; i < slots; i++)
		if (model[i] == 1)
			give(i);
	CHECK(area_used(&area) == 0);
	audit();
	swap_slots_free(&area);
}

TEST(runs)
{
	u32 last = 0, breaks = 0;

	make(8 * CLUSTER);
	swap_slots_ready(&area);
	for (u32 i = 0; i < 6 * CLUSTER; i++) {
		u32 at = take();

		breaks += at != last + 1;
		last = at;
	}
	CHECK(breaks <= 7); /* one a cluster at most */
	audit();
	swap_slots_free(&area);
}

TEST(a_lost_slot_never_comes_back)
{
	struct swap_slot *s;
	u32 at;

	make(CLUSTER);
	swap_slots_ready(&area);
	at = take();
	s = swap_slot_lock(&area, at);
	s->frame = SLOT_ERROR;
	swap_slot_release(&area, at, s);
	swap_slot_unlock(&area, at, s);
	model[at] = 2;
	CHECK(atomic_read(&area.lost) == 1 && area_used(&area) == 0);
	for (u32 i = 0; i < area.usable - 1; i++)
		CHECK(take() != at);
	CHECK(!take());
	audit();
	swap_slots_free(&area);
}

TEST(at_random)
{
	u32 state = 12345, given = 0;

	make(10 * CLUSTER + 37);
	swap_slots_ready(&area);
	for (u32 i = 0; i < 60000; i++) {
		bool grow = (state = state * 1664525 + 1013904223) >> 28 < (i / 10000 % 2 ? 6 : 11);

		if (grow) {
			given += take() != 0;
		} else {
			u32 at = state % slots;

			if (model[at] == 1) {
				give(at);
				given--;
			}
		}
		if (!(i % 5000))
			audit();
	}
	CHECK(area_used(&area) == given);
	audit();
	swap_slots_free(&area);
}

/* Clusters that other CPUs hold are the last resort. */
TEST(nobody_starves)
{
	make(4 * CLUSTER);
	swap_slots_ready(&area);
	for (unsigned cpu = 1; cpu < 5; cpu++) { /* as if CPUs had taken all clusters */
		struct swap_cluster *c = pick_cluster(&area);

		if (c)
			area.held[cpu] = c;
	}
	for (u32 i = 0; i < area.usable; i++)
		CHECK(take());
	CHECK(!take());
	audit();
	swap_slots_free(&area);
}

TEST(no_memory_for_slots)
{
	memset(&area, 0, sizeof(area));
	area.nr_slots = 5 * CLUSTER;
	maps_left = 3;
	CHECK(swap_slots_init(&area) == -ENOMEM && !area.clusters);
	for (unsigned i = 0; i < MAPS; i++)
		CHECK(!taken[i]);
}
