/* SPDX-License-Identifier: MIT
 *
 * /proc/PID/mem (the memory itself) and /proc/PID/pagemap (eight bytes for each page: present, swapped, where).
 *
 * Both look at the mm that the process had when they were opened. pagemap(5 in the kernel's documentation) gives frame
 * numbers only to who has CAP_SYS_ADMIN. mem faults pages in; a page that cannot be had is EIO, as on Linux.
 */
#include "arch/i386/uaccess.h"
#include "kernel/proc/internal.h"
#include "mm/rmap/rmap.h"
#include <linux/capability.h>

#define ENTRIES 512U

static int open_mm(struct inode *i, struct file *f)
{
	struct mm *mm = proc_mm_hold(proc_task(i));

	if (IS_ERR(mm))
		return PTR_ERR(mm);
	f->private = mm;
	return 0;
}

static void release_mm(struct file *f)
{
	if (f->private)
		mmdrop(f->private);
}

static struct mm *use_mm_of(struct file *f)
{
	struct mm *mm = f->private;

	return mm && atomic_inc_not_zero(&mm->users) ? mm : NULL;
}

static loff_t seek_any(struct file *f, loff_t off, int whence)
{
	if (whence == 1)
		off += f->pos;
	else if (whence != 0)
		return -EINVAL;
	return f->pos = off;
}

/* --- mem --------------------------------------------------------------------------------------------------------------- */

static ssize_t mem_one(struct mm *mm, struct iov *v, unsigned long addr, char *buf, size_t n, bool write)
{
	size_t done;

	if (write) {
		n = iov_copy_from(buf, v, n);
		return n ? (ssize_t)mm_access(mm, addr, buf, n, true) : -EFAULT;
	}
	n = mm_access(mm, addr, buf, n, false);
	done = iov_copy_to(v, buf, n);
	return n && !done ? -EFAULT : (ssize_t)done;
}

static ssize_t mem_copy(struct file *f, struct iov *v, loff_t *pos, bool write)
{
	struct mm *mm = use_mm_of(f);
	ssize_t done = 0, r = 0;
	char *buf;

	if (!mm)
		return 0;
	buf = kmalloc(PAGE_SIZE, GFP_KERNEL);
	if (!buf)
		r = -ENOMEM;
	while (!r && iov_count(v)) {
		size_t n = min_t(size_t, iov_count(v), PAGE_SIZE - (*pos & (PAGE_SIZE - 1)));

		r = *pos < 0 || *pos >= TASK_SIZE ? -EIO : mem_one(mm, v, (unsigned long)*pos, buf, n, write);
		if (r <= 0) {
			r = r ? r : -EIO;
			break;
		}
		done += r;
		*pos += r;
		r = 0;
		cond_resched();
	}
	kfree(buf);
	mmput(mm);
	return done ? done : r;
}

static ssize_t mem_read(struct file *f, struct iov *to, loff_t *pos) { return mem_copy(f, to, pos, false); }
static ssize_t mem_write(struct file *f, struct iov *from, loff_t *pos) { return mem_copy(f, from, pos, true); }

const struct file_ops pid_mem_ops = {
	.open = open_mm, .release = release_mm, .read = mem_read, .write = mem_write, .llseek = seek_any,
};

/* --- pagemap ------------------------------------------------------------------------------------------------------------ */

enum { PM_EXCLUSIVE = 56, PM_FILE = 61, PM_SWAP = 62, PM_PRESENT = 63 };

struct pagemap { u64 *entries; unsigned long start; bool frames; };

static void pagemap_entry(pte_t *pte, unsigned long addr, void *arg)
{
	struct pagemap *m = arg;
	pte_t e = *pte;
	u64 v = 0;

	if (pte_present(e)) {
		struct page *page = pte_special(e) ? NULL : pte_page(e);

		v = 1ULL << PM_PRESENT | (m->frames ? pte_mmu_pfn(e).n : 0);
		if (page && !page_anon(page))
			v |= 1ULL << PM_FILE;
		if (page && page_uses(page) == 1)
			v |= 1ULL << PM_EXCLUSIVE;
	} else if (pte_is_swap(e)) {
		swap_entry_t entry = pte_swap_entry(e);

		v = 1ULL << PM_SWAP | (m->frames ? swap_type(entry) | (u64)swap_offset(entry) << 5 : 0);
	}
	m->entries[(addr - m->start) >> MMU_PAGE_SHIFT] = v;
}

/* The entries of n pages from start on. */
static void pagemap_fill(struct mm *mm, struct pagemap *m, unsigned n)
{
	unsigned long end = m->start + ((unsigned long)n << MMU_PAGE_SHIFT);

	memset(m->entries, 0, n * sizeof(u64));
	mmap_read_lock(mm, m->start, end);
	pt_walk(mm, m->start, end, pagemap_entry, m);
	mmap_read_unlock(mm, m->start, end);
}

static ssize_t pagemap_read(struct file *f, struct iov *to, loff_t *pos)
{
	struct pagemap m = { .frames = capable(CAP_SYS_ADMIN) };
	struct mm *mm = use_mm_of(f);
	ssize_t done = 0;

	if (*pos & 7 || iov_count(to) & 7) {
		done = -EINVAL;
		goto out;
	}
	m.entries = mm ? kmalloc(ENTRIES * sizeof(u64), GFP_KERNEL) : NULL;
	if (mm && !m.entries)
		done = -ENOMEM;
	while (m.entries && iov_count(to) && (u64)*pos / 8 < TASK_SIZE >> MMU_PAGE_SHIFT) {
		unsigned long page = (unsigned long)(*pos / 8);
		unsigned n = min(ENTRIES, min_t(u32, iov_count(to) / 8, (TASK_SIZE >> MMU_PAGE_SHIFT) - page));
		size_t got;

		m.start = page << MMU_PAGE_SHIFT;
		pagemap_fill(mm, &m, n);
		got = iov_copy_to(to, m.entries, n * sizeof(u64));
		done += got;
		*pos += got;
		if (got < n * sizeof(u64)) {
			done = done ? done : -EFAULT;
			break;
		}
		cond_resched();
	}
	kfree(m.entries);
out:
	if (mm)
		mmput(mm);
	return done;
}

const struct file_ops pid_pagemap_ops = { .open = open_mm, .release = release_mm, .read = pagemap_read, .llseek = seek_any };
