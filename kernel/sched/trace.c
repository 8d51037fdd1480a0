/* SPDX-License-Identifier: MIT
 *
 * The trace rings (kernel/lib/trace.h). A CPU writes only its own ring, with interrupts off, so a record costs no lock.
 * Readers take none either: they copy a record and look at its number before and after; one that changed meanwhile was
 * overtaken and counts as lost. Rings merge by time when read.
 *
 * It stands in kernel/sched because a record names the task and the time. The memory comes from /proc/trace, which
 * allocates it when tracing is switched on and takes it back when told to.
 */
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/lib/trace.h"
#include "kernel/lib/vsprintf.h"
#include "kernel/sched/sched.h"
#include "kernel/sync/rcu.h"
#include "kernel/time/clock.h"

u32 trace_on;
static struct trace_rec *rings[MAX_CPUS];
static u32 nr_records;                       /* of each ring; a power of two; 0: no rings yet */
static DEFINE_PER_CPU(u32, trace_head);      /* events written; the CPU's own, interrupts off */
static u32 cleared[MAX_CPUS];                /* head at the last trace_clear */

static const struct { const char *name, *text; } kinds[] = {
#define TRACE_KIND(name, text) { #name, text },
	TRACE_EVENTS(TRACE_KIND)
};

const char *trace_kind_name(enum trace_kind kind) { return kinds[kind].name; }

void trace_set_rings(struct trace_rec *const memory[], u32 records)
{
	for_each_cpu(cpu)
		rings[cpu] = memory[cpu];
	smp_wmb();
	nr_records = records;
}

void trace_take_rings(struct trace_rec *memory[])
{
	trace_on = nr_records = 0;
	synchronize_rcu(); /* a writer has interrupts off, so it has ended */
	trace_clear();
	for_each_cpu(cpu) {
		memory[cpu] = rings[cpu];
		rings[cpu] = NULL;
	}
}

/* => the CPU's next record, its number cleared while it is filled; NULL: no rings. Interrupts off */
static struct trace_rec *begin_record(enum trace_kind kind)
{
	unsigned cpu = smp_processor_id();
	u32 head = this_cpu_read(trace_head), records = READ_ONCE(nr_records);
	struct trace_rec *r = rings[cpu] + (head & (records - 1));

	if (!records)
		return NULL;
	r->seq = 0;
	barrier();
	r->time = ktime_get();
	r->kind = (u16)kind;
	r->cpu = (u16)cpu;
	r->pid = current->pid;
	memcpy(r->comm, current->comm, sizeof(r->comm));
	return r;
}

static void end_record(struct trace_rec *r)
{
	u32 head = this_cpu_read(trace_head);

	barrier();
	r->seq = head + 1;
	this_cpu_write(trace_head, head + 1);
}

void trace_write(enum trace_kind kind, u32 a, u32 b, u32 c, u32 d)
{
	struct trace_rec *r;
	unsigned long flags;

	local_irq_save(flags);
	r = begin_record(kind);
	if (r) {
		r->word[0] = a;
		r->word[1] = b;
		r->word[2] = c;
		r->word[3] = d;
		end_record(r);
	}
	local_irq_restore(flags);
}

/* => interrupts off */
void trace_write_switch(s32 next_pid, const char *next_comm, u32 state)
{
	struct trace_rec *r;

	r = begin_record(TRACE_sched_switch);
	if (!r)
		return;
	r->word[0] = (u32)next_pid;
	r->word[1] = state;
	memcpy(r->next_comm, next_comm, sizeof(r->next_comm));
	r->next_comm[sizeof(r->next_comm) - 1] = '\0';
	end_record(r);
}

/* --- reading ----------------------------------------------------------------------------------------------------------- */

/* The CPU's record number pos, or the oldest after it that is still there. => false: no such record yet */
static bool peek(unsigned cpu, u32 *pos, struct trace_rec *rec)
{
	for (;;) {
		u32 head = READ_ONCE(per_cpu(trace_head, cpu));
		u32 oldest = head - cleared[cpu] > nr_records ? head - nr_records : cleared[cpu];

		if ((s32)(*pos - oldest) < 0)
			*pos = oldest;
		if (*pos == head)
			return false;
		*rec = *(volatile struct trace_rec *)(rings[cpu] + (*pos & (nr_records - 1)));
		barrier();
		if (rec->seq == *pos + 1 && rings[cpu][*pos & (nr_records - 1)].seq == *pos + 1)
			return true;
		++*pos; /* overtaken */
	}
}

bool trace_next(struct trace_cursor *cursor, struct trace_rec *rec)
{
	struct trace_rec r;
	int first = -1;

	if (!nr_records)
		return false;
	for_each_cpu(cpu) {
		if (peek(cpu, &cursor->pos[cpu], &r) && (first < 0 || r.time < rec->time)) {
			*rec = r;
			first = (int)cpu;
		}
	}
	if (first < 0)
		return false;
	cursor->pos[first]++;
	return true;
}

u32 trace_written(void)
{
	u32 n = 0;

	for_each_cpu(cpu)
		n += per_cpu(trace_head, cpu) - cleared[cpu];
	return n;
}

void trace_clear(void)
{
	for_each_cpu(cpu)
		cleared[cpu] = per_cpu(trace_head, cpu);
}

/* --- text: as ftrace prints it (without irq-info: traceshark wants it so), so that its viewers open it ------------------------ */

static int event_text(const struct trace_rec *r, char *buf, size_t size)
{
	static const char letters[] = "RSDDTTZZXXXXXXXXt";
	u32 state = r->word[1];

	if (r->kind != TRACE_sched_switch)
		return scnprintf(buf, size, kinds[r->kind].text, r->word[0], r->word[1], r->word[2], r->word[3]);
	return scnprintf(buf, size, "prev_comm=%s prev_pid=%d prev_prio=120 prev_state=%c ==> next_comm=%s next_pid=%d next_prio=120",
			 r->comm, r->pid, state < 16 ? letters[state] : state & TASK_TRACED ? 't' : 'X', r->next_comm, (s32)r->word[0]);
}

int trace_text(const struct trace_rec *r, char *buf, size_t size)
{
	u32 ns;
	u64 sec = div_u64_rem(r->time, NSEC_PER_SEC, &ns);
	int n = scnprintf(buf, size, "%16.15s-%-7d [%03u] %5llu.%06u: %s: ", r->comm, r->pid, r->cpu, sec, ns / 1000, kinds[r->kind].name);

	return n + event_text(r, buf + n, size - n);
}

void trace_dump(unsigned records)
{
	struct trace_cursor c = { { 0 } };
	struct trace_rec r;
	char line[192];
	u32 n;

	trace_on = 0;
	n = trace_written();
	if (!nr_records || !n)
		return;
	for_each_cpu(cpu) { /* far enough back on each CPU; the merge below prints what is late enough */
		u32 head = per_cpu(trace_head, cpu);

		c.pos[cpu] = head - cleared[cpu] > records ? head - records : cleared[cpu];
	}
	printk(KERN_EMERG "last trace events:\n");
	while (trace_next(&c, &r)) {
		trace_text(&r, line, sizeof(line));
		printk(KERN_EMERG "%s\n", line);
	}
}
