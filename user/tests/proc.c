/* SPDX-License-Identifier: MIT
 * test: mem=1500M smp=2 time=60
 *
 * /proc: each format is parsed strictly, and what two files say is compared. Passes on Linux as well, but for what only
 * Isthmus has (lowmem), which is left out there.
 */
#define _GNU_SOURCE
#include "tap.h"
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

static char text[1 << 20];

/* The whole file, NUL at the end; => length, or -1 */
static int slurp(const char *name)
{
	int fd = open(name, O_RDONLY), n = 0, r;

	text[0] = 0;
	if (fd < 0)
		return -1;
	while ((r = read(fd, text + n, sizeof(text) - 1 - n)) > 0)
		n += r;
	close(fd);
	text[n] = 0;
	return r < 0 ? -1 : n;
}

/* The number behind "name:" (or "name ") at the start of a line; -1: none */
static long long field(const char *name)
{
	size_t n = strlen(name);

	for (const char *p = text; p; p = strchr(p, '\n'), p = p ? p + 1 : NULL)
		if (!strncmp(p, name, n) && (p[n] == ':' || p[n] == ' '))
			return atoll(p + n + 1);
	return -1;
}

static void meminfo(void)
{
	static const char *const names[] = { "MemTotal", "MemFree", "MemAvailable", "Buffers", "Cached", "SwapCached", "Active",
		"Inactive", "Active(anon)", "Inactive(anon)", "Active(file)", "Inactive(file)", "Unevictable", "Mlocked", "SwapTotal",
		"SwapFree", "Dirty", "Writeback", "AnonPages", "Mapped", "Shmem", "Slab", "SReclaimable", "SUnreclaim", "KernelStack",
		"PageTables", "CommitLimit", "Committed_AS", "VmallocTotal", "VmallocUsed" };
	int missing = 0, bad = 0;

	ok(slurp("/proc/meminfo") > 0, "meminfo");
	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (field(names[i]) < 0) {
			printf("# no %s\n", names[i]);
			missing++;
		}
	is(missing, 0, "has Linux's lines");
	for (char *p = strtok(strdup(text), "\n"); p; p = strtok(NULL, "\n")) {
		char *colon = strchr(p, ':'), *end;

		bad += !colon || (strtoull(colon + 1, &end, 10), strcmp(end, " kB") && *end);
	}
	is(bad, 0, "every line is a name, a number and kB");
	ok(field("MemFree") <= field("MemTotal") && field("MemFree") > 0, "free memory is part of all memory");
	is(field("Active"), field("Active(anon)") + field("Active(file)"), "Active is the sum of both");
	is(field("Inactive"), field("Inactive(anon)") + field("Inactive(file)"), "Inactive too");
	is(field("Slab"), field("SReclaimable") + field("SUnreclaim"), "Slab too");
	if (field("LowTotal") >= 0) {
		is(field("MemTotal"), field("LowTotal") + field("HighTotal"), "low and high memory make the total");
		is(field("MemFree"), field("LowFree") + field("HighFree"), "the same for what is free");
	}
}

static void meminfo_follows(void)
{
	enum { MB = 64 };
	long long before, after;
	char *p;

	if (access("/proc/lowmem", R_OK)) {
		skip("somebody else uses memory here");
		return;
	}
	slurp("/proc/meminfo");
	before = field("MemFree");
	p = mmap(NULL, MB << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < MB << 20; i += 4096)
		p[i] = 1;
	slurp("/proc/meminfo");
	after = field("MemFree");
	ok(before - after > (MB - 16) * 1024 && before - after < (MB + 48) * 1024, "64 MB used show: %lld kB less", before - after);
	munmap(p, MB << 20);
	slurp("/proc/meminfo");
	ok(llabs(field("MemFree") - before) < 32 * 1024, "and are back after munmap");
}

