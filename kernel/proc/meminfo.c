/* SPDX-License-Identifier: MIT
 *
 * Memory as a whole: meminfo, vmstat, buddyinfo, zoneinfo, slabinfo, vmallocinfo, lowmem.
 *
 * Numbers come from the rooms that keep them; nothing is counted here but what can be summed over address spaces.
 * /proc/lowmem answers the question that this kernel is about: who holds low memory. Its lines add up to LowPresent.
 */
#include "kernel/proc/internal.h"
#include "mm/cache/cache.h"
#include "mm/cache/writeback.h"
#include "mm/phys/phys.h"
#include "mm/reclaim/reclaim.h"
#include "mm/reclaim/swap.h"

static void kb_line(struct seq *s, const char *name, unsigned long kb)
{
	char label[24];

	snprintf(label, sizeof(label), "%s:", name);
	seq_printf(s, "%-15s %8lu kB\n", label, kb);
}
static void kb(struct seq *s, const char *name, unsigned long pages) { kb_line(s, name, kB(pages)); }
static void kb_mmu(struct seq *s, const char *name, unsigned long n) { kb_line(s, name, mmu_kB(n)); }

/* Of all address spaces: page tables with directories, file pages mapped. */
struct mm_sums { unsigned long tables, file_maps; };

static struct mm_sums sum_mms(void)
{
	struct mm_sums n = { 0 };
	struct mm *mm;

	spin_lock(&mm_list_lock);
	list_for_each_entry(mm, &mm_list, all_node) {
		n.tables += mm->nr_ptes + mm->nr_pmds;
		n.file_maps += atomic_read(&mm->rss_file) + atomic_read(&mm->rss_shmem);
	}
	spin_unlock(&mm_list_lock);
	return n;
}

/* Pages mapped, not mappings: the cache's size bounds it from above. In MMU pages. */
static unsigned long nr_mapped(const struct mm_sums *n) { return min(n->file_maps, mmu_pages(cache_pages())); }

static unsigned long nr_anon(void)
{
	unsigned long lru = nr_lru_pages(LRU_ACTIVE_ANON) + nr_lru_pages(LRU_INACTIVE_ANON) + nr_mlocked_anon(), shmem = shmem_pages();

	return lru - min(lru, shmem);
}

static unsigned long low_used(enum lowmem_user who)
{
	long n = 0;

	for_each_cpu(cpu)
		n += per_cpu(lowmem_used, cpu)[who];
	return max(n, 0L);
}

/* What programs could get without swapping: free above the marks, and half or more of the files' pages. */
static unsigned long mem_available(void)
{
	unsigned long low = 0, free = nr_free_pages(), reclaimable, unreclaimable;
	unsigned long file = nr_lru_pages(LRU_ACTIVE_FILE) + nr_lru_pages(LRU_INACTIVE_FILE);

	for (unsigned i = 0; i < NR_ZONES; i++)
		low += zones[i].watermark[WMARK_LOW];
	slab_pages(&reclaimable, &unreclaimable);
	free -= min(free, low);
	return free + file - min(file / 2, low) + reclaimable - min(reclaimable / 2, low);
}

static void meminfo_lru(struct seq *s, const struct mm_sums *sums)
{
	unsigned long aa = nr_lru_pages(LRU_ACTIVE_ANON), ia = nr_lru_pages(LRU_INACTIVE_ANON);
	unsigned long af = nr_lru_pages(LRU_ACTIVE_FILE), inf = nr_lru_pages(LRU_INACTIVE_FILE);

	kb(s, "Active", aa + af);
	kb(s, "Inactive", ia + inf);
	kb(s, "Active(anon)", aa);
	kb(s, "Inactive(anon)", ia);
	kb(s, "Active(file)", af);
	kb(s, "Inactive(file)", inf);
	kb(s, "Unevictable", nr_mlocked_pages());
	kb(s, "Mlocked", nr_mlocked_pages());
}

