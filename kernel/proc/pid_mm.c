/* SPDX-License-Identifier: MIT
 *
 * What /proc/PID says of an address space as text: maps, smaps, smaps_rollup, cmdline, environ, auxv.
 *
 * maps and smaps make one record for each area; the index is the address from which on areas are still to come, so that
 * areas may come and go between two reads. The mmap lock is held for one buffer full. Guarded files look at the mm that
 * the process had when they were opened, so that an exec in between opens nothing.
 */
#include "arch/i386/vdso.h"
#include "kernel/lib/bitops.h"
#include "kernel/lib/div64.h"
#include "kernel/proc/internal.h"
#include "mm/reclaim/swap.h"
#include "mm/rmap/rmap.h"

/* --- maps ------------------------------------------------------------------------------------------------------------- */

static int maps_begin(struct proc_open *o)
{
	struct mm *mm = proc_mm_get(o);

	if (!mm)
		return -ESRCH;
	mmap_read_lock(mm, MM_ALL);
	return 0;
}

static void maps_end(struct proc_open *o)
{
	mmap_read_unlock(o->mm, MM_ALL);
	mmput(o->mm);
}

static const char *special_name(const struct mm *mm, struct vma *v)
{
	const char *name = v->ops && v->ops->name ? v->ops->name(v) : NULL;

	if (name || v->file)
		return name;
	if (v->start <= mm->brk && v->end >= mm->start_brk && mm->brk > mm->start_brk)
		return "[heap]";
	if (v->start <= mm->start_stack && v->end > mm->start_stack)
		return "[stack]";
	return NULL;
}

static void pad(struct seq *s, size_t line, size_t width)
{
	while (!s->overflow && s->len - line < width)
		seq_puts(s, " ");
	seq_puts(s, " ");
}

static void map_line(struct seq *s, struct mm *mm, struct vma *v)
{
	const struct inode *i = v->file ? v->file->inode : NULL;
	dev_t dev = i ? i->sb->dev : 0;
	u64 offset = v->file ? pgoff_pos(v->pgoff) : 0;
	const char *name = special_name(mm, v);
	size_t line = s->len;

	seq_printf(s, "%08lx-%08lx %c%c%c%c %08llx %02x:%02x %llu ", v->start, v->end, v->flags & VM_READ ? 'r' : '-',
		   v->flags & VM_WRITE ? 'w' : '-', v->flags & VM_EXEC ? 'x' : '-', v->flags & VM_SHARED ? 's' : 'p', offset,
		   MAJOR(dev), MINOR(dev), i ? i->ino : 0);
	if (name) {
		pad(s, line, 48);
		seq_puts(s, name);
	} else if (v->file) {
		struct path p = { v->file->mount, v->file->dentry };

		pad(s, line, 48);
		seq_path(s, &p, "\n");
	}
	if (v->flags & VM_NONLINEAR)
		seq_puts(s, " [nonlinear]");
	seq_puts(s, "\n");
}

static struct vma *next_area(struct proc_open *o)
{
	struct vma *v = o->s.index < TASK_SIZE ? find_vma(o->mm, (unsigned long)o->s.index) : NULL;

	if (v)
		o->s.index = v->end;
	return v;
}

/* What every process has, and no area describes: arch/i386/vdso.c. */
static bool gate_line(struct proc_open *o)
{
	bool data = o->s.index < VDSO_BASE;
	unsigned long start = data ? VVAR_BASE : VDSO_BASE;
	size_t line = o->s.len;

	if (o->s.index > VDSO_BASE)
		return false;
	seq_printf(&o->s, "%08lx-%08lx %s 00000000 00:00 0 ", start, start + MMU_PAGE_SIZE, data ? "r--p" : "r-xp");
	pad(&o->s, line, 48);
	seq_puts(&o->s, data ? "[vvar]\n" : "[vdso]\n");
	o->s.index = start + MMU_PAGE_SIZE;
	return true;
}

static bool maps_record(struct proc_open *o)
{
	struct vma *v = next_area(o);

	if (!v)
		return gate_line(o);
	map_line(&o->s, o->mm, v);
	return true;
}

const struct proc_records pid_maps_records = { .begin = maps_begin, .record = maps_record, .end = maps_end };

/* --- smaps -------------------------------------------------------------------------------------------------------------- */

