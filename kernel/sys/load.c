/* SPDX-License-Identifier: MIT
 *
 * Loading ELF32 programs: headers from the file, segments into the address space, the first stack frame.
 */
#include "kernel/sys/exec.h"

#include "arch/i386/cpu.h"
#include "arch/i386/uaccess.h"
#include "arch/i386/vdso.h"
#include "drivers/char/char.h"
#include "kernel/lib/string.h"
#include "kernel/sys/cred.h"
#include <linux/auxvec.h>

/* --- headers --------------------------------------------------------------------------------------------------------------- */

int elf_read(struct elf_program *p, struct file *file, const void *head, size_t size)
{
	ssize_t n;
	int err = elf_check_header(head, size);

	*p = (struct elf_program){ .file = file };
	if (err)
		return err;
	memcpy(&p->eh, head, sizeof(p->eh));
	n = p->eh.e_phnum * sizeof(Elf32_Phdr);
	p->ph = kmalloc(n, GFP_KERNEL);
	if (!p->ph)
		return -ENOMEM;
	if (p->eh.e_phoff + n <= size)
		memcpy(p->ph, (const char *)head + p->eh.e_phoff, n);
	else if (kern_read(file, p->ph, n, p->eh.e_phoff) != n)
		err = -ENOEXEC;
	if (!err)
		err = elf_check_phdrs(&p->eh, p->ph, inode_size(file->inode), TASK_SIZE, &p->info);
	if (err)
		elf_free(p);
	return err;
}

void elf_free(struct elf_program *p)
{
	kfree(p->ph);
	p->ph = NULL;
}

/* --- segments ---------------------------------------------------------------------------------------------------------------- */

static u32 segment_prot(const Elf32_Phdr *ph)
{
	return (ph->p_flags & PF_R ? PROT_READ : 0) | (ph->p_flags & PF_W ? PROT_WRITE : 0) | (ph->p_flags & PF_X ? PROT_EXEC : 0);
}

/* Zeroes between the end of the file's part and the end of its page; a page that cannot be written keeps its bytes. */
static int clear_tail(unsigned long addr, bool writable)
{
	unsigned long n = -addr & ~MMU_PAGE_MASK;

	return n && clear_user((void __user *)addr, n) && writable ? -EFAULT : 0;
}

static int map_segment(struct elf_program *p, const Elf32_Phdr *ph)
{
	unsigned long addr = p->bias + ph->p_vaddr, page = addr & MMU_PAGE_MASK;
	unsigned long file_end = addr + ph->p_filesz, mem_end = addr + ph->p_memsz, zero = page;
	long ret;

	if (ph->p_filesz) {
		ret = vm_mmap(p->file, page, file_end - page, segment_prot(ph), MAP_PRIVATE | MAP_FIXED,
			      pgoff_at(ph->p_offset));
		if (IS_ERR_VALUE(ret))
			return ret;
		zero = ALIGN_UP(file_end, MMU_PAGE_SIZE);
		if (ph->p_memsz > ph->p_filesz && clear_tail(file_end, ph->p_flags & PF_W))
			return -EFAULT;
	}
	if (mem_end <= zero)
		return 0;
	ret = vm_mmap(NULL, zero, mem_end - zero, segment_prot(ph), MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, pgoff_at(0));
	return IS_ERR_VALUE(ret) ? ret : 0;
}

/* A free range for an ET_DYN: found by mapping nothing over all of it. */
static int choose_bias(struct elf_program *p, unsigned long base)
{
	unsigned long size = p->info.high - p->info.low;
	long addr = vm_mmap(NULL, base, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, pgoff_at(0));

	if (IS_ERR_VALUE(addr))
		return addr;
	mmap_write_lock(current->mm, addr, addr + size);
	do_munmap(current->mm, addr, size);
	mmap_write_unlock(current->mm, addr, addr + size);
	p->bias = addr - p->info.low;
	return 0;
}

int elf_map(struct elf_program *p, unsigned long base)
{
	int err = 0;

	if (p->info.dyn)
		err = choose_bias(p, base);
	for (unsigned i = 0; !err && i < p->eh.e_phnum; i++)
		if (p->ph[i].p_type == PT_LOAD && p->ph[i].p_memsz)
			err = map_segment(p, &p->ph[i]);
	return err;
}

