/* SPDX-License-Identifier: MIT
 *
 * Nonlinear areas: each slot shows the page that was placed there, whatever its neighbours show, and no vma is needed for it.
 *
 * What ruined them in 2003 was finding their mappings again: a page's place in its file says nothing about its address. The way out
 * that was proposed then, and that Linux did not take, is the rule here: **a nonlinear area is locked memory**, so that nobody
 * ever has to find them.
 *
 *   - No reverse map: its PTEs count in the page's pins (mm/phys/pin.c), not in mapcount; a page with pins is on no LRU list, so
 *     reclaim never meets it. The oracle compares the pins with the PTEs.
 *   - It is charged like mlock(MLOCK_ONFAULT): the whole size at once, pages as they are placed. mlock and munlock change nothing.
 *   - Who has the page taken out of its file (truncation, holes), or cleaned for write-out, is served by search: each file lists the
 *     nonlinear areas that show its pages (mapping->nonlinear), and they are scanned, all of each. That is the price; nonlinear_walk.c.
 *
 *       mapping A ---nonlinear---> nonlinear_file(area 1, number 0) ---> nonlinear_file(area 2, number 1)
 *       mapping B ---nonlinear---> nonlinear_file(area 1, number 1)
 *       vma tail: area 1 -> number 0 -> number 1
 *
 * Two kinds. The classic call, remap_file_pages, turns a whole MAP_SHARED area nonlinear: slots that were never placed go on showing
 * their linear page. MAP_NONLINEAR makes one that starts empty (VM_PLACED): there, what was not placed is SIGBUS, and nonlinear_place
 * (nonlinear_calls.c) may place pages of several files. A slot whose page is not there (cut off, dropped, MAP_NONBLOCK) keeps a marker:
 * the number of the file and the page in it; a touch brings that page, or SIGBUS beyond the file's end, never another page.
 *
 * Life of a nonlinear_file: made with the area, copied with it (split, fork, mremap), or when the first page of another file is placed;
 * linked to its mapping as long as the area is known to the reverse map; freed with the corpse, when the mmap lock is dropped.
 * New ones go to the end of the mapping's list, so that a scan which has passed the area that pages are copied or moved
 * from still comes to the one that they go to.
 *
 * Locks: mmap lock > page lock > mapping->map_lock (one at a time) > PTL > lru_lock. An area is linked to several mappings, so
 * changing its bounds does not keep scans out of all of them: it lets the running ones end (nonlinear_adjusted).
 *
 * What it cannot do: no huge pages; no private areas; a file that has been placed stays in use until the area goes.
 */
#include "mm/virt/internal.h"
#include "mm/virt/nonlinear.h"
#include <linux/capability.h>

int sysctl_nonlinear; /* may those without CAP_IPC_LOCK have them? */

/* The tail of the file's reverse-map scheme is idle here: at least two words. */
static struct nonlinear_file **files_of(const struct vma *v) { return rmap_tail_file(v); }
#define for_each_file(v, f) for (struct nonlinear_file *f = *files_of(v); f; f = f->next)

/* --- who may ----------------------------------------------------------------------------------------------------------------- */
int nonlinear_allowed(void)
{
	static pid_t told; /* a program that tries again and again is told once */

	if (READ_ONCE(sysctl_nonlinear) || virt_ops->capable(CAP_IPC_LOCK))
		return 0;
	if (READ_ONCE(told) != current->group->tgid) {
		WRITE_ONCE(told, current->group->tgid);
		pr_ratelimited(KERN_NOTICE, "%s[%d]: nonlinear areas are for CAP_IPC_LOCK: `echo 1 > /proc/sys/vm/nonlinear` (vm.nonlinear) "
			       "lets everybody have them\n", current->comm, current->pid);
	}
	return -EPERM;
}

/* --- files of an area -------------------------------------------------------------------------------------------------------- */
struct nonlinear_file *nonlinear_file_of(const struct vma *v, const struct address_space *m)
{
	for_each_file(v, f)
		if (f->file->mapping == m)
			return f;
	return NULL;
}

struct nonlinear_file *nonlinear_file_number(const struct vma *v, u32 number)
{
	for_each_file(v, f)
		if (f->number == number)
			return f;
	return NULL;
}

static bool area_may_write(const struct vma *v) { return v->flags & VM_MAYWRITE; } /* it is VM_SHARED */

static struct nonlinear_file *new_file(struct vma *v, struct file *file, u32 number)
{
	struct nonlinear_file *f = kmalloc(sizeof(*f), GFP_KERNEL);

	if (f)
		*f = (struct nonlinear_file){ .vma = v, .file = file, .number = number, .writable = area_may_write(v) };
	return f;
}

