/* SPDX-License-Identifier: MIT
 * test: mem=128M smp=2 linux=no time=20
 *
 * /proc/trace: events appear in order of time and in ftrace's form while they are on, and not while they are off; what
 * this program did is among them; bad words are refused and change nothing.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include "tap.h"

static char *text;

static int control(const char *words)
{
	int fd = open("/proc/trace", O_WRONLY), r = fd < 0 ? -1 : (int)write(fd, words, strlen(words)), e = errno;

	close(fd);
	errno = e;
	return r < 0 ? -1 : 0;
}

static void read_all(void)
{
	int fd = open("/proc/trace", O_RDONLY);
	size_t used = 0, size = 1 << 16;
	ssize_t n;

	free(text);
	text = malloc(size);
	while ((n = read(fd, text + used, size - used - 1)) > 0) {
		used += n;
		if (size - used < 4096)
			text = realloc(text, size *= 2);
	}
	text[used] = 0;
	close(fd);
}

static int count_lines(const char *what)
{
	int n = 0;

	for (char *p = text; (p = strstr(p, what)); p++)
		n++;
	return n;
}

/* Each line that is no comment: TASK-PID [CPU] seconds.micros: event: ...; times do not go back. */
static bool well_formed(void)
{
	double last = 0, t;
	int cpu, events = 0;
	char *copy = strdup(text), *save, event[32];

	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *b = strchr(line, '[');

		if (line[0] == '#')
			continue;
		if (!b || sscanf(b, "[%d] %lf: %31[a-z_]:", &cpu, &t, event) != 3 || t < last)
			return printf("# %s\n", line), false;
		last = t;
		events++;
	}
	free(copy);
	return events > 0;
}

static void touch_and_unmap(void)
{
	char *p = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (int i = 0; i < 65536; i += 4096)
		p[i] = 1;
	munmap(p, 65536);
}

int main(void)
{
	char wanted[64];

	ok(control("0") == 0 && control("clear") == 0, "it can be switched off and cleared");
	touch_and_unmap();
	read_all();
	ok(count_lines(": fault:") == 0, "nothing is traced while it is off");
	ok(strncmp(text, "# tracer: nop\n", 14) == 0, "the head is ftrace's");

	ok(control("fault map unmap") == 0, "events are chosen by name");
	touch_and_unmap();
	control("0");
	read_all();
	snprintf(wanted, sizeof(wanted), "-%d ", (int)getpid());
	ok(count_lines(": fault:") >= 16, "sixteen pages, sixteen faults");
	ok(count_lines(": map:") >= 1 && count_lines(": unmap:") >= 1, "the area came and went");
	ok(count_lines(wanted) >= 18, "they carry this task's number");
	ok(count_lines(": sched_switch:") == 0, "what was not chosen is not there");
	ok(well_formed(), "each line has ftrace's form, in order of time");

	ok(control("clear") == 0 && control("1") == 0, "all events");
	if (!fork()) {
		touch_and_unmap();
		_exit(0);
	}
	wait(NULL);
	control("0");
	read_all();
	ok(count_lines(": sched_switch:") >= 2 && well_formed(), "with a child on another CPU, merged by time");

	control("fault");
	fails(control("fault nosuch"), EINVAL, "an unknown event is refused");
	control("clear");
	touch_and_unmap();
	control("-fault");
	read_all();
	ok(count_lines(": fault:") >= 16, "... and what was on stays on");

	control("1"); /* more than the rings hold: the newest stay */
	for (int i = 0; i < 1000; i++)
		touch_and_unmap();
	control("0");
	read_all();
	ok(count_lines(": fault:") > 3000 && well_formed(), "a full ring keeps the newest, in order");
	control("1");
	ok(control("free") == 0, "the rings can be given back while events come");
	touch_and_unmap();
	read_all();
	ok(count_lines(": fault:") == 0, "nothing is left of them");
	return done();
}
