/* SPDX-License-Identifier: MIT
 *
 * Walks by hand: `echo "walk START LENGTH" > /proc/rmap` asks of every page that the writer has mapped there who else
 * maps it. Nothing changes but the counters (reason audit); tests and labs measure the search with it, free of what
 * reclaim would do around it. Walks that keep finding fewer than mapcount says are -EIO.
 */
#include "kernel/sched/sched.h"
#include "mm/rmap/rmap.h"

static enum rmap_verdict audit_one(const struct rmap_mapping *m, struct page *page, void *arg)
{
	++*(u32 *)arg;
	return RMAP_KEEP;
}

/* => a page with a reference, or NULL if no counted page is mapped there */
static struct page *mapped_page(struct mm *mm, unsigned long addr)
{
	struct page *pt, *page = NULL;
	pte_t *pte = pte_lock_at(mm, addr, &pt), e;

	if (!pte)
		return NULL;
	e = pte_read(pte);
	if (pte_present(e) && !pte_special(e)) {
		page = pte_page(e);
		get_page(page);
	}
	pte_unlock_at(pte, pt);
	return page;
}

/* => false: the walk met fewer than mapcount said, and mapcount says it still. page: locked */
static bool meets_all(struct page *page)
{
	u32 want = page_mapcount(page), met = 0;

	return rmap_walk(page, RMAP_AUDIT, audit_one, &met) == RMAP_AGAIN || met >= want || page_mapcount(page) != want;
}

/* One mapping may go before the walk comes to it and another come behind it, with the same count before and after. What the
 * reverse map has lost is missing each time. => false: somebody is not found */
static bool audit_page(struct page *page)
{
	int tries = 8;
	bool good;

	lock_page(page);
	for (good = meets_all(page); !good && --tries; good = meets_all(page))
		cond_resched();
	unlock_page(page);
	return good;
}

/* => pages walked, or -errno */
long rmap_audit(unsigned long start, unsigned long len)
{
	struct mm *mm = current->mm;
	long walked = 0;

	if (start >= TASK_SIZE || len > TASK_SIZE - start)
		return -EINVAL;
	mmap_read_lock(mm, start, start + len);
	for (unsigned long addr = start & MMU_PAGE_MASK; addr < start + len; addr += MMU_PAGE_SIZE) {
		struct page *page = mapped_page(mm, addr);

		if (!page)
			continue;
		if (!audit_page(page))
			walked = -EIO;
		put_page(page);
		if (walked < 0)
			break;
		walked++;
		cond_resched();
	}
	mmap_read_unlock(mm, start, start + len);
	return walked;
}
