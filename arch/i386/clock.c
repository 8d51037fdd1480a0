/* SPDX-License-Identifier: MIT
 *
 * Time from the hardware. The clock is the time-stamp counter, calibrated once against channel 2 of the 8254 timer; the
 * event source is the local APIC's timer in one-shot or TSC-deadline mode, or channel 0 of the 8254 on a machine
 * without APIC.
 *
 * What it cannot do: correct for counters that differ between processors, or that stop in sleep states. Emulators and
 * processors since about 2008 keep them together.
 */
#include "arch/i386/clock.h"
#include "arch/i386/apic.h"
#include "arch/i386/cpu.h"
#include "arch/i386/io.h"
#include "arch/i386/ops.h"
#include "arch/i386/segment.h"
#include "arch/i386/traps.h"
#include "arch/i386/vdso.h"
#include "kernel/lib/bug.h"
#include "kernel/lib/printk.h"

#define PIT_HZ 1193182U
#define CALIBRATE_TICKS 11932U /* 10 ms */

u32 tsc_khz, apic_timer_khz;
static u32 ns_mult, ns_shift;         /* ns = ticks * mult >> shift */
static u32 event_mult, event_shift;   /* event-source ticks = ns * mult >> shift */
static u64 tsc_start;
static enum { EVENT_NONE, EVENT_APIC, EVENT_DEADLINE, EVENT_PIT } event_source;

static inline u32 mul_div(u32 a, u32 b, u32 c) /* a * b / c; the quotient fits */
{
	u32 hi, lo;

	__asm__("mull %3\n\tdivl %4" : "=&d"(hi), "=&a"(lo) : "1"(a), "r"(b), "r"(c) : "cc");
	return lo;
}

/* value * mult >> shift, 0 <= shift <= 32; wraps only where the result needs more than 64 bits */
static inline u64 scale(u64 value, u32 mult, u32 shift)
{
	u64 low = (u64)(u32)value * mult, high = (u64)(u32)(value >> 32) * mult;

	return (low >> shift) + (high << (32 - shift));
}

/* The largest shift for which mult = to * 2^shift / from still fits 32 bits. */
static void find_scale(u32 from, u32 to, u32 *mult, u32 *shift)
{
	*shift = 32;
	while (*shift && (((u64)to << *shift >> 32) >= from))
		--*shift;
	u64 n = (u64)to << *shift;
	u32 hi = n >> 32, lo = n, q, r;

	__asm__("divl %4" : "=a"(q), "=d"(r) : "0"(lo), "1"(hi), "r"(from) : "cc");
	*mult = q;
}

u64 arch_clock_ns(void) { return scale(rdtsc() - tsc_start, ns_mult, ns_shift); }

void arch_delay_us(u32 us)
{
	u64 end = rdtsc() + (u64)us * tsc_khz / 1000U;

	while ((s64)(end - rdtsc()) > 0)
		cpu_relax();
}

/* --- calibration ------------------------------------------------------------------------------------------------------- */
struct instant { u64 tsc; u32 pit, apic, width; };

static u32 pit2_read(void)
{
	u32 v;

	outb(0x43, 0x80);
	v = inb(0x42);
	return v | (u32)inb(0x42) << 8;
}

/* All three counters at one moment, as near as a few tries get. */
static struct instant read_instant(void)
{
	struct instant best = { .width = ~0U };

	for (int i = 0; i < 4; i++) {
		u64 before = rdtsc(), after;
		u32 pit = pit2_read(), apic;

		after = rdtsc();
		apic = lapic_base ? apic_read(APIC_TIMER_NOW) : 0;
		if ((u32)(after - before) >= best.width)
			continue;
		best = (struct instant){ before + (after - before) / 2, pit, apic, (u32)(after - before) };
	}
	return best;
}

/* Both ends of 10 ms. => false if the channel ran out meanwhile: an emulator may stop for that long */
static bool measure(struct instant *a, struct instant *b)
{
	outb(0x61, (inb(0x61) & ~2) | 1); /* speaker off, gate of channel 2 on */
	outb(0x43, 0xb0);                 /* channel 2, both bytes, mode 0 */
	outb(0x42, 0xff);
	outb(0x42, 0xff);
	if (lapic_base)
		apic_write(APIC_TIMER_COUNT, ~0U);
	*a = read_instant();
	while (pit2_read() > a->pit - CALIBRATE_TICKS && !(inb(0x61) & 0x20))
		cpu_relax();
	*b = read_instant();
	return !(inb(0x61) & 0x20) && b->pit < a->pit;
}