static void meminfo_kernel(struct seq *s, const struct mm_sums *sums)
{
	unsigned long reclaimable, unreclaimable, used, chunk;

	slab_pages(&reclaimable, &unreclaimable);
	kb(s, "KReclaimable", reclaimable);
	kb(s, "Slab", reclaimable + unreclaimable);
	kb(s, "SReclaimable", reclaimable);
	kb(s, "SUnreclaim", unreclaimable);
	kb(s, "KernelStack", low_used(LOW_STACK));
	kb(s, "PageTables", sums->tables);
	kb(s, "NFS_Unstable", 0);
	kb(s, "Bounce", 0);
	kb(s, "WritebackTmp", 0);
	kb_mmu(s, "CommitLimit", vm_commit_limit());
	kb_mmu(s, "Committed_AS", vm_committed());
	vmalloc_stat(&used, &chunk);
	kb(s, "VmallocTotal", (VMALLOC_END - VMALLOC_START) >> PAGE_SHIFT);
	kb(s, "VmallocUsed", used >> PAGE_SHIFT);
	kb(s, "VmallocChunk", chunk >> PAGE_SHIFT);
}

void meminfo_show(struct seq *s, struct task *t)
{
	struct mm_sums sums = sum_mms();
	unsigned long free = nr_free_pages(), free_low = nr_free_low();

	kb(s, "MemTotal", totalram_pages);
	kb(s, "MemFree", free);
	kb(s, "MemAvailable", mem_available());
	kb(s, "Buffers", device_pages());
	kb(s, "Cached", cache_pages() - min(cache_pages(), device_pages()));
	kb(s, "SwapCached", swap_cache_pages());
	meminfo_lru(s, &sums);
	kb(s, "HighTotal", totalhigh_pages);
	kb(s, "HighFree", free - min(free, free_low));
	kb(s, "LowTotal", totalram_pages - totalhigh_pages);
	kb(s, "LowFree", free_low);
	kb_mmu(s, "SwapTotal", swap_total_slots());
	kb_mmu(s, "SwapFree", swap_free_slots());
	kb(s, "Dirty", dirty_pages());
	kb(s, "Writeback", writeback_pages());
	kb(s, "AnonPages", nr_anon());
	kb_mmu(s, "Mapped", nr_mapped(&sums));
	kb(s, "Shmem", shmem_pages());
	meminfo_kernel(s, &sums);
}

void vmstat_show(struct seq *s, struct task *t)
{
	struct mm_sums sums = sum_mms();
	unsigned long reclaimable, unreclaimable, limit, background;

	slab_pages(&reclaimable, &unreclaimable);
	seq_printf(s, "nr_free_pages %lu\nnr_inactive_anon %lu\nnr_active_anon %lu\nnr_inactive_file %lu\nnr_active_file %lu\n",
		   nr_free_pages(), nr_lru_pages(LRU_INACTIVE_ANON), nr_lru_pages(LRU_ACTIVE_ANON), nr_lru_pages(LRU_INACTIVE_FILE),
		   nr_lru_pages(LRU_ACTIVE_FILE));
	seq_printf(s, "nr_unevictable %lu\nnr_mlock %lu\nnr_anon_pages %lu\nnr_mapped %lu\nnr_file_pages %lu\nnr_dirty %lu\nnr_writeback %lu\n",
		   nr_mlocked_pages(), nr_mlocked_pages(), nr_anon(), nr_mapped(&sums), cache_pages(), dirty_pages(), writeback_pages());
	limit = dirty_threshold(&background);
	seq_printf(s, "nr_dirty_threshold %lu\nnr_dirty_background_threshold %lu\n", limit, background);
	seq_printf(s, "nr_slab_reclaimable %lu\nnr_slab_unreclaimable %lu\nnr_page_table_pages %lu\nnr_kernel_stack %lu\nnr_shmem %lu\n",
		   reclaimable, unreclaimable, sums.tables, kB(low_used(LOW_STACK)), shmem_pages());
	seq_printf(s, "nr_swapcached %lu\n", swap_cache_pages());
	for (unsigned e = 0; e < NR_VM_EVENTS; e++)
		seq_printf(s, "%s %lu\n", vm_event_names[e], vm_event(e));
}

/* --- zones --------------------------------------------------------------------------------------------------------------- */

void buddyinfo_show(struct seq *s, struct task *t)
{
	unsigned long nr[MAX_ORDER + 1];

	for (unsigned i = 0; i < NR_ZONES; i++) {
		if (!zone_populated(&zones[i]))
			continue;
		zone_free_blocks(&zones[i], nr);
		seq_printf(s, "Node 0, zone %8s ", zones[i].name);
		for (unsigned o = 0; o <= MAX_ORDER; o++)
			seq_printf(s, "%6lu ", nr[o]);
		seq_puts(s, "\n");
	}
}

