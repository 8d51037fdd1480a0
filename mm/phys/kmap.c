/* SPDX-License-Identifier: MIT
 *
 * Kernel mappings of high pages, for a moment: the hot path of a kernel whose memory is mostly out of its own reach.
 *
 * Linux maps with one slot a nesting level and throws the translation out of the TLB (INVLPG) at each use. Here each
 * CPU has 512 slots, one page table, and hands them out in turn, like a ring. A slot that was let go keeps its PTE, and
 * its translation may stay in the TLB, until its turn comes again. It may be used for another page once this CPU has
 * flushed its TLB since the slot was let go: tlb_gen counts the flushes (each reload of CR3, so that a switch to another
 * address space makes all slots fresh for free), slot.used keeps the count at kunmap. Slots that are held or not
 * fresh are stepped over; after some dozen of these kmap flushes by itself, which makes all but the held ones fresh.
 *
 * A slot that was let go still maps its frame until the ring comes around, and memo[] knows for each of 512 classes of
 * frame numbers the slot that had one of them last. So the page-table page of a run of faults, or a page that is read in
 * small pieces, costs no new slot and no TLB miss. 5 KB a CPU in all.
 *
 * No locks: only the CPU itself touches its slots, with preemption off, never in interrupt handlers. These may flush
 * the TLB at any moment: at worst a slot looks less fresh than it is.
 */
#include "mm/phys/internal.h"
#include "kernel/lib/string.h"

#define KMAP_DEPTH 8
#define KMAP_PATIENCE 32 /* slots stepped over, not fresh, before a flush */
#define KMAP_HELD (~0U)

static_assert(KMAP_SLOTS == PTRS_PER_TABLE, "a CPU's slots are one page table");

struct kmap_slot {
	pfn_t pfn;               /* what its PTE maps; 0: nothing */
	u32 used;                /* KMAP_HELD, or tlb_gen when it was let go */
};
struct kmap_cpu {
	unsigned long base;      /* address of slot 0; 0: not set up */
	pte_t *ptes;
	u32 next;                /* the ring goes on here */
	u32 stale;               /* slots stepped over since the last flush of our own */
	u16 memo[KMAP_SLOTS];    /* by pfn modulo 512: a slot that may map it */
	struct kmap_slot slot[KMAP_SLOTS];
#ifdef CONFIG_DEBUG
	u32 depth;
	u16 held[KMAP_DEPTH];
#endif
};
static DEFINE_PER_CPU(struct kmap_cpu, kmap_cpu);
DEFINE_PER_CPU(u32, tlb_gen) = 1;

#define KMAP_PROT (KERNEL_RW & ~PTE_GLOBAL)

static void flush_stale(struct kmap_cpu *k)
{
	flush_tlb_local();
	tlb_flushed();
	k->stale = 0;
	count_vm_event(KMAP_FLUSH);
}

/* => the next slot of the ring that is free, and fresh in this CPU's TLB */
static u32 next_slot(struct kmap_cpu *k)
{
	for (;;) {
		u32 i = k->next, used = k->slot[i].used;

		k->next = (i + 1) % KMAP_SLOTS;
		if (likely(used != this_cpu_read(tlb_gen)) && likely(used != KMAP_HELD))
			return i;
		if (used != KMAP_HELD && ++k->stale > KMAP_PATIENCE)
			flush_stale(k);
	}
}

static inline void *slot_address(const struct kmap_cpu *k, u32 i) { return (void *)(k->base + i * MMU_PAGE_SIZE); }

#ifdef CONFIG_DEBUG
static void note_map(struct kmap_cpu *k, u32 i)
{
	ASSERT(!in_irq());
	if (k->depth == KMAP_DEPTH)
		panic("kmap: more than %u mappings at once", KMAP_DEPTH);
	k->held[k->depth++] = i;
}

/* Whoever still uses the address shall fault: the slot loses its page. */
static void note_unmap(struct kmap_cpu *k, u32 i, const void *addr)
{
	if (!k->depth || k->held[k->depth - 1] != i || slot_address(k, i) != (void *)((unsigned long)addr & PAGE_MASK))
		panic("kunmap(%p) on CPU %u: not what was mapped last (depth %u)", addr, smp_processor_id(), k->depth);
	k->depth--;
	k->slot[i].pfn.n = 0;
	pte_take(&k->ptes[i]);
	flush_tlb_one_local((unsigned long)addr);
}
unsigned kmap_depth(void) { return this_cpu_ptr(&kmap_cpu)->depth; }
#else
static inline void note_map(struct kmap_cpu *k, u32 i) {}
static inline void note_unmap(struct kmap_cpu *k, u32 i, const void *addr) {}
#endif

static noinline void *map_new_slot(struct kmap_cpu *k, pfn_t pfn)
{
	u32 i = next_slot(k);

	if (unlikely(!k->base)) {
		k->base = KMAP_BASE + smp_processor_id() * PMD_SIZE;
		k->ptes = kmap_ptes[smp_processor_id()];
	}
	PAGE_IS_ONE_MMU_PAGE("a slot is one PTE");
	pte_set(&k->ptes[i], pte_make(mmu_pfn_of(pfn), KMAP_PROT | pte_nx));
	k->slot[i].pfn = pfn;
	k->slot[i].used = KMAP_HELD;
	k->memo[pfn.n % KMAP_SLOTS] = i;
	note_map(k, i);
	return slot_address(k, i);
}

/* A remembered slot that is held by an outer mapping is not given out twice: its kunmap would free it under the other. */
static inline void *kmap_high(pfn_t pfn)
{
	struct kmap_cpu *k = this_cpu_ptr(&kmap_cpu);
	u32 i = k->memo[pfn.n % KMAP_SLOTS];

	if (unlikely(k->slot[i].pfn.n != pfn.n || k->slot[i].used == KMAP_HELD))
		return map_new_slot(k, pfn);
	k->slot[i].used = KMAP_HELD;
	note_map(k, i);
	return slot_address(k, i);
}

void *kmap(struct page *page)
{
	preempt_disable();
	if (likely(!page_is_high(page)))
		return page_address(page);
	return kmap_high(page_to_pfn(page));
}

void *kmap_pfn(pfn_t pfn)
{
	preempt_disable();
	if (pfn.n < max_low_pfn.n)
		return __va(pfn_pos(pfn));
	return kmap_high(pfn);
}

void kunmap(const void *addr)
{
	if ((unsigned long)addr >= KMAP_BASE) {
		struct kmap_cpu *k = this_cpu_ptr(&kmap_cpu);
		u32 i = PTE_INDEX((unsigned long)addr);

		note_unmap(k, i, addr);
		k->slot[i].used = this_cpu_read(tlb_gen);
	}
	preempt_enable();
}

void clear_page(struct page *page)
{
	void *p = kmap(page);

	arch_clear_page(p);
	kunmap(p);
}

void copy_page(struct page *to, struct page *from)
{
	void *src = kmap(from), *dst = kmap(to);

	arch_copy_page(dst, src);
	kunmap(dst);
	kunmap(src);
}

void zero_page_range(struct page *page, unsigned from, unsigned to)
{
	u8 *p = kmap(page);

	memset(p + from, 0, to - from);
	kunmap(p);
}
