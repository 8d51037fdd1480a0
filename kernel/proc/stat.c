/* SPDX-License-Identifier: MIT
 *
 * /proc/stat, interrupts, cpuinfo: what the processors do, how often they were interrupted, what they are.
 */
#include "arch/i386/apic.h"
#include "arch/i386/clock.h"
#include "arch/i386/cpu.h"
#include "arch/i386/traps.h"
#include "kernel/lib/div64.h"
#include "kernel/proc/internal.h"
#include "kernel/time/clock.h"

#define NS_PER_TICK 10000000U
#define MAX_GSI 256

static void cpu_line(struct seq *s, const struct cpu_times *t)
{
	seq_printf(s, "%llu %llu %llu %llu 0 %llu 0 0 0 0\n", div_u64(t->user, NS_PER_TICK), div_u64(t->nice, NS_PER_TICK),
		   div_u64(t->system, NS_PER_TICK), div_u64(t->idle, NS_PER_TICK), div_u64(t->irq, NS_PER_TICK));
}

static void cpu_lines(struct seq *s)
{
	struct cpu_times sum = { 0 }, t;

	for_each_online_cpu(cpu) {
		get_cpu_times(cpu, &t);
		sum.user += t.user;
		sum.nice += t.nice;
		sum.system += t.system;
		sum.idle += t.idle;
		sum.irq += t.irq;
	}
	seq_puts(s, "cpu  ");
	cpu_line(s, &sum);
	for_each_online_cpu(cpu) {
		get_cpu_times(cpu, &t);
		seq_printf(s, "cpu%u ", cpu);
		cpu_line(s, &t);
	}
}

static unsigned long vector_total(unsigned vector)
{
	unsigned long n = 0;

	for_each_online_cpu(cpu)
		n += irq_count[cpu][vector];
	return n;
}

/* The sum, then one number for each line of the interrupt controllers up to the last that is in use. */
static void intr_line(struct seq *s)
{
	unsigned long total = 0, by_gsi[MAX_GSI] = { 0 };
	int last = -1, gsi;
	char name[64];

	for (unsigned v = 32; v < 256; v++) {
		unsigned long n = vector_total(v);

		total += n;
		gsi = -1;
		if (irq_describe(v, &gsi, name, sizeof(name)) && gsi >= 0 && gsi < MAX_GSI) {
			by_gsi[gsi] += n;
			last = max(last, gsi);
		}
	}
	seq_printf(s, "intr %lu", total);
	for (gsi = 0; gsi <= last; gsi++)
		seq_printf(s, " %lu", by_gsi[gsi]);
	seq_puts(s, "\n");
}

static unsigned nr_blocked(void)
{
	struct task *t;
	unsigned n = 0;

	rcu_read_lock();
	for_each_task(t)
		n += task_state_letter(t) == 'D';
	rcu_read_unlock();
	return n;
}

void stat_show(struct seq *s, struct task *t)
{
	cpu_lines(s);
	intr_line(s);
	seq_printf(s, "ctxt %lu\nbtime %llu\nprocesses %llu\nprocs_running %lu\nprocs_blocked %u\n", nr_context_switches(),
		   div_u64(clock_real_offset(), NSEC_PER_SEC), total_forks, max(nr_running(), 1UL), nr_blocked());
	seq_puts(s, "softirq 0 0 0 0 0 0 0 0 0 0 0\n");
}

void interrupts_show(struct seq *s, struct task *t)
{
	char name[64];
	int gsi;

	seq_puts(s, "     ");
	for_each_online_cpu(cpu)
		seq_printf(s, "      CPU%-2u", cpu);
	seq_puts(s, "\n");
	for (unsigned v = 32; v < 256; v++) {
		const char *what;

		gsi = -1;
		what = irq_describe(v, &gsi, name, sizeof(name));
		if (!what)
			continue;
		if (gsi >= 0)
			seq_printf(s, "%4d:", gsi);
		else
			seq_printf(s, "  %02X:", v);
		for_each_online_cpu(cpu)
			seq_printf(s, " %10lu", irq_count[cpu][v]);
		seq_printf(s, "   vector %u  %s\n", v, what);
	}
}

/* --- cpuinfo --------------------------------------------------------------------------------------------------------- */

struct cpu_flag { u8 bit; char name[8]; };
static const struct cpu_flag edx1[] = {
	{ 0, "fpu" }, { 1, "vme" }, { 2, "de" }, { 3, "pse" }, { 4, "tsc" }, { 5, "msr" }, { 6, "pae" }, { 7, "mce" }, { 8, "cx8" },
	{ 9, "apic" }, { 11, "sep" }, { 12, "mtrr" }, { 13, "pge" }, { 14, "mca" }, { 15, "cmov" }, { 16, "pat" }, { 17, "pse36" },
	{ 19, "clflush" }, { 23, "mmx" }, { 24, "fxsr" }, { 25, "sse" }, { 26, "sse2" }, { 27, "ss" }, { 28, "ht" },
}, ecx1[] = {
	{ 0, "pni" }, { 1, "pclmulq" }, { 3, "monitor" }, { 5, "vmx" }, { 9, "ssse3" }, { 12, "fma" }, { 13, "cx16" }, { 19, "sse4_1" },
	{ 20, "sse4_2" }, { 21, "x2apic" }, { 22, "movbe" }, { 23, "popcnt" }, { 25, "aes" }, { 30, "rdrand" }, { 31, "hyperv" },
}, edx_ext[] = { { 11, "syscall" }, { 20, "nx" }, { 22, "mmxext" }, { 27, "rdtscp" }, { 29, "lm" } };

static void cpu_flags(struct seq *s, u32 word, const struct cpu_flag *f, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (word >> f[i].bit & 1)
			seq_printf(s, " %.8s", f[i].name);
}

static void one_cpu(struct seq *s, unsigned nr)
{
	seq_printf(s, "processor\t: %u\nvendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\nmodel name\t: %s\nstepping\t: %u\n", nr,
		   cpu.vendor, cpu.family, cpu.model_nr, cpu.model, cpu.stepping);
	seq_printf(s, "cpu MHz\t\t: %u.%03u\napicid\t\t: %u\nfpu\t\t: yes\nfpu_exception\t: yes\nwp\t\t: yes\nflags\t\t:", tsc_khz / 1000,
		   tsc_khz % 1000, cpu_apic_id[nr]);
	cpu_flags(s, cpu.edx1, edx1, ARRAY_SIZE(edx1));
	cpu_flags(s, cpu.edx_ext, edx_ext, ARRAY_SIZE(edx_ext));
	cpu_flags(s, cpu.ecx1, ecx1, ARRAY_SIZE(ecx1));
	seq_printf(s, "\nbogomips\t: %u.%02u\naddress sizes\t: %u bits physical, 32 bits virtual\n\n", tsc_khz / 500, tsc_khz / 5 % 100,
		   cpu.phys_bits);
}

void cpuinfo_show(struct seq *s, struct task *t)
{
	for_each_online_cpu(nr)
		one_cpu(s, nr);
}