struct usage {
	u64 rss, anon, referenced, shared_clean, shared_dirty, private_clean, private_dirty, swap; /* bytes */
	u64 pss, pss_dirty, pss_anon, pss_file, pss_shmem, swap_pss; /* 12 more bits */
	u64 size, locked_pss;
};
#define PSS_SHIFT 12

static void count_page(struct usage *u, struct page *page, pte_t pte)
{
	int mapcount = max(page_uses(page), 1);
	bool dirty = pte_dirty(pte) || page_dirty(page);
	u64 share = div_u64((u64)MMU_PAGE_SIZE << PSS_SHIFT, mapcount);

	u->rss += MMU_PAGE_SIZE;
	u->pss += share;
	if (page_anon(page)) {
		u->anon += MMU_PAGE_SIZE;
		u->pss_anon += share;
	} else if (page_swapbacked(page)) {
		u->pss_shmem += share;
	} else {
		u->pss_file += share;
	}
	if (pte_young(pte) || page_referenced(page))
		u->referenced += MMU_PAGE_SIZE;
	if (dirty)
		u->pss_dirty += share;
	*(mapcount > 1 ? dirty ? &u->shared_dirty : &u->shared_clean : dirty ? &u->private_dirty : &u->private_clean) += MMU_PAGE_SIZE;
}

static void count_entry(pte_t *pte, unsigned long addr, void *arg)
{
	struct usage *u = arg;
	pte_t e = *pte;

	if (pte_present(e) && !pte_special(e))
		count_page(u, pte_page(e), e);
	else if (pte_is_swap(e)) {
		u->swap += MMU_PAGE_SIZE;
		u->swap_pss += div_u64((u64)MMU_PAGE_SIZE << PSS_SHIFT, max(swap_count(pte_swap_entry(e)), 1u));
	}
}

static void count_area(struct usage *u, struct mm *mm, struct vma *v)
{
	u64 before = u->pss;

	u->size += v->end - v->start;
	pt_walk(mm, v->start, v->end, count_entry, u);
	if (v->flags & VM_LOCKED)
		u->locked_pss += u->pss - before;
}

static void line_kb(struct seq *s, const char *name, u64 bytes)
{
	seq_printf(s, "%-16s%8llu kB\n", name, bytes >> 10);
}

static void usage_lines(struct seq *s, const struct usage *u, bool rollup)
{
	line_kb(s, "Rss:", u->rss);
	line_kb(s, "Pss:", u->pss >> PSS_SHIFT);
	line_kb(s, "Pss_Dirty:", u->pss_dirty >> PSS_SHIFT);
	if (rollup) {
		line_kb(s, "Pss_Anon:", u->pss_anon >> PSS_SHIFT);
		line_kb(s, "Pss_File:", u->pss_file >> PSS_SHIFT);
		line_kb(s, "Pss_Shmem:", u->pss_shmem >> PSS_SHIFT);
	}
	line_kb(s, "Shared_Clean:", u->shared_clean);
	line_kb(s, "Shared_Dirty:", u->shared_dirty);
	line_kb(s, "Private_Clean:", u->private_clean);
	line_kb(s, "Private_Dirty:", u->private_dirty);
	line_kb(s, "Referenced:", u->referenced);
	line_kb(s, "Anonymous:", u->anon);
	line_kb(s, "LazyFree:", 0);
	line_kb(s, "AnonHugePages:", 0);
	line_kb(s, "ShmemPmdMapped:", 0);
	line_kb(s, "FilePmdMapped:", 0);
	line_kb(s, "Shared_Hugetlb:", 0);
	line_kb(s, "Private_Hugetlb:", 0);
	line_kb(s, "Swap:", u->swap);
	line_kb(s, "SwapPss:", u->swap_pss >> PSS_SHIFT);
	line_kb(s, "Locked:", u->locked_pss >> PSS_SHIFT);
}

static void flag_line(struct seq *s, const struct vma *v)
{
	static const struct { u32 flag; char name[4]; } flags[] = {
		{ VM_READ, "rd" }, { VM_WRITE, "wr" }, { VM_EXEC, "ex" }, { VM_SHARED, "sh" }, { VM_MAYREAD, "mr" },
		{ VM_MAYWRITE, "mw" }, { VM_MAYEXEC, "me" }, { VM_GROWSDOWN, "gd" }, { VM_LOCKED, "lo" },
		{ VM_SEQ, "sr" }, { VM_RAND, "rr" }, { VM_DONTFORK, "dc" }, { VM_ACCOUNT, "ac" },
		{ VM_NORESERVE, "nr" }, { VM_WIPEONFORK, "wf" }, { VM_DONTDUMP, "dd" }, { VM_NONLINEAR, "nl" },
	};

	seq_puts(s, "VmFlags: ");
	for (unsigned i = 0; i < ARRAY_SIZE(flags); i++)
		if (v->flags & flags[i].flag)
			seq_printf(s, "%s ", flags[i].name);
	seq_puts(s, "\n");
}

