/* SPDX-License-Identifier: MIT
 *
 * -M KIND:MB:MAX:STEP: how many processes can share one big mapping before memory ends, and what each takes of low
 * memory.
 *
 *	f  a file, mapped shared and read     a  private anonymous memory, inherited by fork
 *	w  the same, written                  n  nothing: the process alone
 *
 * Up to MAX processes are started one after the other; every STEP of them, a line with the fields of /proc/meminfo. It
 * ends where one cannot be started or is killed (manymap_stop says which), and then ends them all.
 */
#include "bench.h"
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST 200000u

static struct { char kind; size_t len; char *inherited; } segment;
static pid_t children[MOST];
static u32 started;
static int go[2];               /* the children read from it until they are killed */

static long memory(const char *field) { return proc_field("/proc/meminfo", field); }

static void line(const char *tag, u32 n, u64 t)
{
	say("%s n=%u t=%.3fs LowFree=%ld HighFree=%ld PageTables=%ld Slab=%ld SUnreclaim=%ld KernelStack=%ld "
	    "MemAvail=%ld\n", tag, n, t / 1e9, memory("LowFree:"), memory("HighFree:"), memory("PageTables:"),
	    memory("Slab:"), memory("SUnreclaim:"), memory("KernelStack:"), memory("MemAvailable:"));
}

static void oom_adj(const char *value)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY);

	if (fd < 0)
		return;
	write(fd, value, strlen(value));
	close(fd);
}

static bool of_file(void) { return segment.kind == 'f' || segment.kind == 'w'; }
static char *map_file(void) { return map(segment.len, RW, MAP_SHARED, scratch, 0); }

static bool fill_file(void)
{
	char *p;

	if (make_scratch(0) || ftruncate(scratch, segment.len))
		return false;
	p = map_file();
	if (!p)
		return false;
	touch_write(p, segment.len);
	munmap(p, segment.len);
	return true;
}

static bool fill(void)
{
	if (of_file())
		return fill_file();
	if (segment.kind != 'a')
		return true;
	segment.inherited = amap(segment.len);
	if (segment.inherited)
		touch_write(segment.inherited, segment.len);
	return segment.inherited;
}

/* => what to say to the parent */
static char map_and_touch(void)
{
	char *p = segment.inherited;

	if (of_file()) {
		p = map_file();
		if (!p)
			return 'm';
	}
	if (segment.kind == 'w')
		touch_write(p, segment.len);
	else if (p)
		touch_read(p, segment.len);
	return 'r';
}

static void __attribute__((noreturn)) child(const int ready[2])
{
	char c;

	close(ready[0]);
	close(go[1]);
	oom_adj("0");
	c = map_and_touch();
	if (write(ready[1], &c, 1) != 1)
		_exit(1);
	close(ready[1]);
	_exit(read(go[0], &c, 1) < 0);
}

static bool stop(u32 n, const char *reason, const char *detail)
{
	say("manymap_stop n=%u reason=%s%s\n", n, reason, detail);
	return false;
}

static bool start_one(void)
{
	int ready[2], got;
	char c;

	if (pipe(ready))
		return stop(started, "pipe:", error_name(errno));
	children[started] = fork();
	if (children[started] < 0)
		return stop(started, "fork:", error_name(errno));
	if (!children[started])
		child(ready);
	close(ready[1]);
	got = read(ready[0], &c, 1);
	close(ready[0]);
	started++;
	if (got != 1)
		return stop(started - 1, "child-died", "");
	return c == 'r' || stop(started - 1, "mmap-failed", "");
}

static void start(u32 max, u32 step)
{
	u64 t = now();
	int status;

	while (started < max && start_one()) {
		if (started == 1 || started % step == 0) {
			line("manymap", started, now() - t);
			t = now();
		}
		if (waitpid(-1, &status, WNOHANG) > 0) { /* one was killed, and could not say so */
			say("manymap_stop n=%u reason=killed status=%x\n", started, status);
			return;
		}
	}
}

static void end_all(void)
{
	u64 t;

	for (u32 i = 0; i < started; i++)
		kill(children[i], SIGKILL);
	t = now();
	for (u32 i = 0; i < started; i++)
		waitpid(children[i], NULL, 0);
	line("manymap_reaped", started, now() - t);
}

void many_processes(char kind, u32 mb, u32 max, u32 step)
{
	u64 t;

	segment.kind = kind;
	segment.len = (size_t)mb * MB;
	if (pipe(go))
		return;
	oom_adj("-1000");
	line("manymap_base", 0, 0);
	t = now();
	if (!fill()) {
		refused("manymap");
		return;
	}
	line("manymap_filled", 0, now() - t);
	start(max < MOST ? max : MOST, step);
	line("manymap_end", started, 0);
	end_all();
}
