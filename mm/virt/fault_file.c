/* SPDX-License-Identifier: MIT
 *
 * Faults on files: nothing is mapped there yet. The cases stand at the top of fault.c.
 *
 * The page-lock protocol against truncation: lock the page; still in its file, still below the file's end? then map
 * it, then unlock. Truncation sets the new size first, then locks each page, unmaps it and takes it out: so whichever
 * comes first, no page stays mapped that has left its file.
 *
 * A page of a file on a disk is mapped read-only while it is clean. The first write to it asks the file system (page_mkwrite,
 * under the page lock, with the table given back), makes it dirty and then the entry writable; cleaning write-protects it
 * again. The page lock is held from page_mkwrite until the entry is set, so no write-out gets in between.
 *
 * A read maps cached neighbours too, FAULT_AROUND pages aligned: they stand side by side in a leaf of the file's tree, and
 * only those are taken whose lock is free.
 */
#include "kernel/time/delaypoint.h"
#include "mm/cache/readahead.h"
#include "mm/virt/internal.h"
#include "mm/virt/nonlinear.h"

#define FAULT_AROUND 16u /* MMU pages; divides a page-table page */

/* Dirty pages of real files are counted when first written: until then shared mappings are read-only. */
static bool wants_notice(const struct address_space *m)
{
	return !(m->flags & MAPPING_SWAPBACKED);
}

static u64 file_bits(const struct fault *f, const struct address_space *m)
{
	u64 bits = vma_pte_bits(f->vma->flags);

	if (f->write)
		return bits | PTE_WRITE | PTE_DIRTY;
	return wants_notice(m) ? bits & ~PTE_WRITE : bits;
}

static atomic_t *file_rss(struct mm *mm, const struct address_space *m)
{
	return m->flags & MAPPING_SWAPBACKED ? &mm->rss_shmem : &mm->rss_file;
}

/* --- neighbours ----------------------------------------------------------------------------------------------------------- */
/* A page that starts the next read-ahead is left to a fault of its own: that can read. */
static inline bool plain_uptodate(const struct page *page)
{
	return (READ_ONCE(page->flags) & (1UL << PG_uptodate | 1UL << PG_readahead)) == 1UL << PG_uptodate;
}

/* => page locked, uptodate, and the file's page at index */
static inline bool trylock_cached(struct page *page, const struct address_space *m, pindex_t index)
{
	if (!plain_uptodate(page) || !trylock_page(page))
		return false;
	if (likely(page->mapping == m && page->index.n == index.n))
		return true;
	unlock_page(page);
	return false;
}

/* n slots of the file's tree, found under RCU: what stands there may be on its way out, or no page at all. PTL held.
 * plain: to the reverse map it is a number more. Else it may want memory for each; without, that neighbour stays out.
 * => how many were mapped */
static __always_inline unsigned map_slots(struct fault *f, void *const *slots, unsigned n, pte_t *pte, unsigned long addr,
					  pindex_t index, u64 bits, const bool plain)
{
	const struct address_space *m = vma_mapping(f->vma);
	unsigned mapped = 0;

	for (; n--; slots++, pte++, addr += MMU_PAGE_SIZE, index.n++) {
		struct page *page = READ_ONCE(*slots);

		if (!page || (unsigned long)page & 3 || !pte_none(*pte))
			continue;
		if (!plain && rmap_reserve(rmap_file, &f->batch, 1, GFP_NOWAIT | __GFP_NOWARN))
			break;
		if (!try_get_page(page))
			continue;
		if (unlikely(!trylock_cached(page, m, index))) {
			put_page(page);
			continue;
		}
		if (plain)
			atomic_inc(&page->mapcount);
		else
			rmap_add(page, f->vma, addr, &f->batch);
		pin_if_locked(f->vma, page);
		pte_set(pte, page_pte(page, bits));
		unlock_page(page);
		mapped++;
	}
	return mapped;
}

static noinline unsigned map_slots_told(struct fault *f, void *const *slots, unsigned n, pte_t *pte, unsigned long addr, pindex_t index, u64 bits)
{
	return map_slots(f, slots, n, pte, addr, index, bits, false);
}

/* The reverse map needs memory for one mapping: if it cannot be had at once, then with the table given back. 0 or VMF_OOM */
static noinline int reserve_entry(struct fault *f)
{
	if (f->write && !(f->vma->flags & VM_SHARED)) /* a copy, which is mapped once */
		return 0;
	if (!rmap_reserve(rmap_file, &f->batch, 1, GFP_NOWAIT | __GFP_NOWARN))
		return 0;
	fault_unmap(f);
	return rmap_reserve(rmap_file, &f->batch, 1, GFP_KERNEL) ? VMF_OOM : fault_remap(f);
}