static bool smaps_record(struct proc_open *o)
{
	struct seq *s = &o->s;
	struct vma *v = next_area(o);
	struct usage u = { 0 };

	if (!v)
		return false;
	count_area(&u, o->mm, v);
	map_line(s, o->mm, v);
	line_kb(s, "Size:", v->end - v->start);
	line_kb(s, "KernelPageSize:", MMU_PAGE_SIZE);
	line_kb(s, "MMUPageSize:", MMU_PAGE_SIZE);
	usage_lines(s, &u, false);
	seq_puts(s, "THPeligible:           0\n");
	flag_line(s, v);
	return true;
}

const struct proc_records pid_smaps_records = { .begin = maps_begin, .record = smaps_record, .end = maps_end };

void pid_rollup_show(struct seq *s, struct task *t)
{
	struct proc_open *o = container_of(s, struct proc_open, s);
	struct vma *first = NULL, *last = NULL;
	struct usage u = { 0 };

	if (maps_begin(o))
		return;
	for_each_vma(o->mm, v) {
		first = first ? first : v;
		last = v;
		count_area(&u, o->mm, v);
	}
	seq_printf(s, "%08lx-%08lx ---p 00000000 00:00 0 ", first ? first->start : 0, last ? last->end : 0);
	pad(s, 0, 48);
	seq_puts(s, "[rollup]\n");
	usage_lines(s, &u, true);
	maps_end(o);
}

/* --- strings of the process ------------------------------------------------------------------------------------------------ */

/* => false: some of it could not be read */
static bool copy_range(struct seq *s, struct mm *mm, unsigned long start, unsigned long end)
{
	char buf[256];

	while (start < end && !s->overflow) {
		size_t want = min_t(size_t, end - start, sizeof(buf)), n = mm_access(mm, start, buf, want, false);

		seq_write(s, buf, n);
		start += n;
		if (n < want)
			return false;
	}
	return true;
}

/* Up to the NUL, for a program that wrote its title over its arguments. */
static void copy_string(struct seq *s, struct mm *mm, unsigned long start, unsigned long end)
{
	char buf[256], *nul;

	while (start < end && !s->overflow) {
		size_t n = mm_access(mm, start, buf, min_t(size_t, end - start, sizeof(buf)), false);

		nul = memchr(buf, '\0', n);
		seq_write(s, buf, nul ? (size_t)(nul - buf) + 1 : n);
		if (nul || !n)
			return;
		start += n;
	}
}

static void strings_range(struct mm *mm, unsigned long r[4])
{
	spin_lock(&mm->tree_lock);
	r[0] = mm->arg_start;
	r[1] = mm->arg_end;
	r[2] = mm->env_start;
	r[3] = mm->env_end;
	spin_unlock(&mm->tree_lock);
}

void pid_cmdline_show(struct seq *s, struct task *t)
{
	struct mm *mm = get_task_mm(t);
	unsigned long r[4];
	char last = 0;

	if (!mm)
		return;
	strings_range(mm, r);
	if (r[0] < r[1]) {
		mm_access(mm, r[1] - 1, &last, 1, false);
		if (last)
			copy_string(s, mm, r[0], max(r[1], r[3]));
		else
			copy_range(s, mm, r[0], r[1]);
	}
	mmput(mm);
}

void pid_environ_show(struct seq *s, struct task *t)
{
	struct mm *mm = proc_mm_get(container_of(s, struct proc_open, s));
	unsigned long r[4];

	if (!mm)
		return;
	strings_range(mm, r);
	copy_range(s, mm, r[2], r[3]);
	mmput(mm);
}

void pid_auxv_show(struct seq *s, struct task *t)
{
	struct mm *mm = proc_mm_get(container_of(s, struct proc_open, s));
	unsigned n = 0;

	if (!mm)
		return;
	while (n + 2 < ARRAY_SIZE(mm->auxv) && mm->auxv[n])
		n += 2;
	seq_write(s, mm->auxv, (n + 2) * sizeof(u32));
	mmput(mm);
}
