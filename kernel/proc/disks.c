/* SPDX-License-Identifier: MIT
 *
 * Disks: diskstats and partitions, in Linux's formats.
 */
#include "drivers/block/block.h"
#include "kernel/lib/div64.h"
#include "kernel/proc/internal.h"
#include "kernel/time/clock.h"

static u64 ms(u64 ns) { return div_u64(ns, NSEC_PER_MSEC); }

static void one_partition(void *s, struct block_device *dev)
{
	if (dev->sectors) /* a loop device that is bound to nothing */
		seq_printf(s, "%4u  %7u %10llu %s\n", MAJOR(dev->dev), MINOR(dev->dev), dev->sectors >> 1, dev->name);
}

void partitions_show(struct seq *s, struct task *t)
{
	seq_puts(s, "major minor  #blocks  name\n\n");
	for_each_block_device(one_partition, s);
}

static void one_direction(struct seq *s, const struct block_stat *n)
{
	seq_printf(s, " %llu %llu %llu %llu", n->ios, n->merges, n->sectors, ms(n->ns));
}

/* Discards, which there are none of, stand between what is busy and what was flushed. */
static void one_disk(void *arg, struct block_device *dev)
{
	struct seq *s = arg;
	struct block_stats n;

	block_get_stats(dev, &n);
	seq_printf(s, "%4u %7u %s", MAJOR(dev->dev), MINOR(dev->dev), dev->name);
	one_direction(s, &n.op[BIO_READ]);
	one_direction(s, &n.op[BIO_WRITE]);
	seq_printf(s, " %u %llu %llu 0 0 0 0 %llu %llu\n", n.in_flight, ms(n.busy_ns), ms(n.weighted_ns), n.op[BIO_FLUSH].ios,
		   ms(n.op[BIO_FLUSH].ns));
}

void diskstats_show(struct seq *s, struct task *t) { for_each_block_device(one_disk, s); }