/* => true: the faulting address is mapped now. The table stays mapped. */
static bool map_around(struct fault *f)
{
	struct vma *v = f->vma;
	struct address_space *m = vma_mapping(v);
	unsigned long size = FAULT_AROUND * MMU_PAGE_SIZE, low = f->addr & ~(size - 1);
	unsigned long start = max(low, v->start), last = min(low + size - 1, v->end - 1);
	pindex_t index = vma_pindex_at(v, start);
	unsigned long end = min(vma_pindex_at(v, last).n + 1, file_pages(v->file).n);
	pte_t *pte = f->pte - ((f->addr - start) >> MMU_PAGE_SHIFT);
	u64 bits = file_bits(f, m);
	unsigned mapped = 0, n;
	bool done;

	spin_lock(&f->pt->ptl); /* preemption is off: RCU readers too */
	PAGE_IS_ONE_MMU_PAGE("PTEs side by side map slots side by side");
	for (; index.n < end; index.n += n, pte += n, start += n * MMU_PAGE_SIZE) {
		void *const *slots = radix_leaf(&m->pages, index.n, &n);

		n = min_t(unsigned long, n, end - index.n);
		if (slots && likely(!rmap_file->add && !rmap_file->counts))
			mapped += map_slots(f, slots, n, pte, start, index, bits, true);
		else if (slots)
			mapped += map_slots_told(f, slots, n, pte, start, index, bits);
	}
	if (mapped)
		atomic_add(mapped, file_rss(f->mm, m));
	pt_count(f->pt, mapped);
	done = !pte_none(*f->pte);
	spin_unlock(&f->pt->ptl);
	return done;
}

/* --- the page itself ------------------------------------------------------------------------------------------------------- */
/* Without sleeping, the table stays mapped. => locked, with a reference; or NULL */
static struct page *cached_page(struct fault *f, struct address_space *m, pindex_t index)
{
	struct page *page = find_page(m, index);

	if (!page)
		return NULL;
	if (trylock_cached(page, m, index))
		return page;
	put_page(page);
	return NULL;
}

static enum ra_advice advice(const struct vma *v)
{
	return v->flags & VM_RAND ? RA_RANDOM : v->flags & VM_SEQ ? RA_SEQUENTIAL : RA_NORMAL;
}

/* Nothing is held but the mmap lock. Starts to read the page, if it is not there, or the window behind it. */
static void read_from_disk(struct fault *f, struct address_space *m, pindex_t index)
{
	struct page *page = find_page(m, index);

	if (!page) {
		f->major = true;
		read_ahead_fault(m, f->vma->file, index, advice(f->vma));
		return;
	}
	if (page_readahead(page))
		read_ahead_marker(m, f->vma->file, page, 1);
	f->major |= !page_uptodate(page);
	put_page(page);
}

/* The table is given back and mapped again. => locked, with a reference; ERR_PTR(VMF_*) */
static struct page *read_page(struct fault *f, struct address_space *m, pindex_t index)
{
	struct page *page;

	fault_unmap(f);
	if (index.n >= file_pages(f->vma->file).n)
		return ERR_PTR(VMF_BUS);
	if (m->ops && m->ops->read_page)
		read_from_disk(f, m, index);
	page = read_cache_page(m, f->vma->file, index);
	if (IS_ERR(page))
		return ERR_PTR(PTR_ERR(page) == -ENOMEM ? VMF_OOM : VMF_BUS);
	delay_point(DELAY_FILE_FAULT);
	lock_page(page);
	if (likely(page->mapping == m))
		return page;
	count_vm_event(TRUNCATE_RACED);
	unlock_page(page);
	put_page(page);
	return NULL; /* truncated meanwhile: once more */
}

/* A private write: our own copy. page stays the caller's. */
static int map_copy(struct fault *f, struct page *page)
{
	struct page *copy = fault_new_page(f, false);

	if (unlikely(!copy))
		return f->spare ? VMF_RETRY : VMF_OOM;
	copy_page(copy, page);
	if (!fault_lock(f)) {
		free_page(copy);
		return VMF_DONE;
	}
	fault_set_anon(f, copy, page_pte(copy,
		vma_pte_bits(f->vma->flags) | PTE_DIRTY | (f->vma->flags & VM_WRITE ? PTE_WRITE : 0)));
	return VMF_DONE;
}

