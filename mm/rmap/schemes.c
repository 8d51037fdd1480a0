/* SPDX-License-Identifier: MIT
 *
 * Which schemes are in force, how areas come to both of them, the walk with its counters, and the report.
 *
 * A scheme keeps its state in tails: bytes behind each struct vma and struct mm, sized here at boot, so that a scheme
 * costs what it needs and touches no header of another room.
 *
 *   | struct vma | anonymous scheme's tail | file scheme's tail |
 */
#include "kernel/lib/param.h"
#include "kernel/lib/string.h"
#include "kernel/lib/trace.h"
#include "kernel/lib/vsprintf.h"
#include "mm/rmap/schemes.h"
#include "mm/rmap/statelock.h"
#include "mm/virt/nonlinear.h"

#define ANON_ADDRESS(name) &rmap_anon_##name
#define FILE_ADDRESS(name) &rmap_file_##name
#define WORD(name) #name
static const struct rmap_scheme *const anon_schemes[] = { ANON_SCHEMES(ANON_ADDRESS) };
static const struct rmap_scheme *const file_schemes[] = { FILE_SCHEMES(FILE_ADDRESS) };
static u32 anon_choice, file_choice;

PARAM_CHOICE("rmap.anon", anon_choice, "reverse map of anonymous pages", ANON_SCHEMES(WORD));
PARAM_CHOICE("rmap.file", file_choice, "reverse map of file pages", FILE_SCHEMES(WORD));

#ifndef CONFIG_RMAP_DIRECT
struct rmap_scheme rmap_in_force[2];
#endif
u16 rmap_file_tail, rmap_vma_size, rmap_mm_size;

#define BUCKETS 24
/* Per CPU: exact without atomic operations; 1 KB a CPU. */
struct rmap_counter { u64 walks, candidates, hits, skipped, again; u32 histogram[BUCKETS]; /* walks by log2(candidates) */ };
struct rmap_counters { struct rmap_counter by[2][NR_RMAP_REASONS]; /* [anonymous?][reason] */ };
static DEFINE_PER_CPU(struct rmap_counters, rmap_counters);

void rmap_init(void)
{
	static const struct cache_ops ops = { .unmap_range = rmap_unmap_file_range, .mkclean = rmap_mkclean, .clean_nonlinear = nonlinear_clean };
	const struct rmap_scheme *anon = anon_schemes[anon_choice], *file = file_schemes[file_choice];

#ifndef CONFIG_RMAP_DIRECT
	rmap_in_force[0] = *file;
	rmap_in_force[1] = *anon;
#endif
	state_lock_init();
	rmap_file_tail = rmap_anon_tail + anon->vma_bytes;
	rmap_vma_size = rmap_file_tail + file->vma_bytes;
	rmap_mm_size = sizeof(struct mm) + anon->mm_bytes;
	BUG_ON(file->vma_bytes < sizeof(struct nonlinear_file *)); /* nonlinear areas use the tail as they like */
	if ((rmap_anon->init && rmap_anon->init()) || (rmap_file->init && rmap_file->init()))
		panic("rmap: no memory for the reverse map");
	cache_ops = &ops;
}

/* --- areas: each change goes to both schemes; the file scheme only hears of areas with a file ----------------------------- */

void rmap_vma_init(struct vma *vma)
{
	rmap_anon->vma_init(vma);
	rmap_file->vma_init(vma);
}

/* => err; copy keeps its files only if there is none */
static int with_files(struct vma *copy, int err)
{
	if (err && vma_nonlinear(copy))
		nonlinear_unclone(copy);
	return err;
}

int rmap_vma_fork(struct vma *child, struct vma *parent)
{
	if (vma_nonlinear(parent) && nonlinear_clone(child, parent))
		return -ENOMEM;
	return with_files(child, rmap_anon->vma_fork(child, parent));
}

int rmap_vma_clone(struct vma *copy, struct vma *vma)
{
	if (vma_nonlinear(vma) && nonlinear_clone(copy, vma))
		return -ENOMEM;
	return with_files(copy, rmap_anon->vma_clone(copy, vma));
}

