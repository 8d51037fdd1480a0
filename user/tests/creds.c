/* SPDX-License-Identifier: MIT
 * test: mem=64M smp=1 time=20 linux=no
 *
 * Users, groups, capabilities: who may become whom, who may signal whom, what set-id programs and no_new_privs do.
 * All in children; without root only what anybody may do.
 */
#define _GNU_SOURCE
#include "tap.h"
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define NEED(x) do { if (!(x)) { printf("# line %d: %s: errno %d\n", __LINE__, #x, errno); fflush(stdout); _exit(1); } } while (0)
#define REFUSED(x, err) do { errno = 0; long r_ = (long)(x); if (r_ != -1 || errno != (err)) { \
	printf("# line %d: %s: %ld, errno %d\n", __LINE__, #x, r_, errno); fflush(stdout); _exit(1); } } while (0)

static int caps(unsigned eff_perm_inh[6])
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };

	return syscall(SYS_capget, &h, eff_perm_inh);
}

static void drop_for_good(void *arg)
{
	uid_t r, e, s;
	unsigned c[6];

	NEED(!setgroups(0, NULL) && !setgid(1000) && !setuid(1000));
	NEED(!getresuid(&r, &e, &s) && r == 1000 && e == 1000 && s == 1000);
	REFUSED(setuid(0), EPERM);
	REFUSED(setresuid(-1, 0, -1), EPERM);
	REFUSED(setgroups(0, NULL), EPERM);
	NEED(!caps(c) && !c[0] && !c[1]);
	REFUSED(sethostname("x", 1), EPERM);
	REFUSED(kill(1, 0), EPERM);
	REFUSED(setpriority(PRIO_PROCESS, 0, -5), EACCES);
	NEED(!setpriority(PRIO_PROCESS, 0, 5));
}

static void drop_for_a_time(void *arg)
{
	unsigned c[6];

	NEED(!seteuid(1000) && getuid() == 0 && geteuid() == 1000);
	NEED(!caps(c) && !c[0] && c[1]);
	NEED(!seteuid(0));
	NEED(!caps(c) && c[0]);
	NEED(!setreuid(1000, 2000));
	NEED(!setreuid(2000, 1000));
	REFUSED(setreuid(0, -1), EPERM);
}

static void three_ids(void *arg)
{
	NEED(!setresuid(1, 2, 3));
	NEED(!setresuid(3, 1, 2));
	REFUSED(setresuid(4, -1, -1), EPERM);
	NEED(!setresuid(-1, -1, -1));
}

static void file_ids(void *arg)
{
	NEED(setfsuid(1000) == 0 && setfsuid(-1) == 1000);
	NEED(setfsgid(1000) == 0 && setfsgid(-1) == 1000);
}

static void group_lists(void *arg)
{
	gid_t g[3] = { 30, 10, 20 }, got[3];

	NEED(!setgroups(3, g) && getgroups(0, NULL) == 3 && getgroups(3, got) == 3);
	NEED(got[0] + got[1] + got[2] == 60);
	REFUSED(getgroups(2, got), EINVAL);
	REFUSED(setgroups(100000, g), EINVAL);
}

static void keep_caps(void *arg)
{
	unsigned c[6];

	NEED(!prctl(PR_SET_KEEPCAPS, 1) && !setuid(1000));
	NEED(!caps(c) && !c[0] && c[1]);
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	c[0] = 1 << CAP_KILL;
	c[1] = 1 << CAP_KILL;
	c[2] = c[3] = c[4] = c[5] = 0;
	NEED(!syscall(SYS_capset, &h, c));
	NEED(!kill(1, 0));
	c[1] = 0x1fffff;
	REFUSED(syscall(SYS_capset, &h, c), EPERM);
}

static char self[200];
static void set_id_exec(void *arg)
{
	NEED(!setgid(1000) && !setuid(1000));
	if (arg)
		NEED(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	execl(self, self, "euid", NULL);
	_exit(99);
}

/* A set-uid program: what it opens is not for him who started it. */
static int hold_secret(const char *path)
{
	dup2(open(path, O_RDONLY), 9);
	write(8, "s", 1);
	while (pause() < 0)
		;
	return 0;
}

static void become_a_user(void) { NEED(!setgroups(0, NULL) && !setgid(1000) && !setuid(1000)); }

/* => how often somebody may have looked into a process, and was made to wait just then; -1: no such place in this kernel */
static int looks(void)
{
	char line[80];
	int n = -1;
	FILE *f = fopen("/proc/delay_points", "r");

	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "proc-look %*u ms, passed %d", &n);
	if (f)
		fclose(f);
	return n;
}

static void set_delay(const char *what)
{
	int fd = open("/proc/delay_points", O_WRONLY);

	NEED(fd >= 0 && write(fd, what, strlen(what)) > 0 && !close(fd));
}

/* A user looks at descriptor 9 of a process that is his, and becomes a set-uid program, which opens the secret as 9, when he has been
 * allowed to look for the nth time. => what he saw, or nothing */
static void look_late(const char *program, const char *secret, int nth, char *saw, size_t size)
{
	int go[2], told[2], answer[2], before = looks(), n;
	char c, link[40];
	pid_t holder, looker;

	NEED(!pipe(go) && !pipe(told) && !pipe(answer));
	holder = fork();
	if (!holder) {
		become_a_user();
		NEED(!prctl(PR_SET_DUMPABLE, 1) && dup2(told[1], 8) == 8 && dup2(open("/dev/null", O_RDONLY), 9) == 9);
		NEED(write(8, "r", 1) == 1 && read(go[0], &c, 1) == 1);
		execl(program, program, "hold", secret, NULL);
		_exit(1);
	}
	NEED(read(told[0], &c, 1) == 1);
	looker = fork();
	if (!looker) {
		set_delay("proc-look 300");
		become_a_user();
		sprintf(link, "/proc/%d/fd/9", (int)holder);
		n = readlink(link, saw, size - 1);
		_exit(n > 0 && write(answer[1], saw, n) != n);
	}
	close(answer[1]);
	NEED(eventually(looks() >= before + nth || state_of(looker) == 'Z'));
	NEED(write(go[1], "g", 1) == 1 && read(told[0], &c, 1) == 1 && c == 's');
	n = read(answer[0], saw, size - 1);
	saw[n > 0 ? n : 0] = 0;
	kill(holder, SIGKILL);
	waitpid(holder, NULL, 0), waitpid(looker, NULL, 0);
	close(go[0]), close(go[1]), close(told[0]), close(told[1]), close(answer[0]);
}

static void looking_late(const char *program)
{
	char secret[] = "/tmp/secretXXXXXX", saw[100];
	int seen = 0;

	if (looks() < 0) {
		skip("only a debug kernel waits between question and look");
		return;
	}
	close(mkstemp(secret));
	chown(secret, 2000, 2000);
	for (int nth = 1; nth <= 4; nth++) {
		look_late(program, secret, nth, saw, sizeof(saw));
		seen += !strcmp(saw, secret);
	}
	set_delay("proc-look 0");
	is(seen, 0, "who could look into a process sees nothing of the set-uid program that it becomes");
	unlink(secret);
}

static void set_id(void)
{
	char copy[] = "/tmp/setidXXXXXX", cmd[500];
	int fd = mkstemp(copy), st;

	close(fd);
	self[readlink("/proc/self/exe", self, sizeof(self) - 1)] = 0;
	snprintf(cmd, sizeof(cmd), "cp %s %s", self, copy);
	system(cmd);
	chown(copy, 2000, 2000);
	chmod(copy, 04755);
	strcpy(self, copy);
	st = in_child(set_id_exec, NULL);
	is(WEXITSTATUS(st), 2000 % 256, "a set-uid program runs as its owner");
	st = in_child(set_id_exec, "no_new_privs");
	is(WEXITSTATUS(st), 1000 % 256, "... not with no_new_privs");
	looking_late(copy);
	unlink(copy);
}

static void signals_of_others(void *arg)
{
	pid_t other = fork();

	if (!other) {
		NEED(!setuid(2000) && !prctl(PR_SET_PDEATHSIG, SIGKILL));
		for (;;)
			pause();
	}
	NEED(asleep(other));
	NEED(!setuid(1000));
	REFUSED(kill(other, SIGTERM), EPERM);
	if (!fork()) /* the same session: it may be continued */
		_exit(kill(other, SIGCONT) == 0 ? 0 : 1);
	int st;
	NEED(wait(&st) > 0 && st == 0);
	_exit(0);
}

static void process_limit(void *arg)
{
	struct rlimit l = { 5, 5 };
	int n = 0;
	pid_t p;

	NEED(!setuid(3000) && !setrlimit(RLIMIT_NPROC, &l));
	while ((p = fork()) >= 0 && n < 20) {
		if (!p) {
			pause();
			_exit(0);
		}
		n++;
	}
	int e = errno;
	signal(SIGTERM, SIG_IGN);
	kill(0, 0);
	kill(-1, SIGTERM);
	_exit(n == 4 && e == EAGAIN ? 0 : 1);
}

static void limits_of_others(void *arg)
{
	struct rlimit l;
	pid_t parent = getppid();

	NEED(!setuid(1000));
	REFUSED(prlimit(parent, RLIMIT_NOFILE, NULL, &l), EPERM);
	NEED(!getrlimit(RLIMIT_NOFILE, &l));
	l.rlim_max++;
	REFUSED(setrlimit(RLIMIT_NOFILE, &l), EPERM);
	l.rlim_max--;
	l.rlim_cur = l.rlim_max + 1;
	REFUSED(setrlimit(RLIMIT_NOFILE, &l), EINVAL);
	REFUSED(prlimit(0, 99, NULL, &l), EINVAL);
}

static void old_calls(void *arg)
{
	NEED(!setresuid(100000, 100000, 0));
	NEED(syscall(SYS_getuid) == 65534 && syscall(SYS_geteuid) == 65534 && syscall(SYS_getuid32) == 100000);
}

int main(int argc, char **argv)
{
	if (argc > 2)
		return hold_secret(argv[2]);
	if (argc > 1)
		return geteuid() % 256;
	if (getuid()) {
		skip("only root can change ids");
		return done();
	}
	is(in_child(drop_for_good, NULL), 0, "root drops its rights for good");
	is(in_child(drop_for_a_time, NULL), 0, "... and for a time");
	is(in_child(three_ids, NULL), 0, "real, effective and saved ids");
	is(in_child(file_ids, NULL), 0, "file-system ids");
	is(in_child(group_lists, NULL), 0, "supplementary groups");
	is(in_child(keep_caps, NULL), 0, "capabilities kept and dropped");
	set_id();
	is(in_child(signals_of_others, NULL), 0, "signals to other users");
	is(in_child(process_limit, NULL), 0, "RLIMIT_NPROC");
	is(in_child(limits_of_others, NULL), 0, "limits of others, and beyond the hard one");
	is(in_child(old_calls, NULL), 0, "16-bit ids overflow to 65534");
	return done();
}