/* PTL held. The caller's reference becomes the PTE's. */
static __always_inline void enter_page(struct fault *f, struct page *page, struct address_space *m)
{
	rmap_add(page, f->vma, f->addr, &f->batch);
	pin_if_locked(f->vma, page);
	atomic_inc(file_rss(f->mm, m));
	pte_set(f->pte, page_pte(page, file_bits(f, m)));
	pt_count(f->pt, 1);
}

void fault_map_page(struct fault *f, struct page *page, struct address_space *m) { enter_page(f, page, m); }

/* => page locked; *mapped: the caller's reference has become the PTE's */
static int map_page(struct fault *f, struct page *page, struct address_space *m, bool *mapped)
{
	if (!fault_lock(f))
		return VMF_DONE;
	enter_page(f, page, m);
	spin_unlock(&f->pt->ptl);
	*mapped = true;
	return VMF_DONE;
}

/* page is locked; size was not looked at since */
static int map_locked(struct fault *f, struct page *page, struct address_space *m)
{
	bool mapped = false;
	int r = VMF_BUS;

	if (likely(page->index.n < file_pages(f->vma->file).n)) {
		if (f->write && !(f->vma->flags & VM_SHARED))
			r = map_copy(f, page);
		else
			r = map_page(f, page, m, &mapped);
	} else {
		count_vm_event(TRUNCATE_RACED); /* it was below the end when we looked for it */
	}
	unlock_page(page);
	if (!mapped)
		put_page(page);
	return r;
}

/* Shared files on a disk: the file system reserves space, the page becomes dirty, and only then may it be written.
 * page is locked and the file's. Sleeps. => VMF_DONE, VMF_* */
int fault_make_dirty(struct file *file, struct page *page)
{
	const struct mapping_ops *ops = file->mapping->ops;
	int err = 0;

	if (page->index.n >= file_pages(file).n)
		return VMF_BUS;
	if (ops->page_mkwrite)
		err = ops->page_mkwrite(file, page);
	if (err)
		return err == -ENOMEM ? VMF_OOM : VMF_BUS;
	if (!page_dirty(page))
		mark_page_dirty(page);
	return VMF_DONE;
}

/* A write fault with nothing there. */
static int write_fault(struct fault *f, struct address_space *m, pindex_t index)
{
	struct page *page;
	int r;

	do
		page = read_page(f, m, index);
	while (!page);
	if (IS_ERR(page))
		return PTR_ERR(page);
	r = fault_make_dirty(f->vma->file, page);
	if (r == VMF_DONE)
		r = fault_remap(f);
	if (r) {
		unlock_page(page);
		put_page(page);
		return r;
	}
	r = map_locked(f, page, m);
	return r == VMF_DONE ? VMF_DIRTIED : r;
}

/* A write to a page that is mapped read-only: it was clean. The table is mapped; the entry, looked at again, keeps the
 * page in its place until we have a reference. */
int fault_file_mkwrite(struct fault *f, struct page *page)
{
	struct address_space *m = vma_mapping(f->vma);
	int r = VMF_DONE;

	if (vma_nonlinear(f->vma))
		return fault_nonlinear_mkwrite(f, page);
	if (!fault_lock(f))
		return VMF_DONE;
	get_page(page);
	spin_unlock(&f->pt->ptl);
	fault_unmap(f);
	lock_page(page);
	if (page->mapping == m)
		r = fault_make_dirty(f->vma->file, page);
	if (r == VMF_DONE && page->mapping == m) {
		r = fault_remap(f);
		if (!r && fault_lock(f)) {
			fault_make_writable(f);
			r = VMF_DIRTIED;
		}
	}
	unlock_page(page);
	put_page(page);
	return r;
}

int fault_file(struct fault *f)
{
	struct address_space *m = vma_mapping(f->vma);
	pindex_t index = vma_pindex_at(f->vma, f->addr);
	struct page *page;
	int err;

	if (!f->write && map_around(f))
		return VMF_DONE;
	if (unlikely(rmap_file->reserve) && reserve_entry(f))
		return VMF_OOM;
	if (unlikely(truncate_protocol != TRUNCATE_PAGELOCK))
		return fault_file_unlocked(f);
	if (f->write && f->vma->flags & VM_SHARED && wants_notice(m))
		return write_fault(f, m, index);
	page = cached_page(f, m, index);
	if (!page) {
		do
			page = read_page(f, m, index);
		while (!page);
		if (IS_ERR(page))
			return PTR_ERR(page);
		err = fault_remap(f);
		if (err) {
			unlock_page(page);
			put_page(page);
			return err;
		}
	}
	return map_locked(f, page, m);
}
