/* SPDX-License-Identifier: MIT
 * test: mem=128M smp=2 time=30
 *
 * What the schemes that keep state in struct page keep there (other schemes, and Linux, do the same steps and must show the
 * same memory).
 *
 * direct: splits, merges and mremap re-point every page that is there, which is what this scheme died of; a page that fork
 * has shared needs none of it, until its last owner writes to it.
 *
 * chain: nodes come with the second mapping of a page and go with it, whether it ends by exit, by a copy on write, by
 * MADV_DONTNEED or by mremap: a chain that is never removed (a PTE cleared before its entry) would stay behind; and entries
 * follow a page-table page that changes its address.
 */
#define _GNU_SOURCE
#include "tap.h"
#include "rmapstat.h"
#include <sys/mman.h>

#define P 4096UL
#define MB (1UL << 20)
#define RW (PROT_READ | PROT_WRITE)
#define PAGES 512L

static bool direct, chain;
static char text[8192];

/* The line of /proc/rmap that tells of anonymous pages. */
static const char *anon_line(void)
{
	int fd = open("/proc/rmap", O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	close(fd);
	text[n > 0 ? n : 0] = 0;
	return text;
}

static long number_after(const char *line, const char *word, unsigned which)
{
	const char *s = strstr(line, word);
	char *end;
	long v = -1;

	if (!s)
		return -1;
	end = (char *)s + strlen(word);
	while (which--)
		v = strtol(end, &end, 10);
	return v;
}

static int wait_for(pid_t pid)
{
	int status = -1;

	return pid < 0 || waitpid(pid, &status, 0) != pid ? -1 : status;
}

static char *touched(unsigned pages)
{
	char *p = mmap(NULL, pages * P, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (unsigned i = 0; i < pages; i++)
		*(unsigned *)(p + i * P) = i + 1;
	return p;
}

static bool intact(const char *p, unsigned pages)
{
	for (unsigned i = 0; i < pages; i++)
		if (*(const unsigned *)(p + i * P) != i + 1)
			return false;
	return true;
}

/* --- direct ---------------------------------------------------------------------------------------------------------------- */
/* Pages re-pointed since the last call. Other processes may add to it: at least that many, and not many more. */
static void repaired(const char *why, long want, const char *what)
{
	long got = number_after(anon_line(), why, 3);

	if (direct)
		printf("# %s: %ld pages re-pointed, wanted %ld\n", what, got, want);
	ok(!direct || (got >= want && got < want + 40), "%s", what);
	rmap_reset();
}

static void repairs(void)
{
	char *p = touched(PAGES), *q;
	pid_t pid;

	rmap_reset();
	mprotect(p + PAGES / 2 * P, PAGES / 2 * P, PROT_READ);
	repaired(" split", PAGES / 2, "a split");
	ok(!rmap_walk(p, PAGES * P), "and every page is found");
	mprotect(p + PAGES / 2 * P, PAGES / 2 * P, RW);
	repaired(" merge", PAGES / 2, "the areas become one again");
	ok(!rmap_walk(p, PAGES * P), "and every page is found");
	q = mmap(NULL, PAGES * P, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	p = mremap(p, PAGES * P, PAGES * P, MREMAP_MAYMOVE | MREMAP_FIXED, q);
	repaired(" mremap", PAGES, "mremap");
	ok(p == q && !rmap_walk(p, PAGES * P) && intact(p, PAGES), "and every page is found, with its contents");
	pid = fork();
	if (!pid)
		_exit(!intact(p, PAGES) || rmap_walk(p, PAGES * P));
	is(wait_for(pid), 0, "a child finds all of them");
	rmap_reset();
	mprotect(p + PAGES / 2 * P, PAGES / 2 * P, PROT_READ);
	repaired(" split", 0, "a split of pages that fork has shared");
	mprotect(p + PAGES / 2 * P, PAGES / 2 * P, RW);
	for (long i = 0; i < PAGES; i++)
		*(volatile unsigned *)(p + i * P) = i + 1;
	rmap_reset();
	mprotect(p + PAGES / 2 * P, PAGES / 2 * P, PROT_READ);
	repaired(" split", PAGES / 2, "and of pages that their last owner has written to since");
	ok(!rmap_walk(p, PAGES * P) && intact(p, PAGES), "every page is found, with its contents");
	munmap(p, PAGES * P);
}

/* --- chain ----------------------------------------------------------------------------------------------------------------- */
static long nodes(void)
{
	return chain ? number_after(anon_line(), " a mm;", 1) : 0;
}

/* Children that stay until told, each with all pages shared. */
static pid_t sharer(int gate[2])
{
	pid_t pid = fork();
	char c;

	if (!pid) {
		close(gate[1]);
		_exit(read(gate[0], &c, 1) != 0);
	}
	return pid;
}

/* What happens to shared pages in one process; the chains must follow. Afterwards it has no page of p. */
static void drop_by(unsigned how, char *p)
{
	char *q = mmap(NULL, PAGES * P, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	switch (how) {
	case 0:
		madvise(p, PAGES * P, MADV_DONTNEED);
		break;
	case 1:
		for (long i = 0; i < PAGES; i++)
			p[i * P] = 1;
		break;
	case 2:
		mremap(p, PAGES * P, PAGES * P, MREMAP_MAYMOVE | MREMAP_FIXED, q);
		if (rmap_walk(q, PAGES * P))
			_exit(3);
		munmap(q, PAGES * P);
		break;
	default:
		munmap(p, PAGES * P);
	}
}

static void chains_go(void)
{
	static const char *const how[] = { "MADV_DONTNEED", "copy on write", "mremap and munmap", "munmap" };
	char *p = touched(PAGES);
	long before, shared, after;

	for (unsigned i = 0; i < 4; i++) {
		int gate[2], said[2];
		pid_t pid;
		char c;

		if (pipe(gate) || pipe(said))
			bail("no pipes");
		before = nodes();
		pid = fork();
		if (!pid) {
			close(gate[1]);
			c = read(gate[0], &c, 1);
			drop_by(i, p);
			c = write(said[1], "x", 1);
			pause();
		}
		shared = nodes();
		c = write(gate[1], "x", 1);
		c = read(said[0], &c, 1);
		after = nodes();
		ok(!chain || (shared - before >= PAGES && shared - after >= PAGES / 2), "%s: nodes go with the sharing", how[i]); /* the child's own files add some */
		if (chain)
			printf("# nodes: %ld, shared %ld, then %ld\n", before, shared, after);
		ok(!rmap_walk(p, PAGES * P) && intact(p, PAGES), "and the other one's pages are as they were");
		kill(pid, SIGKILL);
		wait_for(pid);
		close(gate[0]), close(gate[1]), close(said[0]), close(said[1]);
	}
	munmap(p, PAGES * P);
}

static void long_chains(void)
{
	char *p = touched(64);
	long before = nodes(), during, bytes;
	int gate[2], bad = 0;
	pid_t pid[20];

	if (pipe(gate))
		bail("no pipe");
	for (int i = 0; i < 20; i++)
		pid[i] = sharer(gate);
	during = nodes() - before;
	bytes = chain ? number_after(anon_line(), " nodes of", 1) : 0;
	ok(!chain || during >= 64 * 20 * 4 / bytes, "64 pages in 21 processes: nodes for all");
	if (chain)
		printf("# 64 pages in 21 processes: %ld nodes of %ld bytes\n", during, bytes);
	ok(!rmap_walk(p, 64 * P), "each is found by everybody");
	close(gate[0]);
	close(gate[1]);
	for (int i = 0; i < 20; i++)
		bad += wait_for(pid[i]) != 0;
	ok(!bad && (!chain || nodes() - before < during / 10 + 40), "and when the others have gone they are direct again");
	munmap(p, 64 * P);
}

static void tables_move(void)
{
	char *p = mmap(NULL, 12 * MB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *from, *to;
	pid_t pid;

	from = (char *)(((unsigned long)p + 2 * MB - 1) & ~(2 * MB - 1));
	to = from + 6 * MB;
	mmap(from, 4 * MB, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	for (unsigned i = 0; i < 1024; i++)
		*(unsigned *)(from + i * P) = i + 1;
	pid = fork();
	if (!pid) {
		pause();
		_exit(0);
	}
	ok(mremap(from, 4 * MB, 4 * MB, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to && intact(to, 1024), "two whole page tables move");
	ok(!rmap_walk(to, 4 * MB), "and all pages are found where they are now");
	kill(pid, SIGKILL);
	wait_for(pid);
	munmap(to, 4 * MB);
}

int main(void)
{
	direct = strstr(anon_line(), "anon direct") != NULL;
	chain = strstr(anon_line(), "anon chain") != NULL;
	printf("# %s\n", direct ? "direct" : chain ? "chain" : "another scheme");
	repairs();
	chains_go();
	long_chains();
	tables_move();
	rmap_oracle();
	return done();
}