bool rmap_can_merge(const struct vma *a, const struct vma *b) { return rmap_anon->can_merge(a, b); }
int rmap_vma_merge(struct vma *into, struct vma *gone) { return rmap_anon->vma_merge(into, gone); }

void rmap_vma_link(struct vma *vma)
{
	if (rmap_anon->vma_link)
		rmap_anon->vma_link(vma);
	if (vma_nonlinear(vma))
		nonlinear_link(vma);
	else if (vma->file)
		rmap_file->vma_link(vma);
}

void rmap_vma_unlink(struct vma *vma)
{
	if (vma_nonlinear(vma))
		nonlinear_unlink(vma);
	else if (vma->file)
		rmap_file->vma_unlink(vma);
	rmap_anon->vma_unlink(vma);
}

void rmap_adjust_begin(struct vma *vma)
{
	if (vma->file && !vma_nonlinear(vma))
		rmap_file->adjust_begin(vma);
	rmap_anon->adjust_begin(vma);
}

void rmap_adjust_end(struct vma *vma)
{
	rmap_anon->adjust_end(vma);
	if (vma_nonlinear(vma))
		nonlinear_adjusted(vma);
	else if (vma->file)
		rmap_file->adjust_end(vma);
}

/* --- the walk ---------------------------------------------------------------------------------------------------------------- */

enum rmap_verdict rmap_visit_pte(struct rmap_walk *w, const struct rmap_mapping *m, struct page *table)
{
	pte_t e = pte_read(m->pte);
	enum rmap_verdict v;

	w->candidates++;
	if (!pte_present(e) || pfn_of(pte_mmu_pfn(e)).n != page_to_pfn(w->page).n || pte_special(e))
		return RMAP_KEEP;
	w->hits++;
	w->left--;
	v = w->visit(m, w->page, w->arg);
	w->stop = v == RMAP_STOP;
	if (v == RMAP_UNMAPPED && pte_none(*m->pte))
		pt_count(table, -1);
	return v;
}

/* Does mm map no page of this kind at all? A child that has not touched its files since fork, and whoever is going away
 * and has unmapped all, can be passed over without touching a page table. Read without the PTL: what is being mapped
 * right now by a fault waits for the page lock (files), or is a copy of an entry that this walk comes to first (fork). Threads count
 * some of their pages by themselves for a while. */
static inline bool has_none(const struct mm *mm, const struct page *page)
{
	return !mm->threaded && !atomic_read(page_anon(page) ? &mm->rss_anon : page_swapbacked(page) ? &mm->rss_shmem : &mm->rss_file);
}

bool rmap_visit_one(struct rmap_walk *w, struct mm *mm, struct vma *vma, unsigned long addr)
{
	struct rmap_mapping m = { .mm = mm, .addr = addr, .vma = vma };
	struct page *table;

	if (has_none(mm, w->page)) {
		w->candidates++;
		w->skipped++;
		return true;
	}
	m.pte = pte_lock_at(mm, addr, &table);
	if (!m.pte) {
		w->candidates++;
		return true;
	}
	if (rmap_visit_pte(w, &m, table) == RMAP_UNMAPPED) {
		rmap_remove(w->page, mm, addr);
		put_page(w->page); /* the PTE's; the caller of the walk has one of its own */
	}
	pte_unlock_at(m.pte, table);
	return rmap_walk_goes_on(w);
}

void rmap_unmap_file_range(struct address_space *m, pindex_t first, pindex_t last, bool even_cows)
{
	rmap_file->unmap_range(m, pgoff_of(first), pgoff_last_of(last), even_cows);
	if (unlikely(!list_empty(&m->nonlinear))) /* second: areas only ever change over in this direction */
		nonlinear_unmap_range(m, first, last);
}