static void link_file(struct nonlinear_file *f)
{
	struct address_space *m = f->file->mapping;

	down_write(&m->map_lock);
	list_add_tail(&f->node, &m->nonlinear);
	m->nr_writable += f->writable;
	up_write(&m->map_lock);
}

void nonlinear_link(struct vma *v)
{
	for_each_file(v, f)
		link_file(f);
}

void nonlinear_unlink(struct vma *v)
{
	for_each_file(v, f) {
		struct address_space *m = f->file->mapping;

		down_write(&m->map_lock);
		list_del(&f->node);
		m->nr_writable -= f->writable;
		up_write(&m->map_lock);
	}
}

/* start, end or flags have changed: scans that began before may work with the old ones. They end now. */
void nonlinear_adjusted(struct vma *v)
{
	for_each_file(v, f) {
		down_write(&f->file->mapping->map_lock);
		up_write(&f->file->mapping->map_lock);
	}
}

static void free_files(struct vma *v)
{
	struct nonlinear_file *f = *files_of(v), *next;

	*files_of(v) = NULL;
	for (; f; f = next) {
		next = f->next;
		if (f->number)
			put_file(f->file);
		kfree(f);
	}
}

void nonlinear_bury(struct vma *v) { free_files(v); }
void nonlinear_unclone(struct vma *copy) { free_files(copy); }

int nonlinear_clone(struct vma *copy, const struct vma *v)
{
	struct nonlinear_file **last = files_of(copy);

	*last = NULL;
	for_each_file(v, f) {
		*last = new_file(copy, f->file, f->number);
		if (!*last) {
			free_files(copy);
			return -ENOMEM;
		}
		if (f->number)
			get_file(f->file);
		(*last)->writable = f->writable;
		last = &(*last)->next;
	}
	return 0;
}

/* --- new areas ----------------------------------------------------------------------------------------------------------------- */
static bool plain_file_area(const struct vma *v)
{
	return vma_mapping(v) && !v->ops;
}

int nonlinear_init(struct vma *v)
{
	*files_of(v) = NULL;
	if (!plain_file_area(v))
		return -ENODEV;
	*files_of(v) = new_file(v, v->file, 0);
	return *files_of(v) ? 0 : -ENOMEM;
}

/* --- one that is linear becomes nonlinear ------------------------------------------------------------------------------------ */
/* The pages of [addr, end), which lie in one table: out of the reverse map, pinned unless they are. */
static void convert_table(struct vma *v, unsigned long addr, unsigned long end, bool pinned)
{
	struct page *pt;
	pte_t *first = pte_lock_at(v->mm, addr, &pt), *pte = first;

	if (!first)
		return;
	for (; (addr = pte_skip_none(&pte, addr, end)) != end; addr += MMU_PAGE_SIZE, pte++) {
		struct page *page = pte_page(*pte);

		if (!pte_present(*pte) || pte_special(*pte))
			continue;
		if (!pinned)
			page_pin(page);
		rmap_remove(page, v->mm, addr);
	}
	pte_unlock_at(first, pt);
}

static int may_convert(struct vma *v)
{
	if (!plain_file_area(v) || !(v->flags & VM_SHARED))
		return -EINVAL;
	if (v->flags & VM_LOCKED) /* charged already */
		return 0;
	if (!may_lock_memory())
		return -EPERM;
	return mm_may_lock(v->mm, VM_LOCKED, vma_pages(v)) ? -ENOMEM : 0; /* as mlock says it */
}

/* => map_lock keeps walks and truncation away while the pages change from mapcount to pins. nr_writable counts it as before. */
int nonlinear_convert(struct vma *v)
{
	struct address_space *m = vma_mapping(v);
	bool pinned = v->flags & VM_LOCKED;
	struct nonlinear_file *own;
	int err = may_convert(v);

	if (err)
		return err;
	own = new_file(v, v->file, 0);
	if (!own)
		return -ENOMEM;
	down_write(&m->map_lock);
	rmap_file->vma_leave(v);
	*files_of(v) = own;
	list_add_tail(&own->node, &m->nonlinear);
	vma_set_flags(v, v->flags | VM_NONLINEAR | VM_LOCKED | VM_LOCKONFAULT);
	for (unsigned long addr = v->start, next; addr < v->end; addr = next) {
		next = table_end(addr, v->end);
		convert_table(v, addr, next, pinned);
	}
	atomic_inc(&m->nonlinear_writes);
	up_write(&m->map_lock);
	return 0;
}

/* --- further files ----------------------------------------------------------------------------------------------------------------- */
int nonlinear_may_place(const struct vma *v, struct file *file, struct nonlinear_file **found)
{
	*found = NULL;
	if (!(file->mode & FMODE_READ) || (v->flags & VM_WRITE && !(file->mode & FMODE_WRITE)))
		return -EACCES;
	if (v->flags & VM_EXEC && virt_ops->noexec(file))
		return -EPERM;
	*found = file->mapping ? nonlinear_file_of(v, file->mapping) : NULL;
	if (*found && v->flags & VM_MAYWRITE && !(file->mode & FMODE_WRITE))
		*found = NULL; /* it comes with other rights: ask again */
	return 0;
}

