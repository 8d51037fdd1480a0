/* SPDX-License-Identifier: MIT
 *
 * The pages of the kernel that programs run and read: vdso.c tells why they lie where they do.
 */
#ifndef ARCH_I386_VDSO_H
#define ARCH_I386_VDSO_H

#include "kernel/lib/types.h"

/* In the kernel's half, the last two pages of the fixed area: the same in each process. vdso/vdso.asm and entry.asm know
 * these numbers too (offsets.inc). */
#define VVAR_BASE 0xfe1fe000UL
#define VDSO_BASE 0xfe1ff000UL
#define VDSO_VSYSCALL (VDSO_BASE + 0x800)     /* __kernel_vsyscall */
#define VDSO_SIGRETURN (VDSO_BASE + 0x820)    /* where handlers without SA_RESTORER return to */
#define VDSO_RT_SIGRETURN (VDSO_BASE + 0x830)

/* What programs compute the time from: the page [vvar]. */
struct vvar {
	volatile u32 seq;      /* odd while real_offset changes */
	u32 from_tsc;          /* 0: ask the kernel */
	u32 mult, shift;       /* ns = (TSC - start) * mult >> shift, as arch_clock_ns() */
	u64 start;
	u64 real_offset;       /* wall clock - monotonic, ns */
};

void vdso_init(void);                          /* boot CPU, after clock_init_boot */
void sysenter_init_cpu(void);                  /* each CPU */
void vdso_set_clock(u32 mult, u32 shift, u64 start);
void vdso_set_real_offset(u64 ns);             /* one at a time: its caller's lock */

#endif
