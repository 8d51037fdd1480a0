/* SPDX-License-Identifier: MIT
 *
 * The vDSO: a small shared library in the kernel (vdso/vdso.asm), by which programs enter it with sysenter, return from
 * signal handlers, and read the clock without entering it at all; and the page of data, [vvar], that it reads.
 *
 * Both are mapped once, readable for programs, in the kernel's half of the address space, which all processes share.
 * Linux did so from 2.5.53 to 2.6.17 (FFFFE000); since then it maps two areas into each process, at random addresses. Here
 * that would be two vmas to copy at each fork and tear down at each exit, 190 bytes of low memory a process, and an
 * address to look up in each system call. What it costs us: system calls refuse pointers into these pages (EFAULT), so
 * that a program cannot write its vDSO to a file, and munmap or mremap cannot take it away.
 *
 * Without sysenter (SEP clear; or the first Pentium Pros, which say SEP and mean something else) the page is patched:
 * __kernel_vsyscall then falls through to its int 0x80.
 *
 * The stack on which sysenter arrives is the one for double faults, right below the TSS: entry.asm takes esp0 from the TSS
 * at once, and until then only an NMI, a machine check or a program's single step can come in between.
 *
 * Lock: vvar->seq is written under kernel/time's lock over the wall clock.
 */
#include "arch/i386/vdso.h"
#include "arch/i386/cpu.h"
#include "arch/i386/pgtable.h"
#include "arch/i386/segment.h"

#define MSR_SYSENTER_CS 0x174U
#define MSR_SYSENTER_ESP 0x175U
#define MSR_SYSENTER_EIP 0x176U

extern u8 vdso_image[4096];
extern char sysenter_entry[];
#define MOV_EBP_SYSENTER 3 /* offset in __kernel_vsyscall: mov ebp, esp; sysenter, four bytes */

static union { struct vvar v; char page[4096]; } vvar_page __section(".data.page_aligned") __aligned(4096);

static bool has_sysenter(void)
{
	return cpu.sep && !(cpu.family == 6 && cpu.model_nr < 3 && cpu.stepping < 3);
}

static void map_for_user(unsigned long addr, const void *page, u64 prot)
{
	pte_set(kernel_pte(addr, NULL), pte_make(mmu_pfn_at(__pa(page)), PTE_PRESENT | PTE_USER | PTE_ACCESSED | PTE_GLOBAL | prot));
}

void vdso_init(void)
{
	if (!has_sysenter())
		for (unsigned i = 0; i < 4; i++)
			vdso_image[(VDSO_VSYSCALL & 4095) + MOV_EBP_SYSENTER + i] = 0x90;
	map_for_user(VVAR_BASE, &vvar_page, pte_nx);
	map_for_user(VDSO_BASE, vdso_image, 0);
}

/* SYSEXIT takes its segments from the two descriptors behind the kernel's. */
static_assert(KERNEL_DS == KERNEL_CS + 8 && USER_CS == KERNEL_CS + 16 + 3 && USER_DS == KERNEL_CS + 24 + 3, "SDM 2B, SYSENTER");

void sysenter_init_cpu(void)
{
	if (!has_sysenter())
		return;
	wrmsr(MSR_SYSENTER_CS, KERNEL_CS);
	wrmsr(MSR_SYSENTER_ESP, (u32)&this_cpu_ptr(&cpu_stack)->tss);
	wrmsr(MSR_SYSENTER_EIP, (u32)sysenter_entry);
}

/* --- the clock ----------------------------------------------------------------------------------------------------------- */
void vdso_set_clock(u32 mult, u32 shift, u64 start)
{
	vvar_page.v.mult = mult;
	vvar_page.v.shift = shift;
	vvar_page.v.start = start;
	vvar_page.v.from_tsc = true;
}

void vdso_set_real_offset(u64 ns)
{
	vvar_page.v.seq++;
	barrier();
	vvar_page.v.real_offset = ns;
	barrier();
	vvar_page.v.seq++;
}