/* The first measurement whose uncertainty is below 1/4096, else the best of ten. */
static void calibrate(void)
{
	u32 best = ~0U;

	if (lapic_base) {
		apic_write(APIC_TIMER_DIVIDE, 0xb);
		apic_write(APIC_LVT_TIMER, APIC_MASKED | VECTOR_TIMER);
	}
	for (int i = 0; i < 10 && best > 1; i++) {
		struct instant a, b;
		u32 error;

		if (!measure(&a, &b))
			continue;
		error = (a.width + b.width) / ((u32)(b.tsc - a.tsc) / 4096 + 1);
		if (error >= best)
			continue;
		best = error;
		tsc_khz = mul_div((u32)(b.tsc - a.tsc), PIT_HZ, (a.pit - b.pit) * 1000);
		if (lapic_base)
			apic_timer_khz = mul_div(a.apic - b.apic, PIT_HZ, (a.pit - b.pit) * 1000);
	}
	if (lapic_base)
		apic_write(APIC_TIMER_COUNT, 0);
	outb(0x61, inb(0x61) & ~3);
	if (!tsc_khz)
		panic("the 8254 timer does not count: no way to calibrate the clock");
}

static void choose_event_source(void)
{
	if (lapic_base && cpu.tsc_deadline) {
		event_source = EVENT_DEADLINE;
		find_scale(1000000, tsc_khz, &event_mult, &event_shift);
	} else if (lapic_base && apic_timer_khz) {
		event_source = EVENT_APIC;
		find_scale(1000000, apic_timer_khz, &event_mult, &event_shift);
	} else {
		event_source = EVENT_PIT;
		find_scale(1000000, PIT_HZ / 1000, &event_mult, &event_shift);
	}
}

void clock_init_boot(void)
{
	static const char *const names[] = { "none", "local APIC timer", "TSC deadline", "8254" };

	calibrate();
	tsc_start = rdtsc();
	find_scale(tsc_khz, 1000000, &ns_mult, &ns_shift);
	vdso_set_clock(ns_mult, ns_shift, tsc_start);
	choose_event_source();
	pr_info("clock: TSC %u.%03u MHz, events from the %s\n", tsc_khz / 1000, tsc_khz % 1000, names[event_source]);
}

/* --- events -------------------------------------------------------------------------------------------------------------- */
static void pit_irq(void *arg) { clock_event_irq(); }

void clock_init_cpu(void)
{
	if (event_source == EVENT_PIT) {
		if (request_irq(0, pit_irq, NULL, "timer", false))
			pr_err("clock: no interrupt for the 8254\n");
		return;
	}
	apic_write(APIC_TIMER_DIVIDE, 0xb);
	apic_write(APIC_LVT_TIMER, VECTOR_TIMER | (event_source == EVENT_DEADLINE ? APIC_TSC_DEADLINE : 0));
	if (event_source == EVENT_DEADLINE)
		__asm__ volatile("mfence" : : : "memory"); /* between the register and the MSR: SDM 3A, 11.5.4.1 */
}

void clock_event_irq(void)
{
	if (arch_ops.timer_event)
		arch_ops.timer_event();
}

static void pit_event(u64 ticks)
{
	u32 n = ticks > 0xffff ? 0xffff : ticks < 2 ? 2 : (u32)ticks;

	outb(0x43, 0x30);
	outb(0x40, n & 255);
	outb(0x40, n >> 8);
}

void arch_event_set(u64 deadline)
{
	u64 now, delta;

	if (deadline == ~0ULL) {
		if (event_source == EVENT_DEADLINE)
			wrmsr(MSR_TSC_DEADLINE, 0);
		else if (event_source == EVENT_APIC)
			apic_write(APIC_TIMER_COUNT, 0);
		return;
	}
	now = arch_clock_ns();
	delta = deadline > now ? deadline - now : 0;
	if (delta > 2000000000U)
		delta = 2000000000U; /* comes early; whoever asked looks at the clock and asks again */
	delta = scale(delta, event_mult, event_shift) + 1;
	if (event_source == EVENT_DEADLINE)
		wrmsr(MSR_TSC_DEADLINE, rdtsc() + delta);
	else if (event_source == EVENT_APIC)
		apic_write(APIC_TIMER_COUNT, delta > ~0U ? ~0U : (u32)delta);
	else
		pit_event(delta);
}
