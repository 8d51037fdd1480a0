/* SPDX-License-Identifier: MIT
 *
 * -S and -P: pages that go to swap and come back, with their content checked. Needs a swap device; -S must be more
 * than memory holds.
 */
#include "bench.h"
#include <stdlib.h>

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif
#define CHUNK (4 * MB)
#define CHUNK_PAGES (CHUNK / PAGE)
#define MOST_CHUNKS 4096        /* more than there are addresses */

/* --- madv_pageout: private memory paged out because it was asked for, then touched again -------------------------- */
static u64 timed_read(char *p)
{
	u64 t = now();

	touch_read(p, ROUND);
	return now() - t;
}

static void come_back(char *p)
{
	u64 t = timed_read(p);
	u32 bad = 0;

	for (u32 i = 0; i < ROUND_PAGES; i++)
		bad += page_is_bad(p + i * PAGE, i + 7);
	say("madv_pageout_refault %.1f %s bad=%u\n", (double)t / ROUND_PAGES, unit(), bad);
}

static void go(char *p)
{
	long before = proc_field("/proc/vmstat", "pswpout ");
	u64 t = now();

	if (madvise(p, ROUND, MADV_PAGEOUT)) {
		refused("madv_pageout");
		return;
	}
	t = now() - t;
	say("madv_pageout %.1f %s pages=%d pswpout=%ld\n", (double)t / ROUND_PAGES, unit(), ROUND_PAGES,
	    (long)proc_field("/proc/vmstat", "pswpout ") - before);
	come_back(p);
}

void page_out(void)
{
	char *p;

	if (!wanted("madv_pageout"))
		return;
	p = amap(ROUND);
	if (!p)
		return;
	for (u32 i = 0; i < ROUND_PAGES; i++)
		fill_page(p + i * PAGE, i + 7);
	go(p);
	munmap(p, ROUND);
}

/* --- swap_*: more than memory holds is filled, read back in order, then at random --------------------------------- */
static char *chunks[MOST_CHUNKS];
static struct moved { long out, in; } last;

static char *page(u32 n) { return chunks[n / CHUNK_PAGES] + n % CHUNK_PAGES * PAGE; }
static u32 seed(u32 n) { return n * 2654435761u; }

/* => pages swapped since the last call */
static struct moved moved(void)
{
	struct moved is = { proc_field("/proc/vmstat", "pswpout "), proc_field("/proc/vmstat", "pswpin ") };
	struct moved since = { is.out - last.out, is.in - last.in };

	last = is;
	return since;
}

static void fill(u32 pages, u32 mb)
{
	struct moved m;
	u64 t = now();

	for (u32 i = 0; i < pages; i++)
		fill_page(page(i), seed(i));
	t = now() - t;
	m = moved();
	say("swap_fill %.1f %s pages=%u MBps=%.1f pswpout=%ld pswpin=%ld\n", (double)t / pages, unit(), pages,
	    mb * 1e9 / t, m.out, m.in);
}

static void read_back(u32 pages, u32 mb)
{
	struct moved m;
	u64 t = now();
	u32 bad = 0;

	for (u32 i = 0; i < pages; i++)
		bad += page_is_bad(page(i), seed(i));
	t = now() - t;
	m = moved();
	say("swap_readback %.1f %s pages=%u MBps=%.1f pswpout=%ld pswpin=%ld bad=%u\n", (double)t / pages, unit(),
	    pages, mb * 1e9 / t, m.out, m.in, bad);
}

static void read_at_random(u32 pages)
{
	u32 n = pages / 8, bad = 0;
	struct moved m;
	u64 t = now();

	for (u32 j = 0; j < n; j++) {
		u32 i = rnd() % pages;
		volatile u32 *p = (u32 *)page(i);

		bad += page_is_bad(page(i), seed(i));
		*p = *p;
	}
	t = now() - t;
	m = moved();
	say("swap_random %.1f %s pages=%u pswpout=%ld pswpin=%ld bad=%u\n", (double)t / n, unit(), n, m.out, m.in, bad);
}

void swap(u32 mb)
{
	u32 n = mb / 4, pages = n * CHUNK_PAGES;

	moved();
	for (u32 i = 0; i < n; i++) {
		chunks[i] = amap(CHUNK);
		if (!chunks[i]) {
			say("swap_fill - %s at=%uMB\n", error_name(errno), i * 4);
			return;
		}
	}
	fill(pages, mb);
	read_back(pages, mb);
	read_at_random(pages);
	for (u32 i = 0; i < n; i++)
		munmap(chunks[i], CHUNK);
}
