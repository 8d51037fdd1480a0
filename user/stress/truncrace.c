/* SPDX-License-Identifier: MIT
 * help: files that shrink and grow under the hands of those who map, read and write them
 *
 * One process moves the end of a file up and down and punches holes into it; others map it, touch and write pages (SIGBUS beyond the end is
 * what they must expect), read and write it with read(2) and write(2), and keep private copies. Whatever a page shows must be one of: zeroes, or
 * one writer's whole page. After each round the file is cut to nothing and made long again: then all of it must be zeroes, for
 * everybody, in memory and through read(2): a page that was cut off and is still mapped somewhere shows here.
 *
 * --lose N loses the race between a fault that sleeps and a truncation on purpose, N times (debug builds: the delay point file-fault): a
 * child touches a page that must be made, and sleeps with it in its hands; meanwhile the file is cut to nothing and made long again; the
 * child goes on. What it writes then must be in the file. With truncate=racy it is not: the page belongs to no file. What is said:
 * how often the interleaving happened, how many pages were orphaned by it (both from /proc/vmstat), how many writes were lost.
 * A round in which it did not happen, because a processor stood still at the wrong moment, is played again.
 *
 * Last line: truncrace result=ok|bad processes= pages= rounds= truncates= touches= sigbus= errors= seconds= seed=
 *        or  truncrace result=ok|bad protocol=pagelock|count|racy rounds= raced= orphaned= lost=
 * ok: with racy each round lost a page, with the others none, and the interleaving could be had so many times.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "pattern.h"

static u64 pages = 64, processes = 4, length = 10, seed = 1;
static const char *folder = "/tmp";
struct shared { volatile u32 round, ready, truncates, touches, sigbus, errors, stop, step; };
static struct shared *shared;
static int fd;
static sigjmp_buf beyond;

static void on_bus(int sig) { siglongjmp(beyond, 1); }

static void complain(const char *what, u32 a, u32 b)
{
	if (__sync_fetch_and_add(&shared->errors, 1) < 8)
		fprintf(stderr, "truncrace: %s (%u, %u)\n", what, a, b);
}

/* A page in the middle of things: each word is zero or some writer's. Writers and cuts race with us, word by word. */
static bool word_possible(u32 w, u32 page, u32 i)
{
	if (!w)
		return true;
	for (u32 who = 0; who < processes; who++)
		if (w == page_key(seed, who, page, 0) + i * 0x9e3779b1u)
			return true;
	return false;
}

static void look(const u32 *p, u32 page)
{
	for (u32 i = 0; i < WORDS; i += 61)
		if (!word_possible(*(volatile const u32 *)(p + i), page, i))
			complain("a word that nobody wrote", page, i);
}

static void one_touch(u32 who, u32 *shared_map, u32 *private_map, u32 *state)
{
	u32 page = next_random(state) % pages, buf[WORDS];

	__sync_fetch_and_add(&shared->touches, 1);
	if (sigsetjmp(beyond, 1)) {
		__sync_fetch_and_add(&shared->sigbus, 1);
		return;
	}
	switch (next_random(state) % 5) {
	case 0:
		fill_page(shared_map + (size_t)page * WORDS, page_key(seed, who, page, 0));
		break;
	case 1:
		fill_page(private_map + (size_t)page * WORDS, page_key(seed, who, page, 0));
		break;
	case 2:
		fill_page(buf, page_key(seed, who, page, 0));
		if (pwrite(fd, buf, PAGE, (off_t)page * PAGE) < 0)
			complain("write", page, errno);
		break;
	case 3:
		memset(buf, 0, sizeof(buf));
		if (pread(fd, buf, PAGE, (off_t)page * PAGE) < 0)
			complain("read", page, errno);
		look(buf, page);
		break;
	default:
		look(shared_map + (size_t)page * WORDS, page);
	}
}

