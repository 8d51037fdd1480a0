/* SPDX-License-Identifier: MIT
 *
 * The processor: interrupt flag, control registers, model-specific registers, CPUID, time-stamp counter.
 */
#ifndef ARCH_I386_CPU_H
#define ARCH_I386_CPU_H

#include "kernel/lib/types.h"

/* --- interrupt flag ------------------------------------------------------------------------------------------- */
#define EFLAGS_CF 0x1U
#define EFLAGS_TF 0x100U
#define EFLAGS_IF 0x200U
#define EFLAGS_DF 0x400U
#define EFLAGS_IOPL 0x3000U
#define EFLAGS_NT 0x4000U
#define EFLAGS_AC 0x40000U
#define EFLAGS_ID 0x200000U

static inline u32 read_eflags(void) { u32 f; __asm__ volatile("pushfl; popl %0" : "=r"(f) : : "memory"); return f; }
static inline void write_eflags(u32 f) { __asm__ volatile("pushl %0; popfl" : : "rm"(f) : "memory", "cc"); }
static inline void local_irq_disable(void) { __asm__ volatile("cli" : : : "memory"); }
static inline void local_irq_enable(void) { __asm__ volatile("sti" : : : "memory"); }
static inline bool irqs_disabled(void) { return !(read_eflags() & EFLAGS_IF); }
static inline unsigned long __local_irq_save(void) { u32 f = read_eflags(); local_irq_disable(); return f; }
static inline void __local_irq_restore(unsigned long f)
{
	if (f & EFLAGS_IF)
		local_irq_enable();
}
#define local_irq_save(flags) do { (flags) = __local_irq_save(); } while (0)
#define local_irq_restore(flags) __local_irq_restore(flags)

static inline void cpu_relax(void) { __asm__ volatile("pause" : : : "memory"); }
/* Interrupts on and wait for one, without a gap between the two. */
static inline void cpu_sleep(void) { __asm__ volatile("sti; hlt" : : : "memory"); }
static inline void cpu_halt(void) { __asm__ volatile("hlt" : : : "memory"); }

/* --- control registers ----------------------------------------------------------------------------------------- */
#define CR0_MP 0x2U
#define CR0_EM 0x4U
#define CR0_TS 0x8U
#define CR0_NE 0x20U
#define CR0_WP 0x10000U
#define CR0_AM 0x40000U
#define CR0_NW 0x20000000U
#define CR0_CD 0x40000000U /* caches off, as INIT leaves it */
#define CR0_PG 0x80000000U
#define CR4_PSE 0x10U
#define CR4_PAE 0x20U
#define CR4_MCE 0x40U
#define CR4_PGE 0x80U
#define CR4_OSFXSR 0x200U
#define CR4_OSXMMEXCPT 0x400U

static inline u32 read_cr0(void) { u32 v; __asm__ volatile("movl %%cr0, %0" : "=r"(v)); return v; }
static inline u32 read_cr2(void) { u32 v; __asm__ volatile("movl %%cr2, %0" : "=r"(v)); return v; }
static inline u32 read_cr3(void) { u32 v; __asm__ volatile("movl %%cr3, %0" : "=r"(v) : : "memory"); return v; }
static inline u32 read_cr4(void) { u32 v; __asm__ volatile("movl %%cr4, %0" : "=r"(v)); return v; }
static inline void write_cr0(u32 v) { __asm__ volatile("movl %0, %%cr0" : : "r"(v) : "memory"); }
static inline void write_cr3(u32 v) { __asm__ volatile("movl %0, %%cr3" : : "r"(v) : "memory"); }
static inline void write_cr4(u32 v) { __asm__ volatile("movl %0, %%cr4" : : "r"(v) : "memory"); }
static inline void clts(void) { __asm__ volatile("clts" : : : "memory"); }

/* --- model-specific registers ------------------------------------------------------------------------------------ */
#define MSR_APIC_BASE 0x1bU
#define MSR_TSC_DEADLINE 0x6e0U
#define MSR_EFER 0xc0000080U
#define EFER_NXE 0x800U
static inline u64 rdmsr(u32 msr) { u64 v; __asm__ volatile("rdmsr" : "=A"(v) : "c"(msr)); return v; }
static inline void wrmsr(u32 msr, u64 v) { __asm__ volatile("wrmsr" : : "A"(v), "c"(msr) : "memory"); }

static inline u64 rdtsc(void) { u64 v; __asm__ volatile("rdtsc" : "=A"(v)); return v; }

/* --- CPUID --------------------------------------------------------------------------------------------------------- */
struct cpuid_regs { u32 eax, ebx, ecx, edx; };
static inline struct cpuid_regs cpuid(u32 leaf, u32 sub)
{
	struct cpuid_regs r;

	__asm__ volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(sub));
	return r;
}

/* What the boot CPU has; the others are expected to have the same. f: fixed after cpu_detect(). */
struct cpu_features {
	char vendor[13], model[49];
	u32 family, model_nr, stepping;
	u32 phys_bits;            /* width of a physical address */
	u32 edx1, ecx1, edx_ext;  /* leaves 1 and 0x80000001 */
	bool nx, pge, sse, sse2, fxsr, apic, tsc, tsc_deadline, tsc_invariant, hypervisor, sep, pse36;
};
extern struct cpu_features cpu;
void cpu_detect(void);  /* boot CPU, early; needs nothing */
void cpu_setup(void);   /* each CPU: control registers that its features allow */

#endif