static void lowmem(void)
{
	long long present, sum = 0;

	if (slurp("/proc/lowmem") < 0) {
		skip("no /proc/lowmem here");
		return;
	}
	present = field("LowPresent");
	for (char *p = strtok(text, "\n"); p; p = strtok(NULL, "\n")) {
		char *colon = strchr(p, ':');

		if (!isspace(*p) && colon && strncmp(p, "LowPresent", 10))
			sum += atoll(colon + 1);
	}
	is(sum, present, "the lines of lowmem add up to LowPresent exactly");
	ok(slurp("/proc/self/lowmem") > 0 && field("Total") > 8192, "what this process holds of it");
}

static void system_files(void)
{
	double up, idle, l1, l2, l3;
	unsigned long long user, nice, sys, idl;
	int run, all, last, cpus = 0;
	long long btime;
	time_t before;
	long nproc = sysconf(_SC_NPROCESSORS_ONLN);
	char name[16];
	struct timespec ts;

	slurp("/proc/uptime");
	clock_gettime(CLOCK_MONOTONIC, &ts);
	ok(sscanf(text, "%lf %lf\n", &up, &idle) == 2 && up > 0, "uptime");
	slurp("/proc/loadavg");
	ok(sscanf(text, "%lf %lf %lf %d/%d %d\n", &l1, &l2, &l3, &run, &all, &last) == 6 && run >= 1 && all >= run, "loadavg");
	slurp("/proc/stat");
	ok(sscanf(text, "cpu  %llu %llu %llu %llu", &user, &nice, &sys, &idl) == 4, "stat begins with all CPUs");
	for (int i = 0; i < nproc; i++) {
		snprintf(name, sizeof(name), "cpu%d", i);
		cpus += field(name) >= 0;
	}
	is(cpus, nproc, "and one line each");
	ok(field("ctxt") > 0 && field("btime") > 0 && field("processes") > 0 && field("procs_running") >= 1, "ctxt, btime, processes");
	btime = field("btime");
	before = time(NULL);
	slurp("/proc/uptime");
	sscanf(text, "%lf", &up);
	ok(btime + (long long)up >= before - 2 && btime + (long long)up <= time(NULL) + 2, "btime and uptime make now");
	slurp("/proc/version");
	ok(!strncmp(text, "Linux version ", 14), "version");
	cpus = 0;
	slurp("/proc/cpuinfo");
	for (char *p = text; (p = strstr(p, "processor\t: ")); p++)
		cpus++;
	is(cpus, nproc, "cpuinfo has a block for each CPU");
	ok(slurp("/proc/filesystems") > 0 && strstr(text, "nodev\tproc\n") && strstr(text, "nodev\ttmpfs\n"), "filesystems");
	ok(slurp("/proc/mounts") > 0 && strstr(text, " /proc proc "), "mounts");
	ok(slurp("/proc/devices") > 0 && strstr(text, "Character devices:\n") && strstr(text, "  1 mem\n"), "devices");
	ok(slurp("/proc/interrupts") > 0 && strstr(text, "CPU0"), "interrupts");
	ok(slurp("/proc/buddyinfo") > 0 && !strncmp(text, "Node 0, zone ", 13), "buddyinfo");
	ok(slurp("/proc/vmstat") > 0 && field("nr_free_pages") > 0 && field("pgfault") > 0, "vmstat");
	ok(slurp("/proc/sys/kernel/pid_max") > 0 && atoi(text) >= 301, "pid_max");
	ok(slurp("/proc/sys/kernel/random/uuid") == 37, "uuid");
}

