/* SPDX-License-Identifier: MIT
 *
 * Which address space each CPU has loaded, and flushing translations everywhere.
 *
 * A CPU that starts a shoot-down fills in its own request, marks itself in the `asked` word of every CPU concerned, sends
 * them an interrupt and waits until each has taken its bit out of request->waiting. It waits with interrupts on and
 * answers others meanwhile, so any number of shoot-downs run at once without a lock. Several requests that reach a CPU
 * together are served by one interrupt, and by one reload of CR3 if any of them wants that.
 *
 * A CPU that runs a kernel thread keeps the last program's page tables loaded (lazy). Its first flush request makes it
 * leave for the kernel's own tables, so that it is asked no more.
 *
 * => callers hold no lock that anybody takes with interrupts off, and have interrupts on, unless only this CPU is
 *    concerned.
 */
#include "arch/i386/apic.h"
#include "arch/i386/cpu.h"
#include "arch/i386/percpu.h"
#include "arch/i386/pgtable.h"
#include "arch/i386/segment.h"
#include "kernel/lib/bug.h"

#define FLUSH_ONE_MAX 16 /* pages: beyond, a reload of CR3 is cheaper */
/* Looks at the answer before the first `pause`. The other CPU needs a microsecond or so; in QEMU a pause leaves the
 * translated code and takes the lock that the interrupt on its way needs, too (two threads' faults: 5 % slower). */
#define EAGER_LOOKS 1000

struct tlb_request {
	struct mmu *mmu;       /* NULL: see global */
	unsigned long start, end;
	bool global;           /* kernel addresses */
	volatile u32 waiting;  /* CPUs that have not answered */
};
static DEFINE_PER_CPU(struct tlb_request, tlb_request);
static DEFINE_PER_CPU(volatile u32, tlb_asked); /* bit n: CPU n's request waits for us */
static DEFINE_PER_CPU(struct mmu *, loaded_mmu);
static DEFINE_PER_CPU(bool, mmu_lazy);

void flush_tlb_local(void)
{
	write_cr3(read_cr3());
	tlb_flushed();
}

void flush_tlb_all_local(void)
{
	if (cpu.pge) {
		u32 cr4 = read_cr4();

		write_cr4(cr4 & ~CR4_PGE);
		write_cr4(cr4);
	}
	flush_tlb_local();
}

static void load_pdpt(const u64 *pdpt)
{
	write_cr3(__pa(pdpt));
	tlb_flushed();
}

static inline void mask_set(volatile u32 *mask, u32 bit) { __asm__ volatile("lock orl %1, %0" : "+m"(*mask) : "r"(bit) : "memory"); }
static inline void mask_clear(volatile u32 *mask, u32 bit) { __asm__ volatile("lock andl %1, %0" : "+m"(*mask) : "r"(~bit) : "memory"); }

void mmu_switch(struct mmu *next)
{
	struct mmu *prev = this_cpu_read(loaded_mmu);
	u32 me;

	this_cpu_write(mmu_lazy, false);
	if (prev == next)
		return;
	me = 1U << smp_processor_id();
	mask_set(&next->cpus, me);
	this_cpu_write(loaded_mmu, next);
	load_pdpt(next->pdpt);
	if (prev)
		mask_clear(&prev->cpus, me);
}

void mmu_enter_lazy(void) { this_cpu_write(mmu_lazy, true); }

static void leave_lazy_mmu(struct mmu *m)
{
	load_pdpt(kernel_pdpt);
	this_cpu_write(loaded_mmu, NULL);
	mask_clear(&m->cpus, 1U << smp_processor_id());
}

/* One request, on the CPU concerned. => true if CR3 must be reloaded */
static bool flush_one_request(const struct tlb_request *r)
{
	unsigned long start = r->start, end = r->end;

	if (!r->mmu && !r->global)
		return true;
	if (r->mmu && r->mmu != this_cpu_read(loaded_mmu))
		return false;
	if (r->mmu && this_cpu_read(mmu_lazy)) {
		leave_lazy_mmu(r->mmu);
		return false;
	}
	if ((end - start) >> 12 > FLUSH_ONE_MAX) {
		if (r->global)
			flush_tlb_all_local();
		return !r->global;
	}
	for (; start < end; start += 4096)
		flush_tlb_one_local(start);
	return false;
}

/* Interrupts off. */
void tlb_ipi(void)
{
	u32 me = smp_processor_id(), from = __sync_lock_test_and_set(&per_cpu(tlb_asked, me), 0);
	bool reload = false;

	for (u32 m = from; m; m &= m - 1)
		reload |= flush_one_request(&per_cpu(tlb_request, __builtin_ctz(m)));
	if (reload)
		flush_tlb_local();
	for (u32 m = from; m; m &= m - 1)
		mask_clear(&per_cpu(tlb_request, __builtin_ctz(m)).waiting, 1U << me);
}

/* Have request r carried out on cpus (not this one) and wait. Preemption off. */
static void shoot_down(struct tlb_request *r, u32 me, u32 cpus)
{
	ASSERT(!irqs_disabled());
	r->waiting = cpus;
	for (u32 m = cpus; m; m &= m - 1)
		mask_set(&per_cpu(tlb_asked, __builtin_ctz(m)), 1U << me);
	apic_send_mask(cpus, VECTOR_TLB);
	for (u32 n = 0; r->waiting && !panic_cpu; n++)
		if (n >= EAGER_LOOKS)
			cpu_relax();
}

static inline void pin_cpu(void) { this_cpu_inc(preempt_count); barrier(); }
static inline void unpin_cpu(void) { barrier(); this_cpu_dec(preempt_count); }

static void flush(struct mmu *mmu, bool global, u32 cpus, unsigned long start, unsigned long end)
{
	struct tlb_request *r;
	unsigned long flags;
	u32 me;

	pin_cpu();
	me = smp_processor_id();
	r = this_cpu_ptr(&tlb_request);
	r->mmu = mmu;
	r->global = global;
	r->start = start;
	r->end = end;
	cpus &= cpu_online_mask;
	if (cpus >> me & 1) {
		local_irq_save(flags);
		if (flush_one_request(r))
			flush_tlb_local();
		local_irq_restore(flags);
	}
	cpus &= ~(1U << me);
	if (cpus)
		shoot_down(r, me, cpus);
	unpin_cpu();
}

void flush_tlb_range(struct mmu *m, unsigned long start, unsigned long end)
{
	/* The entries were changed before the mask is read: a CPU that loads m from now on sees the new ones. */
	__sync_synchronize();
	if (m->cpus)
		flush(m, false, m->cpus, start & ~4095UL, end);
}

bool mmu_elsewhere(const struct mmu *m) { return m->cpus & ~(1U << smp_processor_id()); }

void flush_tlb_cpus(u32 cpus) { flush(NULL, false, cpus, 0, 0); }

void flush_tlb_kernel(unsigned long start, unsigned long end) { flush(NULL, true, cpu_online_mask, start & ~4095UL, end); }

void mmu_set_pdpte(struct mmu *m, unsigned long addr, void *table)
{
	m->pdpt[PDPT_INDEX(addr)] = table ? __pa(table) | PTE_PRESENT : 0;
	__sync_synchronize();
	if (m->cpus)
		flush(m, false, m->cpus, 0, TASK_SIZE);
}
