/* SPDX-License-Identifier: MIT
 * unit:
 *
 * kmap's choice of slots, against a model of the TLB: what a CPU may still have cached of a slot when it is used.
 * The release form of kmap.c; page tables are plain memory.
 */
#undef CONFIG_DEBUG
#include "tools/tests/unit/unit.h"
#include "kernel/lib/string.h"
#include "mm/phys/internal.h"

static unsigned long tlb[KMAP_SLOTS]; /* the worst that the TLB may hold: the frame first seen in a slot since the last flush */
static unsigned flushes;
static void fake_flush(void)
{
	memset(tlb, 0, sizeof(tlb));
	flushes++;
}
#define flush_tlb_local fake_flush
#define arch_clear_page(p) ((void)(p))
#define arch_copy_page(a, b) ((void)(a), (void)(b))
#include "mm/phys/kmap.c"

u32 preempt_count;
bool unit_irq;
unsigned long vm_events[NR_VM_EVENTS];
struct page *mem_map, *high_mem_map;
pfn_t max_low_pfn = { 1000 };
u64 pte_nx;
static pte_t table[KMAP_SLOTS];
pte_t *kmap_ptes[] = { table };

static u32 slot_of(const void *addr) { return ((unsigned long)addr - KMAP_BASE) / MMU_PAGE_SIZE; }

/* The program touches the page: the translation is loaded, or an old one is used. */
static void touch(const void *addr, unsigned long pfn)
{
	u32 slot = slot_of(addr);

	CHECK(slot < KMAP_SLOTS && pte_present(table[slot]) && pte_mmu_pfn(table[slot]).n == pfn);
	if (!tlb[slot])
		tlb[slot] = pfn;
	CHECK(tlb[slot] == pfn);
}

static void reset(void)
{
	memset(&kmap_cpu, 0, sizeof(kmap_cpu));
	memset(table, 0, sizeof(table));
	tlb_gen = 1;
	fake_flush();
	flushes = 0;
}

TEST(one_flush_a_round)
{
	reset();
	for (unsigned long pfn = 2000; pfn < 2000 + 51200; pfn++) {
		void *p = kmap_pfn((pfn_t){ pfn });

		touch(p, pfn);
		kunmap(p);
	}
	CHECK(flushes >= 90 && flushes <= 101);
	CHECK(preempt_count == 0);
}

TEST(same_page_costs_nothing)
{
	void *first;

	reset();
	first = kmap_pfn((pfn_t){ 5000 });
	kunmap(first);
	for (unsigned i = 0; i < 10000; i++) {
		void *p = kmap_pfn((pfn_t){ 5000 });

		touch(p, 5000);
		CHECK(p == first);
		kunmap(p);
	}
	CHECK(flushes == 0);
}

TEST(low_pages_need_no_slot)
{
	void *p = kmap_pfn((pfn_t){ 77 });

	CHECK(p == __va(77 << PAGE_SHIFT) && preempt_count == 1);
	kunmap(p);
	CHECK(preempt_count == 0);
}

TEST(same_page_twice_at_once)
{
	void *a, *b;

	reset();
	a = kmap_pfn((pfn_t){ 6000 });
	b = kmap_pfn((pfn_t){ 6000 });
	CHECK(a != b);
	kunmap(b);
	for (unsigned long pfn = 7000; pfn < 7000 + 3 * KMAP_SLOTS; pfn++) {
		b = kmap_pfn((pfn_t){ pfn });
		touch(b, pfn);
		kunmap(b);
	}
	touch(a, 6000);
	kunmap(a);
}

/* Nested mappings, repeated pages, flushes by others at any moment, held slots over many rounds. */
TEST(random_against_tlb)
{
	struct { void *addr; unsigned long pfn; } stack[8];
	unsigned depth = 0, maps = 0;

	reset();
	for (unsigned i = 0; i < 2000000; i++) {
		u32 r = unit_random() % 100;

		if (r < 50 && depth < 8) {
			unsigned long pfn = unit_random() % 3 ? 1000 + unit_random() % 40 : 1000 + unit_random() % 100000;

			stack[depth].addr = kmap_pfn((pfn_t){ pfn });
			stack[depth++].pfn = pfn;
			touch(stack[depth - 1].addr, pfn);
			maps++;
		} else if (r < 97 && depth) {
			touch(stack[depth - 1].addr, stack[depth - 1].pfn);
			kunmap(stack[--depth].addr);
		} else if (r == 97 && unit_random() % 20 == 0) {
			fake_flush();
			tlb_flushed();
		}
		for (unsigned d = 0; d < depth; d++)
			touch(stack[d].addr, stack[d].pfn);
	}
	printf("# %u mappings, %u flushes\n", maps, flushes);
}
