/* SPDX-License-Identifier: MIT
 * test: mem=128M smp=2 time=30
 *
 * execve at its edges: limits of arguments, chains of scripts, bad programs, descriptors, threads, set-id bits.
 */
#define _GNU_SOURCE
#include "tap.h"
#include <elf.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static char dir[] = "/tmp/execsXXXXXX", self[200];

static const char *path(const char *name)
{
	static char p[4][256];
	static int n;

	n = (n + 1) % 4;
	snprintf(p[n], sizeof(p[n]), "%s/%s", dir, name);
	return p[n];
}

static void put(const char *name, const void *text, size_t len)
{
	int fd = open(path(name), O_WRONLY | O_CREAT | O_TRUNC, 0755);

	write(fd, text, len);
	close(fd);
}

static char **args_for_child;
static const char *file_for_child;
static void run_it(void *arg)
{
	execv(file_for_child, args_for_child);
	_exit(errno == E2BIG ? 101 : errno == ENOEXEC ? 102 : errno == ELOOP ? 103 : errno == ENOENT ? 104 : errno == EACCES ? 105 : errno == EFAULT ? 106 : 109);
}

static int run(const char *file, char **argv)
{
	int st;

	args_for_child = argv;
	file_for_child = file;
	st = in_child(run_it, NULL);
	return WIFEXITED(st) ? WEXITSTATUS(st) : -WTERMSIG(st);
}

/* argv[1]: what to check */
static int child(int argc, char **argv)
{
	if (!strcmp(argv[1], "thirteen"))
		return argc == 2 ? 13 : 0;
	if (!strcmp(argv[1], "count"))
		return argc - 2 == atoi(argv[2]) ? 0 : 1;
	if (!strcmp(argv[1], "long"))
		return strlen(argv[2]) == 131071 && argv[2][0] == 'a' && argv[2][131070] == 'z' ? 0 : 1;
	if (!strcmp(argv[1], "fd"))
		return fcntl(atoi(argv[2]), F_GETFD) == -1 && fcntl(atoi(argv[3]), F_GETFD) == 0 ? 0 : 1;
	return 50;
}

static void limits(void)
{
	static char big[131073];
	char **many = calloc(200002, sizeof(char *));
	char n[16];
	struct rlimit l, old;

	memset(big, 'm', sizeof(big) - 1);
	big[0] = 'a';
	big[131070] = 'z';
	big[131071] = 0;
	is(run(self, (char *[]){ self, "long", big, NULL }), 0, "an argument of 128 KB - 1");
	big[131071] = 'y';
	is(run(self, (char *[]){ self, "long", big, NULL }), 101, "one byte more is E2BIG");
	many[0] = self;
	many[1] = "count";
	snprintf(n, sizeof(n), "%d", 100000);
	many[2] = n;
	for (int i = 3; i < 100002; i++)
		many[i] = "x";
	is(run(self, many), 0, "100000 arguments");
	for (int i = 3; i < 200000; i++)
		many[i] = "0123456789";
	getrlimit(RLIMIT_STACK, &old);
	l = old;
	l.rlim_cur = 1 << 20;
	setrlimit(RLIMIT_STACK, &l);
	is(run(self, many), 101, "a quarter of the stack's limit is what arguments may take");
	setrlimit(RLIMIT_STACK, &old);
	is(run(self, (char *[]){ self, (char *)16, NULL }), 106, "a bad argument is EFAULT");
	is(run(self, (char **)16), 106, "so is a bad list");
	free(many);
}

static void scripts(void)
{
	char line[300];

	snprintf(line, sizeof(line), "#!%s count\n", self);
	put("s1", line, strlen(line));
	snprintf(line, sizeof(line), "%s/s1", dir);
	is(run(path("s1"), (char *[]){ "s1", NULL }), 1, "a script runs its interpreter with its argument and its name");
	for (int i = 2; i <= 7; i++) {
		char name[8];

		snprintf(line, sizeof(line), "#!%s/s%d\n", dir, i - 1);
		snprintf(name, sizeof(name), "s%d", i);
		put(name, line, strlen(line));
	}
	is(run(path("s4"), (char *[]){ "s4", NULL }), 1, "scripts of scripts");
	is(run(path("s7"), (char *[]){ "s7", NULL }), 103, "too deep is ELOOP");
	put("none", "#!/no/such/program\n", 19);
	is(run(path("none"), (char *[]){ "x", NULL }), 104, "no interpreter");
	put("empty", "#!\n", 3);
	is(run(path("empty"), (char *[]){ "x", NULL }), 102, "an empty line is no program");
	put("loop", "", 0);
	snprintf(line, sizeof(line), "#!%s/loop\n", dir);
	put("loop", line, strlen(line));
	is(run(path("loop"), (char *[]){ "x", NULL }), 103, "a script that is its own interpreter");
}

