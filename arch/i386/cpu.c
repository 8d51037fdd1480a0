/* SPDX-License-Identifier: MIT
 *
 * What the processor can do, and switching it on.
 */
#include "arch/i386/cpu.h"
#include "arch/i386/pgtable.h"

struct cpu_features cpu;
u64 pte_nx;

static void copy_reg(char *to, u32 reg)
{
	for (int i = 0; i < 4; i++)
		to[i] = reg >> (8 * i);
}

static void detect_name(u32 max_ext)
{
	for (u32 leaf = 0; leaf < 3 && max_ext >= 0x80000004; leaf++) {
		struct cpuid_regs r = cpuid(0x80000002 + leaf, 0);
		char *p = cpu.model + leaf * 16;

		copy_reg(p, r.eax);
		copy_reg(p + 4, r.ebx);
		copy_reg(p + 8, r.ecx);
		copy_reg(p + 12, r.edx);
	}
}

static void detect_family(u32 signature)
{
	cpu.stepping = signature & 15;
	cpu.model_nr = signature >> 4 & 15;
	cpu.family = signature >> 8 & 15;
	if (cpu.family == 6 || cpu.family == 15)
		cpu.model_nr |= (signature >> 16 & 15) << 4;
	if (cpu.family == 15)
		cpu.family += signature >> 20 & 255;
}

/* Width of physical addresses: Intel SDM 3A, 4.1.4. */
static u32 detect_phys_bits(u32 max_ext)
{
	u32 bits = cpu.pse36 ? 36 : 32;

	if (max_ext >= 0x80000008)
		bits = cpuid(0x80000008, 0).eax & 255;
	return bits < 32 ? 32 : bits > 52 ? 52 : bits;
}

void cpu_detect(void)
{
	struct cpuid_regs r = cpuid(0, 0);
	u32 max_ext = cpuid(0x80000000, 0).eax;

	copy_reg(cpu.vendor, r.ebx);
	copy_reg(cpu.vendor + 4, r.edx);
	copy_reg(cpu.vendor + 8, r.ecx);
	if (max_ext < 0x80000000 || max_ext > 0x8000ffff)
		max_ext = 0;
	r = cpuid(1, 0);
	detect_family(r.eax);
	cpu.edx1 = r.edx;
	cpu.ecx1 = r.ecx;
	cpu.tsc = r.edx >> 4 & 1;
	cpu.apic = r.edx >> 9 & 1;
	cpu.sep = r.edx >> 11 & 1;
	cpu.pge = r.edx >> 13 & 1;
	cpu.pse36 = r.edx >> 17 & 1;
	cpu.fxsr = r.edx >> 24 & 1;
	cpu.sse = cpu.fxsr && (r.edx >> 25 & 1);
	cpu.sse2 = cpu.sse && (r.edx >> 26 & 1);
	cpu.tsc_deadline = r.ecx >> 24 & 1;
	cpu.hypervisor = r.ecx >> 31;
	if (max_ext >= 0x80000001)
		cpu.edx_ext = cpuid(0x80000001, 0).edx;
	cpu.nx = cpu.edx_ext >> 20 & 1;
	if (max_ext >= 0x80000007)
		cpu.tsc_invariant = cpuid(0x80000007, 0).edx >> 8 & 1;
	cpu.phys_bits = detect_phys_bits(max_ext);
	detect_name(max_ext);
	pte_nx = cpu.nx ? PTE_NX_BIT : 0;
}

void cpu_setup(void)
{
	u32 cr4 = read_cr4() | CR4_PAE;

	if (cpu.nx)
		wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_NXE);
	if (cpu.pge)
		cr4 |= CR4_PGE;
	if (cpu.edx1 >> 7 & 1)
		cr4 |= CR4_MCE;
	if (cpu.fxsr)
		cr4 |= CR4_OSFXSR;
	if (cpu.sse)
		cr4 |= CR4_OSXMMEXCPT;
	write_cr4(cr4);
	write_cr0((read_cr0() | CR0_WP | CR0_NE | CR0_MP | CR0_AM) & ~(CR0_EM | CR0_CD | CR0_NW));
}