static void all_zero(u32 who, const u32 *map)
{
	static const u32 zero[WORDS];
	u32 buf[WORDS];

	for (u32 page = 0; page < pages; page++) {
		if (sigsetjmp(beyond, 1)) {
			complain("SIGBUS within the file", who, page);
			return;
		}
		if (memcmp(map + (size_t)page * WORDS, zero, PAGE))
			complain("a page that was cut off is still mapped", who, page);
		if (pread(fd, buf, PAGE, (off_t)page * PAGE) != PAGE || memcmp(buf, zero, PAGE))
			complain("a page that was cut off is still read", who, page);
	}
}

/* Waits until everybody has come here. The last one lets all go on. */
static void meet(void)
{
	u32 round = shared->round;

	if (__sync_add_and_fetch(&shared->ready, 1) == processes + 1) {
		shared->ready = 0;
		__sync_fetch_and_add(&shared->round, 1);
	}
	while (shared->round == round)
		usleep(500);
}

static void worker(u32 who)
{
	u32 state = mix32(seed * 13 + who);
	u32 *map = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	u32 *private = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

	if (map == MAP_FAILED || private == MAP_FAILED)
		die("truncrace: mmap");
	signal(SIGBUS, on_bus);
	while (!shared->stop) {
		for (int k = 0; k < 300; k++)
			one_touch(who, map, private, &state);
		meet(); /* all have stopped; the file is cut and grows */
		meet();
		all_zero(who, map);
		all_zero(who, private);
		meet();
	}
}

static void race_the_end(u32 *state)
{
	for (int k = 0; k < 60 && shared->ready < processes; k++) {
		u32 page = next_random(state) % pages, off = next_random(state) % PAGE & ~3u; /* whole words */

		if (next_random(state) % 4 == 0) {
			if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)page * PAGE + off, (off_t)(1 + next_random(state) % 8) * PAGE) && errno != EOPNOTSUPP)
				complain("fallocate", page, errno);
		} else if (ftruncate(fd, (off_t)page * PAGE + off)) {
			complain("ftruncate", page, errno);
		}
		__sync_fetch_and_add(&shared->truncates, 1);
	}
}

/* --- on purpose ----------------------------------------------------------------------------------------------------------------- */
#define DELAY_POINTS "/proc/delay_points"
#define SLEEP_MS 150
#define TRIES 100
enum { TOUCHES = 1, HAS_WRITTEN, MAY_LEAVE, BEYOND_THE_END };

static void arm(u32 ms)
{
	FILE *f = fopen(DELAY_POINTS, "w");

	if (!f || fprintf(f, "file-fault %u\n", ms) < 0 || fclose(f))
		die("truncrace: " DELAY_POINTS " (debug builds have it)");
}

static const char *protocol(void)
{
	static char line[2048], word[32] = "pagelock";
	FILE *f = fopen("/proc/cmdline", "r");
	const char *at = f && fgets(line, sizeof(line), f) ? strstr(line, "truncate=") : NULL;

	if (f)
		fclose(f);
	if (at)
		sscanf(at, "truncate=%31s", word);
	return word;
}

static void wait_for(u32 step)
{
	for (int i = 0; i < 60000 && shared->step < step; i++)
		usleep(1000);
}

/* The file was cut, and not yet long again, when the child looked for the end. */
static void was_beyond(int sig)
{
	shared->step = BEYOND_THE_END;
	_exit(0);
}

/* The child: touches, writes, and keeps the page until the parent has looked. */
static void hold_page(u32 page)
{
	volatile u32 *map = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if ((void *)map == MAP_FAILED)
		_exit(1);
	signal(SIGBUS, was_beyond);
	shared->step = TOUCHES;
	map[page * WORDS] = 1;
	map[page * WORDS] = 0x10571;
	shared->step = HAS_WRITTEN;
	wait_for(MAY_LEAVE);
	_exit(0);
}