static void bad_programs(void)
{
	Elf32_Ehdr eh = { .e_ident = { 0x7f, 'E', 'L', 'F', 1, 1, 1 }, .e_type = ET_EXEC, .e_machine = EM_386, .e_version = 1,
		.e_phoff = sizeof(eh), .e_phentsize = sizeof(Elf32_Phdr), .e_phnum = 1, .e_ehsize = sizeof(eh) };
	struct { Elf32_Ehdr eh; Elf32_Phdr ph; } f = { eh, { .p_type = PT_LOAD, .p_vaddr = 0xc0000000, .p_filesz = 84, .p_memsz = 84, .p_flags = 5 } };
	int r;

	put("text", "hello\n", 6);
	is(run(path("text"), (char *[]){ "x", NULL }), 102, "a text is no program");
	put("nothing", "", 0);
	is(run(path("nothing"), (char *[]){ "x", NULL }), 102, "an empty file is none");
	put("cut", &eh, 30);
	is(run(path("cut"), (char *[]){ "x", NULL }), 102, "a header that is cut off");
	f.eh.e_phnum = 0;
	put("nophdr", &f, sizeof(f));
	is(run(path("nophdr"), (char *[]){ "x", NULL }), 102, "no program headers");
	f.eh.e_phnum = 1;
	put("kernel", &f, sizeof(f));
	r = run(path("kernel"), (char *[]){ "x", NULL });
	ok(r == 102 || r < 0, "a segment in the kernel");
	f.ph.p_vaddr = 0x8048000;
	f.ph.p_memsz = 0xfffff000;
	put("huge", &f, sizeof(f));
	r = run(path("huge"), (char *[]){ "x", NULL });
	ok(r == 102 || r < 0, "a segment that wraps around");
	is(run(dir, (char *[]){ "x", NULL }), 105, "a folder");
	chmod(path("text"), 0644);
	is(run(path("text"), (char *[]){ "x", NULL }), 105, "not executable");
	is(run(path("missing"), (char *[]){ "x", NULL }), 104, "not there");
}

static void descriptors(void)
{
	char a[8], b[8];
	int x = open("/", O_RDONLY | O_CLOEXEC), y = open("/", O_RDONLY);

	snprintf(a, sizeof(a), "%d", x);
	snprintf(b, sizeof(b), "%d", y);
	is(run(self, (char *[]){ self, "fd", a, b, NULL }), 0, "close-on-exec descriptors are closed, others stay");
	close(x);
	close(y);
}

static void *exec_here(void *arg) { execl(self, self, "thirteen", NULL); return NULL; }
static void *forever(void *arg) { for (;;) pause(); return arg; }

static void from_thread(void *arg)
{
	pthread_t t;

	for (int i = 0; i < 3; i++)
		pthread_create(&t, NULL, forever, NULL);
	pthread_create(&t, NULL, exec_here, NULL);
	for (;;)
		pause();
}

static void exec_in_thread(void)
{
	pid_t pid = fork();
	int st;

	if (!pid)
		from_thread(NULL);
	is(waitpid(pid, &st, 0), pid, "exec in a thread that does not lead keeps the process's number");
	ok(WIFEXITED(st) && WEXITSTATUS(st) == 13, "... and the new program runs");
}

static void at_fd(void *arg)
{
	int fd = open(self, O_PATH | O_CLOEXEC);
	char *argv[] = { "x", "count", "1", NULL };

	syscall(SYS_execveat, fd, "", argv, NULL, AT_EMPTY_PATH);
	_exit(99);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return child(argc, argv);
	self[readlink("/proc/self/exe", self, sizeof(self) - 1)] = 0;
	mkdtemp(dir);
	ok(getauxval(AT_PAGESZ) == 4096 && getauxval(AT_PHDR) && getauxval(AT_RANDOM) && getauxval(AT_CLKTCK) == 100, "the aux vector");
	ok(getauxval(AT_UID) == getuid() && getauxval(AT_SECURE) == 0, "... knows the user");
	ok(getauxval(AT_EXECFN) && strstr((char *)getauxval(AT_EXECFN), "execs"), "... and the program's name");
	limits();
	scripts();
	bad_programs();
	descriptors();
	exec_in_thread();
	is(WEXITSTATUS(in_child(at_fd, NULL)), 0, "execveat by descriptor");
	char cmd[100];
	snprintf(cmd, sizeof(cmd), "rm -r %s", dir);
	system(cmd);
	return done();
}
