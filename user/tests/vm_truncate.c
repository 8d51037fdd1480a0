/* SPDX-License-Identifier: MIT
 * test: mem=128M smp=2 time=40
 *
 * Truncation against faults: threads read, write and fork over a shared and a private mapping of a file whose end
 * moves. Each access either works or is SIGBUS; what is beyond the end is never seen again.
 */
#define _GNU_SOURCE
#include "tap.h"
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

#define P 4096UL
#define RW (PROT_READ | PROT_WRITE)
#define PAGES 64

static __thread sigjmp_buf jump;
static volatile int stop, bad;
static char *shared, *private;

static void on_bus(int sig, siginfo_t *si, void *context) { siglongjmp(jump, 1); }

static void *reader(void *arg)
{
	unsigned i = (unsigned long)arg;

	while (!stop) {
		volatile char *p = (i & 1 ? shared : private) + i % PAGES * P;

		if (!sigsetjmp(jump, 1)) {
			char c = *p;

			if (c != 0 && c != 'w')
				bad++;
		}
		i += 7;
	}
	return NULL;
}

static void *writer(void *arg)
{
	unsigned i = 0;

	while (!stop) {
		volatile char *p = (i & 1 ? shared : private) + i % PAGES * P;

		if (!sigsetjmp(jump, 1))
			*p = 'w';
		i += 11;
	}
	return NULL;
}

int main(void)
{
	struct sigaction sa = { .sa_sigaction = on_bus, .sa_flags = SA_SIGINFO };
	char name[] = "/tmp/vm_truncateXXXXXX";
	int fd = mkstemp(name), lost = 0;
	pthread_t t[3];

	unlink(name);
	sigaction(SIGBUS, &sa, NULL);
	if (ftruncate(fd, PAGES * P))
		bail("ftruncate");
	shared = mmap(NULL, PAGES * P, RW, MAP_SHARED, fd, 0);
	private = mmap(NULL, PAGES * P, RW, MAP_PRIVATE, fd, 0);
	pthread_create(&t[0], NULL, reader, (void *)0);
	pthread_create(&t[1], NULL, reader, (void *)1);
	pthread_create(&t[2], NULL, writer, NULL);
	for (int round = 0; round < 60; round++) {
		unsigned keep = round * 13 % PAGES;
		char c = 1;

		ftruncate(fd, keep * P + 100);
		if (pread(fd, &c, 1, (keep + 1) * P) != 0)
			lost++;
		ftruncate(fd, PAGES * P);
		if (round % 10 == 0) {
			pid_t pid = fork();

			if (!pid)
				_exit(0);
			waitpid(pid, NULL, 0);
		}
	}
	stop = 1;
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	is(bad, 0, "no access sees anything but zero or what was written");
	is(lost, 0, "nothing is left beyond the end");
	ftruncate(fd, 0);
	ftruncate(fd, PAGES * P);
	for (int i = 0; i < PAGES; i++)
		bad += shared[i * P] != 0 || private[i * P] != 0;
	is(bad, 0, "a file cut to nothing is all zeroes afterwards, in private copies too");
	munmap(shared, PAGES * P);
	munmap(private, PAGES * P);
	close(fd);
	return done();
}