/* --- the first frame ------------------------------------------------------------------------------------------------------------ */

#define AUX_MAX 22

struct auxv { u32 v[AUX_MAX * 2]; unsigned n; };

static void aux(struct auxv *a, u32 key, u32 value)
{
	a->v[a->n++] = key;
	a->v[a->n++] = value;
}

static void fill_auxv(struct auxv *a, const struct exec *e, const struct elf_program *prog, const struct elf_program *interp,
		      u32 random, u32 platform)
{
	const struct cred *c = current->cred;

	aux(a, AT_SYSINFO, VDSO_VSYSCALL);
	aux(a, AT_SYSINFO_EHDR, VDSO_BASE);
	aux(a, AT_HWCAP, cpu.edx1);
	aux(a, AT_PAGESZ, MMU_PAGE_SIZE);
	aux(a, AT_CLKTCK, 100);
	aux(a, AT_PHDR, prog->info.phdr ? prog->info.phdr + prog->bias : 0);
	aux(a, AT_PHENT, sizeof(Elf32_Phdr));
	aux(a, AT_PHNUM, prog->eh.e_phnum);
	aux(a, AT_BASE, interp ? interp->bias + interp->info.low : 0);
	aux(a, AT_FLAGS, 0);
	aux(a, AT_ENTRY, prog->info.entry + prog->bias);
	aux(a, AT_UID, c->uid);
	aux(a, AT_EUID, c->euid);
	aux(a, AT_GID, c->gid);
	aux(a, AT_EGID, c->egid);
	aux(a, AT_SECURE, e->secure);
	aux(a, AT_RANDOM, random);
	aux(a, AT_HWCAP2, 0);
	aux(a, AT_EXECFN, e->execfn);
	aux(a, AT_PLATFORM, platform);
	aux(a, AT_NULL, 0);
}

/* argv or envp: pointers to n strings that lie one behind the other from `str`. => address behind the last string, 0: fault */
static unsigned long put_pointers(u32 __user *at, unsigned n, unsigned long str)
{
	for (unsigned i = 0; i < n; i++) {
		long size;

		if (put_user((u32)str, at + i))
			return 0;
		size = strnlen_user((const char __user *)str, MAX_ARG_STRLEN);
		if (size <= 0 || size > MAX_ARG_STRLEN)
			return 0;
		str += size;
	}
	return put_user(0, at + n) ? 0 : str;
}

/* From e->sp down: platform name, 16 random bytes, auxv, envp, argv, argc. current runs in the new address space. */
int exec_make_stack(struct exec *e, const struct elf_program *prog, const struct elf_program *interp, unsigned long *sp)
{
	static const char platform[] = "i686";
	struct auxv a = { .n = 0 };
	unsigned long p = e->sp & ~15UL, plat, random, envp;
	u8 bytes[16];

	plat = p -= 16;
	random = p -= 16;
	get_random_bytes(bytes, sizeof(bytes));
	fill_auxv(&a, e, prog, interp, random, plat);
	p -= (a.n + e->envc + 1 + e->argc + 1 + 1) * 4;
	p &= ~15UL;
	*sp = p;
	envp = p + 4 + (e->argc + 1) * 4;
	if (copy_to_user((void __user *)plat, platform, sizeof(platform)) || copy_to_user((void __user *)random, bytes, sizeof(bytes)))
		return -EFAULT;
	if (put_user(e->argc, (u32 __user *)p))
		return -EFAULT;
	e->env_start = put_pointers((u32 __user *)(p + 4), e->argc, e->arg_start);
	e->env_end = e->env_start ? put_pointers((u32 __user *)envp, e->envc, e->env_start) : 0;
	if (!e->env_end || copy_to_user((void __user *)(envp + (e->envc + 1) * 4), a.v, a.n * 4))
		return -EFAULT;
	static_assert(sizeof(a.v) == sizeof(current->mm->auxv), "struct mm has room for it");
	memcpy(current->mm->auxv, a.v, sizeof(a.v));
	return 0;
}
