/* SPDX-License-Identifier: MIT
 *
 * The clocks. Monotonic time is arch's; the wall clock adds an offset, read under a sequence count.
 */
#include "arch/i386/clock.h"
#include "arch/i386/ops.h"
#include "arch/i386/vdso.h"
#include "kernel/sync/seqlock.h"
#include "kernel/time/clock.h"
#include "kernel/time/timer.h"

static DEFINE_SEQLOCK(real_lock);
static u64 real_offset;              /* real - monotonic */
u32 clock_was_set;
static bool ready;

u64 ktime_get(void) { return likely(ready) ? arch_clock_ns() : 0; }

u64 clock_real_offset(void)
{
	u32 seq;
	u64 v;

	do {
		seq = read_seqbegin(&real_lock);
		v = real_offset;
	} while (read_seqretry(&real_lock, seq));
	return v;
}

u64 ktime_get_real(void) { return ktime_get() + clock_real_offset(); }

static void change_offset(u64 offset)
{
	unsigned long flags;

	write_seqlock_irqsave(&real_lock, flags);
	real_offset = offset;
	vdso_set_real_offset(offset);
	clock_was_set++;
	write_sequnlock_irqrestore(&real_lock, flags);
}

void clock_settime_real(u64 ns) { change_offset(ns - ktime_get()); }

void udelay(u32 us) { ndelay(us > 4000000 ? ~0u : us * 1000); }

void ndelay(u32 ns)
{
	u64 end;

	if (!ready) {
		arch_delay_us(DIV_ROUND_UP(ns, 1000u));
		return;
	}
	end = ktime_get() + ns;
	while (ktime_get() < end)
		cpu_relax();
}

/* After clock_init_boot(), and before anything sleeps. */
void time_init(void)
{
	ready = true;
	real_offset = arch_rtc_seconds() * NSEC_PER_SEC - ktime_get();
	vdso_set_real_offset(real_offset);
	hrtimer_init_cpu(0);
	arch_ops.timer_event = hrtimer_interrupt;
}