static void count_walk(const struct rmap_walk *w, bool anon, enum rmap_reason why, enum rmap_result r)
{
	struct rmap_counter *c;

	preempt_disable();
	c = &this_cpu_ptr(&rmap_counters)->by[anon][why];
	c->walks++;
	c->candidates += w->candidates;
	c->hits += w->hits;
	c->skipped += w->skipped;
	c->again += r == RMAP_AGAIN;
	c->histogram[w->candidates ? min(32 - __builtin_clz(w->candidates), BUCKETS - 1) : 0]++;
	preempt_enable();
}

enum rmap_result rmap_walk(struct page *page, enum rmap_reason why, rmap_visit visit, void *arg)
{
	struct rmap_walk w = { .page = page, .visit = visit, .arg = arg };
	bool anon = page_anon(page);
	enum rmap_result r = RMAP_DONE;

	ASSERT(page_locked(page));
	if (page_mapped(page)) /* a chain knows its own end */
		w.left = (anon ? rmap_anon : rmap_file)->mapcount ? ~0U : page_mapcount(page);
	if (w.left)
		r = (anon ? rmap_anon : rmap_file)->walk(&w);
	count_walk(&w, anon, why, r);
	trace(rmap_walk, page_to_pfn(page).n, why, w.candidates, w.hits);
	return r;
}

/* --- /proc/rmap ---------------------------------------------------------------------------------------------------------------- */

static void sum_counters(bool anon, enum rmap_reason why, struct rmap_counter *sum)
{
	*sum = (struct rmap_counter){ 0 };
	for_each_cpu(cpu) {
		const struct rmap_counter *c = &per_cpu(rmap_counters, cpu).by[anon][why];

		sum->walks += c->walks;
		sum->candidates += c->candidates;
		sum->hits += c->hits;
		sum->skipped += c->skipped;
		sum->again += c->again;
		for (int i = 0; i < BUCKETS; i++)
			sum->histogram[i] += c->histogram[i];
	}
}

static size_t report_histogram(const struct rmap_counter *c, char *buf, size_t size)
{
	int last = BUCKETS - 1;
	size_t n = 0;

	while (last > 0 && !c->histogram[last])
		last--;
	for (int i = 0; i <= last; i++)
		n += scnprintf(buf + n, size - n, " %u", c->histogram[i]);
	return n + scnprintf(buf + n, size - n, "\n");
}

static size_t report_scheme(const struct rmap_scheme *s, bool anon, char *buf, size_t size)
{
	static const char *const reasons[] = { "referenced", "unmap", "mkclean", "audit" };
	size_t n = scnprintf(buf, size, "%s %s: %s; %u bytes a vma, %u a mm", anon ? "anon" : "file", s->name, s->about,
			     s->vma_bytes, s->mm_bytes);

	if (s->describe)
		n += s->describe(buf + n, size - n);
	n += scnprintf(buf + n, size - n, "\n%-12s %12s %12s %12s %10s %8s  walks by log2(candidates): 0 1 2-3 4-7 ...\n",
		       "reason", "walks", "candidates", "hits", "skipped", "again");
	for (int why = 0; why < NR_RMAP_REASONS; why++) {
		struct rmap_counter c;

		sum_counters(anon, why, &c);
		n += scnprintf(buf + n, size - n, "%-12s %12llu %12llu %12llu %10llu %8llu ", reasons[why], c.walks,
			       c.candidates, c.hits, c.skipped, c.again);
		n += report_histogram(&c, buf + n, size - n);
	}
	return n;
}

size_t rmap_report(char *buf, size_t size)
{
	size_t n = report_scheme(anon_schemes[anon_choice], true, buf, size);

	return n + report_scheme(file_schemes[file_choice], false, buf + n, size - n);
}

void rmap_reset_counters(void)
{
	for_each_cpu(cpu)
		memset(&per_cpu(rmap_counters, cpu), 0, sizeof(struct rmap_counters));
	if (rmap_anon->reset)
		rmap_anon->reset();
	if (rmap_file->reset)
		rmap_file->reset();
}