/* => did the fault and the truncation meet? */
static bool lose_once(u32 page, bool *lost)
{
	int64_t raced = proc_field("/proc/vmstat", "truncate_raced");
	u32 word = 0;
	bool wrote;
	pid_t pid;

	shared->step = 0;
	if (ftruncate(fd, 0) || ftruncate(fd, (off_t)pages * PAGE))
		die("truncrace: ftruncate");
	pid = fork();
	if (!pid)
		hold_page(page);
	wait_for(TOUCHES);
	usleep(SLEEP_MS * 1000 / 2); /* it sleeps in the fault now */
	if (ftruncate(fd, 0) || ftruncate(fd, (off_t)pages * PAGE))
		die("truncrace: ftruncate");
	wait_for(HAS_WRITTEN);
	wrote = shared->step == HAS_WRITTEN;
	if (pread(fd, &word, sizeof(word), (off_t)page * PAGE) != sizeof(word))
		die("truncrace: pread");
	shared->step = MAY_LEAVE;
	waitpid(pid, NULL, 0);
	*lost = word != 0x10571;
	return wrote && proc_field("/proc/vmstat", "truncate_raced") > raced;
}

static int lose_on_purpose(u32 rounds)
{
	const char *how = protocol();
	int64_t orphaned = -proc_field("/proc/vmstat", "truncate_orphaned");
	u32 raced = 0, lost = 0, want;
	bool good, gone;

	arm(SLEEP_MS);
	for (u32 tries = 0; raced < rounds && tries < rounds * TRIES; tries++)
		if (lose_once(raced % (u32)pages, &gone)) {
			lost += gone;
			raced++;
		}
	arm(0);
	orphaned += proc_field("/proc/vmstat", "truncate_orphaned");
	want = strcmp(how, "racy") ? 0 : rounds;
	good = raced == rounds && orphaned == want && lost == want;
	printf("truncrace result=%s protocol=%s rounds=%u raced=%u orphaned=%d lost=%u\n", good ? "ok" : "bad", how, rounds, raced, (int)orphaned, lost);
	return !good;
}

int main(int argc, char **argv)
{
	static u64 lose;
	const struct option_def defs[] = {
		{ "lose", 'n', &lose, "lose the race on purpose, so many times (debug builds)" },
		{ "pages", 'n', &pages, "of the file (64)" },
		{ "processes", 'n', &processes, "that use it (4)" },
		{ "seconds", 'n', &length, "how long (10)" },
		{ "seed", 'n', &seed, "of choices and patterns (1)" },
		{ NULL, 0, NULL, NULL }
	};
	char name[200];
	double start = seconds();
	u32 state, rounds = 0, bad;

	if (argc > 1 && argv[argc - 1][0] == '/')
		folder = argv[--argc];
	parse_options(argc, argv, "usage: truncrace [--pages N] [--processes N] [--seconds N] [--seed N] [--lose N] [/FOLDER]", defs);
	state = mix32(seed);
	snprintf(name, sizeof(name), "%s/truncrace.XXXXXX", folder);
	fd = mkstemp(name);
	shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (fd < 0 || shared == MAP_FAILED || ftruncate(fd, (off_t)pages * PAGE))
		die("truncrace");
	unlink(name);
	if (lose)
		return lose_on_purpose((u32)lose);
	for (u32 n = 0; n < processes; n++)
		if (!fork()) {
			worker(n);
			_exit(0);
		}
	for (bool last = false; !last; rounds++) {
		while (shared->ready < processes)
			race_the_end(&state);
		last = seconds() > start + length || shared->errors > 100;
		meet();
		if (ftruncate(fd, 0) || ftruncate(fd, (off_t)pages * PAGE))
			die("truncrace: ftruncate");
		meet();
		shared->stop = last;
		meet();
		progress("truncrace: round %u, %u touches, %u SIGBUS", rounds, shared->touches, shared->sigbus);
	}
	bad = reap_all("truncrace") + shared->errors;
	progress_done();
	printf("truncrace result=%s processes=%u pages=%u rounds=%u truncates=%u touches=%u sigbus=%u errors=%u seconds=%.1f seed=%u\n", bad ? "bad" : "ok",
	       (u32)processes, (u32)pages, rounds, shared->truncates, shared->touches, shared->sigbus, shared->errors, seconds() - start, (u32)seed);
	return bad != 0;
}