/* What would mmap of this file have said? *flags: those of the area, with the rights that the file takes away. */
static int ask_file(const struct vma *v, struct file *file, u32 *flags)
{
	struct vma *trial = vma_alloc(v->mm);
	int err;

	if (!trial)
		return -ENOMEM;
	trial->start = v->start;
	trial->end = v->end;
	trial->flags = v->flags & ~(VM_NONLINEAR | VM_PLACED);
	trial->file = file;
	get_file(file);
	if (!(file->mode & FMODE_WRITE))
		trial->flags &= ~VM_MAYWRITE;
	if (virt_ops->noexec(file))
		trial->flags &= ~VM_MAYEXEC;
	err = virt_ops->mmap_file(file, trial);
	if (!err && (!plain_file_area(trial) || trial->file != file))
		err = -ENODEV;
	*flags = v->flags & ~(~trial->flags & (VM_MAYWRITE | VM_MAYEXEC));
	vma_free(trial);
	return err;
}

/* => it is not one of the area's files, or comes with fewer rights than those had */
int nonlinear_add_file(struct vma *v, struct file *file)
{
	struct nonlinear_file *f, *last = *files_of(v);
	u32 flags;
	int err = ask_file(v, file, &flags);

	if (err)
		return err;
	vma_set_flags(v, flags);
	if (nonlinear_file_of(v, file->mapping))
		return 0;
	while (last->next)
		last = last->next;
	if (last->number >= min((u32)sysctl_max_map_count, PTE_SLOT_FILES - 1))
		return -ENOMEM;
	f = new_file(v, file, last->number + 1);
	if (!f)
		return -ENOMEM;
	get_file(file);
	last->next = f;
	link_file(f);
	return 0;
}

PAGE_IS_ONE_MMU_PAGE("a marker is made of page->index: which part of the page a nonlinear PTE shows must come from the PTE");

/* --- asking ------------------------------------------------------------------------------------------------------------------------ */
/* The same of an entry e, not present, that stands or stood there. */
bool nonlinear_slot_of(struct vma *v, unsigned long addr, pte_t e, struct file **file, pgoff_t *pgoff)
{
	if (pte_none(e)) {
		*file = v->file;
		*pgoff = vma_pgoff_at(v, addr);
		return !(v->flags & VM_PLACED);
	}
	*file = nonlinear_file_number(v, pte_slot_file(e))->file;
	*pgoff = (pgoff_t){ pte_slot_page(e) };
	return true;
}

static bool nonlinear_slot(struct vma *v, unsigned long addr, struct file **file, pgoff_t *pgoff)
{
	struct page *pt;
	pte_t *pte = pte_lock_at(v->mm, addr, &pt), e = { 0 };
	bool there = true;

	if (pte) {
		e = *pte;
		if (pte_present(e)) { /* mapped, so its file keeps it */
			const struct page *page = pte_page(e);

			*file = nonlinear_file_of(v, page->mapping)->file;
			*pgoff = pgoff_of(page->index);
		}
		pte_unlock_at(pte, pt);
	}
	if (!pte_present(e))
		there = nonlinear_slot_of(v, addr, e, file, pgoff);
	return there;
}

bool vma_file_at(struct vma *v, unsigned long addr, struct address_space **m, pgoff_t *pgoff)
{
	struct file *file = v->file;

	*pgoff = vma_pgoff_at(v, addr);
	if (vma_nonlinear(v) && !nonlinear_slot(v, addr, &file, pgoff))
		return false;
	*m = file->mapping;
	return true;
}

void nonlinear_sync_files(struct vma *v, struct file ***files, unsigned *n)
{
	unsigned count = 0;

	for_each_file(v, f)
		count++;
	*files = kvmalloc(count * sizeof(**files), GFP_KERNEL);
	*n = 0;
	if (!*files)
		return;
	for_each_file(v, f) {
		get_file(f->file);
		(*files)[(*n)++] = f->file;
	}
}

#ifdef CONFIG_DEBUG
void nonlinear_audit(struct vma *v, struct page *page, unsigned long addr)
{
	struct nonlinear_file *f = nonlinear_file_of(v, page->mapping);

	if (!f || list_empty(&f->node))
		panic("oracle: mm %p shows frame %lx (index %lx, flags %lx) at %08lx, nonlinear, and %s", v->mm, page_to_pfn(page).n, page->index.n,
		      page->flags, addr, f ? "its file does not know" : "has no such file");
}
#endif
