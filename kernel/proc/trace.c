/* SPDX-License-Identifier: MIT
 *
 * /proc/trace: the trace in ftrace's text form (that of its option noirq-info), which trace viewers open as it is.
 *   write: "1" all events, "0" none, "clear", "free" (off, and the rings go), or names of events: only those
 *          ("fault rmap_walk"); "+map", "-map" add, remove
 *   read: everything that is in the rings, oldest first; reading takes nothing away
 * The rings are made when tracing is switched on: 256 KB a CPU, in vmalloc's area, so high memory where there is any.
 */
#include "kernel/lib/ctype.h"
#include "kernel/lib/trace.h"
#include "kernel/proc/internal.h"
#include "mm/phys/phys.h"
#include "kernel/sync/mutex.h"
#include "kernel/sync/rcu.h"

#define RECORDS 4096U

static DEFINE_MUTEX(trace_mutex); /* switching on and off, and reading: the rings stay meanwhile */
static bool have_rings;

static int make_rings(void)
{
	struct trace_rec *rings[MAX_CPUS] = { NULL };

	if (have_rings)
		return 0;
	for_each_cpu(cpu) {
		rings[cpu] = vzalloc(RECORDS * sizeof(struct trace_rec));
		if (!rings[cpu])
			goto no_memory;
	}
	trace_set_rings(rings, RECORDS);
	have_rings = true;
	return 0;
no_memory:
	for_each_cpu(cpu)
		vfree(rings[cpu]);
	return -ENOMEM;
}

static void free_rings(void)
{
	struct trace_rec *rings[MAX_CPUS];

	if (!have_rings)
		return;
	trace_take_rings(rings);
	have_rings = false;
	for_each_cpu(cpu)
		vfree(rings[cpu]);
}

static int kind_of(const char *word)
{
	for (int k = 0; k < NR_TRACE_KINDS; k++)
		if (!strcmp(word, trace_kind_name(k)))
			return k;
	return -EINVAL;
}

/* The words of a list of events => the new mask, or -EINVAL */
static long parse(char *text, u32 mask)
{
	bool fresh = true;

	while (*text) {
		char *word = text, sign;
		int kind;

		while (*text && !isspace(*text))
			text++;
		if (*text)
			*text++ = '\0';
		text = skip_spaces(text);
		sign = *word == '+' || *word == '-' ? *word++ : 0;
		kind = kind_of(word);
		if (kind < 0)
			return kind;
		if (!sign && fresh)
			mask = 0;
		fresh = false;
		mask = sign == '-' ? mask & ~(1U << kind) : mask | 1U << kind;
	}
	return mask;
}

/* Events that go off are off when we return: a record that has begun is in its ring. */
static void choose_events(u32 mask)
{
	u32 off = trace_on & ~mask;

	trace_on = mask;
	if (off)
		synchronize_rcu(); /* a writer has interrupts off */
}

int trace_control(struct task *t, char *text, size_t n)
{
	long mask;
	int err = 0;

	text = strim(text);
	mutex_lock(&trace_mutex);
	if (!strcmp(text, "clear")) {
		trace_clear();
		goto out;
	}
	if (!strcmp(text, "free")) {
		free_rings();
		goto out;
	}
	mask = !strcmp(text, "1") ? (1L << NR_TRACE_KINDS) - 1 : !strcmp(text, "0") ? 0 : parse(text, trace_on);
	err = mask < 0 ? mask : mask ? make_rings() : 0;
	if (!err)
		choose_events((u32)mask);
out:
	mutex_unlock(&trace_mutex);
	return err;
}

static void head(struct seq *s)
{
	seq_printf(s, "# tracer: nop\n#\n# entries-in-buffer/entries-written: %u/%u   #P:%u\n#\n", min(trace_written(), RECORDS * nr_cpus),
		   trace_written(), nr_cpus);
	seq_puts(s, "#           TASK-PID     CPU#     TIMESTAMP  FUNCTION\n");
	seq_puts(s, "#              | |         |         |         |\n");
}

void trace_show(struct seq *s, struct task *t)
{
	struct trace_cursor c = { { 0 } };
	struct trace_rec r;
	char line[192];

	head(s);
	mutex_lock(&trace_mutex);
	while (!s->overflow && trace_next(&c, &r)) {
		trace_text(&r, line, sizeof(line));
		seq_printf(s, "%s\n", line);
	}
	mutex_unlock(&trace_mutex);
}