static void own_stat(void)
{
	int pid, ppid, pgrp, session, n, threads;
	unsigned long vsize, start, end;
	long rss;
	char state, comm[32];

	n = slurp("/proc/self/stat");
	ok(n > 0 && text[n - 1] == '\n', "stat is a line");
	n = 0;
	for (char *p = strrchr(text, ')'); p && *p; p++)
		n += *p == ' ';
	is(n + 1, 51, "... of 52 fields");
	n = sscanf(text, "%d (%31[^)]) %c %d %d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %d %*d %*u %lu %ld %*u %lu %lu", &pid,
		   comm, &state, &ppid, &pgrp, &session, &threads, &vsize, &rss, &start, &end);
	is(n, 11, "which parse");
	ok(pid == getpid() && ppid == getppid() && pgrp == getpgrp() && session == getsid(0), "ids");
	ok(state == 'R' && threads == 1 && !strcmp(comm, "proc"), "state R, one thread, name %s", comm);
	ok(start <= (unsigned long)own_stat && (unsigned long)own_stat < end, "code lies where it says");
	slurp("/proc/self/statm");
	ok(sscanf(text, "%lu", &start) == 1 && start == vsize / 4096, "statm and stat agree on the size");
}

static double cpu_time(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* Work in pieces so short that hardly a tick finds us: what stat says is no sum of ticks. */
static void own_cpu_time(void)
{
	unsigned long user, system;
	double before, after;

	for (double until = cpu_time(); until < 0.15;) {
		until += 0.002;
		while (cpu_time() < until)
			;
		usleep(12000);
	}
	before = cpu_time();
	slurp("/proc/self/stat");
	after = cpu_time();
	is(sscanf(strrchr(text, ')') + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system), 2, "user and system time");
	ok(user + system >= before * 100 - 2 && user + system <= after * 100, "... are together what the clock says (%.3f s, %lu ticks)", before,
	   user + system); /* each is rounded down */
}

static void own_status(void)
{
	char name[64];
	unsigned uid[4];

	slurp("/proc/self/status");
	ok(sscanf(text, "Name:\t%63s", name) == 1 && !strcmp(name, "proc"), "status: name");
	ok(field("Pid") == getpid() && field("PPid") == getppid() && field("Tgid") == getpid() && field("Threads") == 1, "numbers");
	ok(sscanf(strstr(text, "\nUid:"), "\nUid:\t%u\t%u\t%u\t%u", &uid[0], &uid[1], &uid[2], &uid[3]) == 4 && uid[1] == geteuid(), "Uid");
	is(field("VmRSS"), field("RssAnon") + field("RssFile") + field("RssShmem"), "VmRSS is the sum of its parts");
	ok(field("VmPeak") >= field("VmSize") && field("VmHWM") >= field("VmRSS") && field("VmPTE") > 0 && field("VmStk") > 0, "sizes");
	ok(strstr(text, "\nSigBlk:\t0000000000000000\n") && strstr(text, "\nCapEff:\t") && field("voluntary_ctxt_switches") >= 0,
	   "signals, capabilities, switches");
}

/* Is [start, end) in maps, with these permissions? */
static bool mapped(void *start, size_t len, const char *perms)
{
	unsigned long s, e;
	char p[8];

	slurp("/proc/self/maps");
	for (char *l = text; l && *l; l = strchr(l, '\n'), l = l ? l + 1 : NULL)
		if (sscanf(l, "%lx-%lx %4s", &s, &e, p) == 3 && s <= (unsigned long)start && (unsigned long)start + len <= e)
			return !strcmp(p, perms);
	return false;
}

static void maps(void)
{
	char *a = mmap(NULL, 8 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *b = mmap(NULL, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned long last = 0, s, e;
	int bad = 0, dev1, dev2;
	unsigned long long off, ino;
	char perms[8];

	ok(mapped(a, 8 * 4096, "rw-p"), "maps shows a private area");
	ok(mapped(b, 4096, "r--s"), "and a shared one");
	mprotect(a + 4096, 4096, PROT_READ);
	ok(mapped(a + 4096, 4096, "r--p") && mapped(a, 4096, "rw-p"), "mprotect splits it");
	munmap(a, 8 * 4096);
	ok(!mapped(a, 4096, "rw-p"), "munmap takes it away");
	slurp("/proc/self/maps");
	for (char *l = text; *l; l = strchr(l, '\n') + 1) {
		bad += sscanf(l, "%lx-%lx %4s %llx %x:%x %llu", &s, &e, perms, &off, &dev1, &dev2, &ino) != 7 || s < last || s >= e;
		last = e;
	}
	is(bad, 0, "every line parses, in order, without overlap");
	ok(strstr(text, "/proc") != NULL, "the program is named");
	ok(strstr(text, "[stack]") && strstr(text, "[heap]"), "so are stack and heap");
	ok(slurp("/proc/self/smaps") > 0 && field("Rss") >= 0 && strstr(text, "VmFlags: "), "smaps");
}

static void rollup(void)
{
	long long rss, sum = 0;

	slurp("/proc/self/smaps");
	for (char *p = text; (p = strstr(p, "\nRss:")); p += 5)
		sum += atoll(p + 5);
	slurp("/proc/self/smaps_rollup");
	rss = field("Rss");
	ok(rss > 0 && llabs(rss - sum) <= 64, "smaps_rollup is the sum of smaps (%lld, %lld kB)", rss, sum);
}

static unsigned long long pagemap_of(void *p)
{
	unsigned long long v = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY);

	if (pread(fd, &v, 8, (unsigned long)p / 4096 * 8) != 8)
		v = 0;
	close(fd);
	return v;
}

static void pages(void)
{
	char *a = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned long long v, count = 0, flags = 0;
	int fd;

	a[4096] = 1;
	ok(!(pagemap_of(a) >> 63), "pagemap: an untouched page is not there");
	v = pagemap_of(a + 4096);
	ok(v >> 63, "a touched one is");
	if (geteuid() || !(v & ((1ULL << 55) - 1))) {
		skip("frame numbers need root");
		return;
	}
	fd = open("/proc/kpagecount", O_RDONLY);
	ok(pread(fd, &count, 8, (v & ((1ULL << 55) - 1)) * 8) == 8 && count == 1, "kpagecount: mapped once");
	close(fd);
	fd = open("/proc/kpageflags", O_RDONLY);
	ok(pread(fd, &flags, 8, (v & ((1ULL << 55) - 1)) * 8) == 8 && flags >> 12 & 1 && flags >> 11 & 1, "kpageflags: anonymous, mapped");
	close(fd);
}

static void links(void)
{
	char buf[256], want[256], name[64];
	struct stat a, b;
	int fd = open("/dev/null", O_RDONLY), n;

	n = readlink("/proc/self", buf, sizeof(buf));
	buf[n > 0 ? n : 0] = 0;
	is(atoi(buf), getpid(), "self");
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	n = readlink(name, buf, sizeof(buf));
	ok(n == 9 && !memcmp(buf, "/dev/null", 9), "fd: a link to what is open");
	ok(!stat(name, &a) && !stat("/dev/null", &b) && a.st_ino == b.st_ino && a.st_dev == b.st_dev, "that leads there");
	snprintf(name, sizeof(name), "/proc/self/fdinfo/%d", fd);
	ok(slurp(name) > 0 && field("pos") == 0 && strstr(text, "flags:\t0"), "fdinfo");
	close(fd);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	fails(readlink(name, buf, sizeof(buf)), ENOENT, "a closed one is gone");
	n = readlink("/proc/self/cwd", buf, sizeof(buf) - 1);
	buf[n > 0 ? n : 0] = 0;
	ok(getcwd(want, sizeof(want)) && !strcmp(buf, want), "cwd");
	n = readlink("/proc/self/exe", buf, sizeof(buf) - 1);
	buf[n > 0 ? n : 0] = 0;
	ok(n > 0 && !strcmp(strrchr(buf, '/'), "/proc"), "exe: %s", buf);
	n = readlink("/proc/self/root", buf, sizeof(buf));
	ok(n >= 1 && buf[0] == '/', "root");
}

static void memory(void)
{
	static volatile int word = 1234;
	int fd = open("/proc/self/mem", O_RDWR), v = 0, n;
	char *two;

	ok(pread64(fd, &v, sizeof(v), (unsigned long)&word) == sizeof(v) && v == 1234, "mem reads");
	v = 99;
	ok(pwrite64(fd, &v, sizeof(v), (unsigned long)&word) == sizeof(v) && word == 99, "mem writes");
	fails(pread64(fd, &v, sizeof(v), 16), EIO, "nothing is mapped there");
	two = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(two + 4096, 4096);
	n = pread64(fd, two + 4096 - 100, 200, (unsigned long)two);
	ok(n == 100 || (n < 0 && errno == EFAULT), "a buffer that ends early (%d)", n);
	munmap(two, 4096);
	close(fd);
}

static void strings(char **argv)
{
	int fd = open("/proc/self/comm", O_RDWR);
	unsigned long aux[2], pagesz = 0;

	ok(slurp("/proc/self/cmdline") >= (int)strlen(argv[0]) + 1 && !strcmp(text, argv[0]), "cmdline");
	ok(slurp("/proc/self/environ") >= 0, "environ");
	ok(slurp("/proc/self/auxv") >= 8, "auxv");
	for (unsigned i = 0; memcpy(aux, text + i, 8), aux[0]; i += 8)
		if (aux[0] == 6)
			pagesz = aux[1];
	is(pagesz, 4096, "auxv has AT_PAGESZ");
	ok(write(fd, "renamed", 7) == 7 && slurp("/proc/self/comm") == 8 && !strcmp(text, "renamed\n"), "comm can be written");
	ok(slurp("/proc/self/limits") > 0 && strstr(text, "Max open files"), "limits");
	close(fd);
}

static bool comes_to(const char *name, const char *state) { return eventually(slurp(name) > 0 && strstr(text, state)); }

static void others(void)
{
	int found = 0, status;
	struct dirent *d;
	char name[64];
	pid_t pid;
	DIR *dir;

	pid = fork();
	if (!pid) {
		pause();
		_exit(0);
	}
	dir = opendir("/proc");
	while ((d = readdir(dir)))
		found += atoi(d->d_name) == pid || atoi(d->d_name) == getpid();
	closedir(dir);
	is(found, 2, "a directory for each process");
	snprintf(name, sizeof(name), "/proc/%d/stat", pid);
	ok(comes_to(name, ") S "), "a sleeping child");
	snprintf(name, sizeof(name), "/proc/%d/task/%d/status", pid, pid);
	ok(slurp(name) > 0 && field("PPid") == getpid(), "its task directory");
	kill(pid, SIGKILL);
	snprintf(name, sizeof(name), "/proc/%d/stat", pid);
	ok(comes_to(name, ") Z "), "dead and not waited for: a zombie");
	waitpid(pid, &status, 0);
	ok(slurp(name) < 0 && errno == ENOENT, "waited for: gone");
}

static void guarded_child(void *arg)
{
	if (setgid(1000) || setuid(1000))
		_exit(50);
	if (open("/proc/1/environ", O_RDONLY) >= 0 || open("/proc/1/mem", O_RDONLY) >= 0 || opendir("/proc/1/fd"))
		_exit(1);
	if (readlink("/proc/1/exe", text, 10) >= 0 || open("/proc/kpagecount", O_RDONLY) >= 0)
		_exit(2);
	_exit(open("/proc/1/stat", O_RDONLY) >= 0 ? 0 : 3);
}

static void writes(void)
{
	int fd = open("/proc/self/oom_score_adj", O_RDWR);

	ok(write(fd, "300", 3) == 3 && slurp("/proc/self/oom_score_adj") > 0 && atoi(text) == 300, "oom_score_adj");
	fails(write(fd, "2000", 4), EINVAL, "its bounds");
	close(fd);
	fails(open("/proc/version", O_RDWR | O_CREAT | O_EXCL, 0644), EEXIST, "nothing is made in /proc");
	fails(open("/proc/nonsense", O_RDONLY), ENOENT, "what is not there");
	fails(unlink("/proc/version"), EPERM, "and nothing is removed");
}

/* --- the log ------------------------------------------------------------------------------------------------------ */
enum { READERS = 4, RECORDS = 150 };
struct report { int n; char line[200]; };

static const char *log_name; /* /proc/kmsg, or syslog(2) */

static void __attribute__((noreturn)) log_reader(int to)
{
	int fd = open(log_name, O_RDONLY);
	struct report r;

	do {
		memset(&r, 0, sizeof(r));
		r.n = fd >= 0 ? read(fd, r.line, sizeof(r.line) - 1) : klogctl(2, r.line, sizeof(r.line) - 1);
	} while (write(to, &r, sizeof(r)) == sizeof(r) && r.n > 0);
	_exit(1);
}

/* => false: a reader came back with nothing, or with a record that somebody had before */
static bool one_record(int kmsg, int from, unsigned nr)
{
	char mark[48], *number = mark + sprintf(mark, "<7>readers of %s %d ", log_name, (int)getpid());
	struct report r;

	sprintf(number, "%u;", nr);
	if (write(kmsg, mark, strlen(mark)) < 0)
		return false;
	while (read(from, &r, sizeof(r)) == sizeof(r) && r.n > 0) {
		if (strstr(r.line, mark + 3))
			return true;
		*number = '\0';
		if (strstr(r.line, mark + 3))
			return false;
		sprintf(number, "%u;", nr);
	}
	return false;
}

/* All of them, in the call or with their reports. */
static bool wait_on(const pid_t *pid)
{
	bool all = true;

	for (int i = 0; i < READERS; i++)
		all = all && eventually(strchr("SZ", state_of(pid[i]))) && state_of(pid[i]) != 'Z';
	return all;
}

/* Each record goes to one reader of several, and the others go on waiting. */
static void log_readers(const char *name)
{
	int kmsg = open("/dev/kmsg", O_WRONLY), p[2], nr = 0;
	pid_t pid[READERS];

	log_name = name;
	pipe(p);
	for (int i = 0; i < READERS; i++) {
		pid[i] = fork();
		if (!pid[i])
			log_reader(p[1]);
	}
	while (nr < RECORDS && wait_on(pid) && one_record(kmsg, p[0], nr))
		nr++;
	ok(nr == RECORDS && wait_on(pid), "%s: each record for one of several readers, the others go on waiting", name);
	for (int i = 0; i < READERS; i++) {
		kill(pid[i], SIGKILL);
		waitpid(pid[i], NULL, 0);
	}
	close(kmsg), close(p[0]), close(p[1]);
}

static void log_of_the_kernel(void)
{
	int fd = open("/proc/kmsg", O_RDONLY | O_NONBLOCK);

	if (access("/proc/lowmem", F_OK) || fd < 0 || klogctl(9, NULL, 0) < 0) {
		skip("no right to read the log, or a log that drops what programs write");
		return;
	}
	while (read(fd, text, sizeof(text)) > 0) /* what lies there already */
		;
	while (klogctl(9, NULL, 0) > 0)
		klogctl(2, text, sizeof(text));
	close(fd);
	log_readers("/proc/kmsg");
	log_readers("syslog");
}

int main(int argc, char **argv)
{
	own_stat();
	own_cpu_time();
	own_status();
	meminfo();
	meminfo_follows();
	lowmem();
	system_files();
	maps();
	rollup();
	pages();
	links();
	memory();
	others();
	strings(argv);
	writes();
	log_of_the_kernel();
	if (geteuid())
		skip("needs root");
	else
		is(in_child(guarded_child, NULL), 0, "a user cannot look into root's processes");
	return done();
}
