/* SPDX-License-Identifier: MIT
 * help: many processes share one big segment, as a database does; rows with checks of their own
 *
 * The segment is pages of rows. A transaction locks two rows (a word each, in order of address), moves an amount from one to the other,
 * and writes both whole: number, version, amount, and words that follow from these. Readers verify a row under its lock. At the end every row
 * is verified and the amounts must add up to what they were: a page that was lost or doubled on its way to swap and back shows either way.
 *
 * Last line: shmdb result=ok|bad processes= mb= rows= transactions= per_second= errors= seconds= seed=
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "pattern.h"

#define ROW_WORDS 60u
struct row { volatile u32 lock; u32 number, version, amount, word[ROW_WORDS]; };
_Static_assert(sizeof(struct row) == 256, "16 rows a page");

static u64 size, processes = 8, length = 10, seed = 1;
struct shared { volatile u32 transactions, errors; };
static struct shared *shared;
static struct row *rows;
static u32 nr_rows;

static void write_row(struct row *r, u32 amount)
{
	u32 key;

	r->version++;
	r->amount = amount;
	key = page_key(seed, r->number, r->version, amount);
	for (u32 i = 0; i < ROW_WORDS; i++)
		r->word[i] = key + i;
}

static bool row_good(const struct row *r, u32 number)
{
	u32 key = page_key(seed, r->number, r->version, r->amount);

	for (u32 i = 0; i < ROW_WORDS; i++)
		if (r->word[i] != key + i)
			return false;
	return r->number == number;
}

static void lock_row(struct row *r)
{
	while (__sync_lock_test_and_set(&r->lock, 1))
		sched_yield();
}
static void unlock_row(struct row *r) { __sync_lock_release(&r->lock); }

static void transaction(u32 a, u32 b)
{
	struct row *x = &rows[a < b ? a : b], *y = &rows[a < b ? b : a];
	u32 move;

	lock_row(x);
	if (x != y)
		lock_row(y);
	if (!row_good(x, x - rows) || !row_good(y, y - rows)) {
		if (__sync_fetch_and_add(&shared->errors, 1) < 5)
			fprintf(stderr, "shmdb: row %u or %u is wrong\n", a, b);
	} else if (x != y) {
		move = x->amount / 3;
		write_row(x, x->amount - move);
		write_row(y, y->amount + move);
	}
	if (x != y)
		unlock_row(y);
	unlock_row(x);
}

static int work(u32 who, double until)
{
	u32 state = mix32(seed * 31 + who), n = 0;

	do {
		for (u32 k = 0; k < 50; k++) {
			u32 a = next_random(&state) % nr_rows, b = k % 4 ? (a + 1 + next_random(&state) % 64) % nr_rows : next_random(&state) % nr_rows;

			transaction(a, b);
		}
		n += 50;
		__sync_fetch_and_add(&shared->transactions, 50);
	} while (seconds() < until);
	return 0;
}

int main(int argc, char **argv)
{
	const struct option_def defs[] = {
		{ "size", 's', &size, "of the segment (half of what memory and swap hold)" },
		{ "processes", 'n', &processes, "at work (8)" },
		{ "seconds", 'n', &length, "how long (10)" },
		{ "seed", 'n', &seed, "of rows and choices (1)" },
		{ NULL, 0, NULL, NULL }
	};
	u32 sum = 0, want = 0, bad;
	double start;

	parse_options(argc, argv, "usage: shmdb [--size SIZE] [--processes N] [--seconds N] [--seed N]", defs);
	size = size ? size : swap_bound() / 2;
	size = size < 1500u << 20 ? size : 1500u << 20; /* one segment of a 3 GB address space */
	nr_rows = size / sizeof(struct row);
	shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	rows = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || rows == MAP_FAILED || !nr_rows)
		die("shmdb: mmap");
	for (u32 n = 0; n < nr_rows; n++) {
		rows[n].number = n;
		write_row(&rows[n], 1000 + n % 1000);
		want += rows[n].amount;
		progress("shmdb: %u of %u MB written", n / 4096, nr_rows / 4096);
	}
	start = seconds();
	for (u32 n = 0; n < processes; n++) {
		pid_t pid = fork();

		if (pid < 0)
			die("shmdb: fork");
		if (!pid)
			_exit(work(n, start + length));
	}
	while (seconds() < start + length) {
		progress("shmdb: %u transactions, %d s left", shared->transactions, (int)(start + length - seconds()));
		usleep(50000);
	}
	bad = reap_all("shmdb");
	start = seconds() - start;
	for (u32 n = 0; n < nr_rows; n++) {
		if (!row_good(&rows[n], n))
			shared->errors++;
		sum += rows[n].amount;
	}
	bad += shared->errors + (sum != want);
	progress_done();
	printf("shmdb result=%s processes=%u mb=%u rows=%u transactions=%u per_second=%.0f errors=%u seconds=%.1f seed=%u\n", bad ? "bad" : "ok",
	       (u32)processes, (u32)(size >> 20), nr_rows, shared->transactions, shared->transactions / start, bad, start, (u32)seed);
	return bad != 0;
}
