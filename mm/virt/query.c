/* SPDX-License-Identifier: MIT
 *
 * mincore and msync: what is in memory, and what has reached its file.
 */
#include "mm/reclaim/swap.h"
#include "mm/virt/internal.h"
#include "mm/virt/nonlinear.h"

/* --- mincore -------------------------------------------------------------------------------------------------------------------- */
static bool cached(struct vma *v, unsigned long addr)
{
	struct address_space *m;
	struct page *page;
	bool uptodate;
	pgoff_t pgoff;

	page = vma_file_at(v, addr, &m, &pgoff) ? find_page(m, pindex_of(pgoff)) : NULL;
	if (!page)
		return false;
	uptodate = page_uptodate(page);
	put_page(page);
	return uptodate;
}

static bool in_swap_cache(swap_entry_t entry)
{
	struct page *page = swap_find_page(entry);
	bool uptodate = page && page_uptodate(page);

	if (page)
		put_page(page);
	return uptodate;
}

/* PTL: the swapped ones of n entries, of which some may be in memory still */
static noinline void look_in_swap_cache(pte_t *pte, u8 *out, unsigned n)
{
	for (; n--; pte++, out++)
		if (pte_is_swap(*pte))
			*out = in_swap_cache(pte_swap_entry(*pte));
}

/* One table's worth. mmap lock: read */
static void mincore_table(struct vma *v, unsigned long addr, unsigned long end, u8 *out)
{
	struct page *pt;
	pte_t *pte = pte_lock_at(v->mm, addr, &pt), *first = pte;
	u8 *p = out;

	if (first) {
		for (unsigned n = (end - addr) >> MMU_PAGE_SHIFT; n--; pte++)
			*p++ = pte_present(*pte);
		if (unlikely(swap_on))
			look_in_swap_cache(first, out, (end - addr) >> MMU_PAGE_SHIFT);
		pte_unlock_at(first, pt);
	} else {
		memset(p, 0, (end - addr) >> MMU_PAGE_SHIFT);
	}
	if (!vma_mapping(v))
		return;
	for (; addr < end; addr += MMU_PAGE_SIZE, out++)
		if (!*out)
			*out = cached(v, addr);
}

/* n pages from addr on. => 0, or -ENOMEM at a hole */
static int mincore_pages(struct mm *mm, unsigned long addr, unsigned n, u8 *out)
{
	unsigned long end = addr + n * MMU_PAGE_SIZE;

	while (addr < end) {
		struct vma *v = find_vma(mm, addr);
		unsigned long to;

		if (!v || v->start > addr)
			return -ENOMEM;
		to = min(table_end(addr, end), v->end);
		mincore_table(v, addr, to, out);
		out += (to - addr) >> MMU_PAGE_SHIFT;
		addr = to;
	}
	return 0;
}

SYSCALL(mincore, unsigned long start, unsigned long len, u8 __user *vec)
{
	struct mm *mm = current->mm;
	unsigned long pages;
	u8 *buf;
	int err = 0;

	if (!page_aligned(start))
		return -EINVAL;
	if (!access_ok((void __user *)start, len))
		return -ENOMEM;
	pages = (len >> MMU_PAGE_SHIFT) + !page_aligned(len);
	if (!access_ok(vec, pages))
		return -EFAULT;
	buf = alloc_low(GFP_KERNEL, 0);
	if (!buf)
		return -EAGAIN;
	while (pages && !err) {
		unsigned n = min(pages, MMU_PAGE_SIZE);

		mmap_read_lock(mm, start, start + n * MMU_PAGE_SIZE);
		err = mincore_pages(mm, start, n, buf);
		mmap_read_unlock(mm, start, start + n * MMU_PAGE_SIZE);
		if (!err && copy_to_user(vec, buf, n))
			err = -EFAULT;
		start += n * MMU_PAGE_SIZE;
		vec += n;
		pages -= n;
	}
	free_low(buf, 0);
	return err;
}

/* --- msync ----------------------------------------------------------------------------------------------------------------------- */
/* A nonlinear area shows any part of its files: all of each is written. */
static int sync_nonlinear(struct mm *mm, struct vma *v)
{
	struct file **files;
	unsigned n;
	int err = 0;

	nonlinear_sync_files(v, &files, &n);
	if (!files)
		return -ENOMEM;
	mmap_read_unlock(mm, MM_ALL);
	for (unsigned i = 0; i < n; i++) {
		if (!err)
			err = virt_ops->fsync(files[i], 0, (loff_t)(~0ULL >> 1));
		put_file(files[i]);
	}
	kvfree(files);
	mmap_read_lock(mm, MM_ALL);
	return err;
}

/* The file's part of [start, end) of v is written, the mmap lock dropped meanwhile. => 0 or -errno */
static int sync_area(struct mm *mm, struct vma *v, unsigned long start, unsigned long end)
{
	loff_t from = pgoff_pos(vma_pgoff_at(v, start)), to = from + (end - start) - 1;
	struct file *file = v->file;
	int err;

	get_file(file);
	mmap_read_unlock(mm, MM_ALL);
	err = virt_ops->fsync(file, from, to);
	put_file(file);
	mmap_read_lock(mm, MM_ALL);
	return err;
}

static int sync_range(struct mm *mm, unsigned long start, unsigned long end, u32 flags)
{
	int err, missing = 0;

	for (;;) {
		struct vma *v = find_vma(mm, start);
		unsigned long to;

		if (!v || v->start >= end)
			return -ENOMEM;
		if (v->start > start) {
			missing = -ENOMEM;
			start = v->start;
		}
		if (flags & MS_INVALIDATE && v->flags & VM_LOCKED)
			return -EBUSY;
		to = min(v->end, end);
		if (flags & MS_SYNC && v->file && v->flags & VM_SHARED) {
			err = vma_nonlinear(v) ? sync_nonlinear(mm, v) : sync_area(mm, v, start, to);
			if (err)
				return err;
		}
		start = to;
		if (start >= end)
			return missing;
	}
}

SYSCALL(msync, unsigned long start, unsigned long len, u32 flags)
{
	struct mm *mm = current->mm;
	unsigned long end;
	int err;

	if (flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC) || !page_aligned(start))
		return -EINVAL;
	if (flags & MS_ASYNC && flags & MS_SYNC)
		return -EINVAL;
	end = start + page_up(len);
	if (end < start)
		return -ENOMEM;
	if (end == start)
		return 0;
	mmap_read_lock(mm, MM_ALL);
	err = sync_range(mm, start, end, flags);
	mmap_read_unlock(mm, MM_ALL);
	return err;
}