static void zone_cpus(struct seq *s, unsigned zone)
{
	seq_puts(s, "  pagesets\n");
	for_each_online_cpu(cpu) {
		const struct pcp *p = per_cpu(pcp_of, cpu)[zone];

		if (p)
			seq_printf(s, "    cpu: %u\n              count: %u\n              high:  %u\n", cpu, p->count, p->high);
	}
}

void zoneinfo_show(struct seq *s, struct task *t)
{
	for (unsigned i = 0; i < NR_ZONES; i++) {
		struct zone *z = &zones[i];

		if (!zone_populated(z))
			continue;
		seq_printf(s, "Node 0, zone %8s\n  pages free     %lu\n        min      %lu\n        low      %lu\n        high     %lu\n",
			   z->name, zone_free_pages(z), z->watermark[WMARK_MIN], z->watermark[WMARK_LOW], z->watermark[WMARK_HIGH]);
		seq_printf(s, "        spanned  %lu\n        present  %lu\n        managed  %lu\n        unopened %lu\n",
			   z->end_pfn.n - z->start_pfn.n, z->present, z->managed, z->unopened << MAX_ORDER);
		seq_puts(s, "        protection: (");
		for (unsigned j = 0; j < NR_ZONES; j++)
			seq_printf(s, j ? ", %lu" : "%lu", z->lowmem_reserve[j]);
		seq_printf(s, ")\n      nr_zone_inactive_anon %lu\n      nr_zone_active_anon %lu\n", zone_lru_pages(z, LRU_INACTIVE_ANON),
			   zone_lru_pages(z, LRU_ACTIVE_ANON));
		seq_printf(s, "      nr_zone_inactive_file %lu\n      nr_zone_active_file %lu\n", zone_lru_pages(z, LRU_INACTIVE_FILE),
			   zone_lru_pages(z, LRU_ACTIVE_FILE));
		seq_printf(s, "      nr_zone_unevictable %lu\n      nr_mlock     %lu\n      reclaimable  %lu\n      scanned in vain %lu\n", zone_mlocked(z),
			   zone_mlocked(z), zone_reclaimable(z), z->scanned);
		zone_cpus(s, i);
		seq_printf(s, "  start_pfn:           %lu\n", z->start_pfn.n);
	}
}

/* --- slabs, vmalloc ------------------------------------------------------------------------------------------------------- */

static void slab_line(void *arg, const struct slab_info *i)
{
	seq_printf(arg, "%-17s %6lu %6lu %6u %4u %4u : tunables %4u %4u    0 : slabdata %6lu %6lu      0\n", i->name, i->active, i->total,
		   i->size, i->objects_per_slab, i->pages_per_slab, i->limit, i->batch, i->active_slabs, i->slabs);
}

void slabinfo_show(struct seq *s, struct task *t)
{
	seq_puts(s, "slabinfo - version: 2.1\n# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables "
		    "<limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>\n");
	for_each_slab_cache(slab_line, s);
}

static void vmalloc_line(void *arg, unsigned long addr, size_t size, const void *caller)
{
	seq_printf(arg, "0x%08lx-0x%08lx %8zu %pS\n", addr, addr + (unsigned long)size, size, caller);
}

void vmallocinfo_show(struct seq *s, struct task *t) { for_each_vmalloc_area(vmalloc_line, s); }

/* --- lowmem ------------------------------------------------------------------------------------------------------------------ */

struct lowmem_text { struct seq *s; unsigned long sum; };

static void lowmem_line(void *arg, const char *name, unsigned long pages, unsigned long objects, bool sub)
{
	struct lowmem_text *t = arg;
	char label[40];

	t->sum += sub ? 0 : pages;
	snprintf(label, sizeof(label), "%s%s:", sub ? "  " : "", name);
	seq_printf(t->s, "%-24s %8lu kB", label, kB(pages));
	if (objects)
		seq_printf(t->s, " %8lu objects", objects);
	seq_puts(t->s, "\n");
}

/* The lines are counted one after the other: a page that moves meanwhile may be in two. Then all is counted again. */
void lowmem_show(struct seq *s, struct task *t)
{
	struct lowmem_text text = { .s = s };
	size_t start;

	seq_printf(s, "%-24s %8lu kB\n", "LowPresent:", kB(lowmem_present()));
	start = s->len;
	for (unsigned tries = 0; tries < 100; tries++) {
		s->len = start;
		text.sum = 0;
		lowmem_report(lowmem_line, &text);
		if (text.sum == lowmem_present() || s->overflow)
			break;
	}
}
