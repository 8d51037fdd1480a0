/* SPDX-License-Identifier: MIT
 * test: mem=64M smp=2 time=120 disk=80M,80M block=virtio linux=no alone
 *
 * Shell scripts in 64 MB while one program reads a disk over and over and another one fills a second disk with dirty pages, without
 * swap: nothing is killed as long as pages of files, written or not, can be given back, and every result is right.
 */
#define _GNU_SOURCE
#include "swap.h"

#define MB (1u << 20)

static char buf[64 << 10];

static void read_on(void)
{
	int fd = open(swap_disk(0), O_RDONLY);

	for (;;)
		if (read(fd, buf, sizeof(buf)) <= 0 && lseek(fd, 0, SEEK_SET))
			_exit(1);
}

static void write_on(void)
{
	int fd = open(swap_disk(1), O_WRONLY);

	for (unsigned round = 0;; round++) {
		memset(buf, round, sizeof(buf));
		for (off_t at = 0; at < 70 * MB; at += sizeof(buf))
			if (pwrite(fd, buf, sizeof(buf), at) != sizeof(buf))
				_exit(1);
	}
}

static pid_t start(void (*fn)(void))
{
	pid_t pid = fork();

	if (!pid) {
		fn();
		_exit(0);
	}
	return pid;
}

/* => what the command printed */
static const char *shell(const char *command)
{
	static char text[200];
	FILE *f = popen(command, "r");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	text[n] = 0;
	return f && pclose(f) == 0 ? text : "failed";
}

/* => it lived until now */
static bool ended(pid_t pid)
{
	int status = 0;

	kill(pid, SIGTERM);
	return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM;
}

int main(void)
{
	pid_t reader = start(read_on), writer = start(write_on);
	unsigned bad = 0, rounds = 0;
	double slowest = 0, begin = seconds();
	long taken;

	do {
		double t = seconds();

		bad += strcmp(shell("seq 1 3000 | sort -r | head -n 1000 | md5sum | cut -c1-8"), "2f94b47a\n") != 0;
		bad += strcmp(shell("dd if=/dev/zero bs=64k count=40 2>/dev/null | tr '\\0' x | wc -c"), "2621440\n") != 0;
		bad += strcmp(shell("for i in 1 2 3 4 5; do (echo $i; ls /proc > /dev/null) & wait; done | tr -d '\\n'"), "12345") != 0;
		slowest = seconds() - t > slowest ? seconds() - t : slowest;
		rounds++;
		taken = proc_field("/proc/vmstat", "pgsteal_file ");
	} while (seconds() - begin < 8 || rounds < 3 || taken <= 20000); /* however slow the machine: what does not come ends with the job */
	ok(rounds > 2, "%u rounds of scripts, the slowest took %.1f s", rounds, slowest);
	is(bad, 0, "all results are right");
	ok(ended(reader), "the reader lives");
	ok(ended(writer), "the writer lives");
	sync();
	is(proc_field("/proc/vmstat", "oom_kill "), 0, "nobody was killed");
	ok(taken > 20000, "many pages of files were taken: %ld", taken);
	return done();
}
